//! `GET /` through the gateway: when the page is served, its header fields, and its size.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Headers, Method, Request};
use portcullis::log::Ending;
use sha2::{Digest, Sha256};
use std::time::Duration;

mod nowhere;
use nowhere::{Nowhere, Whole};

#[path = "../build/squeeze.rs"]
mod squeeze;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The maximum size of the page in the component, including the policy, in bytes.
const MAX_BYTES: usize = 24_000;

struct Answer {
    status: u16,
    headers: Headers,
    body: String,
    log: String,
}

fn send(vars: &[(&str, &str)], method: Method, path: &str, accept: &str) -> Answer {
    let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let headers = [("accept", accept)].into_iter().collect();
    let request = Request { method, path: path.to_owned(), query: None, headers };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let gateway = Gateway::new(&vars);
    let exchange = gateway.handle(&request, &mut Whole(None), &Nowhere, &ctx);
    let Body::Full(body) = exchange.response.body else { panic!("the page is not streamed") };
    Answer {
        status: exchange.response.status,
        headers: exchange.response.headers,
        body: String::from_utf8(body).expect("UTF-8"),
        log: gateway
            .close(exchange.record, &Ending::default(), &Nowhere, &|| Duration::ZERO)
            .expect("it is logged"),
    }
}

fn page() -> Answer {
    send(&[("PORTCULLIS_API_KEYS", "sk-test")], Method::Get, "/", BROWSER)
}

/// The text between two texts of the page.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).expect("the page has it");
    rest.split_once(end).expect("it ends").0
}

#[test]
fn a_browser_gets_the_page_without_a_key() {
    let Answer { status, headers, body, log } = page();
    assert_eq!(status, 200);
    assert!(body.starts_with("<!doctype html>"));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
        ("vary", "accept"),
    ] {
        assert_eq!(headers.get(name), Some(value));
    }
    assert!(headers.get("x-request-id").is_some());
    assert!(log.contains(r#""url.path":"/""#) && log.contains("200"), "{log}");
}

#[test]
fn the_policy_allows_only_the_page_s_own_style_and_script() {
    let Answer { headers, body, .. } = page();
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let style = hash(between(&body, "<style>", "</style>"));
    let script = hash(between(&body, "<script type=module>", "</script>"));
    let policy = headers.get("content-security-policy").expect("there is a policy");
    let directives: Vec<_> = policy.split("; ").collect();
    for want in [
        "default-src 'none'",
        &format!("script-src {script}"),
        &format!("style-src {style}"),
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(directives.contains(&want), "{want} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
}

#[test]
fn the_page_is_small_and_names_no_other_origin() {
    let Answer { headers, body, .. } = page();
    let policy = headers.get("content-security-policy").expect("there is a policy");
    let bytes = body.len() + policy.len();
    assert!(bytes <= MAX_BYTES, "the page takes {bytes} bytes of the component");
    // The namespace of SVG is an identifier and not loaded.
    let rest = body.replace("http://www.w3.org/2000/svg", "");
    assert!(!rest.contains("http:") && !rest.contains("https:") && !rest.contains("src="));
    for unsafe_call in
        ["innerHTML", "outerHTML", "insertAdjacent", "eval(", "document.write", " style=", " onclick="]
    {
        assert!(!body.contains(unsafe_call), "the page has {unsafe_call}");
    }
}

#[test]
fn other_clients_do_not_get_the_page() {
    let key = ("PORTCULLIS_API_KEYS", "sk-test");
    for accept in ["*/*", "application/json", "text/html;q=0"] {
        let answer = send(&[key], Method::Get, "/", accept);
        assert_eq!(answer.status, 404, "{accept}");
        assert!(answer.body.contains("unknown_url"));
    }
    let probe = send(&[key], Method::Head, "/", BROWSER);
    assert_eq!((probe.status, &*probe.body), (200, ""));
    assert_eq!(probe.headers.get("content-type"), None);
    assert_eq!(send(&[key], Method::Post, "/", BROWSER).status, 404);
    assert_eq!(send(&[key], Method::Get, "/v1/models", BROWSER).status, 401);
}

#[test]
fn the_page_can_be_disabled() {
    let off = ("PORTCULLIS_PAGE", "off");
    assert_eq!(send(&[off], Method::Get, "/", BROWSER).status, 404);
    assert_eq!(send(&[("PORTCULLIS_PAGE", "on")], Method::Get, "/", BROWSER).status, 200);
    let wrong = send(&[("PORTCULLIS_PAGE", "false")], Method::Get, "/", BROWSER);
    assert_eq!(wrong.status, 500);
    assert!(wrong.body.contains("PORTCULLIS_PAGE"));
    assert!(wrong.log.contains("`on`, `off`"), "{}", wrong.log);
}

#[test]
fn a_gateway_that_passes_paths_through_serves_its_page() {
    // `Nowhere` has no network, so a request that is passed through cannot be a 200.
    let upstream = ("PORTCULLIS_UPSTREAM_URL", "http://upstream.example/v1");
    let answer = send(&[upstream], Method::Get, "/", BROWSER);
    assert!(answer.status == 200 && answer.body.starts_with("<!doctype html>"));
    for path in ["/v1", "/v1/", "/v1/files", "/index.html"] {
        assert!(!send(&[upstream], Method::Get, path, BROWSER).body.contains("<html"), "{path}");
    }
}

#[test]
fn spaces_and_comments_are_removed_except_in_texts() {
    for (source, want) in [
        ("const a = 1; // one\nlet b;\n", "const a=1;let b;"),
        ("// all\nif (x) {\n  return y;\n}", "if(x){return y;}"),
        (
            r#"f("a // b", 'it\'s  1', /[/] \/ {2}/g, a / b / c)"#,
            r#"f("a // b",'it\'s  1',/[/] \/ {2}/g,a/b/c)"#,
        ),
        ("`a  ${ b ? `c  ${\"}\"}` : { d } }  e`  + 1", "`a  ${ b ? `c  ${\"}\"}` : { d } }  e`+1"),
        ("a + +b - -c", "a+ +b- -c"),
        ("typeof x === \"a\"", "typeof x===\"a\""),
        ("\"’ “\"", "\"’ “\""),
    ] {
        assert_eq!(squeeze::js(source), want);
    }
    assert_eq!(
        squeeze::css(
            "/* x */\na > b,\n:root [c] {\n  d: e f;\n  g: h(1, 2);\n}\n@media (i: j) {\n  k { l: m }\n}\n"
        ),
        "a>b,:root [c]{d:e f;g:h(1,2)}@media (i:j){k{l:m}}"
    );
    assert_eq!(
        squeeze::html("<p id=\"a\">\n  x\n  <b class=\"c d\">y</b>\n</p>\n\n<i>\n</i>"),
        "<p id=a> x <b class=\"c d\">y</b></p><i></i>"
    );
}
