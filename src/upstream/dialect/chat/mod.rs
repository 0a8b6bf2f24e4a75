//! Chat completions as a dialect: a turn as a request, an answer and its chunks as events of a turn.

mod answer;
mod request;
mod stream;

pub(super) use answer::answer;
pub(super) use request::{Server, request};
pub(super) use stream::Stream;
