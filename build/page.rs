//! Writes `page.html`, the page of `GET /`, minified from the files in `src/endpoint/page/`, and `page.csp`, its
//! Content-Security-Policy, which allows only its own style and script, by their hashes.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

#[path = "squeeze.rs"]
mod squeeze;

const SOURCES: &str = "src/endpoint/page";

/// The scripts, in the order in which they are joined.
const SCRIPTS: [&str; 3] = ["apis.js", "code.js", "page.js"];

pub(crate) fn write() {
    println!("cargo::rerun-if-changed=build/page.rs");
    println!("cargo::rerun-if-changed=build/squeeze.rs");
    let style = squeeze::css(&read("page.css"));
    let script = squeeze::js(&SCRIPTS.map(read).join("\n"));
    let page = squeeze::html(&read("page.html"));
    let page = fill(&fill(&page, "<!-- style -->", &style), "<!-- script -->", &script);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(&script),
        hash(&style)
    );
    let directory = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the directory"));
    fs::write(directory.join("page.html"), page).expect("the output directory can be written");
    fs::write(directory.join("page.csp"), policy).expect("the output directory can be written");
}

fn read(name: &str) -> String {
    let path = Path::new(SOURCES).join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // A checkout on Windows may have other line ends.
    text.replace("\r\n", "\n")
}

fn fill(page: &str, place: &str, text: &str) -> String {
    let (before, after) = page.split_once(place).unwrap_or_else(|| panic!("page.html has no {place}"));
    [before, text, after].concat()
}

/// The source expression that allows an inline element with this text (CSP Level 3, section 2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
