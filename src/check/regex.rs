//! Whether a `pattern` of a schema is a regular expression to the live API, which has Python compile it.
//!
//! It is a look at the syntax, of what callers get wrong: escapes and groups that JavaScript has and Python has
//! not, and brackets that do not pair. What it lets through may still be more than the engine makes texts of.

/// Whether Python would take the pattern.
pub(crate) fn is_regex(pattern: &str) -> bool {
    Look::at(pattern).all() == Some(())
}

/// Whether the pattern has a group that looks ahead or behind.
pub(crate) fn looks_around(pattern: &str) -> bool {
    let mut look = Look::at(pattern);
    // Of a pattern that is wrong, up to where it is wrong.
    let _ = look.all();
    look.looks_around
}

struct Look<'p> {
    rest: std::str::Chars<'p>,
    groups: usize,
    looks_around: bool,
}

impl<'p> Look<'p> {
    fn at(pattern: &'p str) -> Self {
        Self { rest: pattern.chars(), groups: 0, looks_around: false }
    }

    /// Passes over the whole pattern, or stops where it is wrong.
    fn all(&mut self) -> Option<()> {
        // Whether something stands before that can be repeated.
        let mut repeatable = false;
        while let Some(c) = self.rest.next() {
            repeatable = match c {
                '\\' => {
                    self.escape("AbBdDsSwWZ")?;
                    true
                }
                '[' => {
                    self.set()?;
                    true
                }
                '(' => {
                    self.groups += 1;
                    self.group()?
                }
                ')' => {
                    self.groups = self.groups.checked_sub(1)?;
                    true
                }
                '*' | '+' | '?' => {
                    repeatable.then_some(())?;
                    // Lazy or possessive repetition.
                    if matches!(self.rest.clone().next(), Some('?' | '+')) {
                        self.rest.next();
                    }
                    false
                }
                '|' | '^' => false,
                _ => true,
            };
        }
        (self.groups == 0).then_some(())
    }

    /// What follows a backslash: one of these letters, or what is an escape everywhere.
    fn escape(&mut self, letters: &str) -> Option<()> {
        match self.rest.next()? {
            'x' => self.digits(2),
            'u' => self.digits(4),
            'U' => self.digits(8),
            'N' => self.until('}'),
            c if c.is_ascii_alphabetic() => ("afnrtv".contains(c) || letters.contains(c)).then_some(()),
            _ => Some(()),
        }
    }

    fn digits(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.rest.next()?.is_ascii_hexdigit().then_some(()))
    }

    fn until(&mut self, end: char) -> Option<()> {
        self.rest.any(|c| c == end).then_some(())
    }

    /// The rest of a set of characters; a bracket that stands first in it is one of them.
    fn set(&mut self) -> Option<()> {
        let mut first = true;
        loop {
            match self.rest.next()? {
                '^' if first && self.rest.clone().next() == Some(']') => {
                    self.rest.next();
                }
                ']' if !first => return Some(()),
                '\\' => self.escape("bdDsSwW")?,
                _ => {}
            }
            first = false;
        }
    }

    /// What kind of group an opening bracket begins, and whether it has ended with something to repeat.
    fn group(&mut self) -> Option<bool> {
        if self.rest.clone().next() != Some('?') {
            return Some(false);
        }
        self.rest.next();
        match self.rest.next()? {
            ':' | '>' => Some(false),
            '=' | '!' => {
                self.looks_around = true;
                Some(false)
            }
            '<' => {
                matches!(self.rest.next()?, '=' | '!').then_some(())?;
                self.looks_around = true;
                Some(false)
            }
            'P' => match self.rest.next()? {
                '<' => self.name('>').map(|()| false),
                '=' => {
                    self.groups -= 1;
                    self.name(')').map(|()| true)
                }
                _ => None,
            },
            '#' => {
                self.groups -= 1;
                self.until(')').map(|()| false)
            }
            '(' => self.until(')').map(|()| false),
            c => self.flags(c).map(|()| false),
        }
    }

    /// The name of a group, up to what ends it.
    fn name(&mut self, end: char) -> Option<()> {
        let mut letters = 0;
        loop {
            match self.rest.next()? {
                c if c == end => return (letters > 0).then_some(()),
                c => (c == '_' || c.is_alphanumeric()).then_some(())?,
            }
            letters += 1;
        }
    }

    /// Flags, of all that follows or of the group they begin.
    fn flags(&mut self, first: char) -> Option<()> {
        let mut flag = first;
        while "aiLmsux-".contains(flag) {
            flag = self.rest.next()?;
        }
        self.groups -= usize::from(flag == ')');
        matches!(flag, ')' | ':').then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_look_around_are_found() {
        for pattern in ["(?=a)", "a(?!b)", "(?:x(?<=c))", r"[(](?<!d)", r"\\(?=a)"] {
            assert!(looks_around(pattern), "{pattern}");
        }
        for pattern in ["", "(a)", "(?:a)", "(?i)a", "(?P<n>a)", r"\(?=", r"a\(?!b", "[(?=]", "[^(?<!]+"] {
            assert!(!looks_around(pattern), "{pattern}");
        }
    }

    #[test]
    fn python_takes_what_it_knows() {
        for good in [
            "",
            "^[a-z]+$",
            r"^\d{3}-\w+?\.\s*$",
            r"(?i)abc|(?:d)*|(?P<name>e)(?P=name)",
            r"(?=a)(?!b)(?<=c)(?<!d)",
            r"[]a]+[^]b]*[\]\\]",
            r"\x41\u00e9\0[\b]",
            "{",
            "a{,3}",
            "a+?b*?c??",
            "(?#note)a",
            "(?i:a)",
            "(?P<a>b)(?P=a)+",
        ] {
            assert!(is_regex(good), "{good}");
        }
        for bad in [
            r"^[\p{L}]+$",
            r"\p{Cc}",
            r"(?<name>a)",
            r"(?<=a)(?<name>b)",
            r"\u{1F600}",
            r"\z",
            "(",
            ")",
            "(a",
            "[a",
            "*a",
            "a(?",
            "a|*",
            "\\",
            r"\x4",
            r"[\p]",
            "(?Z)",
            "(?iZ)",
            "(?i(a)",
            "(?P=a(b)",
            "(?P<>a)",
            "a**",
        ] {
            assert!(!is_regex(bad), "{bad}");
        }
    }
}
