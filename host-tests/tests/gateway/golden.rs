//! The core's golden exchanges, through the component: the edge adds nothing and loses nothing.

use super::assert_untrapped;
use host_tests::Gateway;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A text with what differs from request to request replaced: ids, and when they were made.
fn masked(text: &str) -> String {
    let mut out = text.to_owned();
    for (before, after) in
        [("\"id\":\"chatcmpl-", '"'), ("\"id\":\"cmpl-", '"'), ("\"id\":\"modr-", '"'), ("\"created\":", ',')]
    {
        let mut pieces = out.split(before);
        let mut next = pieces.next().expect("even an empty text has a piece").to_owned();
        for piece in pieces {
            let end = piece.find(after).expect("the value ends");
            next = next + before + "…" + &piece[end..];
        }
        out = next;
    }
    out
}

#[tokio::test]
async fn the_component_answers_as_the_core_does() {
    let gateway = Gateway::start(&[("PORTCULLIS_API_KEYS", "sk-golden")]).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let case: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        let text = |name: &str| case[name].as_str().expect("a string");
        let mut call = gateway.call(text("method"), text("path")).no_key();
        for (name, value) in case["headers"].as_object().expect("an object") {
            call = call.header(name, value.as_str().expect("a string"));
        }
        if let Some(body) = case.get("body") {
            call = call.body(body.to_string());
        }
        let reply = call.await;
        let golden = fs::read_to_string(path.with_extension("txt")).expect("an answer");
        let (head, body) = golden.split_once("\n\n").expect("a head and a body");
        let mut head = head.lines();
        assert_eq!(head.next(), Some(&*reply.status.to_string()), "{path:?}");
        for (name, value) in head.map(|line| line.split_once(": ").expect("a field")) {
            let own = ["x-request-id", "openai-processing-ms"].contains(&name);
            let got = reply.header(name);
            assert!(if own { got.is_some() } else { got == Some(value) }, "{path:?}: {name} is {got:?}");
        }
        assert_eq!(masked(reply.text()), masked(body), "{path:?}");
        seen += 1;
    }
    assert!(seen > 10, "the golden exchanges are where they are looked for");
    assert_untrapped(&gateway);
}
