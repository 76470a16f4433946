//! Patterns as the builder matches them: `.dockerignore` lines, and the include and exclude lists that it asks the client to
//! apply.
//!
//! The rules are those of moby's patternmatcher, its oddities included, since a file that devbox leaves out and the builder does
//! not is a different image: the last pattern that matches decides; a pattern that matches a folder matches everything below it;
//! `**` stands for any number of folders, none included; `*` and `?` never match a slash; a pattern is anchored at the context's
//! root. A pattern that starts with `!` takes back what an earlier one matched.

use regex::Regex;

use super::path::clean;

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// `!` with nothing behind it.
    #[error("`!` needs a pattern behind it")]
    LoneExclusion,
    /// A bracket that is not closed, an empty bracket, a range from high to low, a backslash at the end.
    #[error("`{0}` is not a valid pattern")]
    Syntax(String),
}

/// One pattern, ready to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The cleaned text, without the `!`.
    text: String,
    exclusion: bool,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// The text itself.
    Exact,
    /// Everything that starts with this.
    Prefix(String),
    /// Everything that ends with this; `/x` also matches `x` at the root.
    Suffix(String),
    Regex(Regex),
}

impl Pattern {
    /// Reads one pattern; nothing for a blank one.
    fn parse(raw: &str) -> Result<Option<Self>, PatternError> {
        let trimmed = raw.trim();
        if trimmed.is_empty() {
            return Ok(None);
        }
        let cleaned = clean(trimmed);
        let (exclusion, text) = match cleaned.strip_prefix('!') {
            Some("") => return Err(PatternError::LoneExclusion),
            Some(rest) => (true, rest.to_owned()),
            None => (false, cleaned),
        };
        if !valid_glob(&text) {
            return Err(PatternError::Syntax(text));
        }
        let matcher = compile(&text).ok_or_else(|| PatternError::Syntax(text.clone()))?;
        Ok(Some(Self { text, exclusion, matcher }))
    }

    /// Whether it starts with `!`.
    #[must_use]
    pub fn is_exclusion(&self) -> bool {
        self.exclusion
    }

    /// The pattern's text without `!`, and without a last `/**` or `/*`.
    #[must_use]
    pub fn without_trailing_glob(&self) -> &str {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        text.strip_suffix("/*").unwrap_or(text)
    }

    fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => path == self.text,
            Matcher::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Matcher::Suffix(suffix) => {
                path.ends_with(suffix.as_str()) || suffix.strip_prefix('/').is_some_and(|rest| rest == path)
            }
            Matcher::Regex(regex) => regex.is_match(path),
        }
    }
}

/// Which patterns matched a folder: what its entries' answers start from. Empty for the context's root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchInfo(Vec<bool>);

/// A list of patterns in their order.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    has_exclusions: bool,
    /// The patterns of the kind that narrows a walk (inclusions of an include list, exclusions of an exclude list) are plain
    /// paths but for a last `/*` or `/**`.
    plain_inclusions: bool,
    plain_exclusions: bool,
}

impl Patterns {
    /// Reads a list of patterns.
    ///
    /// # Errors
    ///
    /// The first pattern that the builder would refuse.
    pub fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, PatternError> {
        let mut read = Vec::new();
        for pattern in patterns {
            read.extend(Pattern::parse(pattern.as_ref())?);
        }
        let plain = |p: &Pattern| !p.without_trailing_glob().contains(['*', '[', ']', '?', '^', '\\']);
        Ok(Self {
            has_exclusions: read.iter().any(Pattern::is_exclusion),
            plain_inclusions: read.iter().filter(|p| !p.exclusion).all(plain),
            plain_exclusions: read.iter().filter(|p| p.exclusion).all(plain),
            patterns: read,
        })
    }

    /// No patterns at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether `path` is matched, and what its entries must be given, if it is a folder.
    ///
    /// `path` is relative to the context's root, with slashes; `parent` is what the call for its folder returned, the default for
    /// entries of the root.
    #[must_use]
    pub fn matches_under(&self, path: &str, parent: &MatchInfo) -> (bool, MatchInfo) {
        let mut matched = false;
        let mut info = vec![false; self.patterns.len()];
        for (index, pattern) in self.patterns.iter().enumerate() {
            let mut this = parent.0.get(index).copied().unwrap_or(false);
            if !this {
                // A pattern that could not change the answer is not asked; it then counts as unmatched for the entries too,
                // which is what the builder does.
                if pattern.exclusion != matched {
                    continue;
                }
                this = pattern.matches(path);
            }
            info[index] = this;
            if this {
                matched = !pattern.exclusion;
            }
        }
        (matched, MatchInfo(info))
    }

