//! Judging requests: what the live API refuses is refused here, in the same words.
//!
//! Two passes. The first reads the body into the typed request and asks [`quick`] whether it is plainly good;
//! most requests are. Only for the others the body is read again, as a [`Value`] that keeps every number as it
//! was spelled, and held against the tables of rules ([`params`], [`text`], [`published`]), which word the
//! first fault. What concerns several parameters at once ([`late`]) is asked of the typed request in the end,
//! whichever pass found the rest good.

#[cfg(test)]
mod agreement;
mod completions;
mod conversation;
mod cross_field;
mod embeddings;
pub mod error_text;
mod fast_path;
mod messages;
mod moderations;
pub(crate) mod name_set;
mod openapi;
mod param;
mod param_order;
mod params;
pub mod passes;
mod pydantic_errors;
mod python_repr;
mod reasoning;
mod regex;
mod schema;
mod schema_fast_path;
mod shape;
#[cfg(test)]
mod tests;
mod tools;

use std::borrow::Cow;

use self::param::Param;
use self::shape::{Path, Scope};
use crate::api::{self, Text, chat};
use crate::config::{UnknownParams, Validation};
use crate::error::{ApiError, Kind};
use crate::json::{self, Read, Value};
use crate::model::{self, Endpoint, Family, ModelSpec};

/// Who judges a request: what the route of its model asks for.
#[derive(Debug, Clone, Copy)]
pub struct ValidationPolicy {
    /// How strictly.
    pub validation: Validation,
    /// What happens to parameters nobody documents.
    pub unknown: UnknownParams,
    /// What is known of the model; without, everything documented is accepted and no rule that depends
    /// on the model applies.
    pub spec: Option<&'static ModelSpec>,
}

/// Finds the judge for a model.
pub trait ModelResolver {
    /// The judge for this model, or none if it is not served, or not to this caller.
    fn policy(&self, model: &str) -> Option<ValidationPolicy>;

    /// How strictly requests are judged that name no model which is served.
    fn validation(&self) -> Validation {
        Validation::Live
    }
}

/// A request that was found good.
#[derive(Debug)]
pub struct Checked<'a, R> {
    /// The request.
    pub request: R,
    /// Who judged it.
    pub policy: ValidationPolicy,
    /// The unknown parameters to leave out, where the judge asks for that.
    pub dropped: Vec<Cow<'a, str>>,
}

/// Judges the body of `POST /v1/chat/completions`.
pub fn chat<'a>(
    body: &'a [u8],
    resolver: &dyn ModelResolver,
) -> Result<Checked<'a, chat::Request<'a>>, ApiError> {
    validate(body, resolver)
}

/// Judges the body of `POST /v1/completions`.
pub fn completions<'a>(
    body: &'a [u8],
    resolver: &dyn ModelResolver,
) -> Result<Checked<'a, api::completions::Request<'a>>, ApiError> {
    validate(body, resolver)
}

/// Judges the body of `POST /v1/embeddings`.
pub fn embeddings<'a>(
    body: &'a [u8],
    resolver: &dyn ModelResolver,
) -> Result<Checked<'a, api::embeddings::Request<'a>>, ApiError> {
    validate(body, resolver)
}

/// Judges the body of `POST /v1/moderations`.
pub fn moderations<'a>(
    body: &'a [u8],
    resolver: &dyn ModelResolver,
) -> Result<Checked<'a, api::moderations::Request<'a>>, ApiError> {
    validate(body, resolver)
}

/// What the endpoints' requests differ in.
trait Request<'a>: Read<'a> {
    /// The endpoint whose models take such requests.
    const ENDPOINT: Endpoint;
    /// The parameter besides the model that must be there.
    const REQUIRED: &'static str;
    /// The model that is asked where none is named, if the endpoint has one.
    const DEFAULT_MODEL: Option<&'static str> = None;

    fn model(&self) -> Option<&Text<'a>>;
    fn extra(&mut self) -> &mut Vec<Text<'a>>;
    /// Whether the fast pass finds it plainly good.
    fn is_plain(&self, scope: Scope) -> bool;
    /// What must be true of several parameters at once.
    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError>;
    /// The parameters in the order they are looked at.
    fn params(scope: Scope) -> &'static [&'static Param];
}

impl<'a> Request<'a> for chat::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Chat;
    const REQUIRED: &'static str = "messages";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Vec<Text<'a>> {
        &mut self.extra
    }

    fn is_plain(&self, scope: Scope) -> bool {
        fast_path::chat(self, scope)
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        if scope.published { Ok(()) } else { cross_field::validate(self, scope) }
    }

    fn params(scope: Scope) -> &'static [&'static Param] {
        if scope.published { openapi::CHAT } else { param_order::chat(scope.family()) }
    }
}

impl<'a> Request<'a> for api::completions::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Completions;
    const REQUIRED: &'static str = "prompt";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Vec<Text<'a>> {
        &mut self.extra
    }

    fn is_plain(&self, scope: Scope) -> bool {
        fast_path::completions(self, scope)
    }

    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError> {
        let rules = if scope.published { &[] } else { completions::LATE };
        rules.iter().find_map(|rule| rule(self, scope)).map_or(Ok(()), Err)
    }

    fn params(scope: Scope) -> &'static [&'static Param] {
        if scope.published { openapi::TEXT_COMPLETION } else { completions::PARAMS }
    }
}

