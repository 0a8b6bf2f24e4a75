//! The APIs of upstreams: their names and settings. What else is to be known of one is in its dialect.

use super::ConfigError;
use super::node::{Fields, Node, Setting, wrong};

/// The API of an upstream. Its facts are in `upstream::dialect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Api {
    /// OpenAI's, which most upstreams have.
    OpenAi(OpenAiApi),
    /// Azure's form of it: a deployment in the path, `api-key`, `api-version`.
    Azure(AzureApi),
    /// Anthropic's Messages API.
    Anthropic(AnthropicApi),
}

/// The settings of OpenAI's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAiApi {
    /// Whether it has `/responses`, too.
    pub responses: bool,
}

/// The settings of Azure's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureApi {
    /// The query's `api-version`.
    pub version: String,
    /// Whether it has `/responses`, too.
    pub responses: bool,
}

/// The settings of Anthropic's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnthropicApi {
    /// The header field `anthropic-version`.
    pub version: String,
    /// `max_tokens` where the caller has no limit: the API needs one.
    pub max_tokens: u32,
}

/// The host of OpenAI's own API.
const OPENAI_HOST: &str = "api.openai.com";

impl Api {
    /// Whether it is OpenAI's, whose models have the names that callers use.
    pub fn is_openai(&self) -> bool {
        matches!(self, Self::OpenAi(_))
    }

    /// OpenAI's API at a host, with Responses where the host is OpenAI's own.
    pub(super) fn openai_at(authority: &str) -> Self {
        let host = authority.split(':').next().unwrap_or_default();
        Self::OpenAi(OpenAiApi { responses: host.eq_ignore_ascii_case(OPENAI_HOST) })
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ApiKind {
    #[default]
    OpenAi,
    Azure,
    Anthropic,
}

impl Setting for ApiKind {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        at.choice(&[("openai", Self::OpenAi), ("azure", Self::Azure), ("anthropic", Self::Anthropic)])
    }
}

/// The fields of an entry of `upstreams` that depend on its API.
pub(super) struct ApiEntry {
    kind: ApiKind,
    api_version: Option<String>,
    max_tokens: Option<u32>,
    responses: Option<bool>,
}

impl ApiEntry {
    /// Their names.
    pub(super) const FIELDS: &[&str] = &["api", "api_version", "max_tokens", "responses"];

    pub(super) fn read(fields: Fields<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            kind: fields.or_default("api")?,
            api_version: fields.maybe("api_version")?,
            max_tokens: fields.maybe("max_tokens")?,
            responses: fields.maybe("responses")?,
        })
    }

    /// Whether its streams are those of OpenAI's API.
    pub(super) fn has_openai_streams(&self) -> bool {
        matches!(self.kind, ApiKind::OpenAi | ApiKind::Azure)
    }

    /// The API of an upstream at an authority; `at` has the path of a field.
    ///
    /// # Errors
    ///
    /// If a field is wrong, or is one that the API does not have.
    pub(super) fn api(&self, authority: &str, at: &dyn Fn(&str) -> String) -> Result<Api, ConfigError> {
        let version = |default: &str| -> Result<String, ConfigError> {
            let version = self.api_version.as_deref().unwrap_or(default);
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            match !version.is_empty() && version.bytes().all(legal) {
                true => Ok(version.to_owned()),
                false => Err(wrong(at("api_version"), "a version looks like `2024-10-21`")),
            }
        };
        if self.kind == ApiKind::OpenAi && self.api_version.is_some() {
            return Err(wrong(at("api_version"), "the `openai` API has none"));
        }
        if self.kind != ApiKind::Anthropic && self.max_tokens.is_some() {
            return Err(wrong(at("max_tokens"), "only the `anthropic` API needs a default"));
        }
        if self.kind == ApiKind::Anthropic && self.responses.is_some() {
            return Err(wrong(at("responses"), "the `anthropic` API has no Responses"));
        }
        Ok(match self.kind {
            ApiKind::OpenAi => match self.responses {
                Some(responses) => Api::OpenAi(OpenAiApi { responses }),
                None => Api::openai_at(authority),
            },
            ApiKind::Azure => Api::Azure(AzureApi {
                version: version("2024-10-21")?,
                responses: self.responses.unwrap_or(true),
            }),
            ApiKind::Anthropic => Api::Anthropic(AnthropicApi {
                version: version("2023-06-01")?,
                max_tokens: match self.max_tokens {
                    Some(0) => return Err(wrong(at("max_tokens"), "it is 1 or more")),
                    given => given.unwrap_or(4096),
                },
            }),
        })
    }
}
