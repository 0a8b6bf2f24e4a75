//! Settings, and the gateway they make.

#[cfg(feature = "spin")]
use super::spin;
use crate::config::ConfigError;
use crate::gateway::Gateway;
use std::sync::{Arc, OnceLock};

/// The gateway, made once an instance: a host that reuses one saves the work, one that does not loses
/// nothing. Settings that could not be read are read again by the next request.
pub(super) fn gateway() -> Arc<Gateway> {
    static GATEWAY: OnceLock<Arc<Gateway>> = OnceLock::new();
    if let Some(gateway) = GATEWAY.get() {
        return gateway.clone();
    }
    match vars() {
        Ok(vars) => GATEWAY.get_or_init(|| Arc::new(Gateway::new(&vars))).clone(),
        Err(error) => Arc::new(Gateway::misconfigured(error)),
    }
}

type Vars = Vec<(String, String)>;

#[cfg(not(feature = "spin"))]
fn vars() -> Result<Vars, ConfigError> {
    Ok(wasi::cli::environment::get_environment())
}

/// The environment after Spin's variables, since the first of a name counts.
#[cfg(feature = "spin")]
fn vars() -> Result<Vars, ConfigError> {
    let mut vars = Vars::new();
    for name in crate::config::NAMES {
        let value = spin::variable(name, name.trim_start_matches("PORTCULLIS_"))?;
        vars.extend(value.map(|value| (name.to_owned(), value)));
    }
    // What a setting refers to as `$NAME` comes from the same source.
    let mut referred = Vars::new();
    for (setting, value) in &vars {
        for rest in value.split('$').skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, _) = rest.split_at(end);
            referred.extend(spin::variable(setting, name)?.map(|value| (name.to_owned(), value)));
        }
    }
    vars.extend(referred);
    vars.extend(wasi::cli::environment::get_environment());
    Ok(vars)
}
