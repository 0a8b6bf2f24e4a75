//! [`ApiError`], the one way a request fails, and its one table: kind → status, `type`, `code`.
//!
//! Making an error logs nothing and reads no clock; `encode` turns it into a response, once.

use std::borrow::Cow;
use std::fmt;

/// A failed request, as it is reported to the caller: the four members of OpenAI's error object
/// and the HTTP status.
///
/// ```
/// use portcullis::error::{ApiError, Kind};
///
/// let error = ApiError::new(Kind::MissingParameter, "Missing required parameter: 'messages'.").at("messages");
/// assert_eq!(error.status(), 400);
/// assert_eq!(error.code(), Some("missing_required_parameter"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    param: Option<Cow<'static, str>>,
}

impl ApiError {
    /// An error of this kind, with the sentence the caller reads. It must hold no secret. What is longer than
    /// [`MAX_TEXT`], since it repeats a long name or value, is cut in its middle.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: shortened(message.into()), param: None }))
    }

    /// The caller's body ended before its end.
    pub fn body_broke_off() -> Self {
        Self::new(Kind::Invalid, "The request body broke off before its end.")
    }

    /// The same error, pointing at a parameter, spelled as the API spells it:
    /// `messages[0].content`. A long one is cut as a long message is.
    #[must_use]
    pub fn at(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.0.param = Some(shortened(param.into()));
        self
    }

    /// What failed.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.kind.status()
    }

    /// The sentence the caller reads.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The parameter at fault, if one is.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The error object's `type`.
    pub fn type_(&self) -> &'static str {
        self.0.kind.type_()
    }

    /// The error object's `code`.
    pub fn code(&self) -> Option<&'static str> {
        self.0.kind.code()
    }
}

/// The most bytes of a message, and of the name of a parameter. The longest message recorded from the live API has 535,
/// and none shows that it cuts anything; but a name of a megabyte is of no use to the caller.
pub const MAX_TEXT: usize = 4096;

