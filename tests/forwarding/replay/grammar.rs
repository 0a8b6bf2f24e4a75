//! The order of events that the streams of Responses and Messages have, and what each event repeats of those before.

use serde_json::{Value, json};

/// An event: its name, and its data.
pub(crate) type Event = (String, Value);

/// The events of a stream of named events.
///
/// # Errors
///
/// A line that no such stream has, or an event whose name is not the type in its data.
pub(crate) fn events(stream: &str) -> Result<Vec<Event>, String> {
    let frames = stream.split("\n\n").filter(|frame| !frame.is_empty());
    let read = |frame: &str| {
        let (name, data) = frame
            .strip_prefix("event: ")
            .and_then(|rest| rest.split_once("\ndata: "))
            .ok_or_else(|| format!("not an event: {frame:?}"))?;
        let data: Value = serde_json::from_str(data).map_err(|error| format!("{error}: {data}"))?;
        (data["type"] == name)
            .then(|| (name.to_owned(), data))
            .ok_or(format!("a name that is no type: {frame}"))
    };
    frames.map(read).collect()
}

fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Checks a stream of Responses and returns the response it ends with.
///
/// # Errors
///
/// What is out of order, or differs from what came before.
pub(crate) fn responses(events: &[Event]) -> Result<Value, String> {
    for ((_, data), number) in events.iter().zip(0..) {
        check(data["sequence_number"] == number, || {
            format!("event {number} has {}", data["sequence_number"])
        })?;
    }
    let names: Vec<&str> = events.iter().map(|(name, _)| &**name).collect();
    let start = match &names[..] {
        ["response.created", "response.queued", "response.in_progress", ..] => 3,
        ["response.created", "response.in_progress", ..] => 2,
        other => return Err(format!("begins with {:?}", &other[..other.len().min(3)])),
    };
    for (_, data) in &events[..start] {
        let response = &data["response"];
        check(response["output"] == json!([]) && response["usage"].is_null(), || {
            format!("begun: {response}")
        })?;
    }
    let (end, end_data) = events.last().ok_or("empty")?;
    let status = match &**end {
        "response.completed" => "completed",
        "response.incomplete" => "incomplete",
        "response.failed" => "failed",
        other => return Err(format!("ends with {other}")),
    };
    let response = &end_data["response"];
    check(response["status"] == status, || format!("{end} has the status {}", response["status"]))?;
    check(response["id"] == events[0].1["response"]["id"], || "the id changes".to_owned())?;
    let mut done = Vec::new();
    let mut item: Option<Item> = None;
    for (name, data) in &events[start..events.len() - 1] {
        if name == "keepalive" || name == "error" {
            continue;
        }
        check(data["output_index"] == done.len(), || format!("{name} at {}", data["output_index"]))?;
        match (&**name, &mut item) {
            ("response.output_item.added", None) => item = Some(Item::new(&data["item"])),
            ("response.output_item.done", open @ Some(_)) => {
                let open = open.take().ok_or("an item")?;
                open.matches(&data["item"])?;
                done.push(data["item"].clone());
            }
            (_, Some(item)) => item.take(name, data)?,
            (_, None) => return Err(format!("{name} outside an item")),
        }
    }
    if status != "failed" {
        check(item.is_none(), || "an item stays open".to_owned())?;
        let output = response["output"].as_array().ok_or("no output")?;
        check(without_volatile(output) == without_volatile(&done), || {
            format!("done: {done:?}, in the response: {output:?}")
        })?;
    }
    Ok(response.clone())
}

/// The items without what recordings have masked or made anew at the end.
fn without_volatile(items: &[Value]) -> Vec<Value> {
    let strip = |item: &Value| {
        let mut item = item.clone();
        if let Some(members) = item.as_object_mut() {
            members.remove("encrypted_content");
        }
        item
    };
    items.iter().map(strip).collect()
}

/// An item whose events are coming.
struct Item {
    kind: String,
    id: Value,
    call: Value,
    /// What its deltas have come to, part by part.
    parts: Vec<Part>,
    /// The input of a call.
    input: String,
    input_is_done: bool,
}

#[derive(Default)]
struct Part {
    kind: String,
    text: String,
    text_is_done: bool,
    is_done: bool,
}

impl Item {
    fn new(added: &Value) -> Self {
        Self {
            kind: added["type"].as_str().unwrap_or_default().to_owned(),
            id: added["id"].clone(),
            call: added["call_id"].clone(),
            parts: Vec::new(),
            input: String::new(),
            input_is_done: false,
        }
    }

