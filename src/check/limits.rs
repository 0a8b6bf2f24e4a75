//! The limits that parameters have at several endpoints.

use super::shape::{Chars, Map, Pattern, Shape};

/// The range of `temperature`.
pub(super) const TEMPERATURE_RANGE: (f64, f64) = (0.0, 2.0);
/// The range of `top_p`.
pub(super) const TOP_P_RANGE: (f64, f64) = (0.0, 1.0);
/// The range of both penalties.
pub(super) const PENALTY_RANGE: (f64, f64) = (-2.0, 2.0);
/// The range of `n`.
pub(super) const N_RANGE: (i64, i64) = (1, 128);
/// The highest `top_logprobs` of any model.
pub(super) const MAX_TOP_LOGPROBS: i64 = 20;
/// How many sequences `stop` may have.
pub(super) const MAX_STOPS: usize = 4;
/// How many characters an end user's id and a cache key may have.
pub(super) const MAX_ID_CHARS: usize = 64;
/// The range of a bias of `logit_bias`.
pub(super) const BIAS_RANGE: (f64, f64) = (-100.0, 100.0);
/// How many labels `metadata` may have.
pub(super) const MAX_LABELS: usize = 16;
/// The name of a label.
pub(super) static LABEL_NAME: Chars = Chars { min: 0, max: 64, pattern: None };
/// The value of a label.
pub(super) static LABEL_VALUE: Chars = Chars { min: 0, max: 512, pattern: None };

/// An end user's id or a cache key.
pub(super) const ID: Shape = Shape::String(&Chars { min: 0, max: MAX_ID_CHARS, pattern: None });
/// `metadata`.
pub(super) static METADATA: Shape = Shape::Map(&Map {
    noun: "a metadata object",
    max: MAX_LABELS,
    name_max: LABEL_NAME.max,
    value: &Shape::String(&LABEL_VALUE),
});

/// The pattern of the names of tools and schemas.
static NAME_PATTERN: Pattern = Pattern { text: "^[a-zA-Z0-9_-]+$", holds: is_name };

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The name of a tool. The reference allows 64 characters; the live API was measured in October 2026 to take 128.
pub(super) static TOOL_NAME_CHARS: Chars = Chars { min: 1, max: 128, pattern: Some(&NAME_PATTERN) };
/// The name of a response format.
pub(super) static FORMAT_NAME_CHARS: Chars = Chars { min: 1, max: 64, pattern: Some(&NAME_PATTERN) };
