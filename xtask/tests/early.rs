//! What `cargo serve` can tell at once, it tells before it builds anything.

use std::net::TcpListener;
use std::process::Command;

/// What `cargo serve` says where there is no program it could build with, nor a `wasmtime`.
fn serve(flags: &[&str]) -> String {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_xtask"));
    serve.arg("serve").args(flags).env("PATH", "").env("RUSTC", "/no/rustc").env("CARGO", "/no/cargo");
    let output = serve.output().expect("it was built for this test");
    assert!(!output.status.success(), "{flags:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn nothing_is_built_for_what_cannot_be_served() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    for (flags, want) in [
        (["--addr", &taken], format!("cannot listen on {taken}")),
        (["--wasm", "/no/file"], "--wasm /no/file: there is no such file".to_owned()),
        (["--config", "/no/file"], "--config /no/file: ".to_owned()),
        (["--host", "wasmtime"], "--host wasmtime: there is no `wasmtime` on the PATH".to_owned()),
    ] {
        let said = serve(&flags);
        assert!(said.starts_with(&format!("cargo serve: {want}")), "{flags:?}: {said}");
    }
    // So that the above shows something.
    assert!(serve(&["--addr", "127.0.0.1:0"]).contains("cannot run rustc"));
}
