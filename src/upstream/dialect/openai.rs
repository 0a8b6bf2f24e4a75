//! OpenAI's API, which most upstreams have.

use super::{Decoder, Dialect, Endpoint, Extra, Translated, Untranslatable, chat};
use crate::config::{Api, Upstream};
use crate::turn::{Answer, Request};
use chat::Server;

/// OpenAI's dialect.
pub(in crate::upstream) struct OpenAi;

impl Dialect for OpenAi {
    fn provider(&self) -> &'static str {
        "openai"
    }

    fn credentials(&self, key: &str) -> (&'static str, String) {
        ("authorization", format!("Bearer {key}"))
    }

    fn is_native(&self, upstream: &Upstream, endpoint: Endpoint<'_>) -> bool {
        match endpoint {
            Endpoint::Chat | Endpoint::Completions | Endpoint::Other(_) => true,
            Endpoint::Responses | Endpoint::InputTokens | Endpoint::Compact => {
                matches!(upstream.api, Api::OpenAi { responses: true })
            }
            Endpoint::Messages | Endpoint::CountTokens => false,
        }
    }

    fn path(&self, upstream: &Upstream, endpoint: Endpoint<'_>, _model: &str) -> String {
        format!("{}{}", upstream.base_path, path(endpoint))
    }

    fn turn_path(&self, upstream: &Upstream, _turn: &Request<'_>, model: &str) -> String {
        self.path(upstream, Endpoint::Chat, model)
    }

    fn request(
        &self,
        upstream: &Upstream,
        turn: &Request<'_>,
        model: &str,
        extra: &[Extra<'_>],
    ) -> Result<Translated, Untranslatable> {
        let is_openai = matches!(upstream.api, Api::OpenAi { responses: true });
        let server = if is_openai { Server::OpenAi } else { Server::Compatible };
        chat::request(turn, model, server, extra)
    }

    fn answer(&self, body: &[u8]) -> Option<Answer<'static>> {
        chat::answer(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(chat::Stream::default())
    }
}

/// The path of an endpoint below the base URL, which servers that follow OpenAI's API share.
pub(super) fn path(endpoint: Endpoint<'_>) -> &str {
    match endpoint {
        Endpoint::Other(path) => path,
        Endpoint::Completions => "/completions",
        Endpoint::Responses => "/responses",
        Endpoint::InputTokens => "/responses/input_tokens",
        Endpoint::Compact => "/responses/compact",
        Endpoint::Chat | Endpoint::Messages | Endpoint::CountTokens => "/chat/completions",
    }
}
