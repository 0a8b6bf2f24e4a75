//! Writes the page, the token vocabularies and the character classes as read-only data, and sets the component's memory.

#[path = "build/page.rs"]
mod page;
#[cfg(feature = "vocab")]
#[path = "build/tokens.rs"]
mod tokens;

/// Bytes of the component's stack. JSON nests 127 levels at most, which bounds every recursion: the deepest
/// requests found (schemas of 58 levels, patterns of thousands of brackets) fit in 64 KiB, not in 32.
const STACK: usize = 256 * 1024;

/// Bytes of heap an instance begins with: what a usual request takes, since growing a memory is a system call, and
/// undoing it for the next instance another.
const HEAP: usize = 256 * 1024;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_TARGET_FAMILY").is_some_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK}");
        println!("cargo::rustc-link-arg-cdylib=--initial-heap={HEAP}");
    }
    page::write();
    #[cfg(feature = "vocab")]
    tokens::write();
}
