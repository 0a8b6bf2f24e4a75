//! A chat request for upstreams of another API: the turn, with the members that only such upstreams read.

use super::extensions::{Block, Choice, Extensions, Message, PartOf};
use super::to_turn;
use crate::api::tool::Json;
use crate::api::{Text, chat};
use crate::check;
use crate::encode::Encoder as Encode;
use crate::encode::chat::{Encoder, Head, StreamOptions, whole};
use crate::endpoint::generation::AnswerWriter;
use crate::json;
use crate::turn::{Answer, Content, Field, Input, Part, Request, Role, ToolChoice, ToolResult, Unsupported};
use crate::upstream::{Extra, TurnRequest, rewrite};
use std::borrow::Cow;

impl<'a> Extensions<'a> {
    /// The request for upstreams of another API.
    pub(super) fn turn_request<'r>(
        &'r self,
        request: &'r chat::Request<'_>,
        body: &'r [u8],
    ) -> TurnRequest<'r> {
        let mut turn = to_turn::turn(request);
        let mut out = LeftOut::default();
        if let Input::Messages(messages) = &mut turn.input {
            let wires = self.messages.iter().flatten();
            for (i, (message, wire)) in messages.iter_mut().zip(wires).enumerate() {
                wire.extend(i, message, &mut out);
            }
        }
        self.tools(&mut turn, &mut out);
        self.tool_choice(&mut turn, &mut out);
        turn.sampling.top_k = self.top_k;
        if turn.end_user.is_none() {
            turn.end_user = self.safety_identifier.as_deref().map(Into::into);
        } else if self.safety_identifier.as_deref().is_some_and(|id| self.user.as_deref() != Some(id)) {
            out.ignore("safety_identifier");
        }
        if let Some(thinking) = self.thinking.as_ref().filter(|thinking| thinking.is_known()) {
            let kind = thinking.kind.as_deref();
            turn.reasoning.enabled = Some(kind != Some("disabled"));
            turn.reasoning.budget = thinking.budget_tokens.filter(|_| kind == Some("enabled"));
            turn.reasoning.visible = true;
            if thinking.display.is_some() {
                out.ignore("thinking.display");
            }
        }
        let extra = self.members(body, &mut out);
        TurnRequest { turn, extra, ignored: out.ignored, unsupported: out.unsupported, param_name }
    }

    /// Goes through the members of the body that the turn does not have: hints are left out, what changes the answer is
    /// refused, and what no documentation has is the upstream's to judge and returned.
    fn members<'r>(&self, body: &'r [u8], out: &mut LeftOut) -> Vec<Extra<'r>> {
        let mut extra = Vec::new();
        let mut hints: Vec<String> = Vec::new();
        for (name, value) in rewrite::members(body).unwrap_or_default() {
            match &*name {
                _ if value == "null" => {}
                // A form that is not known.
                "thinking" if self.thinking.as_ref().is_some_and(|thinking| !thinking.is_known()) => {
                    extra.push(Extra { name, value: Json(value) });
                }
                name if IN_TURN.contains(&name) => {}
                "modalities" => {
                    if self.modalities.iter().flatten().any(|modality| *modality != "text") {
                        out.unsupported.push("modalities".to_owned());
                    }
                }
                "audio" => out.unsupported.push("audio".to_owned()),
                name if is_default(name, value) => {}
                documented if check::is_documented(documented) => {
                    if !hints.iter().any(|own| own == documented) {
                        hints.push(documented.to_owned());
                    }
                }
                _ => extra.push(Extra { name, value: Json(value) }),
            }
        }
        out.ignored.append(&mut hints);
        extra
    }

    fn tools<'r>(&'r self, turn: &mut Request<'r>, out: &mut LeftOut) {
        let Some(wires) = &self.tools else { return };
        let mut documented = std::mem::take(&mut turn.tools).into_iter();
        for (i, wire) in wires.iter().enumerate() {
            let kind = wire.kind.as_deref();
            let is_documented = (wire.function.is_some() && kind != Some("custom")) || wire.custom.is_some();
            let own = is_documented.then(|| documented.next()).flatten();
            let tool = match kind {
                Some("custom") => own,
                // Some clients send the tools of another API.
                Some("function") | None => own.or_else(|| wire.flat()),
                // A tool that the provider of the model runs.
                Some(_) => None,
            };
            let Some(mut tool) = tool else {
                out.ignore(&format!("tools[{i}]"));
                continue;
            };
            let inner = wire.function.as_ref().and_then(|function| function.cache_control.as_ref());
            tool.cache_point = wire.cache_control.as_ref().or(inner).map(|cache| cache.ttl.as_deref());
            turn.tools.push(tool);
        }
    }

    /// Reads a `tool_choice` that Chat Completions do not have: that of Mistral, Messages or Responses.
    fn tool_choice<'r>(&'r self, turn: &mut Request<'r>, out: &mut LeftOut) {
        let Some(Json(json)) = self.tool_choice else { return };
        if turn.tool_choice != ToolChoice::Auto || turn.allowed_tools.is_some() {
            return;
        }
        let choice = json::lenient_from_slice::<Choice<'r>>(json.as_bytes()).unwrap_or_default();
        let (kind, name) = (choice.kind.map(Text::into_inner), choice.name.map(Text::into_inner));
        turn.tool_choice = match (kind.as_deref().or(json.get(1..json.len() - 1)), name) {
            (Some("auto"), _) => ToolChoice::Auto,
            (Some("none"), _) => ToolChoice::None,
            (Some("any" | "required"), _) => ToolChoice::Required,
            (Some("tool" | "function" | "custom"), Some(Cow::Borrowed(name))) => ToolChoice::Named(name),
            _ => return out.unsupported.push("tool_choice".to_owned()),
        };
    }
}

