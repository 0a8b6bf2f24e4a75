//! [`Budget`]: the work one request may cause.
//!
//! Whatever is generated, matched or searched for a request draws on one budget: instances of schemas, texts of
//! patterns, tools looked up by name, rules. A short request can cause work without end, and an instance of the
//! component has one thread.

use std::cell::Cell;
use std::fmt;

/// What is left of the steps and bytes of one request.
///
/// A step is at most some 30 ns in the component, and less natively: a state of a pattern that is followed for one
/// character, 16 bytes of text that are searched, an eighth of a keyword of a schema that is looked at.
#[derive(Debug)]
pub struct Budget {
    steps: Cell<u64>,
    steps_limit: u64,
    bytes: Cell<u64>,
    bytes_limit: u64,
    peak_bytes: Cell<u64>,
}

/// The budget does not cover what was about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request takes more work than one request may cause")
    }
}

impl std::error::Error for Exhausted {}

impl Budget {
    /// The steps of one request: about a second of CPU time in the component.
    pub const STEPS: u64 = 32 << 20;

    /// The bytes of one request besides eight times its body.
    pub const BYTES: u64 = 16 << 20;

    /// The budget of a request with a body of so many bytes.
    pub fn for_body(bytes: usize) -> Self {
        Self::new(Self::STEPS, Self::BYTES + 8 * bytes as u64)
    }

    /// A budget of so many steps and bytes.
    pub fn new(steps: u64, bytes: u64) -> Self {
        Self {
            steps: Cell::new(steps),
            steps_limit: steps,
            bytes: Cell::new(bytes),
            bytes_limit: bytes,
            peak_bytes: Cell::new(0),
        }
    }

    /// Takes steps.
    ///
    /// # Errors
    ///
    /// If fewer are left; then none are left any more, so that all work ends.
    #[inline]
    pub fn spend(&self, steps: u64) -> Result<(), Exhausted> {
        let left = self.steps.get().checked_sub(steps);
        self.steps.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// Takes the steps of searching so many bytes of text once.
    ///
    /// # Errors
    ///
    /// As [`Budget::spend`].
    pub fn search(&self, bytes: usize) -> Result<(), Exhausted> {
        self.spend(1 + bytes as u64 / 16)
    }

    /// Takes bytes of memory, to be given back by [`Budget::release`].
    ///
    /// # Errors
    ///
    /// If fewer are left; none are taken then.
    pub fn reserve(&self, bytes: usize) -> Result<(), Exhausted> {
        let left = self.bytes.get().checked_sub(bytes as u64).ok_or(Exhausted)?;
        self.bytes.set(left);
        self.peak_bytes.set(self.peak_bytes.get().max(self.bytes_limit - left));
        Ok(())
    }

    /// Gives bytes of memory back.
    pub fn release(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes as u64).min(self.bytes_limit));
    }

    /// The bytes that are taken at present.
    pub fn reserved(&self) -> usize {
        (self.bytes_limit - self.bytes.get()) as usize
    }

    /// The steps that were taken.
    pub fn steps_spent(&self) -> u64 {
        self.steps_limit - self.steps.get()
    }

    /// The most bytes that were taken at one time.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes.get()
    }
}

impl Default for Budget {
    /// The budget of a request without a body.
    fn default() -> Self {
        Self::for_body(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_stays_ended() {
        let budget = Budget::new(10, 100);
        assert_eq!((budget.spend(4), budget.steps_spent()), (Ok(()), 4));
        assert_eq!((budget.spend(7), budget.spend(1)), (Err(Exhausted), Err(Exhausted)));
        assert_eq!(budget.steps_spent(), 10);
        assert_eq!((budget.reserve(60), budget.reserve(41)), (Ok(()), Err(Exhausted)));
        budget.release(60);
        assert_eq!((budget.reserve(100), budget.peak_bytes()), (Ok(()), 100));
        let of_body = Budget::for_body(1000);
        assert_eq!(of_body.reserve((16 << 20) + 8001), Err(Exhausted));
        assert_eq!(of_body.reserve((16 << 20) + 8000), Ok(()));
    }
}
