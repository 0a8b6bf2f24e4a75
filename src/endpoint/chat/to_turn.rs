//! A chat request as a [`turn::Request`].

use crate::api::chat::{self, Effort, JsonSchema, ReasoningEffort, ResponseFormatType};
use crate::api::message::{self, PartType};
use crate::api::tool::{self, FunctionChoice, Named, ToolChoiceType, ToolMode, ToolType};
use crate::turn::{
    self, Content, Format, Input, Media, Message, Part, Prediction, Reasoning, Request, Role, Sampling,
    Source, Tool, ToolChoice, ToolKind, ToolResult, Verbosity,
};
use std::borrow::Cow;

/// Reads a request as a turn, which borrows its texts.
///
/// Members without a neutral meaning, such as `store` or `audio`, are no part of a turn.
pub fn turn<'r>(request: &'r chat::Request<'_>) -> Request<'r> {
    let legacy_functions = has_legacy_functions(request);
    let (tool_choice, allowed_tools) = tool_choice(request, legacy_functions);
    let tools = match legacy_functions {
        true => request.functions.iter().flatten().map(function).collect(),
        false => request.tools.iter().flatten().filter_map(tool).collect(),
    };
    let top = || request.top_logprobs.map_or(0, |top| u32::try_from(top.unsigned()).unwrap_or(u32::MAX));
    Request {
        model: request.model.as_deref().unwrap_or_default(),
        input: Input::Messages(request.messages.iter().flatten().map(message).collect()),
        choices: u32::try_from(request.choices()).unwrap_or(u32::MAX),
        max_tokens: request.token_limit(),
        sampling: Sampling {
            temperature: request.temperature.map(|number| number.value),
            top_p: request.top_p.map(|number| number.value),
            top_k: None,
            presence_penalty: request.presence_penalty.map(|number| number.value),
            frequency_penalty: request.frequency_penalty.map(|number| number.value),
            logit_bias: crate::endpoint::logit_bias(request.logit_bias.as_ref()),
            seed: request.seed.map(|seed| seed.value),
        },
        stop: request.stop.iter().flat_map(|stop| stop.iter()).map(Cow::Borrowed).collect(),
        logprobs: (request.logprobs == Some(true)).then(top),
        format: format(request),
        tools,
        tool_choice,
        allowed_tools,
        parallel_tool_calls: request.parallel_tool_calls != Some(false),
        reasoning: Reasoning { effort: effort(request.reasoning_effort), ..Reasoning::default() },
        verbosity: request.verbosity.map(|verbosity| match verbosity {
            chat::Verbosity::Low => Verbosity::Low,
            chat::Verbosity::Medium => Verbosity::Medium,
            chat::Verbosity::High => Verbosity::High,
        }),
        prediction: request.prediction.as_ref().and_then(prediction),
        stream: request.streams(),
        end_user: request.user.as_deref().map(Cow::Borrowed),
        legacy_functions,
    }
}

/// Whether a request has the older form of tools.
pub(super) fn has_legacy_functions(request: &chat::Request<'_>) -> bool {
    request.tools.is_none() && request.functions.is_some()
}

fn message<'r>(message: &'r message::Message<'_>) -> Message<'r> {
    let role = match message.role {
        Some(message::Role::System) => Role::System,
        Some(message::Role::Developer) => Role::Developer,
        Some(message::Role::Assistant) => Role::Assistant,
        Some(message::Role::Tool | message::Role::Function) => Role::Tool,
        Some(message::Role::User) | None => Role::User,
    };
    let name = message.name.as_deref().map(|name| &**name);
    if role == Role::Tool {
        let result = ToolResult {
            id: message.tool_call_id.as_deref().unwrap_or_default().into(),
            name,
            content: parts(message.content.as_ref()),
            is_error: false,
        };
        return Message { role, name: None, content: Content::Parts(vec![Part::ToolResult(result)]) };
    }
    let calls = message.tool_calls.as_deref().unwrap_or_default();
    let content = match &message.content {
        Some(message::Content::Text(text))
            if message.refusal.is_none() && message.function_call.is_none() && calls.is_empty() =>
        {
            Content::Text(text)
        }
        content => {
            let mut parts = parts(content.as_ref());
            parts.extend(message.refusal.as_deref().map(|refusal| Part::Refusal((&**refusal).into())));
            parts.extend(message.function_call.iter().map(|call| tool_call("", Some(call), None)));
            parts.extend(calls.iter().map(|call| {
                let id = call.id.as_deref().unwrap_or_default();
                tool_call(id, call.function.as_ref(), call.custom.as_deref())
            }));
            Content::Parts(parts)
        }
    };
    Message { role, name, content }
}

