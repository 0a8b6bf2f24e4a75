//! The macros that objects and enumerations of the wire are made with.

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

        impl<'a> $crate::json::Read<'a> for $name<'a> {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::Bad> {
                let mut object = Self::default();
                let mut more = json.open(b'{')?;
                while more {
                    let name = json.name()?;
                    match &*name {
                        $($key => {
                            object.doubles |= object.$member.is_some();
                            object.$member = $crate::json::Read::read(json)?;
                            object.nulls |= object.$member.is_none();
                        })*
                        _ => {
                            json.skip()?;
                            object.extra.push($crate::api::Text(name));
                        }
                    }
                    more = json.more(b'}')?;
                }
                Ok(object)
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

        impl<'a> $crate::json::Read<'a> for $name<'a> {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::Bad> {
                let mut object = Self::default();
                // Members that came before the kind and are not what they should be.
                let mut odd: Vec<&'static str> = Vec::new();
                let mut more = json.open(b'{')?;
                while more {
                    let name = json.name()?;
                    match &*name {
                        $tag_key => {
                            if object.$tag.is_some() {
                                return Err($crate::json::Bad); // two kinds at once
                            }
                            object.$tag = $crate::json::Read::read(json)?;
                            object.nulls |= object.$tag.is_none();
                        }
                        $($key => match object.$tag {
                            Some(kind) if matches!(kind, $kind) => {
                                object.doubles |= object.$member.is_some();
                                object.$member = $crate::json::Read::read(json)?;
                                object.nulls |= object.$member.is_none();
                            }
                            Some(_) => {
                                json.skip()?;
                                object.extra.push($crate::api::Text(name));
                            }
                            None => {
                                object.doubles |= object.$member.is_some() || odd.contains(&$key);
                                let value: Option<$crate::api::Loose<_>> = $crate::json::Read::read(json)?;
                                object.nulls |= value.is_none();
                                if matches!(value, Some($crate::api::Loose(None))) {
                                    odd.push($key);
                                }
                                object.$member = value.and_then(|value| value.0);
                            }
                        },)*
                        _ => {
                            json.skip()?;
                            object.extra.push($crate::api::Text(name));
                        }
                    }
                    more = json.more(b'}')?;
                }
                if let Some(kind) = object.$tag {
                    $(if matches!(kind, $kind) {
                        if odd.contains(&$key) {
                            return Err($crate::json::Bad);
                        }
                    } else if object.$member.take().is_some() || odd.contains(&$key) {
                        object.extra.push($key.into());
                    })*
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
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::Bad> {
                Self::parse(&json.string()?).ok_or($crate::json::Bad)
            }
        }
    };
}

/// A value of the wire that is a string, or else what `$other` makes of an array or object.
/// `$string` turns the string into the value, or refuses it with `None`.
macro_rules! string_or {
    ($name:ident, $string:expr, $other:expr) => {
        impl<'a> $crate::json::Read<'a> for $name<'a> {
            fn read(json: &mut $crate::json::Reader<'a>) -> Result<Self, $crate::json::Bad> {
                match json.peek() {
                    b'"' => $string($crate::api::Text(json.string()?)).ok_or($crate::json::Bad),
                    _ => $crate::json::Read::read(json).map($other),
                }
            }
        }
    };
}
