//! What the operator says of the built-in engine: replies, latency and rules.
//!
//! The types are read straight from `PORTCULLIS_CONFIG`, so what is no rule cannot be held either.

use crate::pattern::Pattern;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The engine's settings.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// Tried in order; the first that matches a request answers it.
    pub rules: Vec<Rule>,
    /// How long answers take, unless a model or rule says otherwise.
    pub latency: Latency,
    /// What moderation flags besides what it knows itself.
    pub moderation: Vec<ModerationRule>,
    /// What single models say otherwise.
    #[serde(skip)]
    pub models: Vec<(String, ModelEngine)>,
}

/// What a model of the engine says otherwise than the others.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelEngine {
    /// What is answered where no rule matches.
    pub reply: Reply,
    /// How long it takes.
    pub latency: Option<Latency>,
}

/// What is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Reply {
    /// The last user message's text.
    #[default]
    Echo,
    /// Prose of so many tokens: `{"words": 40}`.
    Words(Length),
    /// This text: `{"text": "…"}`.
    Text(String),
}

/// A length in tokens, at the most 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub u32);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            length @ 0..=100_000 => Ok(Self(length)),
            _ => Err(D::Error::custom("a length goes up to 100000 tokens")),
        }
    }
}

/// How long an answer takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// Milliseconds before the first token.
    pub ttft_ms: u32,
    /// Milliseconds before each further token.
    pub per_token_ms: u32,
    /// How far each of them strays to either side, as a share of it.
    pub jitter: Share,
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

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        match (0.0..=1.0).contains(&share) {
            true => Ok(Self(share)),
            false => Err(D::Error::custom("a share is a number from 0 to 1")),
        }
    }
}

/// When a request is like this, that is answered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the request must be like; anything, if nothing is said.
    #[serde(default)]
    pub when: When,
    /// How probable it is that the rule matches a request it fits, decided by the request and its `seed`.
    pub probability: Option<Share>,
    /// What is answered, and how.
    pub then: Then,
}

/// What a request must be like; all that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The model it asks for.
    pub model: Option<String>,
    /// The last user message's text; of a text completion, the prompt.
    pub user: Option<TextMatch>,
    /// Whether it offers tools or functions.
    pub tools: Option<bool>,
    /// Whether its last messages are results of tools; or what their texts joined are like.
    pub tool_result: Option<ResultMatch>,
    /// Which turn it is: 1 and one more for each message of the assistant's.
    pub turn: Option<u32>,
    /// Whether it asks for a stream.
    pub stream: Option<bool>,
}

/// What a text must be like.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextMatch {
    /// It is this.
    Equals(String),
    /// This is in it.
    Contains(String),
    /// This regular expression matches somewhere in it.
    #[serde(deserialize_with = "pattern")]
    Regex(Pattern),
}

impl TextMatch {
    /// Whether a text is like that.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Equals(want) => text == want,
            Self::Contains(want) => text.contains(&**want),
            Self::Regex(pattern) => pattern.is_match(text),
        }
    }
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
    let source = String::deserialize(deserializer)?;
    Pattern::new(&source)
        .map_err(|why| D::Error::custom(format_args!("`{source}` is no regular expression of ours: {why}")))
}

/// What results of tools must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultMatch {
    /// Whether there are any.
    Present(bool),
    /// There are, and their text is like this.
    Text(TextMatch),
}

// By hand: of an untagged enumeration serde says no more than that nothing fitted.
impl<'de> Deserialize<'de> for ResultMatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ResultMatch;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean, or an object with `equals`, `contains` or `regex`")
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<ResultMatch, E> {
                Ok(ResultMatch::Present(value))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<ResultMatch, A::Error> {
                TextMatch::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(ResultMatch::Text)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What a rule answers. Without any answer it is the one that would be given anyway, in the rule's manner.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Then {
    /// A text, in which `{{user}}` and `{{tool_result}}` stand for those of the request.
    pub text: Option<String>,
    /// A reply as models have it.
    pub reply: Option<Reply>,
    /// Calls of tools; a `text` may come before them.
    pub tool_calls: Option<Vec<ScriptedCall>>,
    /// A refusal.
    pub refusal: Option<String>,
    /// An error.
    pub error: Option<Fault>,
    /// The connection breaks off before the first byte of the answer's body.
    pub drop: bool,
    /// `content_filter`: the answer is cut short as if it had been withheld.
    pub finish_reason: Option<Withheld>,
    /// A stream breaks off after so many chunks.
    pub cut_after_chunks: Option<u32>,
    /// How long it takes.
    pub latency: Option<Latency>,
}

/// Why a scripted answer is told to have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// It was withheld.
    ContentFilter,
    /// It was too long.
    Length,
}

