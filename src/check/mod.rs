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
//! names and the JSON types ([`types`]). So what `live` accepts, `schema` accepts, and what `schema` accepts, `types`
//! accepts.

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
mod regex;
mod responses;
mod schema;
mod schema_fast_path;
mod shape;
mod strict_schemas;
#[cfg(test)]
mod tests;
mod types;

use std::borrow::Cow;

use self::param::Param;
use self::path::Path;
use self::shape::{Scope, tree};
use self::types::TopLevel;
use crate::api::{self, Extra, Text};
use crate::config::{UnknownParams, Validation};
use crate::error::{ApiError, Kind};
use crate::json::{self, Read, Unread};
use crate::model::{self, Endpoint, Family, ModelSpec};

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
    /// Whether the operator named the model exactly: it answers in the live API's shape.
    pub named: bool,
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

    /// Which rules apply to requests that name no model which is served.
    fn validation(&self) -> Validation {
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

/// Validates the body of `POST /v1/chat/completions`.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn chat<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, api::chat::Request<'a>, M::Resolved>, ApiError> {
    validate(body, resolver)
}

/// Validates the body of `POST /v1/completions`.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn completions<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, api::completions::Request<'a>, M::Resolved>, ApiError> {
    validate(body, resolver)
}

/// Validates the body of `POST /v1/embeddings`.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn embeddings<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, api::embeddings::Request<'a>, M::Resolved>, ApiError> {
    validate(body, resolver)
}

/// Validates the body of `POST /v1/moderations`.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn moderations<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, api::moderations::Request<'a>, M::Resolved>, ApiError> {
    validate(body, resolver)
}

/// Validates the body of `POST /v1/responses` or of a path below it.
///
/// # Errors
///
/// The first fault, in the live API's words.
pub fn responses<'a, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, api::responses::Request<'a>, M::Resolved>, ApiError> {
    validate(body, resolver)
}

/// Whether OpenAI documents a parameter of this name for an endpoint that generates text.
pub fn is_documented(name: &str) -> bool {
    let all = chat::params::all().chain(completions::PARAMS.iter().copied());
    ["model", "max_output_tokens"].contains(&name) || all.map(|param| param.name).any(|own| own == name)
}

/// What the endpoints' requests differ in.
trait Request<'a>: Read<'a> {
    /// The endpoint whose models take such requests.
    const ENDPOINT: Endpoint;
    /// The parameter besides the model that must be present.
    const REQUIRED: &'static str;
    /// The model that a request without one is for, if the endpoint has a default.
    const DEFAULT_MODEL: Option<&'static str> = None;

    fn model(&self) -> Option<&Text<'a>>;
    fn extra(&mut self) -> &mut Extra<'a>;
    /// Whether the required parameter was present, and readable.
    fn has_required(&self) -> bool;
    /// Whether the fast pass finds it plainly valid.
    fn is_plain(&self, scope: Scope) -> bool;
    /// Whether all parameters that could be read have a documented JSON type.
    fn is_typed(&self) -> bool {
        true
    }
    /// The rules over several parameters at once.
    fn check_cross_field(&self, scope: Scope) -> Result<(), ApiError>;
    /// Brings values into the ranges that the engine can use.
    fn clamp(&mut self, model: Option<&ModelSpec>);
    /// The parameters, in the order in which they are checked.
    fn params(scope: Scope) -> Vec<&'static Param>;
}

fn validate<'a, R: Request<'a>, M: ModelResolver + ?Sized>(
    body: &'a [u8],
    resolver: &M,
) -> Result<Checked<'a, R, M::Resolved>, ApiError> {
    let read = json::read_request::<R>(body);
    let is_too_large = matches!(read, Err(Unread::TooLarge));
    let read = read.ok();
    let top = if read.is_none() { Some(TopLevel::read(body)?) } else { None };
    let unread = top.as_ref().map(TopLevel::model).transpose()?.flatten();
    let named = read.as_ref().and_then(R::model).map(|model| &**model).or(unread.as_deref());
    let model = model_of::<R>(named, resolver.validation())?;
    let resolved = resolver.resolve(model).ok_or_else(|| not_served(model, R::ENDPOINT))?;
    let policy = *resolved.as_ref();
    check_endpoint(model, policy.spec, R::ENDPOINT)?;
    let (request, dropped) = match read {
        Some(request) => validate_read(request, body, policy)?,
        None if is_too_large => {
            return Err(top.as_ref().map_or_else(error_text::not_json, TopLevel::too_large));
        }
        None => diagnose_unreadable(body, policy)?,
    };
    Ok(Checked { request, resolved, dropped })
}

/// A valid request, and the parameters to leave out.
type Valid<'a, R> = (R, Vec<Cow<'a, str>>);

/// Validates a body that the typed pass could read.
fn validate_read<'a, R: Request<'a>>(
    mut request: R,
    body: &'a [u8],
    policy: ValidationPolicy,
) -> Result<Valid<'a, R>, ApiError> {
    let scope = policy.scope();
    let unknown_refused = policy.unknown == UnknownParams::Reject && !request.extra().is_empty();
    if policy.validation == Validation::Types {
        if unknown_refused || !request.is_typed() || policy.by_engine && !request.has_required() {
            return validate_types(body, policy);
        }
        request.clamp(policy.spec);
        return Ok(with_dropped(request, policy));
    }
    if unknown_refused || !request.is_plain(scope) {
        Rules::of::<R>(scope).validate(body, scope, policy.unknown)?;
    }
    request.check_cross_field(scope)?;
    Ok(with_dropped(request, policy))
}

