//! What a request may use at the most, read from its body.

use crate::error::{ApiError, Kind};
use crate::json::{ParseError, Reader};

/// How many choices a request is for, and how long each may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    /// How many answers are generated for each prompt.
    pub count: u64,
    /// The most tokens of each, if the request has a limit.
    pub most_tokens: Option<u64>,
}

/// The members that multiply the output.
const COUNTS: [&str; 2] = ["n", "best_of"];

/// Reads the members of a body that decide how much may be generated. They must be what every reader takes for the same:
/// positive integers, present once even if case is ignored. `limits` are the members by which the endpoint limits the
/// output: an upstream ignores those of another endpoint.
///
/// # Errors
///
/// 400, which names the member; also for `background`, since what a stored response uses is not known when its request ends.
pub fn choices(body: &[u8], limits: &[&str]) -> Result<Choices, ApiError> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    // What is no JSON object was refused before.
    members(&mut Reader::lossy(text), limits).unwrap_or(Ok(Choices { count: 1, most_tokens: None }))
}

fn members(json: &mut Reader<'_>, limits: &[&str]) -> Result<Result<Choices, ApiError>, ParseError> {
    let mut seen: Vec<String> = Vec::new();
    let mut choices = Choices { count: 1, most_tokens: None };
    let mut more = json.open(b'{')?;
    while more {
        let name = json.name()?.into_owned();
        let folded = name.to_lowercase();
        if folded == "background" && json.peek() == b't' {
            return Ok(Err(refused(&name, "must be false")));
        }
        let (is_count, is_limit) = (COUNTS.contains(&&*folded), limits.contains(&&*folded));
        if !is_count && !is_limit {
            json.skip()?;
            more = json.more(b'}')?;
            continue;
        }
        let at = json.peek();
        let value = json.raw()?;
        if folded != name || seen.contains(&folded) {
            return Ok(Err(refused(&name, "must be present once, spelled as documented")));
        }
        seen.push(folded);
        if at != b'n' {
            let Some(number) = value.parse::<u64>().ok().filter(|number| *number > 0) else {
                return Ok(Err(refused(&name, "must be a positive integer")));
            };
            match is_count {
                true => choices.count = choices.count.max(number),
                false => choices.most_tokens = choices.most_tokens.max(Some(number)),
            }
        }
        more = json.more(b'}')?;
    }
    Ok(Ok(choices))
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
        for (body, count, most_tokens) in [
            ("{}", 1, None),
            (r#"{"n":3,"max_tokens":5}"#, 3, Some(5)),
            (r#"{"n":null,"max_tokens":null,"max_completion_tokens":7}"#, 1, Some(7)),
            (r#"{"n":2,"best_of":5,"max_tokens":9,"max_completion_tokens":7}"#, 5, Some(9)),
            (r#"{"x":{"n":9},"max_output_tokens":1}"#, 1, None),
            (r#"{"max_output_tokens":"of no meaning here","background":false}"#, 1, None),
        ] {
            assert_eq!(choices(body.as_bytes(), &CHAT), Ok(Choices { count, most_tokens }), "{body}");
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
