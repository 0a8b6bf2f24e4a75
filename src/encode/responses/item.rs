//! Output items as JSON.

use super::draft::{Draft, Gap, Pieces};
use crate::json::{Nesting, Write, push_string};
use crate::turn::{TokenLogprob, ToolKind};
use std::rc::Rc;

/// The item that is being written.
#[derive(Debug)]
pub(super) struct Item {
    /// With the prefix of its type.
    pub(super) id: String,
    /// What it has besides its id.
    pub(super) kind: ItemKind,
}

#[derive(Debug)]
pub(super) enum ItemKind {
    Message {
        parts: Vec<MessagePart>,
        /// `final_answer`, of models that have phases.
        phase: Option<&'static str>,
    },
    Reasoning {
        summary: Rc<Pieces>,
        encrypted: Option<Rc<Pieces>>,
    },
    Call {
        call_id: String,
        name: String,
        input: Rc<Pieces>,
        nesting: Nesting,
        kind: ToolKind,
    },
}

#[derive(Debug)]
pub(super) struct MessagePart {
    pub(super) is_refusal: bool,
    pub(super) text: Rc<Pieces>,
    /// The tokens of the text: those that came with it, as JSON objects separated by commas, or for a text of the engine
    /// its own.
    pub(super) tokens: Option<Gap>,
}

/// How far an item has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It was added, and is shown empty.
    Added,
    /// It is complete.
    Completed,
    /// It was cut.
    Incomplete,
}

impl Item {
    /// The item as JSON.
    pub(super) fn json(&self, progress: Progress) -> Draft {
        let status = match progress {
            Progress::Added => "in_progress",
            Progress::Completed => "completed",
            Progress::Incomplete => "incomplete",
        };
        let empty = progress == Progress::Added;
        let mut draft = Draft::whole("{".to_owned());
        draft.push_member("\"id\":", &self.id);
        match &self.kind {
            ItemKind::Message { parts, phase } => {
                let shown = if empty { &[][..] } else { &parts[..] };
                draft.push_member("\"type\":", &"message");
                draft.push_member("\"status\":", &status);
                draft.push_str(",\"content\":[");
                for (i, part) in shown.iter().enumerate() {
                    draft.push_str(if i > 0 { "," } else { "" });
                    draft.push(&part.json());
                }
                draft.push_str("]");
                if let Some(phase) = phase {
                    draft.push_member("\"phase\":", phase);
                }
                draft.push_member("\"role\":", &"assistant");
            }
            ItemKind::Reasoning { summary, encrypted } => {
                draft.push_member("\"type\":", &"reasoning");
                // The text of the reasoning itself, which the live API keeps to itself.
                draft.push_str(",\"content\":[]");
                // Where it is requested the member is there from the beginning; its value comes at the end.
                if let Some(encrypted) = encrypted {
                    draft.push_text("\"encrypted_content\":", encrypted);
                }
                draft.push_str(",\"summary\":[");
                if !empty && !summary.is_empty() {
                    draft.push(&summary_part(summary));
                }
                draft.push_str("]");
            }
            ItemKind::Call { call_id, name, input, kind, .. } => {
                let input = if empty { &Rc::default() } else { input };
                let (kind, key) = match kind {
                    ToolKind::Function => ("function_call", "\"arguments\":"),
                    ToolKind::Custom => ("custom_tool_call", "\"input\":"),
                };
                draft.push_member("\"type\":", &kind);
                draft.push_member("\"status\":", &status);
                if kind == "function_call" {
                    draft.push_text(key, input);
                }
                draft.push_member("\"call_id\":", call_id);
                if kind != "function_call" {
                    draft.push_text(key, input);
                }
                draft.push_member("\"name\":", name);
            }
        }
        draft.push_str("}");
        draft
    }
}

/// A part of a reasoning item's summary.
pub(super) fn summary_part(text: &Rc<Pieces>) -> Draft {
    let mut draft = Draft::whole(r#"{"type":"summary_text""#.to_owned());
    draft.push_text("\"text\":", text);
    draft.push_str("}");
    draft
}

impl MessagePart {
    /// Adds tokens that came with the text.
    pub(super) fn push_logprobs(&mut self, tokens: &[TokenLogprob<'_>]) {
        if tokens.is_empty() {
            return;
        }
        let list = self.tokens.get_or_insert_with(|| Gap::Pieces(Rc::default()));
        let Gap::Pieces(list) = list else { return };
        let list = Rc::make_mut(list);
        for some in tokens.chunks(64) {
            let mut json = String::new();
            push_logprobs(some, list.is_empty(), &mut json);
            list.push_json(&json);
        }
    }

    /// The part as JSON.
    pub(super) fn json(&self) -> Draft {
        let mut draft = Draft::default();
        if self.is_refusal {
            draft.push_str(r#"{"type":"refusal""#);
            draft.push_text("\"refusal\":", &self.text);
        } else {
            draft.push_str(r#"{"type":"output_text","annotations":[],"logprobs":"#);
            draft.push_tokens(self.tokens.as_ref());
            draft.push_text("\"text\":", &self.text);
        }
        draft.push_str("}");
        draft
    }
}

/// A token in the place of another, and its log probability.
type Alternative<'a> = (std::borrow::Cow<'a, [u8]>, f32);

/// Appends tokens as JSON objects, separated by commas; where they are not the first of a list, after a comma.
pub(super) fn push_logprobs(tokens: &[TokenLogprob<'_>], are_first: bool, out: &mut String) {
    fn likely(bytes: &[u8], logprob: f32, top: Option<&[Alternative<'_>]>, out: &mut String) {
        let token = String::from_utf8_lossy(bytes);
        out.push_str(r#"{"token":"#);
        push_string(&token, out);
        out.push_str(r#","bytes":"#);
        bytes.write(out);
        out.push_str(r#","logprob":"#);
        logprob.write(out);
        if let Some(top) = top {
            out.push_str(r#","top_logprobs":["#);
            for (i, (bytes, logprob)) in top.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                likely(bytes, *logprob, None, out);
            }
            out.push(']');
        }
        out.push('}');
    }
    for (i, token) in tokens.iter().enumerate() {
        out.push_str(if i > 0 || !are_first { "," } else { "" });
        likely(&token.bytes, token.logprob, Some(&token.top), out);
    }
}
