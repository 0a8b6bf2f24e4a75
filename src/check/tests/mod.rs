//! Answers of the live API, restated: request, message, parameter, code.

mod by_model;
mod error_prose;
mod error_text;
mod large;
mod responses;
mod schemas;
mod types;

use super::*;
use crate::api;
use crate::model;

type Chat<'a> = api::chat::Request<'a>;

/// Serves the models of the table, as if the operator had named them.
pub(super) struct Named;

impl ModelResolver for Named {
    type Resolved = ValidationPolicy;

    fn resolve(&self, model: &str) -> Option<ValidationPolicy> {
        let spec = model::find(model)?;
        Some(ValidationPolicy {
            validation: Validation::Live,
            unknown: UnknownParams::Reject,
            spec: Some(spec),
            named_exactly: true,
            by_engine: true,
        })
    }
}

/// Serves any model, without its facts.
pub(super) struct Open(Validation, UnknownParams);

impl ModelResolver for Open {
    type Resolved = ValidationPolicy;

    fn resolve(&self, _: &str) -> Option<ValidationPolicy> {
        Some(ValidationPolicy {
            validation: self.0,
            unknown: self.1,
            spec: None,
            named_exactly: false,
            by_engine: true,
        })
    }

    fn validation_without_model(&self) -> Validation {
        self.0
    }
}

pub(super) const LIVE: Open = Open(Validation::Live, UnknownParams::Reject);
pub(super) const SCHEMA: Open = Open(Validation::Schema, UnknownParams::Pass);
const HI: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// A chat request with these members besides a greeting, unless they are messages themselves.
fn body(model: &str, members: &str) -> String {
    let messages = if members.contains("\"messages\"") { "" } else { HI };
    let comma = if messages.is_empty() || members.is_empty() { "" } else { "," };
    format!("{{\"model\":\"{model}\",{messages}{comma}{members}}}")
}

/// The answer to a chat request: message, parameter, code; or `good`.
fn outcome(resolver: &dyn ModelResolver<Resolved = ValidationPolicy>, body: &str) -> String {
    match request::<Chat<'_>, _>(body.as_bytes(), resolver) {
        Ok(_) => "good".to_owned(),
        Err(error) => {
            format!("{error} @{} #{}", error.param().unwrap_or("-"), error.code().unwrap_or("-"))
        }
    }
}

#[track_caller]
fn each(resolver: &dyn ModelResolver<Resolved = ValidationPolicy>, model: &str, rows: &[(&str, &str)]) {
    for (members, want) in rows {
        let body = body(model, members);
        assert_eq!(outcome(resolver, &body), *want, "{body}");
    }
}
