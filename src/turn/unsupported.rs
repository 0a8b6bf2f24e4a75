//! [`Unsupported`]: what a backend cannot express.

/// A field of a [`Request`](super::Request) that a backend's API cannot express, or not with every value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after the field of `turn::Request`")]
pub enum Field {
    /// The most tokens of the answer.
    MaxTokens,
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
    /// The messages, or one of them.
    Messages,
    /// The author's name of a message.
    Name,
    /// An image or a document in a message.
    Media,
    /// How closely the model looks at an image in a message.
    ImageDetail,
    /// The title of a document in a message.
    Title,
    /// The input of a tool call in a message.
    ToolInput,
    /// Whether the tool failed whose result is in a message.
    ToolError,
    /// The schema of a tool's arguments.
    ToolSchema,
    /// A cache point of a message, a tool, or any.
    CachePoint,
    /// Reasoning: whether there is any, or that of a message.
    Thinking,
    /// The most tokens of reasoning.
    ThinkingBudget,
    Temperature,
    TopP,
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