    fn take(&mut self, name: &str, data: &Value) -> Result<(), String> {
        check(data["item_id"] == self.id, || format!("{name} names {}, not {}", data["item_id"], self.id))?;
        let text = |member: &str| data[member].as_str().unwrap_or_default();
        let index = data["content_index"].as_u64().or(data["summary_index"].as_u64());
        let last = self.parts.len().wrapping_sub(1) as u64;
        let is_open = index == Some(last) && self.parts.last().is_some_and(|part| !part.is_done);
        let step = name.strip_prefix("response.").unwrap_or_default();
        match (&*self.kind, step) {
            ("message" | "reasoning", "content_part.added")
            | ("reasoning", "reasoning_summary_part.added") => {
                let in_order = index == Some(self.parts.len() as u64);
                let last_is_done = self.parts.last().is_none_or(|part| part.is_done);
                check(in_order && last_is_done, || format!("{step} at {index:?}"))?;
                let kind = data["part"]["type"].as_str().unwrap_or_default().to_owned();
                self.parts.push(Part { kind, ..Part::default() });
                return Ok(());
            }
            (
                "message" | "reasoning",
                "output_text.delta"
                | "refusal.delta"
                | "reasoning_text.delta"
                | "reasoning_summary_text.delta",
            ) => {
                check(is_open, || format!("{step} outside its part"))?;
                let part = self.parts.last_mut().ok_or("a part")?;
                check(!part.text_is_done, || format!("{step} after the text was done"))?;
                part.text.push_str(text("delta"));
            }
            ("message", "output_text.annotation.added") => {
                check(is_open, || format!("{step} outside its part"))?
            }
            (
                "message" | "reasoning",
                "output_text.done" | "refusal.done" | "reasoning_text.done" | "reasoning_summary_text.done",
            ) => {
                check(is_open, || format!("{step} outside its part"))?;
                let part = self.parts.last_mut().ok_or("a part")?;
                let whole = if step == "refusal.done" { text("refusal") } else { text("text") };
                check(part.text == whole, || format!("deltas {:?}, done {whole:?}", part.text))?;
                part.text_is_done = true;
            }
            ("message" | "reasoning", "content_part.done" | "reasoning_summary_part.done") => {
                check(is_open, || format!("{step} outside its part"))?;
                let part = self.parts.last_mut().ok_or("a part")?;
                part.is_done = true;
                check(part.text_is_done && part.text == part_text(&data["part"]), || {
                    format!("{step}: {data}")
                })?;
                check(data["part"]["type"] == *part.kind, || format!("{step} is {}", data["part"]["type"]))?;
            }
            ("function_call", "function_call_arguments.delta")
            | ("custom_tool_call", "custom_tool_call_input.delta") => self.input.push_str(text("delta")),
            ("function_call", "function_call_arguments.done") => {
                check(self.input == text("arguments"), || format!("{step}: {data}, {}", self.input))?;
                self.input_is_done = true;
            }
            ("custom_tool_call", "custom_tool_call_input.done") => {
                check(self.input == text("input"), || format!("{step}: {data}, {}", self.input))?;
                self.input_is_done = true;
            }
            ("message" | "reasoning" | "function_call" | "custom_tool_call", _) => {
                return Err(format!("{step} in an item of the type {}", self.kind));
            }
            // The items of hosted tools have events of their own.
            _ => {}
        }
        Ok(())
    }

    fn matches(&self, done: &Value) -> Result<(), String> {
        let same = done["type"] == *self.kind && done["id"] == self.id && done["call_id"] == self.call;
        check(same, || format!("another item is done: {done}"))?;
        check(self.parts.iter().all(|part| part.is_done), || format!("a part stays open: {done}"))?;
        let shown = match &*self.kind {
            "message" => &done["content"],
            "reasoning" if done["summary"].as_array().is_some_and(|all| !all.is_empty()) => &done["summary"],
            "reasoning" => &done["content"],
            "function_call" | "custom_tool_call" => {
                let input = if self.kind == "function_call" { &done["arguments"] } else { &done["input"] };
                return check(self.input_is_done && *input == *self.input, || {
                    format!("{done}, {}", self.input)
                });
            }
            _ => return Ok(()),
        };
        let shown = shown.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<&str> = shown.iter().map(part_text).collect();
        let own: Vec<&str> = self.parts.iter().map(|part| &*part.text).collect();
        check(texts == own, || format!("deltas {own:?}, done {texts:?}"))
    }
}

fn part_text(part: &Value) -> &str {
    part["text"].as_str().or(part["refusal"].as_str()).unwrap_or_default()
}

