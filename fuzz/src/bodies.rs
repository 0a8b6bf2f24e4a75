//! Parses bodies, into the typed requests and as any JSON.

use portcullis::api::{chat, completions, embeddings, messages, moderations, responses};
use portcullis::json::{self, Value};
use serde_json::value::RawValue;

/// Any bytes are parsed or refused without a panic. Our reader and serde_json accept the same documents, and white space
/// around a body makes no difference.
pub fn run(data: &[u8]) {
    let json = serde_json::from_slice::<&RawValue>(data).is_ok();
    let ours = Value::parse(data);
    assert!(json || ours.is_none(), "parsed, but not JSON");
    if serde_json::from_slice::<serde_json::Value>(data).is_ok() {
        assert!(ours.is_some(), "JSON that is not parsed");
    }
    let spaced = [b"\t ", data, b"\r\n"].concat();
    macro_rules! read {
        ($type:ty) => {
            let plain = json::from_slice::<$type>(data).ok();
            assert!(json || plain.is_none(), "parsed, but not JSON");
            assert_eq!(plain, json::from_slice::<$type>(&spaced).ok());
        };
    }
    read!(chat::Request<'_>);
    read!(completions::Request<'_>);
    read!(embeddings::Request<'_>);
    read!(moderations::Request<'_>);
    read!(responses::Request<'_>);
    read!(messages::Request<'_>);
}
