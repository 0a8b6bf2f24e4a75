//! A chat completion, whole or as a stream.

mod stream;

use super::tokens::{Bytes, written};
use crate::api::answer::{
    Called, ChatChoice, ChatCompletion, ChatMessage, CustomCall, FunctionCall, LikelyToken, Logprobs,
    TokenLogprob, ToolCall,
};
use crate::engine::{self, Call, Choice, FINGERPRINT, TokenizedText};
use crate::http::{Body, Response};
use crate::tokens::Encoding;
use std::ops::Range;

/// What the engine says to a chat request, with all that the wire tells of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `chatcmpl-…`
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: String,
    /// The model's encoding, which gives tokens their bytes.
    pub encoding: Encoding,
    /// The tier that served it.
    pub service_tier: &'static str,
    /// Whether to tell how likely the tokens were.
    pub logprobs: bool,
    /// The answers and what was counted.
    pub said: engine::Answer,
}

/// What a stream tells besides the answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamOptions {
    /// The totals, in a chunk of their own.
    pub include_usage: bool,
    /// Letters that hide the length of each chunk.
    pub include_obfuscation: bool,
}

impl Answer {
    /// The whole answer as one JSON object, once it would have been said.
    pub fn whole<B>(&self) -> Response<B> {
        let choices = self.said.choices.iter().zip(0..).map(|(choice, index)| ChatChoice {
            index,
            message: message(choice),
            logprobs: self.logprobs.then(|| Logprobs {
                content: choice.content.as_ref().map(|speech| self.likely(speech, 0..speech.tokens().len())),
                refusal: choice.refusal.as_ref().map(|speech| self.likely(speech, 0..speech.tokens().len())),
            }),
            finish_reason: choice.finish_reason(),
        });
        let response = super::json(
            200,
            &ChatCompletion {
                id: &self.id,
                object: "chat.completion",
                created: self.created,
                model: &self.model,
                system_fingerprint: FINGERPRINT,
                choices: choices.collect(),
                usage: super::usage(self.said.counts),
                service_tier: self.service_tier,
            },
        );
        super::paced(response, &self.said)
    }

    /// The answer as a stream of chunks, each made when it is asked for.
    pub fn stream<B>(self, options: StreamOptions) -> Response<B> {
        let cut = self.said.cut_after_chunks;
        let events = stream::Events::new(self, options);
        super::event_stream(Body::BodySource(super::cut_after(cut, events)))
    }

    /// How likely some tokens of a speech were.
    fn likely(&self, speech: &TokenizedText, tokens: Range<usize>) -> Vec<TokenLogprob<'static>> {
        let told = |id: u32, logprob: f32| {
            let bytes = Bytes::of(self.encoding, id);
            LikelyToken { token: written(&bytes, ""), logprob, bytes: bytes.0 }
        };
        let said = speech.tokens().get(tokens.clone()).unwrap_or_default();
        let odds = speech.odds().get(tokens).unwrap_or_default();
        let entry = |(token, odds): (&engine::Token, &engine::TokenLogprobs)| TokenLogprob {
            said: told(token.id, odds.logprob),
            top_logprobs: odds.top.iter().map(|(id, logprob)| told(*id, *logprob)).collect(),
        };
        said.iter().zip(odds).map(entry).collect()
    }
}

fn message(choice: &Choice) -> ChatMessage<'_> {
    let calls = (!choice.calls.is_empty() && !choice.legacy)
        .then(|| choice.calls.iter().map(|call| whole_call(call)).collect());
    let function_call = choice.calls.first().filter(|_| choice.legacy);
    ChatMessage {
        role: "assistant",
        content: choice.content.as_ref().map(TokenizedText::text),
        refusal: choice.refusal.as_ref().map(TokenizedText::text),
        annotations: [],
        tool_calls: calls,
        function_call: function_call
            .map(|call| FunctionCall { name: Some(&call.name), arguments: call.input.text() }),
    }
}

fn whole_call(call: &Call) -> ToolCall<'_> {
    ToolCall {
        index: None,
        id: Some(&call.id),
        kind: Some(kind(call)),
        called: called(call, true, call.input.text()),
    }
}

fn kind(call: &Call) -> &'static str {
    if call.custom { "custom" } else { "function" }
}

/// A call, or a piece of its input without the name.
fn called<'a>(call: &'a Call, named: bool, input: &'a str) -> Called<'a> {
    let name = named.then_some(&*call.name);
    match call.custom {
        true => Called::Custom(CustomCall { name, input }),
        false => Called::Function(FunctionCall { name, arguments: input }),
    }
}

#[cfg(test)]
mod tests;
