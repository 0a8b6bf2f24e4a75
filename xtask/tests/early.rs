//! `cargo serve` reports what it can check at once before it builds anything.

use std::net::TcpListener;
use std::process::Command;

/// An address that takes a free port. The default port is in use while a gateway is running.
const FREE: &str = "127.0.0.1:0";

/// Standard error of `cargo serve` on a machine with no Cargo, no rustc and no `wasmtime`.
fn serve(flags: &[&str]) -> String {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_xtask"));
    serve.arg("serve").args(flags).env("PATH", "").env("RUSTC", "/no/rustc").env("CARGO", "/no/cargo");
    let output = serve.output().expect("it was built for this test");
    assert!(!output.status.success(), "{flags:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn an_unusable_flag_is_reported_before_the_build() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    for (addr, flags, want) in [
        (taken.as_str(), ["--reuse", "1"], format!("cannot listen on {taken}")),
        (FREE, ["--wasm", "/no/file"], "--wasm /no/file: there is no such file".to_owned()),
        (FREE, ["--config", "/no/file"], "--config /no/file: ".to_owned()),
        (FREE, ["--host", "wasmtime"], "--host wasmtime: there is no `wasmtime` on the PATH".to_owned()),
    ] {
        let stderr = serve(&["--addr", addr, flags[0], flags[1]]);
        assert!(stderr.starts_with(&format!("cargo serve: {want}")), "{flags:?}: {stderr}");
    }
    // Without an error it gets as far as the build.
    assert!(serve(&["--addr", FREE]).contains("cannot run rustc"));
}
