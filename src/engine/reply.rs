//! From the text that is to be said to the pieces that are said of it.

/// What bounds an answer.
#[derive(Debug, Clone, Copy)]
pub struct Sampling<'a> {
    /// How many answers.
    pub n: u32,
    /// The answer ends before the first of these.
    pub stop: &'a [&'a str],
    /// The most tokens an answer may have.
    pub max_tokens: Option<u64>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its text, one piece a token.
    pub pieces: Vec<String>,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was done, or came upon a stop sequence.
    Stop,
    /// It came upon the most tokens it may have.
    Length,
}

impl FinishReason {
    /// The API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// Says a text `n` times, within the bounds.
pub fn sample(text: &str, sampling: Sampling<'_>) -> Vec<Choice> {
    let end = sampling.stop.iter().filter(|s| !s.is_empty()).filter_map(|s| text.find(s)).min();
    let mut pieces: Vec<String> = split(&text[..end.unwrap_or(text.len())]).map(str::to_owned).collect();
    let most = sampling.max_tokens.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let finish_reason = if pieces.len() > most { FinishReason::Length } else { FinishReason::Stop };
    pieces.truncate(most);
    vec![Choice { pieces, finish_reason }; sampling.n as usize]
}

/// How many tokens a text has, estimated: one for each word with the space before it.
pub fn count(text: &str) -> u64 {
    split(text).count() as u64
}

/// Cuts a text before each run of white space.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |i| word + i);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_sum_of_its_pieces() {
        for (text, want) in [
            ("", &[][..]),
            ("one", &["one"]),
            ("one two\n three ", &["one", " two", "\n three", " "]),
            ("  ", &["  "]),
            ("\u{3000}é", &["\u{3000}é"]),
        ] {
            assert_eq!(split(text).collect::<Vec<_>>(), want, "{text:?}");
        }
    }

    #[test]
    fn an_answer_ends_at_a_stop_sequence_or_at_the_most_tokens() {
        for (stop, max_tokens, want, reason) in [
            (&[][..], None, "one two three four", FinishReason::Stop),
            (&["three"], None, "one two ", FinishReason::Stop),
            (&["four", " two"], None, "one", FinishReason::Stop),
            (&["", "nowhere"], None, "one two three four", FinishReason::Stop),
            (&[], Some(2), "one two", FinishReason::Length),
            (&[], Some(4), "one two three four", FinishReason::Stop),
            (&["four"], Some(2), "one two", FinishReason::Length),
            (&[" two"], Some(1), "one", FinishReason::Stop),
        ] {
            let choices = sample("one two three four", Sampling { n: 2, stop, max_tokens });
            assert_eq!(choices.len(), 2);
            for choice in choices {
                assert_eq!((&*choice.pieces.concat(), choice.finish_reason), (want, reason));
            }
        }
    }
}
