//! From text to logical lines: parser directives, comments, line continuations, here-documents.

use std::sync::LazyLock;

use regex::Regex;

use super::words::{self, Mode};
use super::{Directives, DockerfileError, Heredoc, LineRange};

/// The longest line, in bytes, that the builder reads.
const MAX_LINE: usize = 64 * 1024 - 1;

/// An instruction as it is written, its continuation lines joined.
pub(super) struct Logical {
    pub(super) lines: LineRange,
    pub(super) text: String,
    pub(super) heredocs: Vec<Heredoc>,
}

/// A text's lines with their numbers.
struct Lines<'a> {
    rest: std::str::Split<'a, char>,
    number: u32,
}

impl<'a> Lines<'a> {
    /// The next line without its line end.
    fn next(&mut self) -> Result<Option<&'a str>, DockerfileError> {
        let Some(line) = self.rest.next() else { return Ok(None) };
        self.number += 1;
        if line.len() > MAX_LINE {
            return Err(DockerfileError::at(self.number, format!("the line is longer than {MAX_LINE} bytes")));
        }
        Ok(Some(line))
    }
}

/// Takes a text apart.
pub(super) fn read(text: &str) -> Result<(Directives, Vec<Logical>), DockerfileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A line end at the end of the text starts no further line.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = Lines { rest: text.split('\n'), number: 0 };
    let mut directives = Directives::default();
    let mut in_directives = true;
    let mut logical = Vec::new();
    while let Some(raw) = lines.next()? {
        let line = raw.trim_end_matches('\r').trim_start();
        if in_directives {
            in_directives = directives.take(line, lines.number)?;
        }
        if line.starts_with('#') {
            continue;
        }
        let escape = directives.escape;
        let first = lines.number;
        let (start, mut continued) = without_continuation(line, escape);
        if !continued && start.is_empty() {
            continue;
        }
        let mut joined = start.to_owned();
        while continued {
            let Some(raw) = lines.next()? else { break };
            let line = raw.trim_end_matches('\r');
            let bare = line.trim_start();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let (part, more) = without_continuation(line, escape);
            joined.push_str(part);
            continued = more;
        }
        let heredocs = heredocs(&joined, first, &mut lines)?;
        logical.push(Logical { lines: LineRange { first, last: lines.number }, text: joined, heredocs });
    }
    Ok((directives, logical))
}

/// A line without the escape character that continues it; blanks may follow that. A doubled one continues nothing.
fn without_continuation(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(before) if !before.ends_with(escape) => (before, true),
        _ => (line, false),
    }
}

impl Directives {
    /// Takes a line that may be a parser directive; says whether another may follow.
    fn take(&mut self, line: &str, number: u32) -> Result<bool, DockerfileError> {
        static DIRECTIVE: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$").ok());
        let Some((name, value)) = DIRECTIVE.as_ref().and_then(|directive| {
            let found = directive.captures(line)?;
            Some((found.get(1)?.as_str().to_ascii_lowercase(), found.get(2)?.as_str()))
        }) else {
            return Ok(false);
        };
        let twice = || DockerfileError::at(number, format!("the parser directive `{name}` is given twice"));
        match name.as_str() {
            "syntax" if self.syntax.is_some() => return Err(twice()),
            "syntax" => self.syntax = Some(value.to_owned()),
            "check" if self.check.is_some() => return Err(twice()),
            "check" => self.check = Some(value.to_owned()),
            "escape" if self.escape_line.is_some() => return Err(twice()),
            "escape" => {
                self.escape = match value {
                    "`" => '`',
                    "\\" => '\\',
                    other => {
                        let what = format!("`{other}` cannot be the escape character: it is ` or \\");
                        return Err(DockerfileError::at(number, what));
                    }
                };
                self.escape_line = Some(number);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reads the here-documents that a logical line announces.
fn heredocs(joined: &str, first: u32, lines: &mut Lines<'_>) -> Result<Vec<Heredoc>, DockerfileError> {
    if !joined.contains("<<") || !may_hold_heredocs(joined) {
        return Ok(Vec::new());
    }
    let mode = Mode { escape: '\\', keep_quotes: true, keep_escapes: true, keep_unset: true };
    let words = words::split(joined, mode, &mut |_| None).unwrap_or_default();
    let mut documents: Vec<Heredoc> = words.iter().filter_map(|word| heredoc_mark(word)).collect();
    for document in &mut documents {
        loop {
            let Some(line) = lines.next()? else {
                let what = format!("the here-document `{}` is not closed", document.name);
                let help = format!("end it with a line that holds only {}", document.name);
                return Err(DockerfileError::at(first, what).with_help(help));
            };
            let bare = line.trim_end_matches('\r');
            if (if document.strip_tabs { bare.trim_start_matches('\t') } else { bare }) == document.name {
                break;
            }
            document.content.push_str(line);
            document.content.push('\n');
        }
    }
    Ok(documents)
}

/// Only `RUN`, `COPY` and `ADD`, also behind `ONBUILD`, take here-documents, and not in their JSON form.
fn may_hold_heredocs(joined: &str) -> bool {
    let mut words = joined.split_ascii_whitespace();
    let mut word = words.next().unwrap_or_default();
    if word.eq_ignore_ascii_case("onbuild") {
        word = words.next().unwrap_or_default();
    }
    let takes = ["run", "copy", "add"].iter().any(|name| word.eq_ignore_ascii_case(name));
    let json = words.find(|word| !word.starts_with("--")).is_some_and(|word| word.starts_with('['));
    takes && !json
}

/// What a word such as `<<EOF`, `<<-EOF` or `3<<"EOF"` announces.
pub(super) fn heredoc_mark(word: &str) -> Option<Heredoc> {
    let (descriptor, rest) = word.split_once("<<")?;
    if !descriptor.chars().all(|c| c.is_ascii_digit()) || rest.contains('<') {
        return None;
    }
    let (strip_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let rest = rest.trim_start();
    let mode = Mode { escape: '\\', keep_quotes: false, keep_escapes: false, keep_unset: true };
    let mut name = words::split(rest, mode, &mut |_| None).ok()?;
    let quoted = rest.contains(['\'', '"']);
    match (name.pop(), name.is_empty()) {
        (Some(name), true) => Some(Heredoc { name, expand: !quoted, strip_tabs, content: String::new() }),
        _ => None,
    }
}
