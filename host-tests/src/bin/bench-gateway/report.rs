//! The measured figures with machine, versions and time, for the terminal and for a file.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cases::Comparison;
use crate::components::target_dir;
use crate::footprint::Footprint;
use crate::process;
use crate::reuse::Reuse;
use crate::store::Stored;
use crate::streams::Stream;

/// A whole run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) versions: String,
    pub(crate) commit: String,
    /// Load average before and after; the latter includes the benchmark's own processes.
    pub(crate) load: [f64; 2],
    pub(crate) seconds: u64,
    pub(crate) comparisons: Vec<Comparison>,
    /// With a store; missing where there was none.
    #[serde(default)]
    pub(crate) stored: Option<Stored>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) footprints: Vec<Footprint>,
    pub(crate) reuse: Option<Reuse>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self {
            date: first_line_of("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            machine: process::machine(),
            versions: format!("{}, Wasmtime 48 embedded", first_line_of("rustc", &["--version"])),
            commit: first_line_of("git", &["describe", "--always", "--dirty"]),
            load: [process::load(), f64::NAN],
            seconds: 0,
            comparisons: Vec::new(),
            stored: None,
            streams: Vec::new(),
            footprints: Vec::new(),
            reuse: None,
        }
    }

    pub(crate) fn end(&mut self, time: Duration) {
        self.load[1] = process::load();
        self.seconds = time.as_secs();
    }
}

/// Writes figures as JSON into a file of the benchmark's directory.
pub(crate) fn write(name: &str, figures: &impl Serialize) -> Result<PathBuf, String> {
    let dir = target_dir()?.join("bench");
    let file = dir.join(name);
    let text = serde_json::to_string_pretty(figures).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&dir)
        .and_then(|()| std::fs::write(&file, text + "\n"))
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok(file)
}

/// The first line a program prints; empty if there is none.
fn first_line_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

const NAME: usize = 48;

pub(crate) fn print_head(against: bool) {
    let other = if against { "other" } else { "null" };
    println!(
        "\n{:NAME$} {:>5} {:>5}  {:>15} {:>24}  {:>15} {:>6}  {:>15}  {:>15}",
        "",
        "reuse",
        "conns",
        "requests/s",
        "ratio (quartiles)",
        "CPU ms/request",
        "ratio",
        "p50 ms",
        "p99 ms"
    );
    let both = format!("ours {other:>9}");
    println!(
        "{:NAME$} {:>5} {:>5}  {both:>15} {:>24}  {both:>15} {:>6}  {both:>15}  {both:>15}",
        "", "", "", "", ""
    );
}

pub(crate) fn print_row(row: &Comparison) {
    let ms = |pair: [f64; 2], unit: f64| format!("{:.3} {:>8.3}", pair[0] * unit, pair[1] * unit);
    println!(
        "{:NAME$} {:>5} {:>5}  {:>15} {:>24}  {:>15} {:>6.2}  {:>15}  {:>15}",
        row.name,
        row.reuse,
        row.connections,
        format!("{:.0} {:>8.0}", row.per_second[0], row.per_second[1]),
        format!("{:.3} ({:.3} to {:.3})", row.ratio.median, row.ratio.low, row.ratio.high),
        // Seconds for 1,000 requests are milliseconds for one.
        ms(row.cpu, 1.0),
        row.cpu_ratio.median,
        ms(row.p50, 1e3),
        ms(row.p99, 1e3),
    );
}

pub(crate) fn print_stored_head() {
    println!(
        "\n{:NAME$} {:>5}  {:>15} {:>9}  {:>15} {:>9}",
        "with a store, and without", "conns", "p50 ms", "added", "CPU ms/request", "added"
    );
}

pub(crate) fn print_stored(row: &Comparison) {
    let pair = |pair: [f64; 2], unit: f64| format!("{:.3} {:>8.3}", pair[0] * unit, pair[1] * unit);
    println!(
        "{:NAME$} {:>5}  {:>15} {:>9.3}  {:>15} {:>9.3}",
        row.name,
        row.connections,
        pair(row.p50, 1e3),
        (row.p50[0] - row.p50[1]) * 1e3,
        pair(row.cpu, 1.0),
        row.cpu[0] - row.cpu[1],
    );
}

pub(crate) fn print_round_trip(stored: Option<&Stored>) {
    match stored {
        Some(stored) => println!("a round trip to the store: {:.3} ms", stored.round_trip.median * 1e3),
        None => println!("not measured: there is no redis-server with webdis"),
    }
}

pub(crate) fn print_streams(rows: &[Stream]) {
    println!(
        "\n{:NAME$} {:>20}  {:>24}  {:>20}",
        "", "first byte ms", "ratio (quartiles)", "event late ms, p99"
    );
    for row in rows {
        let ratio = row.first_byte_ratio;
        println!(
            "{:NAME$} {:>20.3}  {:>24}  {:>20}",
            row.name,
            row.first_byte.median * 1e3,
            format!("{:.3} ({:.3} to {:.3})", ratio.median, ratio.low, ratio.high),
            format!("{:.3} {:.3}", row.event.median * 1e3, row.event_p99 * 1e3),
        );
    }
}

pub(crate) fn print_footprints(rows: &[Footprint]) {
    println!(
        "\n{:NAME$} {:>12} {:>16} {:>16} {:>22}",
        "", "file KB", "instance us", "linear KiB", "host MiB (own)"
    );
    for row in rows {
        println!(
            "{:NAME$} {:>12.1} {:>16.1} {:>16} {:>22}",
            row.name,
            row.size as f64 / 1e3,
            row.instantiation.median * 1e6,
            row.linear / 1024,
            format!("{:.1} ({:.1})", row.resident as f64 / 1024.0, row.own as f64 / 1024.0),
        );
    }
}

pub(crate) fn print_reuse(reuse: &Reuse) {
    println!(
        "\n{} requests to one instance, {} kinds in turn, {} of which fail: {} responses differ from those of a fresh instance; \
         linear memory {} KiB after a hundredth, {} KiB at the end; host {} and {} KiB",
        reuse.served,
        reuse.kinds,
        reuse.failing,
        reuse.differing,
        reuse.linear[0] / 1024,
        reuse.linear[1] / 1024,
        reuse.own[0],
        reuse.own[1],
    );
    if let Some([request, got, want]) = &reuse.first_difference {
        println!("  request {request}\n  got     {got}\n  fresh   {want}");
    }
}
