//! What the live API was seen to answer, restated: request, sentence, parameter, code.

mod by_model;
mod error_prose;
mod error_text;
mod large;
mod schemas;

use super::*;

/// Serves a few models the operator named.
pub(super) struct Named;

impl ModelResolver for Named {
    fn policy(&self, model: &str) -> Option<ValidationPolicy> {
        let spec = model::find(model)?;
        Some(ValidationPolicy {
            validation: Validation::Live,
            unknown: UnknownParams::Reject,
            spec: Some(spec),
        })
    }
}

/// Serves anything, knowing nothing of it.
pub(super) struct Open(Validation, UnknownParams);

impl ModelResolver for Open {
    fn policy(&self, _: &str) -> Option<ValidationPolicy> {
        Some(ValidationPolicy { validation: self.0, unknown: self.1, spec: None })
    }

    fn validation(&self) -> Validation {
        self.0
    }
}

pub(super) const LIVE: Open = Open(Validation::Live, UnknownParams::Reject);
pub(super) const SCHEMA: Open = Open(Validation::Schema, UnknownParams::Pass);
const HI: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

/// A chat request with these members besides a greeting, unless they are messages themselves.
fn body(model: &str, members: &str) -> String {
    let messages = if members.contains("\"messages\"") { "" } else { HI };
    let comma = if messages.is_empty() || members.is_empty() { "" } else { "," };
    format!("{{\"model\":\"{model}\",{messages}{comma}{members}}}")
}

/// What a chat request is told: sentence, parameter, code; or that it is good.
fn told(resolver: &dyn ModelResolver, body: &str) -> String {
    match chat(body.as_bytes(), resolver) {
        Ok(_) => "good".to_owned(),
        Err(error) => {
            format!("{error} @{} #{}", error.param().unwrap_or("-"), error.code().unwrap_or("-"))
        }
    }
}

#[track_caller]
fn each(resolver: &dyn ModelResolver, model: &str, rows: &[(&str, &str)]) {
    for (members, want) in rows {
        let body = body(model, members);
        assert_eq!(told(resolver, &body), *want, "{body}");
    }
}

#[test]
fn the_published_schema_knows_what_no_uri_has_and_the_live_api_does_not_look() {
    for (url, is_uri) in
        [("https://x/y.png", true), ("https://x/|y.png", false), ("data:image/png;base64,a b", false)]
    {
        let image = format!(r#"{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#);
        let body = body("gpt-4o", &format!(r#""messages":[{{"role":"user","content":[{image}]}}]"#));
        let published = chat(body.as_bytes(), &SCHEMA).map(|_| ());
        assert_eq!(published.is_ok(), is_uri, "{url}: {published:?}");
        assert!(chat(body.as_bytes(), &LIVE).is_ok(), "{url}");
    }
}
