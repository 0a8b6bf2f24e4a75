//! An upstream with the four APIs, whose answers are numbered.

use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A server on a free port.
pub(crate) struct Upstream {
    port: u16,
    count: Arc<AtomicU64>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let count = Arc::new(AtomicU64::new(0));
        let own = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&own);
                std::thread::spawn(move || serve(stream, &count));
            }
        });
        Self { port, count }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// How many requests it got.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, count: &AtomicU64) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut from = BufReader::new(stream);
    let mut path = String::new();
    from.read_line(&mut path)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim_end().split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let nth = count.fetch_add(1, Ordering::SeqCst) + 1;
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, label, answer) = answer(&path, &request, nth);
    write!(out, "HTTP/1.1 {status} x\r\ncontent-type: {label}\r\ncontent-length: {}\r\n\r\n", answer.len())?;
    out.write_all(answer.as_bytes())
}

/// An answer to a request: its status, its content type and its body.
fn answer(path: &str, request: &Value, nth: u64) -> (u16, &'static str, String) {
    let asked = request.to_string();
    if asked.contains("\"error\"") {
        return (400, "application/json", json!({"error": {"message": "no"}}).to_string());
    }
    let length =
        asked.split("long ").nth(1).and_then(|rest| rest.split('"').next()?.parse().ok()).unwrap_or(0);
    let text = format!("answer {nth} é 😀{}", "x".repeat(length));
    let whole = match path {
        path if path.contains("/chat/") => chat(nth, &text),
        path if path.contains("/completions") => {
            json!({"id": format!("cmpl-{nth}"), "object": "text_completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": "stop"}], "usage": counts()})
        }
        path if path.contains("/responses") => response(nth, &text, request),
        _ => {
            json!({"id": format!("msg_{nth}"), "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "stop_sequence": null, "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 5, "output_tokens": 2}})
        }
    };
    if request["stream"] != json!(true) {
        return (200, "application/json", whole.to_string());
    }
    let events = events(path, &whole, request);
    let most = if asked.contains("\"cut\"") { events.len() - 2 } else { events.len() };
    (200, "text/event-stream", events[..most].concat())
}

fn counts() -> Value {
    json!({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
}

fn chat(nth: u64, text: &str) -> Value {
    let call =
        json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":[1]}"}});
    json!({"id": format!("chatcmpl-{nth}"), "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null,
                     "message": {"role": "assistant", "content": text, "refusal": null, "tool_calls": [call]}}],
        "usage": counts()})
}

fn response(nth: u64, text: &str, request: &Value) -> Value {
    let content = json!([{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]);
    json!({"id": format!("resp_{nth}"), "object": "response", "created_at": 1, "status": "completed", "error": null, "model": "m",
        "output": [{"type": "message", "id": "item_1", "role": "assistant", "status": "completed", "content": content},
                   {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"}],
        "metadata": request["metadata"], "user": request["user"],
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}})
}

fn events(path: &str, whole: &Value, request: &Value) -> Vec<String> {
    let data = |event: Value| format!("data: {event}\n\n");
    let named =
        |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let chunk =
        |choice: Value| data(json!({"id": whole["id"], "created": 1, "model": "m", "choices": [choice]}));
    let has_usage = request["stream_options"]["include_usage"] == json!(true);
    let usage = has_usage.then(|| data(json!({"id": whole["id"], "choices": [], "usage": counts()})));
    let choice = &whole["choices"][0];
    let done = "data: [DONE]\n\n".to_owned();
    match path {
        path if path.contains("/chat/") => {
            let mut call = choice["message"]["tool_calls"][0].clone();
            call["index"] = 0.into();
            let text = &choice["message"]["content"];
            let mut all = vec![
                chunk(json!({"index": 0, "delta": {"role": "assistant", "content": ""}})),
                chunk(json!({"index": 0, "delta": {"content": text}})),
                chunk(json!({"index": 0, "delta": {"tool_calls": [call]}})),
                chunk(json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"})),
            ];
            // Cut, it lacks its finish reason.
            all.extend(usage);
            all.push(done);
            if request.to_string().contains("\"cut\"") {
                all.truncate(4);
            }
            all
        }
        path if path.contains("/completions") => {
            let mut all = vec![chunk(json!({"index": 0, "text": choice["text"], "finish_reason": null}))];
            all.push(chunk(json!({"index": 0, "text": "", "finish_reason": "stop"})));
            if !request.to_string().contains("\"cut\"") {
                all.extend(usage);
            }
            all.push(done);
            all
        }
        path if path.contains("/responses") => vec![
            named(
                json!({"type": "response.created", "sequence_number": 0, "response": {"id": whole["id"], "status": "in_progress"}}),
            ),
            named(json!({"type": "response.output_text.delta", "sequence_number": 1, "delta": "x"})),
            named(json!({"type": "response.completed", "sequence_number": 2, "response": whole})),
        ],
        _ => {
            let mut start = whole.clone();
            start["content"] = json!([]);
            start["stop_reason"] = Value::Null;
            start["usage"]["output_tokens"] = 1.into();
            vec![
                named(json!({"type": "message_start", "message": start})),
                named(
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                ),
                named(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": whole["content"][0]["text"]}}),
                ),
                named(json!({"type": "content_block_stop", "index": 0})),
                named(
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
                ),
                named(json!({"type": "message_stop"})),
            ]
        }
    }
}
