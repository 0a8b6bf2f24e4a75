//! `GET /health`: whether the gateway can serve. Needs no key.

use crate::encode;
use crate::http::Response;
use crate::json::writes;

writes! {
    struct Health {
        "status" = status: &'static str,
        "version" = version: &'static str,
    }
}

/// Says that the settings are sound and which version this is.
pub fn show<B>() -> Response<B> {
    encode::json(200, &Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
