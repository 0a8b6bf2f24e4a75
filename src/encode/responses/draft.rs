//! [`Draft`]: JSON with gaps for what is long, which is written later and in parts.
//!
//! With 20 alternatives a token, the tokens of an answer take a hundred times its text, and four events of a stream
//! repeat them; three repeat the request's tools. Neither the lists nor the events with them are held in memory at once.

use super::item::push_logprobs;
use crate::engine;
use crate::json::{Write, push_key};
use std::collections::VecDeque;
use std::rc::Rc;

/// How many tokens are written at a time.
const TOKENS: usize = 64;

/// How many bytes of a long list are written at a time, about.
const PART: usize = 16 * 1024;

/// From how many bytes on a text is shared rather than copied.
const SHARED: usize = 16 * 1024;

/// What belongs in a gap.
#[derive(Debug, Clone)]
pub(super) enum Gap {
    /// JSON that several drafts share.
    Shared(Rc<String>),
    /// The tokens of the text that the engine generated, as JSON objects separated by commas.
    Generated(Rc<engine::Answer>),
}

/// JSON with gaps.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    json: String,
    /// The offset of each gap in `json`, in ascending order, and what belongs there.
    gaps: Vec<(usize, Gap)>,
}

impl Draft {
    /// JSON without gaps.
    pub(super) fn whole(json: String) -> Self {
        Self { json, gaps: Vec::new() }
    }

    /// Appends text.
    pub(super) fn push_str(&mut self, text: &str) {
        self.json.push_str(text);
    }

    /// Appends a member of the object that is being written; `key` is its name in quotes, with the colon.
    pub(super) fn push_member(&mut self, key: &str, value: &dyn Write) {
        push_key(&mut self.json, key);
        value.write(&mut self.json);
    }

    /// Appends another draft.
    pub(super) fn push(&mut self, other: &Self) {
        let start = self.json.len();
        self.json.push_str(&other.json);
        self.gaps.extend(other.gaps.iter().map(|(offset, gap)| (start + offset, gap.clone())));
    }

    /// Appends a list of tokens.
    pub(super) fn push_tokens(&mut self, tokens: Option<&Gap>) {
        self.json.push('[');
        self.gaps.extend(tokens.map(|tokens| (self.json.len(), tokens.clone())));
        self.json.push(']');
    }

    /// Appends text that other drafts have too.
    pub(super) fn push_shared(&mut self, text: &Rc<String>) {
        if text.len() < SHARED {
            self.json.push_str(text);
        } else {
            self.gaps.push((self.json.len(), Gap::Shared(text.clone())));
        }
    }

    /// The text, where there are no gaps.
    pub(super) fn without_gaps(&self) -> Option<&str> {
        self.gaps.is_empty().then_some(&*self.json)
    }
}

/// What is still to be written: bytes, and what belongs in gaps.
#[derive(Debug, Default)]
pub(super) struct Unwritten(VecDeque<Part>);

#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// What belongs in a gap, from an offset on: of bytes for JSON, of tokens for those generated.
    Gap(Gap, usize),
}

impl Unwritten {
    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Leaves all of it unwritten.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds bytes.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        match self.0.back_mut() {
            Some(Part::Bytes(before)) => before.extend_from_slice(bytes),
            _ => self.0.push_back(Part::Bytes(bytes.to_owned())),
        }
    }

    /// Adds a draft as `frame` makes it a part of the format: `frame` may add bytes before and after, and may replace
    /// bytes by as many others.
    pub(super) fn push_draft(&mut self, draft: &Draft, frame: impl FnOnce(&[u8], &mut Vec<u8>)) {
        let mut framed = Vec::new();
        frame(draft.json.as_bytes(), &mut framed);
        // The end of a frame is the two line breaks of an event, or nothing.
        let after = framed.len() - framed.trim_ascii_end().len();
        let before = framed.len() - after - draft.json.len();
        let mut written = 0;
        for (offset, gap) in &draft.gaps {
            self.push_bytes(framed.get(written..before + offset).unwrap_or_default());
            written = before + offset;
            self.0.push_back(Part::Gap(gap.clone(), 0));
        }
        self.push_bytes(framed.get(written..).unwrap_or_default());
    }

    /// Appends the next part; false where nothing is left.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.0.is_empty();
        let end = out.len() + PART;
        while out.len() < end {
            match self.0.front_mut() {
                None => break,
                Some(Part::Bytes(bytes)) => out.append(bytes),
                Some(Part::Gap(gap, written)) => {
                    if gap.write(written, out) {
                        continue;
                    }
                }
            }
            self.0.pop_front();
        }
        any
    }
}

impl Gap {
    /// Appends the next part and moves `written` on; false where nothing is left.
    fn write(&self, written: &mut usize, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Shared(json) => {
                let rest = json.as_bytes().get(*written..).unwrap_or_default();
                let part = rest.get(..PART).unwrap_or(rest);
                out.extend_from_slice(part);
                *written += part.len();
                !part.is_empty()
            }
            Self::Generated(answer) => {
                let Some(tokens) = answer.logprobs_of(0, 0, *written..*written + TOKENS) else {
                    return false;
                };
                let mut json = String::new();
                push_logprobs(&tokens, *written == 0, &mut json);
                out.extend_from_slice(json.as_bytes());
                *written += tokens.len();
                !tokens.is_empty()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_where_they_are_and_nowhere_else() {
        let tokens = Gap::Shared(Rc::new(r#"{"token":"\"logprobs\":["}"#.to_owned()));
        let mut part = Draft::default();
        part.push_str(r#"{"echo":"\"logprobs\":[]","logprobs":"#);
        part.push_tokens(Some(&tokens));
        part.push_str(r#","empty":"#);
        part.push_tokens(None);
        part.push_str("}");
        let mut whole = Draft::whole("[1,".to_owned());
        whole.push(&part);
        whole.push_str(",");
        whole.push(&part);
        whole.push_str("]");
        let mut unwritten = Unwritten::default();
        unwritten.push_bytes(b"before\n\n");
        unwritten.push_draft(&whole, |json, out| crate::encode::sse::push_named_event(out, "x", json));
        unwritten.push_bytes(b"after\n\n");
        let mut out = Vec::new();
        while unwritten.write(&mut out) {}
        let filled = r#"{"echo":"\"logprobs\":[]","logprobs":[{"token":"\"logprobs\":["}],"empty":[]}"#;
        let want = format!("before\n\nevent: x\ndata: [1,{filled},{filled}]\n\nafter\n\n");
        assert_eq!(String::from_utf8(out), Ok(want));
    }
}
