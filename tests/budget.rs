//! The work budget of a request: each of the requests in `heavy` is answered within it.
//!
//! The memory limit is eight times the body plus 16 MiB, including the body itself. A counting allocator measures the bytes
//! that are allocated at the same time.

#![expect(unsafe_code, reason = "implementing a counting allocator is unsafe")]

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Method, Request};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

#[expect(dead_code, reason = "the benchmark uses all of it")]
mod heavy;
mod nowhere;
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

// Only one test, because all tests of a process share the allocator.
#[test]
fn every_heavy_request_stays_within_the_memory_limit() {
    let open = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_VALIDATION", "schema")];
    let gateway = Gateway::new(&open.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut wrong = Vec::new();
    for heavy::Heavy { name, path, body } in heavy::all() {
        let bytes = body.len();
        let request = Request {
            method: Method::Post,
            path: path.to_owned(),
            query: None,
            headers: [("accept", "*/*")].into_iter().collect(),
        };
        let before = NOW.load(Relaxed) - bytes;
        PEAK.store(0, Relaxed);
        let mut upload = Whole(Some(body.into_bytes()));
        let response = gateway.handle(&request, &mut upload, &Nowhere, &ctx).response;
        let mut length = 0;
        match response.body {
            Body::Full(bytes) => length += bytes.len(),
            Body::Stream(items) => length += items.map(|item| item.into_bytes().len()).sum::<usize>(),
            Body::Relay(_) => panic!("the engine does not forward"),
        }
        let (peak, limit) = (PEAK.load(Relaxed).saturating_sub(before), 8 * bytes + (16 << 20));
        if peak > limit || !matches!(response.status, 200 | 400) {
            let status = response.status;
            wrong.push(format!("{name}: {peak} of {limit} bytes, {status}, an answer of {length}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
