//! The rules over several parameters of a chat request at once, over the conversation, or over the model.
//!
//! The live API checks these after the types. A row has the families of models that a rule holds for; the first that
//! does not hold is reported. The order for classic models is that of 2025-03, in which no pair of faults was ever
//! reported the other way round.

use super::{conversation, reasoning};
use crate::api::chat::{Request, ResponseFormatType};
use crate::api::tool::{FunctionChoice, ToolChoice, ToolChoiceType, ToolMode, ToolType};
use crate::check::limits::MAX_TOP_LOGPROBS;
use crate::check::path::Path;
use crate::check::schema::{self, Wrong};
use crate::check::scope::Scope;
use crate::check::{error_text, logit_bias};
use crate::error::{ApiError, Kind};
use crate::model::Family::{self, Any, Audio, Classic, Reasoning, Search};

type Rule = fn(&Request<'_>, Scope) -> Option<ApiError>;

/// Families of models, a bit for each.
type Families = u8;

const fn only(family: Family) -> Families {
    1 << family as u8
}

const ALL: Families = only(Any) | NOT_REASONING | only(Reasoning);
const NOT_REASONING: Families = only(Classic) | only(Audio) | only(Search);

static RULES: &[(Families, Rule)] = &[
    (only(Audio), audio_in_or_out),
    (ALL, both_token_limits),
    (ALL, output_limit),
    (NOT_REASONING, prediction),
    (ALL, top_logprobs_alone),
    (ALL, top_logprobs_bound),
    (ALL, stream_options_alone),
    (NOT_REASONING, reasoning_effort),
    (only(Classic) | only(Audio), web_search_options),
    (NOT_REASONING, response_format_support),
    (ALL, tools_support),
    (ALL, response_format_schema),
    (ALL, function_schemas),
    (ALL, choice_without_tools),
    (ALL, choice_of_nothing),
    (NOT_REASONING, parallel_tool_calls_alone),
    (NOT_REASONING, metadata_alone),
    (ALL, logit_bias_values),
    (only(Reasoning), reasoning::roles),
    (ALL, conversation::images),
    (ALL, conversation::image_data),
    (ALL, conversation::audio_input),
    (ALL, conversation::tool_calls),
    (ALL, the_word_json),
    (only(Reasoning), reasoning::temperature),
    (only(Reasoning), reasoning::top_p),
    (only(Reasoning), reasoning::penalties),
    (only(Reasoning), reasoning::logprobs),
    (only(Reasoning), reasoning::tools),
    (ALL, conversation::contents),
];

/// Reports the first rule that does not hold.
pub(super) fn validate(request: &Request<'_>, scope: Scope) -> Result<(), ApiError> {
    let family = only(scope.family());
    let rules = RULES.iter().filter(|(families, _)| families & family != 0);
    rules.map(|(_, rule)| rule).find_map(|rule| rule(request, scope)).map_or(Ok(()), Err)
}

fn audio_in_or_out(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    use crate::api::chat::Modality;
    use crate::api::message::{Content, PartType};
    let out = request.modalities.as_ref().is_some_and(|list| list.contains(&Modality::Audio));
    let has_audio = |content: &Content<'_>| match content {
        Content::Text(_) => false,
        Content::Parts(parts) => parts.iter().any(|part| part.kind == Some(PartType::InputAudio)),
    };
    let mut messages = request.messages.iter().flatten();
    let is_without_audio = !out && !messages.any(|message| message.content.as_ref().is_some_and(has_audio));
    is_without_audio.then(|| {
        let message = "This model requires that either input content or output modality contain audio.";
        ApiError::new(Kind::InvalidValue, message).at("model")
    })
}

fn both_token_limits(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    (request.max_tokens.is_some() && request.max_completion_tokens.is_some()).then(|| {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        ApiError::new(Kind::InvalidCombination, message).at("max_tokens")
    })
}