    /// Whether `path` is matched: what a walk that goes down to it finds.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut info = MatchInfo::default();
        for ancestor in ancestors(path) {
            info = self.matches_under(ancestor, &info).1;
        }
        self.matches_under(path, &info).0
    }

    /// These are excludes and matched the folder `path`: can anything below it still be taken back by a `!` pattern?
    #[must_use]
    pub fn may_reinclude_below(&self, path: &str) -> bool {
        self.has_exclusions && (!self.plain_exclusions || self.names_below(path, true))
    }

    /// These are includes and did not match the folder `path`: can one of them match anything below it?
    #[must_use]
    pub fn may_include_below(&self, path: &str) -> bool {
        !self.plain_inclusions || self.names_below(path, false)
    }

    fn names_below(&self, folder: &str, exclusion: bool) -> bool {
        self.patterns.iter().filter(|p| p.exclusion == exclusion).any(|p| {
            let text = p.without_trailing_glob();
            text == folder || text.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

/// The folders above a path, from the root down.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}

/// Whether Go's `filepath.Match` accepts the pattern; the builder asks it before anything else.
fn valid_glob(pattern: &str) -> bool {
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        while chars.get(at) == Some(&'*') {
            at += 1;
        }
        let end = chunk_end(&chars, at);
        if !valid_chunk(&chars[at..end]) {
            return false;
        }
        at = end;
    }
    true
}

/// Where the part up to the next star outside brackets ends.
fn chunk_end(chars: &[char], start: usize) -> usize {
    let mut in_brackets = false;
    let mut at = start;
    while at < chars.len() {
        match chars[at] {
            '\\' if at + 1 < chars.len() => at += 1,
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '*' if !in_brackets => return at,
            _ => {}
        }
        at += 1;
    }
    chars.len()
}

fn valid_chunk(chunk: &[char]) -> bool {
    /// One character of a bracket, after which something must follow.
    fn bracket_char(rest: &[char]) -> Option<&[char]> {
        let rest = match rest.first()? {
            '-' | ']' => return None,
            '\\' => rest.get(1..)?,
            _ => rest,
        };
        let rest = rest.get(1..)?;
        (!rest.is_empty()).then_some(rest)
    }

    let mut rest = chunk;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            '\\' => match rest {
                [] => return false,
                [_, tail @ ..] => rest = tail,
            },
            '[' => {
                if let ['^', tail @ ..] = rest {
                    rest = tail;
                }
                let mut ranges = 0;
                loop {
                    if let [']', tail @ ..] = rest
                        && ranges > 0
                    {
                        rest = tail;
                        break;
                    }
                    let Some(mut tail) = bracket_char(rest) else { return false };
                    if let ['-', high @ ..] = tail {
                        let Some(after) = bracket_char(high) else { return false };
                        tail = after;
                    }
                    rest = tail;
                    ranges += 1;
                }
            }
            _ => {}
        }
    }
    true
}

/// How a pattern matches; nothing when the builder could not compile it either.
fn compile(pattern: &str) -> Option<Matcher> {
    #[derive(Clone, Copy, PartialEq)]
    enum Shape {
        Exact,
        Prefix,
        Suffix,
        Regex,
    }

    let mut expression = String::from("^");
    let mut shape = Shape::Exact;
    let mut chars = pattern.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                if chars.peek() == Some(&'/') {
                    chars.next();
                }
                if chars.peek().is_some() {
                    expression.push_str("(.*/)?");
                    shape = Shape::Regex;
                } else if shape == Shape::Exact {
                    shape = Shape::Prefix;
                } else {
                    expression.push_str(".*");
                    shape = Shape::Regex;
                }
                if first {
                    shape = Shape::Suffix;
                }
            }
            '*' => {
                expression.push_str("[^/]*");
                shape = Shape::Regex;
            }
            '?' => {
                expression.push_str("[^/]");
                shape = Shape::Regex;
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => {
                expression.push('\\');
                expression.push(c);
            }
            '\\' => {
                expression.push('\\');
                if let Some(next) = chars.next() {
                    expression.push(next);
                    shape = Shape::Regex;
                }
            }
            '[' | ']' => {
                expression.push(c);
                shape = Shape::Regex;
            }
            c => expression.push(c),
        }
        first = false;
    }
    Some(match shape {
        Shape::Exact => Matcher::Exact,
        Shape::Prefix => Matcher::Prefix(pattern.strip_suffix("**")?.to_owned()),
        Shape::Suffix => Matcher::Suffix(pattern.strip_prefix("**")?.to_owned()),
        Shape::Regex => {
            expression.push('$');
            Matcher::Regex(Regex::new(&from_go_syntax(&expression)?).ok()?)
        }
    })
}

