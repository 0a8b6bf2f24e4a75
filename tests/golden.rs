//! Whole exchanges, byte for byte: `tests/golden/NAME.json` is a request, `NAME.txt` its response.
//!
//! `BLESS=1 cargo test --test golden` writes the responses again; review the difference before you commit it.
//! `host-tests` sends the same files through the component, which shows that the WASI adapter changes nothing.

#![cfg(feature = "vocab")] // without it token counts are estimates, and the responses differ

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, BodyItem, Method, Request, Response};
use portcullis::router::Route;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod nowhere;
use nowhere::{Nowhere, Whole};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases() -> Vec<(String, Value)> {
    let names =
        fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let request =
                serde_json::from_slice(&fs::read(&path).expect("a file")).expect("a request in JSON");
            (name, request)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

fn answer(case: &Value) -> String {
    let settings = [("PORTCULLIS_API_KEYS".to_owned(), "sk-golden".to_owned())];
    let elapsed = || Duration::from_millis(3);
    let ctx = Ctx { now: Duration::from_secs(1_700_000_000), random: [1, 2], elapsed: &elapsed };
    let text = |name: &str| case[name].as_str().expect("a string").to_owned();
    let headers = case["headers"].as_object().expect("an object");
    let request = Request {
        method: match &*text("method") {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => Method::Other(other.to_owned()),
        },
        path: text("path"),
        query: None,
        headers: headers.iter().map(|(n, v)| (n.clone(), v.as_str().expect("a string"))).collect(),
    };
    let mut body = Whole(case.get("body").map(|body| body.to_string().into_bytes()));
    render(Gateway::new(&settings).handle(&request, &mut body, &Nowhere, &ctx).response)
}

fn render(response: Response<Whole>) -> String {
    let mut out = format!("{}\n", response.status);
    for (name, value) in response.headers.iter() {
        let _ = writeln!(out, "{name}: {}", String::from_utf8_lossy(value));
    }
    let body = match response.body {
        Body::Full(bytes) => bytes,
        Body::Stream(items) => items
            .flat_map(|item| match item {
                BodyItem::Data(bytes) => bytes,
                other => panic!("{other:?}"),
            })
            .collect(),
        Body::Relay(_) => panic!("the engine does not forward"),
    };
    out.push('\n');
    out + &String::from_utf8(body).expect("UTF-8")
}

#[test]
fn exchanges_are_unchanged() {
    let cases = cases();
    assert!(!cases.is_empty());
    for (name, case) in cases {
        let file = folder().join(name.clone() + ".txt");
        let got = answer(&case);
        if std::env::var_os("BLESS").is_some() {
            fs::write(file, got).expect("writable");
            continue;
        }
        let want = fs::read_to_string(file)
            .unwrap_or_else(|_| panic!("{name} has no response yet: see BLESS above"));
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn every_route_has_a_case_and_every_response_a_request() {
    let cases = cases();
    for route in Route::ALL {
        let of_route = |case: &Value| {
            let found = Route::at(case["path"].as_str().unwrap_or_default());
            found.is_some_and(|found| std::mem::discriminant(&found) == std::mem::discriminant(&route))
        };
        assert!(cases.iter().any(|(_, case)| of_route(case)), "no case for {route:?}");
    }
    for entry in fs::read_dir(folder()).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        assert!(path.with_extension("json").exists(), "{} has no request", path.display());
    }
}
