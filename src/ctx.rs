//! [`Ctx`]: what the outside supplies for one request: time, randomness, ids.

use std::time::Duration;

/// The surroundings of one request. A test fills it with constants and gets the same bytes
/// each time.
pub struct Ctx<'a> {
    /// When the request arrived, since the Unix epoch.
    pub now: Duration,
    /// 128 random bits, for ids alone.
    pub random: [u64; 2],
    /// Tells how long ago the request arrived.
    pub elapsed: &'a dyn Fn() -> Duration,
}

impl Ctx<'_> {
    /// `created`: whole seconds since the Unix epoch.
    pub fn created(&self) -> u64 {
        self.now.as_secs()
    }

    /// An object's id such as `chatcmpl-` and 29 letters and digits, as long as the live API's.
    pub fn object_id(&self, prefix: &str) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut rest = u128::from(self.random[0]) << 64 | u128::from(self.random[1]);
        let mut id = String::with_capacity(prefix.len() + 29);
        id.push_str(prefix);
        for round in 0..29 {
            // 62^21 < 2^128: past that the digits come from a second turn of the same bits.
            if round == 21 {
                rest = (u128::from(self.random[1]) << 64 | u128::from(self.random[0])).rotate_left(31);
            }
            id.push(char::from(ALPHABET[(rest % 62) as usize]));
            rest /= 62;
        }
        id
    }

    /// The id of a request's n-th tool call: `call_` and 24 letters and digits.
    pub fn call_id(&self, nth: u64) -> String {
        // Another odd multiplier for each call turns the same bits into other ones.
        let turn = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let random = [self.random[0] ^ turn, self.random[1].wrapping_add(turn)];
        let mut id = Ctx { random, ..*self }.object_id("call_");
        id.truncate("call_".len() + 24);
        id
    }

    /// `x-request-id` for a caller that sent none: `req_` and 32 hexadecimal digits.
    pub fn request_id(&self) -> String {
        format!("req_{:016x}{:016x}", self.random[0], self.random[1])
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
