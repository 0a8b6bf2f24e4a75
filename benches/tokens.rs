//! Throughput of `encode` and `count` compared with tiktoken-rs, in MB/s: `cargo bench --bench tokens`.
//!
//! Each figure is the best of several passes over the same text, to exclude other load on the machine. An argument
//! selects the inputs whose name contains it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and reports"
)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis::tokens::Encoding;

const MEGABYTE: usize = 1_000_000;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!(
        "{:<11} {:<14} {:>9} {:>9} {:>9} {:>9}",
        "encoding", "MB/s", "bytes", "encode", "count", "tiktoken"
    );
    for (name, text) in inputs().into_iter().filter(|(name, _)| name.contains(&*wanted)) {
        for encoding in Encoding::ALL {
            let reference = match encoding {
                Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
                Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
            };
            let encode = speed(&text, || _ = black_box(encoding.encode(black_box(&text))));
            let count = speed(&text, || _ = black_box(encoding.count(black_box(&text))));
            // It panics if fancy-regex reaches its backtracking limit.
            let tiktoken = std::panic::catch_unwind(|| {
                speed(&text, || _ = black_box(reference.encode_ordinary(black_box(&text))))
            });
            let tiktoken = tiktoken.map_or_else(|_| "fails".to_owned(), |speed| format!("{speed:.1}"));
            println!(
                "{:<11} {name:<14} {:>9} {encode:>9.1} {count:>9.1} {tiktoken:>9}",
                encoding.name(),
                text.len()
            );
        }
    }
}

/// The speed of the best pass, over at least half a second or three passes.
fn speed(text: &str, mut pass: impl FnMut()) -> f64 {
    let (mut best, mut spent) = (Duration::MAX, Duration::ZERO);
    for passes in 0.. {
        if passes >= 3 && spent > Duration::from_millis(500) {
            break;
        }
        let start = Instant::now();
        pass();
        let took = start.elapsed();
        best = best.min(took);
        spent += took;
    }
    text.len() as f64 / 1e6 / best.as_secs_f64()
}

fn inputs() -> Vec<(&'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path| std::fs::read_to_string(root.join(path)).expect("the file is in the repository");
    let fill = |text: &str| text.repeat(MEGABYTE / text.len() + 1);
    let letters = |bound: u64| {
        let mut state = 1u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + ((state >> 33) % bound) as u8)
        };
        (0..MEGABYTE).map(|_| letter()).collect::<String>()
    };
    vec![
        ("prose", fill(&read("LICENSE"))),
        ("code", fill(&read("tests/tokens.rs"))),
        (
            "chinese",
            fill(
                "人工智能是计算机科学的一个分支，它企图了解智能的实质，并生产出一种新的能以人类智能相似的方式做出反应的智能机器。",
            ),
        ),
        ("russian", fill("Все люди рождаются свободными и равными в своём достоинстве и правах. ")),
        ("emoji", fill("👍🏽👨‍👩‍👧‍👦 ❤️ 😀 🏳️‍🌈 ")),
        ("one letter", "a".repeat(MEGABYTE)),
        ("spaces", " ".repeat(MEGABYTE)),
        ("spaces, end", format!("{}x", " ".repeat(MEGABYTE))),
        ("line breaks", "\n".repeat(MEGABYTE)),
        ("random letters", letters(26)),
        ("no spaces", letters(2)),
        ("digits", fill("0123456789")),
        ("signs", fill("=-+*/")),
    ]
}
