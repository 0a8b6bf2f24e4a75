//! [`Write`]: values as compact JSON.

use super::{push_integer, push_string};
use std::borrow::Cow;
use std::fmt;

/// What is written as JSON.
pub trait Write {
    /// Appends the value.
    fn write(&self, out: &mut String);
}

/// The value as compact JSON.
pub fn to_string(value: &impl Write) -> String {
    // Short answers fit, and longer ones grow by doubling from here.
    let mut out = String::with_capacity(1024);
    value.write(&mut out);
    out
}

/// Begins a member of the object that is being written; `key` is its name in quotes, with the colon.
pub(crate) fn push_key(out: &mut String, key: &str) {
    // Nothing but an object that has just begun ends in a brace that opens.
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(key);
}

/// Appends an object whose names are free.
pub(crate) fn push_members<'a, T: Write + 'a>(
    members: impl Iterator<Item = (&'a str, &'a T)>,
    out: &mut String,
) {
    out.push('{');
    for (i, (name, value)) in members.enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        push_string(name, out);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

/// Appends what has a text of its own that is JSON.
fn push_shown(value: &dyn fmt::Debug, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = fmt::write(out, format_args!("{value:?}"));
}

/// Writes an object: `writes!(out; "name" = value, "name" ? option)`, where an option that is none is left out;
/// or makes a struct that is written so, its members by their JSON names.
macro_rules! writes {
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$life:lifetime>)? {
        $($(#[$member_meta:meta])* $key:literal $sign:tt $member:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        $vis struct $name $(<$life>)? { $($(#[$member_meta])* $vis $member: $type,)* }

        impl $(<$life>)? $crate::json::Write for $name $(<$life>)? {
            fn write(&self, out: &mut String) {
                $crate::json::writes!(out; $($key $sign self.$member,)*);
            }
        }
    };
    ($out:expr; $($key:literal $sign:tt $value:expr),* $(,)?) => {{
        $out.push('{');
        $($crate::json::writes!(@member $sign $out, $key, &$value);)*
        $out.push('}');
    }};
    (@member = $out:expr, $key:literal, $value:expr) => {
        $crate::json::push_key($out, concat!("\"", $key, "\":"));
        $crate::json::Write::write($value, $out);
    };
    (@member ? $out:expr, $key:literal, $value:expr) => {
        if let Some(value) = $value {
            $crate::json::writes!(@member = $out, $key, value);
        }
    };
}
pub(crate) use writes;

impl Write for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Write for u64 {
    fn write(&self, out: &mut String) {
        push_integer(*self, out);
    }
}

impl Write for u32 {
    fn write(&self, out: &mut String) {
        push_integer(u64::from(*self), out);
    }
}

impl Write for u8 {
    fn write(&self, out: &mut String) {
        push_integer(u64::from(*self), out);
    }
}

impl Write for usize {
    fn write(&self, out: &mut String) {
        push_integer(*self as u64, out);
    }
}

/// A number no JSON has is null.
impl Write for f64 {
    fn write(&self, out: &mut String) {
        if self.is_finite() { push_shown(self, out) } else { out.push_str("null") }
    }
}

/// A number no JSON has is null.
impl Write for f32 {
    fn write(&self, out: &mut String) {
        if self.is_finite() { push_shown(self, out) } else { out.push_str("null") }
    }
}

/// Null.
impl Write for () {
    fn write(&self, out: &mut String) {
        out.push_str("null");
    }
}

impl Write for str {
    fn write(&self, out: &mut String) {
        push_string(self, out);
    }
}

impl Write for String {
    fn write(&self, out: &mut String) {
        push_string(self, out);
    }
}

impl<T: Write + ?Sized> Write for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Write + ToOwned + ?Sized> Write for Cow<'_, T> {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, out: &mut String) {
        if let Some(value) = self { value.write(out) } else { out.push_str("null") }
    }
}

impl<T: Write> Write for [T] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (i, item) in self.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            item.write(out);
        }
        out.push(']');
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Write, const N: usize> Write for [T; N] {
    fn write(&self, out: &mut String) {
        self[..].write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Write) -> String {
        to_string(value)
    }

    #[test]
    fn numbers_are_those_of_serde_json() {
        for value in
            [0.0, -0.0, 1.0, -0.5, 0.1, 1e-7, 1.5e300, 1e16, 123_456.789, f64::MIN_POSITIVE, f64::MAX]
        {
            assert_eq!(serde_json::from_str::<f64>(&json(&value)).ok(), Some(value));
            let single = value as f32;
            let wanted = if single.is_finite() { Some(single) } else { None };
            assert_eq!(serde_json::from_str::<Option<f32>>(&json(&single)).ok(), Some(wanted));
        }
        assert_eq!((json(&f64::NAN), json(&f32::INFINITY)), ("null".to_owned(), "null".to_owned()));
        assert_eq!(json(&[1.0, -0.5]), "[1.0,-0.5]");
    }

    #[test]
    fn objects_leave_out_what_may_be_left_out() {
        writes! {
            struct Some1<'a> {
                "first" ? first: Option<&'a str>,
                "second" ? second: Option<Option<u32>>,
                "third" = third: Option<bool>,
                "fourth" ? fourth: Option<[(); 0]>,
            }
        }
        let all = Some1 { first: Some("{"), second: Some(None), third: Some(true), fourth: Some([]) };
        assert_eq!(json(&all), r#"{"first":"{","second":null,"third":true,"fourth":[]}"#);
        let few = Some1 { first: None, second: None, third: None, fourth: None };
        assert_eq!(json(&few), r#"{"third":null}"#);
        let mut none = String::new();
        writes!(&mut none; "a" ? None::<bool>);
        assert_eq!(none, "{}");
    }
}
