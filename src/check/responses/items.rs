//! The shapes of the items of Responses' `input`, and of the parts of their contents.
//!
//! Items of types that are not listed here are accepted.

use crate::check::error_text;
use crate::check::path::Path;
use crate::check::scope::Scope;
use crate::check::shape::{Either, JsonTypes, STRING, Shape, objects, open, optional, required};
use crate::error::{ApiError, Kind};
use crate::json::Value;

pub(super) static INPUT: Shape = Shape::Either(&Either {
    noun: "one of a string or array of items",
    string: Some(&STRING),
    array: Some(&Shape::Array(&objects(&Shape::Rule(JsonTypes::OBJECT, item)))),
    object: None,
});

/// A part of a message. Members that several types of parts have are of one JSON type in all of them.
static PART: Shape = Shape::Object(&open(&[
    required("type", &STRING),
    optional("text", &STRING),
    optional("refusal", &STRING),
    optional(
        "image_url",
        &Shape::Either(&Either { noun: "an image URL", string: Some(&STRING), array: None, object: None }),
    ),
    optional("file_id", &STRING),
    optional("file_data", &STRING),
    optional("file_url", &STRING),
    optional("filename", &STRING),
]));

fn item(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static KIND: Shape = Shape::Object(&open(&[optional("type", &STRING), optional("id", &STRING)]));
    static MESSAGE: Shape = Shape::Object(&open(&[
        required("role", &Shape::OneOf(&["assistant", "system", "developer", "user"])),
        required(
            "content",
            &Shape::Either(&Either {
                noun: "one of a string or array of objects",
                string: Some(&STRING),
                array: Some(&Shape::Array(&objects(&PART))),
                object: None,
            }),
        ),
    ]));
    static CALL: Shape = Shape::Object(&open(&[
        required("call_id", &STRING),
        required("name", &STRING),
        required("arguments", &STRING),
    ]));
    static CUSTOM_CALL: Shape = Shape::Object(&open(&[
        required("call_id", &STRING),
        required("name", &STRING),
        required("input", &STRING),
    ]));
    static OUTPUT: Shape = Shape::Object(&open(&[
        required("call_id", &STRING),
        required(
            "output",
            &Shape::Either(&Either {
                noun: "one of a string or array of objects",
                string: Some(&STRING),
                array: Some(&Shape::Any),
                object: None,
            }),
        ),
    ]));
    KIND.validate(value, path, scope)?;
    let prefix = |prefix: &str| has_prefix(value, prefix, path, scope);
    match value.get("type").and_then(Value::as_str) {
        None | Some("message") => {
            MESSAGE.validate(value, path, scope)?;
            prefix("msg")?;
            parts(value, path, scope)
        }
        Some("function_call") => CALL.validate(value, path, scope).and_then(|()| prefix("fc")),
        Some("custom_tool_call") => CUSTOM_CALL.validate(value, path, scope),
        Some("function_call_output" | "custom_tool_call_output") => {
            OUTPUT.validate(value, path, scope)?;
            output_parts(value, path, scope)
        }
        Some("reasoning") => prefix("rs"),
        Some(_) => Ok(()),
    }
}

/// The live API refuses an item's id that has not the prefix of its type.
fn has_prefix(value: &Value<'_>, prefix: &str, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    match value.get("id").and_then(Value::as_str) {
        Some(id) if scope.is_live() && !id.starts_with(prefix) => {
            let path = path.key("id");
            let message = format!("Invalid '{path}': '{id}'. Expected an ID that begins with '{prefix}'.");
            Err(ApiError::new(Kind::InvalidValue, message).at(path.to_string()))
        }
        _ => Ok(()),
    }
}

/// The live API takes other parts from the assistant than from everyone else.
fn parts(message: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    const ASSISTANT: &[&str] = &["output_text", "refusal"];
    const OTHERS: &[&str] = &[
        "input_text",
        "input_image",
        "output_text",
        "refusal",
        "input_file",
        "computer_screenshot",
        "summary_text",
    ];
    if !scope.is_live() {
        return Ok(());
    }
    let by_assistant = message.get("role").and_then(Value::as_str) == Some("assistant");
    let known = if by_assistant { ASSISTANT } else { OTHERS };
    let path = path.key("content");
    for (i, part) in message.get("content").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let Some(kind) = part.get("type").and_then(Value::as_str) else { continue };
        let refused = match by_assistant {
            true => !known.contains(&kind),
            // Audio is documented for some models.
            false => matches!(kind, "text" | "image_url"),
        };
        if refused {
            let message = error_text::not_one_of(&path.index(i), kind, known);
            return Err(message);
        }
        file(part, &path.index(i))?;
    }
    Ok(())
}

/// The results of tools may be parts as well.
fn output_parts(item: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    if !scope.is_live() {
        return Ok(());
    }
    let path = path.key("output");
    let parts = item.get("output").and_then(Value::as_array).into_iter().flatten();
    parts.enumerate().try_for_each(|(i, part)| file(part, &path.index(i)))
}

/// Sound and video are no files to the live API, whether it gets them or where they are.
fn file(part: &Value<'_>, path: &Path<'_>) -> Result<(), ApiError> {
    const ENDINGS: [&str; 14] = [
        "aac", "avi", "flac", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mpeg", "ogg", "opus", "wav", "webm",
    ];
    let member = |name: &str| part.get(name).and_then(Value::as_str);
    if member("type") != Some("input_file") {
        return Ok(());
    }
    let mime = member("file_data")
        .and_then(|data| data.strip_prefix("data:"))
        .and_then(|data| data.split([';', ',']).next())
        .filter(|mime| mime.starts_with("audio/") || mime.starts_with("video/"));
    if let Some(mime) = mime {
        let path = path.key("file_data").to_string();
        let message = format!(
            "Invalid file data: '{path}'. Expected a base64-encoded data URL with a valid file MIME type (e.g. \
             'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type '{mime}'. Please see \
             https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types."
        );
        return Err(ApiError::new(Kind::InvalidValue, message).at(path));
    }
    let file_name = member("file_url").map(|url| url.split(['?', '#']).next().unwrap_or(url));
    let ending =
        file_name.and_then(|name| name.rsplit('/').next()?.rsplit_once('.')).map(|(_, ending)| ending);
    if ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))) {
        let message = "The file type you uploaded is not supported. Please try again with a pdf";
        return Err(ApiError::new(Kind::UnsupportedFile, message).at("input"));
    }
    Ok(())
}
