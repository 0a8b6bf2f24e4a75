//! Which header fields cross, in each direction.

use crate::config::{Api, Upstream};
use crate::http::Headers;
use std::borrow::Cow;

/// Fields of one connection (RFC 9110, section 7.6.1), not of the message.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The caller's fields that stay here: its credentials, and what is made anew for the upstream.
const CALLERS_OWN: [&str; 16] = [
    "authorization",
    "api-key",
    "x-api-key",
    "cookie",
    "host",
    "content-length",
    "expect",
    "x-request-id",
    // No error could follow in a compressed stream; what is read is requested uncompressed.
    "accept-encoding",
    "http2-settings",
    // A page's own, which the gateway judges (`PORTCULLIS_CORS_ORIGINS`); some local servers refuse others'.
    "origin",
    "anthropic-version",
    // Who the caller is, as what stands before the gateway tells it.
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "cdn-loop",
];

/// Families of such fields, by how their names begin: the host's, proxies', Cloudflare's. An upstream behind
/// Cloudflare answers 403 to a request that has been through Cloudflare already.
const CALLERS_FAMILIES: [&str; 3] = ["spin-", "x-forwarded-", "cf-"];

/// What is not of these: it is said to Cloudflare's AI gateway, which may be the upstream.
const CROSSING_FAMILIES: [&str; 1] = ["cf-aig-"];

/// The upstream's fields the caller gets. Everything else is about the upstream's connection, its
/// cookies or its machinery.
const RELAYED: [&str; 14] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
];

/// Families of fields the caller gets, by how their names begin.
const RELAYED_FAMILIES: [&str; 3] = ["x-ratelimit-", "openai-", "anthropic-ratelimit-"];

fn is_in(list: &[&str], name: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(name))
}

fn is_of(families: &[&str], name: &str) -> bool {
    let begins = |family: &&str| name.get(..family.len()).is_some_and(|it| it.eq_ignore_ascii_case(family));
    families.iter().any(begins)
}

/// The fields that `Connection` names: further ones of this connection alone.
fn of_connection(fields: &Headers) -> Vec<&str> {
    fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect()
}

/// What an upstream gets: the caller's fields but those that stay here, then the gateway's. The operator's stand
/// for both of the same names.
pub(super) fn to_upstream<'a>(
    caller: &'a Headers,
    upstream: &'a Upstream,
    request_id: &'a str,
) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
    let named = of_connection(caller);
    let crosses = |name: &str| {
        !is_in(&HOP_BY_HOP, name)
            && !is_in(&CALLERS_OWN, name)
            && !is_in(&named, name)
            && (!is_of(&CALLERS_FAMILIES, name) || is_of(&CROSSING_FAMILIES, name))
    };
    let mut out: Vec<(Cow<'a, str>, Cow<'a, [u8]>)> = caller
        .iter()
        .filter(|(name, _)| crosses(name))
        .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .collect();
    out.push(("x-request-id".into(), request_id.as_bytes().into()));
    out.push(("accept-encoding".into(), b"identity".into()));
    if let Some(key) = &upstream.key {
        out.push(match &upstream.api {
            Api::OpenAi => ("authorization".into(), format!("Bearer {}", key.expose()).into_bytes().into()),
            Api::Azure { .. } => ("api-key".into(), key.expose().as_bytes().into()),
            Api::Anthropic { .. } => ("x-api-key".into(), key.expose().as_bytes().into()),
        });
    }
    out.retain(|(name, _)| !upstream.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)));
    for (name, value) in &upstream.headers {
        out.push((name.into(), value.expose().as_bytes().into()));
    }
    out
}

/// What an upstream calls the request, where that is not what the gateway calls it.
pub(super) fn own_id(upstream: &Headers, request_id: &str) -> Option<String> {
    let id = ["x-request-id", "request-id", "apim-request-id"].iter().find_map(|name| upstream.get(name))?;
    (id != request_id && id.len() <= 128).then(|| id.to_owned())
}

/// What the caller gets. Where the body is made anew, its length and coding are too.
pub(super) fn to_caller(upstream: &Headers, body_is_new: bool) -> Headers {
    let named = of_connection(upstream);
    upstream
        .iter()
        .filter(|(name, _)| {
            !is_in(&named, name)
                && (is_in(&RELAYED, name) || is_of(&RELAYED_FAMILIES, name))
                && !(body_is_new && is_in(&["content-length", "content-encoding"], name))
        })
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
