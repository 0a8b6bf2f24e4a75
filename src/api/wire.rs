//! The macros that define the objects and enumerations of the wire.
//!
//! The code they generate for each member is a call, and each called function is compiled once for each type of
//! member: generated in place it would be a good part of the component.

use super::{Extra, Loose, Text};
use crate::json::{ParseError, Read, Reader};
use std::borrow::Cow;

/// Reads a member, and notes whether it was present before.
#[inline(never)]
pub(super) fn known<'a, T: Read<'a>>(
    member: &mut Option<T>,
    doubles: &mut bool,
    json: &mut Reader<'a>,
) -> Result<(), ParseError> {
    *doubles |= member.is_some();
    *member = json.read_or_skip(Read::read)?.flatten();
    Ok(())
}

/// Reads a member that few objects have: it lies in a box of its own with others.
#[inline(never)]
pub(super) fn rare<'a, R: Default, T: Read<'a>>(
    rest: &mut Option<Box<R>>,
    member: fn(&mut R) -> &mut Option<T>,
    doubles: &mut bool,
    json: &mut Reader<'a>,
) -> Result<(), ParseError> {
    if rest.is_none() {
        if json.peek() == b'n' {
            return json.null();
        }
        json.charge(size_of::<R>())?;
    }
    known(member(rest.get_or_insert_default()), doubles, json)
}

/// Passes over an unknown member, and notes its name.
#[cold]
pub(super) fn unknown<'a>(
    extra: &mut Extra<'a>,
    name: Cow<'a, str>,
    json: &mut Reader<'a>,
) -> Result<(), ParseError> {
    json.skip()?;
    // While the list grows both the old one and the new one, of twice the size, are in memory.
    json.charge(3 * size_of::<Text<'_>>())?;
    extra.push(Text(name));
    Ok(())
}

/// Passes over a second tag. JSON does not define which of two counts: a lenient reader takes the first.
#[cold]
pub(super) fn second_tag(json: &mut Reader<'_>) -> Result<(), ParseError> {
    if json.is_lenient() { json.skip() } else { Err(ParseError) }
}

/// The members that came before the tag, which decides whether they belong to the object.
#[derive(Default)]
pub(super) struct Early {
    pub(super) any: bool,
    /// The names of those that are not what they should be.
    odd: Vec<&'static str>,
}

impl Early {
    /// Reads a member that may turn out to be of another kind of object, and so anything.
    #[inline(never)]
    pub(super) fn read<'a, T: Read<'a>>(
        &mut self,
        member: &mut Option<T>,
        name: &'static str,
        doubles: &mut bool,
        json: &mut Reader<'a>,
    ) -> Result<(), ParseError> {
        self.any = true;
        *doubles |= member.is_some() || self.odd.contains(&name);
        let value: Option<Loose<T>> = Read::read(json)?;
        // Each name once: a body with a million of them must not cost a search of a million names each.
        let is_odd = matches!(value, Some(Loose(None))) && !json.is_lenient();
        if is_odd && !self.odd.contains(&name) {
            self.odd.push(name);
        }
        *member = value.and_then(|value| value.0);
        Ok(())
    }

    /// Decides on a member once the tag is known.
    #[inline(never)]
    pub(super) fn settle<'a, T>(
        &self,
        member: &mut Option<T>,
        name: &'static str,
        belongs: bool,
        extra: &mut Extra<'a>,
    ) -> Result<(), ParseError> {
        let odd = self.odd.contains(&name);
        if belongs {
            return if odd { Err(ParseError) } else { Ok(()) };
        }
        if member.take().is_some() || odd {
            extra.push(name.into());
        }
        Ok(())
    }
}

/// An object of the wire: its members by their JSON names, all optional, `null` the same as absent, the last of
/// several by one name counting; `extra` holds the unknown names.
///
/// With `then Rest` the members of a struct that `rest!` defines are members of this one too. They take memory only where
/// one of them is present: a body may have a great many short objects.
macro_rules! object {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<'a> $(then $rest:ident)? { $($(#[$member_doc:meta])* $key:literal $member:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name<'a> {
            $($(#[$member_doc])* pub $member: Option<$type>,)*
            $(rest: Option<Box<$rest<'a>>>,)?
            /// The names of undocumented members.
            pub extra: $crate::api::Extra<'a>,
            /// Whether a member is present more than once.
            pub doubles: bool,
        }

        $(impl<'a> std::ops::Deref for $name<'a> {
            type Target = $rest<'a>;

            fn deref(&self) -> &$rest<'a> {
                self.rest.as_deref().unwrap_or($rest::none())
            }
        })?

        impl<'a> $crate::json::Read<'a> for $name<'a> {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::ParseError> {
                fn member<'a>(
                    object: &mut $name<'a>,
                    name: std::borrow::Cow<'a, str>,
                    json: &mut $crate::json::Reader<'a>,
                ) -> Result<(), $crate::json::ParseError> {
                    use $crate::api::wire::{known, unknown};
                    match &*name {
                        $($key => known(&mut object.$member, &mut object.doubles, json),)*
                        $(other if $rest::has(other) => {
                            $rest::member(&mut object.rest, other, &mut object.doubles, json)
                        })?
                        _ => unknown(&mut object.extra, name, json),
                    }
                }
                let mut object = Self::default();
                json.object(&mut |name, json| member(&mut object, name, json))?;
                Ok(object)
            }
        }
    };
}

