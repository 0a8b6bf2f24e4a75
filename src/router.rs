//! (method, path) → [`Route`], and which paths may be passed through to an upstream.

use crate::error::{ApiError, Kind};
use crate::http::Method;
use std::borrow::Cow;

/// The endpoint a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `HEAD /` and `HEAD /api/hello`, by which clients test the connection.
    Probe,
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
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/responses/input_tokens`
    ResponseTokens,
    /// `POST /v1/responses/compact`
    CompactResponse,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    MessageTokens,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/moderations`
    Moderations,
}

impl Route {
    /// One of each, for tests that must miss none.
    pub const ALL: [Self; 13] = [
        Self::Probe,
        Self::Health,
        Self::ListModels,
        Self::RetrieveModel(String::new()),
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::ResponseTokens,
        Self::CompactResponse,
        Self::Messages,
        Self::MessageTokens,
        Self::Embeddings,
        Self::Moderations,
    ];

    /// The one method of the route. `GET` routes also answer `HEAD`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Probe => "HEAD",
            Self::Health | Self::ListModels | Self::RetrieveModel(_) => "GET",
            _ => "POST",
        }
    }

    /// Whether it is an endpoint of Anthropic's API, whose errors and header fields differ from OpenAI's.
    pub fn is_anthropic(&self) -> bool {
        matches!(self, Self::Messages | Self::MessageTokens)
    }

    /// The route's OpenTelemetry `gen_ai.operation.name`.
    pub fn operation(&self) -> Option<&'static str> {
        match self {
            Self::ChatCompletions | Self::Responses | Self::Messages => Some("chat"),
            Self::Completions => Some("text_completion"),
            Self::Embeddings => Some("embeddings"),
            _ => None,
        }
    }

    /// Finds the route of a path, whatever the method; `path` has no query. A trailing slash and doubled slashes
    /// do not count.
    pub fn at(path: &str) -> Option<Self> {
        let path = folded(path);
        match &*path {
            "/" | "/api/hello" => return Some(Self::Probe),
            "/health" => return Some(Self::Health),
            _ => {}
        }
        let below = below_base(&path)?;
        if let Some((_, operation)) = split_deployment(below) {
            return match operation {
                "chat/completions" => Some(Self::ChatCompletions),
                "completions" => Some(Self::Completions),
                _ => Some(Self::Embeddings),
            };
        }
        match below {
            "models" => Some(Self::ListModels),
            "chat/completions" => Some(Self::ChatCompletions),
            "completions" => Some(Self::Completions),
            "responses" => Some(Self::Responses),
            "responses/input_tokens" => Some(Self::ResponseTokens),
            "responses/compact" => Some(Self::CompactResponse),
            "messages" => Some(Self::Messages),
            "messages/count_tokens" => Some(Self::MessageTokens),
            "embeddings" => Some(Self::Embeddings),
            "moderations" => Some(Self::Moderations),
            _ => below.strip_prefix("models/").map(|id| Self::RetrieveModel(decode(id))),
        }
    }

    /// Finds the route for a request line.
    ///
    /// # Errors
    ///
    /// 404 for an unknown path, 405 for a known one with another method, 426 for a WebSocket handshake.
    pub fn find(method: &Method, path: &str) -> Result<Self, ApiError> {
        // Hosts hide `Upgrade` from the component, so that every GET counts as a handshake.
        if *method == Method::Get && below_base(&folded(path)) == Some("responses") {
            return Err(ApiError::new(
                Kind::UpgradeRequired,
                "This gateway does not serve the Responses API over WebSocket. Please send \
                 `POST /v1/responses` over HTTP.",
            ));
        }
        // A probe is a HEAD alone: nothing is known there for other methods.
        let known = Self::at(path).filter(|route| *route != Self::Probe || method.as_str() == "HEAD");
        let Some(route) = known else {
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

/// The bases of the API's paths: OpenAI's, and Azure's with the API's version in the path or in the query.
const BASES: [&str; 3] = ["/v1/", "/openai/v1/", "/openai/"];

/// The operations that Azure serves below `deployments/{model}/`. The longest that fits comes first.
const DEPLOYMENT_OPERATIONS: [&str; 3] = ["chat/completions", "completions", "embeddings"];

/// A folded path below its base: `chat/completions`.
fn below_base(path: &str) -> Option<&str> {
    BASES.iter().find_map(|base| path.strip_prefix(base))
}

/// Splits `deployments/{model}/{operation}`. Azure's SDKs do not encode the slashes of a model's name.
fn split_deployment(below: &str) -> Option<(&str, &'static str)> {
    let rest = below.strip_prefix("deployments/")?;
    let split =
        |operation: &&'static str| Some((rest.strip_suffix(operation)?.strip_suffix('/')?, *operation));
    DEPLOYMENT_OPERATIONS.iter().find_map(split).filter(|(model, _)| !model.is_empty())
}

/// The model that a path of Azure's form names (`/openai/deployments/{model}/…`), decoded.
pub fn deployment(path: &str) -> Option<String> {
    let path = folded(path);
    split_deployment(below_base(&path)?).map(|(model, _)| decode(model))
}

/// The query for an upstream. The `api-version` of Azure's clients is for the gateway: what an upstream needs
/// there is its own setting.
pub fn upstream_query<'a>(path: &str, query: Option<&'a str>) -> Option<Cow<'a, str>> {
    let query = query?;
    let path = folded(path);
    let is_azure = path.starts_with("/openai/") || below_base(&path).is_some_and(is_below_deployments);
    let is_version = |pair: &str| pair.split('=').next().is_some_and(|name| decode(name) == "api-version");
    if !is_azure || !query.split('&').any(is_version) {
        return Some(Cow::Borrowed(query));
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_version(pair)).collect();
    (!rest.is_empty()).then(|| Cow::Owned(rest.join("&")))
}

