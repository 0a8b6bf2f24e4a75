//! [`Ctx`]: what the outside supplies for one request: time, randomness, ids.

use crate::random::Rng;
use std::time::Duration;

/// The surroundings of one request. A test fills it with constants and gets the same bytes
/// each time.
pub struct Ctx<'a> {
    /// When the request arrived, since the Unix epoch.
    pub now: Duration,
    /// 128 random bits, for ids and [`Ctx::rng`].
    pub random: [u64; 2],
    /// How long ago the request arrived.
    pub elapsed: &'a dyn Fn() -> Duration,
}

impl Ctx<'_> {
    /// `created`: whole seconds since the Unix epoch.
    pub fn created(&self) -> u64 {
        self.now.as_secs()
    }

    /// Random numbers for the choices of one request; not for ids.
    pub fn rng(&self) -> Rng {
        Rng::new(self.random[0] ^ self.random[1].rotate_left(32))
    }

    /// An object's id such as `chatcmpl-` and 29 letters and digits, as long as the live API's.
    pub fn object_id(&self, prefix: &str) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let [first, second] = self.random;
        let mut id = String::with_capacity(prefix.len() + 29);
        id.push_str(prefix);
        // 62^10 < 2^64: ten digits of each number, and nine of a third that the two make.
        for (mut rest, digits) in [(first, 10), (second, 10), (first.rotate_left(32) ^ second, 9)] {
            for _ in 0..digits {
                id.extend(ALPHABET.get((rest % 62) as usize).map(|digit| char::from(*digit)));
                rest /= 62;
            }
        }
        id
    }

    /// The id of a request's n-th tool call: a prefix such as `call_` or `toolu_01`, and as many letters and digits
    /// as make 24 characters after the underscore.
    pub fn call_id(&self, prefix: &str, nth: u64) -> String {
        // Another odd multiplier for each call turns the same bits into other ones.
        let turn = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let random = [self.random[0] ^ turn, self.random[1].wrapping_add(turn)];
        let mut id = Ctx { random, ..*self }.object_id(prefix);
        let length = prefix.find('_').map_or(prefix.len(), |underscore| underscore + 1) + 24;
        id.truncate(length);
        id
    }

    /// `x-request-id` for a caller that sent none: `req_` and 32 hexadecimal digits.
    pub fn request_id(&self) -> String {
        let mut id = String::with_capacity(36);
        id.push_str("req_");
        for half in self.random {
            let digit = |place: u32| char::from_digit((half >> (4 * place)) as u32 & 15, 16);
            id.extend((0..16).rev().filter_map(digit));
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_lengths_of_the_live_api() {
        let ctx = Ctx { now: Duration::ZERO, random: [u64::MAX, 7], elapsed: &|| Duration::ZERO };
        let id = ctx.object_id("chatcmpl-");
        assert_eq!(id.len(), "chatcmpl-".len() + 29);
        assert!(id["chatcmpl-".len()..].bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
        assert_eq!(ctx.request_id(), "req_ffffffffffffffff0000000000000007");
    }
}
