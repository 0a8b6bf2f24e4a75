//! One model turn in no API's wire format: a [`Request`] goes in, [`Event`]s come out.
//!
//! An endpoint reads its wire request into a [`Request`]. The engine, or the dialect of an upstream API, answers with
//! [`Event`]s. The endpoint's encoder writes them in its own API's format. So an API in front and an API behind the
//! gateway meet here alone, and no code knows a pair of them.
//!
//! What has no neutral meaning stays out: an endpoint or a dialect handles such members itself.

mod answer;
mod event;
mod meter;
mod request;
mod source;
mod unsupported;

pub use answer::{Answer, Block, Choice, Failure};
pub use event::{Event, FinishReason, TokenLogprob, Usage};
pub use meter::{Metered, UsageMeter};
pub use request::{
    Content, Effort, Format, Input, JsonSchema, Media, Message, Part, Prediction, Prompt, Reasoning, Request,
    Role, Sampling, Source, Tool, ToolChoice, ToolKind, ToolResult, Verbosity, texts,
};
pub use source::{EventSource, Step};
pub use unsupported::{Field, Unsupported};

/// The most choices of one answer, and calls of one choice, that are tracked. No API generates more than 128; an upstream
/// may number them as it likes.
pub const MAX_TRACKED: usize = 1024;
