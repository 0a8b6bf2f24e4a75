//! Figures from many rounds, and the order of the rounds.

use serde::{Deserialize, Serialize};

/// The quantile `q` of `values`, linearly interpolated; `None` if there are no values.
pub(crate) fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// The median of `values`; NaN if there are none.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5).unwrap_or(f64::NAN)
}

/// The median and the quartiles of a figure over several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let at = |q| quantile(values, q).unwrap_or(f64::NAN);
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }

    /// The spread of the ratios of `ours` to `theirs` of the same round: a disturbance that lasts longer than a round
    /// affects both.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        let ratios: Vec<_> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        Self::of(&ratios)
    }
}

/// The order of the two sides in each round. It alternates, so that neither side always runs second.
pub(crate) fn order(round: usize) -> [usize; 2] {
    if round.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let values = [4.0, 1.0, 3.0, 2.0];
        for (q, want) in [(0.0, 1.0), (0.5, 2.5), (0.25, 1.75), (1.0, 4.0), (2.0, 4.0)] {
            assert_eq!(quantile(&values, q), Some(want), "{q}");
        }
        assert_eq!(quantile(&[7.0], 0.99), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn one_disturbed_round_does_not_move_the_ratio() {
        // In the third round both sides had half the throughput.
        let ratio = Spread::of_ratios(&[90.0, 91.0, 45.0, 89.0, 90.0], &[100.0, 100.0, 50.0, 100.0, 100.0]);
        assert_eq!(ratio, Spread { low: 0.9, median: 0.9, high: 0.9 });
    }

    #[test]
    fn both_go_first_equally_often() {
        let first: Vec<_> = (0..4).map(|round| order(round)[0]).collect();
        assert_eq!(first, [0, 1, 0, 1]);
        assert!((0..4).all(|round| order(round)[0] != order(round)[1]));
    }
}
