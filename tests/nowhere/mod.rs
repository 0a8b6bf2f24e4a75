//! A transport without a network, and request bodies in memory, for tests of the engine.

use portcullis::http::{Incoming, ReadError};
use portcullis::transport::{Answered, Outgoing, Pending, SendError, Transport};
use std::convert::Infallible;
use std::time::Duration;

/// A body that is in memory.
pub(crate) struct Whole(pub(crate) Option<Vec<u8>>);

impl Incoming for Whole {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.0.take().filter(|bytes| !bytes.is_empty()))
    }
}

/// A transport that panics when a request is sent.
pub(crate) struct Nowhere;

impl Transport for Nowhere {
    type Call = Infallible;
    type Body = Whole;
    type Upload = Whole;

    fn start(&self, request: &Outgoing<'_>) -> Result<Infallible, SendError> {
        panic!("the engine answers {request:?}")
    }

    fn head(&self, call: &mut Infallible) -> Option<Result<Answered<Whole>, SendError>> {
        match *call {}
    }

    fn wait(&self, _: &[Pending<'_, Self>], _: Option<Duration>) {
        panic!("there is nothing to wait for")
    }

    fn pass(&self, request: &Outgoing<'_>, _: &mut Whole) -> Result<Answered<Whole>, SendError> {
        panic!("the engine answers {request:?}")
    }
}
