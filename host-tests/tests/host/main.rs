//! The embedded host alone, with a guest whose behaviour the path of a request selects.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cache;
mod limits;
#[cfg(unix)]
mod output;
mod serving;
mod tls;
mod upstreams;

use host_tests::{Gateway, Options, guest};

/// Serves the guest.
async fn start() -> Gateway {
    start_with(Gateway::options()).await
}

async fn start_with(options: Options) -> Gateway {
    let program = tokio::task::spawn_blocking(guest).await.expect("the guest builds");
    Gateway::serve(program, options).await
}
