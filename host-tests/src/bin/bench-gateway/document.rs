//! `--document`: writes the figures of the last runs of all cases into `docs/performance.md` and `docs/growth.svg`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use host_tests::HostCalls;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cases::Comparison;
use crate::components::target_dir;
use crate::footprint::Footprint;
use crate::growth::Curve;
use crate::report::Report;
use crate::stats::Spread;
use crate::store::Stored;
use crate::svg;

/// Replaces the text between the markers. A part whose figures are missing stays as it is.
pub(crate) fn update() -> Result<(), String> {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let file = docs.join("performance.md");
    let mut text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let all = Figures {
        validation: validation(),
        growth: figures("growth.json")?.unwrap_or_default(),
        peers: figures("peers.json")?.unwrap_or_default(),
    };
    if let Some(report) = figures::<Report>("gateway.json")? {
        text = put(&text, "goals", &goals(&report, &all))?;
        text = put(&text, "figures", &tables(&report))?;
        if let Some(stored) = &report.stored {
            text = put(&text, "store", &store_table(stored))?;
        }
    }
    if !all.growth.is_empty() {
        let curves = &all.growth;
        text = put(&text, "growth", &growth(curves))?;
        write(&docs.join("growth.svg"), &svg::draw(curves))?;
    }
    if let Some(calls) = figures::<Vec<HostCalls>>("calls.json")? {
        text = put(&text, "calls", &call_table(&calls))?;
    }
    if !all.peers.is_null() {
        text = put(&text, "peers", &peer_table(&all.peers))?;
    }
    write(&file, &text)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The figures of a run, if there was one.
fn figures<T: DeserializeOwned>(name: &str) -> Result<Option<T>, String> {
    let file = target_dir()?.join("bench").join(name);
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", file.display()))
}

/// Replaces the text between `<!-- name -->` and `<!-- /name -->`.
fn put(text: &str, name: &str, part: &str) -> Result<String, String> {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("docs/performance.md has no part between {} and {end}", start.trim());
    let (before, rest) = text.split_once(&start).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{start}\n{}\n\n{end}{after}", part.trim()))
}

/// The figures of the other benchmarks that the goals refer to.
struct Figures {
    validation: Option<String>,
    growth: Vec<Curve>,
    /// `null` without a run.
    peers: Value,
}

impl Figures {
    fn peer(&self, name: &str) -> Option<&Value> {
        self.peers["rows"].as_array()?.iter().find(|row| row["name"] == name)
    }

    /// The CPU time of Portcullis relative to that of a peer in the same run.
    fn relative_to_peer(&self, name: &str) -> Option<String> {
        let cpu = |name| self.peer(name)?["cpu_ms"].as_f64();
        let (ours, theirs) = (cpu("Portcullis")?, cpu(name)?);
        Some(format!("{:.2}; {ours:.3} ms, {name} {theirs:.3} ms", ours / theirs))
    }

    fn added_p50(&self) -> Option<String> {
        Some(format!("{:.3} ms", self.peer("Portcullis")?["added_p50_ms"].as_f64()?))
    }

    /// The curve with the steepest end.
    fn steepest(&self) -> Option<String> {
        let slopes = self.growth.iter().filter_map(|curve| Some((curve.slope()?, curve)));
        let (slope, curve) = slopes.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some(format!("at most {slope:.2} ({}, {})", curve.of, curve.name))
    }
}

/// The CPU time of validation relative to plain parsing, for each body of `cargo bench --bench check` that was run.
fn validation() -> Option<String> {
    let dir = target_dir().ok()?.join("criterion");
    let mean = |body: &Path, what: &str| -> Option<f64> {
        let file: PathBuf = body.join(what).join("new/estimates.json");
        let estimates: Value = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
        estimates["median"]["point_estimate"].as_f64()
    };
    let mut ratios = Vec::new();
    for body in std::fs::read_dir(dir).ok()?.filter_map(Result::ok) {
        if let (Some(plain), Some(validated)) = (mean(&body.path(), "plain"), mean(&body.path(), "live")) {
            ratios.push(format!("{}: {:.2}", body.file_name().to_string_lossy(), validated / plain));
        }
    }
    ratios.sort();
    (!ratios.is_empty()).then(|| ratios.join("; "))
}

/// Rows are functions, columns are requests.
fn call_table(calls: &[HostCalls]) -> String {
    let row = |name: &str, count: &dyn Fn(&HostCalls) -> u64| {
        let counts: String = calls.iter().map(count).fold(String::new(), |mut cells, count| {
            let _ = match count {
                0 => write!(cells, " |"),
                count => write!(cells, " {count} |"),
            };
            cells
        });
        format!("| {name} |{counts}\n")
    };
    let heads: String = calls.iter().map(|path| format!(" {} |", path.path)).collect();
    let mut out = format!("| function |{heads}\n|---|{}\n", "--:|".repeat(calls.len()));
    out += &row("**all**", &HostCalls::total);
    let names: BTreeSet<&String> = calls.iter().flat_map(|path| path.by_name.keys()).collect();
    for name in names {
        out += &row(&format!("`{name}`"), &|path| path.by_name.get(name).copied().unwrap_or_default());
    }
    out
}

/// The goals, and what was measured. Goals of CPU time, since load generator and host share cores.
fn goals(report: &Report, figures: &Figures) -> String {
    let (exact, estimates, forwarded) = (
        "chat by the engine, exact tokens",
        "chat by the engine, built without vocabularies",
        "chat through an upstream",
    );
    let reused = |name: &str| cpu(report, name, |reuse| reuse > 1);
    let fresh = |name: &str| cpu(report, name, |reuse| reuse == 1);
    let rows = [
        ("CPU of a forwarded chat, relative to the null proxy", "≤ 1.5", reused(forwarded)),
        ("the same, relative to crabllm", "≤ 1", measured(figures.relative_to_peer("crabllm"))),
        (
            "median time that a forwarded chat adds at one connection",
            "≤ 0.3 ms",
            measured(figures.added_p50()),
        ),
        ("CPU of a chat by the engine, relative to the null component", "≤ 1.6", reused(exact)),
        ("the same, built without vocabularies", "≤ 1.4", reused(estimates)),
        (
            "the same with a fresh instance for each request, both sides",
            "≤ 1.5",
            format!(
                "exact tokens: {}<br>without vocabularies: {}<br>forwarded: {}",
                fresh(exact),
                fresh(estimates),
                fresh(forwarded)
            ),
        ),
        (
            "median time that limits or a hit of the cache add at one connection, in round trips to the store",
            "≤ 1.1",
            measured(report.stored.as_ref().map(added_round_trips)),
        ),
        (
            "added time to first byte of a stream, relative to the null proxy",
            "≤ 5 %",
            format!(
                "{}; spliced {}",
                added_first_byte(report, "Portcullis"),
                added_first_byte(report, "Portcullis, spliced")
            ),
        ),
        (
            "CPU of validating a request, relative to `serde_json` parsing it into structs",
            "≤ 1.3",
            figures.validation.clone().unwrap_or_else(|| "`cargo bench --bench check`".to_owned()),
        ),
        (
            "cost against each size of [the growth curves](#growth)",
            "slope ≤ 1 (linear)",
            measured(figures.steepest()),
        ),
        ("component without vocabularies / with", "≤ 1.6 MB / ≤ 4.9 MB", measured(sizes(report))),
        ("linear memory of an instance after a chat of 1 KiB", "≤ 4 MiB", measured(linear(report))),
        (
            "one instance reused 100,000 times",
            "memory flat, responses as from a fresh instance",
            measured(reuse(report)),
        ),
    ];
    let mut out = "| what | goal | measured |\n|---|---|---|\n".to_owned();
    for (what, goal, measured) in rows {
        let _ = writeln!(out, "| {what} | {goal} | {measured} |");
    }
    let _ = write!(
        out,
        "\n{} on {}; {}; commit {}; {} s. Load average {:.1} before, {:.1} after.",
        report.date,
        report.machine,
        report.versions,
        report.commit,
        report.seconds,
        report.load[0],
        report.load[1],
    );
    out
}

fn measured(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "not measured".to_owned())
}

