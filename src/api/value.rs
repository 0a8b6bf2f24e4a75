//! The leaves of a request, and the two macros its objects and enumerations are made with.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A string of the request: a slice of the body, unless the JSON has escapes in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'a> Text<'a> {
    /// The string itself, borrowed from the body if it can be.
    pub fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

// serde's own `Option<Cow<str>>` and `Vec<Cow<str>>` copy; this is why `Text` exists.
impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A JSON number, and whether it was written as an integer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The value, as near as a double gets to it.
    pub value: f64,
    /// False for `1.0` and `1e3`, which the live API does not take for integers.
    pub integer: bool,
}

/// An integer, however it was written: `1`, `1.0` or `1e0`.
///
/// One outside the range of `i64` stands at that range's end, which no parameter tells from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// The value.
    pub value: i64,
    /// True for `1.0` and `1e3`, which JSON Schema takes for integers and the live API does not.
    pub decimal: bool,
    /// True if the value stands at the end of its range, in place of one outside.
    pub saturated: bool,
}

impl Int {
    /// The value as an unsigned number, 0 if it is negative.
    pub fn unsigned(self) -> u64 {
        u64::try_from(self.value).unwrap_or(0)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number { value: value as f64, integer: true })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number { value: value as f64, integer: true })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number { value, integer: false })
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(NumberVisitor)
    }
}

struct IntVisitor;

impl Visitor<'_> for IntVisitor {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Int, E> {
        Ok(Int { value, decimal: false, saturated: false })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Int, E> {
        let fits = i64::try_from(value).ok();
        Ok(Int { value: fits.unwrap_or(i64::MAX), decimal: false, saturated: fits.is_none() })
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Int, E> {
        if value.trunc() != value {
            return Err(E::custom("expected an integer"));
        }
        // `as` stands at the end of the range by itself.
        let saturated = !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
        Ok(Int { value: value as i64, decimal: true, saturated })
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(IntVisitor)
    }
}

/// A value nobody reads. Unlike serde's own `IgnoredAny` it is read in full, so that its strings are
/// sound and its depth is bounded like that of every other value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_key::<Text<'de>>()?.is_some() {
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// A value of a type, or any other.
#[derive(Debug, Clone, PartialEq)]
pub struct Loose<T>(pub Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?.get();
        match serde_json::from_str(raw) {
            Ok(value) => Ok(Self(Some(value))),
            Err(_) => serde_json::from_str::<Skipped>(raw).map(|_| Self(None)).map_err(D::Error::custom),
        }
    }
}

/// The members of an object whose names are free, in the order of the body.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'a, T>(pub Vec<(Text<'a>, T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Members<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<T> {
            type Value = Members<'de, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor(std::marker::PhantomData)).map(|m| Members(m.0))
    }
}

