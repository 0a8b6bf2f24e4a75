//! Errors that rules answer with.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::fmt;

/// An error a rule answers with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The status, 400 to 599.
    pub status: FaultStatus,
    /// What is wrong.
    #[serde(default = "Fault::default_message")]
    pub message: String,
    /// The error's `type`; the one the API has with the status, if none is given.
    pub r#type: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// The error's `code`.
    pub code: Option<String>,
    /// Header fields, such as `retry-after`.
    #[serde(default)]
    pub headers: HeaderFields,
}

impl Fault {
    fn default_message() -> String {
        "A rule of the engine answers this request with an error.".to_owned()
    }

    /// The error's `type`.
    pub fn kind(&self) -> &str {
        let usual = match self.status.0 {
            429 => "requests",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        self.r#type.as_deref().unwrap_or(usual)
    }
}

/// The status of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultStatus(pub u16);

impl<'de> Deserialize<'de> for FaultStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            status @ 400..=599 => Ok(Self(status)),
            _ => Err(D::Error::custom("the status of an error is 400 to 599")),
        }
    }
}

/// Header fields of an answer, in the order they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderFields(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for HeaderFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = HeaderFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<HeaderFields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                    if name.is_empty() || !name.bytes().all(token) {
                        return Err(A::Error::custom(format_args!("`{name}` is no name of a header field")));
                    }
                    if ["content-length", "transfer-encoding", "connection"]
                        .iter()
                        .any(|framing| framing.eq_ignore_ascii_case(&name))
                    {
                        return Err(A::Error::custom(format_args!("`{name}` is for the host to set")));
                    }
                    if !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
                        return Err(A::Error::custom(format_args!(
                            "the value of `{name}` has a character no header field can carry"
                        )));
                    }
                    fields.push((name, value));
                }
                Ok(HeaderFields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
