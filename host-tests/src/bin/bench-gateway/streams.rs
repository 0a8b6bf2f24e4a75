//! What a relayed stream is late by: its first byte, and each of its events.

use std::net::SocketAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::load::{self, Connection};
use crate::requests::{self, CHAT};
use crate::stats::{Spread, median, order, quantile};
use crate::upstream::delays;

/// Of one way to the upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) name: String,
    /// Seconds from the request to the first byte of the answer's body.
    pub(crate) first_byte: Spread,
    /// Of each request's time to the one on the second way in the same turn.
    pub(crate) first_byte_ratio: Spread,
    /// Seconds from sending an event to having it.
    pub(crate) event: Spread,
    /// The slowest hundredth of the events took longer.
    pub(crate) event_p99: f64,
}

/// Asks for short streams by each way in turn, one at a time. The ratios are to the second way.
pub(crate) fn measure(
    runtime: &Runtime,
    ways: &[(&str, SocketAddr)],
    turns: usize,
) -> Result<Vec<Stream>, String> {
    // The second to fifth events come apart, so that each is a write, a relay and a read of its own.
    let body = requests::usual("paced-5-1000", true);
    let mut first_bytes = vec![Vec::new(); ways.len()];
    let mut events = vec![Vec::new(); ways.len()];
    runtime.block_on(async {
        let mut connections = Vec::new();
        for (_, addr) in ways {
            connections.push((Connection::open(*addr).await?, load::request(*addr, "POST", CHAT, &body)));
        }
        // The first of each pays for connections and instances.
        for turn in 0..=turns {
            let mut all: Vec<_> = (0..ways.len()).collect();
            if order(turn)[0] == 1 {
                all.reverse();
            }
            for way in all {
                let (connection, request) = &mut connections[way];
                let (start, mut first, mut late) = (Instant::now(), None, Vec::new());
                let asked = connection.ask(request, |piece| {
                    first.get_or_insert_with(|| start.elapsed());
                    late.extend(delays(piece));
                });
                asked.await.map_err(|error| format!("{}: {error}", ways[way].0))?;
                let first = first.ok_or("an empty stream")?;
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
