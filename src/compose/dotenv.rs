//! `.env` and `env_file`: `NAME=value` lines as Compose reads them. Quotes, `export`, values over several lines,
//! `${…}` in values, `NAME` alone for the value that devbox's own environment has. Also Compose's `format: raw`.

use std::collections::BTreeMap;

use super::template::{self, TemplateError, Variables};

/// What is wrong with an env file, and in which line (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DotenvError {
    pub(super) line: u32,
    pub(super) what: String,
    pub(super) help: Option<String>,
}

/// How a file gets at variables that it does not set itself.
pub(super) type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// Reads `text` into `values`, which later lines may use; names of variables that had no value go into `unset`.
pub(super) fn parse(
    text: &str,
    values: &mut BTreeMap<String, String>,
    lookup: Lookup<'_>,
    unset: &mut Vec<String>,
) -> Result<(), DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cursor = Cursor { text, at: 0 };
    while cursor.skip_to_statement() {
        let line = cursor.line();
        let (key, inherited) = cursor.key()?;
        if key.contains(' ') {
            return Err(error(line, format!("the name `{key}` contains a space")).help("write NAME=value"));
        }
        if inherited {
            if let Some(value) = lookup(&key) {
                values.insert(key, value);
            }
            continue;
        }
        let value = cursor.value(values, lookup, unset)?;
        values.insert(key, value);
    }
    Ok(())
}

/// Reads `format: raw`: everything behind the `=` is the value, quotes and dollar signs too.
pub(super) fn parse_raw(
    text: &str,
    values: &mut BTreeMap<String, String>,
    lookup: Lookup<'_>,
) -> Result<(), DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        if key.is_empty() {
            return Err(error(number, "a name is missing before `=`"));
        }
        if key.contains([' ', '\t']) {
            return Err(error(number, format!("the name `{key}` contains a space")));
        }
        if let Some(value) = value {
            values.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

fn error(line: u32, what: impl Into<String>) -> DotenvError {
    DotenvError { line, what: what.into(), help: None }
}

impl DotenvError {
    fn help(mut self, help: &str) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A space that doesn't end a line.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn line(&self) -> u32 {
        u32::try_from(memchr::memchr_iter(b'\n', &self.text.as_bytes()[..self.at]).count() + 1).unwrap_or(u32::MAX)
    }

    /// Skips blank lines and comments; false at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    /// The name, and whether it stands alone on its line.
    fn key(&mut self) -> Result<(String, bool), DotenvError> {
        let after = self.rest().strip_prefix("export").filter(|after| after.starts_with(char::is_whitespace));
        if let Some(after) = after {
            self.at = self.text.len() - after.trim_start_matches(is_blank).len();
        }
        let start = self.rest();
        let mut key = "";
        let mut length = 0;
        let mut inherited = false;
        for (i, c) in start.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    key = &start[..i];
                    length = i + 1;
                    inherited = c == '\n';
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if is_blank(c) || c.is_alphanumeric() => {}
                c => {
                    let line = start.lines().next().unwrap_or_default();
                    return Err(error(self.line(), format!("`{c}` can't be part of a variable's name: `{line}`"))
                        .help("write NAME=value; a comment starts with #"));
                }
            }
        }
        let key = key.trim_end().to_owned();
        self.at += length;
        self.at = self.text.len() - self.rest().trim_start_matches(is_blank).len();
        Ok((key, inherited))
    }

    fn value(
        &mut self,
        values: &BTreeMap<String, String>,
        lookup: Lookup<'_>,
        unset: &mut Vec<String>,
    ) -> Result<String, DotenvError> {
        let line = self.line();
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let (value, _) = rest.split_once('\n').unwrap_or((rest, ""));
            self.at = (self.at + value.len() + 1).min(self.text.len());
            let value = value.split_once(" #").map_or(value, |(value, _)| value).trim_end();
            return expand(value, line, values, lookup, unset);
        };
        let mut value = String::new();
        let mut escaped = false;
        for (i, c) in rest.char_indices().skip(1) {
            if c == quote && !escaped {
                self.at += i + 1;
                return match quote {
                    '"' => expand(&unescape(&value), line, values, lookup, unset),
                    _ => Ok(value),
                };
            }
            if c != quote {
                if !escaped && c == '\\' {
                    escaped = true;
                    continue;
                }
                if escaped {
                    value.push('\\');
                }
            }
            escaped = false;
            value.push(c);
        }
        let shown: String = rest.lines().next().unwrap_or_default().chars().take(40).collect();
        Err(error(line, format!("the quote is not closed: {shown}")).help(&format!("end the value with {quote}")))
    }
}

