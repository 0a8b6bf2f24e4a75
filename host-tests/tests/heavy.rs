//! How soon `/health` is answered beside the heaviest requests known, as a figure: run it on a machine that does nothing
//! else.
//!
//! ```sh
//! cargo test -p host-tests --test heavy -- --ignored --nocapture
//! ```
//!
//! `PORTCULLIS_AT=127.0.0.1:3000` measures a gateway that runs there in place of the embedded host. It must have been
//! started with `PORTCULLIS_ALLOW_ANONYMOUS=true`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use host_tests::{Call, Gateway, Options};

#[expect(dead_code, reason = "the core's tests use the rest")]
#[path = "../../tests/heavy/mod.rs"]
mod heavy;

/// Heavy requests at the same time.
const AT_ONCE: usize = 8;

/// How long `/health` is called for, once the heavy requests have begun.
const TIME: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes all of the machine for half a minute"]
async fn health_is_answered_beside_eight_heavy_requests() {
    let elsewhere = std::env::var("PORTCULLIS_AT").ok();
    let gateway = match &elsewhere {
        Some(_) => None,
        None => {
            let settings = vec![("PORTCULLIS_ALLOW_ANONYMOUS".to_owned(), "true".to_owned())];
            Some(Gateway::start_with(Options { settings, ..Options::default() }).await)
        }
    };
    let addr: SocketAddr = match (&gateway, elsewhere) {
        (Some(gateway), _) => gateway.addr(),
        (None, addr) => addr.unwrap_or_default().parse().expect("PORTCULLIS_AT is an address with a port"),
    };
    let over = Arc::new(AtomicBool::new(false));
    let bodies: Arc<Vec<_>> = Arc::new(heavy::all().into_iter().map(|one| (one.path, one.body)).collect());
    let load: Vec<_> = (0..AT_ONCE)
        .map(|number| {
            let (over, bodies) = (over.clone(), bodies.clone());
            tokio::spawn(async move {
                let mut answered = 0;
                // Each begins with another body.
                for (path, body) in bodies.iter().cycle().skip(number) {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let call = Call::new(addr, "POST", path).header("content-type", "application/json");
                    // Longer than a test has patience for.
                    let _ = call.body(body.clone()).unhurried().await;
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < TIME {
        let sent = Instant::now();
        assert_eq!(Call::new(addr, "GET", "/health").await.status, 200);
        times.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    over.store(true, Ordering::Relaxed);
    times.sort();
    let [median, p99, most] = [times.len() / 2, times.len() * 99 / 100, times.len() - 1].map(|at| times[at]);
    eprintln!(
        "/health beside {AT_ONCE} heavy requests: {} calls, median {median:?}, p99 {p99:?}, longest {most:?}",
        times.len()
    );
    let mut answered = 0;
    for one in load {
        answered += one.await.expect("a loader ends");
    }
    eprintln!("heavy requests answered: {answered}");
    assert!(answered >= AT_ONCE);
}
