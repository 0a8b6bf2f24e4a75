//! One JSON line a request. Attribute names are OpenTelemetry's (HTTP and GenAI semantic conventions)
//! where those have one. No key, prompt or answer is ever in it.

use crate::error::ApiError;
use crate::http::Tokens;
use serde::Serialize;
use std::time::Duration;

/// What is known of a request when its answer's head goes out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Record {
    #[serde(skip)]
    arrived: Duration,
    /// The answer's `x-request-id`.
    pub request_id: String,
    /// The name of the caller's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The method's name.
    #[serde(rename = "http.request.method")]
    pub method: String,
    /// The path, without its query.
    #[serde(rename = "url.path")]
    pub path: String,
    /// The answer's status.
    #[serde(rename = "http.response.status_code")]
    pub status: u16,
    /// What was asked of a model: `chat`, `text_completion`, `embeddings`.
    #[serde(rename = "gen_ai.operation.name", skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// Whose API whoever answered speaks.
    #[serde(rename = "gen_ai.provider.name", skip_serializing_if = "Option::is_none")]
    pub provider: Option<&'static str>,
    /// The model that was asked for.
    #[serde(rename = "gen_ai.request.model", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Who answered: `engine`, or an upstream by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How often an upstream was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Whether a stream was asked for.
    #[serde(rename = "gen_ai.request.stream", skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Tokens of the request, where the engine or an upstream counted them and the answer was read.
    #[serde(rename = "gen_ai.usage.input_tokens", skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answers, likewise.
    #[serde(rename = "gen_ai.usage.output_tokens", skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The error's `code`, or its `type` where it has none.
    #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the host, or a setting's error, says went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The body's length, as far as it was read.
    #[serde(rename = "http.request.body.size")]
    pub bytes_in: u64,
}

/// What is known once the answer's body has gone out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// The body's length, as far as it was taken.
    pub bytes_out: u64,
    /// From the request's arrival to the first byte of the answer's body.
    pub first_byte: Option<Duration>,
    /// From the request's arrival to the end.
    pub total: Duration,
    /// Why the body did not end well.
    pub broken: Option<String>,
    /// The tokens an upstream counted, where they stood in a stream.
    pub tokens: Option<Tokens>,
}

impl Record {
    /// The record of a request that arrived at a time since the Unix epoch.
    pub fn new(arrived: Duration) -> Self {
        Self { arrived, ..Self::default() }
    }

    /// Notes that the engine answers.
    pub fn by_engine(&mut self) {
        self.target = Some("engine".to_owned());
        self.provider = Some("portcullis");
    }

    /// Notes the error that is the answer.
    pub fn fail(&mut self, error: &ApiError) {
        self.error = Some(error.code().unwrap_or(error.type_()).to_owned());
    }

    /// Whether the gateway, its settings or an upstream is at fault.
    pub fn is_fault(&self, ending: &Ending) -> bool {
        self.status >= 500 || ending.broken.is_some()
    }

    /// The line, with its line break.
    pub fn line(&self, ending: &Ending) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            time: String,
            level: &'static str,
            #[serde(flatten)]
            record: &'a Record,
            #[serde(rename = "http.response.body.size")]
            bytes_out: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            first_byte_ms: Option<f64>,
            total_ms: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            broken: Option<&'a str>,
        }
        let counted = ending.tokens.map(|tokens| Self {
            input_tokens: Some(tokens.input),
            output_tokens: Some(tokens.output),
            ..self.clone()
        });
        let ms = |time: Duration| time.as_micros() as f64 / 1000.0;
        let mut line = serde_json::to_string(&Line {
            time: rfc3339(self.arrived),
            level: if self.is_fault(ending) { "error" } else { "info" },
            record: counted.as_ref().unwrap_or(self),
            bytes_out: ending.bytes_out,
            first_byte_ms: ending.first_byte.map(ms),
            total_ms: ms(ending.total),
            broken: ending.broken.as_deref(),
        })
        .expect("strings and finite numbers serialize");
        line.push('\n');
        line
    }
}

/// A time since the Unix epoch as `2026-01-02T03:04:05.678Z` (RFC 3339).
fn rfc3339(time: Duration) -> String {
    let (days, second) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    // Days are counted from 1 March of year 0, so that a leap day ends its year of 365.2425 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!(
        "{:04}-{month:02}-{day_of_month:02}T{:02}:{:02}:{:02}.{:03}Z",
        era * 400 + year + carry,
        second / 3600,
        second / 60 % 60,
        second % 60,
        time.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (millis, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_millis(millis)), want);
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
             \"http.response.body.size\":0,\"total_ms\":1.5}\n"
        );
    }
}
