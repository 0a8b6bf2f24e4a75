//! Which header fields cross, in each direction.

use super::dialect::Dialect;
use crate::config::Upstream;
use crate::http::{HOP_BY_HOP, Headers};
use std::borrow::Cow;

/// The caller's fields that stay here: its credentials, what is made anew for the upstream, and what another server
/// would take for the word of the gateway.
const NOT_FORWARDED: [&str; 33] = [
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
    // The gateway's to check (`PORTCULLIS_CORS_ORIGINS`); some local servers refuse others'.
    "origin",
    // The caller's address and host, as proxies before the gateway state them.
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-original-host",
    "true-client-ip",
    "fastly-client-ip",
    "cdn-loop",
    // Another method or path than the request's.
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-rewrite-url",
    // A user that a proxy has authenticated.
    "remote-user",
    "x-remote-user",
    "x-webauth-user",
    "x-goog-iap-jwt-assertion",
];

/// Families of such fields, by how their names begin: the host's, proxies', Cloudflare's. An upstream behind
/// Cloudflare answers 403 to a request that has been through Cloudflare already.
const NOT_FORWARDED_FAMILIES: [&str; 8] = [
    "spin-",
    "x-forwarded-",
    "cf-",
    "x-envoy-",
    "x-auth-request-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-amzn-oidc-",
];

/// What is not of these: it is for Cloudflare's AI gateway, which may be the upstream.
const FORWARDED_FAMILIES: [&str; 1] = ["cf-aig-"];

/// Fields that stay here as well where the key is restricted to models: the account that pays and whose models they are,
/// and what routers in front of models take a model from.
const NOT_OF_RESTRICTED_KEYS: [&str; 3] = ["openai-organization", "openai-project", "x-goog-user-project"];

/// Families of such fields: Portkey's, Helicone's, LiteLLM's, Bifrost's, SageMaker's.
const NOT_OF_RESTRICTED_KEYS_FAMILIES: [&str; 5] =
    ["x-portkey-", "helicone-", "x-litellm-", "x-bf-", "x-amzn-sagemaker-"];

/// Words in the names of such fields: those of Azure ML and of KServe's model mesh, and any others alike.
const NOT_OF_RESTRICTED_KEYS_WORDS: [&str; 2] = ["model", "deployment"];

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

/// Whether two names are one field's. Some servers (CGI, WSGI) read `_` as `-`.
fn same_name(a: &str, b: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    a.len() == b.len() && a.bytes().map(plain).eq(b.bytes().map(plain))
}

fn is_in(list: &[&str], name: &str) -> bool {
    list.iter().any(|entry| same_name(entry, name))
}

fn is_of(families: &[&str], name: &str) -> bool {
    let begins = |family: &&str| name.get(..family.len()).is_some_and(|it| same_name(it, family));
    families.iter().any(begins)
}

/// The fields of a caller whose key is restricted to models that may be forwarded, as far as the restriction decides it.
pub fn of_restricted_key(fields: &Headers) -> Headers {
    let stays = |name: &str| {
        let folded = name.to_ascii_lowercase();
        is_in(&NOT_OF_RESTRICTED_KEYS, name)
            || is_of(&NOT_OF_RESTRICTED_KEYS_FAMILIES, name)
            || NOT_OF_RESTRICTED_KEYS_WORDS.iter().any(|word| folded.contains(word))
    };
    let crossing = fields.iter().filter(|(name, _)| !stays(name));
    crossing.map(|(name, value)| (name.to_owned(), value)).collect()
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

/// The fields for an upstream: the caller's, except those that are not forwarded, then the gateway's. The operator's
/// replace both of the same names.
pub(super) fn to_upstream<'a>(
    caller: &'a Headers,
    upstream: &'a Upstream,
    dialect: &dyn Dialect,
    request_id: &'a str,
) -> Vec<(Cow<'a, str>, Cow<'a, [u8]>)> {
    let named = of_connection(caller);
    let crosses = |name: &str| {
        !is_in(&HOP_BY_HOP, name)
            && !is_in(&NOT_FORWARDED, name)
            && !is_in(&named, name)
            && (!is_of(&NOT_FORWARDED_FAMILIES, name) || is_of(&FORWARDED_FAMILIES, name))
    };
    let mut out: Vec<(Cow<'a, str>, Cow<'a, [u8]>)> = caller
        .iter()
        .filter(|(name, _)| crosses(name))
        .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .collect();
    out.push(("x-request-id".into(), request_id.as_bytes().into()));
    out.push(("accept-encoding".into(), b"identity".into()));
    if let Some(key) = &upstream.key {
        let (name, value) = dialect.credentials(key.expose());
        out.push((name.into(), value.into_bytes().into()));
    }
    out.retain(|(name, _)| !upstream.headers.iter().any(|(own, _)| same_name(own, name)));
    for (name, value) in &upstream.headers {
        out.push((name.into(), value.expose().as_bytes().into()));
    }
    out
}

/// The upstream's id of the request, where it is not the gateway's.
pub(super) fn own_id(upstream: &Headers, request_id: &str) -> Option<String> {
    let id = ["x-request-id", "request-id", "apim-request-id"].iter().find_map(|name| upstream.get(name))?;
    (id != request_id && id.len() <= 128).then(|| id.to_owned())
}

/// The fields for the caller. Where the body is made anew, its length and coding are too.
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
