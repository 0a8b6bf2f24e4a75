//! The work budget of a request: each of the requests in `heavy` is answered within it.
//!
//! The memory limit is eight times the body plus 16 MiB, including the body itself. A counting allocator measures the bytes
//! that are allocated at the same time.

#![expect(unsafe_code, reason = "implementing a counting allocator is unsafe")]

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Method, Request};
use portcullis::transport::Transport;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

#[expect(dead_code, reason = "the benchmark uses all of it")]
#[path = "../heavy/mod.rs"]
mod heavy;
#[path = "../nowhere/mod.rs"]
mod nowhere;
mod translated;

use nowhere::{Nowhere, Whole};

/// The system's allocator, with the number of allocated bytes, present and peak.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// An exchange that took more memory than it may, or got another status.
struct Excess(String);

/// Sends a request, reads the response to its end, and checks the memory that both took.
fn measured<T: Transport<Upload = Whole>>(
    gateway: &Gateway,
    transport: &T,
    name: &str,
    path: &str,
    body: String,
    statuses: &[u16],
) -> Option<Excess> {
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let bytes = body.len();
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        query: None,
        headers: [("anthropic-version", "2023-06-01")].into_iter().collect(),
    };
    let before = NOW.load(Relaxed) - bytes;
    PEAK.store(0, Relaxed);
    let mut upload = Whole(Some(body.into_bytes()));
    let response = gateway.handle(&request, &mut upload, transport, &ctx).response;
    let mut length = 0;
    match response.body {
        Body::Full(bytes) => length += bytes.len(),
        Body::Stream(items) => length += items.map(|item| item.into_bytes().len()).sum::<usize>(),
        Body::Relay(_) => panic!("{name} is forwarded unread"),
    }
    let (peak, limit) = (PEAK.load(Relaxed).saturating_sub(before), 8 * bytes + (16 << 20));
    let status = response.status;
    (peak > limit || !statuses.contains(&status))
        .then(|| Excess(format!("{name}: {peak} of {limit} bytes, {status}, an answer of {length}")))
}

// Only one test, because all tests of a process share the allocator.
#[test]
fn every_heavy_request_stays_within_the_memory_limit() {
    let open = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_VALIDATION", "schema")];
    let gateway = Gateway::new(&open.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut excesses: Vec<_> = heavy::all()
        .into_iter()
        .filter_map(|heavy::Heavy { name, path, body }| {
            // Legal requests of this kind are answered; of the others, some are past the budget or not valid.
            let is_legal = ["messages in a chat", "parts in a chat", "messages in a response", "messages"];
            let statuses: &[u16] = if is_legal.contains(&&*name) { &[200] } else { &[200, 400] };
            measured(&gateway, &Nowhere, &name, path, body, statuses)
        })
        .collect();
    excesses.extend(translated::excesses());
    let wrong: Vec<_> = excesses.into_iter().map(|Excess(text)| text).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
