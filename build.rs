//! Writes the page, the scripts of the limits, the categories of characters, the token vocabularies and the character
//! classes as read-only data, and sets the component's memory sizes.

#[path = "build/categories.rs"]
mod categories;
#[path = "build/page.rs"]
mod page;
#[path = "build/scripts.rs"]
mod scripts;
#[cfg(feature = "vocab")]
#[path = "build/tokens.rs"]
mod tokens;

/// Size of the component's stack in bytes. JSON nests at most 127 levels, which limits every recursion, instances of
/// schemas included: a chain of references to 180 objects in one another took more than 256 KiB.
const STACK: usize = 512 * 1024;

/// Initial size of an instance's heap in bytes. It fits a typical request, because growing a memory is a system call, and
/// shrinking it for the next instance is another.
const HEAP: usize = 256 * 1024;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_TARGET_FAMILY").is_some_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK}");
        println!("cargo::rustc-link-arg-cdylib=--initial-heap={HEAP}");
    }
    categories::write();
    page::write();
    scripts::write();
    #[cfg(feature = "vocab")]
    tokens::write();
}