/// Members of an object of the wire that few objects have, and those of `then` that even fewer have.
macro_rules! rest {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<'a> $(then $rest:ident)? { $($(#[$member_doc:meta])* $key:literal $member:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name<'a> {
            $($(#[$member_doc])* pub $member: Option<$type>,)*
            $(rest: Option<Box<$rest<'a>>>,)?
        }

        impl<'a> $name<'a> {
            /// No member.
            fn none() -> &'static $name<'static> {
                static NONE: $name<'static> = $name { $($member: None,)* $(rest: None::<Box<$rest<'static>>>,)? };
                &NONE
            }

            /// Whether there is a member of this name.
            fn has(name: &str) -> bool {
                matches!(name, $($key)|*) $(|| $rest::has(name))?
            }

            /// Reads the member of a name that there is.
            fn member(
                object: &mut Option<Box<Self>>,
                name: &str,
                doubles: &mut bool,
                json: &mut $crate::json::Reader<'a>,
            ) -> Result<(), $crate::json::ParseError> {
                match name {
                    $($key => $crate::api::wire::rare(object, |own| &mut own.$member, doubles, json),)*
                    _ => {
                        $(return $rest::member(&mut object.get_or_insert_default().rest, name, doubles, json);)?
                        #[allow(unreachable_code, reason = "only where there are no further members")]
                        json.skip()
                    }
                }
            }
        }

        $(impl<'a> std::ops::Deref for $name<'a> {
            type Target = $rest<'a>;

            fn deref(&self) -> &$rest<'a> {
                self.rest.as_deref().unwrap_or($rest::none())
            }
        })?
    };
}

/// An object of the wire whose member `by`, the tag, decides which others belong to it (`of` a pattern).
///
/// A member of another kind of object is the same as an unknown one: it may be anything, and its name goes to
/// `extra`. Where the tag comes first, as it mostly does, nothing is read twice.
macro_rules! tagged {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<'a> by $(#[$tag_doc:meta])* $tag_key:literal $tag:ident: $tag_type:ty {
        $($(#[$member_doc:meta])* $key:literal $member:ident: $type:ty, of $kind:pat,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name<'a> {
            $(#[$tag_doc])* pub $tag: Option<$tag_type>,
            $($(#[$member_doc])* pub $member: Option<$type>,)*
            /// The names of members that are undocumented for this kind of object.
            pub extra: $crate::api::Extra<'a>,
            /// Whether a member is present more than once.
            pub doubles: bool,
        }

        impl<'a> $crate::json::Read<'a> for $name<'a> {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::ParseError> {
                fn member<'a>(
                    object: &mut $name<'a>,
                    early: &mut $crate::api::wire::Early,
                    name: std::borrow::Cow<'a, str>,
                    json: &mut $crate::json::Reader<'a>,
                ) -> Result<(), $crate::json::ParseError> {
                    use $crate::api::wire::{known, second_tag, unknown};
                    match &*name {
                        $tag_key if object.$tag.is_some() => second_tag(json),
                        $tag_key => known(&mut object.$tag, &mut object.doubles, json),
                        $($key => match object.$tag {
                            Some(kind) if matches!(kind, $kind) => {
                                known(&mut object.$member, &mut object.doubles, json)
                            }
                            Some(_) => unknown(&mut object.extra, name, json),
                            None => {
                                early.read(&mut object.$member, $key, &mut object.doubles, json)
                            }
                        },)*
                        _ => unknown(&mut object.extra, name, json),
                    }
                }
                let (mut object, mut early) = (Self::default(), $crate::api::wire::Early::default());
                json.object(&mut |name, json| member(&mut object, &mut early, name, json))?;
                if let Some(kind) = object.$tag.filter(|_| early.any) {
                    $(early.settle(&mut object.$member, $key, matches!(kind, $kind), &mut object.extra)?;)*
                }
                Ok(object)
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

        impl<'a> $crate::json::Read<'a> for $name {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::ParseError> {
                Self::parse(&json.string()?).ok_or($crate::json::ParseError)
            }
        }
    };
}

/// A value of the wire that is a string, or else what `$other` makes of an array or object.
/// `$string` turns the string into the value, or fails with `None`.
macro_rules! string_or {
    ($name:ident, $string:expr, $other:expr) => {
        impl<'a> $crate::json::Read<'a> for $name<'a> {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::ParseError> {
                match json.peek() {
                    b'"' => $string($crate::api::Text(json.string()?)).ok_or($crate::json::ParseError),
                    _ => $crate::json::Read::read(json).map($other),
                }
            }
        }
    };
}
