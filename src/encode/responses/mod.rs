//! Responses (`POST /v1/responses`): the response object, whole or as the events that build it.
//!
//! The grammar of the events is the live API's, as recorded from March 2025 to August 2026: every item is added, filled and
//! done before the next one begins, every event carries `sequence_number`, and the last event repeats the whole object.

mod draft;
mod frames;
mod item;
mod object;
mod reasoning;
mod stream;

pub use object::{Echo, ResponseObject, Status, usage_json};
pub use reasoning::Sealed;
pub use stream::{Encoder, Options};

use super::{ErrorFormat, OPENAI_ERRORS};

/// Errors of the Responses API: those of OpenAI's other APIs, save for the event.
pub const ERRORS: ErrorFormat = ErrorFormat {
    body: OPENAI_ERRORS.body,
    event: |failure, number| {
        let mut out = Vec::new();
        frames::push_error(
            failure.code.as_ref().unwrap_or(&failure.kind),
            &failure.message,
            number,
            &mut out,
        );
        out
    },
};
