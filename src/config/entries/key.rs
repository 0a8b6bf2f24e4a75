//! Entries of `keys`.

use crate::config::limits::OwnLimit;
use crate::config::node::{SETTING, settings, wrong};
use crate::config::vars::Vars;
use crate::config::{ConfigError, Key};

settings! {
    /// A caller's key.
    pub(in crate::config) struct KeyEntry {
        name: String = needed,
        key: Option<String> = maybe,
        sha256: Option<String> = maybe,
        models: Option<Vec<String>> = maybe,
        pub(in crate::config) limits: Vec<OwnLimit> = or_default,
        admin: bool = or_default,
    }
}

impl KeyEntry {
    /// The key; `path` is where it stands in the document.
    pub(in crate::config) fn read(&self, path: &str, vars: Vars<'_>) -> Result<Key, ConfigError> {
        let text = match (&self.key, &self.sha256) {
            (Some(text), None) => {
                vars.secret(text, &format!("{SETTING} (`{path}.key`)"))?.expose().to_owned()
            }
            (None, Some(hex)) => format!("sha256:{hex}"),
            _ => return Err(wrong(path, "it needs either `key` or `sha256`")),
        };
        if let Some(model) = self.models.iter().flatten().find(|model| model.matches('*').count() > 1) {
            let problem = format_args!("`{model}` has more than one `*`");
            return Err(wrong(format_args!("{path}.models"), problem));
        }
        let mut key = Key::parse(&*self.name, &text).map_err(|why| wrong(path, why))?;
        key.models = self.models.clone();
        key.limits = self.limits.iter().map(|own| own.0).collect();
        (key.admin, key.is_named) = (self.admin, true);
        Ok(key)
    }
}
