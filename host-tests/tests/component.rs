//! The imports and exports of the component: a host that lacks one of the imports does not start it.

use host_tests::component_file;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Everything that the component imports. A new entry may exclude hosts, so it needs a reason: no file system, no sockets,
/// nothing that `wasmtime serve -Scli` and Spin do not both have.
const IMPORTS: &[&str] = &[
    "wasi:cli/environment@0.2",
    "wasi:cli/exit@0.2",
    "wasi:cli/stderr@0.2",
    "wasi:cli/stdin@0.2",
    "wasi:cli/stdout@0.2",
    "wasi:cli/terminal-input@0.2",
    "wasi:cli/terminal-output@0.2",
    "wasi:cli/terminal-stderr@0.2",
    "wasi:cli/terminal-stdin@0.2",
    "wasi:cli/terminal-stdout@0.2",
    "wasi:clocks/monotonic-clock@0.2",
    "wasi:clocks/wall-clock@0.2",
    "wasi:http/outgoing-handler@0.2",
    "wasi:http/types@0.2",
    "wasi:io/error@0.2",
    "wasi:io/poll@0.2",
    "wasi:io/streams@0.2",
    "wasi:random/insecure-seed@0.2",
    "wasi:random/random@0.2",
];

const EXPORTS: &[&str] = &["wasi:http/incoming-handler@0.2"];

#[test]
fn imports_and_exports_are_these_and_no_others() {
    let engine = Engine::default();
    let bytes = std::fs::read(component_file()).expect("the component was built");
    let component = Component::new(&engine, bytes).expect("it is a component");
    let world = component.component_type();
    let imports: Vec<_> = world.imports(&engine).map(|(name, _)| without_patch(name)).collect();
    let exports: Vec<_> = world.exports(&engine).map(|(name, _)| without_patch(name)).collect();
    assert_eq!(sorted(imports), IMPORTS);
    assert_eq!(sorted(exports), EXPORTS);
}

/// `wasi:io/poll@0.2.6` as `wasi:io/poll@0.2`: the minor versions of WASI 0.2 are compatible.
fn without_patch(name: &str) -> String {
    match name.split_once('@') {
        Some((interface, version)) => {
            let minor: Vec<_> = version.split('.').take(2).collect();
            format!("{interface}@{}", minor.join("."))
        }
        None => name.to_owned(),
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
