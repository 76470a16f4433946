//! Words of a Dockerfile: quotes, the escape character, and variables.
//!
//! The rules are those of BuildKit's shell lexer: `$NAME` and `${NAME}` with the modifiers `:-` `-` `:+` `+` `:?` `?` `#` `##` `%`
//! `%%` `/` `//`; single quotes keep everything, double quotes all but variables; an unset variable is empty.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// How deep `${a:-${b:-…}}` may go. The builder has no bound; nobody writes ten.
const MAX_DEPTH: usize = 64;

/// Gives a variable's value; nothing for one that is not set.
pub(super) type Lookup<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// How words are read.
#[derive(Clone, Copy)]
pub(super) struct Mode {
    /// The escape character, `\` or `` ` ``.
    pub(super) escape: char,
    /// Quotes stay in the text.
    pub(super) keep_quotes: bool,
    /// Escape characters stay in the text.
    pub(super) keep_escapes: bool,
    /// A variable that is not set stays as it is written.
    pub(super) keep_unset: bool,
}

impl Mode {
    /// The mode in which the builder evaluates an instruction's words.
    pub(super) fn evaluate(escape: char) -> Self {
        Self { escape, keep_quotes: false, keep_escapes: false, keep_unset: false }
    }
}

/// Evaluates a text as one word.
pub(super) fn expand(text: &str, mode: Mode, lookup: &mut Lookup<'_>) -> Result<String, String> {
    Reader::new(text, mode, lookup).until(None).map(|(text, _)| text)
}

/// Evaluates a text and splits it at blanks that are not quoted.
pub(super) fn split(text: &str, mode: Mode, lookup: &mut Lookup<'_>) -> Result<Vec<String>, String> {
    Reader::new(text, mode, lookup).until(None).map(|(_, words)| words)
}

/// The words so far and the one being read.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    current: String,
}

impl Words {
    /// A character that ends a word if it is a blank.
    fn push(&mut self, c: char) {
        if c.is_whitespace() { self.finish() } else { self.current.push(c) }
    }

    fn finish(&mut self) {
        if !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }
}

struct Reader<'a, 'b> {
    chars: Peekable<Chars<'a>>,
    mode: Mode,
    lookup: &'a mut Lookup<'b>,
    depth: usize,
}

impl<'a, 'b> Reader<'a, 'b> {
    fn new(text: &'a str, mode: Mode, lookup: &'a mut Lookup<'b>) -> Self {
        Self { chars: text.chars().peekable(), mode, lookup, depth: 0 }
    }

