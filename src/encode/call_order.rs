//! [`CallOrder`]: tool calls whose deltas interleave, for APIs whose streams write one call after the other.

/// What a call becomes in an API's stream.
pub(super) trait Call {
    /// Adds to the input.
    fn push_input(&mut self, more: &str);

    /// Whether the input is complete, as far as that can be known: it is a whole JSON object or array.
    fn is_complete(&self) -> bool;
}

/// Which call is written, and the calls that wait until it is complete.
#[derive(Debug)]
pub(super) struct CallOrder<C> {
    /// The turn's index of the call that is written.
    current: Option<u32>,
    waiting: Vec<(u32, C)>,
}

impl<C: Call> CallOrder<C> {
    pub(super) fn new() -> Self {
        Self { current: None, waiting: Vec::new() }
    }

    /// Takes a call that begins while `open` is written. Returns it if it is to be written now.
    pub(super) fn begin(&mut self, index: u32, call: C, open: Option<&C>) -> Option<C> {
        if self.current.is_some() && !open.is_some_and(C::is_complete) {
            self.waiting.push((index, call));
            return None;
        }
        Some(call)
    }

    /// Notes that the call of this index is written from now on; `None` where what is written is no call.
    pub(super) fn set_current(&mut self, index: Option<u32>) {
        self.current = index;
    }

    /// Adds to the input of a call. Returns whether the call is `open`, so that the addition is to be written now.
    pub(super) fn add_input(&mut self, index: u32, more: &str, open: Option<&mut C>) -> bool {
        let is_current = self.current == Some(index);
        let call = match is_current {
            true => open,
            false => self.waiting.iter_mut().find(|(own, _)| *own == index).map(|(_, call)| call),
        };
        if let Some(call) = call {
            call.push_input(more);
        }
        is_current
    }

    /// Whether no call waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The calls that wait, in the order in which they began.
    pub(super) fn take_waiting(&mut self) -> impl ExactSizeIterator<Item = C> + use<C> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, call)| call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Call for String {
        fn push_input(&mut self, more: &str) {
            self.push_str(more);
        }

        fn is_complete(&self) -> bool {
            self.ends_with('}')
        }
    }

    #[test]
    fn a_call_waits_until_the_one_before_it_is_complete() {
        let mut order = CallOrder::new();
        let mut open = order.begin(0, String::new(), None).expect("nothing is written yet");
        order.set_current(Some(0));
        assert!(order.add_input(0, "{", Some(&mut open)));
        assert_eq!(order.begin(1, String::new(), Some(&open)), None);
        assert!(!order.add_input(1, "{1", Some(&mut open)));
        assert!(order.add_input(0, "}", Some(&mut open)));
        assert_eq!(open, "{}");
        assert_eq!(order.begin(2, "2".to_owned(), Some(&open)), Some("2".to_owned()));
        assert!(!order.is_empty());
        assert_eq!(order.take_waiting().collect::<Vec<_>>(), ["{1"]);
        assert!(order.is_empty());
    }
}
