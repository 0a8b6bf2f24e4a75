//! [`Room`]: how much memory may be taken by what is read of a text, which may be far more than the text.

use super::{ParseError, Reader};

/// How many bytes of memory the items that are read may take for each byte of the text.
const ROOM_PER_BYTE: usize = 6;

/// How many bytes they may take besides.
const LEAST_ROOM: usize = 8 << 20;

/// How many bytes of memory the parts of a request may take for each byte of its body. As much again may be needed to
/// answer it, which together is within eight times the body.
const REQUEST_ROOM_PER_BYTE: usize = 4;

/// How many bytes they may take besides.
const REQUEST_ROOM: usize = 6 << 20;

/// From how many items on a list is given the memory that it needs, and no more: its items are counted first.
const LONG_LIST: usize = 64;

/// How deep the lists lie whose items are counted. Each level goes over the text once more.
const MAX_COUNTED_LEVELS: u8 = 8;

/// The memory of what is read.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// How many bytes are left.
    left: usize,
    /// Whether more were needed.
    is_full: bool,
}

impl Room {
    /// The room of a text of so many bytes.
    pub(super) fn for_text(bytes: usize) -> Self {
        Self { left: bytes.saturating_mul(ROOM_PER_BYTE).saturating_add(LEAST_ROOM), is_full: false }
    }
}

impl Reader<'_> {
    /// The same reader, whose items may take as much memory as those of a request.
    pub(super) fn with_room_of_request(mut self) -> Self {
        let left = self.text.len().saturating_mul(REQUEST_ROOM_PER_BYTE).saturating_add(REQUEST_ROOM);
        self.room = Room { left, is_full: false };
        self
    }

    /// Whether reading ended because the items would have taken too much memory.
    pub fn is_full(&self) -> bool {
        self.room.is_full
    }

    /// Takes bytes of memory for what is read.
    ///
    /// # Errors
    ///
    /// If fewer are left.
    pub fn charge(&mut self, bytes: usize) -> Result<(), ParseError> {
        match self.room.left.checked_sub(bytes) {
            Some(left) => self.room.left = left,
            None => self.room.is_full = true,
        }
        if self.room.is_full { Err(ParseError) } else { Ok(()) }
    }

    /// Makes room for another item of a list, before it is read. `T` is the type of an item.
    ///
    /// # Errors
    ///
    /// If the items would take too much memory.
    pub(crate) fn grow<T>(&mut self, items: &mut Vec<T>, bracket: u8) -> Result<(), ParseError> {
        let count = items.len();
        if count < items.capacity() {
            return Ok(());
        }
        let more = match count {
            ..LONG_LIST => count.max(1),
            _ if self.level <= MAX_COUNTED_LEVELS => self.items_left(bracket)?,
            _ => count / 4,
        };
        // Both the old list and the new one are in memory while the items move.
        if count.saturating_mul(size_of::<T>()) > self.room.left {
            self.room.is_full = true;
        }
        self.charge(more.saturating_mul(size_of::<T>()))?;
        items.reserve_exact(more);
        Ok(())
    }

    /// How many items of a list are left, before one of them.
    fn items_left(&self, bracket: u8) -> Result<usize, ParseError> {
        let mut ahead = self.clone();
        let mut count = 0;
        loop {
            if bracket == b'}' {
                ahead.name()?;
            }
            ahead.skip()?;
            count += 1;
            if !ahead.more(bracket)? {
                return Ok(count);
            }
        }
    }

    /// Gives back what a complete list has too much.
    pub(crate) fn shrink<T>(&mut self, items: &mut Vec<T>) {
        if items.len() <= items.capacity() / 2 {
            let before = items.capacity();
            items.shrink_to_fit();
            self.room.left += (before - items.capacity()) * size_of::<T>();
        }
    }
}
