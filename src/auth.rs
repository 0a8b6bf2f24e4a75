//! Authentication: header fields → [`Caller`], or 401.

use crate::config::{Config, Key, Limit, Presented, bearer};
use crate::error::{ApiError, Kind};
use crate::http::Request;

/// A caller that may proceed.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    key: Option<&'a Key>,
}

impl<'a> Caller<'a> {
    /// The name of the caller's key, for the log; `None` for a caller without a key.
    pub fn name(&self) -> Option<&'a str> {
        self.key.map(|key| &*key.name)
    }

    /// What the caller is known by in the store: the key's name or digest; callers without a key are one.
    pub fn identity(&self) -> String {
        self.key.map_or_else(|| "anonymous".to_owned(), Key::identity)
    }

    /// The limits of the caller's own.
    pub fn limits(&self) -> &'a [Limit] {
        self.key.map_or(&[], |key| &key.limits)
    }

    /// Whether the caller may see the usage of all keys.
    pub fn is_admin(&self) -> bool {
        self.key.is_some_and(|key| key.admin)
    }

    /// Whether the caller's key is restricted to some models.
    pub fn restricts_models(&self) -> bool {
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

/// Compares the caller's credentials with the configured keys: every credential with every key, so that the time
/// taken shows nothing about which came near.
///
/// # Errors
///
/// 401 where no credential is one of the keys, where two of them are different keys, and for more than
/// [`MAX_CREDENTIALS`].
pub fn check<'a>(request: &Request, config: &'a Config) -> Result<Caller<'a>, ApiError> {
    let fields = CREDENTIALS.map(|name| (name, request.headers.values(name)));
    let values = fields.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, &**value)));
    let presented = values.flat_map(|(name, value)| credentials(name, value));
    let (mut first, mut found) = (None, None);
    for (count, text) in presented.enumerate() {
        if count == MAX_CREDENTIALS {
            return Err(ApiError::new(Kind::InvalidKey, MANY_KEYS));
        }
        first = first.or(Some(text));
        let presented = Presented::new(text);
        let keys = config.keys.iter().enumerate();
        let matching =
            keys.fold(None, |found, (i, own)| if own.matches(&presented) { Some(i) } else { found });
        match (found, matching) {
            (Some(one), Some(other)) if one != other => {
                return Err(ApiError::new(Kind::InvalidKey, TWO_KEYS));
            }
            _ => found = found.or(matching),
        }
    }
    let key = found.and_then(|i| config.keys.get(i));
    match first {
        _ if key.is_some() || config.allow_anonymous => Ok(Caller { key }),
        Some(_) if config.keys.is_empty() => Err(ApiError::new(Kind::InvalidKey, CLOSED)),
        Some(text) => Err(ApiError::new(
            Kind::InvalidKey,
            format!(
                "Incorrect API key provided: {}. You can find your API key at \
                 https://platform.openai.com/account/api-keys.",
                masked(text)
            ),
        )),
        None => Err(ApiError::new(
            Kind::MissingKey,
            match request.path.strip_prefix("/v1/models") {
                _ if config.keys.is_empty() => CLOSED,
                // The live API has an error text of its own there.
                Some(rest) if rest.is_empty() || rest.starts_with('/') => NO_KEY_FOR_MODELS,
                _ => NO_KEY,
            },
        )),
    }
}

/// The fields a key may be in: OpenAI's, Anthropic's, Azure's.
const CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// The most credentials that are compared: without a limit, a caller without a key could have thousands compared.
const MAX_CREDENTIALS: usize = 16;

/// The keys in a value of a field: the value, and if it is a list, as it is where a host or a proxy joins fields of the
/// same name (RFC 9110, section 5.3), each of its entries. The value comes first, because a key may have commas.
fn credentials<'a>(name: &'static str, value: &'a str) -> impl Iterator<Item = &'a str> {
    let entries = value.split(',').filter(move |entry| entry.len() < value.len());
    std::iter::once(value).chain(entries).filter_map(move |text| credential(name, text.trim()))
}

/// The key in a value of a field, if there is one.
fn credential<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    match name {
        "authorization" => bearer(value),
        _ => Some(value).filter(|key| !key.is_empty()),
    }
}

const TWO_KEYS: &str = "Two different API keys were provided, and both are valid. Send one key, in one of the headers \
                        Authorization, x-api-key and api-key.";

const MANY_KEYS: &str = "Too many API keys were provided. Send one key, in one of the headers Authorization, x-api-key and \
                         api-key.";

const CLOSED: &str = "No API key is valid here: the gateway has none configured. Its operator sets \
                      PORTCULLIS_API_KEYS to the keys that callers may use (or PORTCULLIS_ALLOW_ANONYMOUS to `true`).";