/// Where the output limit is the whole window, the live API reports the window instead, once tokens are counted.
fn output_limit(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let spec = scope.live_spec?;
    let limit = request.token_limit()?;
    (spec.output < spec.window && limit > u64::from(spec.output)).then(|| {
        let message = format!(
            "max_tokens is too large: {limit}. This model supports at most {} completion tokens, whereas you \
             provided {limit}.",
            spec.output
        );
        ApiError::new(Kind::InvalidValue, message).at("max_tokens")
    })
}

fn prediction(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let refused = request.prediction.is_some() && !scope.live_spec?.prediction;
    refused.then(|| error_text::unsupported_parameter(&Path::ROOT.key("prediction"), ""))
}

fn top_logprobs_alone(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let alone = request.top_logprobs.is_some() && request.logprobs != Some(true);
    alone.then(|| error_text::only_allowed_when("top_logprobs", "logprobs"))
}

fn top_logprobs_bound(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let most = scope.live_spec.map_or(MAX_TOP_LOGPROBS, |spec| spec.top_logprobs);
    (request.top_logprobs?.value > most).then(|| {
        let message = format!("Invalid value for 'top_logprobs': must be less than or equal to {most}.");
        ApiError::new(Kind::Invalid, message).at("top_logprobs")
    })
}

fn stream_options_alone(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let alone = request.stream_options.is_some() && !request.streams();
    alone.then(|| error_text::only_allowed_when("stream_options", "stream"))
}

/// Refused whatever its value is: see `params`.
fn reasoning_effort(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    request.reasoning_effort.is_some().then(|| error_text::unrecognized("reasoning_effort"))
}

fn web_search_options(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    request.web_search_options.is_some().then(|| {
        ApiError::new(Kind::Invalid, "Web search options not supported with this model.")
            .at("web_search_options")
    })
}

fn response_format_support(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let spec = scope.live_spec?;
    match request.response_format.as_ref()?.kind? {
        ResponseFormatType::JsonObject if !spec.json_object => Some(
            ApiError::new(
                Kind::Invalid,
                "Invalid parameter: 'response_format' of type 'json_object' is not supported with this model.",
            )
            .at("response_format"),
        ),
        ResponseFormatType::JsonSchema if !spec.json_schema => Some(ApiError::new(
            Kind::Invalid,
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. Learn more \
             about supported models at the Structured Outputs guide: \
             https://platform.openai.com/docs/guides/structured-outputs",
        )),
        _ => None,
    }
}

fn tools_support(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    let offered = request.tools.is_some() || request.functions.is_some();
    (offered && !scope.live_spec?.tools).then(|| {
        ApiError::new(
            Kind::ToolsUnsupported,
            "tools is not supported in this model. For a list of supported models, refer to \
             https://platform.openai.com/docs/guides/function-calling#models-supporting-function-calling.",
        )
    })
}

fn response_format_schema(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let format = request.response_format.as_ref()?;
    let schema =
        format.json_schema.as_ref().filter(|_| format.kind == Some(ResponseFormatType::JsonSchema))?;
    let fault = match schema::fault(
        schema.schema?,
        schema::Use::ResponseFormat("response_format"),
        schema.strict == Some(true),
    )? {
        Wrong::Unreadable => return Some(error_text::not_json()),
        Wrong::Worded(fault) => fault,
        Wrong::Lookaround(error) => return Some(error),
    };
    let name = schema.name.as_deref().unwrap_or_default();
    let message = format!("Invalid schema for response_format '{name}': {fault}");
    Some(ApiError::new(Kind::Invalid, message).at("response_format"))
}

fn function_schemas(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let tools = request.tools.iter().flatten().enumerate();
    let tools = tools.filter(|(_, tool)| tool.kind == Some(ToolType::Function));
    let tools = tools.filter_map(|(i, tool)| Some(("tools", i, ".function", tool.function.as_ref()?)));
    let functions = request.functions.iter().flatten().enumerate();
    let functions = functions.map(|(i, function)| ("functions", i, "", function));
    functions.chain(tools).find_map(|(list, i, inside, function)| {
        let strict = function.strict == Some(true);
        let fault = match function.parameters {
            Some(parameters) => match schema::fault(parameters, schema::Use::Function, strict)? {
                Wrong::Unreadable => return Some(error_text::not_json()),
                Wrong::Worded(fault) => fault,
                Wrong::Lookaround(error) => return Some(error),
            },
            // No parameters are the empty object, which a strict schema has to state.
            None if strict => schema::NOT_CLOSED.to_owned(),
            None => return None,
        };
        let name = function.name.as_deref().unwrap_or_default();
        let message = format!("Invalid schema for function '{name}': {fault}");
        Some(
            ApiError::new(Kind::InvalidFunctionParameters, message)
                .at(format!("{list}[{i}]{inside}.parameters")),
        )
    })
}

