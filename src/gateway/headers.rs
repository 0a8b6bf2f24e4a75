//! The header fields that the gateway adds to responses, whatever answered.

use super::Arrival;
use crate::config::{Config, Origins};
use crate::ctx::Ctx;
use crate::http::{Headers, MAX_FIELDS, Method, Request, RequestHeaders, Response};
use crate::ids;
use crate::log::{CacheStatus, Record};
use crate::router::ApiFamily;
use std::borrow::Cow;

/// Adds the fields.
pub(super) fn add<T, B>(
    arrival: &Arrival<'_, T>,
    config: Option<&Config>,
    record: &Record,
    response: &mut Response<B>,
) {
    let Arrival { request, ref route, ctx, id, reservation, family, .. } = *arrival;
    let headers = &mut response.headers;
    if config.is_some_and(|config| config.route_headers)
        && let (Some(attempts), Some(target)) = (record.attempts, &record.target)
    {
        headers.push("x-portcullis-attempts", attempts.to_string());
        headers.push("x-portcullis-target", &**target);
    }
    if let Some(cache) = record.cache {
        headers.push("x-portcullis-cache", cache.name());
    }
    if record.store_failure.is_some() && headers.get("x-portcullis-store").is_none() {
        headers.push("x-portcullis-store", "down");
    }
    // Of a stream the cost is not known yet.
    let is_known = record.usage.get().is_complete || record.cache == Some(CacheStatus::Hit);
    if is_known && let Some(cost) = record.cost() {
        headers.push("x-portcullis-cost-usd", cost.to_string());
    }
    headers.push("x-request-id", id);
    reservation.add_fields(headers, family);
    match family {
        ApiFamily::Anthropic if headers.get("request-id").is_some() => {}
        ApiFamily::Anthropic => headers.push("request-id", id),
        ApiFamily::OpenAi => add_openai(ctx, headers),
    }
    let origins = config.and_then(|config| config.origins.as_ref());
    if response.status == 405
        && let Some(route) = route
    {
        let own = if route.method() == "GET" { "GET, HEAD" } else { route.method() };
        headers.push("allow", if origins.is_some() { format!("{own}, OPTIONS") } else { own.to_owned() });
    }
    if let Some(origins) = origins {
        allow_origin(origins, request, headers);
    }
}

fn add_openai(ctx: &Ctx<'_>, headers: &mut Headers) {
    if headers.get("openai-processing-ms").is_none() {
        headers.push("openai-processing-ms", (ctx.elapsed)().as_millis().to_string());
    }
    if headers.get("openai-version").is_none() {
        headers.push("openai-version", "2020-10-01");
    }
}

/// Lets a page of an allowed origin read the answer (Fetch standard, section 3.3).
fn allow_origin(origins: &Origins, request: &Request, headers: &mut Headers) {
    match origins {
        Origins::Any => headers.push("access-control-allow-origin", "*"),
        Origins::Listed(all) => {
            headers.push("vary", "Origin");
            let own = request.headers.get("origin");
            let Some(allowed) = own.filter(|own| all.iter().any(|one| one == own)) else { return };
            headers.push("access-control-allow-origin", allowed.into_owned());
        }
    }
    if request.method == Method::Options {
        let wanted = request.headers.get("access-control-request-headers");
        // A request that is refused for the size of its fields does not get them back.
        let wanted = wanted.filter(|wanted| wanted.len() <= MAX_FIELDS);
        // What is passed through has every method; where one is not, the page may read the 405.
        headers.push("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        headers
            .push("access-control-allow-headers", wanted.as_deref().unwrap_or("authorization, content-type"));
        headers.push("access-control-max-age", "86400");
    } else {
        // SDKs look for `x-ratelimit-…`, `retry-after-ms`, `x-should-retry` and more. The star applies to requests
        // without credentials, and no response allows those.
        headers.push("access-control-expose-headers", "*");
    }
}

/// The caller's own `x-request-id`, if it is printable and of a usual length, or a new one.
pub(super) fn request_id(headers: &RequestHeaders, ctx: &Ctx<'_>) -> String {
    let is_usual =
        |id: &Cow<'_, str>| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    headers.get("x-request-id").filter(is_usual).map_or_else(|| ids::request_id(ctx.random), Cow::into_owned)
}
