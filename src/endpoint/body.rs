//! Reading a request's body.

use super::{Call, restricted_key};
use crate::error::{ApiError, Kind};
use crate::http::{Headers, Incoming, media_type};
use crate::log::Record;
use crate::router;
use crate::upstream::rewrite;
use std::rc::Rc;

impl<T> Call<'_, T> {
    /// Reads the whole body: JSON, within the limit of `PORTCULLIS_MAX_BODY_BYTES`. A stream that outlives the call may need
    /// it.
    ///
    /// # Errors
    ///
    /// 413 for a longer body, 415 for another media type or a compressed body, 400 for one that breaks off, or that could
    /// name a second model where the key is restricted to models.
    pub fn read_json(&self, body: &mut impl Incoming, record: &mut Record) -> Result<Rc<Vec<u8>>, ApiError> {
        if let Some(declared) = self.request.headers.get("content-type").filter(|value| !is_json(value)) {
            return Err(ApiError::new(
                Kind::UnsupportedMediaType,
                format!(
                    "Unsupported content type: '{declared}'. This API method only accepts 'application/json' requests, \
                     but you specified the header 'Content-Type: {declared}'. Please try again with a supported \
                     content type."
                ),
            ));
        }
        let limit = self.config.max_body_bytes;
        let length = self.request.headers.fetched().and_then(Headers::content_length);
        let mut bytes = Vec::new();
        // A body of known length is read to its end without the read that would report the end.
        while bytes.is_empty() || length != Some(bytes.len() as u64) {
            match body.read() {
                // Most bodies are one piece, which is kept as it is.
                Ok(Some(piece)) if bytes.is_empty() && piece.len() <= limit => bytes = piece,
                Ok(Some(piece)) if bytes.len() + piece.len() <= limit => bytes.extend_from_slice(&piece),
                Ok(Some(piece)) => {
                    record.bytes_in = (bytes.len() + piece.len()) as u64;
                    drain(body, limit, record);
                    return Err(ApiError::new(
                        Kind::BodyTooLarge,
                        format!(
                            "The request body is larger than the {limit} bytes this gateway reads \
                             (PORTCULLIS_MAX_BODY_BYTES)."
                        ),
                    ));
                }
                Ok(None) => break,
                Err(error) => {
                    record.reason = Some(error.reason);
                    return Err(ApiError::body_broke_off());
                }
            }
        }
        record.bytes_in = bytes.len() as u64;
        self.check_coding(&bytes)?;
        if let Some(deployment) = router::deployment(&self.request.path) {
            bytes = rewrite::set_model(&bytes, &deployment).unwrap_or(bytes);
        }
        if self.caller.restricts_models() {
            restricted_key::check(&bytes, self.request.query.as_deref(), &|model| {
                self.caller.may_use(model)
            })?;
        }
        Ok(Rc::new(bytes))
    }

    /// Refuses a compressed body by its coding (RFC 9110, section 15.5.16) rather than as bad JSON. Only one that
    /// does not begin as JSON does has the field looked up, which is a call of the host.
    fn check_coding(&self, bytes: &[u8]) -> Result<(), ApiError> {
        if bytes.first().is_none_or(|byte| b"{ \t\r\n".contains(byte)) {
            return Ok(());
        }
        match self.request.headers.get("content-encoding") {
            Some(coding) if !coding.eq_ignore_ascii_case("identity") => Err(ApiError::new(
                Kind::UnsupportedMediaType,
                format!("Unsupported content encoding: '{coding}'. Please send the body uncompressed."),
            )),
            _ => Ok(()),
        }
    }
}

/// Reads on without keeping anything, up to four times the limit: a connection that is closed while its
/// other side still sends is reset, and the answer with it.
fn drain(body: &mut impl Incoming, limit: usize, record: &mut Record) {
    let most = record.bytes_in.saturating_add((limit as u64).saturating_mul(4));
    while record.bytes_in < most {
        match body.read() {
            Ok(Some(piece)) => record.bytes_in += piece.len() as u64,
            Ok(None) | Err(_) => break,
        }
    }
}

/// `application/json` or any other that is written in JSON, with whatever parameters.
fn is_json(content_type: &str) -> bool {
    let media_type = media_type(content_type);
    media_type.eq_ignore_ascii_case("application/json") || {
        let media_type = media_type.to_ascii_lowercase();
        media_type.starts_with("application/") && media_type.ends_with("+json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_several_names() {
        for (value, want) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=application/json", false),
            ("", false),
        ] {
            assert_eq!(is_json(value), want, "{value}");
        }
    }
}
