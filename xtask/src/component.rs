//! Builds the component of this workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Whether Cargo prints what it builds. Errors and warnings it prints in any case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Shown,
    Hidden,
}

/// Builds the component, after installing Rust's target for it if that is missing.
pub(crate) fn build(progress: Progress) -> Result<PathBuf, String> {
    ensure_target()?;
    let mut args = vec!["build", "--release", "--target", TARGET, "-p", "portcullis", "--lib"];
    if progress == Progress::Hidden {
        args.push("-q");
    }
    cargo(&args).map_err(|error| format!("the component does not build: {error}"))?;
    file()
}

/// Where [`build`] puts the component.
pub(crate) fn file() -> Result<PathBuf, String> {
    Ok(target_dir()?.join(TARGET).join("release/portcullis.wasm"))
}

/// Runs Cargo, whose output goes to the terminal.
pub(crate) fn cargo(args: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut command = Command::new(cargo);
    // `cargo run` sets variables that name this package. With them, Cargo compiles ring again, whose build script reads
    // them, and with it half the embedded host.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    match command.current_dir(root()).args(args).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`cargo {}` failed, see above", args.join(" "))),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}

/// Cargo's target directory, which contains this program.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("cannot find the path of this program: {error}"))?;
    // Cargo marks the directory for backup programs, also if its path is configured.
    let marked = own.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    let marked = marked.ok_or_else(|| format!("{} is not in a target directory of Cargo", own.display()))?;
    Ok(marked.to_owned())
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn ensure_target() -> Result<(), String> {
    if has_target()? {
        return Ok(());
    }
    let add = format!("rustup target add {TARGET}");
    eprintln!("Rust's {TARGET} target is missing; running `{add}`");
    match Command::new("rustup").current_dir(root()).args(["target", "add", TARGET]).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!(
            "`{add}` failed, see above. Without it the component cannot be built; once you have made it \
             work (it needs the network), run `cargo serve` again"
        )),
        Err(error) => Err(format!(
            "Rust's {TARGET} target is missing, and rustup, which could add it, does not run ({error}). With \
             rustup (https://rustup.rs): `{add}`. With the Rust of a Linux distribution: install its package \
             of the standard library for {TARGET}"
        )),
    }
}

fn has_target() -> Result<bool, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(rustc)
        .current_dir(root())
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    // rustc prints the directory even if it does not exist.
    Ok(output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
