//! Validation: the passes agree, the modes are nested, and every error can be sent.

use super::chosen;
use portcullis::api;
use portcullis::check::messages::Purpose;
use portcullis::check::passes::{self, Passes};
use portcullis::check::{self, ModelResolver, ValidationPolicy};
use portcullis::config::{UnknownParams, Validation};
use portcullis::encode;
use portcullis::error::{ApiError, Kind};
use portcullis::http::{Body, Response};
use portcullis::model;
use serde_json::Value;
use std::convert::Infallible;

/// One model of each family and of each endpoint; the first one is not in the table.
const MODELS: [&str; 11] = [
    "",
    "gpt-4",
    "gpt-4o",
    "gpt-4o-audio-preview",
    "gpt-4o-search-preview",
    "o1",
    "o1-mini",
    "gpt-5.6-terra",
    "gpt-3.5-turbo-instruct",
    "text-embedding-3-small",
    "omni-moderation-latest",
];

/// For Messages: one model of each family that the rules tell apart; the first one is not in the table.
const MESSAGES_MODELS: [&str; 5] =
    ["", "gpt-4o", "claude-3-haiku-20240307", "claude-sonnet-4-5", "claude-opus-5-5"];

/// Serves any model, with the same policy.
struct One(ValidationPolicy);

impl ModelResolver for One {
    type Resolved = ValidationPolicy;

    fn resolve(&self, _: &str) -> Option<ValidationPolicy> {
        Some(self.0)
    }

    fn validation_without_model(&self) -> Validation {
        self.0.validation
    }
}

/// The first byte selects the model; the second the mode, the treatment of unknown parameters, and the endpoint.
pub fn run(data: &[u8]) {
    let Some((model, how, body)) = chosen(data) else { return };
    const MODES: [Validation; 3] = [Validation::Live, Validation::Schema, Validation::Types];
    let mode = how % MODES.len();
    let endpoint = how / MODES.len() % 6;
    if endpoint == 5 {
        return messages(model, &MODES[mode..], body);
    }
    let spec = model::find(MODELS[model % MODELS.len()]);
    let outcome_of = |validation: Validation, unknown: UnknownParams| {
        // Unknown parameters are rejected for the engine, and passed or dropped for upstreams.
        let by_engine = unknown == UnknownParams::Reject;
        let policy = ValidationPolicy { validation, unknown, spec, named_exactly: true, by_engine };
        let resolver = One(policy);
        macro_rules! outcomes {
            ($request:ty) => {
                (
                    passes::of::<$request>(body, policy),
                    check::request::<$request, _>(body, &resolver).map(|good| good.dropped.len()),
                )
            };
        }
        let (passes, outcome) = match endpoint {
            0 => outcomes!(api::chat::Request<'_>),
            1 => outcomes!(api::completions::Request<'_>),
            2 => outcomes!(api::embeddings::Request<'_>),
            3 => outcomes!(api::moderations::Request<'_>),
            _ => outcomes!(api::responses::Request<'_>),
        };
        holds(&passes, outcome.as_ref().err());
        outcome
    };
    let in_this_mode = |unknown| outcome_of(MODES[mode], unknown);
    let (rejecting, passing, dropping) = (
        in_this_mode(UnknownParams::Reject),
        in_this_mode(UnknownParams::Pass),
        in_this_mode(UnknownParams::Drop),
    );
    assert_eq!(passing.is_ok(), dropping.is_ok(), "dropping accepts what passing does");
    if rejecting.is_ok() {
        assert_eq!(dropping, Ok(0), "a body without unknown parameters loses none");
    }
    if passing.is_ok() {
        for more_lenient in &MODES[mode + 1..] {
            let outcome = outcome_of(*more_lenient, UnknownParams::Pass);
            assert!(outcome.is_ok(), "{:?} accepts it, {more_lenient:?} does not: {outcome:?}", MODES[mode]);
        }
    }
}

/// `POST /v1/messages` and `POST /v1/messages/count_tokens`: what one mode accepts, the more lenient ones accept.
fn messages(model: usize, modes: &[Validation], body: &[u8]) {
    let spec = model::find(MESSAGES_MODELS[model % MESSAGES_MODELS.len()]);
    for purpose in [Purpose::Answer, Purpose::CountTokens] {
        let mut accepted_before = false;
        for &validation in modes {
            let policy = ValidationPolicy {
                validation,
                unknown: UnknownParams::Pass,
                spec,
                named_exactly: true,
                by_engine: false,
            };
            match check::messages::request(body, &One(policy), purpose, || true) {
                Ok(_) => accepted_before = true,
                Err(error) => {
                    assert!(
                        !accepted_before,
                        "a stricter mode accepts it, {validation:?} does not: {error:?}"
                    );
                    assert!((400..500).contains(&error.status()), "{error:?}");
                    let response: Response<Infallible> = encode::messages::error(&error, "req_1");
                    let Body::Full(bytes) = response.body else { panic!("an error is not streamed") };
                    let answer: Value = serde_json::from_slice(&bytes).expect("an error is JSON");
                    assert_eq!(answer["error"]["message"], error.message());
                }
            }
        }
    }
}

fn holds(passes: &Passes, refused: Option<&ApiError>) {
    assert_eq!(passes.disagreement(), None, "{passes:?}");
    match refused {
        None => {
            assert!(passes.accept(), "accepted against the rules: {passes:?}");
        }
        Some(error) => {
            can_be_sent(error);
            // Not part of the two passes: the name of the model, its endpoint, and whether the engine can use the body.
            let by_model = error.param() == Some("model")
                || error.message() == "you must provide a model parameter"
                || matches!(error.kind(), Kind::NotAllowed | Kind::ModelNotFound | Kind::MissingParameter);
            assert!(!passes.accept() || by_model, "refused, but valid: {error:?}");
        }
    }
}

/// Checks that an error has the form of all errors.
fn can_be_sent(error: &ApiError) {
    assert!((400..500).contains(&error.status()), "{error:?}");
    let response: Response<Infallible> = encode::error(error);
    let Body::Full(bytes) = response.body else { panic!("an error is not streamed") };
    let answer: Value = serde_json::from_slice(&bytes).expect("an error is JSON");
    let error_object = answer["error"].as_object().expect("an error object");
    assert_eq!(error_object.len(), 4, "{answer}");
    assert_eq!(error_object["message"], error.message());
    assert_eq!(error_object["param"].as_str(), error.param());
    assert_eq!(error_object["code"].as_str(), error.code());
}
