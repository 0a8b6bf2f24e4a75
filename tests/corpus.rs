//! Runs the fuzz targets (`fuzz/src/`) on the corpus that the fuzzers have collected, as a plain test.
//!
//! `fuzz/corpus/TARGET.txt` has one input per line, with `\\` for a backslash and `\xNN` for any byte that is not
//! printable ASCII. `unpack` writes them as files for the fuzzer, `pack` collects the files that it kept.

use std::fmt::Write;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a separate crate for the fuzzer")]
mod fuzz;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let file = corpus().join(format!("{target}.txt"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| unescaped(line).unwrap_or_else(|| panic!("{target}: {line}"))).collect()
}

fn escaped(input: &[u8]) -> String {
    let mut line = String::new();
    for &byte in input {
        match byte {
            b'\\' => line.push_str("\\\\"),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => {
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
    line
}

fn unescaped(line: &str) -> Option<Vec<u8>> {
    let mut input = Vec::new();
    let mut rest = line.as_bytes();
    while let [byte, after @ ..] = rest {
        (input, rest) = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => (with(input, b'\\'), after),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                (with(input, u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?), after)
            }
            (b'\\', _) => return None,
            _ => (with(input, *byte), after),
        };
    }
    Some(input)
}

fn with(mut input: Vec<u8>, byte: u8) -> Vec<u8> {
    input.push(byte);
    input
}

#[test]
fn the_corpus_passes_every_target() {
    for (target, run) in fuzz::TARGETS {
        let inputs = inputs(target);
        assert!(inputs.len() > 20, "{target} has its inputs");
        for input in inputs {
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(&input)));
            assert!(outcome.is_ok(), "{target}: {}", escaped(&input));
        }
    }
}

#[test]
fn lines_round_trip() {
    let all: Vec<u8> = (0..=u8::MAX).chain(*b"\\x41 \\\\").collect();
    assert_eq!(unescaped(&escaped(&all)), Some(all));
    for broken in ["\\", "\\x4", "\\xzz", "\\n"] {
        assert_eq!(unescaped(broken), None, "{broken}");
    }
}

#[test]
#[ignore = "writes fuzz/corpus/TARGET/ for the fuzzer"]
fn unpack() {
    for (target, _) in fuzz::TARGETS {
        let folder = corpus().join(target);
        fs::create_dir_all(&folder).expect("writable");
        for (i, input) in inputs(target).into_iter().enumerate() {
            fs::write(folder.join(format!("{i:05}")), input).expect("writable");
        }
    }
}

#[test]
#[ignore = "rewrites fuzz/corpus/TARGET.txt from what the fuzzer kept in fuzz/corpus/TARGET/"]
fn pack() {
    for (target, _) in fuzz::TARGETS {
        let Ok(entries) = fs::read_dir(corpus().join(target)) else { continue };
        let read =
            |entry: std::io::Result<fs::DirEntry>| fs::read(entry.expect("an entry").path()).expect("a file");
        let mut lines: Vec<String> = entries.map(|entry| escaped(&read(entry)) + "\n").collect();
        lines.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        lines.dedup();
        fs::write(corpus().join(format!("{target}.txt")), lines.concat()).expect("writable");
    }
}
