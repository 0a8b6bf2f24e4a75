//! The live API's error messages, a function each. The rules decide which of them applies.

use std::fmt::Display;

use super::path::Path;
use crate::budget::Exhausted;
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::Endpoint;

/// A value, or the body itself, takes more memory than one request may take.
pub(super) fn too_large(path: &Path<'_>) -> ApiError {
    let name = path.to_string();
    match name.is_empty() {
        true => ApiError::new(Kind::Invalid, format!("The body is too complex: {Exhausted}.")),
        false => ApiError::new(Kind::Invalid, format!("'{name}' is too complex: {Exhausted}.")).at(name),
    }
}

/// The body is not a JSON object the API can read.
pub fn not_json() -> ApiError {
    ApiError::new(
        Kind::Invalid,
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
         library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you \
         have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
    )
}

/// The request names no model.
pub fn no_model() -> ApiError {
    ApiError::new(Kind::Invalid, "you must provide a model parameter")
}

/// The model is not served, or not to this caller.
pub fn model_not_found(model: &str) -> ApiError {
    ApiError::new(
        Kind::ModelNotFound,
        format!("The model `{model}` does not exist or you do not have access to it."),
    )
}

/// The model is not served at Responses, or not to this caller.
pub(super) fn no_such_model(model: &str) -> ApiError {
    ApiError::new(Kind::NoSuchModel, format!("The requested model '{model}' does not exist.")).at("model")
}

/// The model was retired.
pub(super) fn retired(model: &str) -> ApiError {
    ApiError::new(
        Kind::ModelNotFound,
        format!(
            "The model `{model}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
        ),
    )
}

/// The model is not served at this endpoint of text generation, but at `home`.
pub fn wrong_endpoint(home: Endpoint) -> ApiError {
    let message = match home {
        Endpoint::Chat | Endpoint::Messages => {
            "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use \
             v1/chat/completions?"
        }
        Endpoint::Completions => {
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use \
             v1/completions?"
        }
        Endpoint::Responses => "This model is only supported in v1/responses and not in v1/chat/completions.",
        Endpoint::Embeddings | Endpoint::Moderations => {
            return ApiError::new(Kind::NotAllowed, "You are not allowed to sample from this model");
        }
    };
    ApiError::new(Kind::WrongEndpoint, message).at("model")
}

/// The model makes no embeddings.
pub(super) fn no_embedding_model() -> ApiError {
    ApiError::new(Kind::NotAllowed, "You are not allowed to generate embeddings from this model")
}

/// Prompt and completion do not fit a chat model's context window. `prompt`, `functions` (those of the prompt that are
/// functions and tools) and `completion` (the requested limit) are in tokens.
pub fn context_length(window: u32, prompt: u64, functions: u64, completion: Option<u64>) -> ApiError {
    let messages = prompt.saturating_sub(functions);
    let all = prompt.saturating_add(completion.unwrap_or(0));
    let rest = match (functions, completion) {
        (0, Some(completion)) => format!(
            "However, you requested {all} tokens ({messages} in the messages, {completion} in the completion). \
             Please reduce the length of the messages or completion."
        ),
        (_, Some(completion)) => format!(
            "However, you requested {all} tokens ({messages} in the messages, {functions} in the functions, and \
             {completion} in the completion). Please reduce the length of the messages, functions, or completion."
        ),
        (0, None) => format!(
            "However, your messages resulted in {all} tokens. Please reduce the length of the messages."
        ),
        (_, None) => format!(
            "However, your messages resulted in {all} tokens ({messages} in the messages, {functions} in the \
             functions). Please reduce the length of the messages or functions."
        ),
    };
    let message = format!("This model's maximum context length is {window} tokens. {rest}");
    ApiError::new(Kind::ContextLength, message).at("messages")
}

/// A prompt is longer than the model's input limit, which is less than its context window.
pub fn long_prompt(most: u32, prompt: u64) -> ApiError {
    let message = format!(
        "Input tokens exceed the configured limit of {most} tokens. Your messages resulted in {prompt} tokens. Please \
         reduce the length of the messages."
    );
    ApiError::new(Kind::ContextLength, message).at("messages")
}

/// A model that reasons has no tokens left for its answer.
pub fn nothing_left_to_say() -> ApiError {
    ApiError::new(
        Kind::Invalid,
        "Could not finish the message because max_tokens or model output limit was reached. Please try again with \
         higher max_tokens.",
    )
}

/// The model is no moderation model.
pub(super) fn no_moderation_model(model: &str) -> ApiError {
    let message =
        format!("Invalid value for 'model' = {model}. Please check the OpenAI documentation and try again.");
    ApiError::new(Kind::Invalid, message).at("model")
}

/// As [`context_length`] at the completions endpoint, which has another message and no code.
pub fn text_context_length(window: u32, prompt: u64, completion: u64) -> ApiError {
    ApiError::new(
        Kind::Invalid,
        format!(
            "This model's maximum context length is {window} tokens, however you requested {} tokens ({prompt} in \
             your prompt; {completion} for the completion). Please reduce your prompt; or completion length.",
            prompt.saturating_add(completion)
        ),
    )
}

