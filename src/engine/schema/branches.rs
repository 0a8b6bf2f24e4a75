//! The choice of one branch of each `anyOf`, `oneOf` and `if`, and of what a `not` denies.

use super::facts::{Closure, Not, is_silent};
use super::generate::Generator;
use super::heights::ENDLESS;
use super::{At, NoInstance, text, types};
use crate::json::Node;

impl<'t> Generator<'t> {
    /// Chooses a branch of each `anyOf`, `oneOf` and `if`; true if the value is a decimal number as a string.
    pub(super) fn choose_branches(
        &mut self,
        closure: &mut Closure<'t>,
        at: At,
        tries: usize,
    ) -> Result<bool, NoInstance> {
        let mut next = 0;
        let mut decimal = false;
        let mut allowed = types::ALL;
        let mut nots = 0;
        loop {
            while let Some(part) = closure.parts.get(next).copied() {
                next += 1;
                if let Some(kind) = part.get("type") {
                    allowed &= types::allowed(kind);
                }
                for (name, own) in part.members() {
                    match name.plain_str() {
                        Some("anyOf") => {
                            let branch = self.choose_branch(own, allowed, at, tries)?;
                            let alone = closure.parts.len() == 1 && closure.nots.is_empty();
                            if alone && text::is_any(branch) && !constrains(part, "anyOf") {
                                let number = own
                                    .items()
                                    .find(|other| other.get("type").is_some_and(|t| t.is_str("number")));
                                if let Some(number) = number {
                                    // Beside a number any text is a number that is written out: pydantic's decimals.
                                    closure.parts.clear();
                                    self.add(closure, number)?;
                                    decimal = true;
                                    continue;
                                }
                            }
                            self.add(closure, branch)?;
                        }
                        Some("oneOf") => {
                            let branch = self.choose_branch(own, allowed, at, tries)?;
                            self.add(closure, branch)?;
                            for other in own.items().filter(|other| other.id() != branch.id()) {
                                self.document.spend(1)?;
                                if !are_disjoint(branch, other) {
                                    closure.nots.push(Not { schema: other, keyword: "oneOf" });
                                }
                            }
                        }
                        Some("not") => closure.nots.push(Not { schema: own, keyword: "not" }),
                        Some("if") => {
                            self.hard = Some("if");
                            if self.rng.below(2) == 0 || tries == 0 {
                                self.add(closure, own)?;
                                if let Some(then) = part.get("then") {
                                    self.add(closure, then)?;
                                }
                            } else {
                                closure.nots.push(Not { schema: own, keyword: "if" });
                                if let Some(other) = part.get("else") {
                                    self.add(closure, other)?;
                                }
                            }
                        }
                        _ => {}
                    }
                }
                if decimal {
                    return Ok(true);
                }
            }
            // What is denied twice is demanded, and to deny one of several is to deny each.
            let Some(not) = closure.nots.get(nots).copied() else { return Ok(false) };
            nots += 1;
            self.document.spend(1)?;
            let mut members =
                not.schema.members().filter(|(name, _)| !is_silent(name.plain_str().unwrap_or_default()));
            if let (Some((name, own)), None) = (members.next(), members.next()) {
                let denied = |schema| Not { schema, keyword: not.keyword };
                match name.plain_str() {
                    Some("not") => self.add(closure, own)?,
                    Some("anyOf") => closure.nots.extend(own.items().map(denied)),
                    Some("allOf") => {
                        let parts = self.document.items(own)?;
                        let chosen = parts.get(self.rng.below(parts.len() as u64) as usize);
                        closure.nots.extend(chosen.map(|id| denied(self.document.node(*id))));
                    }
                    Some("$ref") => {
                        let target = self.document.resolve(&own.as_str().unwrap_or_default())?;
                        closure.nots.extend(target.map(denied));
                    }
                    _ => {}
                }
            }
        }
    }

    /// One of some branches, within what their heights and types allow.
    fn choose_branch(
        &mut self,
        branches: Node<'t>,
        allowed: u8,
        at: At,
        tries: usize,
    ) -> Result<Node<'t>, NoInstance> {
        let all = self.document.items(branches)?;
        let tired = self.is_tired(at);
        let limit = if tired { self.document.height(branches) } else { ENDLESS - 1 };
        let document = self.document;
        let type_of = |branch: Node<'t>| branch.get("type").map_or(types::ALL, types::allowed);
        let fits = |branch: Node<'t>| {
            let height = document.height(branch);
            (height <= limit || (tired && limit == 0 && height == 0)) && type_of(branch) & allowed != 0
        };
        // `null` shows little: three times in four it is something else, if it can be.
        let substantial = !tired && self.rng.below(4) > 0;
        let wanted = |branch: Node<'t>| fits(branch) && !(substantial && type_of(branch) == types::NULL);
        if all.len() > 64 {
            for _ in 0..16 {
                let branch = document.node(all[self.rng.below(all.len() as u64) as usize]);
                if wanted(branch) {
                    return Ok(branch);
                }
            }
        }
        document.spend(all.len() as u64)?;
        let nodes = || all.iter().map(|id| document.node(*id));
        let mut open: Vec<Node<'t>> = nodes().filter(|branch| wanted(*branch)).collect();
        if open.is_empty() {
            open = nodes().filter(|branch| fits(*branch)).collect();
        }
        let drawn = self.rng.below(open.len() as u64) as usize;
        let place = if tries > 1 { (drawn + tries) % open.len().max(1) } else { drawn };
        open.get(place).copied().ok_or(NoInstance::Impossible)
    }
}

/// Whether a schema demands something besides one of its keywords.
fn constrains(schema: Node<'_>, keyword: &str) -> bool {
    schema
        .members()
        .any(|(name, _)| !name.is_str(keyword) && !is_silent(name.plain_str().unwrap_or_default()))
}

/// Whether no value can be valid under both schemas, as far as their types, and constants of one property, show.
fn are_disjoint(one: Node<'_>, other: Node<'_>) -> bool {
    let kind = |schema: Node<'_>| schema.get("type").map_or(types::ALL, types::allowed);
    if kind(one) & kind(other) == 0 {
        return true;
    }
    let constants =
        (one.get("const").and_then(Node::plain_str), other.get("const").and_then(Node::plain_str));
    if let (Some(one), Some(other)) = constants {
        return one != other;
    }
    false
}
