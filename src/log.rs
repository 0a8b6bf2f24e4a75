//! One JSON line a request. Attribute names are OpenTelemetry's (HTTP and GenAI semantic conventions)
//! where those have one. It never holds a key, a prompt or an answer.

use crate::cost::{Rates, Usd};
use crate::error::ApiError;
use crate::json::{push_integer, push_string};
use crate::time::{push_digits, push_rfc3339};
use crate::turn::UsageMeter;
use std::time::Duration;

/// What is known of a request when the head of its answer is sent.
#[derive(Debug, Clone, Default)]
pub struct Record {
    arrived: Duration,
    /// The answer's `x-request-id`.
    pub request_id: String,
    /// The name of the caller's key.
    pub key: Option<String>,
    /// The method's name.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The operation: `chat`, `text_completion`, `embeddings`.
    pub operation: Option<&'static str>,
    /// The API of the backend that answered.
    pub provider: Option<&'static str>,
    /// The model that the request names.
    pub model: Option<String>,
    /// What answered: `engine`, or an upstream by its name.
    pub target: Option<String>,
    /// The upstream's id of the request, if it differs from the gateway's.
    pub upstream_id: Option<String>,
    /// The number of attempts at upstreams.
    pub attempts: Option<u32>,
    /// Whether the request wants a stream.
    pub stream: Option<bool>,
    /// Tokens of the request and of the answer, where the engine or an upstream counted them and the answer was read. A
    /// streamed answer fills them in until its body has ended.
    pub usage: UsageMeter,
    /// Why the store did not reply. Where limits apply, what such a request used is counted nowhere else.
    pub store_failure: Option<String>,
    /// The price of what answered, where it is known.
    pub rates: Option<Rates>,
    /// What the cache had for the request, where answers of its model are kept.
    pub cache: Option<CacheStatus>,
    /// The error's `code`, or its `type` where it has none.
    pub error: Option<String>,
    /// What went wrong, as the host or a setting's error describes it.
    pub reason: Option<String>,
    /// The body's length, as far as it was read.
    pub bytes_in: u64,
}

/// What the cache had for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// The answer.
    Hit,
    /// Nothing yet.
    Miss,
    /// The request is none for the cache, or the store did not answer.
    Bypass,
}

impl CacheStatus {
    /// The name of it in the log and in `x-portcullis-cache`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// What is known once the answer's body has gone out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// The length of a request's body that passed through unread.
    pub bytes_in: u64,
    /// The body's length, as far as it was taken.
    pub bytes_out: u64,
    /// From the request's arrival to the first byte of the answer's body.
    pub first_byte: Option<Duration>,
    /// From the request's arrival to the end.
    pub total: Duration,
    /// Why the body did not end well.
    pub broken: Option<String>,
}

/// The engine as a provider. No upstream's API has this name, while an upstream itself may be named `engine`.
const ENGINE_PROVIDER: &str = "portcullis";

impl Record {
    /// The record of a request that arrived at a time since the Unix epoch.
    pub fn new(arrived: Duration) -> Self {
        Self { arrived, ..Self::default() }
    }

    /// Notes that the engine answers.
    pub fn by_engine(&mut self) {
        self.target = Some("engine".to_owned());
        self.provider = Some(ENGINE_PROVIDER);
    }

    /// Whether the engine answers.
    pub fn is_by_engine(&self) -> bool {
        self.provider == Some(ENGINE_PROVIDER)
    }

    /// Notes the error that is the answer.
    pub fn fail(&mut self, error: &ApiError) {
        self.error = Some(error.code().unwrap_or(error.type_()).to_owned());
    }

    /// What the answer cost, as far as its usage is known by now: nothing from the cache, else `None` without a usage or a
    /// price.
    pub fn cost(&self) -> Option<Usd> {
        if self.cache == Some(CacheStatus::Hit) {
            return Some(Usd::default());
        }
        Some(self.rates?.cost(&self.usage.get().usage?))
    }

    /// Whether the gateway, its settings or an upstream is at fault.
    pub fn is_fault(&self, ending: &Ending) -> bool {
        self.status >= 500 || ending.broken.is_some()
    }

