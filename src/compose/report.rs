//! What goes wrong while loading, gathered as it is found: problems with spans, and the files that spans point into.
//!
//! Stages add to a [`Report`] and go on where they can, so that one load tells of several errors; [`error`](super::error)
//! turns the outcome into diagnostics.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::model::{Diagnostic, Excerpt, Place};

use super::tree::{FileId, Span};

/// How many errors of one load are reported; more are rarely read.
const MOST_ERRORS: usize = 8;
/// How many warnings are told beside errors, which they must not bury.
const MOST_WARNINGS_BESIDE_ERRORS: usize = 2;

/// One thing that is wrong, or odd.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    what: String,
    span: Option<Span>,
    /// What stands behind the mark.
    label: String,
    notes: Vec<(String, Option<Span>)>,
    help: Option<String>,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Problem { what: what.into(), span: None, label: String::new(), notes: Vec::new(), help: None }
    }

    pub(super) fn at(mut self, span: Span) -> Self {
        if span.line > 0 {
            self.span = Some(span);
        }
        self
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push((note.into(), None));
        self
    }

    /// A note that ends in a place: `first written at compose.yaml:3:5`.
    pub(super) fn note_at(mut self, note: impl Into<String>, span: Span) -> Self {
        if span.line > 0 {
            self.notes.push((note.into(), Some(span)));
        }
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The load cannot go on; why is in the report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failed;

/// A file that was read.
#[derive(Debug)]
struct Source {
    /// As the user would name it.
    shown: Arc<PathBuf>,
    text: Arc<str>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    sources: Vec<Source>,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Errors past the most that are reported.
    untold: usize,
}

impl Report {
    /// Takes a file's text, so that spans of it can be shown.
    pub(super) fn add_source(&mut self, shown: &Path, text: Arc<str>) -> FileId {
        let id = FileId(u16::try_from(self.sources.len()).unwrap_or(u16::MAX));
        self.sources.push(Source { shown: Arc::new(shown.to_path_buf()), text });
        id
    }

    pub(super) fn error(&mut self, problem: Problem) {
        if self.errors.iter().any(|known| known.what == problem.what && known.span == problem.span) {
            return;
        }
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(problem);
        } else {
            self.untold += 1;
        }
    }

    pub(super) fn warning(&mut self, problem: Problem) {
        if !self.warnings.iter().any(|w| w.what == problem.what) {
            self.warnings.push(problem);
        }
    }

    /// Adds an error after which nothing more can be said.
    pub(super) fn fail(&mut self, problem: Problem) -> Failed {
        self.error(problem);
        Failed
    }

    /// Ends a stage: what follows may rely on there being no error.
    pub(super) fn checked(&self) -> Result<(), Failed> {
        if self.errors.is_empty() { Ok(()) } else { Err(Failed) }
    }

    /// The files by id, as the user would name them.
    pub(super) fn files(&self) -> Vec<Arc<PathBuf>> {
        self.sources.iter().map(|source| source.shown.clone()).collect()
    }

    /// The place of a span.
    pub(super) fn place(&self, span: Span) -> Option<Place> {
        let source = self.sources.get(usize::from(span.file.0))?;
        (span.line > 0).then(|| Place { file: source.shown.clone(), line: span.line, column: span.column })
    }

    /// The errors and the warnings.
    pub(super) fn into_diagnostics(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        if self.untold > 0 {
            let more = format!("{} more errors, shown once these are mended", self.untold);
            self.errors.push(Problem::new(more));
        }
        if !self.errors.is_empty() && self.warnings.len() > MOST_WARNINGS_BESIDE_ERRORS {
            let untold = self.warnings.len() - MOST_WARNINGS_BESIDE_ERRORS;
            self.warnings.truncate(MOST_WARNINGS_BESIDE_ERRORS);
            self.warnings.push(Problem::new(format!("{untold} more warnings")));
        }
        let render = |problems: &[Problem], make: fn(String) -> Diagnostic| {
            problems.iter().map(|p| self.diagnostic(p, make(p.what.clone()))).collect()
        };
        (render(&self.errors, Diagnostic::error), render(&self.warnings, Diagnostic::warning))
    }

    fn diagnostic(&self, problem: &Problem, mut diagnostic: Diagnostic) -> Diagnostic {
        if let Some(span) = problem.span
            && let Some(place) = self.place(span)
        {
            diagnostic = diagnostic.at(place);
            if let Some(excerpt) = self.excerpt(span, &problem.label) {
                diagnostic = diagnostic.excerpt(excerpt);
            }
        }
        for (note, span) in &problem.notes {
            diagnostic = diagnostic.note(match span.and_then(|span| self.place(span)) {
                Some(place) => format!("{note} {place}"),
                None => note.clone(),
            });
        }
        match &problem.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        }
    }

    /// The line, if what is meant stands near enough to its start to be shown.
    fn excerpt(&self, span: Span, label: &str) -> Option<Excerpt> {
        const MOST: u32 = 200;
        if span.column > MOST {
            return None;
        }
        let source = self.sources.get(usize::from(span.file.0))?;
        let line = source.text.lines().nth(span.line as usize - 1).unwrap_or("");
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let shown = line.chars().take(MOST as usize);
        let text: String = shown.map(|c| if c.is_control() && c != '\t' { '·' } else { c }).collect();
        let length = u32::try_from(text.trim_end().chars().count()).unwrap_or(u32::MAX);
        let left = (length + 1).saturating_sub(span.column).max(1);
        Some(Excerpt { text, width: span.width.clamp(1, left), label: label.to_owned() })
    }
}