/// The model that a request is for.
fn model_of<'m, 'a, R: Request<'a>>(
    named: Option<&'m str>,
    validation: Validation,
) -> Result<&'m str, ApiError> {
    // The live API takes an empty name for none.
    let is_name = |model: &&str| !model.is_empty() || validation != Validation::Live;
    named.filter(is_name).or(R::DEFAULT_MODEL).ok_or_else(error_text::no_model)
}

/// Validates a body that the typed pass could not read: it reports the fault, unless the policy leaves it to others.
fn diagnose_unreadable<'a, R: Request<'a>>(
    body: &'a [u8],
    policy: ValidationPolicy,
) -> Result<Valid<'a, R>, ApiError> {
    if policy.validation == Validation::Types {
        return validate_types(body, policy);
    }
    let scope = policy.scope();
    Rules::of::<R>(scope).validate(body, scope, policy.unknown)?;
    // The typed pass has types for members that no rule is about, such as those of items whose type is not known here.
    let request = json::read_request_leniently::<R>(body).map_err(|_| error_text::not_json())?;
    request.check_cross_field(scope)?;
    Ok(with_dropped(request, policy))
}

/// Validates a body by the JSON types of its parameters alone.
fn validate_types<'a, R: Request<'a>>(
    body: &'a [u8],
    policy: ValidationPolicy,
) -> Result<Valid<'a, R>, ApiError> {
    let top = TopLevel::read(body)?;
    let scope = policy.scope();
    top.validate(&Rules::of::<R>(scope), scope, policy.unknown)?;
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

fn with_dropped<'a, R: Request<'a>>(mut request: R, policy: ValidationPolicy) -> Valid<'a, R> {
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

/// The table of rules for one kind of request.
struct Rules {
    /// The parameter besides the model that must be present.
    required: &'static str,
    /// In the order in which they are checked.
    params: Vec<&'static Param>,
    /// Whether the endpoint reports an unknown parameter in the words of older APIs.
    legacy_unknown: bool,
    /// Whether the endpoint is Responses, where some parameters of Chat Completions have another place.
    is_responses: bool,
}

impl Rules {
    fn of<'a, R: Request<'a>>(scope: Scope) -> Self {
        let legacy_unknown = R::ENDPOINT == Endpoint::Completions && scope.is_live();
        let is_responses = R::ENDPOINT == Endpoint::Responses;
        Self { required: R::REQUIRED, params: R::params(scope), legacy_unknown, is_responses }
    }

    /// Reports the first fault of a body, in the live API's order. A tree of all of it would take up to sixty times its
    /// size: one parameter at a time is read, and of a list one item.
    fn validate(&self, body: &[u8], scope: Scope, unknown: UnknownParams) -> Result<(), ApiError> {
        let top = TopLevel::read_strict(body)?;
        if scope.spec.is_some_and(|spec| spec.python_faults) {
            pydantic_errors::validate(&tree(std::str::from_utf8(body).unwrap_or_default(), &Path::ROOT)?)?;
        }
        if !top.has(self.required) {
            return Err(error_text::missing(&Path::ROOT.key(self.required)));
        }
        if unknown == UnknownParams::Reject {
            self.refuse_unknown(&top.names(), scope)?;
        }
        self.params.iter().try_for_each(|param| {
            // Of several values of one name the last counts. Null is the same as absent, save for the parameter that must
            // be present.
            let present = |value: &&str| param.name == self.required || *value != "null";
            top.all(param.name).last().filter(present).map_or(Ok(()), |value| param.validate(value, scope))
        })
    }

    /// Reports the first name that no document has, or that the model does not have. `names` come with whether their
    /// value is null, which is the same as absent for a documented name.
    fn refuse_unknown(&self, names: &[(&str, bool)], scope: Scope) -> Result<(), ApiError> {
        let root = Path::ROOT;
        let documented = |name: &str| self.params.iter().find(|param| param.name == name);
        let is_known = |(name, is_null): &(&str, bool)| {
            *name == "model"
                || documented(name).is_some_and(|param| *is_null || param.known_to(scope.family()))
        };
        let Some((name, _)) = names.iter().find(|member| !is_known(member)) else { return Ok(()) };
        if let Some(error) = responses::moved(name).filter(|_| self.is_responses) {
            return Err(error);
        }
        if self.legacy_unknown {
            return Err(error_text::unrecognized(name));
        }
        let known = self.params.iter().filter(|param| param.known_to(scope.family()));
        let absent: Vec<&str> = known
            .map(|param| param.name)
            .filter(|known| !names.iter().any(|(present, _)| present == known))
            .collect();
        Err(error_text::unknown(&root.key(name), &error_text::nearest(name, &absent)))
    }
}

impl Scope {
    /// The family whose rules the model is validated by.
    fn family(self) -> Family {
        self.spec.map_or(Family::Any, |spec| spec.family)
    }
}

/// The error for a model that is not served.
fn not_served(model: &str, endpoint: Endpoint) -> ApiError {
    match model::find(model).map(ModelSpec::home) {
        _ if endpoint == Endpoint::Moderations => error_text::no_moderation_model(model),
        _ if endpoint == Endpoint::Responses => error_text::no_such_model(model),
        Some(None) => error_text::retired(model),
        _ => error_text::model_not_found(model),
    }
}

/// Checks that an endpoint serves a model, whose facts are `spec`.
fn check_endpoint(model: &str, spec: Option<&ModelSpec>, endpoint: Endpoint) -> Result<(), ApiError> {
    let wrong = match spec.filter(|spec| !spec.serves(endpoint)).map(ModelSpec::home) {
        // A retired model that the operator names is one that the operator wants served.
        None | Some(None) => return Ok(()),
        Some(_) if endpoint == Endpoint::Moderations => return Err(error_text::no_moderation_model(model)),
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
