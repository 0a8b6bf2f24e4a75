//! The entries of the document, one module each: how they are written, and what they become.

mod key;
mod model;
mod upstream;

pub(super) use key::KeyEntry;
pub(super) use model::ModelEntry;
pub(super) use upstream::UpstreamEntry;

use super::ConfigError;
use super::node::wrong;
use std::time::Duration;

/// A time limit. A limit of nothing would let no request through.
fn millis(ms: Option<u32>, path: &str) -> Result<Option<Duration>, ConfigError> {
    match ms {
        Some(0) => Err(wrong(path, "it is 1 or more")),
        ms => Ok(ms.map(|ms| Duration::from_millis(ms.into()))),
    }
}