/// The members whose meaning a turn has, and `stream_options`, which an encoder reads.
const IN_TURN: &[&str] = &[
    "model",
    "messages",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "parallel_tool_calls",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "seed",
    "stream",
    "stream_options",
    "response_format",
    "reasoning_effort",
    "thinking",
    "verbosity",
    "prediction",
    "user",
    "safety_identifier",
];

/// Whether a hint has a value that requests nothing, so that leaving it out changes nothing.
fn is_default(name: &str, value: &str) -> bool {
    match name {
        "metadata" => value.trim_start_matches('{').trim_start().starts_with('}'),
        "store" => value == "false",
        "service_tier" => matches!(value, r#""auto""# | r#""default""#),
        _ => false,
    }
}

/// What is left out for upstreams of another API.
#[derive(Default)]
struct LeftOut {
    ignored: Vec<String>,
    unsupported: Vec<String>,
}

impl LeftOut {
    fn ignore(&mut self, name: &str) {
        self.ignored.push(name.to_owned());
    }
}

impl Message<'_> {
    /// Adds to a message of the turn what only other APIs have.
    fn extend<'r>(&'r self, i: usize, message: &mut crate::turn::Message<'r>, out: &mut LeftOut) {
        self.objects(&mut message.content);
        let parts: Vec<PartOf<'_>> =
            self.content.and_then(|content| json::lossy_from_str(content.0).ok()).unwrap_or_default();
        let known = |part: &PartOf<'_>| {
            matches!(part.kind.as_deref(), Some("text" | "refusal" | "image_url" | "input_audio" | "file"))
        };
        for (j, _) in parts.iter().enumerate().filter(|(_, part)| !known(part)) {
            out.unsupported.push(format!("messages[{i}].content[{j}]"));
        }
        // After which of the turn's parts a cache point stands: parts that are not known have no place in the turn.
        let points: Vec<_> = parts
            .iter()
            .filter(|part| known(part))
            .enumerate()
            .filter_map(|(at, part)| Some((at, part.cache_control.as_ref()?.documented_ttl())))
            .collect();
        let thinks = message.role == Role::Assistant
            && (self.thinking_blocks.is_some() || self.reasoning_content.is_some());
        if points.is_empty() && self.cache_control.is_none() && !thinks {
            return;
        }
        let mut all = match std::mem::replace(&mut message.content, Content::Text("")) {
            Content::Text(text) => vec![Part::Text(text.into())],
            Content::Parts(parts) => parts,
        };
        let inner = match all.as_mut_slice() {
            [Part::ToolResult(ToolResult { content, .. })] => content,
            _ => &mut all,
        };
        for (at, ttl) in points.into_iter().rev() {
            inner.insert((at + 1).min(inner.len()), Part::CachePoint { ttl });
        }
        if let Some(cache) = &self.cache_control {
            all.push(Part::CachePoint { ttl: cache.ttl.as_deref() });
        }
        if thinks {
            let mut thinking: Vec<Part<'r>> =
                self.thinking_blocks.iter().flatten().map(Block::part).collect();
            if let Some(text) =
                self.reasoning_content.as_deref().filter(|text| thinking.is_empty() && !text.is_empty())
            {
                thinking.push(Part::Thinking { text: text.into(), signature: None });
            }
            all.splice(0..0, thinking);
        }
        message.content = Content::Parts(all);
    }

    /// Gives the calls the arguments that came as an object in place of its text.
    fn objects<'r>(&'r self, content: &mut Content<'r>) {
        let Content::Parts(parts) = content else { return };
        let inputs = parts.iter_mut().filter_map(|part| match part {
            Part::ToolCall { input, .. } => Some(input),
            _ => None,
        });
        for (input, call) in inputs.zip(self.tool_calls.iter().flatten()) {
            if let Some(Json(json)) = call.function.as_ref().and_then(|function| function.arguments)
                && json.starts_with('{')
            {
                *input = json.into();
            }
        }
    }
}