fn choice_without_tools(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    if request.tool_choice.is_some() && request.tools.is_none() {
        // A caller that wants no tool and offers none is not refused.
        let none = matches!(request.tool_choice, Some(ToolChoice::Mode(ToolMode::None)));
        return (!none).then(|| error_text::only_allowed_with("tool_choice", "tools"));
    }
    (request.function_call.is_some() && request.functions.is_none())
        .then(|| error_text::only_allowed_with("function_call", "functions"))
}

/// A choice of a tool that is not offered. The API names `function_call`, whichever parameter it was.
fn choice_of_nothing(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let tools = request.tools.as_deref().unwrap_or_default();
    let offered = |kind: ToolType, name: &str| tools.iter().any(|t| t.kind == Some(kind) && t.name() == name);
    let missing = match (&request.tool_choice, &request.function_call) {
        (Some(ToolChoice::Tool(chosen)), _) => match chosen.kind? {
            ToolChoiceType::Function => {
                chosen.function.as_ref()?.name.as_deref().filter(|name| !offered(ToolType::Function, name))
            }
            ToolChoiceType::Custom => {
                chosen.custom.as_ref()?.name.as_deref().filter(|name| !offered(ToolType::Custom, name))
            }
            ToolChoiceType::AllowedTools => {
                let allowed = chosen.allowed_tools.as_ref()?.tools.iter().flatten();
                let mut names = allowed.filter_map(|tool| {
                    let tool = tool.0.as_ref()?;
                    let kind = tool.kind?;
                    let named = if kind == ToolType::Function { &tool.function } else { &tool.custom };
                    Some((kind, named.as_ref()?.name.as_deref()?))
                });
                names.find(|(kind, name)| !offered(*kind, name)).map(|(_, name)| name)
            }
        },
        (None, Some(FunctionChoice::Function(named))) => {
            let functions = request.functions.as_deref().unwrap_or_default();
            let offered = |name: &str| functions.iter().any(|f| f.name.as_deref() == Some(name));
            named.name.as_deref().filter(|name| !offered(name))
        }
        _ => None,
    };
    missing.map(|name| {
        let message = format!(
            "Invalid value for 'function_call': no function named '{name}' was specified in the 'functions' parameter."
        );
        ApiError::new(Kind::Invalid, message).at("function_call")
    })
}

fn parallel_tool_calls_alone(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let alone = request.parallel_tool_calls.is_some() && request.tools.is_none();
    alone.then(|| error_text::only_allowed_with("parallel_tool_calls", "tools"))
}

fn metadata_alone(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    let alone = request.metadata.is_some() && request.store != Some(true);
    alone.then(|| error_text::only_allowed_when("metadata", "store"))
}

fn logit_bias_values(request: &Request<'_>, scope: Scope) -> Option<ApiError> {
    logit_bias::validate(request.logit_bias.as_ref()?, scope)
}

/// A request for JSON objects must mention JSON in its messages, or the model may never end its answer.
fn the_word_json(request: &Request<'_>, _: Scope) -> Option<ApiError> {
    if request.response_format.as_ref()?.kind != Some(ResponseFormatType::JsonObject) {
        return None;
    }
    let mentions = |text: &str| text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json"));
    let mut contents = request.messages.iter().flatten().filter_map(|message| message.content.as_ref());
    (!contents.any(|content| content.texts().any(mentions))).then(|| {
        let message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
                       'json_object'.";
        ApiError::new(Kind::Invalid, message).at("messages")
    })
}
