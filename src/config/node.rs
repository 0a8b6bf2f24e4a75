//! [`Node`]: a value of the document and the way to it, so that an error can name it; [`settings!`] reads structs.

use super::ConfigError;
use crate::json::{Value, double};
use std::collections::HashSet;
use std::fmt;

/// The variable that has the document.
pub(super) const SETTING: &str = "PORTCULLIS_CONFIG";

/// An error at a place in the document.
pub(super) fn wrong(path: impl fmt::Display, problem: impl fmt::Display) -> ConfigError {
    ConfigError::new(SETTING, format!("at `{path}`: {problem}."))
}

/// A value in the document.
#[derive(Clone, Copy)]
pub(super) struct Node<'p> {
    pub(super) value: &'p Value<'p>,
    way: Option<(&'p Node<'p>, Step<'p>)>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Member(&'p str),
    Item(usize),
}

/// What can be read from a place.
pub(super) trait Setting: Sized {
    /// Reads the value, or reports what would be right.
    fn read(at: Node<'_>) -> Result<Self, ConfigError>;
}

/// A struct of the fields of an object, each read by the method of [`Fields`] behind it.
macro_rules! settings {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty = $how:ident,)*
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type,)* }

        impl $crate::config::node::Setting for $name {
            fn read(at: $crate::config::node::Node<'_>) -> Result<Self, $crate::config::ConfigError> {
                let fields = at.fields(&[$(stringify!($field)),*])?;
                Ok(Self { $($field: fields.$how(stringify!($field))?,)* })
            }
        }
    };
}
pub(super) use settings;

/// As in `models.gpt-4o.targets[0].upstream`; the document itself is `.`.
impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.way {
            None => f.write_str("."),
            Some((Node { way: None, .. }, Step::Member(name))) => f.write_str(name),
            Some((up, Step::Member(name))) => write!(f, "{up}.{name}"),
            Some((up, Step::Item(i))) => write!(f, "{up}[{i}]"),
        }
    }
}

impl<'p> Node<'p> {
    /// The document itself.
    pub(super) fn root(value: &'p Value<'p>) -> Self {
        Self { value, way: None }
    }

    /// The error that there is `problem` with this value.
    pub(super) fn wrong(self, problem: impl fmt::Display) -> ConfigError {
        wrong(self, problem)
    }

    /// The error that this value is not `what`.
    pub(super) fn expected(self, what: &str) -> ConfigError {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.wrong(format_args!("expected {what}, found {found}"))
    }

    /// The members of an object of free names, of which none may stand there twice.
    pub(super) fn entries(&'p self) -> Result<Vec<(&'p str, Node<'p>)>, ConfigError> {
        if !self.value.is_object() {
            return Err(self.expected("an object"));
        }
        let mut names = HashSet::new();
        let members = self.value.all_members().iter().map(|(name, value)| {
            if !names.insert(&**name) {
                return Err(self.wrong(format_args!("`{name}` is present twice")));
            }
            Ok((&**name, Node { value, way: Some((self, Step::Member(name))) }))
        });
        members.collect()
    }

    /// An object of these fields and no others.
    pub(super) fn fields(&'p self, known: &'p [&'p str]) -> Result<Fields<'p>, ConfigError> {
        for (name, at) in self.entries()? {
            if !known.contains(&name) {
                let known = known.join("`, `");
                return Err(at.wrong(format_args!("unknown field; there are `{known}`")));
            }
        }
        Ok(Fields(self))
    }

    /// A string, one of those given.
    pub(super) fn choice<T: Copy>(self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let found = self.value.as_str().and_then(|text| choices.iter().find(|(name, _)| *name == text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.wrong(format_args!("it is one of {}", names.join(", ")))
        })
    }

    /// A whole number up to `most`.
    pub(super) fn count(self, most: u32) -> Result<u32, ConfigError> {
        let number = if let Value::Number(spelled) = self.value { spelled.parse().ok() } else { None };
        number
            .filter(|number| *number <= most)
            .ok_or_else(|| self.wrong(format_args!("expected a whole number from 0 to {most}")))
    }
}

/// The fields of an object; null is as good as absent.
#[derive(Clone, Copy)]
pub(super) struct Fields<'p>(&'p Node<'p>);

impl Fields<'_> {
    /// A field that may be left out.
    pub(super) fn maybe<T: Setting>(self, name: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.0.value.get_non_null(name) else { return Ok(None) };
        T::read(Node { value, way: Some((self.0, Step::Member(name))) }).map(Some)
    }

    /// A field that has a default.
    pub(super) fn or_default<T: Setting + Default>(self, name: &str) -> Result<T, ConfigError> {
        self.maybe(name).map(Option::unwrap_or_default)
    }

    /// A field that must be there.
    pub(super) fn needed<T: Setting>(self, name: &str) -> Result<T, ConfigError> {
        self.maybe(name)?.ok_or_else(|| self.0.wrong(format_args!("it needs the field `{name}`")))
    }
}

impl Setting for bool {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        if let Value::Bool(value) = at.value { Ok(*value) } else { Err(at.expected("a boolean")) }
    }
}

impl Setting for u32 {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.count(Self::MAX)
    }
}

impl Setting for f64 {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        if let Value::Number(spelled) = at.value { Ok(double(spelled)) } else { Err(at.expected("a number")) }
    }
}

impl Setting for String {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.value.as_str().map(str::to_owned).ok_or_else(|| at.expected("a string"))
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let items = at.value.as_array().ok_or_else(|| at.expected("an array"))?;
        let item = |(i, value)| T::read(Node { value, way: Some((&at, Step::Item(i))) });
        items.iter().enumerate().map(item).collect()
    }
}

/// A JSON object whose order counts and whose names are unique.
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Setting> Setting for Ordered<T> {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let entry = |(name, at): (&str, Node<'_>)| Ok((name.to_owned(), T::read(at)?));
        at.entries()?.into_iter().map(entry).collect::<Result<_, _>>().map(Self)
    }
}
