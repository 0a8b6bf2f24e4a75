//! Request validation: the rules as data, and the passes that apply them.
//!
//! Two passes. The fast one reads the body into the typed request and decides whether it is plainly valid; most requests
//! are. Only for the others the body is read again by the exact pass, which keeps every number as it was spelled and
//! checks the parameters against tables of rules: it reports the first fault in the live API's words. Rules over several
//! parameters at once run on the typed request in the end, whichever pass accepted the rest.
//!
//! Each of OpenAI's endpoints has a module with its rules. Those of [`messages`], which is Anthropic's, are apart: its
//! API checks and words everything in another way.
//!
//! One table serves `live` and `schema`: it marks the bounds that only the live API enforces. `types` needs of it the
//! names and the JSON types. So what `live` accepts, `schema` accepts, and what `schema` accepts, `types` accepts.

#[cfg(test)]
mod agreement;
mod chat;
mod clamp;
mod completions;
mod embeddings;
pub mod error_text;
mod limits;
mod logit_bias;
pub mod messages;
mod moderations;
pub(crate) mod name_set;
mod param;
pub mod passes;
mod path;
mod plain;
mod pydantic_errors;
mod python_repr;
pub(crate) mod regex;
mod request_rules;
mod responses;
mod rules;
mod schema;
mod schema_fast_path;
mod scope;
mod shape;
mod strict_schemas;
#[cfg(test)]
mod tests;
mod top_level;
mod walk;

use std::borrow::Cow;

pub(crate) use self::responses::is_documented_tool;

use self::path::Path;
use self::request_rules::RequestRules;
use self::rules::Rules;
use self::scope::Scope;
use self::top_level::TopLevel;
use crate::api::Text;
use crate::config::{UnknownParams, Validation};
use crate::error::ApiError;
use crate::json::{self, Unread};
use crate::model::ModelSpec;

/// How a request is validated, as the route of its model decides.
#[derive(Debug, Clone, Copy)]
pub struct ValidationPolicy {
    /// Which rules apply.
    pub validation: Validation,
    /// What happens to undocumented parameters.
    pub unknown: UnknownParams,
    /// The facts of the model. Without them everything documented is accepted, and no rule that depends on the model
    /// applies.
    pub spec: Option<&'static ModelSpec>,
    /// Whether the operator named the model itself, not by a pattern: it answers in the live API's shape.
    pub named_exactly: bool,
    /// Whether the built-in engine answers, which must be able to use the request.
    pub by_engine: bool,
}

impl AsRef<Self> for ValidationPolicy {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Finds what the model of a request decides. It is called once for a request.
pub trait ModelResolver {
    /// What is known of a model that is served: the policy, and what the caller of the check needs besides.
    type Resolved: AsRef<ValidationPolicy>;

    /// What is known of this model, or `None` if it is not served, or not to this caller.
    fn resolve(&self, model: &str) -> Option<Self::Resolved>;

    /// Which rules apply to a request without a model.
    fn validation_without_model(&self) -> Validation {
        Validation::Live
    }
}

/// A valid request.
#[derive(Debug)]
pub struct Checked<'a, R, S> {
    /// The request.
    pub request: R,
    /// What its model decides, the policy by which it is valid among it.
    pub resolved: S,
    /// The unknown parameters to leave out, where the policy requires that.
    pub dropped: Vec<Cow<'a, str>>,
}

/// Whether OpenAI documents a parameter of this name for an endpoint that generates text.
pub fn is_documented(name: &str) -> bool {
    let all = chat::params::all().chain(completions::PARAMS.iter().copied());
    ["model", "max_output_tokens"].contains(&name) || all.map(|param| param.name).any(|own| own == name)
}

/// Validates the body of a request to one of OpenAI's endpoints, which the type of the request determines.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn request<'a, R: RequestRules<'a>, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, R, M::Resolved>, ApiError> {
    let read = match json::read_request::<R>(body) {
        Ok(request) => Ok(request),
        Err(why) => Err((TopLevel::read(body)?, why)),
    };
    let of_unread = read.as_ref().err().map(|(top, _)| top.model()).transpose()?.flatten();
    let name = read.as_ref().ok().and_then(R::model).map(|model| &**model).or(of_unread.as_deref());
    let model = model_of::<R>(name, resolver.validation_without_model())?;
    let resolved = resolver.resolve(model).ok_or_else(|| R::not_served(model))?;
    let policy = *resolved.as_ref();
    check_endpoint::<R>(model, policy.spec)?;
    let (request, dropped) = match read {
        Ok(request) => validate_read(request, body, policy)?,
        Err((top, Unread::TooLarge)) => return Err(top.too_large()),
        Err((top, Unread::Malformed)) => validate_unread(body, &top, policy)?,
    };
    Ok(Checked { request, resolved, dropped })
}