/// A chat's own name for a field.
fn param_name(turn: &Request<'_>, unsupported: Unsupported) -> String {
    let Unsupported { field, index } = unsupported;
    let message = |member: &str| match index {
        Some(i) => format!("messages[{i}]{member}"),
        None => "messages".to_owned(),
    };
    let tools = if turn.legacy_functions { "functions" } else { "tools" };
    let tool = |member: &str| index.map_or_else(|| tools.to_owned(), |i| format!("{tools}[{i}]{member}"));
    let fixed = match field {
        Field::MaxTokens => "max_tokens",
        Field::Choices => "n",
        Field::Logprobs => "logprobs",
        Field::Format => "response_format",
        Field::ToolChoice if turn.legacy_functions => "function_call",
        Field::ToolChoice | Field::AllowedTools => "tool_choice",
        Field::Stop => "stop",
        Field::TopK => "top_k",
        Field::PresencePenalty => "presence_penalty",
        Field::FrequencyPenalty => "frequency_penalty",
        Field::LogitBias => "logit_bias",
        Field::Seed => "seed",
        Field::Prediction => "prediction",
        Field::Verbosity => "verbosity",
        Field::Prompt => "prompt",
        Field::Suffix => "suffix",
        Field::Echo => "echo",
        Field::BestOf => "best_of",
        Field::Temperature => "temperature",
        Field::TopP => "top_p",
        Field::ThinkingBudget => "thinking.budget_tokens",
        Field::Thinking if index.is_none() => "thinking",
        Field::CachePoint if index.is_none() => "cache_control",
        Field::Tools => return tool(""),
        Field::CustomTool => return tool(".type"),
        Field::ToolSchema if turn.legacy_functions => return tool(".parameters"),
        Field::ToolSchema => return tool(".function.parameters"),
        Field::Messages | Field::Media | Field::Audio | Field::Title => return message(".content"),
        Field::Name => return message(".name"),
        Field::ImageDetail => return message(".content.image_url.detail"),
        Field::ToolInput => return message(".tool_calls"),
        Field::ToolError => return message(""),
        Field::Thinking => return message(".reasoning_content"),
        Field::CachePoint => return message(".cache_control"),
    };
    fixed.to_owned()
}

/// Writes answers of other APIs as chat completions.
pub(super) struct ChatWriter {
    pub(super) head: Head,
    pub(super) options: StreamOptions,
}

impl AnswerWriter for ChatWriter {
    fn whole(&self, answer: &Answer<'_>) -> Vec<u8> {
        whole(&self.head, answer)
    }

    fn encoder(&self) -> Box<dyn Encode> {
        Box::new(Encoder::new(self.head.clone(), self.options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn_with(member: &str) -> String {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],"logprobs":true,"functions":[{{"name":"g"}}],{member}"n":2}}"#
        );
        let request = json::read_request_leniently::<chat::Request<'_>>(body.as_bytes()).expect("a chat");
        let extensions = Extensions::read(body.as_bytes()).expect("a chat");
        format!("{:?}", extensions.turn_request(&request, body.as_bytes()).turn)
    }

    #[test]
    fn a_turn_has_each_member_that_is_listed_as_in_it() {
        let values = [
            ("tools", r#"[{"type":"function","function":{"name":"f"}}]"#),
            ("tool_choice", r#""required""#),
            ("functions", r#"[{"name":"f"}]"#),
            ("function_call", r#""none""#),
            ("parallel_tool_calls", "false"),
            ("max_tokens", "7"),
            ("max_completion_tokens", "7"),
            ("temperature", "0.5"),
            ("top_p", "0.5"),
            ("top_k", "5"),
            ("stop", r#""x""#),
            ("presence_penalty", "1"),
            ("frequency_penalty", "1"),
            ("logit_bias", r#"{"1":2}"#),
            ("top_logprobs", "3"),
            ("seed", "7"),
            ("stream", "true"),
            ("response_format", r#"{"type":"json_object"}"#),
            ("reasoning_effort", r#""low""#),
            ("thinking", r#"{"type":"disabled"}"#),
            ("verbosity", r#""low""#),
            ("prediction", r#"{"type":"content","content":"x"}"#),
            ("user", r#""u""#),
            ("safety_identifier", r#""u""#),
        ];
        for (name, value) in values {
            assert_ne!(turn_with(&format!("\"{name}\":{value},")), turn_with(""), "{name}");
        }
        let others = ["model", "messages", "logprobs", "n", "stream_options"];
        let tested: Vec<&str> = values.iter().map(|(name, _)| *name).chain(others).collect();
        let untested: Vec<_> = IN_TURN.iter().filter(|name| !tested.contains(name)).collect();
        assert!(untested.is_empty(), "{untested:?}");
    }
}
