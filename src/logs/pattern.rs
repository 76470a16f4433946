//! What is looked for: a plain text, in smart case, or a regular expression.

use std::{fmt, ops::Range};

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

use super::chunk::Chunk;

/// The most memory that a user's regular expression may take once compiled.
const REGEX_BYTES: usize = 1 << 20;

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct InvalidPattern {
    /// What is wrong, in one line.
    pub what: String,
}

/// What is looked for. Text without capitals matches both cases; with one, exactly.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    needle: Needle,
}

#[derive(Clone)]
enum Needle {
    Exact(Box<Finder<'static>>),
    /// A plain text in any case, which never matches across lines.
    AnyCase(Regex),
    Regex(Regex),
}

impl Pattern {
    /// Reads `re:x` and `/x/` as regular expressions and anything else as plain text.
    ///
    /// # Errors
    /// [`InvalidPattern`] when the regular expression is wrong or too large.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let regex = text.strip_prefix("re:").or_else(|| {
            text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty())
        });
        match regex {
            Some(expression) => Self::regex(expression),
            None => Self::plain(text),
        }
    }

    /// Plain text.
    ///
    /// # Errors
    /// [`InvalidPattern`] when it is too long to be searched for in any case.
    pub fn plain(text: &str) -> Result<Self, InvalidPattern> {
        let needle = if text.chars().any(char::is_uppercase) || !text.chars().any(char::is_alphabetic) {
            Needle::Exact(Box::new(Finder::new(text.as_bytes()).into_owned()))
        } else {
            // Folding beyond ASCII would only slow down the search for a text that has nothing of it.
            let unicode = !text.is_ascii();
            Needle::AnyCase(compile(RegexBuilder::new(&regex::escape(text)).case_insensitive(true).unicode(unicode))?)
        };
        Ok(Self { source: text.to_owned(), needle })
    }

    fn regex(expression: &str) -> Result<Self, InvalidPattern> {
        // Escapes such as \S and \W have capitals that say nothing about case.
        let mut capitals = false;
        let mut escaped = false;
        for c in expression.chars() {
            capitals |= !escaped && c.is_uppercase();
            escaped = !escaped && c == '\\';
        }
        let needle = Needle::Regex(compile(RegexBuilder::new(expression).case_insensitive(!capitals))?);
        Ok(Self { source: expression.to_owned(), needle })
    }

    /// What was asked for.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is in the line.
    pub fn is_match(&self, line: &str) -> bool {
        match &self.needle {
            Needle::Exact(finder) => finder.find(line.as_bytes()).is_some(),
            Needle::AnyCase(regex) | Needle::Regex(regex) => regex.is_match(line),
        }
    }

    /// Where it is in the line; empty matches are left out.
    pub fn ranges(&self, line: &str) -> Vec<Range<usize>> {
        match &self.needle {
            Needle::Exact(finder) => {
                let length = finder.needle().len();
                finder.find_iter(line.as_bytes()).filter(|_| length > 0).map(|at| at..at + length).collect()
            }
            Needle::AnyCase(regex) | Needle::Regex(regex) => {
                regex.find_iter(line).map(|found| found.range()).filter(|range| !range.is_empty()).collect()
            }
        }
    }

    /// Calls `each` with the numbers of the chunk's lines that have it, from `from` on.
    pub(super) fn lines(&self, chunk: &Chunk, from: usize, mut each: impl FnMut(usize)) {
        let text = chunk.text();
        let mut at = chunk.start(from);
        match &self.needle {
            // Plain text has no newline, so all lines can be searched at once.
            Needle::Exact(finder) => {
                while let Some(found) = text.as_bytes().get(at..).and_then(|rest| finder.find(rest)) {
                    let line = chunk.line_at(at + found);
                    each(line);
                    at = chunk.start(line + 1);
                }
            }
            Needle::AnyCase(regex) => {
                while at < text.len()
                    && let Some(found) = regex.find_at(text, at)
                {
                    let line = chunk.line_at(found.start());
                    each(line);
                    at = chunk.start(line + 1);
                }
            }
            Needle::Regex(regex) => {
                (from..chunk.len())
                    .filter(|number| chunk.line(*number).is_some_and(|line| regex.is_match(line.text)))
                    .for_each(each);
            }
        }
    }
}

fn compile(builder: &mut RegexBuilder) -> Result<Regex, InvalidPattern> {
    builder.size_limit(REGEX_BYTES).build().map_err(|error| InvalidPattern {
        what: match &error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            // The last line says what is wrong; those before it draw the place.
            _ => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("not a regular expression: {}", last.strip_prefix("error: ").unwrap_or(last))
            }
        },
    })
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
            && matches!(self.needle, Needle::Regex(_)) == matches!(other.needle, Needle::Regex(_))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self.needle, Needle::Regex(_)) { "Regex" } else { "Plain" };
        f.debug_tuple(kind).field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::batch;

    fn check(pattern: &str, line: &str, expected: &[&str]) {
        let pattern = Pattern::parse(pattern).unwrap();
        let found: Vec<&str> = pattern.ranges(line).into_iter().map(|range| &line[range]).collect();
        assert_eq!(found, expected, "{pattern:?} in {line:?}");
        assert_eq!(pattern.is_match(line), !expected.is_empty());
    }

    #[test]
    fn smart_case() {
        check("error", "Error ERROR error", &["Error", "ERROR", "error"]);
        check("Error", "Error ERROR error", &["Error"]);
        check("über", "Über ÜBER", &["Über", "ÜBER"]);
        check("a.b(", "a.b( axb(", &["a.b("]);
        check("200", "200 2000", &["200", "200"]);
    }

    #[test]
    fn regular_expressions() {
        check("re:g.t", "GET got", &["GET", "got"]);
        check("/[0-9]+ ms/", "12 ms", &["12 ms"]);
        check("re:\\S+", "Ab c", &["Ab", "c"]);
        check("re:G.T", "GET get", &["GET"]);
        check("/", "a/b", &["/"]);
        check("/a/b", "x/a/b", &["/a/b"]);
        check("re:^b", "ab", &[]);
    }

    #[test]
    fn wrong_ones_are_told() {
        assert_eq!(Pattern::parse("re:(").unwrap_err().to_string(), "not a regular expression: unclosed group");
        let error = Pattern::parse("re:(\\w{1000}){1000}").unwrap_err().to_string();
        assert_eq!(error, "the regular expression is too large");
    }

    #[test]
    fn a_chunk_is_searched_as_its_lines_are() {
        let lines = ["one Error", "two", "", "error error", "er", "ror", "fine error"];
        let lines: Vec<(i64, &str)> = lines.into_iter().map(|line| (0, line)).collect();
        let chunk = batch("web", &lines).lines;
        for pattern in ["error", "Error", "re:error", "re:r\\s*r", "e", "re:^$"] {
            let pattern = Pattern::parse(pattern).unwrap();
            for from in 0..=lines.len() {
                let mut got = Vec::new();
                pattern.lines(&chunk, from, |line| got.push(line));
                let expected: Vec<usize> =
                    (from..lines.len()).filter(|line| pattern.is_match(lines[*line].1)).collect();
                assert_eq!(got, expected, "{pattern:?} from {from}");
            }
        }
    }
}
