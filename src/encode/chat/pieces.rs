//! A whole answer of the engine, written in pieces: its log probabilities with 20 alternatives a token take a hundred times
//! the text.

use super::Head;
use crate::encode::{json_text_in_pieces, push_up_to_list, tokens};
use crate::engine;
use crate::http::Response;
use crate::json::{Write, to_string};
use crate::turn::Block;
use std::rc::Rc;

/// How many tokens are written at a time.
const TOKENS: usize = 64;

enum Next {
    /// Everything up to the choices.
    Start,
    /// A choice, or what follows after the last one.
    Choice(usize),
    /// The log probabilities of a choice from a token on, and what of the choice follows after them.
    Tokens(usize, usize, String),
    /// Nothing.
    Nothing,
}

/// A whole answer as JSON, in pieces where it is long.
pub fn in_pieces<B>(head: Head, answer: Rc<engine::Answer>) -> Response<B> {
    let mut next = Next::Start;
    let mut end = String::new();
    json_text_in_pieces(move |out| {
        next = match std::mem::replace(&mut next, Next::Nothing) {
            Next::Start => {
                let json = to_string(&head.completion(Vec::new(), answer.usage()));
                end = push_up_to_list(&json, "\"choices\":[", out);
                Next::Choice(0)
            }
            Next::Choice(index) => {
                let Some(choice) = answer.outline(index) else {
                    out.push_str(&end);
                    return true;
                };
                out.push_str(if index > 0 { "," } else { "" });
                let json = to_string(&head.choice(&choice, u32::try_from(index).unwrap_or(u32::MAX)));
                let is_text = choice.blocks.iter().any(|block| matches!(block, Block::Text { .. }));
                let list = if is_text { "\"content\":[" } else { "\"refusal\":[" };
                Next::Tokens(index, 0, push_up_to_list(&json, list, out))
            }
            Next::Tokens(index, from, rest) => match answer.logprobs_of(index, 0, from..from + TOKENS) {
                Some(some) if !rest.is_empty() => {
                    for (i, entry) in tokens::logprobs(&some).into_iter().enumerate() {
                        out.push_str(if from + i > 0 { "," } else { "" });
                        entry.write(out);
                    }
                    Next::Tokens(index, from + TOKENS, rest)
                }
                _ => {
                    out.push_str(&rest);
                    Next::Choice(index + 1)
                }
            },
            Next::Nothing => return false,
        };
        true
    })
}
