//! [`Events`]: the events of an [`Answer`], each made when it is requested.

use super::answer::{Answer, Call, Choice};
use super::tokenized_text::{Piece, TokenizedText};
use crate::turn::{Event, EventSource, Step, Usage};
use std::borrow::Cow;
use std::rc::Rc;

/// The events of an answer. Choices take turns, each with one step.
#[derive(Debug)]
pub struct Events {
    answer: Rc<Answer>,
    /// How far each choice is.
    cursors: Vec<Cursor>,
    /// Which choice is next.
    next: usize,
    /// A choice whose end belongs to the step before.
    ending: Option<usize>,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    InputUsage,
    Choices,
    Usage,
    End,
    Over,
}

/// How far a choice is.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    part: Part,
    /// How many tokens of the part went out.
    tokens: usize,
    /// How many tokens went out in all, without those of an echo.
    generated: usize,
    /// Whether the time to the first token has passed.
    begun: bool,
}

/// What of a choice comes next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// The beginning of the first part, without any text of it.
    #[default]
    Opening,
    Thinking,
    Signature,
    Echo,
    Content,
    Refusal,
    /// The name of a call.
    Call(usize),
    /// The input of a call.
    Input(usize),
    Finish,
    Over,
}

impl Cursor {
    fn go(&mut self, part: Part) {
        self.part = part;
        self.tokens = 0;
    }
}

/// What one step of a choice is.
enum Emit<'a> {
    Opening(Part),
    Piece(Part, &'a TokenizedText, Piece<'a>),
    Signature(&'a str),
    Call(usize, &'a Call),
    Finish,
}

impl Events {
    pub(super) fn new(answer: Rc<Answer>) -> Self {
        // Completions have no role that goes out before their text.
        let part = if answer.completes_prompts { Part::Thinking } else { Part::Opening };
        let cursors = vec![Cursor { part, ..Cursor::default() }; answer.choices.len()];
        Self { answer, cursors, next: 0, ending: None, state: State::Start }
    }

    /// The next step of a choice, or `None` where all have ended.
    fn next_of_choices(&mut self) -> Option<Step<'_>> {
        let count = self.cursors.len();
        let index = match self.ending.take() {
            Some(index) => index,
            None => {
                let order = (self.next..count).chain(0..self.next);
                let index = order.into_iter().find(|index| self.cursors[*index].part != Part::Over)?;
                self.next = (index + 1) % count;
                index
            }
        };
        let choice = &self.answer.choices[index];
        let before = self.cursors[index];
        let mut cursor = before;
        let emit = loop {
            if let Some(emit) = advance(choice, &mut cursor) {
                break emit;
            }
        };
        let more = self.answer.completes_prompts && matches!(emit, Emit::Piece(..)) && {
            let mut ahead = cursor;
            let is_last = loop {
                if let Some(emit) = advance(choice, &mut ahead) {
                    break matches!(emit, Emit::Finish);
                }
            };
            self.ending = is_last.then_some(index);
            is_last
        };
        // Its first token is waited for before anything of a choice goes out; what follows takes its own time.
        let generated = cursor.generated - before.generated;
        let (from, tokens) = match emit {
            Emit::Opening(_) => (0, 1),
            Emit::Call(..) if !before.begun => (0, 1),
            _ if before.begun && before.generated == 0 => (1, generated.saturating_sub(1)),
            _ => (before.generated, generated),
        };
        cursor.begun |= matches!(emit, Emit::Opening(_) | Emit::Call(..));
        self.cursors[index] = cursor;
        // All choices are generated at once: the first one's tokens set the pace.
        let wait = if index == 0 { self.answer.timing.wait(from, tokens) } else { None };
        let event = self.event(choice, u32::try_from(index).unwrap_or(u32::MAX), emit);
        Some(Step { wait, event, more })
    }

    fn event<'a>(&'a self, of: &'a Choice, choice: u32, emit: Emit<'a>) -> Event<'a> {
        let (part, text, logprobs) = match emit {
            Emit::Opening(part) => (part, "", self.answer.logprobs.then(Vec::new)),
            Emit::Piece(part, of, piece) => (part, piece.text, self.answer.token_logprobs(of, piece.tokens)),
            Emit::Signature(signature) => {
                return Event::ThinkingSignature { choice, signature: signature.into() };
            }
            Emit::Call(place, call) => {
                return Event::ToolCall {
                    choice,
                    index: u32::try_from(place).unwrap_or(u32::MAX),
                    id: (&*call.id).into(),
                    name: (&*call.name).into(),
                    kind: call.kind,
                };
            }
            Emit::Finish => {
                let stop_sequence = of.stop_sequence.as_deref().map(Cow::Borrowed);
                return Event::Finish { choice, reason: of.finish, stop_sequence };
            }
        };
        let text = Cow::Borrowed(text);
        match part {
            Part::Thinking => Event::Thinking { choice, text },
            Part::Refusal => Event::Refusal { choice, text, logprobs },
            Part::Input(place) => {
                let index = u32::try_from(place).unwrap_or(u32::MAX);
                Event::ToolInput { choice, index, input: text }
            }
            _ => Event::Text { choice, text, logprobs },
        }
    }
}

