//! The steps of a run.

use std::time::Instant;

use tokio::runtime::Runtime;

use crate::args::Args;
use crate::cases::{self, Case, KEYS, Side, compare};
use crate::children::Served;
use crate::components::Components;
use crate::report::{self, Report};
use crate::{document, footprint, growth, reuse, store, streams};

/// Requests per instance in the reuse cases: the default of the host.
const REUSED: u32 = host_tests::Options::DEFAULT_REUSE;

pub(crate) fn run(args: &Args) -> Result<(), String> {
    if args.document {
        return document::update();
    }
    if args.growth {
        return grow(args);
    }
    if args.calls {
        return count_calls();
    }
    let components = Components::build()?;
    let start = Instant::now();
    let mut report = Report::begin();
    let runtime = runtime()?;
    let upstream = Served::upstream()?;
    let mut cases = cases::all(&components, upstream.addr());
    cases.retain(|case| args.selects(case.name));
    if let Some(file) = &args.against {
        for case in &mut cases {
            case.sides[1] = Side { wasm: file.clone(), settings: case.sides[0].settings.clone() };
        }
    }
    report::print_head(args.against.is_some());
    for case in &cases {
        for reuse in [REUSED, 1] {
            let served = [case.sides[0].serve(reuse)?, case.sides[1].serve(reuse)?];
            for connections in concurrencies(args, case, reuse) {
                let comparison = compare(&runtime, case, &served, reuse, connections, args.effort())?;
                report::print_row(&comparison);
                report.comparisons.push(comparison);
            }
        }
    }
    if args.against.is_none() {
        report::print_stored_head();
        report.stored =
            store::measure(args, &components, upstream.addr(), &runtime, REUSED, report::print_stored)?;
        report::print_round_trip(report.stored.as_ref());
    }
    if args.whole() {
        apart(args, &components, &upstream, &runtime, &mut report)?;
    }
    report.end(start.elapsed());
    let file = report::write(args.file("gateway.json"), &report)?;
    println!("\n{} s; the figures are in {}", report.seconds, file.display());
    Ok(())
}

/// The load comes from one thread.
fn runtime() -> Result<Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

fn grow(args: &Args) -> Result<(), String> {
    let portcullis = host_tests::component_file();
    let start = Instant::now();
    let upstream = Served::upstream()?;
    let growth = growth::measure(args, portcullis, upstream.addr(), &runtime()?)?;
    let file = report::write(args.file("growth.json"), &growth)?;
    println!("\n{} s; the figures are in {}", start.elapsed().as_secs(), file.display());
    Ok(())
}

fn count_calls() -> Result<(), String> {
    let calls = runtime()?.block_on(host_tests::host_calls());
    for path in &calls {
        println!("{:4}  {}", path.total(), path.path);
    }
    let file = report::write("calls.json", &calls)?;
    println!("\nthe figures are in {}", file.display());
    Ok(())
}

/// The measurements that are not comparisons of throughput.
fn apart(
    args: &Args,
    components: &Components,
    upstream: &Served,
    runtime: &Runtime,
    report: &mut Report,
) -> Result<(), String> {
    let Components { portcullis, plain, null, null_proxy } = components;
    let (addr, authority) = (upstream.addr(), upstream.addr().to_string());
    let url = format!("http://{addr}/v1");
    let proxy = || Side::new(null_proxy, &[("UPSTREAM", &authority)]);
    let ways = [
        proxy().serve(REUSED)?,
        Side::new(portcullis, &[KEYS, ("PORTCULLIS_UPSTREAM_URL", &url)]).serve(REUSED)?,
        Side::new(portcullis, &[KEYS, ("PORTCULLIS_CONFIG", &cases::spliced(addr))]).serve(REUSED)?,
    ];
    let names = ["the upstream itself", "null proxy", "Portcullis", "Portcullis, spliced"];
    let ways: Vec<_> =
        names.into_iter().zip(std::iter::once(addr).chain(ways.iter().map(Served::addr))).collect();
    report.streams = streams::measure(runtime, &ways, if args.quick { 100 } else { 1_000 })?;
    report::print_streams(&report.streams);
    let sides = [
        ("Portcullis", Side::new(portcullis, &[KEYS])),
        ("Portcullis without vocabularies", Side::new(plain, &[KEYS])),
        ("null component", Side::new(null, &[])),
        ("null proxy", proxy()),
    ];
    report.footprints = footprint::measure(runtime, &sides, args.quick)?;
    report::print_footprints(&report.footprints);
    let count = if args.quick { 5_000 } else { 100_000 };
    let reuse = reuse::measure(runtime, &sides[0].1, count)?;
    report::print_reuse(&reuse);
    report.reuse = Some(reuse);
    Ok(())
}

fn concurrencies(args: &Args, case: &Case, reuse: u32) -> Vec<usize> {
    match (args.quick, case.thorough) {
        (true, false) if reuse == 1 => Vec::new(),
        (false, true) => vec![1, 16, 256],
        _ => vec![16],
    }
}
