//! Logarithm and exponential from additions, multiplications and divisions alone.
//!
//! IEEE 754 defines exactly what those four return; what `f64::ln` and `f64::exp` give is the platform's own
//! business and differs in the last bit. The engine's answers must not.

/// `ln 2`, split so that a multiple of the first part is exact.
const LN_2_HIGH: f64 = 0.693_145_751_953_125;
const LN_2_LOW: f64 = 1.428_606_820_309_417_3e-6;

/// The natural logarithm of a positive, normal number.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    // Into the range of 0.7 to 1.4, where the series below is quick.
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh((m - 1) / (m + 1))
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let mut sum = 0.0;
    for k in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * k + 1);
    }
    let exponent = exponent as f64;
    exponent * LN_2_HIGH + (2.0 * z * sum + exponent * LN_2_LOW)
}

/// `e` to the power of `x`; 0 below -700, and no more than at 700.
pub(super) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let x = x.min(700.0);
    let power = (x / std::f64::consts::LN_2).round();
    let rest = x - power * LN_2_HIGH - power * LN_2_LOW;
    let mut sum = 1.0;
    for k in (1..=16).rev() {
        sum = 1.0 + rest / f64::from(k) * sum;
    }
    // |power| is at most 1010, so this is a normal number.
    sum * f64::from_bits(((power as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_as_good_as_the_platforms() {
        for i in 1..20_000 {
            let x = f64::from(i) * f64::from(i) / 1e5;
            assert!((ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0), "ln {x}");
            let y = f64::from(i - 10_000) / 20.0;
            assert!((exp(y) - y.exp()).abs() <= 1e-13 * y.exp(), "exp {y}");
        }
        assert_eq!((ln(1.0), exp(0.0), exp(-1e9)), (0.0, 1.0, 0.0));
    }
}