fn is_below_deployments(below: &str) -> bool {
    below.starts_with("deployments/")
}

/// A path without doubled slashes and without a trailing one.
fn folded(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        let trimmed = path.strip_suffix('/').filter(|rest| !rest.is_empty());
        return Cow::Borrowed(trimmed.unwrap_or(path));
    }
    let mut out = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    Cow::Owned(out)
}

/// The path below an upstream's base URL that a request's path is passed through to, with its slash. `None` for
/// what must not reach an upstream unread: a path outside the API, one that a server may take for a path outside
/// of it, and another spelling of a path the gateway serves itself, whose rules it would evade.
pub fn passed_path(path: &str) -> Option<Cow<'_, str>> {
    let known = Route::at(path).is_some();
    // What is not known keeps its slashes.
    let path = if known { folded(path) } else { Cow::Borrowed(path) };
    let below = below_base(&path).filter(|below| !below.is_empty() && !is_below_deployments(below))?;
    let lenient = lenient(&path)?;
    let is_spelling = Route::at(&lenient).is_some() || below_base(&lenient).is_none_or(is_below_deployments);
    if is_spelling && !known {
        return None;
    }
    let start = path.len() - below.len() - 1;
    Some(match path {
        Cow::Borrowed(path) => Cow::Borrowed(&path[start..]),
        Cow::Owned(path) => Cow::Owned(path[start..].to_owned()),
    })
}

/// Whether a path may go to an upstream unread.
pub fn passes_through(path: &str) -> bool {
    passed_path(path).is_some()
}

/// A path as the most lenient server may read it: decoded until nothing is left to decode, without parameters
/// (RFC 3986, section 3.3), without what some file systems ignore at the end of a name, without doubled slashes,
/// in lower case. `None` if it has a segment that leads elsewhere, or a character that ends a path somewhere.
fn lenient(path: &str) -> Option<String> {
    // More than this is no client's mistake.
    const MOST_ENCODINGS: usize = 3;
    let mut plain = decoded(path);
    for _ in 1..MOST_ENCODINGS {
        plain = decoded_bytes(&plain);
    }
    if decoded_bytes(&plain) != plain {
        return None;
    }
    let plain = String::from_utf8(plain).ok()?;
    if plain.contains(|c: char| c.is_control() || matches!(c, '\\' | '?' | '#')) {
        return None;
    }
    let mut out = String::with_capacity(plain.len());
    for segment in plain.split('/') {
        let name = segment.split(';').next().unwrap_or_default().trim();
        if matches!(name, "." | "..") {
            return None;
        }
        let name = name.trim_end_matches(['.', ' ']);
        if !name.is_empty() {
            out.push('/');
            out.push_str(name);
        }
    }
    Some(fold_case(&out))
}

