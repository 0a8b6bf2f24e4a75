//! The responses of the host itself.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::access::{Access, REQUEST_ID};

/// Why the host responds instead of the component.
pub(crate) enum Refusal {
    /// The request is not valid HTTP.
    Malformed(&'static str),
    /// The maximum number of requests is running.
    Overloaded,
    /// The request took more CPU time than this.
    CpuLimit(Duration),
    /// All instances together have the memory that they may have.
    MemoryLimit,
    /// The component failed.
    Failed,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Overloaded | Self::CpuLimit(_) | Self::MemoryLimit => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence the caller reads.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Malformed(message) => (*message).to_owned(),
            Self::Overloaded => {
                "The server is handling as many requests as it can. Please try again later.".to_owned()
            }
            Self::CpuLimit(limit) => {
                format!("The request took more than {limit:?} of CPU time and was ended.")
            }
            Self::MemoryLimit => {
                "The server has no memory left for this request. Please try again later.".to_owned()
            }
            Self::Failed => "The server had an error while processing your request.".to_owned(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Overloaded => Some("overloaded"),
            Self::CpuLimit(_) => Some("cpu_limit_exceeded"),
            Self::MemoryLimit => Some("memory_limit_exceeded"),
            Self::Malformed(_) | Self::Failed => None,
        }
    }

    /// When the caller is to try again.
    fn retry(&self) -> Option<(HeaderName, &'static str)> {
        const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
        match self {
            Self::Overloaded | Self::MemoryLimit => Some((RETRY_AFTER, "1")),
            // The SDKs of OpenAI and Anthropic retry a 503, and the retry would take as long.
            Self::CpuLimit(_) => Some((SHOULD_RETRY, "false")),
            Self::Malformed(_) | Self::Failed => None,
        }
    }

    /// The response, with an error object in the format of the API that was called.
    pub(crate) fn response(&self, access: &Access) -> Response<HyperOutgoingBody> {
        let (status, message, id) = (self.status(), self.message(), access.id());
        let body = match access.is_messages() {
            true => {
                let kind = match status {
                    StatusCode::BAD_REQUEST => "invalid_request_error",
                    StatusCode::SERVICE_UNAVAILABLE => "overloaded_error",
                    _ => "api_error",
                };
                let (message, id) = (Value::from(message), Value::from(id));
                format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":{message}}},"request_id":{id}}}"#
                )
            }
            false => {
                let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
                let (message, code) = (Value::from(message), Value::from(self.code()));
                format!(r#"{{"error":{{"message":{message},"type":"{kind}","param":null,"code":{code}}}}}"#)
            }
        };
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.retry() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(id) {
            if access.is_messages() {
                headers.insert(HeaderName::from_static("request-id"), id.clone());
            }
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}