    /// Reads up to `stop`, which is consumed, or to the end when there is none.
    fn until(&mut self, stop: Option<char>) -> Result<(String, Vec<String>), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("variables are nested too deep".to_owned());
        }
        let mut result = String::new();
        let mut words = Words::default();
        while let Some(c) = self.chars.next() {
            if Some(c) == stop {
                self.depth -= 1;
                words.finish();
                return Ok((result, words.done));
            }
            match c {
                '\'' | '"' => {
                    let quoted = if c == '"' { self.double_quoted()? } else { self.single_quoted()? };
                    result.push_str(&quoted);
                    words.current.push_str(&quoted);
                }
                '$' => {
                    let value = self.variable()?;
                    value.chars().for_each(|c| words.push(c));
                    result.push_str(&value);
                }
                '<' => {
                    let text = self.heredoc_mark();
                    result.push_str(&text);
                    words.current.push_str(&text);
                }
                c if c == self.mode.escape => {
                    if self.mode.keep_escapes {
                        words.current.push(c);
                        result.push(c);
                    }
                    let Some(next) = self.chars.next() else { break };
                    words.current.push(next);
                    result.push(next);
                }
                c => {
                    words.push(c);
                    result.push(c);
                }
            }
        }
        if let Some(stop) = stop {
            return Err(format!("`{stop}` is missing"));
        }
        self.depth -= 1;
        words.finish();
        Ok((result, words.done))
    }

    fn single_quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                None => return Err("a single quote is not closed".to_owned()),
                Some('\'') => break,
                Some(c) => text.push(c),
            }
        }
        Ok(if self.mode.keep_quotes { format!("'{text}'") } else { text })
    }

    fn double_quoted(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                None => return Err("a double quote is not closed".to_owned()),
                Some('"') => break,
                Some('$') => text.push_str(&self.variable()?),
                Some(c) if c == self.mode.escape => {
                    let escape = self.mode.escape;
                    let escaped = self.chars.next_if(|&next| next == '"' || next == '$' || next == escape);
                    if self.mode.keep_escapes && escaped.is_some() {
                        text.push(c);
                    }
                    match escaped {
                        Some(next) => text.push(next),
                        // Before anything else the escape character means itself; at the end of the text, nothing.
                        None if self.chars.peek().is_some() => text.push(c),
                        None => {}
                    }
                }
                Some(c) => text.push(c),
            }
        }
        Ok(if self.mode.keep_quotes { format!("\"{text}\"") } else { text })
    }

    /// A here-document's mark keeps the blanks before its word, so that `<< EOF` stays one word.
    fn heredoc_mark(&mut self) -> String {
        let mut text = "<".to_owned();
        if self.chars.next_if_eq(&'<').is_some() {
            text.push('<');
            while let Some(blank) = self.chars.next_if(|c| matches!(c, ' ' | '\t' | '\r')) {
                text.push(blank);
            }
        }
        text
    }

    /// What stands behind a `$`.
    fn variable(&mut self) -> Result<String, String> {
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            return Ok(match (self.lookup)(&name) {
                Some(value) => value,
                None if self.mode.keep_unset => format!("${name}"),
                None => String::new(),
            });
        }
        if matches!(self.chars.peek(), None | Some('{' | '}' | ':')) {
            return Err("`${` needs a variable's name".to_owned());
        }
        let name = self.name();
        match self.chars.next() {
            Some('}') => Ok(match (self.lookup)(&name) {
                Some(value) => value,
                None if self.mode.keep_unset => format!("${{{name}}}"),
                None => String::new(),
            }),
            Some(':') => {
                let Some(modifier @ ('-' | '+' | '?')) = self.chars.next() else {
                    return Err(format!("`${{{name}:` needs `-`, `+` or `?`"));
                };
                self.default_of(&name, modifier, true)
            }
            Some(modifier @ ('-' | '+' | '?')) => self.default_of(&name, modifier, false),
            Some(end @ ('#' | '%')) => self.trimmed(&name, end),
            Some('/') => self.replaced(&name),
            None => Err(format!("`${{{name}` is not closed")),
            Some(other) => Err(format!("`${{{name}{other}` is not a substitution that the builder knows")),
        }
    }

    /// A variable's name: digits only, one special parameter, or letters, digits and underscores.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let numeric = match self.chars.peek() {
            Some(&c @ ('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0')) => {
                self.chars.next();
                return c.to_string();
            }
            Some(c) => c.is_numeric(),
            None => return name,
        };
        while let Some(c) =
            self.chars.next_if(|c| if numeric { c.is_numeric() } else { c.is_alphanumeric() || *c == '_' })
        {
            name.push(c);
        }
        name
    }

    /// A nested word, whose escape characters are kept or not.
    fn nested(&mut self, stop: char, keep_escapes: bool) -> Result<String, String> {
        let before = std::mem::replace(&mut self.mode.keep_escapes, keep_escapes);
        let word = self.until(Some(stop));
        self.mode.keep_escapes = before;
        word.map(|(text, _)| text)
    }

    /// `${name:-word}` and its like; with the colon, an empty value counts as unset.
    fn default_of(&mut self, name: &str, modifier: char, empty_is_unset: bool) -> Result<String, String> {
        let word = self.nested('}', false)?;
        let value = (self.lookup)(name);
        let colon = if empty_is_unset { ":" } else { "" };
        if value.is_none() && self.mode.keep_unset {
            return Ok(format!("${{{name}{colon}{modifier}{word}}}"));
        }
        let usable = value.filter(|value| !(empty_is_unset && value.is_empty()));
        match (modifier, usable) {
            ('-', Some(value)) => Ok(value),
            ('-', None) | ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(value)) => Ok(value),
            (_, None) if word.is_empty() => Err(format!("the variable {name} has no value")),
            (_, None) => Err(format!("{name}: {word}")),
        }
    }

    /// `${name#pattern}`, `${name%pattern}`, and the doubled forms that take off as much as they can.
    fn trimmed(&mut self, name: &str, end: char) -> Result<String, String> {
        let word = self.nested('}', true)?;
        let Some(value) = (self.lookup)(name) else {
            return Ok(if self.mode.keep_unset { format!("${{{name}{end}{word}}}") } else { String::new() });
        };
        let (pattern, greedy) = word.strip_prefix(end).map_or((word.as_str(), false), |rest| (rest, true));
        let items = shell_pattern(pattern)?;
        if end == '#' {
            let regex = pattern_regex(items.iter(), greedy, true)?;
            return Ok(regex.find(&value).map_or(value.clone(), |found| value[found.end()..].to_owned()));
        }
        // The shortest match at the end is the shortest match at the beginning of the text turned round.
        let regex = pattern_regex(items.iter().rev(), greedy, true)?;
        let reversed: String = value.chars().rev().collect();
        let kept = regex.find(&reversed).map_or(reversed.as_str(), |found| &reversed[found.end()..]);
        Ok(kept.chars().rev().collect())
    }

    /// `${name/pattern/replacement}`; with `//`, every match.
    fn replaced(&mut self, name: &str) -> Result<String, String> {
        let all = self.chars.next_if_eq(&'/').is_some();
        let pattern = self.nested('/', true)?;
        let replacement = self.nested('}', true)?;
        let Some(value) = (self.lookup)(name) else {
            return Ok(if self.mode.keep_unset {
                format!("${{{name}/{pattern}/{replacement}}}")
            } else {
                String::new()
            });
        };
        let regex = pattern_regex(shell_pattern(&pattern)?.iter(), true, false)?;
        let literal = regex::NoExpand(&replacement);
        Ok(if all { regex.replace_all(&value, literal) } else { regex.replace(&value, literal) }.into_owned())
    }
}

