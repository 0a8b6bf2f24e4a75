//! Judging requests: what the live API refuses is refused here, in the same words.
//!
//! Two passes. The first reads the body into the typed request and asks [`quick`] whether it is plainly good;
//! most requests are. Only for the others the body is read again, as a [`Value`] that keeps every number as it
//! was spelled, and held against the tables of rules ([`params`], [`text`], [`published`]), which word the
//! first fault. What concerns several parameters at once ([`late`]) is asked of the typed request in the end,
//! whichever pass found the rest good.

#[cfg(test)]
mod agreement;
mod conversation;
mod embeddings;
mod late;
mod messages;
pub mod models;
mod moderations;
pub(crate) mod names;
mod order;
mod param;
mod params;
pub mod passes;
mod published;
mod python;
mod quick;
mod reasoning;
mod regex;
mod scan;
mod schema;
mod shape;
mod shown;
#[cfg(test)]
mod tests;
mod text;
mod tools;
pub mod wording;

use std::borrow::Cow;

use self::models::{Card, Endpoint, Family};
use self::param::Param;
use self::shape::{Path, Scope};
use crate::api::{self, Text, chat, completions};
use crate::config::{UnknownParams, Validation};
use crate::error::{ApiError, Kind};
use crate::json::{self, Read, Value};

/// Who judges a request: what the route of its model asks for.
#[derive(Debug, Clone, Copy)]
pub struct Judge {
    /// How strictly.
    pub validation: Validation,
    /// What happens to parameters nobody documents.
    pub unknown: UnknownParams,
    /// What is known of the model; without, everything documented is accepted and no rule that depends
    /// on the model applies.
    pub card: Option<&'static Card>,
}

/// Finds the judge for a model.
pub trait Judges {
    /// The judge for this model, or none if it is not served, or not to this caller.
    fn judge(&self, model: &str) -> Option<Judge>;

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
    pub judge: Judge,
    /// The unknown parameters to leave out, where the judge asks for that.
    pub dropped: Vec<Cow<'a, str>>,
}

/// Judges the body of `POST /v1/chat/completions`.
pub fn chat<'a>(body: &'a [u8], judges: &dyn Judges) -> Result<Checked<'a, chat::Request<'a>>, ApiError> {
    judge(body, judges)
}

/// Judges the body of `POST /v1/completions`.
pub fn completions<'a>(
    body: &'a [u8],
    judges: &dyn Judges,
) -> Result<Checked<'a, completions::Request<'a>>, ApiError> {
    judge(body, judges)
}

/// Judges the body of `POST /v1/embeddings`.
pub fn embeddings<'a>(
    body: &'a [u8],
    judges: &dyn Judges,
) -> Result<Checked<'a, api::embeddings::Request<'a>>, ApiError> {
    judge(body, judges)
}

/// Judges the body of `POST /v1/moderations`.
pub fn moderations<'a>(
    body: &'a [u8],
    judges: &dyn Judges,
) -> Result<Checked<'a, api::moderations::Request<'a>>, ApiError> {
    judge(body, judges)
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
    fn judge_late(&self, scope: Scope) -> Result<(), ApiError>;
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
        quick::chat(self, scope)
    }

    fn judge_late(&self, scope: Scope) -> Result<(), ApiError> {
        if scope.published { Ok(()) } else { late::judge(self, scope) }
    }

    fn params(scope: Scope) -> &'static [&'static Param] {
        if scope.published { published::CHAT } else { order::chat(scope.family()) }
    }
}

impl<'a> Request<'a> for completions::Request<'a> {
    const ENDPOINT: Endpoint = Endpoint::Text;
    const REQUIRED: &'static str = "prompt";

    fn model(&self) -> Option<&Text<'a>> {
        self.model.as_ref()
    }

    fn extra(&mut self) -> &mut Vec<Text<'a>> {
        &mut self.extra
    }

    fn is_plain(&self, scope: Scope) -> bool {
        quick::completions(self, scope)
    }

    fn judge_late(&self, scope: Scope) -> Result<(), ApiError> {
        let rules = if scope.published { &[] } else { text::LATE };
        rules.iter().find_map(|rule| rule(self, scope)).map_or(Ok(()), Err)
    }

    fn params(scope: Scope) -> &'static [&'static Param] {
        if scope.published { published::TEXT_COMPLETION } else { text::PARAMS }
    }
}

