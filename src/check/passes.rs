//! The passes one by one, for tests that compare them: each must find what the others do.

use super::request_rules::RequestRules;
use super::rules::Rules;
use super::top_level::TopLevel;
use super::{ValidationPolicy, error_text};
use crate::config::{UnknownParams, Validation};
use crate::error::ApiError;
use crate::json;

/// What each pass finds in a body by itself. The name of the model is not looked up.
#[derive(Debug)]
pub struct Passes {
    /// Whether the typed pass can read it.
    pub readable: bool,
    /// Whether the fast pass is sure that it is valid.
    pub plain: bool,
    /// What the exact pass finds.
    pub rules: Result<(), ApiError>,
    /// What the rules over several parameters find; nothing where the typed pass could not read the body.
    pub cross_field: Result<(), ApiError>,
}

/// What each pass finds in the body of a request to one of OpenAI's endpoints.
pub fn of<'a, R: RequestRules<'a>>(body: &'a [u8], policy: ValidationPolicy) -> Passes {
    let scope = policy.scope();
    let rules = Rules::of::<R>(scope);
    let refused_unknown =
        |request: &mut R| policy.unknown == UnknownParams::Reject && !request.extra().is_empty();
    if policy.validation == Validation::Types {
        let top = TopLevel::read(body).and_then(|top| top.model().map(|_| top));
        return Passes {
            readable: json::read_request_leniently::<R>(body).is_ok(),
            plain: json::read_request::<R>(body)
                .is_ok_and(|mut request| !refused_unknown(&mut request) && request.is_typed()),
            rules: top.and_then(|top| rules.validate_types(&top, scope, policy.unknown)),
            cross_field: Ok(()),
        };
    }
    let is_name = |value: &str| value == "null" || value.starts_with('"');
    let named = TopLevel::read(body)
        .and_then(|top| if top.all("model").all(is_name) { Ok(top) } else { Err(error_text::not_json()) });
    let rules = named.and_then(|top| rules.validate(&top, scope, policy.unknown));
    match json::read_request::<R>(body) {
        Ok(mut request) => {
            let cross_field = request.check_cross_field(scope);
            let plain = !refused_unknown(&mut request) && request.is_plain(scope);
            Passes { readable: true, plain, rules, cross_field }
        }
        // Where the rules are met, it is read without what the typed pass has no place for.
        Err(_) => match json::read_request_leniently::<R>(body) {
            Ok(request) => {
                let cross_field = request.check_cross_field(scope);
                Passes { readable: true, plain: false, rules, cross_field }
            }
            Err(_) => Passes { readable: false, plain: false, rules, cross_field: Ok(()) },
        },
    }
}

impl Passes {
    /// Whether the body is valid.
    pub fn accept(&self) -> bool {
        self.readable && self.rules.is_ok() && self.cross_field.is_ok()
    }

    /// Where the passes disagree, if they do.
    pub fn disagreement(&self) -> Option<&'static str> {
        match &self.rules {
            Err(_) if self.plain && self.cross_field.is_ok() => Some("only the fast pass finds it valid"),
            Ok(()) if !self.readable => Some("valid by the rules, but unreadable"),
            _ => None,
        }
    }
}
