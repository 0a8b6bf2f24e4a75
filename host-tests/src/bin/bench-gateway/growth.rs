//! How the cost of a request grows with its size, and with the size of the settings.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::args::Args;
use crate::cases::{KEYS, Side};
use crate::footprint::idle;
use crate::load::{self, Connection, KEY};
use crate::process;
use crate::requests::{self, CHAT};
use crate::stats::median;

/// How costs grow with one quantity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Curve {
    /// What grows.
    pub(crate) of: String,
    /// What is measured.
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) x: f64,
    /// CPU seconds of the host for a request.
    pub(crate) cpu: f64,
    /// Seconds until the response is complete.
    pub(crate) time: f64,
    /// Bytes of the instance's linear memory afterwards; 0 where instances are fresh.
    pub(crate) linear: usize,
    /// Memory of the host afterwards in KiB, without mapped files.
    pub(crate) own: u64,
}

impl Curve {
    /// How the cost grows between the last two points: 1 is linear, 2 is quadratic.
    pub(crate) fn slope(&self) -> Option<f64> {
        let [.., a, b] = self.points.as_slice() else { return None };
        (a.cpu > 0.0 && b.cpu > 0.0).then(|| (b.cpu / a.cpu).ln() / (b.x / a.x).ln())
    }
}

/// A curve to be measured.
struct Plan<'a> {
    of: &'static str,
    name: &'static str,
    xs: Vec<usize>,
    reuse: u32,
    /// The settings and the body of the request at an x.
    at: Box<dyn Fn(usize) -> Measured + 'a>,
}