fn judge<'a, R: Request<'a>>(body: &'a [u8], judges: &dyn Judges) -> Result<Checked<'a, R>, ApiError> {
    let Ok(mut request) = json::from_slice::<R>(body) else { return Err(refuse::<R>(body, judges)) };
    let named = |model: &&str| !model.is_empty() || judges.validation() == Validation::Schema;
    let model = request.model().map(|model| &**model).filter(named).or(R::DEFAULT_MODEL);
    let Some(model) = model else { return Err(refuse::<R>(body, judges)) };
    let judge = served(model, judges, R::ENDPOINT)?;
    let scope = Scope::of(judge);
    let strange = judge.unknown == UnknownParams::Reject && !request.extra().is_empty();
    if strange || !request.is_plain(scope) {
        diagnose::<R>(body, judge)?;
    }
    request.judge_late(scope)?;
    let names = std::mem::take(request.extra());
    let dropped = match judge.unknown {
        UnknownParams::Drop => names.into_iter().map(Text::into_inner).collect(),
        _ => Vec::new(),
    };
    Ok(Checked { request, judge, dropped })
}

/// Words what is wrong with a body that could not be read as a request, or names no model.
fn refuse<'a, R: Request<'a>>(body: &'a [u8], judges: &dyn Judges) -> ApiError {
    let Some(tree) = Value::parse(body).filter(Value::is_object) else { return wording::not_json() };
    let live = judges.validation() == Validation::Live;
    let model = match tree.given("model") {
        Some(Value::String(model)) if !(model.is_empty() && live) => Some(&**model),
        None | Some(Value::String(_)) => R::DEFAULT_MODEL,
        // Told this way for any other JSON, too.
        Some(_) => return wording::not_json(),
    };
    let Some(model) = model else { return wording::no_model() };
    let fault = served(model, judges, R::ENDPOINT).and_then(|judge| against::<R>(&tree, judge));
    // A fault that the reader found and no rule words: the body cannot be read, if for reasons of the gateway's.
    fault.err().unwrap_or_else(wording::not_json)
}

/// Words the first fault of a body that was read as a request.
fn diagnose<'a, R: Request<'a>>(body: &'a [u8], judge: Judge) -> Result<(), ApiError> {
    let tree = Value::parse(body).ok_or_else(wording::not_json)?;
    against::<R>(&tree, judge)
}

/// Holds a body against the rules, in the live API's order.
fn against<'a, R: Request<'a>>(tree: &Value<'_>, judge: Judge) -> Result<(), ApiError> {
    against_params(tree, Scope::of(judge), judge.unknown, R::REQUIRED, R::params(Scope::of(judge)))
}

fn against_params(
    tree: &Value<'_>,
    scope: Scope,
    unknown: UnknownParams,
    required: &'static str,
    params: &[&Param],
) -> Result<(), ApiError> {
    if scope.card.is_some_and(|card| card.python_faults) && !scope.published {
        python::judge(tree)?;
    }
    let root = Path::ROOT;
    if tree.get(required).is_none() {
        return Err(wording::missing(&root.key(required)));
    }
    let known = || params.iter().filter(|param| param.known_to(scope.family())).map(|param| param.name);
    if unknown == UnknownParams::Reject {
        let mut names = tree.members().map(|(name, _)| name);
        if let Some(name) = names.find(|name| *name != "model" && !known().any(|other| other == *name)) {
            if required == "prompt" && !scope.published {
                return Err(wording::unrecognized(name)); // the older endpoint says it as all did once
            }
            let absent: Vec<&str> = known().filter(|other| tree.get(other).is_none()).collect();
            return Err(wording::unknown(&root.key(name), &wording::nearest(name, &absent)));
        }
    }
    params.iter().try_for_each(|param| {
        tree.all(param.name).try_for_each(|value| match value {
            // Null is the same as absent, but for the one that must be there.
            Value::Null if param.name != required => Ok(()),
            value => param.judge(value, scope),
        })
    })
}

impl Scope {
    fn of(judge: Judge) -> Self {
        Self { card: judge.card, published: judge.validation == Validation::Schema }
    }

    /// Which rules the model is judged by.
    fn family(self) -> Family {
        self.card.map_or(Family::Any, |card| card.family)
    }
}

/// The judge for a model, if the model is served, by this endpoint.
fn served(model: &str, judges: &dyn Judges, endpoint: Endpoint) -> Result<Judge, ApiError> {
    let Some(judge) = judges.judge(model) else {
        return Err(match models::find(model).map(|card| card.endpoint) {
            _ if endpoint == Endpoint::Moderations => wording::no_moderation_model(model),
            Some(Endpoint::Retired) => wording::retired(model),
            _ => wording::model_not_found(model),
        });
    };
    let wrong = match judge.card.map(|card| card.endpoint).filter(|served| *served != endpoint) {
        None => return Ok(judge),
        Some(_) if endpoint == Endpoint::Moderations => return Err(wording::no_moderation_model(model)),
        Some(Endpoint::Retired) => return Err(wording::retired(model)),
        Some(_) if endpoint == Endpoint::Embeddings => {
            let sentence = "You are not allowed to generate embeddings from this model";
            return Err(ApiError::new(Kind::NotAllowed, sentence));
        }
        Some(Endpoint::Chat) => {
            "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use \
             v1/chat/completions?"
        }
        Some(Endpoint::Text) => {
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use \
             v1/completions?"
        }
        Some(Endpoint::Responses) => {
            "This model is only supported in v1/responses and not in v1/chat/completions."
        }
        Some(Endpoint::Embeddings | Endpoint::Moderations) => {
            return Err(ApiError::new(Kind::NotAllowed, "You are not allowed to sample from this model"));
        }
    };
    Err(ApiError::new(Kind::WrongEndpoint, wrong).at("model"))
}