/// A case's ratio of CPU time at 16 connections.
fn cpu(report: &Report, name: &str, reuse: impl Fn(u32) -> bool) -> String {
    let fits = |row: &&Comparison| row.name == name && reuse(row.reuse) && row.connections == 16;
    measured(report.comparisons.iter().find(fits).map(|row| {
        format!(
            "{:.2} ({:.2} to {:.2}); {:.3} ms",
            row.cpu_ratio.median, row.cpu_ratio.low, row.cpu_ratio.high, row.cpu[0]
        )
    }))
}

/// How much later the first byte of a stream arrives than from the null proxy, in percent.
fn added_first_byte(report: &Report, name: &str) -> String {
    let stream = report.streams.iter().find(|stream| stream.name == name);
    measured(stream.map(|stream| format!("{:+.1} %", (stream.first_byte_ratio.median - 1.0) * 100.0)))
}

fn footprint<'a>(report: &'a Report, name: &str) -> Option<&'a Footprint> {
    report.footprints.iter().find(|footprint| footprint.name == name)
}

fn sizes(report: &Report) -> Option<String> {
    let (plain, full) =
        (footprint(report, "Portcullis without vocabularies")?, footprint(report, "Portcullis")?);
    Some(format!("{} KB / {:.2} MB", plain.size / 1_000, full.size as f64 / 1e6))
}

