//! The errors of `gpt-4o-audio-preview`, which are lists of Pydantic's.
//!
//! The service behind that model reads some parameters itself, before the checks that all models share. It lists every
//! fault, in the form of Python's `repr` of Pydantic's list of errors, without `param` or `code`.

use super::limits;
use super::python_repr::push_python_str;
use crate::error::{ApiError, Kind};
use crate::json::{Value, double, is_integer};

/// The type of a parameter in that service.
enum Type {
    Bool,
    /// An integer, and the least it may be.
    Int(Option<i64>),
    /// A number between two.
    Float((f64, f64)),
    String,
    Stop,
}

static PARAMS: &[(&str, Type)] = &[
    ("max_tokens", Type::Int(None)),
    ("temperature", Type::Float(limits::TEMPERATURE_RANGE)),
    ("top_p", Type::Float(limits::TOP_P_RANGE)),
    ("n", Type::Int(Some(limits::N_RANGE.0))),
    ("stop", Type::Stop),
    ("presence_penalty", Type::Float(limits::PENALTY_RANGE)),
    ("frequency_penalty", Type::Float(limits::PENALTY_RANGE)),
    ("stream", Type::Bool),
    ("seed", Type::Int(None)),
    ("user", Type::String),
];

/// Reports all faults of those parameters together.
pub(super) fn validate(body: &Value<'_>) -> Result<(), ApiError> {
    let mut faults = Vec::new();
    for (name, kind) in PARAMS {
        if let Some(value) = body.get_non_null(name) {
            kind.validate(name, value, &mut faults);
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(ApiError::new(Kind::Invalid, format!("[{}]", faults.join(", "))))
    }
}

impl Type {
    fn validate(&self, name: &str, value: &Value<'_>, faults: &mut Vec<String>) {
        let loc = format!("'{name}'");
        match (self, value) {
            (Self::Bool, Value::Bool(_)) | (Self::String, Value::String(_)) => {}
            (Self::Bool, Value::String(_)) => {
                faults.push(fault(
                    "bool_parsing",
                    &loc,
                    "Input should be a valid boolean, unable to interpret input",
                    value,
                    "",
                ));
            }
            (Self::Bool, _) => {
                faults.push(fault("bool_type", &loc, "Input should be a valid boolean", value, ""))
            }
            (Self::String, _) => {
                faults.push(fault("string_type", &loc, "Input should be a valid string", value, ""))
            }
            (Self::Int(least), Value::Number(text)) => {
                if !is_integer(text) && double(text).fract() != 0.0 {
                    let message = "Input should be a valid integer, got a number with a fractional part";
                    faults.push(fault("int_from_float", &loc, message, value, ""));
                } else if let Some(least) = least.filter(|least| double(text) < *least as f64) {
                    let message = format!("Input should be greater than or equal to {least}");
                    faults.push(fault(
                        "greater_than_equal",
                        &loc,
                        &message,
                        value,
                        &format!(", 'ctx': {{'ge': {least}}}"),
                    ));
                }
            }
            (Self::Int(_), Value::String(_)) => {
                let message = "Input should be a valid integer, unable to parse string as an integer";
                faults.push(fault("int_parsing", &loc, message, value, ""));
            }
            (Self::Int(_), _) => {
                faults.push(fault("int_type", &loc, "Input should be a valid integer", value, ""))
            }
            (Self::Float((least, most)), Value::Number(text)) => {
                if double(text) < *least {
                    let message = format!("Input should be greater than or equal to {least}");
                    let ctx = format!(", 'ctx': {{'ge': {least:?}}}");
                    faults.push(fault("greater_than_equal", &loc, &message, value, &ctx));
                } else if double(text) > *most {
                    let message = format!("Input should be less than or equal to {most}");
                    let ctx = format!(", 'ctx': {{'le': {most:?}}}");
                    faults.push(fault("less_than_equal", &loc, &message, value, &ctx));
                }
            }
            (Self::Float(_), Value::String(_)) => {
                let message = "Input should be a valid number, unable to parse string as a number";
                faults.push(fault("float_parsing", &loc, message, value, ""));
            }
            (Self::Float(_), _) => {
                faults.push(fault("float_type", &loc, "Input should be a valid number", value, ""))
            }
            (Self::Stop, _) => stop(value, faults),
        }
    }
}

/// `stop` is a string, a list of strings or a list of lists of tokens; anything else is an error for each of the three.
fn stop(value: &Value<'_>, faults: &mut Vec<String>) {
    match value {
        Value::String(_) => {}
        Value::Array(items) if items.is_empty() => {
            let message = "List should have at least 1 item after validation, not 0";
            let ctx = ", 'ctx': {'field_type': 'List', 'min_length': 1, 'actual_length': 0}";
            faults.push(fault("string_type", "'stop', 'str'", "Input should be a valid string", value, ""));
            faults.push(fault("too_short", "'stop', 'list[str]'", message, value, ctx));
            faults.push(fault("too_short", "'stop', 'list[list[int]]'", message, value, ctx));
        }
        Value::Array(_) => {}
        _ => {
            faults.push(fault("string_type", "'stop', 'str'", "Input should be a valid string", value, ""));
            faults.push(fault("list_type", "'stop', 'list[str]'", "Input should be a valid list", value, ""));
            faults.push(fault(
                "list_type",
                "'stop', 'list[list[int]]'",
                "Input should be a valid list",
                value,
                "",
            ));
        }
    }
}

fn fault(kind: &str, loc: &str, message: &str, input: &Value<'_>, ctx: &str) -> String {
    let mut quoted = String::new();
    push_python_str(message, &mut quoted);
    format!("{{'type': '{kind}', 'loc': ('body', {loc}), 'msg': {quoted}, 'input': {}{ctx}}}", input.python())
}
