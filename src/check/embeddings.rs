//! The parameters of `POST /v1/embeddings`, and the rules over all inputs together.
//!
//! The endpoint's errors about inputs have messages of their own, without a code; the rest follows the grammar of the
//! other endpoints.

use super::clamp;
use super::error_text;
use super::param::{Param, param};
use super::path::Path;
use super::request_rules::RequestRules;
use super::scope::Scope;
use super::shape::{Array, JsonTypes, STRING, Shape};
use crate::api::completions::Prompt;
use crate::api::embeddings;
use crate::api::{Extra, Text};
use crate::error::{ApiError, Kind};
use crate::json::Value;
use crate::model::{self, Endpoint, ModelSpec};

/// The most inputs of a request.
const MAX: usize = 2048;

static TOKENS: Shape =
    Shape::Array(&Array { noun: "an array of integers", min: 0, max: usize::MAX, item: &TOKEN });
static TOKEN: Shape = Shape::Integer(None, None);

static PARAMS: &[&Param] = &[
    &param("input", &Shape::Rule(JsonTypes::STRING.or(JsonTypes::ARRAY), input)),
    &param("dimensions", &Shape::Rule(JsonTypes::NUMBER, dimensions)),
    &param("encoding_format", &Shape::OneOf(&["float", "base64"])),
    &param("user", &STRING),
];

/// An integer below 1 has a sentence of its own, without a parameter and a code, as recorded in August 2025.
fn dimensions(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    static WHOLE: Shape = Shape::Integer(None, None);
    WHOLE.validate(value, path, scope)?;
    match value {
        Value::Number(number) if crate::json::double(number) < 1.0 => {
            let message = format!("{number} is less than the minimum of 1 - '{path}'");
            Err(ApiError::new(Kind::Invalid, message))
        }
        _ => Ok(()),
    }
}

/// The type of the first item is that of all.
fn input(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let items = match value {
        Value::String(text) if text.is_empty() => return Err(error_text::empty_input(path, "string")),
        Value::String(_) => return Ok(()),
        Value::Array(items) => items,
        _ => {
            let forms =
                "one of a string, array of strings, array of integers, or array of arrays of integers";
            return Err(error_text::wrong_type(path, forms, value.noun()));
        }
    };
    let shape = match items.first() {
        None => return Err(error_text::empty_input(path, "array")),
        Some(Value::String(_)) => &STRING,
        Some(Value::Number(_)) => &TOKEN,
        Some(Value::Array(_)) => &TOKENS,
        Some(other) => {
            let forms = "one of a string, integer, or array of integers";
            return Err(error_text::wrong_type(&path.index(0), forms, other.noun()));
        }
    };
    items.iter().enumerate().try_for_each(|(i, item)| shape.validate(item, &path.index(i), scope))?;
    if items.len() > MAX && !matches!(items.first(), Some(Value::Number(_))) {
        return Err(error_text::many_inputs(path, MAX));
    }
    items.iter().enumerate().try_for_each(|(i, item)| match item {
        Value::String(text) if text.is_empty() => Err(error_text::empty_input(&path.index(i), "string")),
        Value::Array(tokens) if tokens.is_empty() => Err(error_text::empty_input(&path.index(i), "array")),
        _ => Ok(()),
    })
}

