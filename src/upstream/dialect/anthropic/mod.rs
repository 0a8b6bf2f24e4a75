//! Anthropic's Messages API: <https://docs.anthropic.com/en/api/messages>.
//!
//! [`request`](self::request()) makes a message request of a chat, [`answer`] a chat completion of a message,
//! [`stream`] chunks of a message's events; what both turn over alike is in [`message`], and [`content`] turns
//! over what a chat says.

mod answer;
mod content;
mod message;
mod request;
mod stream;

pub(in crate::upstream) use answer::{completion, error_body, status_of};
pub(in crate::upstream) use request::{Extra, includes_usage, request};
pub(in crate::upstream) use stream::Stream;
