//! [`Draft`]: JSON with gaps for what is long, which is written later and in parts.
//!
//! With 20 alternatives a token, the tokens of an answer take a hundred times its text, and four events of a stream
//! repeat them; three repeat the request's tools. Neither the lists nor the events with them are held in memory at once.

use super::item::push_logprobs;
use crate::engine;
use crate::json::{Write, push_escaped, push_key};
use std::collections::VecDeque;
use std::rc::Rc;

/// How many tokens are written at a time.
const TOKENS: usize = 64;

/// How many bytes of a long list are written at a time, about.
const PART: usize = 16 * 1024;

/// From how many bytes on a text is shared rather than copied.
const SHARED: usize = 16 * 1024;

/// JSON in pieces, so that it grows without being copied.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    full: Vec<String>,
    last: String,
}

impl Pieces {
    /// Appends the inside of a JSON string.
    pub(super) fn push_escaped(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.floor_char_boundary(PART));
            push_escaped(now, self.room(now.len()));
            rest = later;
        }
    }

    /// Appends JSON.
    pub(super) fn push_json(&mut self, json: &str) {
        self.room(json.len()).push_str(json);
    }

    /// The piece that takes so many bytes more. The first one grows with its text: most texts are short.
    fn room(&mut self, bytes: usize) -> &mut String {
        if !self.last.is_empty() && self.last.len() + bytes > PART {
            self.full.push(std::mem::replace(&mut self.last, String::with_capacity(PART)));
        }
        &mut self.last
    }

    /// The piece at an index.
    fn get(&self, index: usize) -> Option<&String> {
        self.full.get(index).or_else(|| (index == self.full.len()).then_some(&self.last))
    }

    /// Whether nothing was appended.
    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.last.is_empty()
    }
}

/// What belongs in a gap.
#[derive(Debug, Clone)]
pub(super) enum Gap {
    /// JSON that several drafts share.
    Shared(Rc<String>),
    /// The same in pieces. Those of a list are objects separated by commas.
    Pieces(Rc<Pieces>),
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

    /// A string, of which this is the inside.
    pub(super) fn of_text(text: &Rc<Pieces>) -> Self {
        let mut draft = Self::default();
        draft.push_string(text);
        draft
    }

    /// Appends a member that is a string, of which this is the inside; `key` is its name in quotes, with the colon.
    pub(super) fn push_text(&mut self, key: &str, text: &Rc<Pieces>) {
        push_key(&mut self.json, key);
        self.push_string(text);
    }

    fn push_string(&mut self, text: &Rc<Pieces>) {
        self.json.push('"');
        match text.full.is_empty() && text.last.len() < SHARED {
            true => self.json.push_str(&text.last),
            false => self.gaps.push((self.json.len(), Gap::Pieces(text.clone()))),
        }
        self.json.push('"');
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
    /// What belongs in a gap, from an offset on: of bytes for JSON, of pieces, of tokens for those generated.
    Gap(Gap, usize),
}

impl Unwritten {
    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
                // As the framing of events does, which a gap is not part of.
                out.extend(part.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
                *written += part.len();
                !part.is_empty()
            }
            Self::Pieces(pieces) => {
                let piece = pieces.get(*written);
                out.extend_from_slice(piece.map(String::as_bytes).unwrap_or_default());
                *written += 1;
                piece.is_some()
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
    fn a_line_break_in_what_is_shared_does_not_end_the_line_of_an_event() {
        let tools = format!("[\r\n{}]", " ".repeat(SHARED));
        let mut draft = Draft::whole(r#"{"tools":"#.to_owned());
        draft.push_shared(&Rc::new(tools.clone()));
        draft.push_str("}");
        let mut unwritten = Unwritten::default();
        unwritten.push_draft(&draft, |json, out| crate::encode::sse::push_named_event(out, "x", json));
        let mut out = Vec::new();
        while unwritten.write(&mut out) {}
        let want = format!("event: x\ndata: {{\"tools\":{}}}\n\n", tools.replace(['\r', '\n'], " "));
        assert!(out == want.as_bytes());
    }

    #[test]
    fn a_long_text_is_written_in_pieces() {
        let text = "a line\n\u{1f600} and \"more\", ".repeat(4_000);
        let mut pieces = Pieces::default();
        text.split_inclusive(' ').for_each(|part| pieces.push_escaped(part));
        assert!(pieces.full.len() > 4 && pieces.full.iter().all(|piece| piece.len() < 2 * PART));
        let mut unwritten = Unwritten::default();
        unwritten.push_draft(&Draft::of_text(&Rc::new(pieces)), |json, out| out.extend_from_slice(json));
        let mut out = Vec::new();
        while unwritten.write(&mut out) {}
        assert_eq!(serde_json::from_slice::<String>(&out).expect("JSON"), text);
    }

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
