//! The environment variables: their names, and the values that fit one line.

use super::document::{self, Document};
use super::route::{Backend, Served, Upstream, is_authority};
use super::{Config, ConfigError, Key, LogLevel, Origins, Plan, Secret, UnknownParams, Validation};
use std::collections::HashSet;

/// Every variable there is, in the order of the documentation.
pub const NAMES: [&str; 12] = [
    "PORTCULLIS_API_KEYS",
    "PORTCULLIS_ALLOW_ANONYMOUS",
    "PORTCULLIS_UPSTREAM_URL",
    "PORTCULLIS_UPSTREAM_KEY",
    "PORTCULLIS_MODELS",
    "PORTCULLIS_CONFIG",
    "PORTCULLIS_UNKNOWN_PARAMS",
    "PORTCULLIS_VALIDATION",
    "PORTCULLIS_MAX_BODY_BYTES",
    "PORTCULLIS_LOG",
    "PORTCULLIS_CORS_ORIGINS",
    "PORTCULLIS_PAGE",
];

const DEFAULT_MAX_BODY_BYTES: usize = 20 * 1024 * 1024;

/// An instance has 4 GiB of memory at the most, and holds a body more than once.
const MAX_BODY_BYTES: usize = 1024 * 1024 * 1024;

/// Where settings come from, with the two ways to read one.
#[derive(Clone, Copy, Default)]
pub(super) struct Vars<'a>(&'a [(String, String)]);

impl<'a> Vars<'a> {
    /// A variable's value without surrounding space; an empty one is as good as none, since that
    /// is how most hosts spell "unset".
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        let value = self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim())?;
        (!value.is_empty()).then_some(value)
    }

    /// A secret as a setting gives it: itself, or `$NAME` for another variable's value.
    pub(super) fn secret(self, text: &str, setting: &str) -> Result<Secret, ConfigError> {
        let value = match text.strip_prefix('$') {
            None => text,
            Some(name) => self.get(name).ok_or_else(|| {
                // What looks like no variable's name may be the secret itself.
                let problem = match name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    true => format!("it refers to ${name}, which is not set."),
                    false => {
                        "after its `$` there is no variable's name; to use a value that begins with `$`, put it \
                              in another variable and refer to that."
                            .to_owned()
                    }
                };
                ConfigError::new(setting, problem)
            })?,
        };
        match value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            true => Ok(Secret::new(value)),
            false => Err(ConfigError::new(setting, "its value has a character no header field can carry.")),
        }
    }
}

