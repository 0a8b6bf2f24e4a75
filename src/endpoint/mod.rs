//! One file or folder for each API, the same steps in each: read the body, check it (which resolves the model), reserve,
//! answer. [`generation`] has the steps that the endpoints of text generation share.

mod cached;
pub mod chat;
pub mod completions;
pub mod embeddings;
mod forward;
mod generation;
pub mod health;
pub mod messages;
pub mod models;
pub mod moderations;
pub mod page;
pub mod passthrough;
mod reserve;
mod resolve;
pub mod responses;
mod restricted_key;
pub mod usage;

pub use cached::store_entry;

use self::resolve::Resolved;
use crate::api::{Members, Number};
use crate::auth::Caller;
use crate::budget::{Budget, Exhausted};
use crate::config::{Backend, Config};
use crate::ctx::Ctx;
use crate::engine::{self, Setup};
use crate::error::{ApiError, Kind};
use crate::http::{self, Headers, Incoming, Request, Response};
use crate::limits::Reservation;
use crate::log::Record;
use crate::model::ModelSpec;
use crate::router::{self, ApiFamily};
use crate::upstream::{of_restricted_key, rewrite};
use std::borrow::Cow;

/// What every endpoint gets.
pub struct Call<'a, T> {
    /// The request's head.
    pub request: &'a Request,
    /// The operator's settings.
    pub config: &'a Config,
    /// Who calls.
    pub caller: Caller<'a>,
    /// The way to the upstreams.
    pub transport: &'a T,
    /// Time, randomness, ids.
    pub ctx: &'a Ctx<'a>,
    /// The request's id.
    pub id: &'a str,
    /// What is reserved for the request.
    pub reservation: &'a Reservation,
    /// Whose API the request's path belongs to.
    pub family: ApiFamily,
}

impl<'a, T> Call<'a, T> {
    /// Notes what a valid request is for. Every endpoint with a body calls it once, between its check and its answer.
    fn begin(&self, resolved: &Resolved<'_>, record: &mut Record) {
        record.model = Some(resolved.model.clone());
        if *resolved.backend == Backend::Engine {
            record.rates = self.config.prices.of_engine(&resolved.model);
        }
    }

    /// What the engine needs to answer a turn of a model with such limits.
    fn engine(&self, spec: Option<&'a ModelSpec>, budget: &'a Budget) -> Setup<'a> {
        let config = &self.config.engine;
        // A look at a field is a call of the host, and few rules need this one.
        let retries = if config.counts_retries() { self.retries() } else { 0 };
        let counted_by = engine::CountedBy::Chat;
        Setup { config, spec, ctx: self.ctx, retries, budget, call_prefix: "call_", counted_by }
    }

    /// The caller's header fields, as far as an upstream may get them from this key.
    fn upstream_headers(&self) -> Cow<'_, Headers> {
        let all = self.request.headers.all();
        match self.caller.restricts_models() {
            true => Cow::Owned(of_restricted_key(all)),
            false => Cow::Borrowed(all),
        }
    }

    /// How often the caller has tried the request before, by the count that OpenAI's and Anthropic's SDKs send.
    fn retries(&self) -> u32 {
        let count = self.request.headers.get("x-stainless-retry-count");
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Reads the whole body: JSON, within the limit of `PORTCULLIS_MAX_BODY_BYTES`.
    ///
    /// # Errors
    ///
    /// 413 for a longer body, 415 for another media type or a compressed body, 400 for one that breaks off, or that could
    /// name a second model where the key is restricted to models.
    pub fn read_json(&self, body: &mut impl Incoming, record: &mut Record) -> Result<Vec<u8>, ApiError> {
        if let Some(declared) = self.request.headers.get("content-type").filter(|value| !is_json(value)) {
            return Err(ApiError::new(
                Kind::UnsupportedMediaType,
                format!(
                    "Unsupported content type: '{declared}'. This API method only accepts 'application/json' requests, \
                     but you specified the header 'Content-Type: {declared}'. Please try again with a supported \
                     content type."
                ),
            ));
        }
        let limit = self.config.max_body_bytes;
        let length = self.request.headers.fetched().and_then(Headers::content_length);
        let mut bytes = Vec::new();
        // A body of known length is read to its end without the read that would report the end.
        while bytes.is_empty() || length != Some(bytes.len() as u64) {
            match body.read() {
                // Most bodies are one piece, which is kept as it is.
                Ok(Some(piece)) if bytes.is_empty() && piece.len() <= limit => bytes = piece,
                Ok(Some(piece)) if bytes.len() + piece.len() <= limit => bytes.extend_from_slice(&piece),
                Ok(Some(piece)) => {
                    record.bytes_in = (bytes.len() + piece.len()) as u64;
                    drain(body, limit, record);
                    return Err(ApiError::new(
                        Kind::BodyTooLarge,
                        format!(
                            "The request body is larger than the {limit} bytes this gateway reads \
                             (PORTCULLIS_MAX_BODY_BYTES)."
                        ),
                    ));
                }
                Ok(None) => break,
                Err(error) => {
                    record.reason = Some(error.reason);
                    return Err(ApiError::body_broke_off());
                }
            }
        }
        record.bytes_in = bytes.len() as u64;
        self.check_coding(&bytes)?;
        if let Some(deployment) = router::deployment(&self.request.path) {
            bytes = rewrite::set_model(&bytes, &deployment).unwrap_or(bytes);
        }
        if self.caller.restricts_models() {
            restricted_key::check(&bytes, self.request.query.as_deref(), &|model| {
                self.caller.may_use(model)
            })?;
        }
        Ok(bytes)
    }

    /// Refuses a compressed body by its coding (RFC 9110, section 15.5.16) rather than as bad JSON. Only one that
    /// does not begin as JSON does has the field looked up, which is a call of the host.
    fn check_coding(&self, bytes: &[u8]) -> Result<(), ApiError> {
        if bytes.first().is_none_or(|byte| b"{ \t\r\n".contains(byte)) {
            return Ok(());
        }
        match self.request.headers.get("content-encoding") {
            Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(ApiError::new(
                Kind::UnsupportedMediaType,
                format!("Unsupported content encoding: '{coding}'. Please send the body uncompressed."),
            )),
            _ => Ok(()),
        }
    }
}

