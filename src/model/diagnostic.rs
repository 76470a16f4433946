//! What went wrong, in the one form that every folder's errors turn into and that the screen and the terminal render.

use std::{fmt, path::PathBuf, sync::Arc};

/// Where something stands in a file. Line and column count from 1; the column counts characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the user would name it.
    pub file: Arc<PathBuf>,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The line a place is on, with the part that is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Excerpt {
    /// The whole line, without its end.
    pub text: String,
    /// How many characters from the place's column on are marked; at least 1.
    pub width: u32,
    /// What stands behind the mark: `expected a list`. May be empty.
    pub label: String,
}

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// It works, but something is worth knowing.
    Warning,
    /// It did not work.
    Error,
}

/// What failed, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What failed: a sentence in lower case without a full stop.
    pub what: String,
    /// Where.
    pub place: Option<Place>,
    /// The line of `place`.
    pub excerpt: Option<Excerpt>,
    /// Lines between the place and the help: what was tried, the probe's output, the other place.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error that says `what` and nothing else yet.
    pub fn error(what: impl Into<String>) -> Self {
        Self::new(Severity::Error, what.into())
    }

    /// A warning that says `what` and nothing else yet.
    pub fn warning(what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, what.into())
    }

    fn new(severity: Severity, what: String) -> Self {
        Self { severity, what, place: None, excerpt: None, notes: Vec::new(), help: None }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds the line that the place is on.
    #[must_use]
    pub fn excerpt(mut self, excerpt: Excerpt) -> Self {
        self.excerpt = Some(excerpt);
        self
    }

    /// Adds a line between the place and the help.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// Plain text, several lines, no colours, no newline at the end; the form of the design's screens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.what)?;
        match (&self.place, &self.excerpt) {
            (Some(place), Some(excerpt)) => {
                let number = place.line.to_string();
                let margin = " ".repeat(number.len());
                let before: String = excerpt
                    .text
                    .chars()
                    .take(place.column.saturating_sub(1) as usize)
                    .map(|c| if c == '\t' { '\t' } else { ' ' })
                    .collect();
                let mark = "^".repeat(excerpt.width.max(1) as usize);
                write!(f, "\n{margin} ┌ {place}\n{number} │ {}\n{margin} │ {before}{mark}", excerpt.text)?;
                if !excerpt.label.is_empty() {
                    write!(f, " {}", excerpt.label)?;
                }
            }
            (Some(place), None) => write!(f, "\n  {place}")?,
            (None, _) => {}
        }
        for note in &self.notes {
            for line in note.lines() {
                write!(f, "\n  {line}")?;
            }
        }
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_place_line_mark_and_help() {
        let diagnostic = Diagnostic::error("`ports` must be a list, found a string")
            .at(Place { file: Arc::new("docker-compose.yaml".into()), line: 7, column: 12 })
            .excerpt(Excerpt { text: "    ports: \"8000:8000\"".into(), width: 11, label: "expected a list".into() })
            .help("write `ports: [\"8000:8000\"]`");
        assert_eq!(
            diagnostic.to_string(),
            "error: `ports` must be a list, found a string
  ┌ docker-compose.yaml:7:12
7 │     ports: \"8000:8000\"
  │            ^^^^^^^^^^^ expected a list
help: write `ports: [\"8000:8000\"]`"
        );
    }

    #[test]
    fn a_place_without_a_line_stands_alone() {
        let place = Place { file: Arc::new("a.yaml".into()), line: 1, column: 2 };
        assert_eq!(
            Diagnostic::warning("odd").at(place).note("b\nc").to_string(),
            "warning: odd\n  a.yaml:1:2\n  b\n  c"
        );
    }
}