/// A text with an ellipsis in place of its middle, if it is too long: both ends of an error are the API's own words.
fn shortened(text: Cow<'static, str>) -> Cow<'static, str> {
    const ELLIPSIS: &str = "…";
    const HALF: usize = (MAX_TEXT - ELLIPSIS.len()) / 2;
    if text.len() <= MAX_TEXT {
        return text;
    }
    let end = text.ceil_char_boundary(text.len().saturating_sub(HALF));
    let (head, tail) = (text.split_at(text.floor_char_boundary(HALF)).0, text.split_at(end).1);
    Cow::Owned([head, ELLIPSIS, tail].concat())
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ApiError {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $status:literal, $type:literal, $code:expr;)+) => {
        /// What went wrong. Each kind has one status, one `type` and one `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)+ }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// The error object's `type`.
            pub const fn type_(self) -> &'static str {
                match self { $(Self::$name => $type,)+ }
            }

            /// The error object's `code`.
            pub const fn code(self) -> Option<&'static str> {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

kinds! {
    /// The request breaks a rule the live API words by hand, without a `code`.
    Invalid => 400, "invalid_request_error", None;
    /// A required parameter is absent.
    MissingParameter => 400, "invalid_request_error", Some("missing_required_parameter");
    /// An undocumented parameter.
    UnknownParameter => 400, "invalid_request_error", Some("unknown_parameter");
    /// A value of the wrong JSON type.
    InvalidType => 400, "invalid_request_error", Some("invalid_type");
    /// A value outside an enumeration or pattern.
    InvalidValue => 400, "invalid_request_error", Some("invalid_value");
    /// A file of a type that the model does not read.
    UnsupportedFile => 400, "invalid_request_error", Some("unsupported_file");
    /// An integer below its minimum.
    IntegerBelowMin => 400, "invalid_request_error", Some("integer_below_min_value");
    /// An integer above its maximum.
    IntegerAboveMax => 400, "invalid_request_error", Some("integer_above_max_value");
    /// A decimal below its minimum.
    DecimalBelowMin => 400, "invalid_request_error", Some("decimal_below_min_value");
    /// A decimal above its maximum.
    DecimalAboveMax => 400, "invalid_request_error", Some("decimal_above_max_value");
    /// An empty array where one entry is the least.
    EmptyArray => 400, "invalid_request_error", Some("empty_array");
    /// An array with too many entries.
    ArrayAboveMax => 400, "invalid_request_error", Some("array_above_max_length");
    /// An empty string where one character is the least.
    EmptyString => 400, "invalid_request_error", Some("empty_string");
    /// A string with too many characters.
    StringAboveMax => 400, "invalid_request_error", Some("string_above_max_length");
    /// An object with too many properties.
    ObjectAboveMax => 400, "invalid_request_error", Some("object_above_max_properties");
    /// A property name with too many characters.
    PropertyNameAboveMax => 400, "invalid_request_error", Some("property_name_above_max_length");
    /// A parameter the model does not have.
    UnsupportedParameter => 400, "invalid_request_error", Some("unsupported_parameter");
    /// A value the model does not have.
    UnsupportedValue => 400, "invalid_request_error", Some("unsupported_value");
    /// Two parameters that exclude each other.
    InvalidCombination => 400, "invalid_request_error", Some("invalid_parameter_combination");
    /// A function whose parameters are not a schema the API takes.
    InvalidJsonSchema => 400, "invalid_request_error", Some("invalid_json_schema");
    /// The parameters of a function are no schema that the API accepts.
    InvalidFunctionParameters => 400, "invalid_request_error", Some("invalid_function_parameters");
    /// Prompt and completion do not fit the model's context window.
    PreviousResponseNotFound => 400, "invalid_request_error", Some("previous_response_not_found");
    /// A conversation of Messages that is kept on the server.
    ThreadUnsupported => 400, "invalid_request_error", Some("thread_unsupported_request");
    /// The model of a request to Responses is not served.
    NoSuchModel => 400, "invalid_request_error", Some("model_not_found");
    /// The request does not fit the model.
    ContextLength => 400, "invalid_request_error", Some("context_length_exceeded");
    /// An image that is none, or of a format the model does not see.
    InvalidImageFormat => 400, "invalid_request_error", Some("invalid_image_format");
    /// More images than the model looks at.
    TooManyImages => 400, "invalid_request_error", Some("too_many_images");
    /// No key was presented.
    MissingKey => 401, "invalid_request_error", None;
    /// The presented key is none of the configured ones.
    InvalidKey => 401, "invalid_request_error", Some("invalid_api_key");
    /// The model does not do this for this caller.
    NotAllowed => 403, "invalid_request_error", None;
    /// The key does not open this.
    KeyNotAllowed => 403, "invalid_request_error", Some("insufficient_permissions");
    /// The model is not served, or not to this caller.
    ModelNotFound => 404, "invalid_request_error", Some("model_not_found");
    /// The model is served, but not by this endpoint.
    WrongEndpoint => 404, "invalid_request_error", None;
    /// The model calls no tools.
    ToolsUnsupported => 404, "invalid_request_error", None;
    /// No such path.
    NotFound => 404, "invalid_request_error", None;
    /// No endpoint has the path.
    UnknownUrl => 404, "invalid_request_error", Some("unknown_url");
    /// The path is known, the method is not one of its own.
    MethodNotAllowed => 405, "invalid_request_error", None;
    /// A WebSocket handshake, which this gateway does not do.
    UpgradeRequired => 426, "invalid_request_error", Some("upgrade_required");
    /// The body is larger than `PORTCULLIS_MAX_BODY_BYTES`.
    BodyTooLarge => 413, "invalid_request_error", Some("request_too_large");
    /// The body is declared to be something else than JSON, or is compressed.
    UnsupportedMediaType => 415, "invalid_request_error", Some("unsupported_content_type");
    /// The header fields take more than [`MAX_FIELDS`](crate::http::MAX_FIELDS) (RFC 6585, section 5).
    FieldsTooLarge => 431, "invalid_request_error", Some("request_header_fields_too_large");
    /// More requests than a limit allows.
    RequestLimit => 429, "requests", Some("rate_limit_exceeded");
    /// More tokens than a limit allows.
    TokenLimit => 429, "tokens", Some("rate_limit_exceeded");
    /// A budget does not cover the request.
    InsufficientQuota => 429, "insufficient_quota", Some("insufficient_quota");
    /// The store that counts limits does not reply.
    StoreUnavailable => 503, "server_error", Some("store_unavailable");
    /// A setting of the operator's is wrong.
    Misconfigured => 500, "server_error", Some("invalid_configuration");
    /// The gateway failed.
    Internal => 500, "server_error", None;
    /// No upstream could be reached, or it broke off.
    UpstreamUnavailable => 502, "server_error", Some("upstream_unavailable");
    /// The upstream did not answer in time.
    UpstreamTimeout => 504, "server_error", Some("upstream_timeout");
}

/// The type of an error in Anthropic's API, by its status (<https://docs.anthropic.com/en/api/errors>).
pub fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_repeats_has_a_bound() {
        for letter in ["x", "\u{e9}", "\u{20ac}", "\u{1f980}"] {
            for length in [2000, 2048, 2049, 4093, 4096, 4097, 1_000_000] {
                let name = letter.repeat(length);
                let error = ApiError::new(Kind::ModelNotFound, format!("The model `{name}` does not exist."))
                    .at(name);
                let (message, param) = (error.message(), error.param().expect("given"));
                assert!(message.len() <= MAX_TEXT && param.len() <= MAX_TEXT, "{letter} {length}");
                assert!(message.starts_with("The model `") && message.ends_with("` does not exist."));
                let is_cut = letter.len() * length > MAX_TEXT;
                assert_eq!(param.contains('…'), is_cut, "{letter} {length}");
                assert!(!is_cut || param.len() > MAX_TEXT - 8);
            }
        }
    }

    #[test]
    fn every_kind_is_a_client_or_a_server_error() {
        for &kind in Kind::ALL {
            let want = match kind {
                Kind::RequestLimit => "requests",
                Kind::TokenLimit => "tokens",
                Kind::InsufficientQuota => "insufficient_quota",
                _ if kind.status() < 500 => "invalid_request_error",
                _ => "server_error",
            };
            assert_eq!(kind.type_(), want, "{kind:?}");
            assert!((400..600).contains(&kind.status()), "{kind:?}");
        }
    }
}
