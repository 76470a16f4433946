//! A stretch of lines in one piece of memory: text, sixteen bytes for each line, and the colours.

use crate::model::Timestamp;

use super::{
    ansi::Run,
    line::{Level, Line, Part, Source, Stream, Tags},
};

/// Lines on their way from a follower to the store.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose they are.
    pub source: Source,
    /// The lines.
    pub lines: Chunk,
}

/// Lines in the order in which they came. Their text is one string, each line ended by a newline, so that a search
/// runs over all of it at once.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    text: String,
    records: Vec<Record>,
    runs: Vec<Run>,
    /// Times of lines whose record has another, for the sake of the order; by number of the line.
    moved: Vec<(u32, Timestamp)>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    time: Timestamp,
    /// Where the text ends, before the newline.
    end: u32,
    tags: Tags,
}

impl Chunk {
    /// Adds a line that `write` appends to the text and colours it is given; `write` must add no newline.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        stream: Stream,
        write: impl FnOnce(&mut String, &mut Vec<Run>),
        judge: impl FnOnce(&str) -> (Option<Level>, Part),
    ) {
        let start = self.text.len();
        write(&mut self.text, &mut self.runs);
        let (level, part) = judge(&self.text[start..]);
        // A chunk is far smaller than 4 GiB: lines are bounded and batches are taken before they grow.
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push('\n');
        self.records.push(Record { time, end, tags: Tags::new(stream, level, part) });
    }

    /// Moves the lines of `other` to the end of this one.
    pub(super) fn append(&mut self, other: &Chunk) {
        let base = self.text.len() as u32;
        let first = self.records.len() as u32;
        self.text.push_str(&other.text);
        self.records.extend(other.records.iter().map(|record| Record { end: record.end + base, ..*record }));
        self.runs.extend(other.runs.iter().map(|run| Run { start: run.start + base, ..*run }));
        self.moved.extend(other.moved.iter().map(|(line, time)| (line + first, *time)));
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// No lines.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All lines' text, each ended by a newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line with this number, from 0.
    pub fn line(&self, number: usize) -> Option<Line<'_>> {
        let record = self.records.get(number)?;
        let start = self.start(number);
        let runs = if self.runs.is_empty() {
            &[][..]
        } else {
            let from = self.runs.partition_point(|run| (run.start as usize) < start);
            let to = from + self.runs[from..].partition_point(|run| run.start < record.end);
            &self.runs[from..to]
        };
        Some(Line {
            text: &self.text[start..record.end as usize],
            time: self.moved_time(number).unwrap_or(record.time),
            stream: record.tags.stream(),
            level: record.tags.level(),
            part: record.tags.part(),
            runs,
            base: start as u32,
        })
    }

    /// All lines.
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.len()).filter_map(|number| self.line(number))
    }

    /// The number of the line whose text has this byte.
    pub(super) fn line_at(&self, byte: usize) -> usize {
        self.records.partition_point(|record| (record.end as usize) < byte)
    }

    /// Where the line's text begins.
    pub(super) fn start(&self, number: usize) -> usize {
        number.checked_sub(1).map_or(0, |before| self.records[before].end as usize + 1)
    }

    /// The time by which the line is ordered.
    pub(super) fn order_time(&self, number: usize) -> Option<Timestamp> {
        self.records.get(number).map(|record| record.time)
    }

    pub(super) fn tags(&self, number: usize) -> Option<Tags> {
        self.records.get(number).map(|record| record.tags)
    }

    /// The tags of the lines from `from` on.
    pub(super) fn tags_from(&self, from: usize) -> impl Iterator<Item = Tags> {
        self.records[from..].iter().map(|record| record.tags)
    }

    /// Gives the lines from `from` on the times by which they are ordered, which `place` makes of their own; those are kept beside.
    pub(super) fn order(&mut self, from: usize, mut place: impl FnMut(Timestamp) -> Timestamp) {
        for (number, record) in self.records.iter_mut().enumerate().skip(from) {
            let time = place(record.time);
            if time != record.time {
                let number = number as u32;
                if self.moved.last().is_none_or(|(last, _)| *last < number) {
                    self.moved.push((number, record.time));
                }
                record.time = time;
            }
        }
    }

    /// How many lines, from the first on, have an order time of which `before` is true.
    pub(super) fn count_while(&self, before: impl Fn(Timestamp) -> bool) -> usize {
        self.records.partition_point(|record| before(record.time))
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.text.capacity()
            + self.records.capacity() * size_of::<Record>()
            + self.runs.capacity() * size_of::<Run>()
            + self.moved.capacity() * size_of::<(u32, Timestamp)>()
    }

    /// Gives back memory that was kept for growth.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.records.shrink_to_fit();
        self.runs.shrink_to_fit();
        self.moved.shrink_to_fit();
    }

    fn moved_time(&self, number: usize) -> Option<Timestamp> {
        if self.moved.is_empty() {
            return None;
        }
        let at = self.moved.binary_search_by_key(&(number as u32), |(line, _)| *line).ok()?;
        Some(self.moved[at].1)
    }
}