pub(super) fn read(vars: &[(String, String)]) -> Result<Config, ConfigError> {
    let vars = Vars(vars);
    if let Some((name, _)) =
        vars.0.iter().find(|(name, _)| name.starts_with("PORTCULLIS_") && !NAMES.contains(&&**name))
    {
        return Err(ConfigError::new(
            name,
            format!("there is no such setting; there are {}.", NAMES.join(", ")),
        ));
    }
    let document = match vars.get("PORTCULLIS_CONFIG") {
        Some(json) => document::parse(json)?,
        None => Document::default(),
    };
    let mut keys = list(vars, "PORTCULLIS_API_KEYS")
        .enumerate()
        .map(|(i, text)| {
            Key::parse(format!("key-{}", i + 1), text)
                .map_err(|why| ConfigError::new("PORTCULLIS_API_KEYS", format!("entry {}: {why}.", i + 1)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    keys.extend(document.keys(vars)?);
    let mut upstreams = document.upstreams(vars)?;
    let mut named = document.models(&upstreams)?;
    let default = default_upstream(vars, &mut upstreams)?;
    let listed = list(vars, "PORTCULLIS_MODELS").map(str::to_owned).collect::<Vec<_>>();
    if let Some(name) = listed.iter().find(|name| name.matches('*').count() > 1) {
        return Err(ConfigError::new("PORTCULLIS_MODELS", format!("`{name}` has more than one `*`.")));
    }
    let passthrough = match (document.passthrough(&upstreams)?, &default) {
        (None, Backend::Upstream(plan)) => Some(plan.first_target().upstream),
        (named, _) => named,
    };
    // Most name none, and a set needs random numbers of the host.
    if !listed.is_empty() {
        // A name counts where it stands first.
        let mut known: HashSet<String> = named.iter().map(|(name, _)| name.clone()).collect();
        let new = listed.into_iter().filter(|id| known.insert(id.clone()));
        named.extend(new.map(|id| (id, default.clone())));
    }
    let others = match (&default, named.is_empty()) {
        (Backend::Engine, false) => None,
        (Backend::Upstream(_), false) if vars.get("PORTCULLIS_MODELS").is_some() => None,
        _ => Some(default),
    };
    let config = Config {
        keys,
        allow_anonymous: choice(vars, "PORTCULLIS_ALLOW_ANONYMOUS", &[("true", true), ("false", false)])?
            .unwrap_or(false),
        upstreams,
        served: Served { named, others },
        prices: document.prices(),
        passthrough,
        route_headers: document.route_headers(),
        validation: choice(
            vars,
            "PORTCULLIS_VALIDATION",
            &[("live", Validation::Live), ("schema", Validation::Schema), ("types", Validation::Types)],
        )?,
        unknown_params: choice(
            vars,
            "PORTCULLIS_UNKNOWN_PARAMS",
            &[
                ("reject", UnknownParams::Reject),
                ("pass", UnknownParams::Pass),
                ("drop", UnknownParams::Drop),
            ],
        )?,
        max_body_bytes: bytes(vars, "PORTCULLIS_MAX_BODY_BYTES")?.unwrap_or(DEFAULT_MAX_BODY_BYTES),
        log: choice(
            vars,
            "PORTCULLIS_LOG",
            &[("off", LogLevel::Off), ("error", LogLevel::Error), ("info", LogLevel::Info)],
        )?
        .unwrap_or(LogLevel::Info),
        engine: document.engine()?,
        store: document.store(vars)?,
        limits: document.limits()?,
        reserve_tokens: document.reserve_tokens()?,
        origins: origins(vars)?,
        page: choice(vars, "PORTCULLIS_PAGE", &[("on", true), ("off", false)])?.unwrap_or(true),
    };
    config.check_prices()?;
    Ok(config)
}

/// Who answers for the models the document does not route: the endpoint of
/// `PORTCULLIS_UPSTREAM_URL`, or the engine.
fn default_upstream(vars: Vars<'_>, upstreams: &mut Vec<Upstream>) -> Result<Backend, ConfigError> {
    let key = vars.get("PORTCULLIS_UPSTREAM_KEY");
    let Some(url) = vars.get("PORTCULLIS_UPSTREAM_URL") else {
        return match key {
            None => Ok(Backend::Engine),
            Some(_) => Err(ConfigError::new(
                "PORTCULLIS_UPSTREAM_KEY",
                "it needs PORTCULLIS_UPSTREAM_URL, the endpoint it is for.",
            )),
        };
    };
    let mut upstream = Upstream::from_url("default", url, "PORTCULLIS_UPSTREAM_URL")?;
    upstream.key = key.map(|text| vars.secret(text, "PORTCULLIS_UPSTREAM_KEY")).transpose()?;
    upstreams.push(upstream);
    Ok(Backend::Upstream(Plan::to_one(upstreams.len() - 1)))
}

fn origins(vars: Vars<'_>) -> Result<Option<Origins>, ConfigError> {
    let name = "PORTCULLIS_CORS_ORIGINS";
    if list(vars, name).any(|origin| origin == "*") {
        return Ok(Some(Origins::Any));
    }
    let all: Vec<String> = list(vars, name)
        .map(|text| {
            origin(text).ok_or_else(|| {
                let problem = "is no origin; one is `*` or looks like `https://app.example`";
                ConfigError::new(name, format!("`{text}` {problem}."))
            })
        })
        .collect::<Result<_, _>>()?;
    Ok((!all.is_empty()).then_some(Origins::Listed(all)))
}

/// An origin as browsers spell it (HTML standard, section 7.1.1): in lower case, without the port its scheme
/// stands for. `None` for what none of them would send.
fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let usual = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let is_origin = !scheme.is_empty() && scheme.bytes().all(legal) && is_authority(authority);
    is_origin.then(|| format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(authority)))
}

fn list<'a>(vars: Vars<'a>, name: &str) -> impl Iterator<Item = &'a str> {
    vars.get(name).unwrap_or("").split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn choice<T: Copy>(vars: Vars<'_>, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
    let Some(value) = vars.get(name) else { return Ok(None) };
    match choices.iter().find(|(text, _)| *text == value) {
        Some((_, choice)) => Ok(Some(*choice)),
        None => {
            let all: Vec<_> = choices.iter().map(|(text, _)| format!("`{text}`")).collect();
            Err(ConfigError::new(name, format!("it is `{value}`; it may be {}.", all.join(", "))))
        }
    }
}

fn bytes(vars: Vars<'_>, name: &str) -> Result<Option<usize>, ConfigError> {
    let Some(value) = vars.get(name) else { return Ok(None) };
    match value.parse().ok().filter(|bytes| (1..=MAX_BODY_BYTES).contains(bytes)) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(ConfigError::new(
            name,
            format!("it is `{value}`; it is a number of bytes, 1 to {MAX_BODY_BYTES}."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Config, String> {
        let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Config::from_vars(&vars).map_err(|e| e.to_string())
    }

    #[test]
    fn nothing_set_is_the_engine_closed_to_all() {
        let config = config(&[]).expect("valid");
        assert!(config.keys.is_empty() && !config.allow_anonymous);
        assert_eq!(config.served, Served { named: vec![], others: Some(Backend::Engine) });
        assert_eq!(config.max_body_bytes, 20 * 1024 * 1024);
        assert_eq!(config.log, LogLevel::Info);
    }

    #[test]
    fn an_upstream_url_serves_all_models_or_the_named_ones() {
        let url = ("PORTCULLIS_UPSTREAM_URL", "http://h/v1");
        let to_it = Backend::Upstream(Plan::to_one(0));
        let all = config(&[url]).expect("valid");
        assert_eq!((all.served.find("any"), all.served.names("any")), (Some(&to_it), false));
        let some = config(&[url, ("PORTCULLIS_MODELS", "a, b,")]).expect("valid");
        assert_eq!((some.served.find("b"), some.served.names("b")), (Some(&to_it), true));
        assert_eq!(some.served.find("c"), None);
    }

    #[test]
    fn a_model_that_is_named_twice_is_served_once() {
        let config = config(&[
            ("PORTCULLIS_CONFIG", r#"{"models": {"a": {"engine": {}}}}"#),
            ("PORTCULLIS_MODELS", "b,a,b"),
        ]);
        assert_eq!(config.expect("valid").served.listed().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn origins_are_spelled_as_browsers_do() {
        for (text, want) in [
            ("https://app.example", Some("https://app.example")),
            ("HTTPS://App.Example:443", Some("https://app.example")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://[::1]:80", Some("http://[::1]")),
            ("tauri://localhost", Some("tauri://localhost")),
            ("chrome-extension://abcdef", Some("chrome-extension://abcdef")),
            // These would be taken, and no page ever let in.
            ("https://*.app.example", None),
            ("https://app.example/", None),
            ("https://app.example/chat", None),
            ("https://", None),
            ("://app.example", None),
            ("app.example", None),
        ] {
            let listed = config(&[("PORTCULLIS_CORS_ORIGINS", text)]).map(|config| config.origins);
            let want = want.map(|origin| Some(Origins::Listed(vec![origin.to_owned()])));
            assert_eq!(listed.as_ref().ok(), want.as_ref(), "{text}: {listed:?}");
        }
        let any = config(&[("PORTCULLIS_CORS_ORIGINS", "https://app.example,*")]).expect("valid");
        assert_eq!(any.origins, Some(Origins::Any));
    }

    #[test]
    fn a_wrong_value_is_named_with_what_would_be_right() {
        for (name, value, hint) in [
            ("PORTCULLIS_ALLOW_ANONYMOUS", "yes", "`true`, `false`"),
            ("PORTCULLIS_VALIDATION", "strict", "`live`, `schema`, `types`"),
            ("PORTCULLIS_UNKNOWN_PARAMS", "ignore", "`reject`, `pass`, `drop`"),
            ("PORTCULLIS_LOG", "debug", "`off`, `error`, `info`"),
            ("PORTCULLIS_MAX_BODY_BYTES", "20MB", "number of bytes"),
            ("PORTCULLIS_MAX_BODY_BYTES", "0", "1 to 1073741824"),
            ("PORTCULLIS_MAX_BODY_BYTES", "5000000000", "1 to 1073741824"),
            ("PORTCULLIS_CORS_ORIGINS", "example.org", "https://app.example"),
            ("PORTCULLIS_PAGE", "no", "`on`, `off`"),
            ("PORTCULLIS_UPSTREAM_KEY", "sk", "PORTCULLIS_UPSTREAM_URL"),
            ("PORTCULLIS_API_KEYS", "ok,sha256:12", "entry 2"),
            ("PORTCULLIS_API_KEY", "sk", "PORTCULLIS_API_KEYS"),
        ] {
            let error = config(&[(name, value)]).expect_err(name);
            assert!(error.contains(name) && error.contains(hint), "{error}");
        }
    }

    #[test]
    fn no_error_shows_a_secret() {
        let line_break = "sk-secret\nx";
        for vars in [
            vec![("PORTCULLIS_API_KEYS", "sk-secret x")],
            vec![("PORTCULLIS_UPSTREAM_URL", "http://h"), ("PORTCULLIS_UPSTREAM_KEY", line_break)],
            vec![("PORTCULLIS_UPSTREAM_KEY", "sk-secret")],
            vec![("PORTCULLIS_UPSTREAM_URL", "http://h"), ("PORTCULLIS_UPSTREAM_KEY", "$ecret-or-secret")],
        ] {
            let error = config(&vars).expect_err("wrong");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