fn tool_call<'r>(
    id: &'r str,
    function: Option<&'r tool::FunctionCall<'_>>,
    custom: Option<&'r tool::CustomCall<'_>>,
) -> Part<'r> {
    let (name, input, kind) = match (function, custom) {
        (None, Some(custom)) => (custom.name.as_deref(), custom.input.as_deref(), ToolKind::Custom),
        (function, _) => (
            function.and_then(|function| function.name.as_deref()),
            function.and_then(|function| function.arguments.as_deref()),
            ToolKind::Function,
        ),
    };
    let text = |text: Option<&'r str>| text.unwrap_or_default().into();
    Part::ToolCall { id: id.into(), name: text(name), input: text(input), kind }
}

fn parts<'r>(content: Option<&'r message::Content<'_>>) -> Vec<Part<'r>> {
    match content {
        None => Vec::new(),
        Some(message::Content::Text(text)) => vec![Part::Text((&**text).into())],
        Some(message::Content::Parts(parts)) => parts.iter().filter_map(part).collect(),
    }
}

fn part<'r>(part: &'r message::Part<'_>) -> Option<Part<'r>> {
    Some(match part.kind? {
        PartType::Text => Part::Text(part.text.as_deref()?.into()),
        PartType::Refusal => Part::Refusal(part.refusal.as_deref()?.into()),
        PartType::ImageUrl => {
            let image = part.image_url.as_ref()?;
            let url = image.url.as_deref().unwrap_or_default();
            let detail = image.detail.map(message::Detail::as_str);
            Part::Media(Media::Image { source: Source::from_url(url), detail })
        }
        PartType::InputAudio => {
            let audio = part.input_audio.as_ref()?;
            let format = audio.format.map_or("", message::InputAudioFormat::as_str);
            Part::Media(Media::Audio { data: audio.data.as_deref().unwrap_or_default().into(), format })
        }
        PartType::File => Part::Media(file(part.file.as_ref()?)),
        // The assistant's own sound is known by its id alone.
        PartType::Audio => return None,
    })
}

fn file<'r>(file: &'r message::File<'_>) -> Media<'r> {
    let source = match (file.file_data.as_deref(), file.file_id.as_deref()) {
        (Some(data), _) => match Source::from_url(data) {
            source @ Source::Base64 { .. } => source,
            // The live API takes base64 without the `data:` URL around it, too.
            _ => Source::Base64 { media_type: "application/pdf".into(), data: data.into() },
        },
        (None, id) => Source::File(id.unwrap_or_default().into()),
    };
    Media::Document { source, title: file.filename.as_deref().map(Cow::Borrowed) }
}

fn function<'r>(function: &'r tool::Function<'_>) -> Tool<'r> {
    Tool {
        name: function.name.as_deref().unwrap_or_default(),
        description: function.description.as_deref(),
        kind: ToolKind::Function,
        parameters: function.parameters,
        strict: function.strict,
        ..Tool::default()
    }
}

