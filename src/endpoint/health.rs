//! `GET /health`: whether the gateway can serve. Needs no key.

use crate::encode;
use crate::http::Response;
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// Says that the settings are sound and which version this is.
pub fn show<B>() -> Response<B> {
    encode::json(200, &Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
