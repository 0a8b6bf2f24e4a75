//! Numbers within bounds and of a multiple, in exact decimal arithmetic: 0.1 + 0.2 is 0.3 here.

use super::NoInstance;
use super::facts::Facts;
use crate::json::Node;
use crate::random::Rng;
use std::fmt::Write;

/// A decimal number: `digits` times ten to the minus `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u32,
}

/// The most decimal places.
const FINEST: u32 = 15;

/// Numbers are not thought of beyond this, so that no step of the arithmetic overflows.
const LARGEST: i128 = 1_000_000_000_000_000_000_000;

impl Decimal {
    /// The number of a keyword; `None` if it is none, or too large or too fine to be calculated with.
    pub(super) fn new(value: Node<'_>) -> Option<Self> {
        let spelled = value.as_number()?;
        // What is spelled with an exponent is written out.
        let text =
            if spelled.contains(['e', 'E']) { value.as_f64()?.to_string() } else { spelled.to_owned() };
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let part = part.trim_end_matches('0');
        let scale = u32::try_from(part.len()).ok().filter(|scale| *scale <= FINEST)?;
        let digits = format!("{whole}{part}").parse::<i128>().ok()?;
        (digits.abs() <= LARGEST).then_some(Self { digits, scale })
    }

    /// The larger of two numbers.
    pub(super) fn max(self, other: Self) -> Self {
        if self.at(FINEST) >= other.at(FINEST) { self } else { other }
    }

    /// The smaller of two numbers.
    pub(super) fn min(self, other: Self) -> Self {
        if self.at(FINEST) <= other.at(FINEST) { self } else { other }
    }

    /// The digits at another scale, no coarser than its own.
    fn at(self, scale: u32) -> i128 {
        self.digits * 10_i128.pow(scale.saturating_sub(self.scale))
    }
}

/// Appends a number of a schema.
pub(super) fn push(
    facts: &Facts<'_>,
    integer: bool,
    rng: &mut Rng,
    out: &mut String,
) -> Result<(), NoInstance> {
    let (minimum, above, maximum, below) = (facts.minimum, facts.above, facts.maximum, facts.below);
    let multiple = common_multiple(&facts.multiples)?;
    let coarsest = [minimum, above, maximum, below, multiple].into_iter().flatten().map(|d| d.scale).max();
    let coarsest = coarsest.unwrap_or(0);
    // One place after the point shows a number from an integer; narrow bounds may need more.
    let start = if integer || multiple.is_some() { coarsest } else { coarsest.max(1) };
    for scale in start..=FINEST {
        let unit = 10_i128.pow(scale);
        let step = match (multiple, integer) {
            (Some(multiple), false) => multiple.at(scale),
            (Some(multiple), true) => least_common(multiple.at(scale), unit),
            (None, true) => unit,
            (None, false) => 1,
        };
        let low = [minimum.map(|d| d.at(scale)), above.map(|d| d.at(scale) + 1)].into_iter().flatten().max();
        let high = [maximum.map(|d| d.at(scale)), below.map(|d| d.at(scale) - 1)].into_iter().flatten().min();
        let reach = (99 * unit).max(9 * step);
        let (low, high) = match (low, high) {
            // Bounds that are far away, such as those zod gives each integer, are no wish for a number beside them.
            (Some(low), Some(high)) if low <= 0 && high >= reach && high - low > reach * 10 => {
                (unit.min(step), reach)
            }
            (Some(low), Some(high)) => (low, high.min(low.saturating_add(reach * 10))),
            (Some(low), None) => (low, low + reach),
            // Small positive numbers, if they are allowed.
            (None, Some(high)) if high >= unit => (unit.min(high), high.min(reach)),
            (None, Some(high)) => (high - reach, high),
            (None, None) => (unit.min(step), reach),
        };
        let (first, last) = (-(-low).div_euclid(step), high.div_euclid(step));
        if first <= last {
            let count = u64::try_from(last - first).unwrap_or(u64::MAX - 1).saturating_add(1);
            write_decimal((first + i128::from(rng.below(count))) * step, scale, out);
            return Ok(());
        }
        if integer || multiple.is_some() {
            break;
        }
    }
    Err(NoInstance::Impossible)
}

