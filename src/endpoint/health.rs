//! `GET /health`, which reports whether the gateway can serve, and the clients' connection tests. Neither needs a key.

use crate::encode;
use crate::http::{Body, Headers, Response};
use crate::json::writes;

writes! {
    struct Health {
        "status" = status: &'static str,
        "version" = version: &'static str,
    }
}

/// Reports that the settings are valid, and the gateway's version.
pub fn show<B>() -> Response<B> {
    encode::json(200, &Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Answers a connection test: `HEAD /` or `HEAD /api/hello`.
pub fn probe<B>() -> Response<B> {
    Response { status: 200, headers: Headers::default(), body: Body::Full(Vec::new()) }
}
