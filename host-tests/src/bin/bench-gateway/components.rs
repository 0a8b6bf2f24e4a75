//! The components that are measured.

use std::path::{Path, PathBuf};

/// Files of components, built from the current sources.
pub(crate) struct Components {
    /// Portcullis as it is shipped.
    pub(crate) portcullis: PathBuf,
    /// Portcullis without its vocabularies.
    pub(crate) plain: PathBuf,
    pub(crate) null: PathBuf,
    pub(crate) null_proxy: PathBuf,
}

impl Components {
    pub(crate) fn build() -> Result<Self, String> {
        // A separate directory: the component's file has the same name with and without features, and Cargo does not
        // notice that another build has overwritten it.
        let apart = target_dir()?.join("no-vocab");
        let apart = apart.to_str().ok_or("the target directory's name is not text")?;
        Ok(Self {
            portcullis: host_tests::component_file().to_owned(),
            plain: host_tests::build("portcullis", &["--no-default-features", "--target-dir", apart]),
            null: host_tests::build("null-component", &[]),
            null_proxy: host_tests::build("null-proxy", &[]),
        })
    }
}

/// Where Cargo puts what it builds.
pub(crate) fn target_dir() -> Result<PathBuf, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("cannot find the path of this program: {error}"))?;
    // Cargo marks the directory for backup programs, wherever it is.
    let marked = own.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    marked
        .map(Path::to_owned)
        .ok_or_else(|| format!("{} is not in a target directory of Cargo", own.display()))
}

/// The bytes of a file.
pub(crate) fn size(file: &Path) -> Result<u64, String> {
    let metadata = std::fs::metadata(file);
    metadata.map(|metadata| metadata.len()).map_err(|error| format!("{}: {error}", file.display()))
}
