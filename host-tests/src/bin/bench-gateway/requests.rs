//! The requests that the benchmarks send.

use serde_json::{Value, json};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const MODELS: &str = "/v1/models";

/// Sentences of ordinary English.
const TEXT: &str = "The harbour was quiet when the last of the boats came in, and the keeper of the light wrote the \
    hour into his book before he climbed the stairs again. Nobody had told him what the weather would be, but the \
    gulls had left the rocks at noon, which they do when the wind is about to turn. He counted 42 steps, as he did \
    every evening, and stopped at the window that looks to the north. ";

/// English text of exactly `bytes` bytes.
pub(crate) fn text(bytes: usize) -> String {
    let mut text = TEXT.repeat(bytes / TEXT.len() + 1);
    text.truncate(bytes);
    text
}

/// A chat completion request of exactly `bytes` bytes of JSON: a system message, a turn, and a user message that takes
/// about a third of it.
pub(crate) fn chat(model: &str, bytes: usize, more: &Value) -> Vec<u8> {
    let of = |filler: usize| {
        let mut body = json!({"model": model, "messages": [
            {"role": "system", "content": text(filler)},
            {"role": "user", "content": "Hello! Can you help me with a text?"},
            {"role": "assistant", "content": "Of course. Which text is it?"},
            {"role": "user", "content": text(bytes / 3)},
        ], "temperature": 0.7, "max_tokens": 1000});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        body.to_string().into_bytes()
    };
    let least = of(0).len();
    of(bytes.saturating_sub(least))
}

/// The benchmark's request: 1 KiB.
pub(crate) fn usual(model: &str, stream: bool) -> Vec<u8> {
    chat(model, 1024, &if stream { json!({"stream": true}) } else { json!({}) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_requested_size() {
        for size in [1024, 4096, 1 << 20] {
            let body = chat("gpt-4o", size, &json!({}));
            assert_eq!(body.len(), size);
            assert!(serde_json::from_slice::<Value>(&body).is_ok());
        }
        assert_eq!(usual("events-20", true).len(), 1024);
    }
}
