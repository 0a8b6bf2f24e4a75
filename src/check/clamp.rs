//! Brings values into the ranges that the engine can use, where no rule has refused them.

use crate::api::{Int, Number};

/// Brings an integer into a range.
pub(super) fn integer(int: &mut Option<Int>, (min, max): (i64, i64)) {
    if let Some(int) = int {
        *int = Int { value: int.value.clamp(min, max), decimal: false, saturated: false };
    }
}

/// Brings a number into a range.
pub(super) fn number(number: &mut Option<Number>, (min, max): (f64, f64)) {
    if let Some(number) = number {
        number.value = if number.value.is_nan() { min } else { number.value.clamp(min, max) };
    }
}