/// A text in lower case, as a comparison without case that knows Unicode has it: two letters outside ASCII stand
/// for ones inside.
pub fn fold_case(text: &str) -> String {
    text.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// Whether a method may go to an upstream. `TRACE` has a server return the request as it arrived, with the
/// upstream's key in it (RFC 9110, section 9.3.8); `CONNECT` opens a tunnel.
pub fn is_passed(method: &Method) -> bool {
    !matches!(method.as_str(), "TRACE" | "CONNECT")
}

/// Decodes `%41`. What is no UTF-8 once decoded stays as it is.
pub fn decode(text: &str) -> String {
    String::from_utf8(decoded(text)).unwrap_or_else(|_| text.to_owned())
}

/// The bytes that a text's `%41` stand for (RFC 3986, section 2.1). What is no escape stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    decoded_bytes(text.as_bytes())
}

fn decoded_bytes(bytes: &[u8]) -> Vec<u8> {
    let digit = |i: usize| bytes.get(i).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        match (bytes[i], digit(i + 1), digit(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                i += 3;
            }
            (byte, ..) => {
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
            ("/v1/models/", Some(Route::ListModels)),
            ("/v1/models/gpt-4o", model("gpt-4o")),
            ("/v1/models/meta/llama%203", model("meta/llama 3")),
            ("/v1/models/a%2Fb%", model("a/b%")),
            ("/v1/models/%ff", model("%ff")),
            ("/v1/models/%+1", model("%+1")),
            ("/v1/models/%é", model("%é")),
            ("/v1/chat/completions", Some(Route::ChatCompletions)),
            ("/v1/chat/completions/", Some(Route::ChatCompletions)),
            ("/v1//chat///completions//", Some(Route::ChatCompletions)),
            ("//v1/chat/completions", Some(Route::ChatCompletions)),
            ("/v1/models//gpt-4o", model("gpt-4o")),
            ("/health/", Some(Route::Health)),
            ("/v1/Chat/Completions", None),
            ("/v1/chat%2Fcompletions", None),
            ("/v1/chat/completions;x", None),
            ("/v1/completions", Some(Route::Completions)),
            ("/", Some(Route::Probe)),
            ("//", Some(Route::Probe)),
            ("/api/hello", Some(Route::Probe)),
            ("/openai", None),
            ("/openai/v1/chat/completions", Some(Route::ChatCompletions)),
            ("/openai/v1/models/gpt-4o", model("gpt-4o")),
            ("/openai/models", Some(Route::ListModels)),
            ("/openai/deployments/gpt-4o/chat/completions", Some(Route::ChatCompletions)),
            ("/openai/deployments/meta/llama/chat/completions", Some(Route::ChatCompletions)),
            ("/openai/deployments/gpt-4o/completions", Some(Route::Completions)),
            ("/openai/deployments/gpt-4o/embeddings/", Some(Route::Embeddings)),
            ("/openai/deployments/gpt-4o/moderations", None),
            ("/openai/deployments/chat/completions", Some(Route::Completions)),
            ("/v1/deployments/claude/chat/completions", Some(Route::ChatCompletions)),
            ("", None),
        ] {
            assert_eq!(Route::at(path), want, "{path}");
        }
    }

    #[test]
    fn a_deployment_is_the_model() {
        for (path, want) in [
            ("/openai/deployments/gpt-4o/chat/completions", Some("gpt-4o")),
            ("/openai/deployments/meta%2Fllama/completions/", Some("meta/llama")),
            ("/openai//deployments/meta/llama/embeddings", Some("meta/llama")),
            ("/v1/deployments/claude/chat/completions", Some("claude")),
            ("/openai/v1/chat/completions", None),
            ("/v1/chat/completions", None),
        ] {
            assert_eq!(deployment(path).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn the_version_of_an_azure_client_stays_here() {
        let azure = "/openai/deployments/gpt-4o/chat/completions";
        for (path, query, want) in [
            (azure, Some("api-version=2024-10-21"), None),
            (azure, Some("a=1&api%2Dversion=2024-10-21&b"), Some("a=1&b")),
            ("/openai/v1/models", Some("api-version=preview&limit=2"), Some("limit=2")),
            ("/v1/deployments/m/completions", Some("api-version=1"), None),
            ("/v1/chat/completions", Some("api-version=1"), Some("api-version=1")),
            (azure, None, None),
        ] {
            assert_eq!(upstream_query(path, query).as_deref(), want, "{path} {query:?}");
        }
    }

    #[test]
    fn only_unknown_paths_of_the_api_pass_through() {
        for (path, want) in [
            ("/v1/embeddings", Some("/embeddings")),
            ("/v1//embeddings/", Some("/embeddings")),
            ("/openai/v1/embeddings", Some("/embeddings")),
            ("/openai/files", Some("/files")),
            ("/v1/files/", Some("/files/")),
            ("/v1/files/file-1/content", Some("/files/file-1/content")),
            ("/v1/models/a%2Fb", Some("/models/a%2Fb")),
            ("/v1/x..y/...", Some("/x..y/...")),
            ("/v1/x;..y/z", Some("/x;..y/z")),
            ("/v1/audio/voices/My%20Voice", Some("/audio/voices/My%20Voice")),
            ("/v1/", None),
            ("/v1", None),
            ("/v2/x", None),
            ("/v1/../admin", None),
            ("/v1/%2e%2E/admin", None),
            ("/v1/.%2e/admin", None),
            ("/v1/%252e%252e/admin", None),
            ("/v1/%25252e./admin", None),
            ("/v1/%2525252e./admin", None),
            ("/v1/x/./y", None),
            ("/v1/..%2fadmin", None),
            ("/v1/..\\admin", None),
            ("/v1/..%5Cadmin", None),
            ("/v1/..;/admin", None),
            ("/v1/%2e.%3Bx=1/admin", None),
            ("/v1/..%2fadmin%ff", None),
            ("/v1/%c0%ae%c0%ae/admin", None),
        ] {
            assert_eq!(passed_path(path).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn no_other_spelling_of_a_known_path_passes_through() {
        for path in [
            "/v1/Chat/Completions",
            "/v1/chat%2Fcompletions",
            "/v1/chat%252Fcompletions",
            "/v1/chat%2525252Fcompletions",
            "/v1/%63hat/completions",
            "/v1/chat/completions;x=1",
            "/v1/chat;a/completions",
            "/v1/chat/completions%3Bx",
            "/v1/chat/completions%3Fx",
            "/v1/chat/completions%23",
            "/v1/chat/completions%00",
            "/v1/chat/completions%0A",
            "/v1/chat/completions%20",
            "/v1/chat/completions.",
            "/v1/chat/completion\u{17f}",
            "/v1/chat/completion%C5%BF",
            "/v1/chat\\completions",
            "/v1/chat%5Ccompletions",
            "/v1/%2Fchat/completions",
            "/v1/;/chat/completions",
            "/v1/Models/gpt-4o",
            "/v1/EMBEDDINGS",
            "/v1/x/../chat/completions",
            "/v1/x%2F..%2Fchat/completions",
            "/v1/deployments/m/chat/completions",
            "/v1/Deployments/m/chat/completions",
            "/openai/deployments/m/images/generations",
        ] {
            assert!(!passes_through(path), "{path}");
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
        assert_eq!(Route::find(&Method::Head, "/api/hello"), Ok(Route::Probe));
        assert_eq!(error(Method::Get, "/api/hello").status(), 404);
    }

    #[test]
    fn a_websocket_handshake_is_426() {
        for path in ["/v1/responses", "/v1/responses/", "/v1//responses", "/openai/v1/responses"] {
            assert_eq!(Route::find(&Method::Get, path).expect_err("refused").status(), 426, "{path}");
        }
        assert_ne!(Route::find(&Method::Post, "/v1/responses").map_err(|error| error.status()), Err(426));
    }
}
