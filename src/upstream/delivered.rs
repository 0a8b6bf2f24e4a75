//! The text of native answers, for counting the tokens of an upstream that reports none.

use crate::json::{self, Value};
use crate::turn::UsageMeter;

/// The members whose strings a model generated.
const GENERATED: [&str; 10] = [
    "content",
    "text",
    "reasoning_content",
    "reasoning",
    "refusal",
    "arguments",
    "input",
    "name",
    "thinking",
    "partial_json",
];

/// Takes the text of an event of a stream. Events of Messages and Responses have types, and repeat at the end what the
/// deltas had.
pub(super) fn of_event(data: &[u8], meter: &UsageMeter) {
    let Ok(event) = json::answer_from_slice::<Value<'_>>(data) else { return };
    match event.get("type").and_then(Value::as_str) {
        Some(kind) if kind.ends_with(".delta") => match event.get("delta") {
            Some(Value::String(text)) => meter.deliver(text),
            Some(delta) => generated(delta, meter),
            None => {}
        },
        Some("content_block_delta") => {
            event.get("delta").into_iter().for_each(|delta| generated(delta, meter))
        }
        Some(_) => {}
        None => event.get("choices").into_iter().for_each(|choices| generated(choices, meter)),
    }
}

/// Takes the text of a whole answer: of Chat Completions and Completions, of Responses, or of Messages.
pub(super) fn of_answer(body: &[u8], meter: &UsageMeter) {
    let Ok(answer) = json::answer_from_slice::<Value<'_>>(body) else { return };
    for name in ["choices", "output", "content"] {
        answer.get(name).into_iter().for_each(|part| generated(part, meter));
    }
}

fn generated(value: &Value<'_>, meter: &UsageMeter) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| generated(item, meter)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if GENERATED.contains(&&**name) => meter.deliver(text),
                    Value::Array(_) | Value::Object(_) if name != "logprobs" => generated(value, meter),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Encoding;

    fn count(of: fn(&[u8], &UsageMeter), json: &[&str]) -> u64 {
        let meter = UsageMeter::default();
        meter.count_delivered(Encoding::O200kBase);
        json.iter().for_each(|json| of(json.as_bytes(), &meter));
        meter.delivered()
    }

    #[test]
    fn every_api_s_text_is_counted_once() {
        let want = Encoding::O200kBase.count("hello world") as u64;
        for events in [
            &[
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":" world"},"logprobs":{"content":[{"token":"x"}]}}]}"#,
            ][..],
            &[r#"{"choices":[{"text":"hello world","finish_reason":"stop"}]}"#],
            &[
                r#"{"type":"response.output_text.delta","delta":"hello world"}"#,
                r#"{"type":"response.output_text.done","text":"hello world"}"#,
            ],
            &[
                r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hello world"}}"#,
            ],
        ] {
            assert_eq!(count(of_event, events), want, "{events:?}");
        }
        for answer in [
            r#"{"choices":[{"message":{"role":"assistant","content":"hello world"}}]}"#,
            r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"hello world"}]}]}"#,
            r#"{"content":[{"type":"text","text":"hello world"}],"model":"m"}"#,
        ] {
            assert_eq!(count(of_answer, &[answer]), want, "{answer}");
        }
    }
}
