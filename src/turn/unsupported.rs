//! [`Unsupported`]: what a backend cannot express.

/// A field of a [`Request`](super::Request) that changes the answer and that a backend's API cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after the field of `turn::Request`")]
pub enum Field {
    Choices,
    Logprobs,
    Format,
    Tools,
    ToolChoice,
    AllowedTools,
    CustomTool,
    Stop,
    TopK,
    PresencePenalty,
    FrequencyPenalty,
    LogitBias,
    Seed,
    Audio,
    Prediction,
    Verbosity,
    Prompt,
    Suffix,
    Echo,
    BestOf,
}

/// Why a backend cannot take a request: which field, and where in the input it is, if it is there.
///
/// Each endpoint maps the field to its own parameter, so that the 400 names what the caller wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    /// Which field.
    pub field: Field,
    /// The index of the message, the tool or the part that has it.
    pub index: Option<usize>,
}