/// A part of a shell pattern.
enum PatternItem {
    Any,
    One,
    Char(char),
}

fn shell_pattern(pattern: &str) -> Result<Vec<PatternItem>, String> {
    let mut items = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        items.push(match c {
            '*' => PatternItem::Any,
            '?' => PatternItem::One,
            '\\' => match chars.next() {
                Some(c @ ('*' | '?' | '\\' | '}' | '/')) => PatternItem::Char(c),
                _ => return Err(format!("`{pattern}` is not a valid pattern")),
            },
            c => PatternItem::Char(c),
        });
    }
    Ok(items)
}

fn pattern_regex<'p>(
    items: impl Iterator<Item = &'p PatternItem>,
    greedy: bool,
    anchored: bool,
) -> Result<Regex, String> {
    let mut expression = if anchored { "^".to_owned() } else { String::new() };
    for item in items {
        match item {
            PatternItem::Any => expression.push_str(if greedy { ".*" } else { ".*?" }),
            PatternItem::One => expression.push('.'),
            PatternItem::Char(c) => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&expression).map_err(|_| "the pattern of a substitution is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(name: &str) -> Option<String> {
        match name {
            "A" => Some("alpha".to_owned()),
            "EMPTY" => Some(String::new()),
            "PATHS" => Some("x.y.z".to_owned()),
            _ => None,
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(expand(text, Mode::evaluate('\\'), &mut value).as_deref(), Ok(expected), "{text:?}");
    }

    #[test]
    fn plain_variables() {
        check("$A/${A}b", "alpha/alphab");
        check("$NONE.", ".");
        check("\\$A", "$A");
        check("'$A'", "$A");
        check("\"$A\"", "alpha");
        check("a$", "a$");
        check("\"a\\b\\\"\"", "a\\b\"");
    }

    #[test]
    fn modifiers() {
        check("${NONE:-x}", "x");
        check("${EMPTY:-x}${EMPTY-x}", "x");
        check("${A:+x}${NONE:+y}", "x");
        check("${NONE:-${A:-b}}", "alpha");
        check("${PATHS#*.}", "y.z");
        check("${PATHS##*.}", "z");
        check("${PATHS%.*}", "x.y");
        check("${PATHS%%.*}", "x");
        check("${PATHS/./-}", "x-y.z");
        check("${PATHS//./-}", "x-y-z");
    }

    #[track_caller]
    fn refused(text: &str) {
        assert!(expand(text, Mode::evaluate('\\'), &mut value).is_err(), "{text:?} should be refused");
    }

    #[test]
    fn refuses_what_the_builder_refuses() {
        refused("${A");
        refused("${}");
        refused("'a");
        refused("\"a");
        refused("${NONE:?needed}");
        refused("${A^^}");
        refused(&"${a:-".repeat(5000));
    }

    #[test]
    fn splits_at_blanks_outside_quotes() {
        let words = |text: &str| split(text, Mode::evaluate('\\'), &mut value).unwrap();
        assert_eq!(words("a  'b c' d\\ e"), ["a", "b c", "d e"]);
        assert_eq!(words("cat << EOF"), ["cat", "<< EOF"]);
    }

    proptest! {
        #[test]
        fn any_text_is_expanded_or_refused(text in "[${}:\\-+?#%/*A'\"\\\\ a-c]{0,40}") {
            let _ = expand(&text, Mode::evaluate('\\'), &mut value);
        }
    }
}
