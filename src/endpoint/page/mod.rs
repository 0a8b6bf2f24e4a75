//! `GET /` of a browser: a page to try the gateway with. It needs no key: the user enters one, and the page keeps it in
//! the session storage of its tab.
//!
//! `build/page.rs` joins the files beside this one. Style and script are inline, and the policy allows them by their
//! hashes: stricter than paths of their own, which `'self'` would have to allow, and with them whatever else is served
//! under this origin.

use crate::http::{Body, Headers, Method, Request, Response};

/// The HTML.
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/page.html"));

/// Its Content-Security-Policy.
const POLICY: &str = include_str!(concat!(env!("OUT_DIR"), "/page.csp"));

/// Whether a request is for the page: a `GET /` that accepts HTML.
pub fn is_requested(request: &Request) -> bool {
    request.method == Method::Get
        && request.path.starts_with('/')
        && request.path.bytes().all(|byte| byte == b'/')
        && request.headers.get("accept").is_some_and(|accept| accepts_html(&accept))
}

/// Whether a value of `accept` names HTML itself (RFC 9110, section 12.5.1). Browsers do; `*/*` is a client that would
/// take anything.
fn accepts_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("text/html"));
        let is_refused = |parameter: &str| {
            let weight = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("q"));
            weight.is_some_and(|(_, weight)| weight.parse() == Ok(0.0))
        };
        is_html && !parts.any(is_refused)
    })
}

/// The page.
pub fn show<B>() -> Response<B> {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        // A new version of the gateway brings a new page.
        ("cache-control", "no-cache"),
        ("vary", "accept"),
    ];
    Response { status: 200, headers: Headers::from_iter(headers), body: Body::Full(PAGE.as_bytes().to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_page_and_others_do_not() {
        let chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (accept, want) in [
            (chrome, true),
            ("text/html", true),
            ("application/json, TEXT/HTML;q=0.1", true),
            ("text/html;level=1", true),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("text/html;q=0", false),
            ("text/html; Q=0.000, */*", false),
            ("text/html5", false),
            ("", false),
        ] {
            assert_eq!(accepts_html(accept), want, "{accept}");
        }
        for (method, path, want) in [
            (Method::Get, "/", true),
            (Method::Get, "//", true),
            (Method::Head, "/", false),
            (Method::Post, "/", false),
            (Method::Get, "", false),
            (Method::Get, "/v1", false),
            (Method::Get, "/api/hello", false),
        ] {
            let headers = [("accept", chrome)].into_iter().collect();
            let request = Request { method, path: path.to_owned(), query: None, headers };
            assert_eq!(is_requested(&request), want, "{} {path}", request.method);
        }
        let headers = [("host", "h")].into_iter().collect();
        assert!(!is_requested(&Request { method: Method::Get, path: "/".into(), query: None, headers }));
    }
}
