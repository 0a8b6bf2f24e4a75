//! What is objectionable in a text: what the operator's rules match, and each category's own name.
//!
//! The engine understands nothing. So that code for both cases can be tested without a rule, a text that
//! holds the name of a category, such as `self-harm/intent` or `violence`, is flagged as that.

use crate::budget::{Budget, Exhausted};
use crate::config::engine::{Category, Engine};
use crate::random::{hash, mix, unit};

/// What was found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The hash of the text, from which its scores are drawn.
    number: u64,
    /// The categories that apply, a bit for each.
    flagged: u32,
}

impl Verdict {
    /// How sure it is that the text is of each category, in the order of [`Category::ALL`]; from 0.5 on it is flagged.
    pub fn scores(self) -> Vec<f64> {
        let score = |place: u64| {
            // Rounded, as scores that are made up need no more places.
            let share = (unit(mix(self.number, place)) * 10_000.0).floor() / 10_000.0;
            if self.flagged >> place & 1 == 1 { 0.9 + share / 11.0 } else { share / 1000.0 }
        };
        (0..Category::ALL.len() as u64).map(score).collect()
    }
}

/// Which categories a text is of.
///
/// # Errors
///
/// If the text takes more work to search for the rules' than the budget covers.
pub fn moderate(text: &str, setup: &Engine, budget: &Budget) -> Result<Verdict, Exhausted> {
    let number = hash(text.as_bytes());
    let lower = text.to_ascii_lowercase();
    let mut by_rules = Vec::new();
    for rule in &setup.moderation {
        if rule.input.matches(text, budget)? {
            by_rules.extend_from_slice(&rule.categories);
        }
    }
    let applies = |category| by_rules.contains(&category) || is_named(&lower, category);
    let bit = |(&category, place): (&Category, u32)| u32::from(applies(category)) << place;
    Ok(Verdict { number, flagged: Category::ALL.iter().zip(0..).map(bit).sum() })
}

/// Whether a text holds a category's name as a word, not as a part of another category's.
fn is_named(text: &str, category: Category) -> bool {
    let name = category.as_str();
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flagged(text: &str, rules: &str) -> Vec<&'static str> {
        let document = ("PORTCULLIS_CONFIG".to_owned(), format!(r#"{{"engine":{rules}}}"#));
        let setup = crate::config::Config::from_vars(&[document]).expect("rules").engine;
        let scores = moderate(text, &setup, &Budget::default()).expect("little work").scores();
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
        Category::ALL.iter().zip(scores).filter(|(_, s)| *s >= 0.5).map(|(c, _)| c.as_str()).collect()
    }

    #[test]
    fn rules_and_names_flag_a_text() {
        let rules = r#"{"moderation":[{"input":{"regex":"(?i)\\bbomb"},"categories":["illicit","illicit/violent"]}]}"#;
        for (text, want) in [
            ("a kind word", &[][..]),
            ("some Violence", &["violence"]),
            ("some violence/graphic", &["violence/graphic"]),
            ("nonviolence", &[]),
            ("Bombs away", &["illicit", "illicit/violent"]),
        ] {
            assert_eq!(flagged(text, rules), want, "{text}");
        }
        assert_eq!(flagged("Bombs away", "{}"), [""; 0]);
    }
}
