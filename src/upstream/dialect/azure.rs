//! Azure OpenAI: the model is a deployment in the path, the version of the API is in the query.
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>

use super::openai::{self, Server, Stream};
use super::{Decoder, Dialect, Endpoint, Extra, Translated, Untranslatable};
use crate::coding::push_percent_encoded;
use crate::config::AzureApi;
use crate::turn::{Answer, Request};
use crate::upstream::peeked_json::Needs;

impl Dialect for AzureApi {
    fn provider(&self) -> &'static str {
        "azure.ai.openai"
    }

    fn credentials(&self, key: &str) -> (&'static str, String) {
        ("api-key", key.to_owned())
    }

    fn native_path<'e>(&self, endpoint: Endpoint<'e>) -> Option<&'e str> {
        openai::native_path(endpoint, self.responses)
    }

    fn turn_path(&self) -> &'static str {
        openai::CHAT
    }

    fn whole_path(&self, base: &str, path: &str, model: &str) -> String {
        let version = &self.version;
        if path.starts_with("/responses") {
            // Responses have the model in the body.
            return format!("{base}/openai{path}?api-version={version}");
        }
        format!("{base}/openai/deployments/{}{path}?api-version={version}", encoded(model))
    }

    fn request(
        &self,
        turn: &Request<'_>,
        model: &str,
        extra: &[Extra<'_>],
    ) -> Result<Translated, Untranslatable> {
        openai::request(turn, model, Server::OpenAi, extra)
    }

    fn needs(&self) -> Needs {
        Needs::Choices
    }

    fn answer(&self, body: &[u8]) -> Option<Answer<'static>> {
        openai::answer(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(Stream::default())
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
