//! Anthropic's Messages API: <https://docs.anthropic.com/en/api/messages>.
//!
//! [`request`] writes a turn as a request, with the API's own rules for values; [`conversation`] writes its messages.
//! [`answer`] and [`stream`] read answers as events of a turn, [`message`] what both have in common.

mod answer;
mod conversation;
mod enforced;
mod message;
mod request;
mod schema;
mod stream;

use super::{Decoder, Dialect, Endpoint, Translated, Untranslatable};
use crate::config::{Api, Upstream};
use crate::turn::{Answer, Request};

/// Anthropic's dialect.
pub(in crate::upstream) struct Anthropic;

impl Dialect for Anthropic {
    fn provider(&self) -> &'static str {
        "anthropic"
    }

    fn credentials(&self, key: &str) -> (&'static str, String) {
        ("x-api-key", key.to_owned())
    }

    fn version<'u>(&self, upstream: &'u Upstream) -> Option<(&'static str, &'u str)> {
        match &upstream.api {
            Api::Anthropic { version, .. } => Some(("anthropic-version", version)),
            _ => None,
        }
    }

    fn is_native(&self, _upstream: &Upstream, endpoint: Endpoint<'_>) -> bool {
        matches!(endpoint, Endpoint::Messages | Endpoint::CountTokens | Endpoint::Other(_))
    }

    fn path(&self, upstream: &Upstream, endpoint: Endpoint<'_>, _model: &str) -> String {
        let path = match endpoint {
            Endpoint::Other(path) => path,
            Endpoint::CountTokens => "/messages/count_tokens",
            _ => "/messages",
        };
        format!("{}{path}", upstream.base_path)
    }

    fn turn_path(&self, upstream: &Upstream, _turn: &Request<'_>, model: &str) -> String {
        self.path(upstream, Endpoint::Messages, model)
    }

    fn request(
        &self,
        upstream: &Upstream,
        turn: &Request<'_>,
        model: &str,
        extra: &[super::Extra<'_>],
    ) -> Result<Translated, Untranslatable> {
        let default_tokens = match upstream.api {
            Api::Anthropic { max_tokens, .. } => max_tokens,
            _ => 4096,
        };
        request::request(turn, model, default_tokens.into(), extra)
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
