//! The settings of the built-in engine: replies, latency and rules.
//!
//! The types are read straight from `PORTCULLIS_CONFIG` and can hold valid rules only.

mod calls;
mod fault;
mod moderation;
mod reply;

pub use calls::{Arguments, ScriptedCall, ScriptedCalls};
pub use fault::{Fault, FaultStatus, HeaderFields};
pub use moderation::{Category, ModerationRule};
pub use reply::{Length, Reply};

use super::ConfigError;
use super::node::{Node, Setting, settings};
use crate::budget::{Budget, Exhausted};
use crate::json::Value;
use crate::pattern::Pattern;

/// The engine's settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engine {
    /// Tried in order; the first that matches a request answers it.
    pub rules: Vec<Rule>,
    /// How long answers take, unless a model or rule overrides it.
    pub latency: Latency,
    /// What moderation flags besides what it knows itself.
    pub moderation: Vec<ModerationRule>,
    /// What single models override.
    pub models: Vec<(String, ModelEngine)>,
}

settings! {
    /// What a model of the engine overrides.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct ModelEngine {
        /// What is answered where no rule matches.
        pub reply: Reply = or_default,
        /// How long it takes.
        pub latency: Option<Latency> = maybe,
    }
}

settings! {
    /// How long an answer takes.
    #[derive(Debug, Clone, Copy, Default, PartialEq)]
    pub struct Latency {
        /// Milliseconds before the first token.
        pub ttft_ms: u32 = or_default,
        /// Milliseconds before each further token.
        pub per_token_ms: u32 = or_default,
        /// How far each of them strays to either side, as a share of it.
        pub jitter: Share = or_default,
    }
}

impl Latency {
    /// Whether answers are not held back at all.
    pub fn is_none(&self) -> bool {
        self.ttft_ms == 0 && self.per_token_ms == 0
    }
}

/// A share or probability, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share(pub f64);

impl Setting for Share {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let share = f64::read(at)?;
        match (0.0..=1.0).contains(&share) {
            true => Ok(Self(share)),
            false => Err(at.wrong("a share is a number from 0 to 1")),
        }
    }
}

settings! {
    /// When a request is like this, that is answered.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Rule {
        /// What the request must be like; anything, if it is empty.
        pub when: When = or_default,
        /// How probable it is that the rule matches a request it fits, decided by the request and its `seed`.
        pub probability: Option<Share> = maybe,
        /// What is answered, and how.
        pub then: Then = needed,
    }
}

settings! {
    /// What a request must be like; every member must hold.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct When {
        /// The model that it names.
        pub model: Option<String> = maybe,
        /// The last user message's text; of a text completion, the prompt.
        pub user: Option<TextMatch> = maybe,
        /// The texts of its system and developer messages, joined by line breaks.
        pub system: Option<TextMatch> = maybe,
        /// The form that the answer must have.
        pub response_format: Option<Format> = maybe,
        /// Whether it offers tools or functions.
        pub tools: Option<bool> = maybe,
        /// The name of one of them.
        pub tool: Option<TextMatch> = maybe,
        /// Whether its last messages are results of tools; or what their texts joined are like.
        pub tool_result: Option<ResultMatch> = maybe,
        /// Which turn it is: 1 and one more for each message of the assistant's.
        pub turn: Option<u32> = maybe,
        /// How often it was tried before, as SDKs count their retries.
        pub retry: Option<u32> = maybe,
        /// Whether it requests a stream.
        pub stream: Option<bool> = maybe,
    }
}

/// The form that a request demands of the answer, by the `type` of its `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text`, or no `response_format`.
    Text,
    /// `json_object`.
    JsonObject,
    /// `json_schema`.
    JsonSchema,
}

impl Setting for Format {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[
            ("text", Self::Text),
            ("json_object", Self::JsonObject),
            ("json_schema", Self::JsonSchema),
        ])
    }
}

/// What a text must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum TextMatch {
    /// It is this.
    Equals(String),
    /// This is in it.
    Contains(String),
    /// This regular expression matches somewhere in it.
    Regex(Pattern),
}