/// Writes an expression that was made for Go's regular expressions so that the `regex` crate reads the same: the two differ
/// inside brackets (`[`, `&&`, `--` and `~~` mean nothing special to Go) and in what `\d`, `\w` and `\s` hold.
fn from_go_syntax(expression: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push_str(&escape(chars.next()?)?),
            ']' => out.push_str("\\]"),
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                let mut first = true;
                loop {
                    match chars.next()? {
                        ']' if !first => break,
                        // `[:alpha:]` and its like.
                        '[' if chars.peek() == Some(&':') => return None,
                        '\\' => out.push_str(&escape(chars.next()?)?),
                        '-' if !first && chars.peek() != Some(&']') => out.push('-'),
                        c if c.is_ascii_punctuation() => {
                            out.push('\\');
                            out.push(c);
                        }
                        c => out.push(c),
                    }
                    first = false;
                }
                out.push(']');
            }
            c => out.push(c),
        }
    }
    Some(out)
}

/// What `\c` means to Go, in the `regex` crate's words.
fn escape(c: char) -> Option<String> {
    Some(match c {
        'd' => "[0-9]".to_owned(),
        'D' => "[^0-9]".to_owned(),
        'w' => "[0-9A-Za-z_]".to_owned(),
        'W' => "[^0-9A-Za-z_]".to_owned(),
        's' => "[\\t\\n\\x0C\\r ]".to_owned(),
        'S' => "[^\\t\\n\\x0C\\r ]".to_owned(),
        'b' => "(?-u:\\b)".to_owned(),
        'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'A' | 'z' => format!("\\{c}"),
        c if c.is_ascii_punctuation() => format!("\\{c}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], path: &str, expected: bool) {
        let patterns = Patterns::new(patterns).unwrap();
        assert_eq!(patterns.matches(path), expected, "{patterns:?} on {path:?}");
    }

    #[test]
    fn anchored_at_the_root() {
        check(&["build"], "build", true);
        check(&["build"], "build/x/y", true);
        check(&["build"], "sub/build", false);
        check(&["*.log"], "a.log", true);
        check(&["*.log"], "sub/a.log", false);
        check(&["/build/"], "build", false); // A leading slash is taken off by the file's reader, not by the pattern.
    }

    #[test]
    fn stars_across_folders() {
        check(&["**/*.log"], "a.log", true);
        check(&["**/*.log"], "x/y/a.log", true);
        check(&["**"], "x/y", true);
        check(&["a/**"], "a", false);
        check(&["a/**"], "a/b/c", true);
        check(&["a/**/b"], "a/b", true);
        check(&["a/**/b"], "a/x/y/b", true);
        check(&["**/node_modules"], "node_modules/x", true);
        check(&["**/node_modules"], "web/node_modules/x", true);
        check(&["**/node_modules"], "web/my_node_modules", false);
        check(&["**foo"], "a/xfoo", true);
        check(&["a**"], "ab/c", true);
        check(&["**/**"], "x", true);
    }

    #[test]
    fn the_last_match_decides() {
        check(&["*", "!src"], "src/a", false);
        check(&["*", "!src", "src/a"], "src/a", true);
        // A pattern that could not change its folder's answer is not held against the entries below.
        check(&["**/f", "!d"], "d/f", true);
        check(&["d", "!d/f", "d"], "d/f", false);
    }

    #[test]
    fn exclusions_take_back() {
        check(&["docs", "!docs/README.md"], "docs/README.md", false);
        check(&["docs", "!docs/README.md"], "docs/other.md", true);
        check(&["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true);
        check(&["*.md", "!README*.md", "README-secret.md"], "README-x.md", false);
        check(&["!a"], "a", false);
    }

    #[test]
    fn single_characters_and_brackets() {
        check(&["?.txt"], "a.txt", true);
        check(&["?.txt"], "é.txt", true);
        check(&["?.txt"], "ab.txt", false);
        check(&["[a-c].txt"], "b.txt", true);
        check(&["[^a-c].txt"], "b.txt", false);
        check(&["[a&&b]"], "&", true);
        check(&["a\\*b"], "a*b", true);
        check(&["a\\*b"], "axb", false);
        check(&["a.b"], "axb", false);
        check(&["(x|y)+${z}"], "(x|y)+${z}", true);
    }

    #[track_caller]
    fn refused(pattern: &str) {
        assert!(Patterns::new([pattern]).is_err(), "{pattern:?} should be refused");
    }

    #[test]
    fn refuses_what_the_builder_refuses() {
        refused("!");
        refused("[");
        refused("[]");
        refused("[]a]");
        refused("[a-");
        refused("a/[^");
        refused("x\\");
        refused("*x[");
    }

    proptest! {
        #[test]
        fn a_matched_folder_takes_its_entries_along(pattern in "[a-z*?./\\[\\]^\\\\-]{1,16}", path in "[a-z.]{1,4}(/[a-z.]{1,4}){0,3}") {
            if let Ok(patterns) = Patterns::new([pattern.as_str()]) && patterns.matches(&path) {
                let below = format!("{path}/below");
                prop_assert!(patterns.matches(&below));
            }
        }

        #[test]
        fn any_text_is_taken_or_refused(pattern in any::<String>(), path in any::<String>()) {
            if let Ok(patterns) = Patterns::new([pattern.as_str()]) {
                let _ = patterns.matches(&path);
            }
        }
    }
}