const NO_KEY_FOR_MODELS: &str = "Missing bearer authentication in header";

const NO_KEY: &str = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                      using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank \
                      username) if you're accessing the API from your browser and are prompted for a username and \
                      password. You can obtain an API key from https://platform.openai.com/account/api-keys.";

/// A wrong key as the live API shows it: whole up to 12 characters, else its first 8, a star for
/// each between, its last 4.
fn masked(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    let (Some(head), Some(tail), 13..) = (chars.first_chunk::<8>(), chars.last_chunk::<4>(), chars.len())
    else {
        return key.to_owned();
    };
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
        let fields: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        checked_fields(path, vars, &fields)
    }

    fn checked_fields(
        path: &str,
        vars: &[(&str, &str)],
        fields: &[(&'static str, &str)],
    ) -> Result<Option<String>, ApiError> {
        let vars: Vec<_> = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let config = Config::from_vars(&vars).expect("valid settings");
        let headers = fields.iter().copied().collect();
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
    fn a_key_may_be_in_any_of_three_fields() {
        let path = "/v1/chat/completions";
        let (bearer, anthropic, azure) = ("Authorization", "x-api-key", "api-key");
        let many = "sk-one,".repeat(MAX_CREDENTIALS);
        for (fields, want) in [
            (&[(anthropic, "sk-one")][..], Ok("key-1")),
            (&[("Api-Key", " sk-two ")], Ok("key-2")),
            (&[(bearer, "Bearer sk-one"), (anthropic, "sk-one"), (azure, "sk-one")], Ok("key-1")),
            // One that is valid admits, wherever it is.
            (&[(bearer, "Bearer wrong"), (azure, "sk-two")], Ok("key-2")),
            (&[(anthropic, "sk-one"), (azure, "wrong")], Ok("key-1")),
            (&[(bearer, "Basic c2s6"), (anthropic, "sk-one")], Ok("key-1")),
            (&[(bearer, "Bearer sk-one"), (anthropic, "sk-two")], Err("Two different API keys")),
            (&[(anthropic, "sk-two"), (azure, "sk-one")], Err("Two different API keys")),
            // A field that was sent twice, as it came and as a host joins it.
            (&[(bearer, "Bearer sk-one"), (bearer, "Bearer sk-two")], Err("Two different API keys")),
            (&[(bearer, "Bearer wrong"), (bearer, "Bearer sk-two")], Ok("key-2")),
            (&[(bearer, "Bearer sk-two"), (bearer, "Bearer sk-two")], Ok("key-2")),
            (&[(bearer, "Bearer sk-one, Bearer sk-two")], Err("Two different API keys")),
            (&[(bearer, "Bearer wrong,Bearer sk-two")], Ok("key-2")),
            (&[(bearer, "Basic c2s6, Bearer sk-one")], Ok("key-1")),
            (&[(bearer, "Bearer sk-one, Basic c2s6")], Ok("key-1")),
            (&[(anthropic, "sk-one, sk-two")], Err("Two different API keys")),
            (&[(anthropic, "sk-one"), (anthropic, "sk-one,")], Ok("key-1")),
            (&[(anthropic, "a, b")], Err("provided: a, b. You can")),
            (&[(azure, &many)], Err("Too many API keys")),
            (&[(anthropic, "wrong")], Err("provided: wrong. You can")),
            (&[(anthropic, ""), (azure, " ")], Err("You didn't provide an API key.")),
        ] {
            let got = checked_fields(path, &[KEYS], fields);
            match (want, got) {
                (Ok(name), got) => assert_eq!(got, Ok(Some(name.to_owned())), "{fields:?}"),
                (Err(part), Err(error)) => {
                    assert!(error.status() == 401 && error.message().contains(part), "{fields:?}: {error}");
                }
                (Err(_), Ok(name)) => panic!("{fields:?} are admitted as {name:?}"),
            }
        }
        let comma = r#"{"keys":[{"name":"comma","key":"$A"}]}"#;
        let comma = [("PORTCULLIS_CONFIG", comma), ("A", "sk,one")];
        let got = checked_fields(path, &comma, &[(bearer, "Bearer sk,one")]);
        assert_eq!(got, Ok(Some("comma".to_owned())), "a key may have a comma");
        let both = [(bearer, "Bearer sk-one"), (anthropic, "sk-two")];
        assert!(checked_fields(path, &[KEYS, OPEN], &both).is_err(), "an open gateway does not guess either");
    }

    #[test]
    fn an_error_names_what_is_missing() {
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
