//! Forwarding as a caller sees it: the whole gateway, run natively with scripted upstreams.

mod anthropic;
mod cost;
mod fake;
mod faults;
mod fidelity;
mod fields;
mod messages;
mod models;
mod native;
mod replay;
mod responses;
mod routing;
mod streams;
