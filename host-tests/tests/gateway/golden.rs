//! The golden exchanges of the core, sent through the component: the WASI adapter adds and loses nothing, also in reused
//! instances.

use super::assert_untrapped;
use super::instances::{reusing, settled};
use host_tests::{Call, Gateway, Reply};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A text with the values that differ between requests masked: ids and timestamps.
fn masked(text: &str) -> String {
    let mut out = text.to_owned();
    for (before, after) in [
        ("\"id\":\"chatcmpl-", '"'),
        ("\"id\":\"cmpl-", '"'),
        ("\"id\":\"modr-", '"'),
        ("\"id\":\"call_", '"'),
        ("\"id\":\"resp_", '"'),
        ("\"id\":\"msg_", '"'),
        ("\"id\":\"fc_", '"'),
        ("\"id\":\"cmp_", '"'),
        ("\"id\":\"toolu_", '"'),
        ("\"item_id\":\"", '"'),
        ("\"call_id\":\"call_", '"'),
        ("\"request_id\":\"", '"'),
        ("\"encrypted_content\":\"gAAAAA", '"'),
        ("\"created\":", ','),
        ("\"created_at\":", ','),
        ("\"completed_at\":1", ','),
    ] {
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

/// A request, and the core's response to it.
struct Exchange {
    name: String,
    request: Value,
    answer: String,
}

impl Exchange {
    /// All exchanges, always in the same order.
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
        let paths =
            fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        paths.sort();
        assert!(paths.len() > 25, "the golden exchanges were found");
        let exchange = |path: &std::path::PathBuf| Self {
            name: path.display().to_string(),
            request: serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON"),
            answer: fs::read_to_string(path.with_extension("txt")).expect("an answer"),
        };
        paths.iter().map(exchange).collect()
    }

    fn call(&self, gateway: &Gateway) -> Call {
        let text = |name: &str| self.request[name].as_str().expect("a string");
        let mut call = gateway.call(text("method"), text("path")).no_key();
        for (name, value) in self.request["headers"].as_object().expect("an object") {
            call = call.header(name, value.as_str().expect("a string"));
        }
        match self.request.get("body") {
            Some(body) => call.body(body.to_string()),
            None => call,
        }
    }

    /// Asserts that a response equals the core's, byte for byte, except for ids and timestamps.
    #[track_caller]
    fn assert(&self, reply: &Reply) {
        let (head, body) = self.answer.split_once("\n\n").expect("a head and a body");
        let mut head = head.lines();
        assert_eq!(head.next(), Some(&*reply.status.to_string()), "{}", self.name);
        for (name, value) in head.map(|line| line.split_once(": ").expect("a field")) {
            let own = ["x-request-id", "request-id", "openai-processing-ms"].contains(&name);
            let got = reply.header(name);
            assert!(if own { got.is_some() } else { got == Some(value) }, "{}: {name} is {got:?}", self.name);
        }
        assert_eq!(masked(reply.text()), masked(body), "{}", self.name);
    }
}

const KEY: (&str, &str) = ("PORTCULLIS_API_KEYS", "sk-golden");

#[tokio::test]
async fn a_fresh_instance_answers_as_the_core_does() {
    let exchanges = Exchange::all();
    let gateway = reusing(1, KEY).await;
    for exchange in &exchanges {
        exchange.assert(&exchange.call(&gateway).await);
    }
    assert_eq!(gateway.instances_made(), exchanges.len() as u64);
    assert_untrapped(&gateway);
}

/// How many requests an instance handles before it is compared with a fresh one.
const TIMES: usize = 1_000;

#[tokio::test]
async fn an_instance_answers_for_the_thousandth_time_as_the_core_does() {
    let exchanges = Exchange::all();
    let gateway = reusing(u32::MAX, KEY).await;
    let mut memory = Vec::new();
    // The first round is a warm-up, in which memory grows to the need of the largest exchange.
    let rounds = exchanges.iter().cycle().take(TIMES + exchanges.len());
    for (i, exchange) in rounds.enumerate() {
        let reply = settled(&gateway, exchange.call(&gateway)).await;
        if i >= TIMES {
            exchange.assert(&reply);
        }
        if (i + 1).is_multiple_of(exchanges.len()) {
            memory.push(gateway.idle_instances()[0].memory);
        }
    }
    assert_eq!(gateway.instances_made(), 1);
    assert!(memory.len() > 10 && memory.iter().all(|size| *size == memory[0]), "it grows: {memory:?}");
    assert_untrapped(&gateway);
}
