//! Whole streams replayed by an upstream: our own always, recorded ones where a folder of them is named.
//!
//! `PORTCULLIS_RECORDINGS` names a folder with `recorded-chat.jsonl`, `recorded-responses.jsonl` and
//! `recorded-messages.jsonl`, plain or with `.gz`. A line is an exchange; those with a member `stream`, an array of
//! `{"event", "data"}`, are replayed. The recordings are not part of the repository. With them, run the tests
//! optimized: `PORTCULLIS_RECORDINGS=DIR cargo test --release -p portcullis --test forwarding replay`.

mod grammar;
mod made;
mod other_api;
mod rounds;
mod same_api;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A stream that an API sent.
pub(crate) struct Recorded {
    /// Where it comes from, for messages.
    pub(crate) name: String,
    /// The name of each event, where it has one, and its data.
    pub(crate) events: Vec<(Option<String>, String)>,
}

impl Recorded {
    /// The bytes of the stream.
    pub(crate) fn bytes(&self) -> String {
        let frame = |(name, data): &(Option<String>, String)| match name {
            Some(name) => format!("event: {name}\ndata: {data}\n\n"),
            None => format!("data: {data}\n\n"),
        };
        self.events.iter().map(frame).collect()
    }

    /// The data of each event that is JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.events.iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect()
    }
}

/// The streams of an API: `chat`, `responses` or `messages`.
pub(crate) fn streams(api: &str) -> Vec<Recorded> {
    let mut all = made::streams(api);
    if let Some(folder) = std::env::var_os("PORTCULLIS_RECORDINGS") {
        let recorded = recorded(Path::new(&folder), api);
        assert!(!recorded.is_empty(), "no streams of {api} in {}", folder.display());
        eprintln!("{api}: {} recorded streams", recorded.len());
        all.extend(recorded);
    }
    all
}

fn recorded(folder: &Path, api: &str) -> Vec<Recorded> {
    let lines = text(&folder.join(format!("recorded-{api}.jsonl")));
    let exchanges = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    let of_endpoint = |path: &Value| path.as_str().is_some_and(|path| path != "/v1/completions");
    exchanges
        .filter(|exchange| exchange["method"] == "POST" && of_endpoint(&exchange["path"]))
        .filter_map(|exchange| {
            let events = exchange["stream"].as_array()?.iter().map(|event| {
                let data = match &event["data"] {
                    Value::String(text) => text.clone(),
                    json => json.to_string(),
                };
                // Some recorders drop the name, which the type in the data repeats.
                let name = event["event"].as_str().or(event["data"]["type"].as_str());
                (name.map(str::to_owned), data)
            });
            Some(Recorded { name: exchange["id"].to_string(), events: events.collect() })
        })
        .collect()
}

/// The text of a file, which may be compressed.
fn text(plain: &Path) -> String {
    if plain.exists() {
        return std::fs::read_to_string(plain).expect("a text file");
    }
    let packed = PathBuf::from(format!("{}.gz", plain.display()));
    let unpacked = Command::new("gzip").arg("-dc").arg(&packed).output().expect("gzip is installed");
    assert!(unpacked.status.success(), "{}", packed.display());
    String::from_utf8(unpacked.stdout).expect("UTF-8")
}
