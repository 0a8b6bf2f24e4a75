//! The import order of the crate's modules (DESIGN, section 1), read from the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `src/`. Each may import those above it and none below.
const MODULES: [&str; 30] = [
    "error",
    "http",
    "json",
    "coding",
    "budget",
    "pattern",
    "random",
    "ids",
    "time",
    "transport",
    "model",
    "tokens",
    "api",
    "turn",
    "cost",
    "config",
    "ctx",
    "log",
    "auth",
    "router",
    "check",
    "store",
    "engine",
    "upstream",
    "limits",
    "cache",
    "encode",
    "endpoint",
    "gateway",
    "component",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The module a file below `src/` belongs to: `check` for `check/tools.rs` and `check.rs`.
fn module(path: &Path) -> String {
    let first = path.iter().next().expect("a file below src").to_str().expect("UTF-8");
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a line of code names as `crate::module`, including those in braces.
fn named(code: &str) -> impl Iterator<Item = &str> {
    code.split("crate::").skip(1).flat_map(|rest| {
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
        };
        list.split(',').map(|name| name.trim().split("::").next().unwrap_or_default())
    })
}

#[test]
fn imports_follow_the_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "the sources were found");
    let place = |name: &str| MODULES.iter().position(|r| *r == name);
    let mut wrong = Vec::new();
    for file in &files {
        let below = file.strip_prefix(&src).expect("found below src");
        let own = module(below);
        if own == "lib" {
            continue;
        }
        let Some(own_place) = place(&own) else { panic!("{} is in no module of the table", below.display()) };
        let text = fs::read_to_string(file).expect("a source file");
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in code {
            for name in named(line) {
                let allowed = name == own || place(name).is_some_and(|at| at < own_place);
                // Macros and the crate's own name are at the root and not in the table.
                if !allowed && place(name).is_some() {
                    wrong.push(format!("{}:{}: {own} uses {name}", below.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "a module imports one to its right:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_public_but_component() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs");
    for module in MODULES {
        let want = if module == "component" { "\nmod component;" } else { &format!("\npub mod {module};") };
        assert!(lib.contains(want), "lib.rs lacks `{}`", want.trim());
    }
}

#[test]
fn module_names_are_read_from_a_line() {
    let line = "use crate::{check, ctx::Ctx}; x(crate::api::Text, crate::error)";
    assert_eq!(named(line).collect::<Vec<_>>(), ["check", "ctx", "api", "error"]);
}