/// The settings of the gateway and the body of the request.
type Measured = (Vec<(&'static str, String)>, Vec<u8>);

/// Measures all curves.
pub(crate) fn measure(
    args: &Args,
    portcullis: &Path,
    upstream: SocketAddr,
    runtime: &Runtime,
) -> Result<Vec<Curve>, String> {
    let time = Duration::from_millis(if args.quick { 200 } else { 1_000 });
    let mut curves = Vec::new();
    for plan in plans(upstream).iter().filter(|plan| args.selects(plan.name) || args.selects(plan.of)) {
        println!(
            "\n{}: {}\n{:>12} {:>14} {:>14} {:>12} {:>10}",
            plan.of, plan.name, "", "CPU ms", "ms", "linear KiB", "host KiB"
        );
        let mut curve = Curve { of: plan.of.to_owned(), name: plan.name.to_owned(), points: Vec::new() };
        for x in &plan.xs {
            let point = point(portcullis, plan, *x, time, runtime);
            let point = point.map_err(|error| format!("{}, {}, {x}: {error}", plan.of, plan.name))?;
            println!(
                "{x:>12} {:>14.3} {:>14.3} {:>12} {:>10}",
                point.cpu * 1e3,
                point.time * 1e3,
                point.linear / 1024,
                point.own
            );
            curve.points.push(point);
        }
        println!("{:>12} {:>14.2}", "slope", curve.slope().unwrap_or(f64::NAN));
        curves.push(curve);
    }
    Ok(curves)
}

/// Sends the same request again and again, one at a time.
fn point(
    portcullis: &Path,
    plan: &Plan<'_>,
    x: usize,
    time: Duration,
    runtime: &Runtime,
) -> Result<Point, String> {
    let (settings, body) = (plan.at)(x);
    let side = Side { wasm: portcullis.to_owned(), settings };
    let mut host = side.serve(plan.reuse)?;
    let request = load::request(host.addr(), "POST", CHAT, &body);
    let mut connection = runtime.block_on(Connection::open(host.addr()))?;
    let mut send = || runtime.block_on(connection.send(&request, |_| {}));
    // Not measured: the first request includes parsing the settings and the page faults of the first use of memory.
    send()?;
    let cpu = || process::cpu(host.pid()).ok_or("the host has ended");
    let (before, start, mut times) = (cpu()?, Instant::now(), Vec::new());
    while times.len() < 3 || start.elapsed() < time {
        let start = Instant::now();
        send()?;
        times.push(start.elapsed().as_secs_f64());
    }
    let cpu = cpu()? - before;
    let linear = if plan.reuse == 1 { 0 } else { idle(&mut host)?.memories.into_iter().max().unwrap_or(0) };
    Ok(Point {
        x: x as f64,
        cpu: cpu.as_secs_f64() / times.len() as f64,
        time: median(&times),
        linear,
        own: host.resident()?.own,
    })
}

fn plans<'a>(upstream: SocketAddr) -> Vec<Plan<'a>> {
    let keys = || vec![(KEYS.0, KEYS.1.to_owned())];
    let forwarding = move || {
        let url = format!("http://{upstream}/v1");
        vec![(KEYS.0, KEYS.1.to_owned()), ("PORTCULLIS_UPSTREAM_URL", url)]
    };
    let config = |config: Value| vec![(KEYS.0, KEYS.1.to_owned()), ("PORTCULLIS_CONFIG", config.to_string())];
    let configured = |config: Value| vec![("PORTCULLIS_CONFIG", config.to_string())];
    let sizes = || (10..=24).step_by(2).map(|power| 1 << power).collect::<Vec<_>>();
    let counts = || vec![1, 10, 100, 1_000, 10_000];
    let lengths = || vec![10, 100, 1_000, 10_000, 100_000];
    // No single text may be longer than 10 MiB.
    let long = |model, bytes| {
        let of = |lengths: [usize; 4]| {
            let messages = lengths.map(|length| json!({"role": "user", "content": requests::text(length)}));
            json!({"model": model, "messages": messages, "max_tokens": 100}).to_string().into_bytes()
        };
        let rest = bytes - of([0; 4]).len();
        of([rest / 4, rest / 4, rest / 4, rest - rest / 4 * 3])
    };
    let body = |body: Value| body.to_string().into_bytes();
    let fresh = 1;
    let reused = u32::MAX;
    vec![
        Plan {
            of: "bytes of the body",
            name: "chat by the engine",
            xs: sizes(),
            reuse: reused,
            at: Box::new(move |x| (keys(), long("gpt-4o", x))),
        },
        Plan {
            of: "bytes of the body",
            name: "chat through an upstream",
            xs: sizes(),
            reuse: reused,
            at: Box::new(move |x| (forwarding(), long("plain", x))),
        },
        Plan {
            of: "messages",
            name: "chat by the engine",
            xs: vec![1, 10, 100, 1_000, 5_000],
            reuse: reused,
            at: Box::new(move |x| (keys(), body(conversation(x)))),
        },
        Plan {
            of: "tools",
            name: "chat by the engine, which calls the last one",
            xs: (0..=7).map(|power| 1 << power).collect(),
            reuse: reused,
            at: Box::new(move |x| (keys(), body(with_tools(x)))),
        },
        Plan {
            of: "events of a stream",
            name: "by the engine",
            xs: lengths(),
            reuse: reused,
            at: Box::new(move |x| {
                let models = json!({"models": {"mock": {"engine": {"reply": {"words": x}}}}});
                let messages = [json!({"role": "user", "content": "Talk."})];
                (config(models), body(json!({"model": "mock", "stream": true, "messages": messages})))
            }),
        },
        Plan {
            of: "events of a stream",
            name: "through an upstream",
            xs: lengths(),
            reuse: reused,
            at: Box::new(move |x| (forwarding(), requests::usual(&format!("events-{x}"), true))),
        },
        Plan {
            of: "keys",
            name: "the last one's request, a reused instance",
            xs: counts(),
            reuse: reused,
            at: Box::new(move |x| (configured(many_keys(x)), requests::usual("gpt-4o", false))),
        },
        Plan {
            of: "keys",
            name: "the same, a fresh instance",
            xs: counts(),
            reuse: fresh,
            at: Box::new(move |x| (configured(many_keys(x)), requests::usual("gpt-4o", false))),
        },
        Plan {
            of: "models",
            name: "a chat with the last one, a reused instance",
            xs: counts(),
            reuse: reused,
            at: Box::new(move |x| (config(many_models(x)), requests::usual(&format!("model-{x}"), false))),
        },
        Plan {
            of: "models",
            name: "the same, a fresh instance",
            xs: counts(),
            reuse: fresh,
            at: Box::new(move |x| (config(many_models(x)), requests::usual(&format!("model-{x}"), false))),
        },
    ]
}

fn conversation(messages: usize) -> Value {
    let roles = ["user", "assistant"];
    // The last message is the user's, for odd and even numbers of messages.
    let role = |number: usize| roles[(messages - 1 - number) % 2];
    let message = |number: usize| json!({"role": role(number), "content": format!("Message {number}: the boats came in late tonight.")});
    json!({"model": "gpt-4o", "messages": (0..messages).map(message).collect::<Vec<_>>()})
}

fn with_tools(tools: usize) -> Value {
    let tool = |number: usize| {
        json!({"type": "function", "function": {"name": format!("tool_{number}"),
            "description": "Returns the times at which boats arrive in a harbour.",
            "parameters": {"type": "object", "required": ["harbour", "hour"], "additionalProperties": false,
                "properties": {"harbour": {"type": "string", "description": "its name"},
                    "hour": {"type": "integer", "minimum": 0, "maximum": 23}}}}})
    };
    let last = format!("tool_{}", tools - 1);
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "When?"}],
        "tools": (0..tools).map(tool).collect::<Vec<_>>(),
        "tool_choice": {"type": "function", "function": {"name": last}}})
}

