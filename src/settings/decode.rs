//! Values of config.toml with their places: what was expected, where, and which key may have been meant.

use std::path::PathBuf;
use std::sync::Arc;

use toml_edit::{Document, Item, Key};

use crate::model::{Diagnostic, Excerpt, Place, Severity, nearest};

/// The text being read, and what was found wrong in it.
pub(super) struct Source<'t> {
    file: Arc<PathBuf>,
    text: &'t str,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'t> Source<'t> {
    pub(super) fn new(file: PathBuf, text: &'t str) -> Source<'t> {
        Source { file: Arc::new(file), text, diagnostics: Vec::new() }
    }

    /// Parses the text; a syntax error is told and gives `None`.
    pub(super) fn document(&mut self) -> Option<Document<&'t str>> {
        match Document::parse(self.text) {
            Ok(document) => Some(document),
            Err(error) => {
                let what = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
                self.tell(Severity::Error, what, error.span(), "", None);
                None
            }
        }
    }

    /// A key that nothing reads.
    pub(super) fn unknown_key(&mut self, key: &Key, known: &[&str]) {
        let name = key.get();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", known.join(", ")),
        };
        self.tell(Severity::Warning, format!("unknown setting `{name}`"), key.span(), "", Some(help));
    }

    /// A value of the wrong type or form.
    pub(super) fn bad_value(&mut self, key: &str, item: &Item, expected: &str, help: Option<String>) {
        let what = format!("`{key}` must be {expected}, found {}", kind(item));
        self.tell(Severity::Error, what, item.span(), &format!("expected {expected}"), help);
    }

    fn tell(
        &mut self,
        severity: Severity,
        what: String,
        span: Option<std::ops::Range<usize>>,
        label: &str,
        help: Option<String>,
    ) {
        let mut diagnostic = Diagnostic { severity, ..Diagnostic::error(what) };
        if let Some(span) = span {
            let before = &self.text[..span.start.min(self.text.len())];
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let line = self.text[start..].lines().next().unwrap_or_default();
            let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let end = span.end.min(start + line.len()).max(span.start.min(start + line.len()));
            let width = self.text.get(span.start.min(end)..end).map_or(1, |marked| marked.chars().count().max(1));
            diagnostic = diagnostic
                .at(Place {
                    file: Arc::clone(&self.file),
                    line: count(before.matches('\n').count() + 1),
                    column: count(before[start..].chars().count() + 1),
                })
                .excerpt(Excerpt { text: line.to_owned(), width: count(width), label: label.to_owned() });
        }
        self.diagnostics.push(Diagnostic { help, ..diagnostic });
    }
}

fn kind(item: &Item) -> String {
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => format!("{:?}", text.value()),
        Some(toml_edit::Value::Integer(number)) => number.value().to_string(),
        Some(toml_edit::Value::Boolean(flag)) => flag.value().to_string(),
        Some(toml_edit::Value::Array(_)) => "a list".to_owned(),
        _ if item.is_table_like() => "a table".to_owned(),
        _ => item.type_name().to_owned(),
    }
}