/// Moves a cursor on by one step, or past a part that has nothing in it.
fn advance<'a>(choice: &'a Choice, cursor: &mut Cursor) -> Option<Emit<'a>> {
    let part = cursor.part;
    let (text, next) = match part {
        Part::Opening => {
            let first = match choice {
                Choice { thinking: Some(_), .. } => Part::Thinking,
                Choice { content: Some(_), .. } => Part::Content,
                Choice { refusal: Some(_), .. } => Part::Refusal,
                _ => Part::Call(0),
            };
            cursor.go(first);
            return (first != Part::Call(0)).then_some(Emit::Opening(first));
        }
        Part::Thinking => (choice.thinking.as_ref().map(|thinking| &thinking.text), Part::Signature),
        Part::Signature => {
            cursor.go(Part::Echo);
            return choice.thinking.as_ref().map(|thinking| Emit::Signature(&thinking.signature));
        }
        Part::Echo => (choice.echo.as_deref(), Part::Content),
        Part::Content => (choice.content.as_ref(), Part::Refusal),
        Part::Refusal => (choice.refusal.as_ref(), Part::Call(0)),
        Part::Call(place) => {
            let call = choice.calls.get(place);
            cursor.go(if call.is_some() { Part::Input(place) } else { Part::Finish });
            return call.map(|call| Emit::Call(place, call));
        }
        Part::Input(place) => (choice.calls.get(place).map(|call| &call.input), Part::Call(place + 1)),
        Part::Finish | Part::Over => {
            cursor.go(Part::Over);
            return Some(Emit::Finish);
        }
    };
    let Some((text, piece)) = text.and_then(|text| Some((text, text.piece(cursor.tokens)?))) else {
        cursor.go(next);
        return None;
    };
    if part != Part::Echo {
        cursor.generated += piece.tokens.len();
    }
    cursor.tokens = piece.tokens.end;
    Some(Emit::Piece(part, text, piece))
}

impl EventSource for Events {
    fn next(&mut self) -> Option<Step<'_>> {
        loop {
            let (state, event) = match self.state {
                State::Start => (State::InputUsage, Event::Start { id: None, model: None }),
                State::InputUsage => {
                    let Usage { input, input_audio, .. } = self.answer.usage;
                    let known = Usage { input, input_audio, ..Usage::default() };
                    (State::Choices, Event::Usage(known))
                }
                State::Choices => {
                    let all_ended =
                        self.ending.is_none() && self.cursors.iter().all(|c| c.part == Part::Over);
                    if !all_ended {
                        return self.next_of_choices();
                    }
                    self.state = State::Usage;
                    continue;
                }
                State::Usage => (State::End, Event::Usage(self.answer.usage)),
                State::End => (State::Over, Event::End),
                State::Over => return None,
            };
            self.state = state;
            return Some(Step::now(event));
        }
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