impl TextMatch {
    /// Whether a text is like that.
    ///
    /// # Errors
    ///
    /// If the budget ends before that is known.
    pub fn matches(&self, text: &str, budget: &Budget) -> Result<bool, Exhausted> {
        match self {
            Self::Equals(want) => Ok(text == want),
            Self::Contains(want) => budget.search(text.len()).map(|()| text.contains(&**want)),
            Self::Regex(pattern) => pattern.is_match(text, budget),
        }
    }
}

impl Setting for Pattern {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let source = String::read(at)?;
        Self::new(&source)
            .map_err(|why| at.wrong(format_args!("`{source}` is no regular expression of ours: {why}")))
    }
}

impl Setting for TextMatch {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["equals", "contains", "regex"])?;
        match (fields.maybe("equals")?, fields.maybe("contains")?, fields.maybe("regex")?) {
            (Some(text), None, None) => Ok(Self::Equals(text)),
            (None, Some(text), None) => Ok(Self::Contains(text)),
            (None, None, Some(pattern)) => Ok(Self::Regex(pattern)),
            _ => Err(at.wrong("it needs one of `equals`, `contains` and `regex`")),
        }
    }
}

/// What results of tools must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultMatch {
    /// Whether there are any.
    Present(bool),
    /// There are, and their text is like this.
    Text(TextMatch),
}

impl Setting for ResultMatch {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        match at.value {
            Value::Bool(there) => Ok(Self::Present(*there)),
            Value::Object(_) => TextMatch::read(at).map(Self::Text),
            _ => Err(at.expected("a boolean, or an object with `equals`, `contains` or `regex`")),
        }
    }
}

settings! {
    /// What a rule answers. Without any answer it is the one that would be given anyway, in the rule's manner.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct Then {
        /// A text, in which `{{user}}` and `{{tool_result}}` stand for those of the request.
        pub text: Option<String> = maybe,
        /// A reply as models have it.
        pub reply: Option<Reply> = maybe,
        /// Calls of tools; a `text` may come before them.
        pub tool_calls: Option<ScriptedCalls> = maybe,
        /// A refusal.
        pub refusal: Option<String> = maybe,
        /// An error.
        pub error: Option<Fault> = maybe,
        /// The connection breaks off before the first byte of the answer's body.
        pub drop: bool = or_default,
        /// `content_filter`: the answer is cut short as if it had been withheld.
        pub finish_reason: Option<Withheld> = maybe,
        /// A stream breaks off after so many chunks.
        pub cut_after_chunks: Option<u32> = maybe,
        /// How long it takes.
        pub latency: Option<Latency> = maybe,
    }
}

/// The finish reason of a scripted answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// It was withheld.
    ContentFilter,
    /// It was too long.
    Length,
}

impl Setting for Engine {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let fields = at.fields(&["rules", "latency", "moderation"])?;
        Ok(Self {
            rules: fields.or_default("rules")?,
            latency: fields.or_default("latency")?,
            moderation: fields.or_default("moderation")?,
            models: Vec::new(),
        })
    }
}

impl Setting for Withheld {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("content_filter", Self::ContentFilter), ("length", Self::Length)])
    }
}

impl Engine {
    /// Whether any rule depends on how often the caller has tried a request before.
    pub fn counts_retries(&self) -> bool {
        self.rules.iter().any(|rule| rule.when.retry.is_some())
    }

    /// What a model overrides, if it does.
    pub fn model(&self, model: &str) -> Option<&ModelEngine> {
        self.models.iter().find(|(name, _)| name == model).map(|(_, engine)| engine)
    }

