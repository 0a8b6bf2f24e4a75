//! Portcullis in a real host: Wasmtime embedded in a server, and a harness for end-to-end tests.
//!
//! `cargo serve` starts this host if no `wasmtime` is installed, and tests and benchmarks run the component in it:
//!
//! - [`Program`] compiles a component, or loads it from the cache of an earlier run;
//! - [`Server`] serves it. Each worker is a thread with its own runtime, listener, instances of the component and
//!   upstream connections, so that a request stays on one thread from its caller to its upstream.

mod caller;
mod cpu;
mod engine;
mod handler;
mod harness;
mod hop_by_hop;
mod instances;
mod listen;
mod outgoing;
mod output;
mod server;
mod stall;
mod state;
mod worker;

pub use engine::{MAX_MEMORY, MAX_RUNNING, Program};
pub use harness::{
    Answer, Call, Exchange, Gateway, Live, PATIENCE, Recorded, Reply, Running, Upstream, build, component,
    component_file, guest, guest_file, programs, suites,
};
pub use instances::IdleInstance;
pub use output::{Captured, Output};
pub use server::{Limits, Options, Server};
