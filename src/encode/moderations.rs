//! Moderations, written in pieces: a result takes a kilobyte, whatever the size of its input.

use super::{around_list, json_text_in_pieces};
use crate::api::moderations::{Moderation, Outcome};
use crate::http::Response;
use crate::json::{Write, to_string};

/// The answer with these results, as JSON.
pub fn in_pieces<B>(id: &str, model: &str, outcomes: impl Iterator<Item = Outcome> + 'static) -> Response<B> {
    let json = to_string(&Moderation { id, model, results: Vec::new() });
    let (start, end) = around_list(&json, "\"results\":[");
    let mut start = Some(start.to_owned());
    let mut end = Some(end.to_owned());
    let mut outcomes = outcomes;
    let mut separator = "";
    json_text_in_pieces(move |out| {
        out.push_str(&start.take().unwrap_or_default());
        if let Some(outcome) = outcomes.next() {
            out.push_str(std::mem::replace(&mut separator, ","));
            outcome.write(out);
            return true;
        }
        let Some(end) = end.take() else { return false };
        out.push_str(&end);
        true
    })
}
