//! A text completion, whole or as a stream.

use super::tokens::{Bytes, written};
use super::{sse, to_vec};
use crate::api::answer::{ByToken, TextChoice, TextCompletion, TextLogprobs, Usage};
use crate::engine::{self, Choice, TokenizedText};
use crate::http::{Body, Response, StreamStep};
use crate::tokens::Encoding;
use std::borrow::Cow;
use std::ops::Range;

/// What the engine says to a text completion request, with all that the wire tells of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `cmpl-…`
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: String,
    /// The model's encoding, which gives tokens their bytes.
    pub encoding: Encoding,
    /// Whether to tell how likely the tokens were.
    pub logprobs: bool,
    /// The answers and what was counted.
    pub said: engine::Answer,
}

impl Answer {
    /// The whole answer as one JSON object, once it would have been said.
    pub fn whole<B>(&self) -> Response<B> {
        let choices = self.said.choices.iter().zip(0..).map(|(choice, index)| {
            let mut logprobs = self.logprobs.then(TextLogprobs::default);
            let mut place = Place::new(choice);
            for (speech, is_prompt) in speeches(choice) {
                if let Some(logprobs) = &mut logprobs {
                    self.push(logprobs, speech, 0..speech.tokens().len(), is_prompt, &mut place);
                }
            }
            TextChoice { text: text(choice), index, logprobs, finish_reason: Some(choice.finish_reason()) }
        });
        let usage = Some(Some(super::usage(self.said.counts)));
        super::paced(super::json(200, &self.object(&choices.collect::<Vec<_>>(), usage)), &self.said)
    }

    /// The answer as a stream, each event made when it is asked for.
    pub fn stream<B>(self, include_usage: bool) -> Response<B> {
        let cut = self.said.cut_after_chunks;
        let cursors = self.said.choices.iter().map(Cursor::new).collect();
        let events = Events { answer: self, include_usage, cursors, turn: 0, held: None, ended: false };
        super::event_stream(Body::BodySource(super::cut_after(cut, events)))
    }

    fn event(&self, choices: &[TextChoice<'_>], usage: Option<Option<Usage>>) -> Vec<u8> {
        let mut out = Vec::new();
        sse::push_event(&mut out, &to_vec(&self.object(choices, usage)));
        out
    }

    fn object<'a>(
        &'a self,
        choices: &'a [TextChoice<'a>],
        usage: Option<Option<Usage>>,
    ) -> TextCompletion<'a> {
        TextCompletion {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        }
    }

    /// Adds how likely some tokens were, and moves on by them.
    fn push(
        &self,
        logprobs: &mut TextLogprobs<'_>,
        speech: &TokenizedText,
        tokens: Range<usize>,
        is_prompt: bool,
        place: &mut Place,
    ) {
        let told = |id: u32| written(&Bytes::of(self.encoding, id), "bytes:");
        for i in tokens {
            let (Some(token), Some(odds)) = (speech.tokens().get(i), speech.odds().get(i)) else { continue };
            // Nothing comes before the first token of a prompt that could make it likely or not.
            let known = !(is_prompt && i == 0);
            let text = told(token.id);
            logprobs.token_logprobs.push(known.then_some(odds.logprob));
            logprobs.top_logprobs.push(known.then(|| {
                let mut top: Vec<_> = odds.top.iter().map(|(id, logprob)| (told(*id), *logprob)).collect();
                if top.iter().all(|(known, _)| *known != text) {
                    top.push((text.clone(), odds.logprob));
                }
                ByToken(top)
            }));
            logprobs.tokens.push(text);
            logprobs.text_offset.push(place.characters);
            place.characters += speech.text_of(i).chars().count();
        }
    }
}

/// Where in the prompt and the answer a token is, in characters.
#[derive(Debug, Clone, Copy)]
struct Place {
    characters: usize,
}

impl Place {
    /// The beginning of what is told: the answer's comes after the prompt, whether that is told or not.
    fn new(choice: &Choice) -> Self {
        Self { characters: if choice.echo.is_some() { 0 } else { choice.offset } }
    }
}

/// What of a choice is told, and whether it is the prompt.
fn speeches(choice: &Choice) -> impl Iterator<Item = (&TokenizedText, bool)> {
    let prompt = choice.echo.as_deref().map(|speech| (speech, true));
    prompt.into_iter().chain(choice.content.as_ref().map(|speech| (speech, false)))
}

fn text(choice: &Choice) -> Cow<'_, str> {
    let answer = choice.content.as_ref().map(TokenizedText::text).unwrap_or_default();
    match &choice.echo {
        None => Cow::Borrowed(answer),
        Some(prompt) => Cow::Owned([prompt.text(), answer].concat()),
    }
}

/// How far a choice has been told.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    /// Which of its speeches it is at.
    speech: usize,
    /// How many tokens of that were told.
    tokens: usize,
    /// How many tokens of the answer were told.
    said: usize,
    place: Place,
    over: bool,
}

impl Cursor {
    fn new(choice: &Choice) -> Self {
        Self { speech: 0, tokens: 0, said: 0, place: Place::new(choice), over: false }
    }
}

/// The frames of a stream: pieces, and pauses between them.
struct Events {
    answer: Answer,
    include_usage: bool,
    cursors: Vec<Cursor>,
    /// Whose turn it is.
    turn: usize,
    /// A piece that waits for its pause to be over.
    held: Option<Vec<u8>>,
    ended: bool,
}

