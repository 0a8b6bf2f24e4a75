//! (method, path) → [`Route`].

use crate::error::{ApiError, Kind};
use crate::http::Method;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /health`
    Health,
    /// `GET /v1/models`
    ListModels,
    /// `GET /v1/models/{model}`; the model's id, decoded. It may hold slashes.
    RetrieveModel(String),
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/moderations`
    Moderations,
}

impl Route {
    /// One of each, for tests that must miss none.
    pub const ALL: [Self; 7] = [
        Self::Health,
        Self::ListModels,
        Self::RetrieveModel(String::new()),
        Self::ChatCompletions,
        Self::Completions,
        Self::Embeddings,
        Self::Moderations,
    ];

    /// The one method the route takes. `GET` routes also answer `HEAD`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Health | Self::ListModels | Self::RetrieveModel(_) => "GET",
            Self::ChatCompletions | Self::Completions | Self::Embeddings | Self::Moderations => "POST",
        }
    }

    /// What is asked of a model there, as OpenTelemetry's `gen_ai.operation.name` has it.
    pub fn operation(&self) -> Option<&'static str> {
        match self {
            Self::ChatCompletions => Some("chat"),
            Self::Completions => Some("text_completion"),
            Self::Embeddings => Some("embeddings"),
            Self::Health | Self::ListModels | Self::RetrieveModel(_) | Self::Moderations => None,
        }
    }

    /// Finds the route for a path, whatever the method; `path` has no query.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/v1/models" => Some(Self::ListModels),
            "/v1/chat/completions" => Some(Self::ChatCompletions),
            "/v1/completions" => Some(Self::Completions),
            "/v1/embeddings" => Some(Self::Embeddings),
            "/v1/moderations" => Some(Self::Moderations),
            _ => {
                let id = path.strip_prefix("/v1/models/").filter(|id| !id.is_empty())?;
                Some(Self::RetrieveModel(decode(id)))
            }
        }
    }

    /// Finds the route for a request line. An unknown path is 404, a known one with another
    /// method 405.
    pub fn find(method: &Method, path: &str) -> Result<Self, ApiError> {
        let Some(route) = Self::at(path) else {
            return Err(ApiError::new(
                Kind::UnknownUrl,
                format!(
                    "Unknown request URL: {method} {path}. Please check the URL for typos, or see the docs at \
                     https://platform.openai.com/docs/api-reference/."
                ),
            ));
        };
        match method.as_str() {
            "HEAD" if route.method() == "GET" => Ok(route),
            name if name == route.method() => Ok(route),
            _ => Err(ApiError::new(
                Kind::MethodNotAllowed,
                format!("Invalid method for URL ({method} {path})"),
            )),
        }
    }
}

/// Whether a path may go to an upstream that knows it: below `/v1/`, and without a segment that leads out of
/// there, whichever way it is spelled.
pub fn passes_through(path: &str) -> bool {
    path.strip_prefix("/v1/").is_some_and(|rest| !rest.is_empty() && !rest.split('/').any(leads_out))
}

/// Whether a server may take a segment for a way up: some decode it first, some cut its parameters off
/// (RFC 3986, section 3.3), some hold a backslash for a slash.
fn leads_out(segment: &str) -> bool {
    let plain = decoded(segment);
    let name = plain.split(|byte| *byte == b';').next().unwrap_or_default();
    let has_dots = plain.windows(2).any(|two| two == b"..");
    matches!(name, b"." | b"..") || plain.contains(&b'\\') || has_dots && plain.contains(&b'/')
}

/// Whether a method may go to an upstream. `TRACE` has a server show the request as it got it, with the upstream's
/// key in it (RFC 9110, section 9.3.8); `CONNECT` asks for a tunnel.
pub fn is_passed(method: &Method) -> bool {
    !matches!(method.as_str(), "TRACE" | "CONNECT")
}

/// Decodes `%41`. What is no UTF-8 once decoded stays as it is.
fn decode(text: &str) -> String {
    String::from_utf8(decoded(text)).unwrap_or_else(|_| text.to_owned())
}

/// The bytes that a text's `%41` stand for (RFC 3986, section 2.1). What is no escape stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = text.get(i + 1..i + 3).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        match (bytes[i], hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_routes() {
        let model = |id: &str| Some(Route::RetrieveModel(id.to_owned()));
        for (path, want) in [
            ("/health", Some(Route::Health)),
            ("/v1/models", Some(Route::ListModels)),
            ("/v1/models/", None),
            ("/v1/models/gpt-4o", model("gpt-4o")),
            ("/v1/models/meta/llama%203", model("meta/llama 3")),
            ("/v1/models/a%2Fb%", model("a/b%")),
            ("/v1/models/%ff", model("%ff")),
            ("/v1/models/%+1", model("%+1")),
            ("/v1/models/%é", model("%é")),
            ("/v1/chat/completions", Some(Route::ChatCompletions)),
            ("/v1/chat/completions/", None),
            ("/v1/completions", Some(Route::Completions)),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Route::at(path), want, "{path}");
        }
    }

    #[test]
    fn nothing_leads_out_of_v1() {
        for (path, want) in [
            ("/v1/embeddings", true),
            ("/v1/files/file-1/content", true),
            ("/v1/models/a%2Fb", true),
            ("/v1/x..y/...", true),
            ("/v1/", false),
            ("/v1", false),
            ("/v2/x", false),
            ("/v1/../admin", false),
            ("/v1/%2e%2E/admin", false),
            ("/v1/.%2e/admin", false),
            ("/v1/x/./y", false),
            ("/v1/..%2fadmin", false),
            ("/v1/..\\admin", false),
            ("/v1/..%5Cadmin", false),
            ("/v1/..;/admin", false),
            ("/v1/%2e.%3Bx=1/admin", false),
            ("/v1/..%2fadmin%ff", false),
            ("/v1/x;..y/z", true),
        ] {
            assert_eq!(passes_through(path), want, "{path}");
        }
    }

    #[test]
    fn a_wrong_method_is_405_and_a_wrong_path_404() {
        let error = |method, path| Route::find(&method, path).expect_err("refused");
        assert_eq!(
            error(Method::Get, "/v1/completions").message(),
            "Invalid method for URL (GET /v1/completions)"
        );
        assert_eq!(error(Method::Head, "/v1/completions").status(), 405);
        assert_eq!(error(Method::Other("PUT".into()), "/health").status(), 405);
        let unknown = error(Method::Post, "/v2/x");
        assert_eq!((unknown.status(), unknown.code()), (404, Some("unknown_url")));
        assert!(unknown.message().starts_with("Unknown request URL: POST /v2/x. Please check"));
        assert_eq!(Route::find(&Method::Head, "/v1/models"), Ok(Route::ListModels));
    }
}
