//! What a request may use at the most, read from its body.

use crate::error::{ApiError, Kind};
use crate::json::{ParseError, Reader};
use std::borrow::Cow;

/// How many choices a request is for, and how long each may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    /// How many answers are generated for each prompt.
    pub count: u64,
    /// The most tokens of each, if the request has a limit.
    pub max_tokens: Option<u64>,
}

/// The members that multiply the output.
const COUNTS: [&str; 2] = ["n", "best_of"];

/// Reads the members of a body that decide how much may be generated. Every JSON reader must understand them alike:
/// positive integers, present once even if case is ignored. `limits` are the members by which the endpoint limits the
/// output: an upstream ignores those of another endpoint.
///
/// # Errors
///
/// 400, which names the member; also for `background`, since what a stored response uses is not known when its request ends.
pub fn choices(body: &[u8], limits: &[&str]) -> Result<Choices, ApiError> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let mut seen = Vec::new();
    let mut choices = Choices { count: 1, max_tokens: None };
    // What is no JSON object was refused before.
    for (name, value) in members(text, limits).unwrap_or_default() {
        let folded = name.to_lowercase();
        if folded == "background" {
            return Err(refused(&name, "must be false"));
        }
        if folded != name || seen.contains(&folded) {
            return Err(refused(&name, "must be present once, spelled as documented"));
        }
        if value != "null" {
            let number = value.parse::<u64>().ok().filter(|number| *number > 0);
            let number = number.ok_or_else(|| refused(&name, "must be a positive integer"))?;
            match COUNTS.contains(&&*folded) {
                true => choices.count = choices.count.max(number),
                false => choices.max_tokens = choices.max_tokens.max(Some(number)),
            }
        }
        seen.push(folded);
    }
    Ok(choices)
}

/// The members that decide how much may be generated, in order, each with its value as it is written.
fn members<'a>(text: &'a str, limits: &[&str]) -> Result<Vec<(Cow<'a, str>, &'a str)>, ParseError> {
    let mut found = Vec::new();
    Reader::lossy(text).object(&mut |name, json| {
        let folded = name.to_lowercase();
        let is_stored = folded == "background" && json.peek() == b't';
        if is_stored || COUNTS.contains(&&*folded) || limits.contains(&&*folded) {
            found.push((name, json.raw()?));
            return Ok(());
        }
        json.skip()
    })?;
    Ok(found)
}

fn refused(name: &str, rule: &str) -> ApiError {
    let message = format!("Invalid '{name}': where limits apply, it {rule}.");
    ApiError::new(Kind::InvalidValue, message).at(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: [&str; 2] = ["max_tokens", "max_completion_tokens"];

    #[test]
    fn what_may_be_generated_is_read() {
        for (body, count, max_tokens) in [
            ("{}", 1, None),
            (r#"{"n":3,"max_tokens":5}"#, 3, Some(5)),
            (r#"{"n":null,"max_tokens":null,"max_completion_tokens":7}"#, 1, Some(7)),
            (r#"{"n":2,"best_of":5,"max_tokens":9,"max_completion_tokens":7}"#, 5, Some(9)),
            (r#"{"x":{"n":9},"max_output_tokens":1}"#, 1, None),
            (r#"{"max_output_tokens":"of no meaning here","background":false}"#, 1, None),
        ] {
            assert_eq!(choices(body.as_bytes(), &CHAT), Ok(Choices { count, max_tokens }), "{body}");
        }
    }

    #[test]
    fn what_readers_may_take_differently_is_refused() {
        for (body, param) in [
            (r#"{"n":0}"#, "n"),
            (r#"{"n":-1}"#, "n"),
            (r#"{"n":1.0}"#, "n"),
            (r#"{"n":1e3}"#, "n"),
            (r#"{"n":"2"}"#, "n"),
            (r#"{"N":1}"#, "N"),
            (r#"{"n":1,"n":1}"#, "n"),
            (r#"{"max_tokens":5,"Max_Tokens":100000}"#, "Max_Tokens"),
            (r#"{"max_tokens":1,"max_\u0074okens":9}"#, "max_tokens"),
            (r#"{"max_completion_tokens":[]}"#, "max_completion_tokens"),
            (r#"{"best_of":true}"#, "best_of"),
            (r#"{"background":true}"#, "background"),
        ] {
            let error = choices(body.as_bytes(), &CHAT).expect_err(body);
            assert_eq!((error.param(), error.status()), (Some(param), 400), "{body}");
        }
    }
}
