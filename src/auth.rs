//! Who calls: headers → [`Caller`], or 401.

use crate::config::{Config, Key, Presented, bearer};
use crate::error::{ApiError, Kind};
use crate::http::Request;

/// A caller that may proceed.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    key: Option<&'a Key>,
}

impl<'a> Caller<'a> {
    /// What the log calls the caller; `None` for one without a key.
    pub fn name(&self) -> Option<&'a str> {
        self.key.map(|key| &*key.name)
    }

    /// Whether the caller's key opens only some models.
    pub fn is_limited(&self) -> bool {
        self.key.is_some_and(|key| key.models.is_some())
    }

    /// The models the caller's key names; empty where it names none.
    pub fn models(&self) -> &'a [String] {
        self.key.and_then(|key| key.models.as_deref()).unwrap_or_default()
    }

    /// Whether the caller may use a model.
    pub fn may_use(&self, model: &str) -> bool {
        self.key.is_none_or(|key| key.opens(model))
    }
}

/// Checks the `Authorization` header against the configured keys, every one of them, so that the
/// time taken tells nothing about which came near.
pub fn check<'a>(request: &Request, config: &'a Config) -> Result<Caller<'a>, ApiError> {
    let authorization = request.headers.get("authorization");
    let Some(key) = authorization.as_deref().and_then(bearer) else {
        return match config.allow_anonymous {
            true => Ok(Caller { key: None }),
            false => Err(ApiError::new(
                Kind::MissingKey,
                match request.path.strip_prefix("/v1/models") {
                    _ if config.keys.is_empty() => CLOSED,
                    // Who answers for the models has words of its own at the live API.
                    Some(rest) if rest.is_empty() || rest.starts_with('/') => NO_KEY_FOR_MODELS,
                    _ => NO_KEY,
                },
            )),
        };
    };
    let presented = Presented::new(key);
    let found =
        config.keys.iter().fold(None, |found, own| if own.matches(&presented) { Some(own) } else { found });
    match found {
        Some(own) => Ok(Caller { key: Some(own) }),
        None if config.allow_anonymous => Ok(Caller { key: None }),
        None if config.keys.is_empty() => Err(ApiError::new(Kind::InvalidKey, CLOSED)),
        None => Err(ApiError::new(
            Kind::InvalidKey,
            format!(
                "Incorrect API key provided: {}. You can find your API key at \
                 https://platform.openai.com/account/api-keys.",
                masked(key)
            ),
        )),
    }
}

const CLOSED: &str = "No API key can be right: the gateway has none. Its operator sets PORTCULLIS_API_KEYS to the \
                      keys callers may present (or PORTCULLIS_ALLOW_ANONYMOUS to `true`).";

const NO_KEY_FOR_MODELS: &str = "Missing bearer authentication in header";

const NO_KEY: &str = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                      using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank \
                      username) if you're accessing the API from your browser and are prompted for a username and \
                      password. You can obtain an API key from https://platform.openai.com/account/api-keys.";

/// A wrong key as the live API shows it: whole up to 12 characters, else its first 8, a star for
/// each between, its last 4.
fn masked(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    if chars.len() <= 12 {
        return key.to_owned();
    }
    let (head, tail) = (&chars[..8], &chars[chars.len() - 4..]);
    // A key of kilobytes would only make the message as long.
    let stars = "*".repeat((chars.len() - 12).min(200));
    head.iter().copied().chain(stars.chars()).chain(tail.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    fn checked(vars: &[(&str, &str)], authorization: Option<&str>) -> Result<Option<String>, ApiError> {
        checked_at("/v1/chat/completions", vars, authorization)
    }

    fn checked_at(
        path: &str,
        vars: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Result<Option<String>, ApiError> {
        let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let config = Config::from_vars(&vars).expect("valid settings");
        let headers = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        let request = Request { method: Method::Get, path: path.to_owned(), query: None, headers };
        check(&request, &config).map(|caller| caller.name().map(str::to_owned))
    }

    const KEYS: (&str, &str) = ("PORTCULLIS_API_KEYS", "sk-one,sk-two");
    const OPEN: (&str, &str) = ("PORTCULLIS_ALLOW_ANONYMOUS", "true");

    #[test]
    fn a_known_key_has_a_name() {
        assert_eq!(checked(&[KEYS], Some("Bearer sk-two")), Ok(Some("key-2".to_owned())));
        assert_eq!(checked(&[KEYS, OPEN], Some("Bearer sk-one")), Ok(Some("key-1".to_owned())));
    }

    #[test]
    fn an_open_gateway_takes_any_key_or_none() {
        assert_eq!(checked(&[OPEN], None), Ok(None));
        assert_eq!(checked(&[OPEN], Some("Bearer whatever")), Ok(None));
    }

    #[test]
    fn failures_say_what_is_missing() {
        let (none, wrong) = (None, Some("Bearer sk-wrong-wrong-key"));
        for (vars, header, code, part) in [
            (vec![], none, None, "PORTCULLIS_API_KEYS"),
            (vec![], wrong, Some("invalid_api_key"), "PORTCULLIS_API_KEYS"),
            (vec![KEYS], none, None, "You didn't provide an API key."),
            (vec![KEYS], Some("Basic c2s6"), None, "You didn't provide an API key."),
            (vec![KEYS], wrong, Some("invalid_api_key"), "provided: sk-wrong******-key. You can"),
        ] {
            let error = checked(&vars, header).expect_err("refused");
            assert_eq!((error.status(), error.code()), (401, code));
            assert!(error.message().contains(part), "{error}");
        }
    }

    #[test]
    fn the_models_have_their_own_words_for_a_missing_key() {
        for (path, want) in [
            ("/v1/models", NO_KEY_FOR_MODELS),
            ("/v1/models/gpt-4o", NO_KEY_FOR_MODELS),
            ("/v1/modelsx", NO_KEY),
            ("/v1/completions", NO_KEY),
        ] {
            let error = checked_at(path, &[KEYS], None).expect_err("refused");
            assert_eq!((error.message(), error.code()), (want, None), "{path}");
        }
    }

    #[test]
    fn keys_are_masked_as_the_live_api_does() {
        for (key, want) in [
            ("sk-", "sk-"),
            ("invalid-key1", "invalid-key1"),
            ("sk-wrong-key-", "sk-wrong*key-"),
            ("sk-0123456789abcdef", "sk-01234*******cdef"),
        ] {
            assert_eq!(masked(key), want);
        }
    }
}
