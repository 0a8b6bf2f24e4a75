//! Output items as JSON.

use super::draft::{Draft, Gap};
use crate::json::{Write, push_string, writes};
use crate::turn::{TokenLogprob, ToolKind};

/// The text of the reasoning itself, which the live API keeps to itself.
const NO_CONTENT: [(); 0] = [];

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
        summary: String,
        encrypted: Option<String>,
    },
    Call {
        call_id: String,
        name: String,
        input: String,
        kind: ToolKind,
    },
}

#[derive(Debug)]
pub(super) struct MessagePart {
    pub(super) is_refusal: bool,
    pub(super) text: String,
    /// The tokens that came with the text, as JSON objects separated by commas. Empty for a text of the engine.
    pub(super) logprobs: String,
    /// The tokens of the text, once it is complete.
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
        let mut out = String::new();
        match &self.kind {
            ItemKind::Message { parts, phase } => {
                let shown = if empty { &[][..] } else { &parts[..] };
                let mut draft = Draft::whole("{".to_owned());
                draft.push_member("\"id\":", &self.id);
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
                draft.push_str("}");
                return draft;
            }
            ItemKind::Reasoning { summary, encrypted } => {
                let summary: Vec<SummaryPart<'_>> = match empty || summary.is_empty() {
                    true => Vec::new(),
                    false => vec![SummaryPart(summary)],
                };
                // Where it is requested the member is there from the beginning; its value comes at the end.
                let encrypted = encrypted.as_deref();
                writes!(
                    &mut out; "id" = self.id, "type" = "reasoning", "content" = NO_CONTENT,
                    "encrypted_content" ? encrypted, "summary" = summary,
                );
            }
            ItemKind::Call { call_id, name, input, kind } => {
                let input = if empty { "" } else { input };
                match kind {
                    ToolKind::Function => writes!(
                        &mut out; "id" = self.id, "type" = "function_call", "status" = status, "arguments" = input,
                        "call_id" = call_id, "name" = name,
                    ),
                    ToolKind::Custom => writes!(
                        &mut out; "id" = self.id, "type" = "custom_tool_call", "status" = status,
                        "call_id" = call_id, "input" = input, "name" = name,
                    ),
                }
            }
        }
        Draft::whole(out)
    }
}

/// A part of a reasoning item's summary.
pub(super) struct SummaryPart<'a>(pub(super) &'a str);

impl Write for SummaryPart<'_> {
    fn write(&self, out: &mut String) {
        writes!(out; "type" = "summary_text", "text" = self.0);
    }
}

impl MessagePart {
    /// The part as JSON.
    pub(super) fn json(&self) -> Draft {
        let mut out = String::new();
        if self.is_refusal {
            writes!(&mut out; "type" = "refusal", "refusal" = self.text);
            return Draft::whole(out);
        }
        out.push_str(r#"{"type":"output_text","annotations":[],"logprobs":"#);
        let mut draft = Draft::whole(out);
        draft.push_tokens(self.tokens.as_ref());
        let mut rest = String::from(r#","text":"#);
        push_string(&self.text, &mut rest);
        rest.push('}');
        draft.push_str(&rest);
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