/// Reads on without keeping anything, up to four times the limit: a connection that is closed while its
/// other side still sends is reset, and the answer with it.
fn drain(body: &mut impl Incoming, limit: usize, record: &mut Record) {
    let most = record.bytes_in.saturating_add((limit as u64).saturating_mul(4));
    while record.bytes_in < most {
        match body.read() {
            Ok(Some(piece)) => record.bytes_in += piece.len() as u64,
            Ok(None) | Err(_) => break,
        }
    }
}

/// `application/json` or any other that is written in JSON, with whatever parameters.
fn is_json(content_type: &str) -> bool {
    let media_type = http::media_type(content_type);
    media_type.eq_ignore_ascii_case("application/json") || {
        let media_type = media_type.to_ascii_lowercase();
        media_type.starts_with("application/") && media_type.ends_with("+json")
    }
}

/// A logit bias as pairs of a token and its bias.
fn logit_bias<'r>(bias: Option<&'r Members<'_, Number>>) -> Vec<(&'r str, f64)> {
    bias.map_or_else(Vec::new, |bias| bias.0.iter().map(|(id, bias)| (&**id, bias.value)).collect())
}

/// The error for a parameter that takes more work than one request may cause.
fn too_much_work(param: &str) -> ApiError {
    ApiError::new(Kind::Invalid, format!("'{param}' is too complex: {Exhausted}.")).at(param.to_owned())
}

/// The most bytes of names in `x-portcullis-dropped`; many clients refuse a field of more than 8 KiB.
const MAX_DROPPED_LIST: usize = 4096;

/// Names the parameters that were left out of the request (`PORTCULLIS_UNKNOWN_PARAMS=drop`).
fn note_dropped<B>(response: &mut Response<B>, dropped: &[Cow<'_, str>]) {
    if !dropped.is_empty() {
        response.headers.push("x-portcullis-dropped", dropped_list(dropped));
    }
}

/// The names, separated by commas. A list that would be too long ends with the number of those left out:
/// `a, b, +3 more`.
fn dropped_list(dropped: &[Cow<'_, str>]) -> String {
    let mut list = String::new();
    for (index, name) in dropped.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        if list.len() + separator.len() + name.len() > MAX_DROPPED_LIST {
            list.push_str(&format!("{separator}+{} more", dropped.len() - index));
            break;
        }
        list.push_str(separator);
        // A name is the caller's own: what no header field can carry is shown as `?`.
        list.extend(name.chars().map(|c| if !c.is_ascii_graphic() || c == ',' { '?' } else { c }));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_dropped_names_that_is_too_long_ends_with_their_number() {
        let names = |names: &[&str]| -> Vec<Cow<'static, str>> {
            names.iter().map(|name| Cow::Owned((*name).to_owned())).collect()
        };
        assert_eq!(dropped_list(&names(&["a", "b,é"])), "a, b??");
        let long = "x".repeat(MAX_DROPPED_LIST);
        assert_eq!(dropped_list(&names(&[&long])), long);
        assert_eq!(dropped_list(&names(&["a", &long, "b"])), "a, +2 more");
        assert_eq!(dropped_list(&names(&[&format!("{long}x"), "b"])), "+2 more");
    }

    #[test]
    fn json_has_several_names() {
        for (value, want) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
            ("", false),
        ] {
            assert_eq!(is_json(value), want, "{value}");
        }
    }
}
