//! What the fast passes of several endpoints find plainly valid.

use super::limits;
use crate::api::chat::{Stop, StreamOptions};
use crate::api::{Int, Number, Text};

/// Whether a number lies in a range, where there is one.
pub(super) fn decimal(number: Option<Number>, (min, max): (f64, f64)) -> bool {
    number.is_none_or(|number| (min..=max).contains(&number.value))
}

/// Whether an integer was spelled as one and lies in a range, where there is one.
pub(super) fn integer(int: Option<Int>, (min, max): (i64, i64)) -> bool {
    int.is_none_or(|int| !int.decimal && !int.saturated && (min..=max).contains(&int.value))
}

/// Whether an end user's id or a cache key is certainly not too long.
pub(super) fn id(text: &Option<Text<'_>>) -> bool {
    text.as_ref().is_none_or(|text| text.len() <= limits::MAX_ID_CHARS)
}

/// Whether there are not too many sequences.
pub(super) fn stop(stop: &Stop<'_>) -> bool {
    match stop {
        Stop::One(_) => true,
        Stop::Many(list) => list.len() <= limits::MAX_STOPS,
    }
}

/// Whether no member is unknown or doubled.
pub(super) fn stream_options(options: &StreamOptions<'_>) -> bool {
    options.extra.is_empty() && !options.doubles
}