    /// The line, with its line break.
    pub fn line(&self, ending: &Ending) -> String {
        let mut line = Line::begin(self.arrived);
        line.text("level", if self.is_fault(ending) { "error" } else { "info" });
        line.text("request_id", &self.request_id);
        line.text_if("key", self.key.as_deref());
        line.text("http.request.method", &self.method);
        line.text("url.path", &self.path);
        line.number("http.response.status_code", self.status.into());
        line.text_if("gen_ai.operation.name", self.operation);
        line.text_if("gen_ai.provider.name", self.provider);
        line.text_if("gen_ai.request.model", self.model.as_deref());
        line.text_if("target", self.target.as_deref());
        line.text_if("upstream_request_id", self.upstream_id.as_deref());
        line.number_if("attempts", self.attempts.map(u64::from));
        if let Some(stream) = self.stream {
            line.raw("gen_ai.request.stream", if stream { "true" } else { "false" });
        }
        let metered = self.usage.get();
        let usage = metered.usage;
        line.number_if("gen_ai.usage.input_tokens", usage.map(|usage| usage.input));
        line.number_if("gen_ai.usage.output_tokens", usage.map(|usage| usage.output));
        if metered.is_estimated {
            line.text("usage", "estimated");
        }
        if let Some(cost) = self.cost() {
            line.raw("cost_usd", &cost.to_string());
        }
        line.text_if("store_failure", self.store_failure.as_deref());
        line.text_if("cache", self.cache.map(CacheStatus::name));
        line.text_if("error.type", self.error.as_deref());
        line.text_if("reason", self.reason.as_deref());
        line.number("http.request.body.size", self.bytes_in + ending.bytes_in);
        line.number("http.response.body.size", ending.bytes_out);
        if let Some(first_byte) = ending.first_byte {
            line.milliseconds("first_byte_ms", first_byte);
        }
        line.milliseconds("total_ms", ending.total);
        line.text_if("broken", ending.broken.as_deref());
        line.end()
    }
}

/// A line being written.
struct Line(String);

impl Line {
    /// As long as most lines are.
    const USUAL: usize = 640;

    /// The most bytes of a text: a path, a model's name and a host's reason may have any length.
    const LONGEST: usize = 1024;

    fn begin(arrived: Duration) -> Self {
        let mut line = Self(String::with_capacity(Self::USUAL));
        line.0.push_str("{\"time\":\"");
        push_rfc3339(arrived, &mut line.0);
        line.0.push('"');
        line
    }

    /// `name` is one of ours, which needs no escape.
    fn name(&mut self, name: &'static str) {
        self.0.push_str(",\"");
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn raw(&mut self, name: &'static str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        let start = self.0.len();
        match value.len() <= Self::LONGEST {
            true => push_string(value, &mut self.0),
            false => {
                let end = value.floor_char_boundary(Self::LONGEST);
                push_string(&format!("{}…", value.get(..end).unwrap_or_default()), &mut self.0);
            }
        }
        if self.0.get(start..).is_some_and(|written| written.contains(is_active)) {
            let written = self.0.split_off(start);
            for c in written.chars() {
                match is_active(c) {
                    true => self.0.push_str(&format!("\\u{:04x}", u32::from(c))),
                    false => self.0.push(c),
                }
            }
        }
    }

    fn text_if(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        push_integer(value, &mut self.0);
    }

    fn number_if(&mut self, name: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    /// With three digits behind the point.
    fn milliseconds(&mut self, name: &'static str, time: Duration) {
        self.number(name, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self.0.push('.');
        push_digits::<3>(time.subsec_micros() % 1000, &mut self.0);
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// Whether a terminal or a viewer may act on a character that JSON leaves as it is: DEL and the C1 controls, marks of
/// direction, line separators, and what has no width.
fn is_active(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_of_a_caller_are_cut() {
        let mut record = Record::new(Duration::ZERO);
        record.model = Some("é".repeat(3_000_000));
        record.path = format!("/{}", "p".repeat(1023));
        let line = record.line(&Ending::default());
        let want = format!("\"gen_ai.request.model\":\"{}…\",", "é".repeat(512));
        assert!(line.contains(&want) && line.contains(&record.path) && line.len() < 3000, "{}", line.len());
    }

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        let mut record = Record::new(Duration::ZERO);
        let odd = [
            '\u{1b}', '\u{7f}', '\u{80}', '\u{9b}', '\u{61c}', '\u{200e}', '\u{202e}', '\u{2066}', '\u{2069}',
        ];
        let text = |c: &char| format!("é{c}\\\"{c}");
        for c in odd.iter().chain(&['\u{2028}', '\u{2029}', '\u{feff}']) {
            record.model = Some(text(c));
            let line = record.line(&Ending::default());
            assert!(!line.contains(*c) && line.contains(&format!("é\\u{:04x}", u32::from(*c))), "{line}");
            let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!(read["gen_ai.request.model"], text(c), "{line}");
        }
    }

    #[test]
    fn a_line_is_one_line_of_json_without_what_is_unknown() {
        let mut record = Record::new(Duration::ZERO);
        record.path = "/v1/\n\"x".into();
        record.status = 200;
        let line = record.line(&Ending { total: Duration::from_micros(1500), ..Ending::default() });
        assert_eq!(
            line,
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"request_id\":\"\",\"http.request.method\":\
             \"\",\"url.path\":\"/v1/\\n\\\"x\",\"http.response.status_code\":200,\"http.request.body.size\":0,\
             \"http.response.body.size\":0,\"total_ms\":1.500}\n"
        );
    }
}
