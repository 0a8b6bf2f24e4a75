//! Judging bodies: both passes agree, and what is refused is refused in words that can be sent.

use super::chosen;
use portcullis::check::passes::{self, Passes};
use portcullis::check::{self, ModelResolver, ValidationPolicy};
use portcullis::config::{UnknownParams, Validation};
use portcullis::encode;
use portcullis::error::{ApiError, Kind};
use portcullis::http::{Body, Response};
use portcullis::model;
use serde_json::Value;
use std::convert::Infallible;

/// Each stands for a family of models, or an endpoint; nothing is known of the first.
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

/// Serves any model, with the same policy.
struct One(ValidationPolicy);

impl ModelResolver for One {
    fn policy(&self, _: &str) -> Option<ValidationPolicy> {
        Some(self.0)
    }

    fn validation(&self) -> Validation {
        self.0.validation
    }
}

/// The first byte chooses the model, the second the mode, what becomes of unknown parameters, and the endpoint.
pub fn run(data: &[u8]) {
    let Some((model, how, body)) = chosen(data) else { return };
    let validation = [Validation::Live, Validation::Schema][how % 2];
    let spec = model::find(MODELS[model % MODELS.len()]);
    let endpoint = how / 2 % 4;
    let judge_all = |unknown: UnknownParams| {
        let policy = ValidationPolicy { validation, unknown, spec };
        let resolver = One(policy);
        macro_rules! judged {
            ($endpoint:ident) => {
                (
                    passes::$endpoint(body, policy),
                    check::$endpoint(body, &resolver).map(|good| good.dropped.len()),
                )
            };
        }
        let (passes, outcome) = match endpoint {
            0 => judged!(chat),
            1 => judged!(completions),
            2 => judged!(embeddings),
            _ => judged!(moderations),
        };
        holds(&passes, outcome.as_ref().err());
        outcome
    };
    let (rejecting, passing, dropping) =
        (judge_all(UnknownParams::Reject), judge_all(UnknownParams::Pass), judge_all(UnknownParams::Drop));
    assert_eq!(passing.is_ok(), dropping.is_ok(), "dropping accepts what passing does");
    if rejecting.is_ok() {
        assert_eq!(dropping, Ok(0), "what has no unknown parameter loses none");
    }
}

fn holds(passes: &Passes, refused: Option<&ApiError>) {
    assert_eq!(passes.disagreement(), None, "{passes:?}");
    match refused {
        None => {
            assert!(passes.readable && passes.late.is_ok(), "{passes:?}");
            assert_eq!(passes.rules, Ok(()), "accepted against the rules");
        }
        Some(error) => {
            can_be_sent(error);
            let good = passes.readable && passes.rules.is_ok() && passes.late.is_ok();
            // What neither pass looks at: the name of the model, and its endpoint.
            let by_model = error.param() == Some("model")
                || error.message() == "you must provide a model parameter"
                || matches!(error.kind(), Kind::NotAllowed | Kind::ModelNotFound);
            assert!(!good || by_model, "refused, but good: {error:?}");
        }
    }
}

/// Holds an error against the form all errors have.
fn can_be_sent(error: &ApiError) {
    assert!((400..500).contains(&error.status()), "{error:?}");
    let response: Response<Infallible> = encode::error(error);
    let Body::Full(bytes) = response.body else { panic!("an error is sent whole") };
    let answer: Value = serde_json::from_slice(&bytes).expect("an error is JSON");
    let told = answer["error"].as_object().expect("an error object");
    assert_eq!(told.len(), 4, "{answer}");
    assert_eq!(told["message"], error.message());
    assert_eq!(told["param"].as_str(), error.param());
    assert_eq!(told["code"].as_str(), error.code());
}
