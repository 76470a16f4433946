//! `$NAME`, `${NAME}` and `${NAME:-default}` in a text, as Compose replaces them. Shared by compose files and env files.
//!
//! The rules are those of Compose's pattern, oddities included: `$1` and `$ ` stay as they are, an operator needs its
//! closing brace on the same line, braces in a default are counted but the character behind an opening one is not.

/// Where a variable's value comes from.
pub(super) trait Variables {
    /// The value; `None` when the variable is not set.
    fn value(&mut self, name: &str) -> Option<String>;
    /// A variable without a default was not set, and stands for nothing.
    fn unset(&mut self, name: &str);
}

/// Why a text can't be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TemplateError {
    /// `${`, and then nothing that could be a variable.
    Invalid {
        /// From the dollar sign on.
        at: String,
    },
    /// `${NAME:?message}` of a variable that has no value.
    Required { name: String, message: String },
    /// Defaults in defaults in defaults.
    TooDeep,
}

/// How deep defaults may nest.
const DEEPEST: usize = 60;

/// The operator between a name and its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    /// `-`, `?` or `+`.
    pub(super) sign: char,
    /// With a colon: an empty value counts as none.
    pub(super) or_empty: bool,
}

/// One piece of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    /// `$$`.
    Dollar,
    Variable {
        name: &'t str,
        word: Option<(Operator, &'t str)>,
    },
}

/// `text` with every variable replaced.
pub(super) fn substitute(text: &str, variables: &mut dyn Variables) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(text.len());
    expand(text, variables, &mut out, 0)?;
    Ok(out)
}

fn expand(text: &str, variables: &mut dyn Variables, out: &mut String, depth: usize) -> Result<(), TemplateError> {
    if depth > DEEPEST {
        return Err(TemplateError::TooDeep);
    }
    for piece in Pieces::new(text) {
        match piece? {
            Piece::Text(text) => out.push_str(text),
            Piece::Dollar => out.push('$'),
            Piece::Variable { name, word: None } => match variables.value(name) {
                Some(value) => out.push_str(&value),
                None => variables.unset(name),
            },
            Piece::Variable { name, word: Some((operator, word)) } => {
                // Also a word that isn't needed is expanded: what it requires is required.
                let mut expanded = String::new();
                expand(word, variables, &mut expanded, depth + 1)?;
                let value = variables.value(name);
                let present = value.as_ref().is_some_and(|value| !(operator.or_empty && value.is_empty()));
                match (operator.sign, present) {
                    ('-', false) | ('+', true) => out.push_str(&expanded),
                    ('?', false) => {
                        return Err(TemplateError::Required { name: name.to_owned(), message: expanded });
                    }
                    _ => out.push_str(&value.unwrap_or_default()),
                }
            }
        }
    }
    Ok(())
}

/// The pieces of a template, from left to right.
pub(super) struct Pieces<'t> {
    text: &'t str,
    at: usize,
    /// The end of the line that `at` is on, and the line's last closing brace: found once a line, so that a line of a
    /// million variables takes no longer than a million lines of one.
    line: Option<(usize, Option<usize>)>,
}

