//! The latency of a forwarded stream: of its first byte and of each of its events.

use std::net::SocketAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::load::{self, Connection};
use crate::requests::{self, CHAT};
use crate::stats::{Spread, median, order, quantile};
use crate::upstream::delays;

/// The figures of one route to the upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) name: String,
    /// Seconds from the request to the first byte of the response body.
    pub(crate) first_byte: Spread,
    /// The time to the first byte relative to the second route in the same round.
    pub(crate) first_byte_ratio: Spread,
    /// Seconds between sending and receiving an event.
    pub(crate) event: Spread,
    /// The 99th percentile of the same.
    pub(crate) event_p99: f64,
}

/// Requests short streams over each route in turn, one at a time. The ratios are relative to the second route.
pub(crate) fn measure(
    runtime: &Runtime,
    ways: &[(&str, SocketAddr)],
    turns: usize,
) -> Result<Vec<Stream>, String> {
    // The second to fifth events are sent apart, so that each is written, forwarded and read separately.
    let body = requests::usual("paced-5-1000", true);
    let mut first_bytes = vec![Vec::new(); ways.len()];
    let mut events = vec![Vec::new(); ways.len()];
    runtime.block_on(async {
        let mut connections = Vec::new();
        for (_, addr) in ways {
            connections.push((Connection::open(*addr).await?, load::request(*addr, "POST", CHAT, &body)));
        }
        // The first round, which creates connections and instances, is not counted.
        for turn in 0..=turns {
            let mut all: Vec<_> = (0..ways.len()).collect();
            if order(turn)[0] == 1 {
                all.reverse();
            }
            for way in all {
                let (connection, request) = &mut connections[way];
                let (start, mut first, mut late) = (Instant::now(), None, Vec::new());
                let mut broken = false;
                let sent = connection.send(request, |piece| {
                    first.get_or_insert_with(|| start.elapsed());
                    late.extend(delays(piece));
                    broken |= memchr::memmem::find(piece, b"{\"error\":").is_some();
                });
                sent.await.map_err(|error| format!("{}: {error}", ways[way].0))?;
                let first = first.ok_or("an empty stream")?;
                if broken {
                    return Err(format!("{}: a stream ended with an error", ways[way].0));
                }
                if turn > 0 {
                    first_bytes[way].push(first.as_secs_f64());
                    events[way].extend(late);
                }
            }
        }
        Ok::<_, String>(())
    })?;
    let figures = ways.iter().zip(first_bytes.iter().zip(&events));
    let figures = figures.map(|((name, _), (first_byte, events))| Stream {
        name: (*name).to_owned(),
        first_byte: Spread::of(first_byte),
        first_byte_ratio: Spread::of_ratios(first_byte, &first_bytes[1.min(ways.len() - 1)]),
        event: Spread::of(events),
        event_p99: quantile(events, 0.99).unwrap_or_else(|| median(events)),
    });
    Ok(figures.collect())
}