fn tool<'r>(tool: &'r tool::Tool<'_>) -> Option<Tool<'r>> {
    match (&tool.function, &tool.custom) {
        (Some(offered), _) if tool.kind != Some(ToolType::Custom) => Some(function(offered)),
        (_, Some(custom)) => {
            let grammar = custom.format.as_ref().and_then(|format| format.grammar.as_ref());
            let grammar = grammar.and_then(|grammar| {
                Some((grammar.syntax.map_or("", tool::GrammarSyntax::as_str), grammar.definition.as_deref()?))
            });
            Some(Tool {
                name: custom.name.as_deref().unwrap_or_default(),
                description: custom.description.as_deref(),
                kind: ToolKind::Custom,
                grammar,
                ..Tool::default()
            })
        }
        _ => None,
    }
}

/// What `tool_choice` or `function_call` requests, and the names it is limited to.
fn tool_choice<'r>(
    request: &'r chat::Request<'_>,
    legacy_functions: bool,
) -> (ToolChoice<'r>, Option<Vec<&'r str>>) {
    let mode = |mode: Option<ToolMode>| match mode {
        Some(ToolMode::None) => ToolChoice::None,
        Some(ToolMode::Required) => ToolChoice::Required,
        Some(ToolMode::Auto) | None => ToolChoice::Auto,
    };
    let name = |named: Option<&'r Named<'_>>| named.and_then(|named| named.name.as_deref());
    if legacy_functions {
        let choice = match &request.function_call {
            Some(FunctionChoice::Mode(chosen)) => mode(Some(*chosen)),
            Some(FunctionChoice::Function(named)) => ToolChoice::Named(name(Some(named)).unwrap_or_default()),
            None => ToolChoice::Auto,
        };
        return (choice, None);
    }
    let chosen = match &request.tool_choice {
        Some(tool::ToolChoice::Mode(chosen)) => return (mode(Some(*chosen)), None),
        Some(tool::ToolChoice::Tool(chosen)) => chosen,
        None => return (ToolChoice::Auto, None),
    };
    match (chosen.kind, &chosen.allowed_tools) {
        (Some(ToolChoiceType::AllowedTools), Some(allowed)) => {
            let tools = allowed.tools.iter().flatten().filter_map(|tool| tool.0.as_ref());
            let names = tools.filter_map(|tool| name(tool.function.as_ref()).or(name(tool.custom.as_ref())));
            (mode(allowed.mode), Some(names.collect()))
        }
        _ => {
            let named = name(chosen.function.as_ref()).or(name(chosen.custom.as_ref()));
            (named.map_or(ToolChoice::Auto, ToolChoice::Named), None)
        }
    }
}

fn format<'r>(request: &'r chat::Request<'_>) -> Format<'r> {
    let Some(format) = &request.response_format else { return Format::Text };
    match (format.kind, &format.json_schema) {
        (Some(ResponseFormatType::JsonSchema), Some(schema)) => Format::JsonSchema(json_schema(schema)),
        (Some(ResponseFormatType::JsonObject | ResponseFormatType::JsonSchema), _) => Format::JsonObject,
        (Some(ResponseFormatType::Text) | None, _) => Format::Text,
    }
}

fn json_schema<'r>(schema: &'r JsonSchema<'_>) -> turn::JsonSchema<'r> {
    turn::JsonSchema {
        name: schema.name.as_deref(),
        description: schema.description.as_deref(),
        schema: schema.schema,
        strict: schema.strict,
    }
}

fn effort(effort: Option<Effort>) -> Option<turn::Effort> {
    let Effort::Known(effort) = effort? else { return None };
    Some(match effort {
        ReasoningEffort::None => turn::Effort::None,
        ReasoningEffort::Minimal => turn::Effort::Minimal,
        ReasoningEffort::Low => turn::Effort::Low,
        ReasoningEffort::Medium => turn::Effort::Medium,
        ReasoningEffort::High => turn::Effort::High,
        ReasoningEffort::Xhigh => turn::Effort::Xhigh,
        ReasoningEffort::Max => turn::Effort::Max,
    })
}

fn prediction<'r>(prediction: &'r chat::Prediction<'_>) -> Option<Prediction<'r>> {
    Some(Prediction(match prediction.content.as_ref()? {
        message::Content::Text(text) => Cow::Borrowed(&**text),
        content => content.texts().collect::<String>().into(),
    }))
}
