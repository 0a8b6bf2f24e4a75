//! Validation of `POST /v1/messages` and `POST /v1/messages/count_tokens`, in the words of Anthropic's API.
//!
//! Its errors are `dotted.path: reason`, one at a time. The rules are those that recordings and reports of 2025 and 2026 show;
//! what they do not show is accepted.

use super::ModelResolver;
use super::strict_schemas::Parameters;
use crate::api::messages::{Block, Content, Message, Request};
use crate::config::Validation;
use crate::error::{ApiError, Kind};
use crate::json::{self, Value};
use crate::model::ModelSpec;
use std::collections::HashSet;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is answered, and limits its output.
    Answer,
    /// Its tokens are counted.
    CountTokens,
}

/// The most strict tools in a request.
const MAX_STRICT_TOOLS: usize = 20;

/// The fewest tokens of a thinking budget.
const MIN_BUDGET: u64 = 1024;

/// Validates a body; `has_version` finds out whether the request has the header field `anthropic-version`.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn messages<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
    purpose: Purpose,
    has_version: impl Fn() -> bool,
) -> Result<(Request<'a>, M::Resolved), ApiError> {
    // The API looks at the header first. In front of an upstream the gateway adds what is absent.
    let needs_version = |validation| validation == Validation::Live && !has_version();
    let (request, resolved) = match resolve(body, resolver) {
        Err(_) if needs_version(resolver.validation()) => return Err(no_version()),
        outcome => outcome?,
    };
    let policy = *resolved.as_ref();
    if needs_version(policy.validation) {
        return Err(no_version());
    }
    let list = request.messages.as_deref().ok_or_else(|| invalid("messages: Field required"))?;
    if purpose == Purpose::Answer && request.max_tokens.is_none() && policy.validation != Validation::Types {
        return Err(invalid("max_tokens: Field required"));
    }
    if policy.validation == Validation::Live {
        limits(&request, policy.spec, purpose)?;
        conversation(list, policy.spec)?;
        tools(&request)?;
    }
    Ok((request, resolved))
}

fn no_version() -> ApiError {
    invalid("anthropic-version: header is required")
}

/// Reads a body, and finds what its model decides.
fn resolve<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<(Request<'a>, M::Resolved), ApiError> {
    let Ok(request) = json::from_slice::<Request<'a>>(body) else { return Err(diagnose(body)) };
    let model = request.model.as_deref().ok_or_else(|| invalid("model: Field required"))?;
    let unknown = || ApiError::new(Kind::ModelNotFound, format!("model: {model}"));
    let resolved = resolver.resolve(model).ok_or_else(unknown)?;
    Ok((request, resolved))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Kind::Invalid, message.into())
}

