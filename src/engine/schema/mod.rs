//! Instances of JSON schemas: valid, deterministic, and as small as they can be without being empty.
//!
//! All keywords of JSON Schema 2020-12 are honoured, and those of earlier drafts that are still common. Most are
//! honoured by construction: the schemas that apply to a value are gathered ([`facts`]), and a value is generated
//! that meets them all ([`generate`]). What cannot be constructed (`not`, `oneOf`, `uniqueItems`, …) is generated,
//! checked ([`validate`]) and generated anew; what then is still not valid is an error that names the keyword.

mod array;
mod branches;
mod evaluated;
mod facts;
mod generate;
mod heights;
mod number;
mod object;
mod references;
mod text;
mod types;
mod validate;

use crate::budget::{Budget, Exhausted};
use crate::json::Tape;
use generate::Generator;
use references::Document;
use validate::Invalid;

/// An instance, and whether it is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// Compact JSON.
    pub(super) json: String,
    /// False if even the smallest instance is longer than an answer may be.
    pub(super) whole: bool,
}

/// Why there is no instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoInstance {
    /// The schema is no JSON, or nests too deeply.
    Unreadable,
    /// A `$ref` leads nowhere.
    Dangling(String),
    /// A pattern is not supported, or no text was found that matches it.
    Pattern(String),
    /// Nothing is valid under the schema: its demands contradict each other, or it never ends.
    Impossible,
    /// None of the values of this keyword, `const` or `enum`, is valid under the rest of the schema.
    Conflict(&'static str),
    /// No instance was found that honours this keyword.
    Unmet(&'static str),
    /// The instance is longer than an answer may be. Used within this module: what there is of it is the answer.
    TooLong,
    /// The budget of the request does not cover it.
    Exhausted(Exhausted),
}

impl From<Exhausted> for NoInstance {
    fn from(why: Exhausted) -> Self {
        Self::Exhausted(why)
    }
}

impl From<Invalid> for NoInstance {
    fn from(why: Invalid) -> Self {
        match why {
            Invalid::Keyword("false") => Self::Impossible,
            Invalid::Keyword(name) => Self::Unmet(name),
            Invalid::Exhausted => Self::Exhausted(Exhausted),
        }
    }
}

/// The longest instance, in bytes.
pub(super) const LONGEST: usize = 1 << 20;

/// How deep values may lie in one another: as deep as a JSON reader follows, and a bound for the stack.
const DEEPEST: u32 = 126;

/// How many instances are generated until one is valid.
const ATTEMPTS: u64 = 6;

/// Which patterns and references must be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patterns {
    /// All: where one is not there is no instance.
    All,
    /// Patterns that are not supported are passed over.
    Understood,
}

/// Generates an instance of a schema, of at most `limit` bytes if it can be cut there; another for another seed.
pub(super) fn instance(
    schema: &str,
    seed: u64,
    patterns: Patterns,
    limit: usize,
    budget: &Budget,
) -> Result<Instance, NoInstance> {
    // Each choice and each call of a tool reads its schema anew.
    budget.spend(schema.len() as u64 / 4)?;
    let tape = Tape::parse(schema).map_err(|_| NoInstance::Unreadable)?;
    let bytes = tape.len() * 8 + limit.min(LONGEST);
    let before = budget.reserved();
    budget.reserve(bytes)?;
    let instance = search(&tape, seed, patterns, limit, budget);
    budget.release(budget.reserved() - before);
    instance
}

fn search(
    tape: &Tape<'_>,
    seed: u64,
    patterns: Patterns,
    limit: usize,
    budget: &Budget,
) -> Result<Instance, NoInstance> {
    let document = Document::new(tape, budget);
    document.measure()?;
    let mut failure = NoInstance::Impossible;
    for attempt in 0..ATTEMPTS {
        let seed = if attempt == 0 { seed } else { crate::random::mix(seed, attempt) };
        let mut generator = Generator::new(&document, seed, patterns, limit);
        failure = match generator.push(&document.root().into(), At::default()) {
            Ok(()) => match valid(&document, &generator) {
                Ok(()) => return Ok(Instance { json: generator.out, whole: true }),
                Err(why) => why.into(),
            },
            Err(NoInstance::TooLong) => return Ok(Instance { json: generator.out, whole: false }),
            Err(NoInstance::Impossible) => match generator.hard {
                Some(keyword) => NoInstance::Unmet(keyword),
                // Whatever is drawn, it stays impossible.
                None => return Err(generator.conflict.map_or(NoInstance::Impossible, NoInstance::Conflict)),
            },
            Err(why @ (NoInstance::Exhausted(_) | NoInstance::Dangling(_) | NoInstance::Pattern(_))) => {
                return Err(why);
            }
            Err(why) => why,
        };
    }
    Err(failure)
}

/// Checks an instance whose schema has keywords that generation may have failed to honour.
fn valid(document: &Document<'_>, generator: &Generator<'_>) -> Result<(), Invalid> {
    if generator.hard.is_none() {
        return Ok(());
    }
    let Ok(tape) = Tape::parse(&generator.out) else { return Ok(()) };
    document.check(document.root(), tape.root(), 0, None)
}

/// Where in an instance a value lies.
#[derive(Debug, Clone, Copy, Default)]
struct At {
    /// How many values it lies in.
    depth: u32,
    /// How many references led there.
    references: u32,
}

impl At {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