impl<'a> RequestRules<'a> for embeddings::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Embeddings;
    const REQUIRED: &'static str = "input";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Extra<'a> {
        &mut self.extra
    }

    fn has_required(&self) -> bool {
        self.input.is_some()
    }

    fn is_plain(&self, _: Scope) -> bool {
        let input = match &self.input {
            Some(Prompt::Text(text)) => !text.is_empty(),
            Some(Prompt::Texts(texts)) => {
                (1..=MAX).contains(&texts.len()) && texts.iter().all(|text| !text.is_empty())
            }
            _ => false,
        };
        let whole = |dimensions: &crate::api::Int| dimensions.value >= 1 && !dimensions.decimal;
        input && !self.doubles && self.dimensions.as_ref().is_none_or(whole)
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        let Some(wanted) = self.dimensions.map(|dimensions| dimensions.value) else { return Ok(()) };
        let most = scope.spec.map_or(model::DIMENSIONS, |spec| spec.dimensions);
        match scope.spec {
            Some(spec) if !spec.shortens => Err(error_text::no_dimensions()),
            _ if wanted > i64::from(most) => Err(error_text::many_dimensions(wanted, most)),
            _ => Ok(()),
        }
    }

    fn clamp(&mut self, model: Option<&ModelSpec>) {
        let most = model.map_or(model::DIMENSIONS, |spec| spec.dimensions);
        clamp::integer(&mut self.dimensions, (1, most.into()));
        if model.is_some_and(|spec| !spec.shortens) {
            self.dimensions = None;
        }
    }

    fn params(_: Scope) -> Vec<&'static Param> {
        PARAMS.to_vec()
    }

    fn wrong_model(_: &str, _: Endpoint) -> ApiError {
        error_text::no_embedding_model()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVE, Named, SCHEMA};
    use super::super::{ModelResolver, ValidationPolicy, request};
    use crate::api::embeddings::Request;

    #[track_caller]
    fn outcome(resolver: &dyn ModelResolver<Resolved = ValidationPolicy>, members: &str) -> String {
        let body = format!(r#"{{"model":"text-embedding-3-small",{members}}}"#);
        match request::<Request<'_>, _>(body.as_bytes(), resolver) {
            Ok(_) => "good".to_owned(),
            Err(error) => {
                format!("{error} @{} #{}", error.param().unwrap_or("-"), error.code().unwrap_or("-"))
            }
        }
    }

    #[test]
    fn inputs_have_four_forms() {
        let many = |item: &str| format!(r#""input":[{}]"#, vec![item; 2049].join(","));
        for (members, want) in [
            (r#""input":"a""#, "good"),
            (r#""input":[" ","b"]"#, "good"),
            (r#""input":[1,2]"#, "good"),
            (r#""input":[[1],[2,3]]"#, "good"),
            (&many("1"), "good"),
            (r#""user":"u""#, "Missing required parameter: 'input'. @input #missing_required_parameter"),
            (
                r#""input":null"#,
                "Invalid type for 'input': expected one of a string, array of strings, array of integers, or array of \
                 arrays of integers, but got null instead. @input #invalid_type",
            ),
            (
                r#""input":{"text":"a"}"#,
                "Invalid type for 'input': expected one of a string, array of strings, array of integers, or array of \
                 arrays of integers, but got an object instead. @input #invalid_type",
            ),
            (
                r#""input":[{"type":"text"}]"#,
                "Invalid type for 'input[0]': expected one of a string, integer, or array of integers, but got an \
                 object instead. @input[0] #invalid_type",
            ),
            (
                r#""input":["a",1]"#,
                "Invalid type for 'input[1]': expected a string, but got an integer instead. @input[1] #invalid_type",
            ),
            (
                r#""input":[[1],[2,1.5]]"#,
                "Invalid type for 'input[1][1]': expected an integer, but got a decimal number instead. \
                 @input[1][1] #invalid_type",
            ),
            (r#""input":"""#, "Invalid 'input': input cannot be an empty string. @- #-"),
            (r#""input":["a",""]"#, "Invalid 'input[1]': input cannot be an empty string. @- #-"),
            (r#""input":[]"#, "Invalid 'input': input cannot be an empty array. @- #-"),
            (r#""input":[[1],[]]"#, "Invalid 'input[1]': input cannot be an empty array. @- #-"),
            (&many("\"a\""), "Invalid 'input': array length must be 2048 or less. @- #-"),
            (&many("[1]"), "Invalid 'input': array length must be 2048 or less. @- #-"),
        ] {
            assert_eq!(outcome(&LIVE, members), want, "{members}");
        }
    }

    #[test]
    fn the_other_parameters_are_worded_as_everywhere() {
        for (members, want) in [
            (r#""input":"a","encoding_format":"base64","dimensions":1,"user":"u""#, "good"),
            (r#""input":"a","encoding_format":null,"dimensions":null,"user":null"#, "good"),
            (
                r#""input":"a","encoding_format":"int8""#,
                "Invalid value: 'int8'. Supported values are: 'float' and 'base64'. @encoding_format #invalid_value",
            ),
            (
                r#""input":"a","encoding_format":8"#,
                "Invalid type for 'encoding_format': expected one of 'float' or 'base64', but got an integer instead. \
                 @encoding_format #invalid_type",
            ),
            (
                r#""input":"a","dimensions":0,"encoding_format":"hex""#,
                "0 is less than the minimum of 1 - 'dimensions' @- #-",
            ),
            (
                r#""input":"a","dimensions":"8""#,
                "Invalid type for 'dimensions': expected an integer, but got a string instead. @dimensions #invalid_type",
            ),
            (
                r#""input":"a","user":7"#,
                "Invalid type for 'user': expected a string, but got an integer instead. @user #invalid_type",
            ),
            (
                r#""input":"a","dimension":8"#,
                "Unknown parameter: 'dimension'. Did you mean 'dimensions'? @dimension #unknown_parameter",
            ),
        ] {
            assert_eq!(outcome(&LIVE, members), want, "{members}");
        }
        assert_eq!(outcome(&SCHEMA, r#""input":"a","strange":8"#), "good");
    }

    #[test]
    fn models_have_their_dimensions() {
        let outcome = |model: &str, dimensions: u32| {
            let body = format!(r#"{{"model":"{model}","input":"a","dimensions":{dimensions}}}"#);
            request::<Request<'_>, _>(body.as_bytes(), &Named)
                .map_or_else(|error| error.to_string(), |_| "good".to_owned())
        };
        for (model, dimensions, want) in [
            ("text-embedding-3-small", 1536, "good"),
            (
                "text-embedding-3-small",
                1537,
                "Invalid value for 'dimensions' = 1537. Must be less than or equal to 1536.",
            ),
            ("text-embedding-3-large", 3072, "good"),
            ("text-embedding-ada-002", 1536, "This model does not support specifying dimensions."),
            ("gpt-4o", 8, "You are not allowed to generate embeddings from this model"),
        ] {
            assert_eq!(outcome(model, dimensions), want, "{model} {dimensions}");
        }
    }
}
