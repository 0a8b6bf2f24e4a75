//! Arrays.

use super::facts::{Facts, Goal, Not};
use super::generate::Generator;
use super::heights::ENDLESS;
use super::{At, NoInstance};

use std::collections::HashSet;
use std::rc::Rc;

impl<'t> Generator<'t> {
    /// Appends an array.
    pub(super) fn push_array(&mut self, facts: &Facts<'t>, at: At) -> Result<(), NoInstance> {
        if facts.min_items > facts.max_items {
            return Err(NoInstance::Impossible);
        }
        let mut firsts = Vec::new();
        for part in &facts.arrays {
            firsts.push(part.first.map(|first| self.document.items(first)).transpose()?);
        }
        let first = firsts.iter().flatten().map(|first| first.len()).max().unwrap_or(0) as u64;
        let rests = || facts.arrays.iter().filter_map(|part| part.rest);
        let height = rests().map(|rest| self.document.height(rest)).max().unwrap_or(0);
        let none =
            rests().any(|rest| rest.is_bool(false)) || height == ENDLESS || (height > 0 && self.is_tired(at));
        let wish = if none || self.is_tired(at) { 0 } else { 1 + self.rng.below(2) };
        let contained: u64 =
            facts.contains.iter().map(|contains| contains.least).fold(0, u64::saturating_add);
        let start = if none { 0 } else { first };
        let want = wish.max(first).max(facts.min_items).max(contained).max(if contained > 0 {
            start.saturating_add(contained)
        } else {
            0
        });
        let want = want.min(facts.max_items);
        // Those that are to be contained come last.
        let start = want.saturating_sub(contained);
        let mut seen = HashSet::new();
        let turn = self.rng.below(1 << 32);
        self.out.push('[');
        for i in 0..want {
            let goal = self.item(facts, &firsts, i, start)?;
            let endless = || goal.all.iter().any(|schema| self.document.height(*schema) == ENDLESS);
            if i >= facts.min_items && i < start && endless() {
                break;
            }
            let before = self.out.len();
            let pushed = self.push_item(&goal, i, facts.unique.then_some(&mut seen), turn, at);
            match pushed {
                Ok(()) => {}
                Err(NoInstance::Impossible | NoInstance::Unmet(_)) if i >= facts.min_items && i < start => {
                    self.out.truncate(before);
                    break;
                }
                Err(why) => return Err(why),
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// Appends an item, which differs from those seen before.
    fn push_item(
        &mut self,
        goal: &Goal<'t>,
        i: u64,
        mut seen: Option<&mut HashSet<String>>,
        turn: u64,
        at: At,
    ) -> Result<(), NoInstance> {
        let before = self.out.len();
        for tries in 0.. {
            self.out.truncate(before);
            if i > 0 {
                self.out.push(',');
            }
            let start = self.out.len();
            self.turn = seen.is_some().then_some(turn.wrapping_add(i).wrapping_add(tries as u64));
            self.push(goal, at.deeper())?;
            self.turn = None;
            let Some(seen) = &mut seen else { return Ok(()) };
            if seen.insert(self.out[start..].to_owned()) {
                return Ok(());
            }
            if !self.may_retry(tries) {
                break;
            }
        }
        Err(NoInstance::Unmet("uniqueItems"))
    }

    /// What applies to an item; from `start` on items are contained.
    fn item(
        &self,
        facts: &Facts<'t>,
        firsts: &[Option<Rc<[u32]>>],
        i: u64,
        start: u64,
    ) -> Result<Goal<'t>, NoInstance> {
        let mut goal = Goal::default();
        for (part, first) in facts.arrays.iter().zip(firsts) {
            self.document.spend(1)?;
            let own = first
                .as_ref()
                .and_then(|first| first.get(usize::try_from(i).ok()?))
                .map(|id| self.document.node(*id));
            goal.all.extend(own.or(part.rest));
        }
        let mut from = start;
        for contains in &facts.contains {
            let to = from.saturating_add(contains.least);
            if (from..to).contains(&i) {
                goal.all.push(contains.schema);
            } else if contains.most < u64::MAX {
                goal.nots.push(Not { schema: contains.schema, keyword: "contains" });
            }
            from = to;
        }
        Ok(goal)
    }
}
