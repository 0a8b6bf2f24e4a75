//! (method, path) → [`Route`], and which paths may be passed through to an upstream.
//!
//! [`path`] reads the forms in which clients write a path; [`passed`] decides which paths may go to an upstream unread.

mod passed;
mod path;

pub use passed::{fold_case, is_passable, passed_path};
pub use path::{decode, deployment, upstream_query};

use crate::error::{ApiError, Kind};
use crate::http::Method;
use path::{below_base, folded, split_deployment};

/// The APIs of one vendor, which share the format of errors and the names of header fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiFamily {
    /// OpenAI's, and all of the gateway's own.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

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
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/responses/input_tokens`
    InputTokens,
    /// `POST /v1/responses/compact`
    Compact,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/moderations`
    Moderations,
    /// `GET /v1/portcullis/usage`
    Usage,
}

impl Route {
    /// One of each, for tests that must miss none.
    pub const ALL: [Self; 14] = [
        Self::Probe,
        Self::Health,
        Self::ListModels,
        Self::RetrieveModel(String::new()),
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::InputTokens,
        Self::Compact,
        Self::Messages,
        Self::CountTokens,
        Self::Embeddings,
        Self::Moderations,
        Self::Usage,
    ];

    /// The one method of the route. `GET` routes also answer `HEAD`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Probe => "HEAD",
            Self::Health | Self::Usage | Self::ListModels | Self::RetrieveModel(_) => "GET",
            _ => "POST",
        }
    }

    /// Whose API the endpoint belongs to.
    pub fn family(&self) -> ApiFamily {
        match self {
            Self::Messages | Self::CountTokens => ApiFamily::Anthropic,
            _ => ApiFamily::OpenAi,
        }
    }

    /// The route's OpenTelemetry `gen_ai.operation.name`.
    pub fn operation(&self) -> Option<&'static str> {
        match self {
            Self::Chat | Self::Responses | Self::Messages => Some("chat"),
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
                "chat/completions" => Some(Self::Chat),
                "completions" => Some(Self::Completions),
                _ => Some(Self::Embeddings),
            };
        }
        match below {
            "models" => Some(Self::ListModels),
            "chat/completions" => Some(Self::Chat),
            "completions" => Some(Self::Completions),
            "responses" => Some(Self::Responses),
            "responses/input_tokens" => Some(Self::InputTokens),
            "responses/compact" => Some(Self::Compact),
            "messages" => Some(Self::Messages),
            "messages/count_tokens" => Some(Self::CountTokens),
            "embeddings" => Some(Self::Embeddings),
            "moderations" => Some(Self::Moderations),
            "portcullis/usage" => Some(Self::Usage),
            _ => below.strip_prefix("models/").map(|id| Self::RetrieveModel(decode(id))),
        }
    }

    /// The route for a request line, given the one at its path.
    ///
    /// # Errors
    ///
    /// 404 for an unknown path, 405 for a known one with another method, 426 for a WebSocket handshake.
    pub fn find(at_path: Option<Self>, method: &Method, path: &str) -> Result<Self, ApiError> {
        // Hosts hide `Upgrade` from the component, so that every GET counts as a handshake.
        if *method == Method::Get && at_path == Some(Self::Responses) {
            return Err(ApiError::new(
                Kind::UpgradeRequired,
                "This gateway does not serve the Responses API over WebSocket. Please send \
                 `POST /v1/responses` over HTTP.",
            ));
        }
        // A probe is a HEAD alone: nothing is known there for other methods.
        let known = at_path.filter(|route| *route != Self::Probe || method.as_str() == "HEAD");
        let Some(route) = known else {
            return Err(unknown(method, path));
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

/// The error for a path that the gateway does not serve.
fn unknown(method: &Method, path: &str) -> ApiError {
    let folded = folded(path);
    let below = below_base(&folded).unwrap_or_default();
    match not_stored(method, below) {
        Some(message) => ApiError::new(Kind::NotFound, message),
        None => ApiError::new(
            Kind::UnknownUrl,
            format!(
                "Unknown request URL: {method} {path}. Please check the URL for typos, or see the docs at \
                 https://platform.openai.com/docs/api-reference/."
            ),
        ),
    }
}

/// The live API's error for a response or a conversation that does not exist: the gateway keeps none.
fn not_stored(method: &Method, below: &str) -> Option<String> {
    let (kind, rest) = below.split_once('/')?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let noun = match (kind, method.as_str(), rest) {
        ("responses", "GET" | "DELETE", "") | ("responses", "GET", "input_items") => "Response",
        ("responses", "POST", "cancel") => "Response",
        ("conversations", "GET" | "POST" | "DELETE", "") | ("conversations", "GET" | "POST", "items") => {
            "Conversation"
        }
        ("conversations", "GET" | "DELETE", item) if item.starts_with("items/") => "Conversation",
        _ => return None,
    };
    Some(format!("{noun} with id '{}' not found.", decode(id)))
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
            ("/v1/chat/completions", Some(Route::Chat)),
            ("/v1/chat/completions/", Some(Route::Chat)),
            ("/v1//chat///completions//", Some(Route::Chat)),
            ("//v1/chat/completions", Some(Route::Chat)),
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
            ("/openai/v1/chat/completions", Some(Route::Chat)),
            ("/openai/v1/models/gpt-4o", model("gpt-4o")),
            ("/openai/models", Some(Route::ListModels)),
            ("/openai/deployments/gpt-4o/chat/completions", Some(Route::Chat)),
            ("/openai/deployments/meta/llama/chat/completions", Some(Route::Chat)),
            ("/openai/deployments/gpt-4o/completions", Some(Route::Completions)),
            ("/openai/deployments/gpt-4o/embeddings/", Some(Route::Embeddings)),
            ("/openai/deployments/gpt-4o/moderations", None),
            ("/openai/deployments/chat/completions", Some(Route::Completions)),
            ("/v1/deployments/claude/chat/completions", Some(Route::Chat)),
            ("", None),
        ] {
            assert_eq!(Route::at(path), want, "{path}");
        }
    }

    #[test]
    fn a_wrong_method_is_405_and_a_wrong_path_404() {
        let error = |method, path| Route::find(Route::at(path), &method, path).expect_err("refused");
        assert_eq!(
            error(Method::Get, "/v1/completions").message(),
            "Invalid method for URL (GET /v1/completions)"
        );
        assert_eq!(error(Method::Head, "/v1/completions").status(), 405);
        assert_eq!(error(Method::Other("PUT".into()), "/health").status(), 405);
        let unknown = error(Method::Post, "/v2/x");
        assert_eq!((unknown.status(), unknown.code()), (404, Some("unknown_url")));
        assert!(unknown.message().starts_with("Unknown request URL: POST /v2/x. Please check"));
        assert_eq!(Route::find(Route::at("/v1/models"), &Method::Head, "/v1/models"), Ok(Route::ListModels));
        assert_eq!(Route::find(Route::at("/api/hello"), &Method::Head, "/api/hello"), Ok(Route::Probe));
        assert_eq!(error(Method::Get, "/api/hello").status(), 404);
    }

    #[test]
    fn what_is_not_stored_is_not_found() {
        for (method, path, want) in [
            ("GET", "/v1/responses/resp_1", Some("Response with id 'resp_1' not found.")),
            ("DELETE", "/openai/v1/responses/resp_1/", Some("Response with id 'resp_1' not found.")),
            ("POST", "/v1/responses/resp_1/cancel", Some("Response with id 'resp_1' not found.")),
            ("GET", "/v1/responses/resp_1/input_items", Some("Response with id 'resp_1' not found.")),
            ("POST", "/v1/conversations/conv_1", Some("Conversation with id 'conv_1' not found.")),
            ("GET", "/v1/conversations/conv_1/items", Some("Conversation with id 'conv_1' not found.")),
            ("DELETE", "/v1/conversations/conv_1/items/m", Some("Conversation with id 'conv_1' not found.")),
            ("POST", "/v1/responses/resp_1", None),
            ("GET", "/v1/responses/resp_1/cancel", None),
            ("POST", "/v1/conversations", None),
            ("GET", "/v1/files/f", None),
        ] {
            let method = if method == "GET" { Method::Get } else { Method::Other(method.into()) };
            let error = Route::find(Route::at(path), &method, path).expect_err("not served");
            assert_eq!(error.status(), 404, "{path}");
            match want {
                Some(message) => assert_eq!((error.message(), error.code()), (message, None)),
                None => assert_eq!(error.code(), Some("unknown_url"), "{path}"),
            }
        }
    }

    #[test]
    fn a_websocket_handshake_is_426() {
        for path in ["/v1/responses", "/v1/responses/", "/v1//responses", "/openai/v1/responses"] {
            assert_eq!(
                Route::find(Route::at(path), &Method::Get, path).expect_err("refused").status(),
                426,
                "{path}"
            );
        }
        assert_ne!(
            Route::find(Route::at("/v1/responses"), &Method::Post, "/v1/responses")
                .map_err(|error| error.status()),
            Err(426)
        );
    }
}