impl<'t> Pieces<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Pieces { text, at: 0, line: None }
    }

    /// The last closing brace of the line that `at` is on, if it stands behind `at`.
    fn last_brace(&mut self) -> Option<usize> {
        let (_, brace) = match self.line {
            Some(line) if self.at <= line.0 => line,
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.find('\n').map_or(self.text.len(), |length| self.at + length);
                *self.line.insert((end, self.text[self.at..end].rfind('}').map(|brace| self.at + brace)))
            }
        };
        brace.filter(|brace| *brace >= self.at)
    }

    /// The variable that starts with `${` at `at`, and where it ends.
    fn braced(&mut self) -> Option<(Piece<'t>, usize)> {
        let rest = &self.text[self.at..];
        let name = &rest[2..2 + name_length(&rest[2..])];
        if name.is_empty() {
            return None;
        }
        let after = &rest[2 + name.len()..];
        if after.starts_with('}') {
            return Some((Piece::Variable { name, word: None }, self.at + 3 + name.len()));
        }
        let or_empty = after.starts_with(':');
        let sign = after[usize::from(or_empty)..].chars().next().filter(|c| matches!(c, '-' | '+' | '?'))?;
        let word_start = self.at + 2 + name.len() + usize::from(or_empty) + 1;
        let last = self.last_brace().filter(|last| *last >= word_start)?;
        let closing = closing_brace(&self.text[self.at..=last]).map(|end| self.at + end);
        let end = closing.filter(|end| *end >= word_start).unwrap_or(last);
        let word = &self.text[word_start..end];
        Some((Piece::Variable { name, word: Some((Operator { sign, or_empty }, word)) }, end + 1))
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Result<Piece<'t>, TemplateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let mut from = start;
        let dollar = loop {
            match self.text[from..].find('$') {
                None => break self.text.len(),
                Some(length) if starts_variable(&self.text[from + length + 1..]) => break from + length,
                Some(length) => from += length + 1,
            }
        };
        if dollar > start {
            self.at = dollar;
            return Some(Ok(Piece::Text(&self.text[start..dollar])));
        }
        let body = &self.text[start + 1..];
        let (piece, end) = match body.as_bytes()[0] {
            b'$' => (Piece::Dollar, start + 2),
            b'{' => match self.braced() {
                Some(found) => found,
                None => {
                    let at = self.text[start..].lines().next().unwrap_or_default().chars().take(40).collect();
                    self.at = self.text.len();
                    return Some(Err(TemplateError::Invalid { at }));
                }
            },
            _ => {
                let name = &body[..name_length(body)];
                (Piece::Variable { name, word: None }, start + 1 + name.len())
            }
        };
        self.at = end;
        Some(Ok(piece))
    }
}

fn starts_variable(after_dollar: &str) -> bool {
    matches!(after_dollar.as_bytes().first(), Some(b'$' | b'{' | b'_' | b'a'..=b'z' | b'A'..=b'Z'))
}

fn name_length(text: &str) -> usize {
    match text.as_bytes().first() {
        Some(c) if c.is_ascii_alphabetic() || *c == b'_' => {
            text.bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count()
        }
        _ => 0,
    }
}

/// Where the brace that opens at the start is closed, by Compose's count.
fn closing_brace(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut i, mut open) = (0, 0i32);
    while i < bytes.len() {
        match bytes[i] {
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(i);
                }
            }
            b'{' => {
                open += 1;
                i += 1;
            }
            _ => {}
        }
        i += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Some3;

    impl Variables for Some3 {
        fn value(&mut self, name: &str) -> Option<String> {
            match name {
                "A" => Some("a".into()),
                "E" => Some(String::new()),
                _ => None,
            }
        }

        fn unset(&mut self, _: &str) {}
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(substitute(text, &mut Some3).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn variables_are_replaced() {
        check("$A ${A} $$A $U.", "a a $A .");
        check("$1 $ $-", "$1 $ $-");
        check("x$", "x$");
        check("${E-x}|${E:-x}|${U-x}|${U:-x}|${A:-x}", "|x|x|x|a");
        check("${E+x}|${E:+x}|${U+x}|${A:+x}", "x|||x");
        check("${A:?no}${E?no}", "a");
        check("${U:-${V:-${A}}}b", "ab");
        check("${U:-{\"k\":1}} c", "{\"k\":1} c");
        check("${U:-x} ${A} ${V:-y}", "x a y");
        check("${U:-$$x}", "$x");
        check("${U:-a}\n${U:-b} }", "a\nb }");
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in ["${}", "${A", "${A!b}", "${A:-x\ny}", "${1}"] {
            assert!(matches!(substitute(text, &mut Some3), Err(TemplateError::Invalid { .. })), "{text}");
        }
        assert_eq!(
            substitute("${U:?say $A}", &mut Some3),
            Err(TemplateError::Required { name: "U".into(), message: "say a".into() })
        );
        let deep = format!("{}{}", "${U:-".repeat(100), "}".repeat(100));
        assert_eq!(substitute(&deep, &mut Some3), Err(TemplateError::TooDeep));
    }
}
