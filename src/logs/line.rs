//! A line as the rest of the program sees it: text that is safe to draw, and what is known about it.

use crate::model::{ServiceName, Timestamp};

use super::ansi::{Run, Style};

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// The process's standard output.
    Stdout,
    /// The process's standard error.
    Stderr,
    /// The one stream of a container that has a terminal.
    Console,
    /// Not from the container: devbox's own remark among its lines (`rebuilt`, `restarted`).
    Note,
}

/// How grave a line says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// `TRACE`, `VERBOSE`.
    Trace,
    /// `DEBUG`.
    Debug,
    /// `INFO`, `NOTICE`, Postgres's `LOG`.
    Info,
    /// `WARN`, `WARNING`.
    Warn,
    /// `ERROR`, `CRITICAL`, `FATAL`, a panic, a traceback, an answer with status 5xx.
    Error,
}

impl Level {
    /// The word for it, as a filter writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// Whose lines these are: one replica of a service, over all the containers that it ever had.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// The service.
    pub service: ServiceName,
    /// The container's number, from 1.
    pub replica: u32,
}

/// A line's part in a block that folds, such as a traceback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Stands alone.
    #[default]
    Alone,
    /// The block begins here.
    Start,
    /// It belongs to the block that the last [`Part::Start`] of its stream began.
    Member,
    /// Likewise, and it is the line that stands for the whole block, until a later one does.
    Headline,
}

/// What is known about a line, in 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tags(u16);

impl Tags {
    pub(super) fn new(stream: Stream, level: Option<Level>, part: Part) -> Self {
        let stream = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
            Stream::Console => 2,
            Stream::Note => 3,
        };
        let level = level.map_or(0, |level| level as u16 + 1);
        let part = match part {
            Part::Alone => 0,
            Part::Start => 1,
            Part::Member => 2,
            Part::Headline => 3,
        };
        Tags(stream | level << 2 | part << 5)
    }

    pub(super) fn stream(self) -> Stream {
        [Stream::Stdout, Stream::Stderr, Stream::Console, Stream::Note][usize::from(self.0 & 3)]
    }

    pub(super) fn level(self) -> Option<Level> {
        match self.0 >> 2 & 7 {
            1 => Some(Level::Trace),
            2 => Some(Level::Debug),
            3 => Some(Level::Info),
            4 => Some(Level::Warn),
            5 => Some(Level::Error),
            _ => None,
        }
    }

    /// A line that is neither an error nor part of a block: nothing more need be done about it.
    pub(super) fn is_ordinary(self) -> bool {
        self.0 >> 2 & 7 != Level::Error as u16 + 1 && self.0 >> 5 & 3 == 0
    }

    pub(super) fn part(self) -> Part {
        [Part::Alone, Part::Start, Part::Member, Part::Headline][usize::from(self.0 >> 5 & 3)]
    }
}

/// A line, read where it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its text: no control characters, no newline, tabs expanded.
    pub text: &'a str,
    /// When the engine got it.
    pub time: Timestamp,
    /// Where it came from.
    pub stream: Stream,
    /// How grave it says it is.
    pub level: Option<Level>,
    /// Its part in a block that folds.
    pub part: Part,
    /// Its colours; empty for a plain line.
    pub(super) runs: &'a [Run],
    /// Where its text begins, in the numbering of `runs`.
    pub(super) base: u32,
}

impl<'a> Line<'a> {
    /// The text in pieces of one style each; nothing for an empty line.
    pub fn spans(&self) -> impl Iterator<Item = (&'a str, Style)> + use<'a> {
        let Line { text, runs, base, .. } = *self;
        let at = move |run: &Run| (run.start - base) as usize;
        let first = runs.first().map_or(text.len(), at);
        let rest = runs.iter().enumerate().map(move |(number, run)| {
            let end = runs.get(number + 1).map_or(text.len(), at);
            (&text[at(run)..end], run.style)
        });
        std::iter::once((&text[..first], Style::DEFAULT)).chain(rest).filter(|(piece, _)| !piece.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{ansi::Color, store::tests::batch};

    #[test]
    fn spans_are_the_text_in_its_styles() {
        let red = Style { fg: Color::Indexed(1), ..Style::DEFAULT };
        let chunk = batch("web", &[(0, "a"), (0, "x\x1b[31mred\x1b[0my"), (0, "\x1b[31mé\x1b[0m"), (0, "")]).lines;
        let spans: Vec<Vec<(&str, Style)>> = chunk.iter().map(|line| line.spans().collect()).collect();
        assert_eq!(
            spans,
            [
                vec![("a", Style::DEFAULT)],
                vec![("x", Style::DEFAULT), ("red", red), ("y", Style::DEFAULT)],
                vec![("é", red)],
                vec![],
            ]
        );
    }

    #[test]
    fn tags_keep_what_they_are_given() {
        let levels =
            [None, Some(Level::Trace), Some(Level::Debug), Some(Level::Info), Some(Level::Warn), Some(Level::Error)];
        for stream in [Stream::Stdout, Stream::Stderr, Stream::Console, Stream::Note] {
            for level in levels {
                for part in [Part::Alone, Part::Start, Part::Member, Part::Headline] {
                    let tags = Tags::new(stream, level, part);
                    assert_eq!((tags.stream(), tags.level(), tags.part()), (stream, level, part));
                }
            }
        }
    }
}