fn linear(report: &Report) -> Option<String> {
    let mib = |name| Some(footprint(report, name)?.linear as f64 / MIB);
    Some(format!(
        "{:.2} MiB (without vocabularies {:.2}, null component {:.2})",
        mib("Portcullis")?,
        mib("Portcullis without vocabularies")?,
        mib("null component")?
    ))
}

fn reuse(report: &Report) -> Option<String> {
    let reuse = report.reuse.as_ref()?;
    Some(format!(
        "{} requests, {} of {} kinds failing: {} answers differ; linear memory {} KiB after a hundredth, \
         {} KiB at the end",
        reuse.served,
        reuse.failing,
        reuse.kinds,
        reuse.differing,
        reuse.linear[0] / 1024,
        reuse.linear[1] / 1024
    ))
}

const MIB: f64 = 1024.0 * 1024.0;

fn tables(report: &Report) -> String {
    let mut out = "Where a cell has two figures, the first is Portcullis, the second the null component or null proxy.\n\n\
        | case | reuse | connections | requests/s | ratio (quartiles) | CPU ms a request | CPU ratio | p50 ms | p99 ms |\n\
        |---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for row in &report.comparisons {
        let ms = |pair: [f64; 2]| format!("{:.2}, {:.2}", pair[0] * 1e3, pair[1] * 1e3);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.0}, {:.0} | {:.2} ({:.2} to {:.2}) | {:.3}, {:.3} | {:.2} | {} | {} |",
            row.name,
            row.reuse,
            row.connections,
            row.per_second[0],
            row.per_second[1],
            row.ratio.median,
            row.ratio.low,
            row.ratio.high,
            row.cpu[0],
            row.cpu[1],
            row.cpu_ratio.median,
            ms(row.p50),
            ms(row.p99),
        );
    }
    out += "\n| stream, one connection | first byte ms | relative to the null proxy (quartiles) | delay of an event ms | its p99 |\n\
            |---|--:|--:|--:|--:|\n";
    for row in &report.streams {
        let _ = writeln!(
            out,
            "| {} | {:.3} | {:.2} ({:.2} to {:.2}) | {:.3} | {:.3} |",
            row.name,
            row.first_byte.median * 1e3,
            row.first_byte_ratio.median,
            row.first_byte_ratio.low,
            row.first_byte_ratio.high,
            row.event.median * 1e3,
            row.event_p99 * 1e3
        );
    }
    out += "\n| component | file KB | instantiation µs | linear memory KiB | host RSS MiB (without mapped files) |\n\
            |---|--:|--:|--:|--:|\n";
    for row in &report.footprints {
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.1} | {} | {:.1} ({:.1}) |",
            row.name,
            row.size as f64 / 1e3,
            row.instantiation.median * 1e6,
            row.linear / 1024,
            row.resident as f64 / 1024.0,
            row.own as f64 / 1024.0
        );
    }
    out
}