/// A prompt of a wrong type, in the message of 2023: no newer one is known.
pub(super) fn not_a_prompt(prompt: &Value<'_>) -> ApiError {
    let message = format!("{} is not valid under any of the given schemas - 'prompt'", prompt.python());
    ApiError::new(Kind::Invalid, message)
}

/// An input to embed that is an empty string, or an empty array.
pub(super) fn empty_input(path: &Path<'_>, noun: &str) -> ApiError {
    ApiError::new(Kind::Invalid, format!("Invalid '{path}': input cannot be an empty {noun}."))
}

/// More inputs to embed than a request may have.
pub(super) fn many_inputs(path: &Path<'_>, most: usize) -> ApiError {
    ApiError::new(Kind::Invalid, format!("Invalid '{path}': array length must be {most} or less."))
}

/// An input to embed is longer than the model's window. `path` is `input`, or one of its entries.
pub fn long_input(path: &str, most: usize) -> ApiError {
    ApiError::new(Kind::Invalid, format!("Invalid '{path}': maximum input length is {most} tokens."))
}

/// All inputs to embed are too long together.
pub fn long_inputs(most: u64) -> ApiError {
    ApiError::new(
        Kind::Invalid,
        format!("Invalid 'input': maximum request size is {most} tokens per request."),
    )
}

/// The model's vectors have one length.
pub(super) fn no_dimensions() -> ApiError {
    ApiError::new(Kind::Invalid, "This model does not support specifying dimensions.")
}

/// The model's vectors have fewer dimensions than requested.
pub(super) fn many_dimensions(got: i64, most: u32) -> ApiError {
    ApiError::new(
        Kind::Invalid,
        format!("Invalid value for 'dimensions' = {got}. Must be less than or equal to {most}."),
    )
}

/// More images than the model moderates at once.
pub(super) fn many_images(images: usize) -> ApiError {
    let message = format!("Number of images ({images}) exceeds maximum of 1");
    ApiError::new(Kind::TooManyImages, message).at("input")
}

/// A token of a prompt is not in the model's vocabulary.
pub fn invalid_token(token: i64, largest: u32) -> ApiError {
    ApiError::new(
        Kind::Invalid,
        format!(
            "Invalid token in prompt: {token}. Minimum value is 0, maximum value is {largest} (inclusive)."
        ),
    )
}

pub(super) fn missing(path: &Path<'_>) -> ApiError {
    at(Kind::MissingParameter, format!("Missing required parameter: '{path}'."), path)
}

/// An unknown parameter; `known` are the names that it may be a misspelling of.
pub(super) fn unknown(path: &Path<'_>, known: &[&str]) -> ApiError {
    let hint = match known {
        [] => String::new(),
        [one] => format!(" Did you mean '{one}'?"),
        [one, other, ..] => format!(" Did you mean '{one}' or '{other}'?"),
    };
    at(Kind::UnknownParameter, format!("Unknown parameter: '{path}'.{hint}"), path)
}

/// The names that a misspelled one may stand for: those at most two edits away, the nearest first.
pub(super) fn nearest<'n>(name: &str, known: &[&'n str]) -> Vec<&'n str> {
    let mut near: Vec<(usize, &str)> =
        known.iter().map(|other| (edits(name, other), *other)).filter(|(edits, _)| *edits <= 2).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).collect()
}

/// How many letters have to be inserted, removed or changed; lengths that differ by more than two count as far.
fn edits(from: &str, to: &str) -> usize {
    if from.len().abs_diff(to.len()) > 2 {
        return usize::MAX;
    }
    let (from, to) = (from.as_bytes(), to.as_bytes());
    // For each letter of `to`: the edits from what of `from` was seen to all up to the letter.
    let mut row: Vec<usize> = (1..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (above, b) in row.iter_mut().zip(to) {
            let change = diagonal + usize::from(a != b);
            left = change.min(left + 1).min(*above + 1);
            diagonal = std::mem::replace(above, left);
        }
    }
    row.last().copied().unwrap_or(from.len())
}

pub(super) fn wrong_type(path: &Path<'_>, expected: &str, got: &str) -> ApiError {
    at(
        Kind::InvalidType,
        format!("Invalid type for '{path}': expected {expected}, but got {got} instead."),
        path,
    )
}

/// A string that is none of those supported. Only `param` names the parameter.
pub(super) fn not_one_of(path: &Path<'_>, value: &str, supported: &[&str]) -> ApiError {
    let rest = match supported {
        [one] => format!("Value must be '{one}'."),
        _ => format!("Supported values are: {}.", list(supported, "and")),
    };
    at(Kind::InvalidValue, format!("Invalid value: '{value}'. {rest}"), path)
}

/// `'a', 'b', and 'c'`, or `'a' and 'b'`.
pub(super) fn list(names: &[&str], conjunction: &str) -> String {
    let mut out = String::new();
    for (i, name) in names.iter().enumerate() {
        let joint = match i {
            0 => String::new(),
            1 if names.len() == 2 => format!(" {conjunction} "),
            _ if i + 1 == names.len() => format!(", {conjunction} "),
            _ => ", ".to_owned(),
        };
        out.push_str(&format!("{joint}'{name}'"));
    }
    out
}

