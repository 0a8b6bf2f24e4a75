//! Numbers that look random and are the same on every host. Nothing secret depends on them.

/// A stream of numbers from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product is as evenly spread as `next_u64`, up to 2^-64 times the bound.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 up to and without 1.
    pub fn unit(&mut self) -> f64 {
        unit(self.next_u64())
    }
}

/// Spreads a number over all bits.
pub fn scatter(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One number of two.
pub fn mix(a: u64, b: u64) -> u64 {
    scatter(a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ scatter(b.wrapping_add(0x632b_e59b_d9b4_e019)))
}

/// A number of some bytes (FNV-1a, spread).
pub fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    scatter(bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// From 0 up to and without 1.
pub fn unit(x: u64) -> f64 {
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_even_and_repeatable() {
        let mut counts = [0; 10];
        let mut rng = Rng::new(7);
        for _ in 0..10_000 {
            counts[rng.below(10) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(Rng::new(7).next_u64(), Rng::new(7).next_u64());
        assert_eq!(rng.below(0), 0);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.unit())));
    }

    #[test]
    fn both_halves_of_a_mix_count() {
        assert_ne!(mix(1, 2), mix(2, 1));
        assert_ne!(mix(0, 1), mix(0, 2));
        assert_ne!(hash(b"a"), hash(b"b"));
    }
}
