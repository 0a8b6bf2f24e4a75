//! [`Merged`]: events that are there at the same time, sent together.

use crate::http::BodyItem;

/// The most bytes of merged events: what a host writes and flushes in one call (wasi:io/streams takes 4,096).
const MAX: usize = 4096;

/// Joins pieces of a body that follow each other without a wait: each item is a write, and so a call of the host.
///
/// For items that are made, not waited for. What an upstream sends goes out as it arrives.
pub struct Merged<I> {
    items: I,
    /// Came after a piece and could not be joined to it.
    next: Option<BodyItem>,
}

impl<I: Iterator<Item = BodyItem>> Merged<I> {
    /// The items of `items`, joined.
    pub fn new(items: I) -> Self {
        Self { items, next: None }
    }
}

impl<I: Iterator<Item = BodyItem>> Iterator for Merged<I> {
    type Item = BodyItem;

    fn next(&mut self) -> Option<BodyItem> {
        let mut bytes = match self.next.take().or_else(|| self.items.next())? {
            BodyItem::Data(bytes) => bytes,
            other => return Some(other),
        };
        loop {
            match self.items.next() {
                Some(BodyItem::Data(more)) if bytes.len() + more.len() <= MAX => {
                    bytes.extend_from_slice(&more)
                }
                next => {
                    self.next = next;
                    return Some(BodyItem::Data(bytes));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn data(bytes: usize) -> BodyItem {
        BodyItem::Data(vec![b'a'; bytes])
    }

    #[test]
    fn pieces_are_joined_up_to_one_write_and_never_across_anything_else() {
        let pause = || BodyItem::Pause(Duration::from_millis(1));
        let abort = || BodyItem::Abort("cut".to_owned());
        let items = [data(4000), data(96), data(1), pause(), data(5000), data(2), data(3), abort()];
        let want = [data(4096), data(1), pause(), data(5000), data(5), abort()];
        assert_eq!(Merged::new(items.into_iter()).collect::<Vec<_>>(), want);
        assert_eq!(Merged::new(std::iter::empty()).next(), None);
    }
}
