//! The cost of responses that are instances of a schema, and of the requests in `tests/heavy`.
//!
//! `cargo bench -p portcullis --bench schema`. Each figure is for a whole request, run natively: parsing, validating,
//! generating the instance, counting its tokens and writing the response. The first table has 5,000 random schemas of
//! the strict subset and 5,000 of all keywords; the fastest of five tries counts, to exclude other load on the machine.
//! The second table has the requests in `tests/heavy`, whose goal is less than a second each. The third table shows how
//! the cost grows with the size.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints what it measured"
)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Method, Request};

#[path = "../tests/heavy/mod.rs"]
mod heavy;
#[path = "../tests/nowhere/mod.rs"]
mod nowhere;
#[path = "../src/engine/schema/random.rs"]
mod random;

use nowhere::{Nowhere, Whole};
use random::Random;

const SCHEMAS: usize = 5_000;
const TRIES: usize = 5;

/// The CPU time of this process on Linux, which other processes do not affect; elsewhere the wall clock.
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let on_cpu = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos =
        on_cpu.as_deref().and_then(|text| text.split(' ').next()).and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// The time of one exchange with its response read to the end, the status, and the length of the response.
fn exchange(gateway: &Gateway, path: &str, body: &str) -> (Duration, u16, usize) {
    let request = Request {
        method: Method::Post,
        path: path.to_owned(),
        query: None,
        headers: [("accept", "*/*")].into_iter().collect(),
    };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut upload = Whole(Some(body.as_bytes().to_vec()));
    let start = clock();
    let response = gateway.handle(&request, &mut upload, &Nowhere, &ctx).response;
    let length = match response.body {
        Body::Full(bytes) => bytes.len(),
        Body::Stream(items) => items.map(|item| item.into_bytes().len()).sum(),
        Body::Relay(_) => panic!("the engine does not forward"),
    };
    (clock() - start, response.status, length)
}

fn random_schemas(gateway: &Gateway, next: &mut dyn FnMut() -> String) {
    let mut taken = Vec::with_capacity(SCHEMAS);
    for seed in 0..SCHEMAS {
        let body = format!(
            r#"{{"model":"gpt-4o","seed":{seed},"messages":[{{"role":"user","content":"hi"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"random","schema":{}}}}}}}"#,
            next()
        );
        let tries = (0..TRIES).map(|_| {
            let (time, status, length) = exchange(gateway, "/v1/chat/completions", &body);
            assert_eq!(status, 200, "{body}");
            (time, length)
        });
        taken.extend(tries.min());
    }
    taken.sort();
    let at = |share: f64| taken[((SCHEMAS - 1) as f64 * share) as usize];
    for (name, (time, bytes)) in
        [("median", at(0.5)), ("99 %", at(0.99)), ("99.9 %", at(0.999)), ("longest", at(1.0))]
    {
        println!("{name:>8}: {:8.3} ms, a response of {bytes} bytes", time.as_secs_f64() * 1e3);
    }
}

/// Prints the time for each size, and the slope between the last two with both axes logarithmic.
fn growth(gateway: &Gateway, what: &str, sizes: &[usize], body: &dyn Fn(usize) -> String) {
    let mut points = Vec::new();
    for &size in sizes {
        let body = body(size);
        let tries = (0..TRIES).map(|_| exchange(gateway, "/v1/chat/completions", &body).0);
        points.push((size, tries.min().unwrap_or_default().as_secs_f64() * 1e3));
    }
    let shown: Vec<String> = points.iter().map(|(size, time)| format!("{size}: {time:.3}")).collect();
    let [.., (small, before), (large, after)] = points[..] else { return };
    let slope = (after / before).ln() / (large as f64 / small as f64).ln();
    println!("| {what} | {} | {slope:.2} |", shown.join("; "));
}

fn main() {
    let open = [("PORTCULLIS_ALLOW_ANONYMOUS", "true"), ("PORTCULLIS_VALIDATION", "schema")];
    let gateway = Gateway::new(&open.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut random = Random::new(42);
    println!("schemas of the strict subset");
    random_schemas(&gateway, &mut || random.schema());
    println!("schemas of all keywords");
    random_schemas(&gateway, &mut || random.schema_of_all_keywords());
    println!("heavy requests");
    for heavy::Heavy { name, path, body } in heavy::all() {
        let (time, status, length) = exchange(&gateway, path, &body);
        println!("{:8.3} s, {status}, {} bytes to {length}: {name}", time.as_secs_f64(), body.len());
    }
    println!("growth, ms at each size, slope at the end");
    growth(&gateway, "properties of a schema", &[10, 100, 1_000, 10_000], &heavy::properties);
    growth(&gateway, "custom tools, a text of 64 KiB", &[1, 4, 16, 64, 128], &|count| {
        heavy::custom_tools(count, 64 << 10)
    });
    growth(&gateway, "text of 128 custom tools, bytes", &[1 << 14, 1 << 17, 1 << 20, 1 << 23], &|bytes| {
        heavy::custom_tools(128, bytes)
    });
    growth(&gateway, "choices of an echo of 4 KiB", &[1, 4, 16, 64, 128], &|n| heavy::choices(n, 4 << 10));
    growth(&gateway, "echo of 128 choices, bytes", &[1 << 10, 1 << 14, 1 << 18, 1 << 22], &|bytes| {
        heavy::choices(128, bytes)
    });
}