/// Checks a stream of Messages and returns the message that a client accumulates.
///
/// # Errors
///
/// What is out of order.
pub(crate) fn messages(events: &[Event]) -> Result<Value, String> {
    let mut message = Value::Null;
    let mut blocks: Vec<Value> = Vec::new();
    let mut open: Option<Block> = None;
    let (mut has_stop_reason, mut has_ended) = (false, false);
    for (name, data) in events.iter().filter(|(name, _)| name != "ping") {
        check(!has_ended, || format!("{name} after the end"))?;
        check(message.is_null() == (name == "message_start"), || {
            format!("{name} before message_start, or twice")
        })?;
        check(!has_stop_reason || name == "message_stop", || format!("{name} after message_delta"))?;
        match (&**name, &mut open) {
            ("message_start", _) => {
                message = data["message"].clone();
                let is_new = message["content"] == json!([]) && message["stop_reason"].is_null();
                check(is_new && message["usage"]["input_tokens"].is_u64(), || {
                    format!("begins with {message}")
                })?;
            }
            ("content_block_start", None) => {
                check(data["index"] == blocks.len(), || format!("a block starts at {}", data["index"]))?;
                open = Some(Block::new(&data["content_block"]));
            }
            ("content_block_delta", Some(block)) => {
                check(data["index"] == blocks.len(), || format!("a delta at {}", data["index"]))?;
                block.take(&data["delta"])?;
            }
            ("content_block_stop", block @ Some(_)) => {
                check(data["index"] == blocks.len(), || format!("a block stops at {}", data["index"]))?;
                blocks.push(block.take().ok_or("a block")?.whole());
            }
            ("message_delta", None) => {
                has_stop_reason = true;
                check(data["delta"]["stop_reason"].is_string(), || format!("no stop reason: {data}"))?;
                check(data["usage"]["output_tokens"].is_u64(), || format!("no output tokens: {data}"))?;
                for member in ["stop_reason", "stop_sequence"] {
                    message[member] = data["delta"][member].clone();
                }
                for (member, count) in data["usage"].as_object().into_iter().flatten() {
                    message["usage"][member] = count.clone();
                }
            }
            ("message_stop", None) => has_ended = true,
            (other, block) => return Err(format!("{other} while a block is open: {}", block.is_some())),
        }
    }
    check(has_stop_reason && has_ended, || "the message has no end".to_owned())?;
    let is_cut = message["stop_reason"] == "max_tokens";
    let calls = blocks.iter().map(|block| &block["input"]);
    for input in calls.filter(|input| !input.is_null()) {
        check(is_cut || input.is_object(), || format!("the input of a call is {input}"))?;
    }
    message["content"] = blocks.into();
    Ok(message)
}

/// A block whose deltas are coming.
struct Block {
    start: Value,
    input: Option<String>,
    has_signature: bool,
}

impl Block {
    fn new(start: &Value) -> Self {
        Self { start: start.clone(), input: None, has_signature: false }
    }

    fn take(&mut self, delta: &Value) -> Result<(), String> {
        let kind = self.start["type"].as_str().unwrap_or_default();
        let member = match (kind, delta["type"].as_str().unwrap_or_default()) {
            ("text", "text_delta") => "text",
            ("thinking", "thinking_delta") if !self.has_signature => "thinking",
            ("thinking", "signature_delta") if !self.has_signature => "signature",
            ("tool_use" | "server_tool_use" | "mcp_tool_use", "input_json_delta") => {
                let more = delta["partial_json"].as_str().ok_or("no partial_json")?;
                check(self.input.is_some() || more.is_empty(), || {
                    format!("the first delta of a call is {more:?}")
                })?;
                self.input.get_or_insert_default().push_str(more);
                return Ok(());
            }
            ("text", "citations_delta") | ("compaction", "compaction_delta") => return Ok(()),
            (kind, delta) => return Err(format!("{delta} in a block of the type {kind}")),
        };
        self.has_signature = member == "signature";
        let more = delta[member].as_str().ok_or_else(|| format!("no {member}: {delta}"))?;
        let whole = self.start[member].as_str().unwrap_or_default().to_owned() + more;
        self.start[member] = whole.into();
        Ok(())
    }

    fn whole(mut self) -> Value {
        if let Some(input) = self.input.filter(|input| !input.is_empty()) {
            // The input of a call that was cut is no JSON.
            self.start["input"] = serde_json::from_str(&input).unwrap_or_else(|_| input.into());
        }
        self.start
    }
}
