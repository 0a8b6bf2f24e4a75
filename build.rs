//! Lays the token vocabularies and the character classes out as read-only data.

#[cfg(feature = "vocab")]
#[path = "build/tokens.rs"]
mod tokens;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "vocab")]
    tokens::write();
}
