//! Edits of a TOML text at the places that its parser names, so that nothing else of it changes.

use std::ops::Range;

use toml_edit::{Array, Document, Item, TableLike};

use super::{EditError, end_of_line};

/// A parsed text.
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    document: Document<&'t str>,
}

impl<'t> Text<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Text<'t>, EditError> {
        let unreadable = |error: toml_edit::TomlError| {
            let what = error.message().lines().next().unwrap_or("not TOML").to_owned();
            EditError::new(format!("the manifest can't be parsed: {what}"), "mend it first")
        };
        Ok(Text { text, document: Document::parse(text).map_err(unreadable)? })
    }

    /// The item at a path of keys.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Item> {
        path.iter().try_fold(self.document.as_item(), |item, key| item.as_table_like()?.get(key))
    }

    pub(super) fn table(&self, path: &[&str]) -> Option<&dyn TableLike> {
        self.get(path)?.as_table_like()
    }

    /// The end of the line on which a byte stands, its end of line left out.
    fn line_end(&self, at: usize) -> usize {
        let end = memchr::memchr(b'\n', &self.text.as_bytes()[at..]).map_or(self.text.len(), |length| at + length);
        if self.text[..end].ends_with('\r') { end - 1 } else { end }
    }

    /// The start of the line on which a byte stands.
    fn line_start(&self, at: usize) -> usize {
        memchr::memrchr(b'\n', &self.text.as_bytes()[..at]).map_or(0, |before| before + 1)
    }

    /// Puts `what` in at a byte.
    fn with(&self, at: usize, what: &str) -> String {
        format!("{}{what}{}", &self.text[..at], &self.text[at..])
    }

    /// Takes the lines of a range out, with their ends.
    fn without_lines(&self, range: Range<usize>) -> String {
        let from = self.line_start(range.start);
        let to = (memchr::memchr(b'\n', &self.text.as_bytes()[range.end..]))
            .map_or(self.text.len(), |length| range.end + length + 1);
        format!("{}{}", &self.text[..from], &self.text[to..])
    }

    /// Adds a line to a table's own keys: before its `at`th key, or behind the last one.
    pub(super) fn add_line(&self, path: &[&str], at: usize, line: &str) -> Option<String> {
        let table = self.get(path)?.as_table()?;
        let eol = end_of_line(self.text);
        let own: Vec<Range<usize>> = table
            .iter()
            .filter(|(_, item)| item.is_value())
            .filter_map(|(key, item)| Some(table.key(key)?.span()?.start..item.span()?.end))
            .collect();
        if let Some(next) = own.get(at) {
            return Some(self.with(self.line_start(next.start), &format!("{line}{eol}")));
        }
        let behind = own.last().map(|last| last.end).or_else(|| Some(table.span()?.start))?;
        Some(self.with(self.line_end(behind), &format!("{eol}{line}")))
    }

    /// Takes out a key of a table with its value.
    pub(super) fn remove_key(&self, table: &dyn TableLike, name: &str) -> Option<String> {
        let (key, item) = table.get_key_value(name)?;
        Some(self.without_lines(key.span()?.start..item.span()?.end))
    }

    /// Replaces a value.
    pub(super) fn replace(&self, item: &Item, value: &str) -> Option<String> {
        let span = item.span()?;
        Some(format!("{}{value}{}", &self.text[..span.start], &self.text[span.end..]))
    }

    /// Adds a table at the end.
    pub(super) fn add_table(&self, header: &str, line: &str) -> String {
        let eol = end_of_line(self.text);
        let gap = if self.text.is_empty() || self.text.ends_with("\n\n") || self.text.ends_with("\n\r\n") {
            ""
        } else if self.text.ends_with('\n') {
            eol
        } else {
            return format!("{}{eol}{eol}[{header}]{eol}{line}", self.text);
        };
        format!("{}{gap}[{header}]{eol}{line}{eol}", self.text)
    }

    /// Puts a string before the `at`th element of an array, or behind the last one. Into an empty array it goes as `first` writes it.
    pub(super) fn add_element(&self, array: &Array, at: usize, element: &str, first: &str) -> Option<String> {
        let whole = array.span()?;
        let spans: Vec<Range<usize>> = array.iter().filter_map(toml_edit::Value::span).collect();
        let Some(last) = spans.last() else {
            let inside = &self.text[whole.start + 1..whole.end - 1];
            // Comments between the brackets stay where they are.
            if !inside.trim().is_empty() {
                return Some(self.with(whole.end - 1, &format!("    {element},{}", end_of_line(self.text))));
            }
            return Some(format!("{}{first}{}", &self.text[..whole.start], &self.text[whole.end..]));
        };
        let own_line = |at: usize| self.text[self.line_start(at)..at].trim().is_empty();
        if let Some(next) = spans.get(at) {
            let indent = &self.text[self.line_start(next.start)..next.start];
            return Some(match own_line(next.start) {
                true => {
                    self.with(self.line_start(next.start), &format!("{indent}{element},{}", end_of_line(self.text)))
                }
                false => self.with(next.start, &format!("{element}, ")),
            });
        }
        let comma = self.comma_behind(last.end, whole.end);
        if !own_line(last.start) {
            let text = if comma.is_some() { format!(" {element},") } else { format!(", {element}") };
            return Some(self.with(comma.map_or(last.end, |comma| comma + 1), &text));
        }
        let indent = &self.text[self.line_start(last.start)..last.start];
        let eol = end_of_line(self.text);
        Some(match comma {
            Some(comma) => self.with(self.line_end(comma), &format!("{eol}{indent}{element},")),
            // The list's style is to have none behind the last: that stays so.
            None => {
                let text = self.with(self.line_end(last.end), &format!("{eol}{indent}{element}"));
                format!("{},{}", &text[..last.end], &text[last.end..])
            }
        })
    }

    /// The comma behind an element, before the next one or the end.
    fn comma_behind(&self, end: usize, limit: usize) -> Option<usize> {
        let mut at = end;
        while at < limit {
            match self.text.as_bytes()[at] {
                b',' => return Some(at),
                b'#' => at = self.line_end(at),
                c if c.is_ascii_whitespace() => at += 1,
                _ => return None,
            }
        }
        None
    }

    /// Takes the `at`th element out of an array. One that is left without elements is written `[]`.
    pub(super) fn remove_element(&self, array: &Array, at: usize) -> Option<String> {
        let whole = array.span()?;
        let spans: Vec<Range<usize>> = array.iter().filter_map(toml_edit::Value::span).collect();
        let own = spans.get(at)?;
        let comma = self.comma_behind(own.end, whole.end);
        if spans.len() == 1 && !self.text[whole.clone()].contains('#') {
            return Some(format!("{}[]{}", &self.text[..whole.start], &self.text[whole.end..]));
        }
        let last = at + 1 == spans.len();
        let own_line = self.text[self.line_start(own.start)..own.start].trim().is_empty()
            && spans.get(at + 1).is_none_or(|next| self.line_start(next.start) > own.end);
        if own_line && self.line_end(own.end) < whole.end {
            let text = self.without_lines(own.start..comma.map_or(own.end, |comma| comma + 1));
            let before = if at > 0 { spans.get(at - 1) } else { None };
            return Some(match before.filter(|_| last && comma.is_none()) {
                Some(before) => {
                    let comma = self.comma_behind(before.end, whole.end)?;
                    format!("{}{}", &text[..comma], &text[comma + 1..])
                }
                None => text,
            });
        }
        let range = match (spans.get(at + 1), at.checked_sub(1).and_then(|before| spans.get(before))) {
            (Some(next), _) => own.start..next.start,
            (None, Some(before)) if comma.is_some() => self.comma_behind(before.end, whole.end)? + 1..comma? + 1,
            (None, Some(before)) => before.end..own.end,
            (None, None) => own.start..comma.map_or(own.end, |comma| comma + 1),
        };
        Some(format!("{}{}", &self.text[..range.start], &self.text[range.end..]))
    }
}

/// A basic string.
pub(super) fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}
