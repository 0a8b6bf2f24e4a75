//! Azure OpenAI: the model is a deployment in the path, the version of the API is in the query.
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>

use super::{Decoder, Dialect, Endpoint, Extra, Translated, Untranslatable, chat, openai};
use crate::coding::push_percent_encoded;
use crate::config::{Api, Upstream};
use crate::turn::{Answer, Request};
use chat::Server;

/// Azure's dialect.
pub(in crate::upstream) struct Azure;

impl Dialect for Azure {
    fn provider(&self) -> &'static str {
        "azure.ai.openai"
    }

    fn credentials(&self, key: &str) -> (&'static str, String) {
        ("api-key", key.to_owned())
    }

    fn is_native(&self, upstream: &Upstream, endpoint: Endpoint<'_>) -> bool {
        match endpoint {
            Endpoint::Chat | Endpoint::Completions | Endpoint::Other(_) => true,
            Endpoint::Responses | Endpoint::InputTokens | Endpoint::Compact => {
                matches!(upstream.api, Api::Azure { responses: true, .. })
            }
            Endpoint::Messages | Endpoint::CountTokens => false,
        }
    }

    fn path(&self, upstream: &Upstream, endpoint: Endpoint<'_>, model: &str) -> String {
        let version = match &upstream.api {
            Api::Azure { version, .. } => version,
            _ => "",
        };
        let (base, below) = (&upstream.base_path, openai::path(endpoint));
        if below.starts_with("/responses") {
            // Responses have the model in the body.
            return format!("{base}/openai{below}?api-version={version}");
        }
        format!("{base}/openai/deployments/{}{below}?api-version={version}", encoded(model))
    }

    fn turn_path(&self, upstream: &Upstream, _turn: &Request<'_>, model: &str) -> String {
        self.path(upstream, Endpoint::Chat, model)
    }

    fn request(
        &self,
        _upstream: &Upstream,
        turn: &Request<'_>,
        model: &str,
        extra: &[Extra<'_>],
    ) -> Result<Translated, Untranslatable> {
        chat::request(turn, model, Server::OpenAi, extra)
    }

    fn answer(&self, body: &[u8]) -> Option<Answer<'static>> {
        chat::answer(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(chat::Stream::default())
    }
}

/// A name as one segment of a path (RFC 3986, section 3.3).
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    push_percent_encoded(name, &mut out);
    // Dots alone would be a segment that means another place.
    if name.bytes().all(|b| b == b'.') { out } else { out.replace("%2E", ".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_one_segment() {
        for (name, want) in
            [("gpt-4.1", "gpt-4.1"), ("a/../b", "a%2F..%2Fb"), ("..", "%2E%2E"), ("é?", "%C3%A9%3F")]
        {
            assert_eq!(encoded(name), want);
        }
    }
}