    /// What is wrong with the rules beyond their types, as (path, problem).
    pub(in crate::config) fn problem(&self) -> Option<(String, &'static str)> {
        self.rules.iter().enumerate().find_map(|(i, rule)| {
            let then = &rule.then;
            let answers = [
                then.text.is_some() && then.tool_calls.is_none(),
                then.reply.is_some(),
                then.tool_calls.is_some(),
                then.refusal.is_some(),
                then.error.is_some(),
                then.drop,
            ];
            let manners =
                then.latency.is_some() || then.cut_after_chunks.is_some() || then.finish_reason.is_some();
            let problem = match answers.iter().filter(|there| **there).count() {
                0 if !manners => "it has neither an answer nor a setting of one",
                0 | 1 => return None,
                _ => "it gives more than one answer; only `text` and `tool_calls` go together",
            };
            Some((format!("engine.rules[{i}].then"), problem))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn problem(engine: &str) -> Option<String> {
        let vars = [("PORTCULLIS_CONFIG".to_owned(), engine.to_owned())];
        Config::from_vars(&vars).err().map(|error| error.to_string())
    }

    #[test]
    fn a_wrong_rule_is_found_with_its_path() {
        for (rule, path, hint) in [
            (r#"{"then":{}}"#, "engine.rules[1].then", "neither an answer nor a setting of one"),
            (r#"{"then":{"text":"a","refusal":"b"}}"#, "engine.rules[1].then", "more than one answer"),
            (r#"{"then":{"say":"a"}}"#, "engine.rules[1].then.say", "unknown field"),
            (r#"{"when":{"user":{"like":"a"}},"then":{"text":"a"}}"#, "engine.rules[1].when.user", "regex"),
            (
                r#"{"when":{"user":{"regex":"("}},"then":{"text":"a"}}"#,
                "engine.rules[1].when.user.regex",
                "not closed",
            ),
            (
                r#"{"when":{"tool_result":7},"then":{"text":"a"}}"#,
                "engine.rules[1].when.tool_result",
                "a boolean",
            ),
            (r#"{"probability":1.5,"then":{"drop":true}}"#, "engine.rules[1].probability", "from 0 to 1"),
            (r#"{"then":{"error":{"status":200}}}"#, "engine.rules[1].then.error.status", "400 to 599"),
            (
                r#"{"then":{"error":{"status":500,"headers":{"a b":"c"}}}}"#,
                "engine.rules[1].then.error.headers",
                "no name of a header",
            ),
            (
                r#"{"then":{"error":{"status":500,"headers":{"retry-after":"1\n"}}}}"#,
                "engine.rules[1].then.error.headers",
                "no header field can carry",
            ),
            (
                r#"{"then":{"error":{"status":500,"headers":{"X-Request-Id":"1"}}}}"#,
                "engine.rules[1].then.error.headers",
                "not a rule's",
            ),
            (r#"{"then":{"reply":{"words":1000000}}}"#, "engine.rules[1].then.reply.words", "100000"),
            (r#"{"then":{"reply":"sing"}}"#, "engine.rules[1].then.reply", "echo"),
            (r#"{"then":{"latency":{"ttft":5}}}"#, "engine.rules[1].then.latency.ttft", "ttft_ms"),
            (r#"{"then":{"tool_calls":[{}]}}"#, "engine.rules[1].then.tool_calls[0]", "name"),
            (r#"{"then":{"tool_calls":[]}}"#, "engine.rules[1].then.tool_calls", "at least one call"),
            (r#"{"then":{"tool_calls":"all"}}"#, "engine.rules[1].then.tool_calls", "`auto`"),
            (r#"{"then":{"tool_calls":{"name":"f"}}}"#, "engine.rules[1].then.tool_calls", "an array"),
            (
                r#"{"when":{"response_format":"xml"},"then":{"text":"a"}}"#,
                "engine.rules[1].when.response_format",
                "`json_schema`",
            ),
            (r#"{"when":{"tool":"f"},"then":{"text":"a"}}"#, "engine.rules[1].when.tool", "an object"),
            (r#"{"when":{"system":{}},"then":{"text":"a"}}"#, "engine.rules[1].when.system", "contains"),
        ] {
            let config = format!(r#"{{"engine":{{"rules":[{{"then":{{"text":"fine"}}}},{rule}]}}}}"#);
            let found = problem(&config).unwrap_or_else(|| panic!("{rule}"));
            assert!(found.contains(path) && found.contains(hint), "{found}");
        }
    }

    #[test]
    fn replies_have_a_short_and_a_long_form() {
        for reply in [r#""echo""#, r#""words""#, r#"{"words":5}"#, r#"{"text":"hi"}"#] {
            assert_eq!(problem(&format!(r#"{{"models":{{"m":{{"engine":{{"reply":{reply}}}}}}}}}"#)), None);
        }
        assert!(problem(r#"{"models":{"m":{"engine":{"reply":{"words":5,"text":"x"}}}}}"#).is_some());
    }
}
