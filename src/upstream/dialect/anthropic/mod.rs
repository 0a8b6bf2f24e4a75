//! Anthropic's Messages API: <https://docs.anthropic.com/en/api/messages>.
//!
//! [`request`] writes a turn as a request, with the API's own rules for values; [`conversation`] writes its messages,
//! [`thinking`] divides its tokens between thinking and the answer.
//! [`answer`] and [`stream`] read answers as events of a turn, [`message`] what both have in common.

mod answer;
mod conversation;
mod enforced;
mod message;
mod request;
mod schema;
mod stream;
mod thinking;

use super::{Decoder, Dialect, Endpoint, Extra, Translated, Untranslatable};
use crate::config::AnthropicApi;
use crate::turn::{Answer, Request};
use crate::upstream::peeked_json::Needs;

/// The path of messages below the base URL.
const MESSAGES: &str = "/messages";

impl Dialect for AnthropicApi {
    fn provider(&self) -> &'static str {
        "anthropic"
    }

    fn credentials(&self, key: &str) -> (&'static str, String) {
        ("x-api-key", key.to_owned())
    }

    fn version(&self) -> Option<(&'static str, &str)> {
        Some(("anthropic-version", &self.version))
    }

    fn native_path<'e>(&self, endpoint: Endpoint<'e>) -> Option<&'e str> {
        match endpoint {
            Endpoint::Other(path) => Some(path),
            Endpoint::Messages => Some(MESSAGES),
            Endpoint::CountTokens => Some("/messages/count_tokens"),
            Endpoint::Chat
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::InputTokens
            | Endpoint::Compact => None,
        }
    }

    fn turn_path(&self) -> &'static str {
        MESSAGES
    }

    fn request(
        &self,
        turn: &Request<'_>,
        model: &str,
        extra: &[Extra<'_>],
    ) -> Result<Translated, Untranslatable> {
        request::request(turn, model, self.max_tokens.into(), extra)
    }

    fn needs(&self) -> Needs {
        Needs::Content
    }

    fn status_of(&self, kind: &str) -> Option<u16> {
        answer::status_of(kind)
    }

    fn answer(&self, body: &[u8]) -> Option<Answer<'static>> {
        answer::answer(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(stream::Stream::default())
    }
}
