//! [`Rejection`]: why the engine cannot answer a turn, in no API's words.

use crate::turn::Field;

/// Why the engine cannot answer a turn. Each endpoint words it as its own API does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The input has more tokens than the model takes, which is less than its context window.
    InputTooLong {
        /// The most it takes, in tokens.
        limit: u32,
        /// The tokens of the input.
        input: u64,
    },
    /// The input, with the output that was requested, exceeds the context window.
    ContextLength {
        /// The context window, in tokens.
        window: u32,
        /// The tokens of the input.
        input: u64,
        /// Those of them that are tools.
        tools: u64,
        /// The most tokens of output the request allows, where they are what exceeds the window.
        output: Option<u64>,
    },
    /// The output limit leaves no token for the answer once the model has reasoned.
    NoOutputLeft,
    /// Nothing valid under the schema of the answer can be generated.
    Schema {
        /// The schema's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// No input was found that honours the schema or the grammar of a tool.
    ToolSchema {
        /// Which of the turn's tools.
        index: usize,
        /// Why.
        reason: String,
    },
    /// Prompts that are echoed take more tokens than one answer may have.
    EchoTooLong {
        /// The most tokens.
        limit: u64,
        /// Those of the echoes.
        echo: u64,
    },
    /// The choices of all prompts are more than one request may have.
    TooManyChoices {
        /// The most choices.
        limit: u64,
        /// Those of the request.
        choices: u64,
    },
    /// A field takes more work than one request may cause.
    TooMuchWork(Field),
}