impl Events {
    /// The next piece, how many tokens of the answer came before it and how many it tells. The last piece of
    /// a choice carries its finish reason.
    fn next_piece(&mut self) -> Option<(Vec<u8>, usize, usize)> {
        let count = self.cursors.len();
        let index = (self.turn..self.turn + count)
            .map(|turn| turn % count)
            .find(|index| !self.cursors[*index].over)?;
        self.turn = (index + 1) % count;
        let choice = &self.answer.said.choices[index];
        let mut cursor = self.cursors[index];
        let before = cursor.said;
        let all: Vec<_> = speeches(choice).collect();
        let mut logprobs = self.answer.logprobs.then(TextLogprobs::default);
        let mut text = "";
        if let Some((speech, is_prompt, piece)) = next(&all, &mut cursor) {
            text = piece.text;
            if let Some(logprobs) = &mut logprobs {
                self.answer.push(logprobs, speech, piece.tokens.clone(), is_prompt, &mut cursor.place);
            }
            cursor.tokens = piece.tokens.end;
            cursor.said += if is_prompt { 0 } else { piece.tokens.len() };
        }
        cursor.over = next(&all, &mut cursor).is_none();
        let piece = TextChoice {
            text: Cow::Borrowed(text),
            index: u32::try_from(index).unwrap_or(u32::MAX),
            logprobs,
            finish_reason: cursor.over.then(|| choice.finish_reason()),
        };
        let event = self.answer.event(&[piece], self.include_usage.then_some(None));
        self.cursors[index] = cursor;
        Some((event, before, cursor.said - before))
    }
}

/// The piece a cursor is at, once it left speeches behind that are told.
fn next<'a>(
    all: &[(&'a TokenizedText, bool)],
    cursor: &mut Cursor,
) -> Option<(&'a TokenizedText, bool, engine::Piece<'a>)> {
    loop {
        let (speech, is_prompt) = *all.get(cursor.speech)?;
        match speech.piece(cursor.tokens) {
            Some(piece) => return Some((speech, is_prompt, piece)),
            None => (cursor.speech, cursor.tokens) = (cursor.speech + 1, 0),
        }
    }
}

impl Iterator for Events {
    type Item = StreamStep;

    fn next(&mut self) -> Option<StreamStep> {
        if let Some(event) = self.held.take() {
            return Some(StreamStep::Data(event));
        }
        if let Some((event, said, more)) = self.next_piece() {
            let first = self.turn == 1 % self.cursors.len().max(1);
            return Some(match self.answer.said.pace.wait(said, more).filter(|_| first) {
                Some(pause) => {
                    self.held = Some(event);
                    StreamStep::Pause(pause)
                }
                None => StreamStep::Data(event),
            });
        }
        if self.ended {
            return None;
        }
        self.ended = true;
        let mut last = match self.include_usage {
            true => self.answer.event(&[], Some(Some(super::usage(self.answer.said.counts)))),
            false => Vec::new(),
        };
        last.extend_from_slice(sse::DONE);
        Some(StreamStep::Data(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{FinishReason, TokenTiming, TokenUsage};

    fn answer(choices: &[(&str, &str)]) -> Answer {
        let encoding = Encoding::Cl100kBase;
        let speech = |text: &str| TokenizedText::new(text, encoding, usize::MAX).0;
        let choice = |(prompt, text): &(&str, &str)| Choice {
            echo: (!prompt.is_empty()).then(|| std::rc::Rc::new(speech(prompt))),
            offset: prompt.len(),
            content: Some(speech(text)),
            finish_reason: Some(FinishReason::Length),
            ..Choice::default()
        };
        Answer {
            id: "cmpl-1".into(),
            created: 7,
            model: "m".into(),
            encoding,
            logprobs: false,
            said: engine::Answer {
                choices: choices.iter().map(choice).collect(),
                counts: TokenUsage { prompt: 1, completion: 1, ..TokenUsage::default() },
                pace: TokenTiming::default(),
                cut_after_chunks: None,
            },
        }
    }

    fn events(response: Response<()>) -> Vec<String> {
        let Body::BodySource(frames) = response.body else { panic!("a stream has frames") };
        let bytes = frames.flat_map(|frame| match frame {
            StreamStep::Data(bytes) => bytes,
            other => panic!("{other:?}"),
        });
        let text = String::from_utf8(bytes.collect()).expect("UTF-8");
        text.split_terminator("\n\n").map(str::to_owned).collect()
    }

    #[test]
    fn the_last_piece_of_a_choice_ends_it() {
        let head =
            r#"data: {"id":"cmpl-1","object":"text_completion","created":7,"model":"m","choices":[{"text":"#;
        let (on, end) = (
            r#","logprobs":null,"finish_reason":null}]}"#,
            r#","logprobs":null,"finish_reason":"length"}]}"#,
        );
        assert_eq!(
            events(answer(&[("", "one two"), ("", ""), ("zero", " one")]).stream(false)),
            [
                format!(r#"{head}"one","index":0{on}"#),
                format!(r#"{head}"","index":1{end}"#),
                format!(r#"{head}"zero","index":2{on}"#),
                format!(r#"{head}" two","index":0{end}"#),
                format!(r#"{head}" one","index":2{end}"#),
                "data: [DONE]".to_owned(),
            ]
        );
    }

    #[test]
    fn totals_come_last_when_asked_for() {
        let events = events(answer(&[("", "one")]).stream(true));
        assert!(events[0].ends_with(r#","usage":null}"#), "{events:?}");
        assert!(events[1].contains(r#""choices":[],"usage":{"prompt_tokens":1,"#), "{events:?}");
    }

    #[test]
    fn an_answer_without_choices_is_a_stream_without_pieces() {
        assert_eq!(events(answer(&[]).stream(false)), ["data: [DONE]"]);
    }
}