/// The least number that is a multiple of all.
fn common_multiple(multiples: &[Decimal]) -> Result<Option<Decimal>, NoInstance> {
    let mut positive = multiples.iter().copied().filter(|multiple| multiple.digits > 0);
    let Some(first) = positive.next() else { return Ok(None) };
    positive
        .try_fold(first, |all, one| {
            let scale = all.scale.max(one.scale);
            let (all, one) = (all.at(scale), one.at(scale));
            let digits = (all / greatest_common(all, one)).checked_mul(one)?;
            (digits <= LARGEST).then_some(Decimal { digits, scale })
        })
        .map(Some)
        .ok_or(NoInstance::Unmet("multipleOf"))
}

fn least_common(a: i128, b: i128) -> i128 {
    a / greatest_common(a, b) * b
}

fn greatest_common(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn write_decimal(digits: i128, scale: u32, out: &mut String) {
    let unit = 10_i128.pow(scale);
    let (whole, part) = (digits / unit, (digits % unit).unsigned_abs());
    if digits < 0 && whole == 0 {
        out.push('-');
    }
    // Writing to a string cannot fail.
    let _ = write!(out, "{whole}");
    if part != 0 {
        let part = format!("{part:0width$}", width = scale as usize);
        let _ = write!(out, ".{}", part.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::engine::schema::references::Document;
    use crate::json::Tape;

    fn make(schema: &str, integer: bool, seed: u64) -> Result<String, NoInstance> {
        let tape = Tape::parse(schema).expect("JSON");
        let budget = Budget::default();
        let facts = Facts::of(&[tape.root()], &Document::new(&tape, &budget))?;
        let mut out = String::new();
        push(&facts, integer, &mut Rng::new(seed), &mut out).map(|()| out)
    }

    #[test]
    fn numbers_keep_within_their_bounds() {
        for (schema, integer, want) in [
            (r#"{"minimum":3,"maximum":3}"#, true, Some("3")),
            (r#"{"exclusiveMinimum":3,"exclusiveMaximum":5}"#, true, Some("4")),
            (r#"{"minimum":0.5,"maximum":1.5}"#, true, Some("1")),
            (r#"{"minimum":2,"maximum":1}"#, true, None),
            (r#"{"minimum":0.1,"maximum":0.3,"multipleOf":0.2}"#, false, Some("0.2")),
            (r#"{"exclusiveMinimum":0,"exclusiveMaximum":0.001,"multipleOf":0.0005}"#, false, Some("0.0005")),
            (r#"{"multipleOf":1.5,"minimum":1,"maximum":4}"#, true, Some("3")),
            (r#"{"minimum":-0.25,"maximum":-0.25}"#, false, Some("-0.25")),
            (r#"{"maximum":-1000000,"minimum":-1000000}"#, true, Some("-1000000")),
            (r#"{"minimum":7,"maximum":7,"multipleOf":2}"#, true, None),
            (r#"{"minimum":1e300}"#, false, Some("")),
        ] {
            let made = make(schema, integer, 1).ok();
            // A bound too large to calculate with is passed over.
            assert!(made.as_deref() == want || want == Some(""), "{schema}: {made:?}");
        }
    }

    #[test]
    fn far_bounds_leave_numbers_small() {
        for (schema, integer) in [
            (r#"{"minimum":-9007199254740991,"maximum":9007199254740991}"#, true),
            (r#"{"minimum":-2147483648,"maximum":2147483647}"#, true),
            (r#"{"minimum":0,"maximum":4294967295}"#, true),
            (r#"{"minimum":-3.4028234663852886e38,"maximum":3.4028234663852886e38}"#, false),
            (r#"{"minimum":-1e12,"maximum":1e12,"multipleOf":5}"#, false),
        ] {
            for seed in 0..50 {
                let out = make(schema, integer, seed).expect("a number");
                let value: f64 = out.parse().expect("a number");
                assert!((0.0..=99.0).contains(&value), "{schema}: {out}");
            }
        }
        // Bounds that are near are drawn from to both ends.
        let drawn = |seed| {
            make(r#"{"minimum":-90,"maximum":180}"#, true, seed)
                .expect("a number")
                .parse::<i32>()
                .expect("an integer")
        };
        assert!((0..50).any(|seed| drawn(seed) < -40) && (0..50).any(|seed| drawn(seed) > 120));
    }

    #[test]
    fn narrow_bounds_get_as_many_places_as_they_need() {
        let out = make(r#"{"exclusiveMinimum":0,"exclusiveMaximum":0.001}"#, false, 1).expect("a number");
        let value: f64 = out.parse().expect("a number");
        assert!(value > 0.0 && value < 0.001, "{out}");
    }
}
