//! Entries of `upstreams`.

use super::millis;
use crate::config::api::ApiEntry;
use crate::config::node::{Node, Ordered, SETTING, Setting, settings, wrong};
use crate::config::vars::Vars;
use crate::config::{ConfigError, Upstream};
use crate::http;
use crate::transport::Timeouts;

/// An upstream.
pub(in crate::config) struct UpstreamEntry {
    url: String,
    api: ApiEntry,
    key: Option<String>,
    splice: bool,
    headers: Ordered<String>,
    timeouts: TimeoutsEntry,
}

settings! {
    #[derive(Debug, Default)]
    struct TimeoutsEntry {
        connect_ms: Option<u32> = maybe,
        first_byte_ms: Option<u32> = maybe,
        between_bytes_ms: Option<u32> = maybe,
    }
}

impl Setting for UpstreamEntry {
    fn read(at: Node<'_>) -> Result<Self, ConfigError> {
        let names = [&["url", "key", "splice", "headers", "timeouts"], ApiEntry::FIELDS].concat();
        let fields = at.fields(&names)?;
        Ok(Self {
            url: fields.needed("url")?,
            api: ApiEntry::read(fields)?,
            key: fields.maybe("key")?,
            splice: fields.or_default("splice")?,
            headers: fields.or_default("headers")?,
            timeouts: fields.or_default("timeouts")?,
        })
    }
}

impl UpstreamEntry {
    pub(in crate::config) fn read(&self, name: &str, vars: Vars<'_>) -> Result<Upstream, ConfigError> {
        let at = |field: &str| format!("upstreams.{name}.{field}");
        let setting = |field: &str| format!("{SETTING} (`{}`)", at(field));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong(
                "upstreams",
                format_args!("the name `{}` is not visible ASCII", name.escape_debug()),
            ));
        }
        let mut upstream = Upstream::from_url(name, &self.url, &setting("url"))?;
        upstream.api = self.api.api(&upstream.authority, &at)?;
        upstream.splice = self.splice;
        if self.splice && !self.api.has_openai_streams() {
            return Err(wrong(at("splice"), "what has to be translated has to be read"));
        }
        upstream.key = self.key.as_deref().map(|text| vars.secret(text, &setting("key"))).transpose()?;
        for (field, value) in &self.headers.0 {
            let path = format!("headers.{field}");
            if !is_settable(field) {
                return Err(wrong(at(&path), "this header field is not the operator's to set"));
            }
            upstream.headers.push((field.clone(), vars.secret(value, &setting(&path))?));
        }
        upstream.timeouts = Timeouts {
            connect: millis(self.timeouts.connect_ms, &at("timeouts.connect_ms"))?,
            first_byte: millis(self.timeouts.first_byte_ms, &at("timeouts.first_byte_ms"))?,
            between_bytes: millis(self.timeouts.between_bytes_ms, &at("timeouts.between_bytes_ms"))?,
        };
        Ok(upstream)
    }
}

/// Whether an operator may set a field: a token (RFC 9110, section 5.6.2), and neither the host's nor what identifies
/// what the caller's body is.
fn is_settable(field: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let is_given = http::is_hosts_own(field) || field.eq_ignore_ascii_case("content-type");
    !field.is_empty() && field.bytes().all(token) && !is_given
}
