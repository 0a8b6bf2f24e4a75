//! Portcullis against the null components: throughput, latency and CPU time, in alternating rounds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::children::Served;
use crate::components::Components;
use crate::load::{self, KEY, Plan, Round, Server};
use crate::requests::{self, CHAT, MODELS};
use crate::serve::Job;
use crate::stats::{Spread, median, order, quantile};

/// Two servers that get the same requests.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) sides: [Side; 2],
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Vec<u8>,
    /// Measured at every concurrency; else at the middle one alone.
    pub(crate) thorough: bool,
}

/// A component with its settings.
pub(crate) struct Side {
    pub(crate) wasm: PathBuf,
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Side {
    pub(crate) fn new(wasm: &Path, settings: &[(&'static str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { wasm: wasm.to_owned(), settings }
    }

    pub(crate) fn serve(&self, reuse: u32) -> Result<Served, String> {
        let settings =
            self.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Served::host(&Job { wasm: self.wasm.clone(), reuse, settings })
    }
}

pub(crate) const KEYS: (&str, &str) = ("PORTCULLIS_API_KEYS", KEY);

/// The settings of a Portcullis that splices streams.
pub(crate) fn spliced(upstream: SocketAddr) -> String {
    format!(
        r#"{{"upstreams": {{"local": {{"url": "http://{upstream}/v1", "splice": true}}}},
            "models": {{"*": {{"targets": [{{"upstream": "local"}}]}}}}}}"#
    )
}

/// All that is compared.
pub(crate) fn all(components: &Components, upstream: SocketAddr) -> Vec<Case> {
    let Components { portcullis, plain, null, null_proxy } = components;
    let (url, authority) = (format!("http://{upstream}/v1"), upstream.to_string());
    let engine = || Side::new(portcullis, &[KEYS]);
    let forwarding = || Side::new(portcullis, &[KEYS, ("PORTCULLIS_UPSTREAM_URL", &url)]);
    let splicing = || Side::new(portcullis, &[KEYS, ("PORTCULLIS_CONFIG", &spliced(upstream))]);
    let null = || Side::new(null, &[]);
    let proxy = || Side::new(null_proxy, &[("UPSTREAM", &authority)]);
    let quiet = || Side::new(portcullis, &[KEYS, ("PORTCULLIS_LOG", "off")]);
    let chat = |name, sides, body| Case { name, sides, method: "POST", path: CHAT, body, thorough: true };
    let usual = |stream| requests::usual(if stream { "events-20" } else { "gpt-4o" }, stream);
    vec![
        Case {
            name: "GET /v1/models",
            sides: [engine(), null()],
            method: "GET",
            path: MODELS,
            body: Vec::new(),
            thorough: true,
        },
        chat("chat by the engine, exact tokens", [engine(), null()], usual(false)),
        chat(
            "chat by the engine, built without vocabularies",
            [Side::new(plain, &[KEYS]), null()],
            usual(false),
        ),
        Case {
            thorough: false,
            ..chat("chat by the engine, exact tokens, no log", [quiet(), null()], usual(false))
        },
        chat("chat through an upstream", [forwarding(), proxy()], usual(false)),
        chat("stream of 20 events through an upstream", [forwarding(), proxy()], usual(true)),
        Case { thorough: false, ..chat("the same stream, spliced", [splicing(), proxy()], usual(true)) },
    ]
}

/// How thoroughly a case is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

/// The figures of a case at one concurrency. In each pair the first is Portcullis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) reuse: u32,
    pub(crate) connections: usize,
    pub(crate) rounds: usize,
    /// Requests a second.
    pub(crate) per_second: [f64; 2],
    /// Of each round's requests a second.
    pub(crate) ratio: Spread,
    /// CPU seconds of the host for 1,000 requests.
    pub(crate) cpu: [f64; 2],
    pub(crate) cpu_ratio: Spread,
    /// CPU seconds of the load generator for 1,000 requests.
    pub(crate) loader_cpu: [f64; 2],
    /// Seconds until the response is complete.
    pub(crate) p50: [f64; 2],
    pub(crate) p99: [f64; 2],
    /// Seconds to the first byte of its body.
    pub(crate) first_byte: [f64; 2],
}

/// Measures two servers in alternating rounds.
pub(crate) fn compare(
    runtime: &Runtime,
    case: &Case,
    served: &[Served; 2],
    reuse: u32,
    connections: usize,
    effort: Effort,
) -> Result<Comparison, String> {
    let mut rounds: [Vec<Round>; 2] = Default::default();
    let requests = served.each_ref().map(|one| load::request(one.addr(), case.method, case.path, &case.body));
    for number in 0..effort.rounds {
        for side in order(number) {
            let round = load::run(
                runtime,
                &Plan {
                    addr: served[side].addr(),
                    server: Server::Process(served[side].pid()),
                    request: &requests[side],
                    connections,
                    warm_up: effort.warm_up,
                    time: effort.time,
                },
            );
            rounds[side].push(round.map_err(|error| format!("{}: {error}", case.name))?);
        }
    }
    let each = |figure: &dyn Fn(&Round) -> f64| {
        rounds.each_ref().map(|rounds| rounds.iter().map(figure).collect::<Vec<_>>())
    };
    let medians = |figures: &[Vec<f64>; 2]| figures.each_ref().map(|figures| median(figures));
    let latency = |q: f64| medians(&each(&|round| quantile(&round.latencies, q).unwrap_or(f64::NAN)));
    let (per_second, cpu) = (each(&|round| round.per_second), each(&|round| round.cpu));
    Ok(Comparison {
        name: case.name.to_owned(),
        reuse,
        connections,
        rounds: effort.rounds,
        ratio: Spread::of_ratios(&per_second[0], &per_second[1]),
        per_second: medians(&per_second),
        cpu_ratio: Spread::of_ratios(&cpu[0], &cpu[1]),
        cpu: medians(&cpu),
        loader_cpu: medians(&each(&|round| round.own_cpu)),
        p50: latency(0.5),
        p99: latency(0.99),
        first_byte: medians(&each(&|round| median(&round.first_bytes))),
    })
}
