//! `cargo serve` uses the Wasmtime that `cargo test --workspace` has built: Cargo compiles a crate again for other
//! features, and the features depend on which packages are built together.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each package with the sets of features that it is built with.
type Packages = BTreeMap<String, BTreeSet<String>>;

fn tree(whose: &[&str]) -> Packages {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let shape = ["tree", "--offline", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"];
    let output = Command::new(cargo).args(shape).args(whose).current_dir("..").output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut packages = Packages::new();
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        if let Some((package, features)) = line.split_once('|') {
            packages.entry(package.to_owned()).or_default().insert(features.to_owned());
        }
    }
    packages
}

#[test]
fn the_host_has_the_same_features_alone_and_in_the_workspace() {
    let alone = tree(&["--package", "portcullis-host", "--edges", "normal,build"]);
    let together = tree(&["--workspace", "--edges", "normal,build,dev"]);
    assert!(alone.len() > 100, "the tree is Wasmtime's");
    let differ: Vec<_> = alone
        .iter()
        .filter(|(package, _)| !package.starts_with("portcullis-host "))
        .filter(|(package, features)| {
            !together.get(*package).is_some_and(|all| features.is_subset(all) && all.is_subset(features))
        })
        .map(|(package, features)| {
            format!("{package}: {features:?} alone, {:?} together", together.get(package))
        })
        .collect();
    assert!(
        differ.is_empty(),
        "give host/Cargo.toml these packages with the features of the workspace:\n{}",
        differ.join("\n")
    );
}
