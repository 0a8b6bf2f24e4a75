//! Azure OpenAI: the model is a deployment in the path, the version of the API stands in the query.
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>

use super::{fields, openai, with_query};
use crate::config::Upstream;
use crate::upstream::ForwardRequest;
use crate::upstream::attempts::Prepared;

pub(in crate::upstream) fn request<'a>(
    ask: &'a ForwardRequest<'a>,
    upstream: &'a Upstream,
    name: Option<&str>,
    version: &str,
) -> Prepared<'a> {
    let deployment = encoded(name.unwrap_or(ask.model));
    let (base, path) = (&upstream.base_path, ask.endpoint.path());
    let path = format!("{base}/openai/deployments/{deployment}{path}?api-version={version}");
    Prepared {
        method: ask.method,
        path: with_query(path, ask),
        headers: fields(ask, upstream),
        body: openai::renamed(ask.body, name),
        dropped: Vec::new(),
    }
}

/// A name as one segment of a path (RFC 3986, section 3.3).
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            // Dots alone would be a segment that means another place.
            b'.' if name.bytes().any(|b| b != b'.') => out.push('.'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
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
