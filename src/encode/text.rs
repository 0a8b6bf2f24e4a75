//! A text completion, whole or as a stream.

use super::{sse, to_vec};
use crate::api::answer::{TextChoice, TextCompletion, Usage};
use crate::engine::Choice;
use crate::http::{Body, Response};

/// What the engine says to a text completion request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `cmpl-…`
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: String,
    /// The answers, by index.
    pub choices: Vec<Choice>,
    /// Token counts.
    pub usage: Usage,
}

impl Answer {
    /// The whole answer as one JSON object.
    pub fn whole<B>(&self) -> Response<B> {
        let texts: Vec<String> = self.choices.iter().map(|choice| choice.pieces.concat()).collect();
        let choices = self.choices.iter().zip(&texts).zip(0..).map(|((choice, text), index)| TextChoice {
            text,
            index,
            logprobs: None,
            finish_reason: Some(choice.finish_reason.as_str()),
        });
        super::json(200, &self.object(&choices.collect::<Vec<_>>(), Some(Some(self.usage))))
    }

    /// The answer as a stream, each event made when it is asked for.
    pub fn stream<B>(self, include_usage: bool) -> Response<B> {
        let longest = self.choices.iter().map(|choice| choice.pieces.len().max(1)).max().unwrap_or(0);
        let answers = self.choices.len();
        // Choices take turns; the last piece of each carries its finish reason.
        let turns = (0..longest).flat_map(move |round| (0..answers).map(move |index| (round, index)));
        let answer = std::rc::Rc::new(self);
        let pieces = {
            let answer = std::rc::Rc::clone(&answer);
            turns.filter_map(move |(round, index)| answer.piece(round, index, include_usage))
        };
        let end = std::iter::once_with(move || {
            let mut last = match include_usage {
                true => answer.event(&[], Some(Some(answer.usage))),
                false => Vec::new(),
            };
            last.extend_from_slice(sse::DONE);
            last
        });
        super::event_stream(Body::Frames(Box::new(pieces.chain(end))))
    }

    /// The piece a choice says in a round, if it still speaks.
    fn piece(&self, round: usize, index: usize, include_usage: bool) -> Option<Vec<u8>> {
        let choice = &self.choices[index];
        let text = match choice.pieces.get(round) {
            Some(piece) => piece,
            None if round == 0 => "",
            None => return None,
        };
        let ends = round + 1 >= choice.pieces.len();
        let piece = TextChoice {
            text,
            index: u32::try_from(index).expect("as many as `n` times the prompts"),
            logprobs: None,
            finish_reason: ends.then_some(choice.finish_reason.as_str()),
        };
        Some(self.event(&[piece], include_usage.then_some(None)))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FinishReason;

    fn answer(choices: &[&[&str]]) -> Answer {
        let choice = |pieces: &&[&str]| Choice {
            pieces: pieces.iter().map(|p| (*p).to_owned()).collect(),
            finish_reason: FinishReason::Length,
        };
        Answer {
            id: "cmpl-1".into(),
            created: 7,
            model: "m".into(),
            choices: choices.iter().map(choice).collect(),
            usage: super::super::usage(1, 1),
        }
    }

    fn events(response: Response<()>) -> Vec<String> {
        let Body::Frames(frames) = response.body else { panic!("a stream has frames") };
        let text = String::from_utf8(frames.flatten().collect()).expect("UTF-8");
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
            events(answer(&[&["a", "b"], &[]]).stream(false)),
            [
                format!(r#"{head}"a","index":0{on}"#),
                format!(r#"{head}"","index":1{end}"#),
                format!(r#"{head}"b","index":0{end}"#),
                "data: [DONE]".to_owned(),
            ]
        );
    }

    #[test]
    fn totals_come_last_when_asked_for() {
        let events = events(answer(&[&["a"]]).stream(true));
        assert!(events[0].ends_with(r#","usage":null}"#), "{events:?}");
        assert!(events[1].contains(r#""choices":[],"usage":{"prompt_tokens":1,"#), "{events:?}");
    }
}
