//! What moderation flags.

use super::TextMatch;
use crate::config::ConfigError;
use crate::config::node::{Node, Setting, settings};

settings! {
    /// What moderation finds in a text like this.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ModerationRule {
        /// What the input must be like.
        pub input: TextMatch = needed,
        /// What it is then flagged as.
        pub categories: Vec<Category> = needed,
    }
}

impl Setting for Category {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let known: Vec<_> = Self::ALL.iter().map(|category| (category.as_str(), *category)).collect();
        at.choice(&known)
    }
}

macro_rules! categories {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)+) => {
        /// What moderation looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Category { $($(#[$doc])* $variant,)+ }

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
