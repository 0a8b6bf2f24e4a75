//! `logit_bias`, in Chat Completions and text completions.

use super::clamp;
use super::limits::BIAS_RANGE;
use super::scope::Scope;
use crate::api::{Members, Number};
use crate::error::{ApiError, Kind};

/// Brings biases into the range that the engine can use.
pub(super) fn clamp(bias: Option<&mut Members<'_, Number>>) {
    for (_, value) in bias.map(|bias| &mut bias.0).into_iter().flatten() {
        let mut one = Some(*value);
        clamp::number(&mut one, BIAS_RANGE);
        *value = one.unwrap_or(*value);
    }
}

/// Keys are tokens, values lie between -100 and 100.
pub(super) fn validate(bias: &Members<'_, Number>, scope: Scope) -> Option<ApiError> {
    let at = |message| Some(ApiError::new(Kind::Invalid, message).at("logit_bias"));
    for (key, value) in &bias.0 {
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_digit()) {
            return at(format!(
                "Invalid key in 'logit_bias': {}. You should only be submitting non-negative integers.",
                &**key
            ));
        }
        let largest = scope.live_spec.map(|spec| spec.encoding.largest_token());
        if let Some(largest) =
            largest.filter(|largest| key.parse().map_or(true, |token: u32| token > *largest))
        {
            return at(format!("Invalid key in 'logit_bias': {}. Maximum value is {largest}.", &**key));
        }
        if !(BIAS_RANGE.0..=BIAS_RANGE.1).contains(&value.value) {
            return at(format!(
                "Logit bias value {:?} is invalid or outside of range [-100, 100]",
                value.value
            ));
        }
    }
    None
}