/// An object of the wire: its members by their JSON names, all optional, `null` as absent, the last of
/// several winning; `extra` holds the names nobody knows.
macro_rules! object {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<'a> { $($(#[$member_doc:meta])* $key:literal $member:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name<'a> {
            $($(#[$member_doc])* pub $member: Option<$type>,)*
            /// Members nobody documents, by name.
            pub extra: Vec<$crate::api::Text<'a>>,
            /// Whether a member was given as null.
            pub nulls: bool,
            /// Whether a member was given more than once.
            pub doubles: bool,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(name) = map.next_key::<$crate::api::Text<'de>>()? {
                            match &*name {
                                $($key => {
                                    object.doubles |= object.$member.is_some();
                                    object.$member = map.next_value()?;
                                    object.nulls |= object.$member.is_none();
                                })*
                                _ => {
                                    map.next_value::<$crate::api::Skipped>()?;
                                    object.extra.push(name);
                                }
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

/// An object of the wire whose member `by` says which others belong to it (`of` a pattern).
///
/// A member of another kind of object is no more than an unknown one: it may be anything, and its name goes to
/// `extra`. Where the kind comes first, as it mostly does, nothing is read twice.
macro_rules! tagged {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<'a> by $(#[$tag_doc:meta])* $tag_key:literal $tag:ident: $tag_type:ty {
        $($(#[$member_doc:meta])* $key:literal $member:ident: $type:ty, of $kind:pat,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name<'a> {
            $(#[$tag_doc])* pub $tag: Option<$tag_type>,
            $($(#[$member_doc])* pub $member: Option<$type>,)*
            /// Members nobody documents for this kind of object, by name.
            pub extra: Vec<$crate::api::Text<'a>>,
            /// Whether a member was given as null.
            pub nulls: bool,
            /// Whether a member was given more than once.
            pub doubles: bool,
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let error = <A::Error as serde::de::Error>::custom::<&str>;
                        let mut object = $name::default();
                        // Members that came before the kind and are not what they should be.
                        let mut odd: Vec<&'static str> = Vec::new();
                        while let Some(name) = map.next_key::<$crate::api::Text<'de>>()? {
                            match &*name {
                                $tag_key => {
                                    if object.$tag.is_some() {
                                        return Err(error("two kinds at once"));
                                    }
                                    object.$tag = map.next_value()?;
                                    object.nulls |= object.$tag.is_none();
                                }
                                $($key => match object.$tag {
                                    Some(kind) if matches!(kind, $kind) => {
                                        object.doubles |= object.$member.is_some();
                                        object.$member = map.next_value()?;
                                        object.nulls |= object.$member.is_none();
                                    }
                                    Some(_) => {
                                        map.next_value::<$crate::api::Skipped>()?;
                                        object.extra.push(name);
                                    }
                                    None => {
                                        object.doubles |= object.$member.is_some() || odd.contains(&$key);
                                        let value = map.next_value::<Option<$crate::api::Loose<_>>>()?;
                                        object.nulls |= value.is_none();
                                        if matches!(value, Some($crate::api::Loose(None))) {
                                            odd.push($key);
                                        }
                                        object.$member = value.and_then(|value| value.0);
                                    }
                                },)*
                                _ => {
                                    map.next_value::<$crate::api::Skipped>()?;
                                    object.extra.push(name);
                                }
                            }
                        }
                        if let Some(kind) = object.$tag {
                            $(if matches!(kind, $kind) {
                                if odd.contains(&$key) {
                                    return Err(error("a member is not what it should be"));
                                }
                            } else if object.$member.take().is_some() || odd.contains(&$key) {
                                object.extra.push($key.into());
                            })*
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

/// An enumeration of the wire, by its JSON strings.
macro_rules! strings {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$variant_doc:meta])* $string:literal $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The string of the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $string,)+ }
            }

            /// The variant of this string.
            pub fn parse(string: &str) -> Option<Self> {
                match string {
                    $($string => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = $crate::api::Text::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not one of the known strings"))
            }
        }
    };
}

/// A value of the wire that is a string, or something else: an array (`seq`) or an object (`map`).
/// `$string` turns the string into the value, or refuses it with `None`.
macro_rules! string_or {
    ($name:ident, $expecting:literal, $string:expr, seq => $seq:expr) => {
        string_or! { @ $name, $expecting, $string,
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                let seq = serde::de::value::SeqAccessDeserializer::new(seq);
                serde::Deserialize::deserialize(seq).map($seq)
            }
        }
    };
    ($name:ident, $expecting:literal, $string:expr, map => $map:expr) => {
        string_or! { @ $name, $expecting, $string,
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                serde::Deserialize::deserialize(map).map($map)
            }
        }
    };
    (@ $name:ident, $expecting:literal, $string:expr, $($other:tt)+) => {
        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct EitherVisitor;
                impl<'de> serde::de::Visitor<'de> for EitherVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                        $string($crate::api::Text(text.into())).ok_or_else(|| E::custom("not one of the known strings"))
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                        $string($crate::api::Text(text.to_owned().into()))
                            .ok_or_else(|| E::custom("not one of the known strings"))
                    }

                    $($other)+
                }
                deserializer.deserialize_any(EitherVisitor)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_borrow_unless_escaped() {
        let text: Text<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(text.0, Cow::Borrowed("plain")));
        let text: Text<'_> = serde_json::from_str(r#""a\nb""#).unwrap();
        assert!(matches!(text.0, Cow::Owned(ref s) if s == "a\nb"));
    }

    #[test]
    fn integers_are_read_as_they_are_written() {
        for (json, want) in [
            ("3", Some((3, false, false))),
            ("-0", Some((0, true, false))), // serde_json keeps the sign by making it a double
            ("3.0", Some((3, true, false))),
            ("1e3", Some((1000, true, false))),
            ("3.5", None),
            ("9223372036854775807", Some((i64::MAX, false, false))),
            ("9223372036854775808", Some((i64::MAX, false, true))),
            ("100000000000000000000", Some((i64::MAX, true, true))),
            ("\"3\"", None),
        ] {
            let int = serde_json::from_str::<Int>(json).ok().map(|i| (i.value, i.decimal, i.saturated));
            assert_eq!(int, want, "{json}");
        }
    }

    #[test]
    fn skipping_is_not_looking_away() {
        assert!(serde_json::from_str::<Skipped>(r#"{"a":[1,2.5,null,true,"x"]}"#).is_ok());
        assert!(serde_json::from_str::<Skipped>(r#"["\ud800"]"#).is_err(), "a lone surrogate");
        assert!(
            serde_json::from_str::<Skipped>(&"[".repeat(100_000)).is_err(),
            "deeper than serde_json goes"
        );
    }
}
