//! The flags of `cargo bench-gateway`.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::ValueExt;
use lexopt::prelude::{Long, Short};

use crate::cases::Effort;

pub(crate) const HELP: &str = "\
Measures Portcullis against components that do nothing, each in the embedded host, in alternating rounds.

Usage: cargo bench-gateway [flags]

  --quick          one concurrency and fewer rounds: under a minute
  --growth         instead: how the cost of a request grows with its size, and with the size of the settings
  --calls          instead: how often the component calls its host on each path of a request
  --document       write the figures of the last runs of all cases into docs/performance.md and docs/growth.svg
  --only TEXT      only cases whose name contains this
  --against FILE   compare with another build of Portcullis instead of the null components
  --rounds N       rounds for each figure
  --help           this text

PORTCULLIS_WASM names a component to measure instead of this workspace's. The figures go to target/bench/.
";

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) quick: bool,
    pub(crate) growth: bool,
    pub(crate) calls: bool,
    pub(crate) document: bool,
    pub(crate) only: Option<String>,
    pub(crate) against: Option<PathBuf>,
    pub(crate) rounds: Option<usize>,
}

impl Args {
    /// Parses the flags; `None` for `--help`.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut args = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("quick") => args.quick = true,
                Long("document") => args.document = true,
                Long("growth") => args.growth = true,
                Long("calls") => args.calls = true,
                Long("only") => args.only = Some(parser.value()?.string()?),
                Long("against") => args.against = Some(parser.value()?.into()),
                Long("rounds") => {
                    let rounds = parser.value()?.parse_with(|text| {
                        text.parse().ok().filter(|rounds| *rounds > 0).ok_or("not a number of 1 or more")
                    })?;
                    args.rounds = Some(rounds);
                }
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(args))
    }

    pub(crate) fn effort(&self) -> Effort {
        let (rounds, time) = if self.quick { (5, 300) } else { (7, 500) };
        Effort {
            rounds: self.rounds.unwrap_or(rounds),
            warm_up: Duration::from_millis(100),
            time: Duration::from_millis(time),
        }
    }

    /// Whether all cases are measured against the null components.
    pub(crate) fn whole(&self) -> bool {
        self.only.is_none() && self.against.is_none()
    }

    /// The file for the figures. Figures of a partial run go to another file, which `--document` does not read.
    pub(crate) fn file(&self, whole: &'static str) -> &'static str {
        if self.whole() { whole } else { "part.json" }
    }

    /// Whether a case with this name is selected.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        Args::parse(lexopt::Parser::from_args(line.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_understood() {
        let args = parse("--quick --only chat --against f --rounds 3").expect("flags").expect("no help");
        assert!(args.quick && args.selects("a chat") && !args.selects("models"));
        assert_eq!((args.against, args.rounds), (Some("f".into()), Some(3)));
        assert_eq!(parse("--quick --help"), Ok(None));
        for (line, want) in [("--quick", "all.json"), ("--only x", "part.json"), ("--against f", "part.json")]
        {
            assert_eq!(parse(line).expect("flags").expect("no help").file("all.json"), want, "{line}");
        }
    }

    #[test]
    fn a_wrong_flag_is_named_with_the_reason() {
        for (line, want) in
            [("--fast", "--fast"), ("--only", "--only"), ("--rounds 0", "not a number of 1 or more")]
        {
            let error = parse(line).unwrap_err();
            assert!(error.contains(want), "{line}: {error}");
        }
    }
}