/// Shell's escapes inside double quotes; `\$` becomes the `$$` that stands for a dollar sign.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (replaced, length) = match after.chars().next() {
            Some('a') => ("\u{7}".into(), 1),
            Some('b') => ("\u{8}".into(), 1),
            Some('f') => ("\u{c}".into(), 1),
            Some('n') => ("\n".into(), 1),
            Some('r') => ("\r".into(), 1),
            Some('t') => ("\t".into(), 1),
            Some('v') => ("\u{b}".into(), 1),
            Some('$') => ("$$".into(), 1),
            Some('"') => ("\"".into(), 1),
            Some('\\') => ("\\".into(), 1),
            // Go needs exactly three octal digits behind the 0; anything else stays.
            Some('0') => {
                let digits: String = after[1..].chars().take(3).take_while(char::is_ascii_digit).collect();
                let code = if digits.len() == 3 { u32::from_str_radix(&digits, 8).ok() } else { None };
                match code.filter(|code| *code <= 255).and_then(char::from_u32) {
                    Some(c) => (c.to_string(), 4),
                    None => (format!("\\0{digits}"), 1 + digits.len()),
                }
            }
            _ => ("\\".into(), 0),
        };
        out.push_str(&replaced);
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

struct FileVariables<'v> {
    values: &'v BTreeMap<String, String>,
    lookup: Lookup<'v>,
    unset: &'v mut Vec<String>,
}

impl Variables for FileVariables<'_> {
    fn value(&mut self, name: &str) -> Option<String> {
        (self.lookup)(name).or_else(|| self.values.get(name).cloned())
    }

    fn unset(&mut self, name: &str) {
        self.unset.push(name.to_owned());
    }
}

fn expand(
    value: &str,
    line: u32,
    values: &BTreeMap<String, String>,
    lookup: Lookup<'_>,
    unset: &mut Vec<String>,
) -> Result<String, DotenvError> {
    if !value.contains('$') {
        return Ok(value.to_owned());
    }
    template::substitute(value, &mut FileVariables { values, lookup, unset }).map_err(|problem| match problem {
        TemplateError::Invalid { at } => {
            error(line, format!("`{at}` is not a variable")).help("a dollar sign is written \\$ or $$")
        }
        TemplateError::Required { name, message } if message.is_empty() => {
            error(line, format!("the variable {name} is required and not set"))
        }
        TemplateError::Required { name, message } => {
            error(line, format!("the variable {name} is required and not set: {message}"))
        }
        TemplateError::TooDeep => error(line, "defaults are nested too deeply"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>, DotenvError> {
        let mut values = BTreeMap::new();
        let lookup = |name: &str| (name == "OS").then(|| "linux".to_owned());
        parse(text, &mut values, &lookup, &mut Vec::new())?;
        Ok(values)
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(read(text), Ok(expected), "{text}");
    }

    #[test]
    fn lines_are_composes() {
        check(
            "A=1\nB = two words # c\nexport C=3\nD: yaml\n",
            &[("A", "1"), ("B", "two words"), ("C", "3"), ("D", "yaml")],
        );
        check("# c\n\nA='$X \\' y'\nB=\"a\\n${A}\"", &[("A", "$X ' y"), ("B", "a\n$X ' y")]);
        check("A=x#y\nB=x #y\n", &[("A", "x#y"), ("B", "x")]);
        check("OS\nNONE\nA=${OS}-${N:-d}", &[("OS", "linux"), ("A", "linux-d")]);
        check("A=\"one\ntwo\"\nB=2", &[("A", "one\ntwo"), ("B", "2")]);
        check("\u{feff}A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]);
        check("A=\"\\$x \\0101 \\q\"", &[("A", "$x A \\q")]);
        check("A=\nB=", &[("A", ""), ("B", "")]);
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(read("A=1\nB C=2").unwrap_err().line, 2);
        assert_eq!(read("A=1\n\n!x=2").unwrap_err().line, 3);
        assert_eq!(read("A=\"x\n\n").unwrap_err().line, 1);
        assert_eq!(read("A=1\nB=${N:?need}").unwrap_err().what, "the variable N is required and not set: need");
    }

    #[test]
    fn raw_keeps_everything() {
        let mut values = BTreeMap::new();
        parse_raw("# c\nA=\"x\" $Y\n B=1\nNONE\n", &mut values, &|_| None).unwrap();
        assert_eq!(values, [("A".into(), "\"x\" $Y".into()), ("B".into(), "1".into())].into());
    }
}