/// The median time that each case adds at one connection, as a multiple of a round trip; a miss has no goal.
fn added_round_trips(stored: &Stored) -> String {
    let rows = stored.comparisons.iter().filter(|row| row.connections == 1 && !row.name.contains("miss"));
    let each: Vec<_> = rows
        .map(|row| format!("{}: {:.2}", row.name, (row.p50[0] - row.p50[1]) / stored.round_trip.median))
        .collect();
    each.join("<br>")
}

fn store_table(stored: &Stored) -> String {
    let mut out = "| what | connections | p50 ms | added p50 ms | CPU ms a request | added CPU ms |\n\
                   |---|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for row in &stored.comparisons {
        let _ = writeln!(
            out,
            "| {} | {} | {:.2}, {:.2} | {:.2} | {:.3}, {:.3} | {:.3} |",
            row.name,
            row.connections,
            row.p50[0] * 1e3,
            row.p50[1] * 1e3,
            (row.p50[0] - row.p50[1]) * 1e3,
            row.cpu[0],
            row.cpu[1],
            row.cpu[0] - row.cpu[1],
        );
    }
    let Spread { low, median, high } = stored.round_trip;
    let _ = write!(
        out,
        "\nA round trip to the store, a `GET` through webdis on one connection, took {:.3} ms ({:.3} to {:.3}).",
        median * 1e3,
        low * 1e3,
        high * 1e3
    );
    out
}

fn growth(curves: &[Curve]) -> String {
    let mut out = "| what grows | request | CPU ms at each | slope at the end | host KiB, first and last |\n|---|---|---|--:|--:|\n".to_owned();
    for curve in curves {
        let points: Vec<_> =
            curve.points.iter().map(|point| format!("{}: {:.3}", short(point.x), point.cpu * 1e3)).collect();
        let own = |point: Option<&crate::growth::Point>| point.map_or(0, |point| point.own);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {}, {} |",
            curve.of,
            curve.name,
            points.join("; "),
            curve.slope().map_or_else(|| "-".to_owned(), |slope| format!("{slope:.2}")),
            own(curve.points.first()),
            own(curve.points.last())
        );
    }
    out
}

/// A count with thousands separators.
fn short(x: f64) -> String {
    let digits = format!("{x:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn peer_table(peers: &Value) -> String {
    let mut out =
        "| gateway | version | requests/s | relative to Portcullis | p50 ms | p99 ms | CPU ms a request | added p50 ms | added p99 ms |\n\
                   |---|---|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for row in peers["rows"].as_array().into_iter().flatten() {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        if let Some(why) = row["missing"].as_str() {
            let _ = writeln!(out, "| {} | {} | not run: {why} | | | | | | |", text("name"), text("version"));
            continue;
        }
        let number = |name: &str, digits: usize| {
            row[name].as_f64().map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            text("name"),
            text("version"),
            number("per_second", 0),
            number("ratio", 2),
            number("p50_ms", 2),
            number("p99_ms", 2),
            number("cpu_ms", 3),
            number("added_p50_ms", 3),
            number("added_p99_ms", 3)
        );
    }
    let _ = write!(
        out,
        "\n{}; load average {:.1} before.",
        peers["date"].as_str().unwrap_or_default(),
        peers["load"].as_f64().unwrap_or(f64::NAN)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_between_the_markers_is_replaced() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let updated = put(text, "x", "new\n").expect("both markers");
        assert_eq!(updated, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n");
        assert_eq!(put(&updated, "x", "new").expect("both markers"), updated);
        assert!(put(text, "y", "").is_err());
    }

    #[test]
    fn thousands_are_separated() {
        for (x, want) in [(1.0, "1"), (1_000.0, "1,000"), (16_777_216.0, "16,777,216"), (100.0, "100")] {
            assert_eq!(short(x), want);
        }
    }
}
