//! In which order a request's targets are tried.

use crate::config::{Plan, Policy};
use crate::random::Rng;

/// Indices of the plan's targets, each once. A weighted order is drawn without replacement, so the second
/// is what would have been drawn first without the first; targets of weight 0 come last, as listed.
pub(super) fn order(plan: &Plan, rng: &mut Rng) -> Vec<usize> {
    let mut left: Vec<usize> = (0..plan.targets.len()).collect();
    if plan.policy == Policy::Failover {
        return left;
    }
    let weight = |target: usize| plan.targets.get(target).map_or(0, |target| u64::from(target.weight));
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let mut ticket = rng.below(left.iter().map(|target| weight(*target)).sum());
        let drawn = left.iter().position(|target| {
            let mine = ticket < weight(*target);
            ticket = ticket.saturating_sub(weight(*target));
            mine
        });
        order.push(left.remove(drawn.unwrap_or(0)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Target;

    fn plan(policy: Policy, weights: &[u32]) -> Plan {
        let targets = weights
            .iter()
            .map(|weight| Target { upstream: 0, model: None, weight: *weight, price: None })
            .collect();
        Plan { targets, policy, ..Plan::to_one(0) }
    }

    #[test]
    fn failover_goes_as_listed() {
        assert_eq!(order(&plan(Policy::Failover, &[1, 1, 1]), &mut Rng::new(1)), [0, 1, 2]);
    }

    #[test]
    fn weights_are_shares_of_first_places() {
        let plan = plan(Policy::Weighted, &[6, 3, 1, 0]);
        let mut first = [0; 4];
        let mut second_after_0 = [0; 4];
        for seed in 0..20_000 {
            let order = order(&plan, &mut Rng::new(seed));
            first[order[0]] += 1;
            if order[0] == 0 {
                second_after_0[order[1]] += 1;
            }
            assert_eq!(order[3], 3);
        }
        let near = |got: i32, want: i32| (got - want).abs() < want / 10;
        assert!(near(first[0], 12_000) && near(first[1], 6_000) && near(first[2], 2_000), "{first:?}");
        assert!(near(second_after_0[1], 9_000) && near(second_after_0[2], 3_000), "{second_after_0:?}");
    }
}
