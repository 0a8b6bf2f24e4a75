//! Ids that follow from a request's random bits, in the forms that the live APIs' have.

use std::fmt::Write as _;

/// The form of an id: a prefix, and how many letters and digits follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdForm {
    prefix: &'static str,
    length: usize,
}

impl IdForm {
    /// A chat completion.
    pub const CHAT: Self = Self { prefix: "chatcmpl-", length: 29 };
    /// A completion.
    pub const COMPLETION: Self = Self { prefix: "cmpl-", length: 29 };
    /// A moderation.
    pub const MODERATION: Self = Self { prefix: "modr-", length: 29 };
    /// A tool call in OpenAI's APIs.
    pub const CALL: Self = Self { prefix: "call_", length: 24 };
    /// A message of Anthropic's API.
    pub const MESSAGE: Self = Self { prefix: "msg_01", length: 22 };
    /// A tool call in Anthropic's API.
    pub const TOOL_USE: Self = Self { prefix: "toolu_01", length: 22 };
    /// A container of Anthropic's API.
    pub const CONTAINER: Self = Self { prefix: "container_01", length: 22 };

    /// The id of what a request has one of.
    pub fn id(self, random: [u64; 2]) -> String {
        self.nth(random, 0)
    }

    /// The id of a request's n-th thing of this form.
    pub fn nth(self, random: [u64; 2], n: u64) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let turn = turn(n);
        let (first, second) = (random[0] ^ turn, random[1].wrapping_add(turn));
        let mut id = String::with_capacity(self.prefix.len() + self.length);
        id.push_str(self.prefix);
        // 62^10 < 2^64: ten digits of each number, and nine of a third that the two make.
        let numbers = [(first, 10), (second, 10), (first.rotate_left(32) ^ second, 9)];
        let digits = numbers.into_iter().flat_map(|(number, digits)| {
            std::iter::successors(Some(number), |rest| Some(rest / 62)).take(digits).map(|rest| rest % 62)
        });
        let digits = digits.take(self.length).filter_map(|digit| ALPHABET.get(digit as usize));
        id.extend(digits.map(|digit| char::from(*digit)));
        id
    }
}

/// What turns a request's random bits into others for its n-th id: another odd multiple for each.
fn turn(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The ids of a response of the Responses API and its items: a prefix and 50 hexadecimal digits, of which the first 16
/// are the same for all of them.
#[derive(Debug, Clone)]
pub struct ResponseIds {
    random: [u64; 2],
    issued: u64,
}

impl ResponseIds {
    /// Ids that follow from a request's random bits.
    pub fn new(random: [u64; 2]) -> Self {
        Self { random, issued: 0 }
    }

    /// The next id.
    pub fn next(&mut self, prefix: &str) -> String {
        self.issued = self.issued.wrapping_add(1);
        let turn = turn(self.issued);
        let first = self.random[1] ^ turn;
        let second = self.random[1].rotate_left(32).wrapping_add(turn);
        let mut id = String::with_capacity(prefix.len() + 50);
        id.push_str(prefix);
        // Writing to a string cannot fail.
        let _ = write!(id, "{:016x}{first:016x}{second:016x}{:02x}", self.random[0], self.issued & 0xff);
        id
    }
}

/// `x-request-id` for a caller that sent none: `req_` and 32 hexadecimal digits.
pub fn request_id(random: [u64; 2]) -> String {
    let mut id = String::with_capacity(36);
    id.push_str("req_");
    for half in random {
        let digit = |place: u32| char::from_digit((half >> (4 * place)) as u32 & 15, 16);
        id.extend((0..16).rev().filter_map(digit));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_lengths_of_the_live_api() {
        let random = [u64::MAX, 7];
        for (form, length) in
            [(IdForm::CHAT, 38), (IdForm::CALL, 29), (IdForm::TOOL_USE, 30), (IdForm::CONTAINER, 34)]
        {
            let id = form.id(random);
            let digits = id.strip_prefix(form.prefix).expect("the prefix");
            assert!(id.len() == length && digits.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
            assert_ne!(id, form.nth(random, 1));
        }
        assert_eq!(request_id(random), "req_ffffffffffffffff0000000000000007");
    }
}