fn many_keys(count: usize) -> Value {
    // The key that the benchmark sends is the last one.
    let key = |number| match number == count {
        true => KEY.to_owned(),
        false => format!("sk-another-one-of-many-{number}"),
    };
    let keys = (1..=count).map(|number| json!({"name": format!("key-{number}"), "key": key(number)}));
    json!({"keys": keys.collect::<Vec<_>>()})
}

fn many_models(count: usize) -> Value {
    let models = (1..=count).map(|number| (format!("model-{number}"), json!({"engine": {}})));
    json!({"models": models.collect::<Map<_, _>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_size_of_their_plan() {
        for plan in plans(([127, 0, 0, 1], 1).into()) {
            for x in &plan.xs[..3] {
                let (settings, body) = (plan.at)(*x);
                let body_value: Value = serde_json::from_slice(&body).expect("JSON");
                let config = settings.iter().find(|(name, _)| *name == "PORTCULLIS_CONFIG");
                let config: Value =
                    config.map_or(Value::Null, |(_, text)| serde_json::from_str(text).expect("JSON"));
                let size = match plan.of {
                    "bytes of the body" => body.len(),
                    "messages" => body_value["messages"].as_array().map_or(0, Vec::len),
                    "tools" => body_value["tools"].as_array().map_or(0, Vec::len),
                    "keys" => config["keys"].as_array().map_or(0, Vec::len),
                    "models" => config["models"].as_object().map_or(0, Map::len),
                    _ => *x,
                };
                assert_eq!(size, *x, "{}, {}", plan.of, plan.name);
            }
        }
    }

    #[test]
    fn slopes_distinguish_linear_from_quadratic() {
        let point = |x: f64, cpu: f64| Point { x, cpu, time: cpu, linear: 0, own: 0 };
        let curve = |points: &[(f64, f64)]| Curve {
            of: String::new(),
            name: String::new(),
            points: points.iter().map(|(x, cpu)| point(*x, *cpu)).collect(),
        };
        let slope = |points: &[(f64, f64)]| curve(points).slope().map(|slope| (slope * 1e6).round() / 1e6);
        assert_eq!(slope(&[(1.0, 9.0), (10.0, 1.0), (100.0, 10.0)]), Some(1.0));
        assert_eq!(slope(&[(10.0, 1.0), (100.0, 100.0)]), Some(2.0));
        assert_eq!(slope(&[(10.0, 1.0)]), None);
        assert_eq!(slope(&[(10.0, 0.0), (100.0, 100.0)]), None);
    }
}
