//! The chunks of a streamed chat completion, one after the other.

use super::{Answer, StreamOptions, called, kind};
use crate::api::answer::{ChatChunk, ChatChunkChoice, Delta, FunctionCall, Logprobs, ToolCall, Usage};
use crate::encode::{self, sse, to_vec};
use crate::engine::{Choice, FINGERPRINT, Piece, TokenizedText};
use crate::http::StreamStep;

/// The frames of a stream: chunks, and pauses between them.
pub(super) struct Events {
    answer: Answer,
    options: StreamOptions,
    /// Where each choice is.
    cursors: Vec<Cursor>,
    /// Whose turn it is.
    turn: usize,
    /// A chunk that waits for its pause to be over.
    held: Option<Vec<u8>>,
    state: State,
}

enum State {
    /// Chunks of choices follow.
    Choices,
    /// All choices ended: the totals follow, if they are wanted, and `[DONE]`.
    Totals,
    /// `[DONE]` went out; nothing follows.
    Done,
}

/// How far a choice has been told.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    part: Part,
    /// How many tokens of the part were told.
    tokens: usize,
    /// How many tokens were told in all.
    said: usize,
}

/// What of a choice comes next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// The role.
    #[default]
    Role,
    /// The text.
    Content,
    /// The refusal.
    Refusal,
    /// The name of a call.
    Call(usize),
    /// The input of a call.
    Input(usize),
    /// The finish reason.
    End,
    /// Nothing.
    Over,
}

impl Cursor {
    /// Begins another part.
    fn go(&mut self, part: Part) {
        self.part = part;
        self.tokens = 0;
    }
}

impl Events {
    pub(super) fn new(answer: Answer, options: StreamOptions) -> Self {
        let cursors = vec![Cursor::default(); answer.said.choices.len()];
        Self { answer, options, cursors, turn: 0, held: None, state: State::Choices }
    }

    /// The next chunk and how many tokens it tells, or `None` when all choices have ended.
    ///
    /// Choices take turns, each with one chunk.
    fn next_chunk(&mut self) -> Option<(Vec<u8>, Cursor, usize)> {
        let count = self.cursors.len();
        let index = (self.turn..self.turn + count)
            .map(|turn| turn % count)
            .find(|index| self.cursors[*index].part != Part::Over)?;
        self.turn = (index + 1) % count;
        let choice = &self.answer.said.choices[index];
        let before = self.cursors[index];
        let mut cursor = before;
        let chunk = loop {
            if let Some(step) = step(choice, &mut cursor) {
                break self.chunk(index, &step);
            }
        };
        let told = cursor.said - before.said;
        self.cursors[index] = cursor;
        Some((chunk, before, told))
    }

    fn chunk(&self, index: usize, step: &Step<'_>) -> Vec<u8> {
        let answer = &self.answer;
        let (mut content, mut refusal) = (None, None);
        let (delta, finish_reason) = match step {
            Step::Role { content: text, .. } => {
                content = text.then(Vec::new);
                refusal = (!text).then(Vec::new);
                (Delta::First { role: "assistant", content: text.then_some(""), refusal: None }, None)
            }
            Step::Content(speech, piece) => {
                content = answer.logprobs.then(|| answer.likely(speech, piece.tokens.clone()));
                (Delta::Content { content: piece.text }, None)
            }
            Step::Refusal(speech, piece) => {
                refusal = answer.logprobs.then(|| answer.likely(speech, piece.tokens.clone()));
                (Delta::Refusal { refusal: piece.text }, None)
            }
            Step::Call(choice, place) | Step::Input(choice, place, _) => {
                (call(choice, *place, if let Step::Input(.., text) = step { Some(text) } else { None }), None)
            }
            Step::End(reason) => (Delta::Last {}, Some(*reason)),
        };
        let logprobs = (answer.logprobs && (content.is_some() || refusal.is_some()))
            .then_some(Logprobs { content, refusal });
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let piece = ChatChunkChoice { index, delta, logprobs, finish_reason };
        self.event(&[piece], self.options.include_usage.then_some(None))
    }

