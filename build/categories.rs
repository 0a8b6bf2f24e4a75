//! The general category of each code point, from regex-syntax: the table of `src/pattern/category.rs`.

use std::path::PathBuf;

use names::CATEGORIES;
use regex_syntax::hir::{Class, HirKind};

#[path = "../src/pattern/names.rs"]
mod names;

pub(crate) fn write() {
    println!("cargo::rerun-if-changed=build/categories.rs");
    println!("cargo::rerun-if-changed=src/pattern/names.rs");
    let number = |short: &str| CATEGORIES.iter().position(|(own, _)| *own == short).expect("it is listed");
    let mut of = vec![number("Cs"); char::MAX as usize + 1];
    for (category, (short, _)) in CATEGORIES.iter().enumerate().filter(|(_, (short, _))| *short != "Cs") {
        let hir = regex_syntax::parse(&format!(r"\p{{{short}}}")).expect("regex-syntax knows the category");
        match hir.kind() {
            HirKind::Class(Class::Unicode(ranges)) => {
                for range in ranges.ranges() {
                    of[range.start() as usize..=range.end() as usize].fill(category);
                }
            }
            // A class of one character.
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).expect("a character");
                text.chars().for_each(|c| of[c as usize] = category);
            }
            _ => panic!("{short} is no class"),
        }
    }
    let mut runs = Vec::new();
    for run in of.chunk_by(|a, b| a == b) {
        runs.push(u8::try_from(run[0]).expect("there are 30"));
        let mut length = run.len();
        while length >= 0x80 {
            runs.push(0x80 | (length & 0x7f) as u8);
            length >>= 7;
        }
        runs.push(length as u8);
    }
    let directory = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the directory"));
    std::fs::write(directory.join("categories.runs"), runs).expect("the output directory can be written");
}
