//! JSON (RFC 8259), read and written on the request's way.
//!
//! One reader serves both passes of validation, so that they cannot differ in what JSON is: the typed pass reads the wire
//! types of [`crate::api`] with it ([`Read`]), the exact pass a [`Value`]. It is no general library: it reads text that is in
//! memory, and an error has no details, because the exact pass finds the fault. That makes it smaller and faster than
//! serde, which compiles each type against a trait of thirty methods and adds a position to each error.

mod escape;
mod fragment;
mod nesting;
mod reader;
mod room;
mod serialize;
mod tape;
mod value;

pub(crate) use escape::{push_escaped, push_integer, push_string};
pub use fragment::{Fragment, Joint};
pub use nesting::Nesting;
pub use reader::Reader;
pub use serialize::{Write, to_string};
pub(crate) use serialize::{push_key, push_members, writes};
pub(crate) use tape::{Kind, Node, Tape};
pub use value::Value;
pub(crate) use value::{double, is_integer};

/// What was read is not JSON, or not of the requested type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError;

/// What can be read from JSON.
pub trait Read<'a>: Sized {
    /// Reads the value the reader stands at, and leaves it behind the value.
    ///
    /// # Errors
    ///
    /// If the value is not of this type.
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError>;
}

/// Reads one value with nothing after it.
///
/// # Errors
///
/// If the text is no JSON, or not of this type.
pub fn from_str<'a, T: Read<'a>>(text: &'a str) -> Result<T, ParseError> {
    read_whole(Reader::new(text))
}

/// Reads one value with nothing after it; what is not UTF-8 is no JSON.
///
/// # Errors
///
/// If the bytes are no JSON, or not of this type.
pub fn from_slice<'a, T: Read<'a>>(bytes: &'a [u8]) -> Result<T, ParseError> {
    from_str(std::str::from_utf8(bytes).map_err(|_| ParseError)?)
}

/// As [`from_str`], by a reader that replaces halves of surrogate pairs: see [`Reader::lossy`].
///
/// # Errors
///
/// Where the text is no JSON, or not of this type.
pub fn lossy_from_str<'a, T: Read<'a>>(text: &'a str) -> Result<T, ParseError> {
    read_whole(Reader::lossy(text))
}

/// As [`from_slice`], by a reader that replaces halves of surrogate pairs: see [`Reader::lossy`].
///
/// # Errors
///
/// Where the bytes are no JSON, or not of this type.
pub fn lossy_from_slice<'a, T: Read<'a>>(bytes: &'a [u8]) -> Result<T, ParseError> {
    lossy_from_str(std::str::from_utf8(bytes).map_err(|_| ParseError)?)
}

/// As [`from_slice`], by a lenient reader: see [`Reader::lenient`].
///
/// # Errors
///
/// Where the bytes are no JSON, or not what the type is made of at its root.
pub fn lenient_from_slice<'a, T: Read<'a>>(bytes: &'a [u8]) -> Result<T, ParseError> {
    read_whole(Reader::lenient(std::str::from_utf8(bytes).map_err(|_| ParseError)?))
}

/// As [`from_slice`], of an upstream's answer: see [`Reader::of_answer`].
///
/// # Errors
///
/// Where the bytes are no JSON but for numbers that are not finite, or not what the type is made of at its root.
pub fn answer_from_slice<'a, T: Read<'a>>(bytes: &'a [u8]) -> Result<T, ParseError> {
    read_whole(Reader::of_answer(std::str::from_utf8(bytes).map_err(|_| ParseError)?))
}

fn read_whole<'a, T: Read<'a>>(mut json: Reader<'a>) -> Result<T, ParseError> {
    let value = T::read(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is no JSON, or not of the requested type.
    Malformed,
    /// What it consists of would take more memory than one request may take.
    TooLarge,
}

/// Reads a request's body.
///
/// # Errors
///
/// Where the bytes are no JSON or not of this type, or the request takes too much memory.
pub fn read_request<'a, T: Read<'a>>(body: &'a [u8]) -> Result<T, Unread> {
    read_request_by(Reader::new, body)
}

/// As [`read_request`], by a lenient reader: see [`Reader::lenient`].
///
/// # Errors
///
/// Where the bytes are no JSON or not what the type is made of at its root, or the request takes too much memory.
pub fn read_request_leniently<'a, T: Read<'a>>(body: &'a [u8]) -> Result<T, Unread> {
    read_request_by(Reader::lenient, body)
}

fn read_request_by<'a, T: Read<'a>>(reader: fn(&'a str) -> Reader<'a>, body: &'a [u8]) -> Result<T, Unread> {
    let text = std::str::from_utf8(body).map_err(|_| Unread::Malformed)?;
    let mut json = reader(text).with_room_of_request();
    let value = T::read(&mut json).and_then(|value| json.end().map(|()| value));
    value.map_err(|ParseError| if json.is_full() { Unread::TooLarge } else { Unread::Malformed })
}

/// A struct of some members of an object, by their JSON names; the others are passed over. All are optional, `null`
/// is as absent, and of several by one name the last counts.
macro_rules! reads {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* }) => {
        $crate::json::reads! { @struct ($(#[$meta])* $vis) $name () { $($body)* } }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident<'a> { $($body:tt)* }) => {
        $crate::json::reads! { @struct ($(#[$meta])* $vis) $name (<'a>) { $($body)* } }
    };
    (@struct ($(#[$meta:meta])* $vis:vis) $name:ident ($($life:tt)*) {
        $($(#[$member_meta:meta])* $key:literal $member:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name $($life)* { $($(#[$member_meta])* $vis $member: Option<$type>,)* }

        impl<'a> $crate::json::Read<'a> for $name $($life)* {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::ParseError> {
                fn member<'a>(
                    object: &mut $name $($life)*,
                    name: &str,
                    json: &mut $crate::json::Reader<'a>,
                ) -> Result<(), $crate::json::ParseError> {
                    match name {
                        $($key => $crate::json::read_into(&mut object.$member, json),)*
                        _ => json.skip(),
                    }
                }
                let mut object = Self::default();
                json.object(&mut |name, json| member(&mut object, &name, json))?;
                Ok(object)
            }
        }
    };
}
pub(crate) use reads;

/// Reads a member to its place: what [`reads!`] would else write out for each member. A lenient reader leaves a member
/// of another type out.
#[inline(never)]
pub(crate) fn read_into<'a, T: Read<'a>>(
    place: &mut Option<T>,
    json: &mut Reader<'a>,
) -> Result<(), ParseError> {
    let before = json.clone();
    match Option::read(json) {
        Ok(value) => *place = value,
        Err(ParseError) => json.pass_over(before)?,
    }
    Ok(())
}

impl<'a> Read<'a> for u64 {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        json.number()?.parse().map_err(|_| ParseError)
    }
}

impl<'a> Read<'a> for bool {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        json.boolean()
    }
}

impl<'a, T: Read<'a>> Read<'a> for Option<T> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        if json.peek() == b'n' { json.null().map(|()| None) } else { T::read(json).map(Some) }
    }
}

impl<'a, T: Read<'a>> Read<'a> for Box<T> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        T::read(json).map(Self::new)
    }
}

impl<'a, T: Read<'a>> Read<'a> for Vec<T> {
    fn read(json: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut items = Self::new();
        let mut more = json.open(b'[')?;
        while more {
            json.grow(&mut items, b']')?;
            items.extend(json.read_or_skip(T::read)?);
            more = json.more(b']')?;
        }
        json.shrink(&mut items);
        Ok(items)
    }
}