/// What is wrong with a body that could not be read as a request.
fn diagnose(body: &[u8]) -> ApiError {
    let Some(tree) = Value::parse(body).filter(Value::is_object) else {
        return invalid("The request body is not valid JSON.");
    };
    let expect = |name: &str, is_right: fn(&Value<'_>) -> bool, noun: &str| {
        let value = tree.get_non_null(name)?;
        (!is_right(value)).then(|| invalid(format!("{name}: Input should be a valid {noun}")))
    };
    let is_string = |value: &Value<'_>| matches!(value, Value::String(_));
    let is_number = |value: &Value<'_>| matches!(value, Value::Number(_));
    let is_array = |value: &Value<'_>| matches!(value, Value::Array(_));
    let is_bool = |value: &Value<'_>| matches!(value, Value::Bool(_));
    let is_object = |value: &Value<'_>| value.is_object();
    for (name, is_right, noun) in [
        ("model", is_string as fn(&Value<'_>) -> bool, "string"),
        ("max_tokens", is_number, "integer"),
        ("messages", is_array, "list"),
        ("stream", is_bool, "boolean"),
        ("temperature", is_number, "number"),
        ("top_p", is_number, "number"),
        ("top_k", is_number, "integer"),
        ("stop_sequences", is_array, "list"),
        ("tools", is_array, "list"),
        ("tool_choice", is_object, "dictionary"),
        ("thinking", is_object, "dictionary"),
        ("metadata", is_object, "dictionary"),
        ("output_config", is_object, "dictionary"),
    ] {
        if let Some(error) = expect(name, is_right, noun) {
            return error;
        }
    }
    let shape = |at: String| invalid(format!("{at}: Input does not match the expected shape."));
    for (list, is_right) in [
        ("messages", is_message as fn(&Value<'_>) -> bool),
        ("tools", |tool: &Value<'_>| {
            json::from_str::<crate::api::messages::Tool<'_>>(&tool.to_json()).is_ok()
        }),
    ] {
        let items = tree.get_non_null(list).and_then(Value::as_array).unwrap_or_default();
        if let Some(index) = items.iter().position(|item| !is_right(item)) {
            return shape(format!("{list}.{index}"));
        }
    }
    let rest = ["system", "stop_sequences", "tool_choice", "thinking", "metadata", "output_config"];
    shape(rest.into_iter().find(|name| tree.get_non_null(name).is_some()).unwrap_or("messages").to_owned())
}

fn is_message(value: &Value<'_>) -> bool {
    json::from_str::<Message<'_>>(&value.to_json()).is_ok()
}

/// The rules on single members.
fn limits(request: &Request<'_>, spec: Option<&ModelSpec>, purpose: Purpose) -> Result<(), ApiError> {
    if let Some(name) = request.extra.iter().find(|name| !is_beta_member(name)) {
        return Err(invalid(format!("{}: Extra inputs are not permitted", &**name)));
    }
    let max_tokens = request.max_tokens.filter(|_| purpose == Purpose::Answer);
    if max_tokens.is_some_and(|most| most.value < 1) {
        return Err(invalid("max_tokens: Input should be greater than or equal to 1"));
    }
    if let (Some(most), Some(spec)) = (max_tokens, spec)
        && spec.is_claude()
        && most.unsigned() > u64::from(spec.output)
    {
        let model = request.model.as_deref().unwrap_or(spec.id);
        return Err(invalid(format!(
            "max_tokens: {} > {}, which is the maximum allowed number of output tokens for {model}",
            most.value, spec.output
        )));
    }
    for (name, number) in [("temperature", request.temperature), ("top_p", request.top_p)] {
        if number.is_some_and(|number| !(0.0..=1.0).contains(&number.value)) {
            return Err(invalid(format!("{name}: range: 0..1")));
        }
    }
    if let Some(thinking) = &request.thinking
        && thinking.kind.as_deref() == Some("enabled")
    {
        let budget = thinking.budget_tokens.map(crate::api::Int::unsigned);
        match (budget, max_tokens.map(crate::api::Int::unsigned)) {
            (None, _) => return Err(invalid("thinking.enabled.budget_tokens: Field required")),
            (Some(budget), _) if budget < MIN_BUDGET => {
                return Err(invalid(format!(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to {MIN_BUDGET}"
                )));
            }
            (Some(budget), Some(most)) if budget >= most => {
                return Err(invalid(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at \
                     https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
            _ => {}
        }
    }
    let effort = request.output_config.as_ref().and_then(|config| config.effort.as_deref());
    if let (Some(effort), Some(spec)) = (effort, spec.filter(|spec| !spec.efforts.is_empty()))
        && !spec.efforts.contains(&effort)
    {
        let mut levels = spec.efforts.to_vec();
        levels.sort_unstable();
        return Err(invalid(format!(
            "This model does not support effort level '{effort}'. Supported levels: {}.",
            levels.join(", ")
        )));
    }
    Ok(())
}

/// Members that betas add; the list of betas is open, and so a caller may know more of them.
fn is_beta_member(name: &str) -> bool {
    matches!(
        name,
        "betas"
            | "user_profile_id"
            | "workspace_id"
            | "billing_policy"
            | "fallback_credit_token"
            | "speed"
            | "diagnostics"
            | "fallbacks"
            | "compaction"
            | "anthropic_beta"
    )
}

/// The rules on the conversation: content is not empty, and calls and results belong together.
fn conversation(messages: &[Message<'_>], spec: Option<&ModelSpec>) -> Result<(), ApiError> {
    let Some(last) = messages.len().checked_sub(1) else {
        return Err(invalid("messages: at least one message is required"));
    };
    let mut calls = Calls::default();
    for (i, message) in messages.iter().enumerate() {
        let role = message.role.as_deref();
        match role {
            None => return Err(invalid(format!("messages.{i}.role: Field required"))),
            Some("user" | "assistant") => {}
            Some("system") if spec.is_none_or(|spec| spec.system_role) => continue,
            Some("system") => {
                return Err(invalid(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \
                     \"system\" as an input message role.",
                ));
            }
            Some(_) => {
                return Err(invalid(format!("messages.{i}.role: Input should be 'user' or 'assistant'")));
            }
        }
        let Some(content) = &message.content else {
            return Err(invalid(format!("messages.{i}.content: Field required")));
        };
        let is_prefill = i == last && role == Some("assistant");
        let blocks: &[Block<'_>] = match content {
            Content::Blocks(blocks) => blocks,
            Content::Text(_) | Content::Other(_) => &[],
        };
        let is_empty = match content {
            Content::Text(text) => text.is_empty(),
            Content::Blocks(blocks) => blocks.is_empty(),
            Content::Other(_) => {
                return Err(invalid(format!("messages.{i}.content: Input should be a valid list")));
            }
        };
        if is_empty && !is_prefill {
            return Err(invalid(format!(
                "messages.{i}: all messages must have non-empty content except for the optional final assistant message"
            )));
        }
        let empty_text = |block: &&Block<'_>| {
            block.kind.as_deref() == Some("text") && block.text.as_deref().is_none_or(str::is_empty)
        };
        if blocks.iter().any(|block| empty_text(&block)) {
            return Err(invalid("messages: text content blocks must be non-empty"));
        }
        if role == Some("assistant") {
            calls.called(i, blocks)?;
        } else {
            calls.answered(i, blocks)?;
        }
        if is_prefill {
            calls.end()?;
        }
        if is_prefill && spec.is_some_and(|spec| spec.is_claude() && !spec.prefill) {
            return Err(invalid(
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            ));
        }
    }
    calls.end()
}

/// The calls of the assistant's latest turn, and those of them that have a result. Successive messages of one role are one
/// turn, as live.
#[derive(Default)]
struct Calls<'a> {
    called: HashSet<&'a str>,
    answered: HashSet<&'a str>,
    /// The last message of the turn.
    message: usize,
    /// Whether the user's turn has begun.
    is_over: bool,
}

impl<'a> Calls<'a> {
    /// Takes the calls of the assistant's message `i`.
    fn called(&mut self, i: usize, blocks: &'a [Block<'_>]) -> Result<(), ApiError> {
        if self.is_over {
            self.end()?;
            *self = Self::default();
        }
        let calls = blocks.iter().filter(|block| block.kind.as_deref() == Some("tool_use"));
        self.called.extend(calls.filter_map(|block| block.id.as_deref()));
        self.message = i;
        self.results(i, blocks)
    }

    /// Takes the results of the user's message `i`.
    fn answered(&mut self, i: usize, blocks: &'a [Block<'_>]) -> Result<(), ApiError> {
        self.is_over = true;
        self.results(i, blocks)?;
        self.answered.extend(blocks.iter().filter_map(|block| block.tool_use_id.as_deref()));
        Ok(())
    }

    /// Every result belongs to a call of the turn before it.
    fn results(&self, i: usize, blocks: &[Block<'_>]) -> Result<(), ApiError> {
        let results =
            blocks.iter().enumerate().filter(|(_, block)| block.kind.as_deref() == Some("tool_result"));
        for (j, block) in results {
            let Some(id) = block.tool_use_id.as_deref() else {
                return Err(invalid(format!(
                    "messages.{i}.content.{j}.tool_result.tool_use_id: Field required"
                )));
            };
            if !(self.is_over && self.called.contains(id)) {
                return Err(invalid(format!(
                    "messages.{i}.content.{j}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                     `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )));
            }
        }
        Ok(())
    }

    /// Every call has a result by the end of the user's turn.
    fn end(&self) -> Result<(), ApiError> {
        let mut open: Vec<&str> = self.called.difference(&self.answered).copied().collect();
        if open.is_empty() {
            return Ok(());
        }
        open.sort_unstable();
        Err(invalid(format!(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` \
             block must have a corresponding `tool_result` block in the next message.",
            self.message,
            open.join(", ")
        )))
    }
}

fn tools(request: &Request<'_>) -> Result<(), ApiError> {
    let tools = request.tools.as_deref().unwrap_or_default();
    let mut parameters = Parameters::default();
    for (i, tool) in tools.iter().enumerate().filter(|(_, tool)| tool.is_custom()) {
        if tool.name.is_none() {
            return Err(invalid(format!("tools.{i}.custom.name: Field required")));
        }
        let Some(schema) = tool.input_schema else {
            return Err(invalid(format!("tools.{i}.custom.input_schema: Field required")));
        };
        let Some(tree) = Value::parse(schema.0.as_bytes()).filter(Value::is_object) else {
            return Err(invalid(format!(
                "tools.{i}.custom.input_schema: Input does not match the expected shape."
            )));
        };
        match tree.get("type").map(Value::as_str) {
            None => return Err(invalid(format!("tools.{i}.custom.input_schema.type: Field required"))),
            Some(Some("object")) => {}
            Some(_) => {
                return Err(invalid(format!("tools.{i}.custom.input_schema.type: Input should be 'object'")));
            }
        }
        if tool.strict == Some(true) {
            let counted = parameters.count(&tree);
            counted.map_err(|why| invalid(format!("tools.{i}.custom: Invalid schema: {why}")))?;
        }
    }
    let strict = tools.iter().filter(|tool| tool.strict == Some(true)).count();
    if strict > MAX_STRICT_TOOLS {
        return Err(invalid(format!(
            "Too many strict tools ({strict}). The maximum number of strict tools supported is {MAX_STRICT_TOOLS}. Try \
             reducing the number of tools marked as strict."
        )));
    }
    let output = request.output_config.as_ref().and_then(|output| output.format.as_ref());
    for (name, format) in
        [("output_config.format", output), ("output_format", request.output_format.as_ref())]
    {
        let schema = format.and_then(|format| format.schema);
        if let Some(tree) = schema.and_then(|schema| Value::parse(schema.0.as_bytes())) {
            let counted = parameters.count(&tree);
            counted.map_err(|why| invalid(format!("{name}.schema: {why}")))?;
        }
    }
    parameters.within_limits().map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Named;
    use super::*;

    /// The error of a request with these members, or `good`.
    fn judged(members: &str) -> String {
        let body = format!(r#"{{"model":"claude-sonnet-4-6","max_tokens":128000,{members}}}"#);
        match messages(body.as_bytes(), &Named, Purpose::Answer, || true) {
            Ok(_) => "good".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    const HI: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

    #[test]
    fn successive_messages_of_one_role_are_one_turn() {
        let call = |id: &str| {
            format!(
                r#"{{"role":"assistant","content":[{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}]}}"#
            )
        };
        let result = |id: &str| {
            format!(
                r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"1"}}]}}"#
            )
        };
        let user = r#"{"role":"user","content":"hi"}"#.to_owned();
        let open = |message: usize, id: &str| {
            format!(
                "messages.{message}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each \
                 `tool_use` block must have a corresponding `tool_result` block in the next message."
            )
        };
        let unexpected = |message: usize, id: &str| {
            format!(
                "messages.{message}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        };
        for (messages, want) in [
            (vec![user.clone(), call("a"), result("a")], "good".to_owned()),
            (vec![user.clone(), call("a"), call("b"), result("b"), result("a")], "good".to_owned()),
            (
                vec![user.clone(), call("a"), result("a"), user.clone(), call("b"), result("b")],
                "good".to_owned(),
            ),
            (vec![user.clone(), call("a"), call("b"), result("b")], open(2, "a")),
            (vec![user.clone(), call("a"), user.clone(), call("b"), result("b")], open(1, "a")),
            (vec![user.clone(), call("a"), result("a"), call("b"), result("a")], unexpected(4, "a")),
            (vec![result("a")], unexpected(0, "a")),
            (vec![user, call("a")], open(1, "a")),
        ] {
            assert_eq!(judged(&format!(r#""messages":[{}]"#, messages.join(","))), want);
        }
    }

    #[test]
    fn a_search_result_may_be_the_result_of_a_tool() {
        let content = r#"{"type":"search_result","source":"https://a.example","title":"A",
            "content":[{"type":"text","text":"b"}],"citations":{"enabled":true}}"#;
        let members = format!(
            r#""messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{{"type":"tool_use","id":"a",
                "name":"f","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a",
                "content":[{content}]}}]}}]"#
        );
        assert_eq!(judged(&members), "good");
    }

    #[test]
    fn strict_schemas_have_limits_together() {
        let optional: Vec<String> = (0..13).map(|i| format!(r#""p{i}":{{"type":"string"}}"#)).collect();
        let unions: Vec<String> = (0..9).map(|i| format!(r#""p{i}":{{"type":["string","null"]}}"#)).collect();
        let names: Vec<String> = (0..9).map(|i| format!(r#""p{i}""#)).collect();
        let optional = format!(r#"{{"type":"object","properties":{{{}}}}}"#, optional.join(","));
        let unions = format!(
            r#"{{"type":"object","properties":{{{}}},"required":[{}]}}"#,
            unions.join(","),
            names.join(",")
        );
        let cycle = r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/Node"}},"$defs":{"Node":{"type":"object",
            "properties":{"next":{"$ref":"#/$defs/Node"}}}}}"##;
        let tools = |strict: bool, schema: &str, count: usize| {
            let tool = |i| format!(r#"{{"name":"f{i}","strict":{strict},"input_schema":{schema}}}"#);
            let tools: Vec<String> = (0..count).map(tool).collect();
            format!(r#"{HI},"tools":[{}]"#, tools.join(","))
        };
        let format = |schema: &str| {
            format!(r#""output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}"#)
        };
        let too_many_optional = "Schemas contains too many optional parameters (26), which would make grammar \
            compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: 24).";
        let too_many_unions = "Schemas contains too many parameters with union types (18 parameters with type arrays or \
            anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters \
            (limit: 16 parameters with unions).";
        let circular = "Circular reference detected in schema definitions: Node -> Node. Self-referencing or \
            mutually-referencing definitions are not supported.";
        for (members, want) in [
            (tools(true, &optional, 1), "good".to_owned()),
            (tools(true, &optional, 2), too_many_optional.to_owned()),
            (tools(false, &optional, 2), "good".to_owned()),
            (format!("{},{}", tools(true, &optional, 1), format(&optional)), too_many_optional.to_owned()),
            (tools(true, &unions, 2), too_many_unions.to_owned()),
            (tools(true, cycle, 1), format!("tools.0.custom: Invalid schema: {circular}")),
            (tools(false, cycle, 1), "good".to_owned()),
            (format!("{HI},{}", format(cycle)), format!("output_config.format.schema: {circular}")),
        ] {
            assert_eq!(judged(&members), want, "{members}");
        }
    }
}
