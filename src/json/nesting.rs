//! [`Nesting`]: whether JSON that comes in pieces is complete.

/// How deep in JSON a text ends that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct Nesting {
    depth: u32,
    in_string: bool,
    escaped: bool,
    has_begun: bool,
}

impl Nesting {
    /// Takes the next piece.
    pub fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.has_begun |= !text.trim().is_empty();
    }

    /// Whether an object or an array has begun and ended.
    pub fn is_complete(&self) -> bool {
        self.has_begun && self.depth == 0 && !self.in_string
    }

    /// Whether there is anything but white space yet.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }
}
