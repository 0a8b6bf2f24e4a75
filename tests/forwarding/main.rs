//! Forwarding as a caller sees it: the whole gateway, natively, against upstreams that do as they are told.

mod anthropic;
mod fake;
mod faults;
mod fidelity;
mod fields;
mod routing;
mod streams;