fn validate<'a, R: Request<'a>>(
    body: &'a [u8],
    resolver: &dyn ModelResolver,
) -> Result<Checked<'a, R>, ApiError> {
    let Ok(mut request) = json::from_slice::<R>(body) else { return Err(refuse::<R>(body, resolver)) };
    let named = |model: &&str| !model.is_empty() || resolver.validation() == Validation::Schema;
    let model = request.model().map(|model| &**model).filter(named).or(R::DEFAULT_MODEL);
    let Some(model) = model else { return Err(refuse::<R>(body, resolver)) };
    let policy = served(model, resolver, R::ENDPOINT)?;
    let scope = Scope::of(policy);
    let strange = policy.unknown == UnknownParams::Reject && !request.extra().is_empty();
    if strange || !request.is_plain(scope) {
        diagnose::<R>(body, policy)?;
    }
    request.check_cross_field(scope)?;
    let names = std::mem::take(request.extra());
    let dropped = match policy.unknown {
        UnknownParams::Drop => names.into_iter().map(Text::into_inner).collect(),
        _ => Vec::new(),
    };
    Ok(Checked { request, policy, dropped })
}

/// Words what is wrong with a body that could not be read as a request, or names no model.
fn refuse<'a, R: Request<'a>>(body: &'a [u8], resolver: &dyn ModelResolver) -> ApiError {
    let Some(tree) = Value::parse(body).filter(Value::is_object) else { return error_text::not_json() };
    let live = resolver.validation() == Validation::Live;
    let model = match tree.get_non_null("model") {
        Some(Value::String(model)) if !(model.is_empty() && live) => Some(&**model),
        None | Some(Value::String(_)) => R::DEFAULT_MODEL,
        // Told this way for any other JSON, too.
        Some(_) => return error_text::not_json(),
    };
    let Some(model) = model else { return error_text::no_model() };
    let fault = served(model, resolver, R::ENDPOINT).and_then(|policy| against::<R>(&tree, policy));
    // A fault that the reader found and no rule words: the body cannot be read, if for reasons of the gateway's.
    fault.err().unwrap_or_else(error_text::not_json)
}

/// Words the first fault of a body that was read as a request.
fn diagnose<'a, R: Request<'a>>(body: &'a [u8], policy: ValidationPolicy) -> Result<(), ApiError> {
    let tree = Value::parse(body).ok_or_else(error_text::not_json)?;
    against::<R>(&tree, policy)
}

/// Holds a body against the rules, in the live API's order.
fn against<'a, R: Request<'a>>(tree: &Value<'_>, policy: ValidationPolicy) -> Result<(), ApiError> {
    against_params(tree, Scope::of(policy), policy.unknown, R::REQUIRED, R::params(Scope::of(policy)))
}

fn against_params(
    tree: &Value<'_>,
    scope: Scope,
    unknown: UnknownParams,
    required: &'static str,
    params: &[&Param],
) -> Result<(), ApiError> {
    if scope.spec.is_some_and(|spec| spec.python_faults) && !scope.published {
        pydantic_errors::validate(tree)?;
    }
    let root = Path::ROOT;
    if tree.get(required).is_none() {
        return Err(error_text::missing(&root.key(required)));
    }
    let known = || params.iter().filter(|param| param.known_to(scope.family())).map(|param| param.name);
    if unknown == UnknownParams::Reject {
        let mut names = tree.members().map(|(name, _)| name);
        if let Some(name) = names.find(|name| *name != "model" && !known().any(|other| other == *name)) {
            if required == "prompt" && !scope.published {
                return Err(error_text::unrecognized(name)); // the older endpoint says it as all did once
            }
            let absent: Vec<&str> = known().filter(|other| tree.get(other).is_none()).collect();
            return Err(error_text::unknown(&root.key(name), &error_text::nearest(name, &absent)));
        }
    }
    params.iter().try_for_each(|param| {
        tree.all(param.name).try_for_each(|value| match value {
            // Null is the same as absent, but for the one that must be there.
            Value::Null if param.name != required => Ok(()),
            value => param.validate(value, scope),
        })
    })
}

impl Scope {
    fn of(policy: ValidationPolicy) -> Self {
        Self { spec: policy.spec, published: policy.validation == Validation::Schema }
    }

    /// Which rules the model is judged by.
    fn family(self) -> Family {
        self.spec.map_or(Family::Any, |spec| spec.family)
    }
}

/// The judge for a model, if the model is served, by this endpoint.
fn served(
    model: &str,
    resolver: &dyn ModelResolver,
    endpoint: Endpoint,
) -> Result<ValidationPolicy, ApiError> {
    let Some(policy) = resolver.policy(model) else {
        return Err(match model::find(model).map(ModelSpec::home) {
            _ if endpoint == Endpoint::Moderations => error_text::no_moderation_model(model),
            Some(None) => error_text::retired(model),
            _ => error_text::model_not_found(model),
        });
    };
    let wrong = match policy.spec.filter(|spec| !spec.serves(endpoint)).map(ModelSpec::home) {
        None => return Ok(policy),
        Some(_) if endpoint == Endpoint::Moderations => return Err(error_text::no_moderation_model(model)),
        Some(None) => return Err(error_text::retired(model)),
        Some(_) if endpoint == Endpoint::Embeddings => {
            let sentence = "You are not allowed to generate embeddings from this model";
            return Err(ApiError::new(Kind::NotAllowed, sentence));
        }
        Some(Some(Endpoint::Chat | Endpoint::Messages)) => {
            "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use \
             v1/chat/completions?"
        }
        Some(Some(Endpoint::Completions)) => {
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use \
             v1/completions?"
        }
        Some(Some(Endpoint::Responses)) => {
            "This model is only supported in v1/responses and not in v1/chat/completions."
        }
        Some(Some(Endpoint::Embeddings | Endpoint::Moderations)) => {
            return Err(ApiError::new(Kind::NotAllowed, "You are not allowed to sample from this model"));
        }
    };
    Err(ApiError::new(Kind::WrongEndpoint, wrong).at("model"))
}
