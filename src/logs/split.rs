//! From an engine's bytes to batches of finished lines: joined, safe, judged.
//!
//! A follower owns one [`Splitter`] for each start of a container. All the work on a line is done here, in the
//! follower's task; the loop only stores the result.

use crate::model::{ByteSize, Timestamp};

use super::{
    ansi,
    chunk::{Batch, Chunk},
    joiner::{Joiner, RawLine, Stamps},
    level,
    line::{Level, Part, Source, Stream},
    resume::Resume,
    traceback::Tracebacks,
};

/// A follower hands its batch on at the latest when it has so many lines.
pub const BATCH_LINES: usize = 512;

/// Likewise so many bytes of text.
pub const BATCH_BYTES: usize = 64 * 1024;

/// Turns the bytes of one container's log into batches of lines.
#[derive(Debug)]
pub struct Splitter {
    joiner: Joiner,
    output: Output,
}

#[derive(Debug)]
struct Output {
    source: Source,
    resume: Resume,
    tracebacks: Tracebacks,
    batch: Chunk,
}

impl Splitter {
    /// For one start of a container. `resume` is where the log was left before, or new.
    pub fn new(source: Source, stamps: Stamps, mut resume: Resume) -> Self {
        resume.reconnect();
        let output = Output { source, resume, tracebacks: Tracebacks::default(), batch: Chunk::default() };
        Self { joiner: Joiner::new(stamps), output }
    }

    /// Takes the next bytes: one whole frame of a multiplexed stream, or any piece of a terminal's. `received` is the time for
    /// lines without a stamp.
    pub fn push(&mut self, stream: Stream, bytes: &[u8], received: Timestamp) {
        let output = &mut self.output;
        self.joiner.push(stream, bytes, received, |line| output.take(line));
    }

    /// The log ended, since its process did: a last line without a newline is a line.
    pub fn finish(&mut self) {
        let output = &mut self.output;
        self.joiner.finish(|line| output.take(line));
    }

    /// The connection was cut: what comes next is the answer to a request with `since` of [`Splitter::resume`].
    pub fn cut(&mut self) {
        self.joiner.cut();
        self.output.resume.reconnect();
    }

    /// Where the log is, to go on from there later.
    pub fn resume(&self) -> &Resume {
        &self.output.resume
    }

    /// There are lines to be taken.
    pub fn has_lines(&self) -> bool {
        !self.output.batch.is_empty()
    }

    /// There is a batch's worth of lines.
    pub fn is_full(&self) -> bool {
        self.output.batch.len() >= BATCH_LINES || self.output.batch.text().len() >= BATCH_BYTES
    }

    /// The lines since the last call; `None` if there are none.
    pub fn take(&mut self) -> Option<Batch> {
        if self.output.batch.is_empty() {
            return None;
        }
        Some(Batch { source: self.output.source.clone(), lines: std::mem::take(&mut self.output.batch) })
    }
}

impl Output {
    fn take(&mut self, line: RawLine<'_>) {
        if !self.resume.take(line.stream, line.time) {
            return;
        }
        let tracebacks = &mut self.tracebacks;
        self.batch.push(
            line.time,
            line.stream,
            |text, runs| write(line, text, runs),
            |text| {
                let part = tracebacks.part(line.stream, text);
                (judge(text, part), part)
            },
        );
    }
}

/// The line's text, safe; says so where it was cut.
fn write(line: RawLine<'_>, text: &mut String, runs: &mut Vec<ansi::Run>) {
    let start = text.len();
    ansi::clean(line.bytes, text, runs);
    if line.cut > 0 {
        if runs.last().is_some_and(|run| run.start as usize >= start && run.style != ansi::Style::DEFAULT) {
            let start = u32::try_from(text.len()).unwrap_or(u32::MAX);
            runs.push(ansi::Run { start, style: ansi::Style::DEFAULT });
        }
        text.push_str(&format!(" … {} more, cut", size(line.cut)));
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1024 { format!("{bytes} bytes") } else { format!("{}B", ByteSize(bytes)) }
}

/// A traceback is an error as a whole; its lines don't count one by one.
fn judge(text: &str, part: Part) -> Option<Level> {
    match part {
        Part::Alone => level::detect(text),
        Part::Start | Part::Member | Part::Headline => Some(Level::Error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceName;

    fn splitter(stamps: Stamps) -> Splitter {
        Splitter::new(Source { service: ServiceName::new("web").unwrap(), replica: 1 }, stamps, Resume::new())
    }

    fn texts(splitter: &mut Splitter) -> Vec<String> {
        splitter.take().map_or_else(Vec::new, |batch| batch.lines.iter().map(|line| line.text.to_owned()).collect())
    }

    #[test]
    fn lines_come_out_safe_and_judged() {
        let mut splitter = splitter(Stamps::Leading);
        splitter.push(Stream::Stdout, b"1970-01-01T00:00:01Z \x1b[31mERROR\x1b[0m no\x1b[2J\r\n", Timestamp(0));
        splitter.push(Stream::Stderr, b"1970-01-01T00:00:02Z Traceback (most recent call last):\n", Timestamp(0));
        let batch = splitter.take().unwrap();
        let lines: Vec<_> =
            batch.lines.iter().map(|line| (line.text, line.time.0, line.level, line.part, line.runs.len())).collect();
        assert_eq!(
            lines,
            [
                ("ERROR no", 1_000_000_000, Some(Level::Error), Part::Alone, 2),
                ("Traceback (most recent call last):", 2_000_000_000, Some(Level::Error), Part::Start, 0),
            ]
        );
        assert!(splitter.take().is_none());
    }

    #[test]
    fn a_cut_line_says_so() {
        let mut splitter = splitter(Stamps::Absent);
        splitter.push(Stream::Stdout, &vec![b'x'; 1 << 20], Timestamp(0));
        splitter.push(Stream::Stdout, b"\n", Timestamp(0));
        let line = texts(&mut splitter).remove(0);
        assert!(line.starts_with("xxx") && line.ends_with("x … 960KB more, cut"), "{}", &line[65_500..]);
    }

    #[test]
    fn a_cut_connection_loses_nothing_and_doubles_nothing() {
        let mut splitter = splitter(Stamps::Leading);
        let frame = |second: u32, text: &str| format!("1970-01-01T00:00:0{second}Z {text}").into_bytes();
        splitter.push(Stream::Stdout, &frame(1, "a\n"), Timestamp(0));
        splitter.push(Stream::Stdout, &frame(2, "half of a long"), Timestamp(0));
        splitter.cut();
        assert_eq!(splitter.resume().since(), Some(Timestamp(-1_000_000_000)));
        for (second, text) in [(1, "a\n"), (2, "half of a long"), (2, " line\n"), (3, "b")] {
            splitter.push(Stream::Stdout, &frame(second, text), Timestamp(0));
        }
        splitter.finish();
        assert_eq!(texts(&mut splitter), ["a", "half of a long line", "b"]);
    }
}