    fn event(&self, choices: &[ChatChunkChoice<'_>], usage: Option<Option<Usage>>) -> Vec<u8> {
        let answer = &self.answer;
        let mut chunk = ChatChunk {
            id: &answer.id,
            object: "chat.completion.chunk",
            created: answer.created,
            model: &answer.model,
            service_tier: answer.service_tier,
            system_fingerprint: FINGERPRINT,
            choices,
            usage,
            obfuscation: None,
        };
        let mut json = to_vec(&chunk);
        if self.options.include_obfuscation {
            // Up to the next multiple of 64 with the member's own 17 bytes, so that lengths tell little.
            const LETTERS: &str = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0fG9hJ1kL3nP5rS7tV9xY2zA4cD6eF8gH0jK";
            let room = 64 - (json.len() + 17) % 64;
            chunk.obfuscation = Some(&LETTERS[..room]);
            json = to_vec(&chunk);
        }
        let mut out = Vec::with_capacity(json.len() + 8);
        sse::push_event(&mut out, &json);
        out
    }
}

/// What one chunk tells.
enum Step<'a> {
    /// That the choice begins, and whether with a text.
    Role {
        content: bool,
    },
    Content(&'a TokenizedText, Piece<'a>),
    Refusal(&'a TokenizedText, Piece<'a>),
    Call(&'a Choice, usize),
    Input(&'a Choice, usize, &'a str),
    End(&'static str),
}

/// Moves a cursor on by one chunk, or by a part that has nothing to tell.
fn step<'a>(choice: &'a Choice, cursor: &mut Cursor) -> Option<Step<'a>> {
    let speech = match cursor.part {
        Part::Role => {
            cursor.go(Part::Content);
            return Some(Step::Role { content: choice.content.is_some() });
        }
        Part::Content => choice.content.as_ref(),
        Part::Refusal => choice.refusal.as_ref(),
        Part::Call(place) if place < choice.calls.len() => {
            cursor.go(Part::Input(place));
            return Some(Step::Call(choice, place));
        }
        Part::Call(_) => {
            cursor.go(Part::End);
            return None;
        }
        Part::Input(place) => choice.calls.get(place).map(|call| &call.input),
        Part::End | Part::Over => {
            cursor.go(Part::Over);
            return Some(Step::End(choice.finish_reason()));
        }
    };
    let Some((speech, piece)) = speech.and_then(|speech| Some((speech, speech.piece(cursor.tokens)?))) else {
        let next = match cursor.part {
            Part::Content => Part::Refusal,
            Part::Input(place) => Part::Call(place + 1),
            _ => Part::Call(0),
        };
        cursor.go(next);
        return None;
    };
    cursor.said += piece.tokens.len();
    cursor.tokens = piece.tokens.end;
    Some(match cursor.part {
        Part::Content => Step::Content(speech, piece),
        Part::Refusal => Step::Refusal(speech, piece),
        Part::Input(place) => Step::Input(choice, place, piece.text),
        _ => return None,
    })
}

/// A call that begins, or a piece of its input.
fn call<'a>(choice: &'a Choice, place: usize, input: Option<&'a str>) -> Delta<'a> {
    let call = &choice.calls[place];
    let begins = input.is_none();
    if choice.legacy {
        let name = begins.then_some(&*call.name);
        return Delta::FunctionCall {
            function_call: FunctionCall { name, arguments: input.unwrap_or_default() },
        };
    }
    let tool_call = ToolCall {
        index: Some(u32::try_from(place).unwrap_or(u32::MAX)),
        id: begins.then_some(&*call.id),
        kind: begins.then(|| kind(call)),
        called: called(call, begins, input.unwrap_or_default()),
    };
    Delta::ToolCalls { tool_calls: [tool_call] }
}

impl Iterator for Events {
    type Item = StreamStep;

    fn next(&mut self) -> Option<StreamStep> {
        if let Some(chunk) = self.held.take() {
            return Some(StreamStep::Data(chunk));
        }
        if let State::Choices = self.state {
            match self.next_chunk() {
                Some((chunk, before, told)) => {
                    // All choices are said at once: the first one's tokens set the pace. Its first token is
                    // waited for before the role goes out, as the live API sends both together.
                    let (said, more) = match before.part {
                        Part::Role => (0, 1),
                        _ if before.said == 0 => (1, told.saturating_sub(1)),
                        _ => (before.said, told),
                    };
                    let first = self.turn == 1 % self.cursors.len().max(1);
                    match self.answer.said.pace.wait(said, more).filter(|_| first) {
                        Some(pause) => {
                            self.held = Some(chunk);
                            return Some(StreamStep::Pause(pause));
                        }
                        None => return Some(StreamStep::Data(chunk)),
                    }
                }
                None => self.state = State::Totals,
            }
        }
        match self.state {
            State::Totals => {
                self.state = State::Done;
                let mut last = match self.options.include_usage {
                    true => self.event(&[], Some(Some(encode::usage(self.answer.said.counts)))),
                    false => Vec::new(),
                };
                last.extend_from_slice(sse::DONE);
                Some(StreamStep::Data(last))
            }
            State::Choices | State::Done => None,
        }
    }
}
