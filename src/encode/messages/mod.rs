//! Messages (`POST /v1/messages`): the message object, whole or as the events that build it.
//!
//! The grammar of the events is the live API's, as recorded to August 2026: content blocks come strictly one after another, a
//! `ping` follows the first `content_block_start`, the input of a tool begins with an empty delta, thinking ends with its
//! signature, and `message_delta` carries the final usage.

mod stream;
mod usage;

pub use stream::{Encoder, MessageHead};