/// A call of a tool a rule makes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool.
    pub name: String,
    /// What it is called with: an object, or a text that is sent as it is. Without, arguments are made from
    /// the tool's schema.
    pub arguments: Option<serde_json::Value>,
}

/// An error a rule answers with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The status, 400 to 599.
    pub status: FaultStatus,
    /// What is wrong.
    #[serde(default = "Fault::default_message")]
    pub message: String,
    /// The error's `type`; the one the API has with the status, if none is given.
    pub r#type: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// The error's `code`.
    pub code: Option<String>,
    /// Header fields, such as `retry-after`.
    #[serde(default)]
    pub headers: HeaderFields,
}

impl Fault {
    fn default_message() -> String {
        "A rule of the engine answers this request with an error.".to_owned()
    }

    /// The error's `type`.
    pub fn kind(&self) -> &str {
        let usual = match self.status.0 {
            429 => "requests",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        self.r#type.as_deref().unwrap_or(usual)
    }
}

/// The status of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultStatus(pub u16);

impl<'de> Deserialize<'de> for FaultStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            status @ 400..=599 => Ok(Self(status)),
            _ => Err(D::Error::custom("the status of an error is 400 to 599")),
        }
    }
}

/// Header fields of an answer, in the order they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderFields(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for HeaderFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = HeaderFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<HeaderFields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                    if name.is_empty() || !name.bytes().all(token) {
                        return Err(A::Error::custom(format_args!("`{name}` is no name of a header field")));
                    }
                    if ["content-length", "transfer-encoding", "connection"]
                        .iter()
                        .any(|framing| framing.eq_ignore_ascii_case(&name))
                    {
                        return Err(A::Error::custom(format_args!("`{name}` is for the host to set")));
                    }
                    if !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
                        return Err(A::Error::custom(format_args!(
                            "the value of `{name}` has a character no header field can carry"
                        )));
                    }
                    fields.push((name, value));
                }
                Ok(HeaderFields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// What moderation finds in a text like this.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModerationRule {
    /// What the input must be like.
    pub input: TextMatch,
    /// What it is then flagged as.
    pub categories: Vec<Category>,
}

macro_rules! categories {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)+) => {
        /// What moderation looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
        pub enum Category { $($(#[$doc])* #[serde(rename = $name)] $variant,)+ }

        impl Category {
            /// Every category, in the order of the API's answers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The API's name for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

categories! {
    /// Harassment.
    Harassment "harassment",
    /// Harassment with a threat.
    HarassmentThreatening "harassment/threatening",
    /// Sexual content.
    Sexual "sexual",
    /// Hate.
    Hate "hate",
    /// Hate with a threat.
    HateThreatening "hate/threatening",
    /// Advice for wrongdoing.
    Illicit "illicit",
    /// The same with violence.
    IllicitViolent "illicit/violent",
    /// An intent to harm oneself.
    SelfHarmIntent "self-harm/intent",
    /// Advice for harming oneself.
    SelfHarmInstructions "self-harm/instructions",
    /// Self-harm in general.
    SelfHarm "self-harm",
    /// Sexual content about minors.
    SexualMinors "sexual/minors",
    /// Violence.
    Violence "violence",
    /// Violence, in detail.
    ViolenceGraphic "violence/graphic",
}

impl Engine {
    /// What a model says otherwise than the others, if it does.
    pub fn model(&self, model: &str) -> Option<&ModelEngine> {
        self.models.iter().find(|(name, _)| name == model).map(|(_, engine)| engine)
    }

    /// What is wrong with the rules beyond their types, as (path, problem).
    pub(super) fn problem(&self) -> Option<(String, &'static str)> {
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
                0 if !manners => "it says neither what is answered nor how",
                0 | 1 => return None,
                _ => "it gives more than one answer; only `text` and `tool_calls` go together",
            };
            Some((format!("engine.rules[{i}].then"), problem))
        })
    }
}