/// A valid request, and the parameters to leave out.
type Valid<'a, R> = (R, Vec<Cow<'a, str>>);

/// Validates a body that the typed pass could read.
fn validate_read<'a, R: RequestRules<'a>>(
    mut request: R,
    body: &'a [u8],
    policy: ValidationPolicy,
) -> Result<Valid<'a, R>, ApiError> {
    let scope = policy.scope();
    let unknown_refused = policy.unknown == UnknownParams::Reject && !request.extra().is_empty();
    if policy.validation == Validation::Types {
        if unknown_refused || !request.is_typed() || policy.by_engine && !request.has_required() {
            return validate_types(body, &TopLevel::read(body)?, policy);
        }
        request.clamp(policy.spec);
        return Ok(with_dropped(request, policy));
    }
    if unknown_refused || !request.is_plain(scope) {
        Rules::of::<R>(scope).validate(&TopLevel::read(body)?, scope, policy.unknown)?;
    }
    request.check_cross_field(scope)?;
    Ok(with_dropped(request, policy))
}

/// The model that a request is for.
fn model_of<'m, 'a, R: RequestRules<'a>>(
    name: Option<&'m str>,
    validation: Validation,
) -> Result<&'m str, ApiError> {
    // The live API takes an empty name for none.
    let is_name = |model: &&str| !model.is_empty() || validation != Validation::Live;
    name.filter(is_name).or(R::DEFAULT_MODEL).ok_or_else(error_text::no_model)
}

/// Validates a body that the typed pass could not read: it reports the fault, unless the policy leaves it to others.
fn validate_unread<'a, R: RequestRules<'a>>(
    body: &'a [u8],
    top: &TopLevel<'a>,
    policy: ValidationPolicy,
) -> Result<Valid<'a, R>, ApiError> {
    if policy.validation == Validation::Types {
        return validate_types(body, top, policy);
    }
    let scope = policy.scope();
    Rules::of::<R>(scope).validate(top, scope, policy.unknown)?;
    // The typed pass has types for members that no rule is about, such as those of items whose type is not known here.
    let request = json::read_request_leniently::<R>(body).map_err(|_| error_text::not_json())?;
    request.check_cross_field(scope)?;
    Ok(with_dropped(request, policy))
}

/// Validates a body by the JSON types of its parameters alone.
fn validate_types<'a, R: RequestRules<'a>>(
    body: &'a [u8],
    top: &TopLevel<'a>,
    policy: ValidationPolicy,
) -> Result<Valid<'a, R>, ApiError> {
    let scope = policy.scope();
    Rules::of::<R>(scope).validate_types(top, scope, policy.unknown)?;
    let request = json::read_request_leniently::<R>(body);
    let mut request = request.map_err(|why| match why {
        Unread::Malformed => error_text::not_json(),
        Unread::TooLarge => top.too_large(),
    })?;
    if policy.by_engine && !request.has_required() {
        return Err(error_text::missing(&Path::ROOT.key(R::REQUIRED)));
    }
    request.clamp(policy.spec);
    Ok(with_dropped(request, policy))
}

fn with_dropped<'a, R: RequestRules<'a>>(mut request: R, policy: ValidationPolicy) -> Valid<'a, R> {
    let names = std::mem::take(request.extra());
    let dropped = match policy.unknown {
        UnknownParams::Drop => names.into_iter().map(Text::into_inner).collect(),
        _ => Vec::new(),
    };
    (request, dropped)
}

impl ValidationPolicy {
    fn scope(self) -> Scope {
        Scope::new(self.validation, self.spec)
    }
}

/// Checks that the endpoint serves a model, whose facts are `spec`.
fn check_endpoint<'a, R: RequestRules<'a>>(model: &str, spec: Option<&ModelSpec>) -> Result<(), ApiError> {
    match spec.filter(|spec| !spec.serves(R::ENDPOINT)).and_then(ModelSpec::home) {
        Some(home) => Err(R::wrong_model(model, home)),
        // A retired model that the operator names is one that the operator wants served.
        None => Ok(()),
    }
}
