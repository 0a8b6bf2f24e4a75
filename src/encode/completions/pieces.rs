//! A whole answer of the engine with log probabilities, written in pieces: they make a hundred times the text. The API has
//! them in four lists that run side by side, so the tokens of a choice are gone over four times.

use super::{Head, Place, completed, likeliest, name};
use crate::encode::{around_list, json_text_in_pieces, push_up_to_list};
use crate::engine;
use crate::http::Response;
use crate::json::{Write, to_string};
use crate::turn::{Block, TokenLogprob};
use std::rc::Rc;

/// How many tokens are written at a time.
const TOKENS: usize = 64;

/// The lists, in their order.
#[derive(Clone, Copy)]
enum List {
    Tokens,
    Logprobs,
    Likeliest,
    Offsets,
}

impl List {
    const ALL: [Self; 4] = [Self::Tokens, Self::Logprobs, Self::Likeliest, Self::Offsets];

    fn member(self) -> &'static str {
        match self {
            Self::Tokens => "\"tokens\":[",
            Self::Logprobs => "\"token_logprobs\":[",
            Self::Likeliest => "\"top_logprobs\":[",
            Self::Offsets => "\"text_offset\":[",
        }
    }

    /// Writes the entry of a token.
    fn write(self, token: &TokenLogprob<'_>, at: &mut At, out: &mut String) {
        let is_known = !std::mem::take(&mut at.place.is_first_of_prompt);
        match self {
            Self::Tokens => name(&token.bytes).write(out),
            Self::Logprobs => is_known.then_some(token.logprob).write(out),
            Self::Likeliest => is_known.then(|| likeliest(token)).write(out),
            Self::Offsets => {
                (at.place.characters + at.complete).write(out);
                at.complete += completed(&mut at.pending, &token.bytes);
            }
        }
    }
}

/// A choice whose lists are being written.
struct Choice {
    index: usize,
    /// How many characters each of its texts has.
    texts: Vec<usize>,
    /// What follows after each list that is not complete, the last first.
    rest: Vec<String>,
}

/// How far the tokens of a list are written.
#[derive(Default)]
struct At {
    text: usize,
    token: usize,
    /// Where the text begins.
    place: Place,
    /// How many characters of the text precede, and the bytes of one that is not complete.
    complete: usize,
    pending: Vec<u8>,
    is_first: bool,
}

enum Next {
    /// Everything up to the choices.
    Start,
    /// A choice, or what follows after the last one.
    Choice(usize),
    /// A list of a choice from a token on.
    List(Choice, At),
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
                let json = to_string(&head.object(&[], Some(Some(answer.usage()))));
                end = push_up_to_list(&json, "\"choices\":[", out);
                Next::Choice(0)
            }
            Next::Choice(index) => {
                let Some(choice) = answer.outline(index) else {
                    out.push_str(&end);
                    return true;
                };
                out.push_str(if index > 0 { "," } else { "" });
                let characters = |block: &Block<'_>| match block {
                    Block::Text { text, .. } => Some(text.chars().count()),
                    _ => None,
                };
                let texts = choice.blocks.iter().filter_map(characters).collect();
                let mut json = to_string(&head.choice(&choice, index, answer.choices()));
                let mut rest = Vec::with_capacity(List::ALL.len());
                for list in List::ALL.into_iter().rev() {
                    let (start, after) = around_list(&json, list.member());
                    rest.push(after.to_owned());
                    json.truncate(start.len());
                }
                out.push_str(&json);
                Next::List(Choice { index, texts, rest }, head.start(index, answer.choices()))
            }
            Next::List(mut choice, mut at) => {
                let Some(list) = List::ALL.get(List::ALL.len() - choice.rest.len()) else {
                    next = Next::Choice(choice.index + 1);
                    return true;
                };
                let tokens = answer.logprobs_of(choice.index, at.text, at.token..at.token + TOKENS);
                match (tokens, choice.texts.get(at.text)) {
                    (Some(tokens), _) => {
                        for token in &tokens {
                            out.push_str(if std::mem::take(&mut at.is_first) { "" } else { "," });
                            list.write(token, &mut at, out);
                        }
                        at.token += tokens.len();
                    }
                    (None, Some(characters)) => {
                        at.place.characters += characters;
                        let At { text, place, is_first, .. } = at;
                        at = At { text: text + 1, place, is_first, ..At::default() };
                    }
                    (None, None) => {
                        out.push_str(&choice.rest.pop().unwrap_or_default());
                        at = head.start(choice.index, answer.choices());
                    }
                }
                Next::List(choice, at)
            }
            Next::Nothing => return false,
        };
        true
    })
}

impl Head {
    /// Where the lists of a choice begin, of so many choices.
    fn start(&self, index: usize, count: usize) -> At {
        At { place: self.place(index, count), is_first: true, ..At::default() }
    }
}
