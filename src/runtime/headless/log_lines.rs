//! Log lines on standard output: `12:04:29 worker  Task received`.
//!
//! The text of a line is safe already (`logs` made it so); its colours are written where the terminal takes colours.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{Timestamp as Instant, tz::TimeZone};

use crate::{
    logs::{Batch, Line, Source, ansi::Style},
    model::{ServiceName, Timestamp},
};

use super::{
    Stop,
    console::{Ink, Role, service_colour},
};

/// How lines are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineFormat {
    /// Full time stamps instead of the clock.
    pub timestamps: bool,
    /// No clock and no name before the line.
    pub no_prefix: bool,
}

/// Writes lines.
pub struct LinePrinter {
    ink: Ink,
    format: LineFormat,
    zone: TimeZone,
    /// The second that was formatted last, as most lines share theirs with the one before.
    clock: (i64, String),
    width: usize,
    names: BTreeMap<Source, String>,
    /// Services with several containers: their lines carry the number.
    several: Vec<ServiceName>,
    buffer: String,
}

impl LinePrinter {
    /// One that knows from the start which names are to come, so that the column keeps its width.
    pub fn new(ink: Ink, format: LineFormat, sources: impl IntoIterator<Item = Source>) -> Self {
        let mut printer = LinePrinter {
            ink,
            format,
            zone: TimeZone::system(),
            clock: (i64::MIN, String::new()),
            width: 0,
            names: BTreeMap::new(),
            several: Vec::new(),
            buffer: String::new(),
        };
        for source in sources {
            if source.replica > 1 && !printer.several.contains(&source.service) {
                printer.several.push(source.service.clone());
            }
            printer.names.insert(source, String::new());
        }
        for source in printer.names.keys().cloned().collect::<Vec<_>>() {
            printer.name(&source);
        }
        printer
    }

    /// Makes room for a source's name and formats it.
    fn name(&mut self, source: &Source) {
        let name = if self.several.contains(&source.service) {
            format!("{}-{}", source.service, source.replica)
        } else {
            source.service.to_string()
        };
        self.width = self.width.max(name.len());
        self.names.insert(source.clone(), name);
    }

    /// Adds the lines of a batch to what [`LinePrinter::flush`] writes.
    pub fn batch(&mut self, batch: &Batch) {
        for line in batch.lines.iter() {
            self.line(&batch.source, &line);
        }
    }

    /// Adds a line.
    pub fn line(&mut self, source: &Source, line: &Line<'_>) {
        self.prefix(source, line.time);
        if self.ink.colour {
            for (text, style) in line.spans() {
                let reset = if style == Style::DEFAULT { "" } else { "\x1b[0m" };
                let _ = write!(self.buffer, "{style}{text}{reset}");
            }
        } else {
            self.buffer.push_str(line.text);
        }
        self.buffer.push('\n');
    }

    /// Adds a remark of devbox's own among a source's lines.
    pub fn note(&mut self, source: &Source, time: Timestamp, text: &str) {
        self.prefix(source, time);
        let _ = writeln!(self.buffer, "{}", self.ink.paint(Role::Dim, text));
    }

    fn prefix(&mut self, source: &Source, time: Timestamp) {
        if source.replica > 1 && !self.several.contains(&source.service) {
            self.several.push(source.service.clone());
            let known: Vec<Source> =
                self.names.keys().filter(|known| known.service == source.service).cloned().collect();
            known.iter().for_each(|known| self.name(known));
        }
        if !self.names.contains_key(source) {
            self.name(source);
        }
        if self.format.timestamps {
            let stamp = Instant::from_nanosecond(i128::from(time.0)).unwrap_or_default();
            let _ = write!(self.buffer, "{} ", stamp.strftime("%Y-%m-%dT%H:%M:%S.%9fZ"));
        } else if !self.format.no_prefix {
            self.tick(time);
            let _ = write!(self.buffer, "{} ", self.ink.paint(Role::Dim, &self.clock.1));
        }
        if !self.format.no_prefix {
            let name = self.names.get(source).map_or("", String::as_str);
            let role = Role::Service(service_colour(source.service.as_str()));
            let _ =
                write!(self.buffer, "{}  ", self.ink.paint(role, format_args!("{name:width$}", width = self.width)));
        }
    }

    /// Keeps the clock at a line's second.
    fn tick(&mut self, time: Timestamp) {
        let second = time.0.div_euclid(1_000_000_000);
        if self.clock.0 != second {
            let local = Instant::from_second(second).unwrap_or_default().to_zoned(self.zone.clone());
            self.clock = (second, local.strftime("%H:%M:%S").to_string());
        }
    }

    /// How much waits to be written, in bytes.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Writes what was added.
    ///
    /// # Errors
    /// As [`Ink::write`].
    pub fn flush(&mut self) -> Result<(), Stop> {
        if !self.buffer.is_empty() {
            self.ink.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        logs::{Resume, Splitter, Stamps, Stream},
        runtime::headless::Console,
    };

    fn batch(service: &str, replica: u32, lines: &str) -> Batch {
        let source = Source { service: ServiceName::new(service).unwrap(), replica };
        let mut splitter = Splitter::new(source, Stamps::Leading, Resume::new());
        for line in lines.lines() {
            splitter.push(Stream::Stdout, format!("2026-11-21T12:04:27.500000000Z {line}\n").as_bytes(), Timestamp(0));
        }
        splitter.take().unwrap()
    }

    fn check(ink: Ink, format: LineFormat, batches: &[Batch], expected: &str) {
        let mut printer = LinePrinter::new(ink, format, batches.iter().map(|batch| batch.source.clone()));
        printer.zone = TimeZone::UTC;
        batches.iter().for_each(|batch| printer.batch(batch));
        assert_eq!(printer.buffer, expected);
    }

    #[test]
    fn lines_have_a_clock_and_a_name() {
        let lines = [batch("web", 1, "GET /"), batch("worker", 1, "\x1b[31mred\x1b[0m done")];
        let plain = Console::plain().out;
        check(plain, LineFormat::default(), &lines, "12:04:27 web     GET /\n12:04:27 worker  red done\n");
        check(plain, LineFormat { no_prefix: true, ..LineFormat::default() }, &lines, "GET /\nred done\n");
        check(
            plain,
            LineFormat { timestamps: true, no_prefix: true },
            &lines[..1],
            "2026-11-21T12:04:27.500000000Z GET /\n",
        );
        let colour = Ink { colour: true, ..plain };
        check(
            colour,
            LineFormat { no_prefix: true, ..LineFormat::default() },
            &lines[1..],
            "\x1b[31mred\x1b[0m done\n",
        );
    }

    #[test]
    fn replicas_carry_their_number() {
        let lines = [batch("web", 1, "a"), batch("web", 2, "b")];
        check(Console::plain().out, LineFormat::default(), &lines, "12:04:27 web-1  a\n12:04:27 web-2  b\n");
    }
}
