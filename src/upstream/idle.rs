//! [`Idle`]: how long an upstream has sent nothing of its answer.

use super::SILENCE;
use super::sse::LONGEST_EVENT;
use std::time::Duration;

/// For how long an upstream has sent only comments and white space, or nothing. Those keep a connection open, so no
/// timeout of the host ends the wait.
///
/// A body has no clock. Its reads return at the latest after [`SILENCE`], and those that return nothing are counted. Of
/// what arrives without a pause the bytes are counted.
pub(super) struct Idle {
    limit: Duration,
    waited: Duration,
    bytes: usize,
}

impl Idle {
    /// With the time that `Timeouts::without_content` returns.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, waited: Duration::ZERO, bytes: 0 }
    }

    /// Notes a read that returned nothing within [`SILENCE`].
    pub(super) fn waited(&mut self) {
        self.waited = self.waited.saturating_add(SILENCE);
    }

    /// Notes a read that returned only comments or white space.
    pub(super) fn skipped(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Notes that a part of the answer arrived.
    pub(super) fn reset(&mut self) {
        (self.waited, self.bytes) = (Duration::ZERO, 0);
    }

    /// Whether the upstream is to be given up.
    pub(super) fn is_over(&self) -> bool {
        self.waited >= self.limit || self.bytes > LONGEST_EVENT
    }
}
