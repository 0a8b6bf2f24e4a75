//! A chat completion, whole or as a stream.

use super::{sse, to_vec};
use crate::api::answer::{ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatMessage, Delta, Usage};
use crate::engine::{Choice, FINGERPRINT};
use crate::http::{Body, Response};

/// What the engine says to a chat request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `chatcmpl-…`
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: String,
    /// The tier that served it.
    pub service_tier: &'static str,
    /// The answers, by index.
    pub choices: Vec<Choice>,
    /// Token counts.
    pub usage: Usage,
}

impl Answer {
    /// The whole answer as one JSON object.
    pub fn whole<B>(&self) -> Response<B> {
        let texts: Vec<String> = self.choices.iter().map(|choice| choice.pieces.concat()).collect();
        let choices = self.choices.iter().zip(&texts).zip(0..).map(|((choice, text), index)| ChatChoice {
            index,
            message: ChatMessage {
                role: "assistant",
                content: Some(text),
                refusal: None,
                annotations: [],
                tool_calls: None,
                function_call: None,
            },
            logprobs: None,
            finish_reason: choice.finish_reason.as_str(),
        });
        super::json(
            200,
            &ChatCompletion {
                id: &self.id,
                object: "chat.completion",
                created: self.created,
                model: &self.model,
                system_fingerprint: FINGERPRINT,
                choices: choices.collect(),
                usage: self.usage,
                service_tier: self.service_tier,
            },
        )
    }

    /// The answer as a stream of chunks, each made when it is asked for.
    pub fn stream<B>(self, include_usage: bool) -> Response<B> {
        let events = Events { answer: self, include_usage, round: 0, choice: 0, state: State::Choices };
        super::event_stream(Body::Frames(Box::new(events)))
    }

    fn chunk(&self, choices: &[ChatChunkChoice<'_>], usage: Option<Option<Usage>>) -> Vec<u8> {
        let json = to_vec(&ChatChunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            service_tier: self.service_tier,
            system_fingerprint: FINGERPRINT,
            choices,
            usage,
        });
        let mut out = Vec::new();
        sse::push_event(&mut out, &json);
        out
    }
}

struct Events {
    answer: Answer,
    include_usage: bool,
    /// In round 0 each choice begins; in round `i` it says its piece `i - 1`; in the round after its
    /// last piece it ends.
    round: usize,
    choice: usize,
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

impl Events {
    /// The next chunk of a choice, or `None` when all have ended.
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        let longest = self.answer.choices.iter().map(|choice| choice.pieces.len()).max()?;
        while self.round <= longest + 1 {
            let (round, index) = (self.round, self.choice);
            self.choice += 1;
            if self.choice == self.answer.choices.len() {
                (self.choice, self.round) = (0, round + 1);
            }
            let choice = &self.answer.choices[index];
            let (delta, finish_reason) = match (round, choice.pieces.len() + 1) {
                (0, _) => (Delta::First { role: "assistant", content: "", refusal: None }, None),
                (round, last) if round < last => {
                    (Delta::Content { content: &choice.pieces[round - 1] }, None)
                }
                (round, last) if round == last => (Delta::Last {}, Some(choice.finish_reason.as_str())),
                _ => continue,
            };
            let index = u32::try_from(index).expect("`n` is a u32");
            let usage = self.include_usage.then_some(None);
            let piece = ChatChunkChoice { index, delta, logprobs: None, finish_reason };
            return Some(self.answer.chunk(&[piece], usage));
        }
        None
    }
}

impl Iterator for Events {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if let State::Choices = self.state {
            match self.next_chunk() {
                Some(event) => return Some(event),
                None => self.state = State::Totals,
            }
        }
        match self.state {
            State::Totals => {
                self.state = State::Done;
                let mut last = match self.include_usage {
                    true => self.answer.chunk(&[], Some(Some(self.answer.usage))),
                    false => Vec::new(),
                };
                last.extend_from_slice(sse::DONE);
                Some(last)
            }
            State::Choices | State::Done => None,
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
            finish_reason: FinishReason::Stop,
        };
        Answer {
            id: "chatcmpl-1".into(),
            created: 7,
            model: "gpt-4o".into(),
            service_tier: "default",
            choices: choices.iter().map(choice).collect(),
            usage: super::super::usage(3, 2),
        }
    }

    fn text(response: Response<()>) -> String {
        let bytes = match response.body {
            Body::Full(bytes) => bytes,
            Body::Frames(frames) => frames.flatten().collect(),
            Body::Relay(_) | Body::Read(_) => panic!("the engine relays nothing"),
        };
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn a_whole_answer_has_the_members_in_the_documented_order() {
        assert_eq!(
            text(answer(&[&["Hi", " you"]]).whole()),
            r#"{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"gpt-4o","system_fingerprint":"fp_portcullis1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi you","refusal":null,"annotations":[],"tool_calls":null,"function_call":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default"}"#
        );
    }

    fn deltas(stream: &str) -> Vec<String> {
        let event = |event: &str| {
            let json = event.strip_prefix("data: ").expect("a data line").to_owned();
            let choices = json.find("\"choices\":").map(|i| json[i + 10..json.len() - 1].to_owned());
            choices.unwrap_or(json)
        };
        stream.split_terminator("\n\n").map(event).collect()
    }

    #[test]
    fn choices_are_streamed_in_turns_and_each_begins_and_ends() {
        let first = r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]"#;
        let last = r#""delta":{},"logprobs":null,"finish_reason":"stop"}]"#;
        let piece =
            |text| format!(r#""delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}]"#);
        assert_eq!(
            deltas(&text(answer(&[&["a", "b"], &[]]).stream(false))),
            [
                format!(r#"[{{"index":0,{first}"#),
                format!(r#"[{{"index":1,{first}"#),
                format!(r#"[{{"index":0,{}"#, piece("a")),
                format!(r#"[{{"index":1,{last}"#),
                format!(r#"[{{"index":0,{}"#, piece("b")),
                format!(r#"[{{"index":0,{last}"#),
                "[DONE]".to_owned(),
            ]
        );
    }

    #[test]
    fn usage_is_null_until_the_totals() {
        let stream = text(answer(&[&["a"]]).stream(true));
        let events = deltas(&stream);
        assert!(events[..3].iter().all(|e| e.ends_with(r#","usage":null"#)), "{stream}");
        assert!(events[3].starts_with(r#"[],"usage":{"prompt_tokens":3,"#), "{stream}");
        assert_eq!(events[4], "[DONE]");
    }

    #[test]
    fn without_the_option_no_chunk_speaks_of_usage() {
        assert!(!text(answer(&[&["a"]]).stream(false)).contains("usage"));
    }
}
