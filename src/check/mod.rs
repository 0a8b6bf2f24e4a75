//! Judging requests: what the live API refuses is refused here, in the same words.

pub mod models;

use std::borrow::Cow;

use serde::Deserialize;

use crate::api::{Text, chat, completions};
use crate::config::{UnknownParams, Validation};
use crate::error::{ApiError, Kind};

/// Who judges a request: what the route of its model asks for.
#[derive(Debug, Clone, Copy)]
pub struct Judge {
    /// How strictly.
    pub validation: Validation,
    /// What happens to parameters nobody documents.
    pub unknown: UnknownParams,
    /// What is known of the model; without, everything documented is accepted and no rule that depends
    /// on the model applies.
    pub card: Option<&'static models::Card>,
}

/// Finds the judge for a model.
pub trait Judges {
    /// The judge for this model, or none if it is not served, or not to this caller.
    fn judge(&self, model: &str) -> Option<Judge>;
}

/// A request that was found good.
#[derive(Debug)]
pub struct Checked<'a, R> {
    /// The request.
    pub request: R,
    /// Who judged it.
    pub judge: Judge,
    /// The unknown parameters to leave out, where the judge asks for that.
    pub dropped: Vec<Cow<'a, str>>,
}

/// Judges the body of `POST /v1/chat/completions`.
pub fn chat<'a>(body: &'a [u8], judges: &dyn Judges) -> Result<Checked<'a, chat::Request<'a>>, ApiError> {
    let mut request: chat::Request<'a> = parse(body)?;
    let judge = find(request.model.as_ref(), judges)?;
    if request.messages.is_none() {
        return Err(missing("messages"));
    }
    let dropped = unknown(std::mem::take(&mut request.extra), judge)?;
    Ok(Checked { request, judge, dropped })
}

/// Judges the body of `POST /v1/completions`.
pub fn completions<'a>(
    body: &'a [u8],
    judges: &dyn Judges,
) -> Result<Checked<'a, completions::Request<'a>>, ApiError> {
    let mut request: completions::Request<'a> = parse(body)?;
    let judge = find(request.model.as_ref(), judges)?;
    if request.prompt.is_none() {
        return Err(missing("prompt"));
    }
    let dropped = unknown(std::mem::take(&mut request.extra), judge)?;
    Ok(Checked { request, judge, dropped })
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| not_json())
}

fn find(model: Option<&Text<'_>>, judges: &dyn Judges) -> Result<Judge, ApiError> {
    let model = model.filter(|m| !m.is_empty());
    let model = model.ok_or_else(|| ApiError::new(Kind::Invalid, "you must provide a model parameter"))?;
    judges.judge(model).ok_or_else(|| {
        let message = format!("The model `{}` does not exist or you do not have access to it.", &**model);
        ApiError::new(Kind::ModelNotFound, message)
    })
}

fn unknown<'a>(names: Vec<Text<'a>>, judge: Judge) -> Result<Vec<Cow<'a, str>>, ApiError> {
    match (judge.unknown, names.first()) {
        (UnknownParams::Pass, _) | (_, None) => Ok(Vec::new()),
        (UnknownParams::Drop, _) => Ok(names.into_iter().map(Text::into_inner).collect()),
        (UnknownParams::Reject, Some(name)) => {
            Err(ApiError::new(Kind::UnknownParameter, format!("Unknown parameter: '{}'.", &**name))
                .at(name.to_string()))
        }
    }
}

fn missing(name: &'static str) -> ApiError {
    ApiError::new(Kind::MissingParameter, format!("Missing required parameter: '{name}'.")).at(name)
}

fn not_json() -> ApiError {
    ApiError::new(
        Kind::Invalid,
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
         library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you \
         have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Open;

    impl Judges for Open {
        fn judge(&self, model: &str) -> Option<Judge> {
            let judge = Judge { validation: Validation::Live, unknown: UnknownParams::Reject, card: None };
            (model != "unknown").then_some(judge)
        }
    }

    #[test]
    fn a_plain_request_is_good() {
        let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"n":2,"stop":null}"#;
        let checked = chat(body, &Open).unwrap();
        assert_eq!(checked.request.choices(), 2);
        assert_eq!(checked.request.stop, None);
    }

    #[test]
    fn a_model_is_needed_before_all_else() {
        for (body, message) in [
            (r#"{"messages":7"#, "We could not parse the JSON body of your request."),
            (r#"{"messages":null}"#, "you must provide a model parameter"),
            (r#"{"model":"unknown"}"#, "The model `unknown` does not exist or you do not have access to it."),
            (r#"{"model":"gpt-4o"}"#, "Missing required parameter: 'messages'."),
        ] {
            let error = chat(body.as_bytes(), &Open).unwrap_err();
            assert!(error.message().starts_with(message), "{body}: {error}");
        }
    }
}
