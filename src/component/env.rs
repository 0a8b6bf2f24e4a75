//! Settings, and the gateway they make.

use crate::gateway::Gateway;
use std::sync::OnceLock;

/// The gateway, made once an instance: a host that reuses one saves the work, one that does not loses
/// nothing.
pub(super) fn gateway() -> &'static Gateway {
    static GATEWAY: OnceLock<Gateway> = OnceLock::new();
    GATEWAY.get_or_init(|| Gateway::new(&vars()))
}

#[cfg(not(feature = "spin"))]
fn vars() -> Vec<(String, String)> {
    wasi::cli::environment::get_environment()
}

/// The environment after Spin's variables, since the first of a name counts.
#[cfg(feature = "spin")]
fn vars() -> Vec<(String, String)> {
    let mut vars: Vec<_> = crate::config::NAMES
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), spin::variable(name.trim_start_matches("PORTCULLIS_"))?)))
        .collect();
    // What a setting refers to as `$NAME` comes from the same source.
    let referred: Vec<_> = vars
        .iter()
        .flat_map(|(_, value)| value.split('$').skip(1))
        .map(|rest| {
            &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
        .filter_map(|name| Some((name.to_owned(), spin::variable(name)?)))
        .collect();
    vars.extend(referred);
    vars.extend(wasi::cli::environment::get_environment());
    vars
}

#[cfg(feature = "spin")]
mod spin {
    wit_bindgen::generate!({ path: "wit", world: "spin-settings", generate_all });

    /// A variable's value; `None` if it has none, is empty, or is not given to the component.
    pub(super) fn variable(name: &str) -> Option<String> {
        // Spin's names are lower case.
        let value = fermyon::spin::variables::get(&name.to_ascii_lowercase()).ok()?;
        (!value.is_empty()).then_some(value)
    }
}
