//! What limits and the cache add to a request, with a local Redis behind webdis.

use std::net::SocketAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::args::Args;
use crate::cases::{Case, Comparison, KEYS, Side, compare};
use crate::components::Components;
use crate::load::{Connection, NONCE};
use crate::redis::{Redis, WEBDIS_KEY};
use crate::requests::{self, CHAT};
use crate::stats::Spread;

/// The figures of this part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Seconds that a `GET` of a missing key takes, on one connection to webdis.
    pub(crate) round_trip: Spread,
    /// In each the first side has the store, and the second is the same Portcullis without it.
    pub(crate) comparisons: Vec<Comparison>,
}

/// The case whose only response is kept once.
const HIT: &str = "cache, hit";

/// [`WEBDIS_KEY`] in base64.
const CREDENTIALS: &str = "Z2F0ZXdheTpzM2NyZXQvKzo=";

/// The cases with a store, and the same without. The limits are never reached.
fn cases(portcullis: &std::path::Path, upstream: SocketAddr, webdis: &str) -> Vec<Case> {
    let store = json!({"url": webdis, "api": "webdis", "key": WEBDIS_KEY, "timeout_ms": 5000});
    let limits = json!([{"per": "key", "requests": 1_000_000_000, "window": "minute"},
                        {"per": "key", "tokens": 1_000_000_000_000_u64, "window": "minute"},
                        {"per": "key", "concurrent": 100_000}]);
    let upstreams = json!({"local": {"url": format!("http://{upstream}/v1")}});
    let models = |more: Value| {
        let mut model = json!({"targets": [{"upstream": "local"}]});
        for (name, value) in more.as_object().into_iter().flatten() {
            model[name] = value.clone();
        }
        json!({"*": model})
    };
    let side = |config: Value| Side::new(portcullis, &[KEYS, ("PORTCULLIS_CONFIG", &config.to_string())]);
    let engine = || Side::new(portcullis, &[KEYS]);
    let forwarding = || side(json!({"upstreams": upstreams, "models": models(json!({}))}));
    let cached = || {
        side(
            json!({"store": store, "upstreams": upstreams, "models": models(json!({"cache": {"ttl_s": 600}}))}),
        )
    };
    let case = |name, sides, body| Case { name, sides, method: "POST", path: CHAT, body, thorough: true };
    let usual = || requests::usual("gpt-4o", false);
    let distinct = requests::chat("gpt-4o", 1024, &json!({"stop": [NONCE]}));
    vec![
        case(
            "limits, chat by the engine",
            [side(json!({"store": store, "limits": limits})), engine()],
            usual(),
        ),
        case(
            "limits, chat through an upstream",
            [
                side(
                    json!({"store": store, "limits": limits, "upstreams": upstreams, "models": models(json!({}))}),
                ),
                forwarding(),
            ],
            usual(),
        ),
        case(HIT, [cached(), forwarding()], usual()),
        case("cache, miss", [cached(), forwarding()], distinct),
    ]
}

/// Measures the cases that are selected; `None` where there is no Redis with webdis.
pub(crate) fn measure(
    args: &Args,
    components: &Components,
    upstream: SocketAddr,
    runtime: &Runtime,
    reuse: u32,
    print: fn(&Comparison),
) -> Result<Option<Stored>, String> {
    let Some(redis) = Redis::start() else { return Ok(None) };
    let webdis = redis.webdis();
    let url = webdis.url();
    let turns = if args.quick { 200 } else { 2_000 };
    let mut stored = Stored { round_trip: round_trip(runtime, &url, turns)?, comparisons: Vec::new() };
    let cases = cases(&components.portcullis, upstream, &url);
    for case in cases.iter().filter(|case| args.selects(case.name)) {
        redis.command(&["FLUSHALL"]);
        let served = [case.sides[0].serve(reuse)?, case.sides[1].serve(reuse)?];
        for connections in [1, 16] {
            let comparison = compare(runtime, case, &served, reuse, connections, args.effort())?;
            print(&comparison);
            stored.comparisons.push(comparison);
        }
        // A case that does not use the store as its name states measures something else.
        let keys = redis.command(&["DBSIZE"]).integers();
        if keys == [0] || (case.name == HIT && keys != [1]) {
            return Err(format!("{}: the store has {keys:?} keys", case.name));
        }
    }
    Ok(Some(stored))
}

fn round_trip(runtime: &Runtime, url: &str, turns: usize) -> Result<Spread, String> {
    let addr: SocketAddr =
        url.trim_start_matches("http://").parse().map_err(|_| format!("no address: {url}"))?;
    let body = "GET/none.json";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {addr}\r\nauthorization: Basic {CREDENTIALS}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    runtime.block_on(async {
        let mut connection = Connection::open(addr).await?;
        let mut times = Vec::with_capacity(turns);
        // The first one opens a connection to Redis.
        for turn in 0..=turns {
            let start = Instant::now();
            connection.send(request.as_bytes(), |_| {}).await.map_err(|error| format!("webdis: {error}"))?;
            if turn > 0 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
        Ok(Spread::of(&times))
    })
}
