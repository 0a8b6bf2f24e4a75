//! [`Nesting`]: whether JSON that comes in pieces is complete.

/// How deep in JSON a text ends that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct Nesting {
    depth: u32,
    in_string: bool,
    escaped: bool,
    has_begun: bool,
    has_nested: bool,
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
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    self.has_nested = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.has_begun |= !text.trim().is_empty();
    }

    /// Whether something has begun and nothing is open. Of a number or a word more may follow.
    pub fn is_complete(&self) -> bool {
        self.has_begun && self.depth == 0 && !self.in_string
    }

    /// Whether an object or an array has begun and ended.
    pub fn has_closed(&self) -> bool {
        self.has_nested && self.is_complete()
    }

    /// Whether there is anything but white space yet.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_known_where_what_was_opened_is_closed() {
        for (pieces, is_complete, has_closed) in [
            (&[][..], false, false),
            (&["  "], false, false),
            (&["{\"a\":", "[1]"], false, false),
            (&["{\"a\":", "[1]}"], true, true),
            (&["{\"}\\", "\"}"], false, false),
            (&["{\"}\\", "\"\"}"], true, true),
            (&["tr"], true, false),
            (&["\"{}"], false, false),
        ] {
            let mut nesting = Nesting::default();
            pieces.iter().for_each(|piece| nesting.push(piece));
            assert_eq!(
                (nesting.is_complete(), nesting.has_closed()),
                (is_complete, has_closed),
                "{pieces:?}"
            );
        }
    }
}
