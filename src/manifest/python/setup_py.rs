//! setup.py, as far as it can be read without running it: lists of string literals given to the known keywords.
//!
//! The rest of the code is one setting (its digest without comments and blank lines), since any statement may change
//! what is installed.

use sha2::{Digest as _, Sha256};

use super::requirement;
use crate::manifest::declared::Declared;
use crate::manifest::text::Lines;

/// Reads setup.py.
pub(crate) fn parse(text: &str) -> Declared {
    let tokens = tokens(text);
    let mut declared = Declared::default();
    let mut rest = Sha256::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let assigned = matches!(tokens.get(index + 1), Some(Token { kind: Kind::Mark('='), .. }));
        let length = match token.kind {
            Kind::Word("install_requires") if assigned => list(&tokens[index + 2..], "", &mut declared),
            Kind::Word("setup_requires") if assigned => list(&tokens[index + 2..], "build-system", &mut declared),
            Kind::Word("tests_require") if assigned => list(&tokens[index + 2..], "test", &mut declared),
            Kind::Word("extras_require") if assigned => extras(&tokens[index + 2..], &mut declared),
            Kind::Word("python_requires") if assigned => match tokens.get(index + 2).map(|token| token.kind) {
                Some(Kind::Text(text)) => {
                    declared.setting("requires-python", text);
                    1
                }
                _ => 0,
            },
            _ => 0,
        };
        if length == 0 {
            rest.update(token.kind.bytes());
            rest.update([0]);
        }
        index += if length == 0 { 1 } else { length + 2 };
    }
    let digest = rest.finalize();
    declared.setting("code", format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]));
    declared
}

#[derive(Clone, Copy)]
struct Token<'t> {
    kind: Kind<'t>,
    line: u32,
}

#[derive(Clone, Copy)]
enum Kind<'t> {
    Word(&'t str),
    Text(&'t str),
    Mark(char),
}

impl Kind<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Kind::Word(text) => text.as_bytes().to_vec(),
            Kind::Text(text) => format!("'{text}").into_bytes(),
            Kind::Mark(c) => c.to_string().into_bytes(),
        }
    }
}

/// Words, string literals and single marks; comments and spaces are gone.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let lines = Lines::new(text);
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let line = lines.line(at);
        if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if c == '"' || c == '\'' {
            let quote = if rest.starts_with("\"\"\"") || rest.starts_with("'''") { &rest[..3] } else { &rest[..1] };
            let length = literal_length(rest, quote);
            let end = if rest[..length].len() >= 2 * quote.len() { length - quote.len() } else { length };
            tokens.push(Token { kind: Kind::Text(rest.get(quote.len()..end).unwrap_or_default()), line });
            at += length;
        } else if c.is_alphanumeric() || c == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            tokens.push(Token { kind: Kind::Word(&rest[..end]), line });
            at += end;
        } else {
            if !c.is_whitespace() {
                tokens.push(Token { kind: Kind::Mark(c), line });
            }
            at += c.len_utf8();
        }
    }
    tokens
}

/// The length of a literal with both its quotes; an open one ends at the end of its line, or of the text.
fn literal_length(text: &str, quote: &str) -> usize {
    let mut at = quote.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(quote) {
            return at + quote.len();
        }
        if c == '\n' && quote.len() == 1 {
            return at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

/// Reads `[ "a", "b" ]` and returns how many tokens it has, or 0 when anything else than literals stands in it.
fn list(tokens: &[Token<'_>], group: &str, declared: &mut Declared) -> usize {
    let close = match tokens.first().map(|token| token.kind) {
        Some(Kind::Mark('[')) => ']',
        Some(Kind::Mark('(')) => ')',
        _ => return 0,
    };
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate().skip(1) {
        match token.kind {
            Kind::Text(text) => found.push((text, token.line)),
            Kind::Mark(',') => {}
            Kind::Mark(mark) if mark == close => {
                for (text, line) in found {
                    match requirement::parse(text, line) {
                        Some(package) => declared.package(package.grouped(group)),
                        None => declared.setting(group, text),
                    }
                }
                return index + 1;
            }
            _ => return 0,
        }
    }
    0
}

/// Reads `{ "dev": [ … ], … }` likewise.
fn extras(tokens: &[Token<'_>], declared: &mut Declared) -> usize {
    if !matches!(tokens.first().map(|token| token.kind), Some(Kind::Mark('{'))) {
        return 0;
    }
    let mut found = Declared::default();
    let mut index = 1;
    while let Some(token) = tokens.get(index) {
        match token.kind {
            Kind::Mark('}') => {
                declared.packages.append(&mut found.packages);
                declared.settings.append(&mut found.settings);
                return index + 1;
            }
            Kind::Mark(',') => index += 1,
            Kind::Text(extra) if matches!(tokens.get(index + 1).map(|token| token.kind), Some(Kind::Mark(':'))) => {
                match list(&tokens[index + 2..], extra, &mut found) {
                    0 => return 0,
                    length => index += 2 + length,
                }
            }
            _ => return 0,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(text: &str) -> Vec<String> {
        parse(text).packages.iter().map(|p| format!("{} {}/{}|{}", p.line, p.group, p.name, p.version)).collect()
    }

    #[test]
    fn literal_lists_are_read() {
        let text = "from setuptools import setup\nsetup(\n  name='shop',\n  install_requires=[\n    'Django==5.1.3',  # web\n    \"redis>=5\",\n  ],\n  extras_require={'dev': ['pytest'], 'x': ('y',)},\n  python_requires='>=3.11',\n)\n";
        assert_eq!(packages(text), ["5 /django|5.1.3", "6 /redis|>=5", "8 dev/pytest|", "8 x/y|"]);
    }

    #[test]
    fn computed_lists_are_code() {
        assert!(packages("setup(install_requires=read('r.txt'))").is_empty());
        assert!(packages("setup(install_requires=['a'] + more if x else [f('a')])").len() <= 1);
        assert!(packages("install_requires=['a', b]").is_empty());
    }

    #[test]
    fn comments_change_nothing_and_code_does() {
        let same = |a: &str, b: &str| parse(a).settings == parse(b).settings;
        assert!(same("x = 1 # a\n", "\n\nx = 1\n"));
        assert!(same("setup(install_requires=['a'])", "setup(install_requires=['b'])"));
        assert!(!same("x = 1", "x = 2"));
    }

    #[test]
    fn broken_literals_end() {
        for text in ["'", "'''", "\"a", "'a\\", "install_requires=['a'", "extras_require={'a':", "'''é"] {
            parse(text);
        }
    }
}
