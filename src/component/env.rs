//! Settings, and the gateway they make.

use crate::gateway::Gateway;
use std::sync::OnceLock;

/// The gateway, made once an instance: a host that reuses one saves the work, one that does not loses
/// nothing.
pub(super) fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| Gateway::new(&vars()))
}

fn vars() -> Vec<(String, String)> {
    wasi::cli::environment::get_environment()
}
