//! What answering with an instance of a schema takes: 5,000 random schemas of the strict subset.
//!
//! `cargo bench -p portcullis --bench schema`. A figure is a whole request natively: reading and judging it,
//! making the instance, counting its tokens and writing the answer. Of each the fastest of five counts, so
//! that what else the machine does is left out; over the schemas nothing is averaged away, since the longest
//! is what is asked for.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and tells what it measured"
)]

use std::time::{Duration, Instant};

use portcullis::ctx::Ctx;
use portcullis::gateway::Gateway;
use portcullis::http::{Body, Method, Request};

#[path = "../tests/nowhere/mod.rs"]
mod nowhere;
#[path = "../src/engine/schema/random.rs"]
mod random;

use nowhere::{Nowhere, Whole};
use random::Random;

const SCHEMAS: usize = 5_000;
const TRIES: usize = 5;

fn main() {
    let gateway = Gateway::new(&[("PORTCULLIS_ALLOW_ANONYMOUS".to_owned(), "true".to_owned())]);
    let request = Request {
        method: Method::Post,
        path: "/v1/chat/completions".to_owned(),
        query: None,
        headers: [("accept", "*/*")].into_iter().collect(),
    };
    let ctx = Ctx { now: Duration::from_secs(7), random: [1, 2], elapsed: &|| Duration::ZERO };
    let mut random = Random::new(42);
    let mut taken = Vec::with_capacity(SCHEMAS);
    for seed in 0..SCHEMAS {
        let body = format!(
            r#"{{"model":"gpt-4o","seed":{seed},"messages":[{{"role":"user","content":"hi"}}],"response_format":{{"type":"json_schema","json_schema":{{"name":"random","schema":{}}}}}}}"#,
            random.schema()
        );
        let ask = || {
            let mut upload = Whole(Some(body.clone().into_bytes()));
            let start = Instant::now();
            let response = gateway.handle(&request, &mut upload, &Nowhere, &ctx).response;
            let time = start.elapsed();
            let Body::Full(answer) = response.body else { panic!("an answer is whole") };
            assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&answer));
            (time, answer.len())
        };
        taken.extend((0..TRIES).map(|_| ask()).min());
    }
    taken.sort();
    let at = |share: f64| taken[((SCHEMAS - 1) as f64 * share) as usize];
    for (name, (time, bytes)) in
        [("median", at(0.5)), ("99 %", at(0.99)), ("99.9 %", at(0.999)), ("longest", at(1.0))]
    {
        println!("{name:>8}: {:8.3} ms, an answer of {bytes} bytes", time.as_secs_f64() * 1e3);
    }
}
