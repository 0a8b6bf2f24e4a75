//! The store and the limits against a real Redis, without a host.

#![allow(clippy::disallowed_methods, reason = "the gateway's time is the real one here")]

mod ending;
#[path = "../redis/http.rs"]
mod http;
mod metered;
#[path = "../redis/mod.rs"]
mod redis;
mod refused;
mod setting;
mod store;
