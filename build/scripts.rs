//! Writes `scripts.rs`, the Lua scripts of the limits without what only their readers need, each with its SHA-1, by which a
//! store that has run it before runs it again.

use std::fs;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

const SOURCES: &str = "src/limits";

const SCRIPTS: [&str; 3] = ["reserve", "settle", "renew"];

pub(crate) fn write() {
    println!("cargo::rerun-if-changed=build/scripts.rs");
    let constants: String = SCRIPTS.map(constant).concat();
    let directory = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the directory"));
    fs::write(directory.join("scripts.rs"), constants).expect("the output directory can be written");
}

fn constant(name: &str) -> String {
    let path = Path::new(SOURCES).join(name).with_extension("lua");
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    let source = lines.collect::<Vec<_>>().join("\n");
    let sha1: String = Sha1::digest(&source).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = name.to_uppercase();
    format!("const {name}: Script = Script {{ source: {source:?}, sha1: {sha1:?} }};\n")
}
