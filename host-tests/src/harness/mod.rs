//! The building blocks of end-to-end tests: a [`Gateway`] that runs the component, a client that calls it, and an
//! [`Upstream`] whose responses the test scripts.
//!
//! ```no_run
//! # use host_tests::{Answer, Gateway, Upstream};
//! # use serde_json::json;
//! # async fn test() {
//! let mut upstream = Upstream::by_hand().await;
//! let settings = [("PORTCULLIS_API_KEYS", "sk-test"), ("PORTCULLIS_UPSTREAM_URL", &upstream.url("/v1"))];
//! let gateway = Gateway::start(&settings).await;
//!
//! let call = gateway.post("/v1/chat/completions", &json!({"model": "m", "stream": true, "messages": []}));
//! let call = call.spawn();
//! let mut exchange = upstream.next().await;
//! assert_eq!(exchange.request.json()["model"], "m");
//! exchange.head(200, &[("content-type", "text/event-stream")]).await;
//! exchange.event("first").await;
//!
//! let mut live = call.live().await;
//! assert_eq!(live.event().await.as_deref(), Some("first"));
//! live.hang_up();
//! exchange.closed().await;
//! # }
//! ```
//!
//! Servers run on a separate runtime, so a test may block its thread, for example to wait for a child process. No wait is
//! endless: one that takes longer than [`PATIENCE`] fails the test.

mod answer;
mod calls;
mod client;
mod component;
mod gateway;
pub mod programs;
mod sse;
pub mod suites;
mod upstream;
mod wire;

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Runtime;

pub use answer::Answer;
pub use calls::{HostCalls, host_calls};
pub use client::{Call, Live, Reply, Running};
pub use component::{build, component, component_file, guest, guest_file, host_file};
pub use gateway::Gateway;
pub use upstream::{Exchange, Upstream};
pub use wire::Recorded;

/// The timeout of every wait of a test. Long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `what`.
///
/// # Panics
///
/// When that takes longer than [`PATIENCE`].
pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s for {what}", PATIENCE.as_secs()),
    }
}

/// The runtime of the servers, separate from the runtimes of tests.
pub(crate) fn background() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("threads can be started")
    });
    &RUNTIME
}
