//! The embedded host: Portcullis in Wasmtime, set up as a server.
//!
//! It is what `cargo serve` starts where no `wasmtime` is installed, and what tests and benchmarks run the component in:
//!
//! - [`Program`] compiles a component, or takes it from the cache of an earlier run;
//! - [`Server`] serves it. Each of its workers is a thread with a runtime, a listener, instances of the component and
//!   connections to upstreams, so that a request stays on one thread from its caller to its upstream.
//!
//! What only tests need is in `host-tests`, so that `cargo serve` does not compile it.

mod access;
mod caller;
mod calls;
mod connections;
mod cpu;
mod engine;
mod handler;
mod hop_by_hop;
mod instances;
mod listen;
mod memory;
mod outgoing;
mod output;
mod refusal;
mod server;
mod socket;
mod spool;
mod stall;
mod state;
mod worker;

pub use engine::{MAX_MEMORY, MAX_RUNNING, Program};
pub use instances::IdleInstance;
pub use output::{Captured, Output};
pub use server::{Limits, Options, Server};
