//! OpenAI's API, which most upstreams have: <https://platform.openai.com/docs/api-reference/chat>.
//!
//! Turns are chat completions: [`request()`] writes a turn as a request, [`conversation`] its messages; [`answer()`] and
//! [`Stream`] read answers as events of a turn. Azure's API differs in its URLs and its credentials, and uses these too.

mod answer;
mod conversation;
mod request;
mod stream;

use super::{Decoder, Dialect, Endpoint, Extra, Translated, Untranslatable};
use crate::config::OpenAiApi;
use crate::turn::{Answer, Request};
use crate::upstream::peeked_json::Needs;
pub(super) use answer::answer;
pub(super) use request::{Server, request};
pub(super) use stream::Stream;

/// The path of chats below the base URL.
pub(super) const CHAT: &str = "/chat/completions";

impl Dialect for OpenAiApi {
    fn provider(&self) -> &'static str {
        "openai"
    }

    fn credentials(&self, key: &str) -> (&'static str, String) {
        ("authorization", format!("Bearer {key}"))
    }

    fn native_path<'e>(&self, endpoint: Endpoint<'e>) -> Option<&'e str> {
        native_path(endpoint, self.responses)
    }

    fn turn_path(&self) -> &'static str {
        CHAT
    }

    fn request(
        &self,
        turn: &Request<'_>,
        model: &str,
        extra: &[Extra<'_>],
    ) -> Result<Translated, Untranslatable> {
        let server = if self.responses { Server::OpenAi } else { Server::Compatible };
        request(turn, model, server, extra)
    }

    fn needs(&self) -> Needs {
        Needs::Choices
    }

    fn answer(&self, body: &[u8]) -> Option<Answer<'static>> {
        answer(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Stream::default())
    }
}

/// The path of an endpoint below the base URL, which servers that follow OpenAI's API share; `None` where it is of
/// another API, or is one of Responses and the server has none.
pub(super) fn native_path(endpoint: Endpoint<'_>, has_responses: bool) -> Option<&str> {
    match endpoint {
        Endpoint::Other(path) => Some(path),
        Endpoint::Chat => Some(CHAT),
        Endpoint::Completions => Some("/completions"),
        Endpoint::Responses => has_responses.then_some("/responses"),
        Endpoint::InputTokens => has_responses.then_some("/responses/input_tokens"),
        Endpoint::Compact => has_responses.then_some("/responses/compact"),
        Endpoint::Messages | Endpoint::CountTokens => None,
    }
}
