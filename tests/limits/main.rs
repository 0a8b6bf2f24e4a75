//! The store and the limits against a real Redis, without a host.

#[path = "../redis/http.rs"]
mod http;
#[path = "../redis/mod.rs"]
mod redis;
mod store;