/// Which bound of a range a value is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Below,
    Above,
}

pub(super) fn out_of_range(
    path: &Path<'_>,
    integer: bool,
    side: Side,
    bound: &dyn Display,
    got: &str,
) -> ApiError {
    let (noun, kind) = match (integer, side) {
        (true, Side::Below) => ("integer", Kind::IntegerBelowMin),
        (true, Side::Above) => ("integer", Kind::IntegerAboveMax),
        (false, Side::Below) => ("decimal", Kind::DecimalBelowMin),
        (false, Side::Above) => ("decimal", Kind::DecimalAboveMax),
    };
    let (side, sign) = match side {
        Side::Below => ("below minimum", ">="),
        Side::Above => ("above maximum", "<="),
    };
    at(
        kind,
        format!(
            "Invalid '{path}': {noun} {side} value. Expected a value {sign} {bound}, but got {got} instead."
        ),
        path,
    )
}

pub(super) fn empty_array(path: &Path<'_>) -> ApiError {
    at(
        Kind::EmptyArray,
        format!(
            "Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead."
        ),
        path,
    )
}

pub(super) fn long_array(path: &Path<'_>, most: usize, got: usize) -> ApiError {
    at(
        Kind::ArrayAboveMax,
        format!(
            "Invalid '{path}': array too long. Expected an array with maximum length {most}, but got an array with \
             length {got} instead."
        ),
        path,
    )
}

pub(super) fn empty_string(path: &Path<'_>) -> ApiError {
    at(
        Kind::EmptyString,
        format!(
            "Invalid '{path}': empty string. Expected a string with minimum length 1, but got an empty string instead."
        ),
        path,
    )
}

pub(super) fn long_string(path: &Path<'_>, most: usize, got: usize) -> ApiError {
    at(
        Kind::StringAboveMax,
        format!(
            "Invalid '{path}': string too long. Expected a string with maximum length {most}, but got a string with \
             length {got} instead."
        ),
        path,
    )
}

pub(super) fn no_match(path: &Path<'_>, pattern: &str) -> ApiError {
    at(
        Kind::InvalidValue,
        format!(
            "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '{pattern}'."
        ),
        path,
    )
}

pub(super) fn many_properties(path: &Path<'_>, most: usize, got: usize) -> ApiError {
    at(
        Kind::ObjectAboveMax,
        format!(
            "Invalid '{path}': too many properties. Expected an object with at most {most} properties, but got an \
             object with {got} properties instead."
        ),
        path,
    )
}

/// A property name that is too long: abbreviated in the message, complete in `param`.
pub(super) fn long_name(path: &Path<'_>, name: &str, most: usize) -> ApiError {
    let chars: Vec<char> = name.chars().collect();
    let short: String = {
        let (start, end) = (chars.iter().take(3), chars.iter().skip(chars.len().saturating_sub(3)));
        start.chain(&['.'; 3]).chain(end).collect()
    };
    let message = format!(
        "Invalid property name in '{path}': '{short}' is too long. Expected a string with maximum length {most}, but \
         got a string with length {} instead.",
        chars.len()
    );
    at(Kind::PropertyNameAboveMax, message, &path.key(name))
}

/// A parameter that the model does not have; `hint`, with a space before it, names the alternative.
pub(super) fn unsupported_parameter(path: &Path<'_>, hint: &str) -> ApiError {
    at(
        Kind::UnsupportedParameter,
        format!("Unsupported parameter: '{path}' is not supported with this model.{hint}"),
        path,
    )
}

/// A value that the model does not have, as Python's `repr` shows it.
pub(super) fn unsupported_value(path: &Path<'_>, value: &str, rest: &str) -> ApiError {
    at(
        Kind::UnsupportedValue,
        format!("Unsupported value: '{path}' does not support {value} with this model.{rest}"),
        path,
    )
}

/// `parameter` makes sense only where another is set.
pub(super) fn only_allowed_when(parameter: &'static str, other: &str) -> ApiError {
    ApiError::new(
        Kind::Invalid,
        format!("The '{parameter}' parameter is only allowed when '{other}' is enabled."),
    )
    .at(parameter)
}

/// `parameter` makes sense only where others are given.
pub(super) fn only_allowed_with(parameter: &'static str, others: &str) -> ApiError {
    ApiError::new(
        Kind::Invalid,
        format!(
            "Invalid value for '{parameter}': '{parameter}' is only allowed when '{others}' are specified."
        ),
    )
    .at(parameter)
}

/// A documented argument that the model does not have.
pub(super) fn unrecognized(name: &str) -> ApiError {
    ApiError::new(Kind::Invalid, format!("Unrecognized request argument supplied: {name}"))
}

fn at(kind: Kind, message: String, path: &impl Display) -> ApiError {
    ApiError::new(kind, message).at(path.to_string())
}
