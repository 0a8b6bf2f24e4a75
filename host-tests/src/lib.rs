//! Portcullis in a real host: Wasmtime, set up as a server, and a harness for end-to-end tests.
//!
//! The host is what `cargo serve` starts where no `wasmtime` is installed, and what tests and benchmarks
//! run the component in:
//!
//! - [`Program`] compiles a component, or takes it from the cache of an earlier run;
//! - [`Server`] serves it: HTTP/1.1 in front, a stack of instances behind, and kept connections to upstreams.

mod caller;
mod engine;
mod handler;
mod hop;
mod instances;
mod outgoing;
mod output;
mod server;
mod state;

pub use engine::{MAX_INSTANCES, MAX_MEMORY, Program};
pub use instances::IdleInstance;
pub use output::{Captured, Output};
pub use server::{Options, Server};
mod harness;
pub use harness::{
    Answer, Call, Exchange, Gateway, Live, PATIENCE, Recorded, Reply, Running, Upstream, build, component,
    component_file, guest, guest_file, programs,
};
