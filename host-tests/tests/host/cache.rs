//! The cache of compiled components.

use std::fs;
use std::path::{Path, PathBuf};

use host_tests::{Program, guest_file};

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_component_is_compiled_once_and_again_if_the_file_is_corrupt() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let _ = fs::remove_dir_all(&dir);
    let wasm = fs::read(guest_file()).unwrap();

    Program::from_binary(&wasm, Some(&dir)).unwrap();
    let [file] = &files(&dir)[..] else { panic!("one component, one file") };
    let written = fs::metadata(file).unwrap().modified().unwrap();
    Program::from_binary(&wasm, Some(&dir)).unwrap();
    assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), written);

    // A truncated file, as after a full disk.
    fs::write(file, "").unwrap();
    Program::from_binary(&wasm, Some(&dir)).unwrap();
    assert_ne!(fs::metadata(file).unwrap().len(), 0);
}

#[test]
fn old_files_are_removed() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("old-cache");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    for number in 0..20 {
        fs::write(dir.join(format!("{number}.cwasm")), "").unwrap();
    }
    Program::from_binary(&fs::read(guest_file()).unwrap(), Some(&dir)).unwrap();
    assert_eq!(files(&dir).len(), 8);
}

#[test]
fn a_file_that_cannot_be_served_is_an_error() {
    let error = Program::load(Path::new("/no/such/file")).err().unwrap();
    assert!(format!("{error:#}").contains("cannot read /no/such/file"));
    // An empty component.
    let error = Program::from_binary(b"\0asm\x0d\0\x01\0", None).err().unwrap();
    assert!(format!("{error:#}").contains("incoming-handler"), "{error:#}");
}
