//! The parameters of `POST /v1/moderations`.

use super::error_text;
use super::param::{Param, param};
use super::path::Path;
use super::request_rules::RequestRules;
use super::scope::Scope;
use super::shape::{JsonTypes, STRING, Shape, Tagged, open, optional, required};
use crate::api::moderations::{self, Input, Item, PartType};
use crate::api::{Extra, Text};
use crate::error::ApiError;
use crate::json::Value;
use crate::model::{Endpoint, ModelSpec};

static PARAMS: &[&Param] = &[&param("input", &Shape::Rule(JsonTypes::STRING.or(JsonTypes::ARRAY), input))];

static IMAGE: Shape = Shape::Object(&open(&[
    required("url", &STRING),
    optional("detail", &Shape::OneOf(&["auto", "low", "high", "original"])),
]));

static PART: Shape = Shape::Tagged(&Tagged {
    tag: "type",
    variants: &[
        ("image_url", &open(&[required("image_url", &IMAGE), optional("text", &STRING)])),
        ("text", &open(&[required("text", &STRING), optional("image_url", &IMAGE)])),
    ],
});

/// The type of the first item is that of all.
fn input(value: &Value<'_>, path: &Path<'_>, scope: Scope) -> Result<(), ApiError> {
    let items = match value {
        Value::String(_) => return Ok(()),
        Value::Array(items) => items,
        _ => {
            let forms = "one of a string, array of strings, or array of objects";
            return Err(error_text::wrong_type(path, forms, value.noun()));
        }
    };
    let shape = match items.first() {
        None => return Err(error_text::empty_array(path)),
        Some(Value::String(_)) => &STRING,
        Some(Value::Object(_)) => &PART,
        Some(other) => {
            return Err(error_text::wrong_type(&path.index(0), "one of a string or object", other.noun()));
        }
    };
    items.iter().enumerate().try_for_each(|(i, item)| shape.validate(item, &path.index(i), scope))
}

impl<'a> RequestRules<'a> for moderations::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Moderations;
    const REQUIRED: &'static str = "input";
    const DEFAULT_MODEL: Option<&'static str> = Some(moderations::DEFAULT_MODEL);

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
            Some(Input::Text(_)) => true,
            Some(Input::Many(items)) => {
                !items.is_empty() && items.iter().all(|item| matches!(item, Item::Text(_)))
            }
            None => false,
        };
        input && !self.doubles
    }

    /// The model takes one image at a time.
    fn check_cross_field(&self, _: Scope) -> Result<(), ApiError> {
        let Some(Input::Many(items)) = &self.input else { return Ok(()) };
        let image =
            |item: &&Item<'_>| matches!(item, Item::Part(part) if part.kind == Some(PartType::ImageUrl));
        match items.iter().filter(image).count() {
            0 | 1 => Ok(()),
            images => Err(error_text::many_images(images)),
        }
    }

    fn clamp(&mut self, _: Option<&ModelSpec>) {}

    fn params(_: Scope) -> Vec<&'static Param> {
        PARAMS.to_vec()
    }

    fn not_served(model: &str) -> ApiError {
        error_text::no_moderation_model(model)
    }

    fn wrong_model(model: &str, _: Endpoint) -> ApiError {
        error_text::no_moderation_model(model)
    }
}

#[cfg(test)]
mod tests {
    use super::super::request;
    use super::super::tests::LIVE;
    use crate::api::moderations::Request;

    fn outcome(members: &str) -> String {
        match request::<Request<'_>, _>(format!("{{{members}}}").as_bytes(), &LIVE) {
            Ok(_) => "good".to_owned(),
            Err(error) => {
                format!("{error} @{} #{}", error.param().unwrap_or("-"), error.code().unwrap_or("-"))
            }
        }
    }

    #[test]
    fn inputs_have_three_forms() {
        for (members, want) in [
            (r#""input":"a""#, "good"),
            (r#""input":"a","model":null"#, "good"),
            (r#""input":["a",""]"#, "good"),
            (
                r#""input":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://h/i.png","detail":"low"}}]"#,
                "good",
            ),
            ("", "Missing required parameter: 'input'. @input #missing_required_parameter"),
            (
                r#""input":7"#,
                "Invalid type for 'input': expected one of a string, array of strings, or array of objects, but got an \
                 integer instead. @input #invalid_type",
            ),
            (
                r#""input":[]"#,
                "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array \
                 instead. @input #empty_array",
            ),
            (
                r#""input":["a",{"type":"text","text":"a"}]"#,
                "Invalid type for 'input[1]': expected a string, but got an object instead. @input[1] #invalid_type",
            ),
            (
                r#""input":[true]"#,
                "Invalid type for 'input[0]': expected one of a string or object, but got a boolean instead. \
                 @input[0] #invalid_type",
            ),
            (
                r#""input":[{"type":"image","image":"a"}]"#,
                "Invalid value: 'image'. Supported values are: 'image_url' and 'text'. @input[0].type #invalid_value",
            ),
            (
                r#""input":[{"type":"text"}]"#,
                "Missing required parameter: 'input[0].text'. @input[0].text #missing_required_parameter",
            ),
            (
                r#""input":[{"type":"image_url","image_url":"https://h/i.png"}]"#,
                "Invalid type for 'input[0].image_url': expected an object, but got a string instead. \
                 @input[0].image_url #invalid_type",
            ),
            (
                r#""input":[{"type":"image_url","image_url":{"url":"a"}},{"type":"image_url","image_url":{"url":"b"}}]"#,
                "Number of images (2) exceeds maximum of 1 @input #too_many_images",
            ),
            (r#""input":"a","strange":1"#, "Unknown parameter: 'strange'. @strange #unknown_parameter"),
            (r#""inputs":"a""#, "Missing required parameter: 'input'. @input #missing_required_parameter"),
        ] {
            assert_eq!(outcome(members), want, "{members}");
        }
        assert!(outcome(r#""input":"a","model":7"#).starts_with("We could not parse the JSON body"));
    }
}
