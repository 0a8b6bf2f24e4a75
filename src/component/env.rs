//! Settings, and the gateway they make.

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
            let name = &rest[..end];
            referred.extend(spin::variable(setting, name)?.map(|value| (name.to_owned(), value)));
        }
    }
    vars.extend(referred);
    vars.extend(wasi::cli::environment::get_environment());
    Ok(vars)
}

#[cfg(feature = "spin")]
mod spin {
    wit_bindgen::generate!({ path: "wit", world: "spin-settings", generate_all });

    use crate::config::ConfigError;
    use fermyon::spin::variables::{self, Error};

    /// The value of a variable that a setting needs; `None` if it has none, is empty, or is not given to the
    /// component. A provider that fails is an error: what it keeps may be what callers are to be judged by.
    pub(super) fn variable(setting: &str, name: &str) -> Result<Option<String>, ConfigError> {
        // Spin's names are lower case.
        let name = name.to_ascii_lowercase();
        match variables::get(&name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            // A `$` that no name follows refers to nothing.
            Err(Error::Undefined(_) | Error::InvalidName(_)) => Ok(None),
            // A provider's message may contain the request, and so a secret.
            Err(Error::Provider(_) | Error::Other(_)) => Err(ConfigError::new(
                setting,
                format!(
                    "Spin's provider of variables failed to give `{name}`; Spin's own log may have the reason"
                ),
            )),
        }
    }
}
