//! A harness for end-to-end tests of Portcullis in its embedded host, which is exported along with it.

mod harness;

pub use harness::{
    Answer, Call, Exchange, Gateway, HostCalls, Live, PATIENCE, Recorded, Reply, Running, Upstream, build,
    component, component_file, guest, guest_file, host_calls, host_file, programs, suites,
};
pub use portcullis_host::{
    Captured, IdleInstance, Limits, MAX_MEMORY, MAX_RUNNING, Options, Output, Program, Server,
};
