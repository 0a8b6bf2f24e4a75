//! The two passes one by one, for whoever holds them together: each must find what the other does.

use super::{Request, Scope, ValidationPolicy, against};
use crate::api;
use crate::check::error_text;
use crate::config::UnknownParams;
use crate::error::ApiError;
use crate::json::{self, Value};

/// What each pass finds in a body by itself. Of the model's name it is looked at no more than that it is one.
#[derive(Debug)]
pub struct Passes {
    /// Whether the fast pass can read it.
    pub readable: bool,
    /// Whether the fast pass is sure that it is good.
    pub plain: bool,
    /// What the diagnosing pass finds.
    pub rules: Result<(), ApiError>,
    /// What is found by the rules for several parameters at once; good where nothing could be read.
    pub late: Result<(), ApiError>,
}

/// Both passes over the body of `POST /v1/chat/completions`.
pub fn chat(body: &[u8], policy: ValidationPolicy) -> Passes {
    passes::<api::chat::Request<'_>>(body, policy)
}

/// Both passes over the body of `POST /v1/completions`.
pub fn completions(body: &[u8], policy: ValidationPolicy) -> Passes {
    passes::<api::completions::Request<'_>>(body, policy)
}

/// Both passes over the body of `POST /v1/embeddings`.
pub fn embeddings(body: &[u8], policy: ValidationPolicy) -> Passes {
    passes::<api::embeddings::Request<'_>>(body, policy)
}

/// Both passes over the body of `POST /v1/moderations`.
pub fn moderations(body: &[u8], policy: ValidationPolicy) -> Passes {
    passes::<api::moderations::Request<'_>>(body, policy)
}

pub(super) fn passes<'a, R: Request<'a>>(body: &'a [u8], policy: ValidationPolicy) -> Passes {
    let scope = Scope::of(policy);
    let named =
        |tree: &Value<'_>| tree.all("model").all(|name| matches!(name, Value::String(_) | Value::Null));
    let tree = Value::parse(body).filter(named).ok_or_else(error_text::not_json);
    let rules = tree.and_then(|tree| against::<R>(&tree, policy));
    match json::from_slice::<R>(body) {
        Err(_) => Passes { readable: false, plain: false, rules, late: Ok(()) },
        Ok(mut request) => {
            let strange = policy.unknown == UnknownParams::Reject && !request.extra().is_empty();
            let late = request.check_cross_field(scope);
            Passes { readable: true, plain: !strange && request.is_plain(scope), rules, late }
        }
    }
}

impl Passes {
    /// Where the passes disagree, if they do.
    pub fn disagreement(&self) -> Option<&'static str> {
        match &self.rules {
            Err(_) if self.plain && self.late.is_ok() => Some("only the fast pass finds it good"),
            Ok(()) if !self.readable => Some("good by the rules, but unreadable"),
            _ => None,
        }
    }
}
