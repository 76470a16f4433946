//! The lines of one source, oldest first, and what is known of them beyond each single one: blocks that fold, errors, what
//! was dropped.
//!
//! Lines are numbered from 0 in the order in which they came, over all containers that the source ever had; a number is
//! never used again. Their order times never decrease.
//!
//! A *unit* is what a reader sees as one thing: a line that stands alone, or a block of several, known by its first line.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::model::Timestamp;

use super::{
    chunk::Chunk,
    line::{Level, Line, Part, Source, Stream, Tags},
};

/// A line that is late by no more keeps its place after the one before it. One that is later still was stamped by a clock that
/// was set back, and is ordered as if it came now.
const LATE: Duration = Duration::from_secs(10);

/// Lines that fold to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first line.
    pub first: u64,
    /// Its last line so far; between the two there may be lines of other streams.
    pub last: u64,
    /// The line that stands for it.
    pub headline: u64,
    /// How many lines it has.
    pub lines: u32,
    /// The stream that all its lines are of.
    pub stream: Stream,
}

#[derive(Debug, Clone)]
struct Held {
    first: u64,
    chunk: Arc<Chunk>,
}

/// The lines of one source.
#[derive(Debug, Clone)]
pub struct Lane {
    source: Source,
    chunks: VecDeque<Held>,
    first: u64,
    end: u64,
    last_time: Timestamp,
    blocks: VecDeque<Block>,
    /// Up to here there may be members of blocks whose beginning was dropped: they stand alone.
    orphans_until: u64,
    errors: VecDeque<u64>,
    error_count: u64,
    bytes: usize,
}

impl Lane {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            chunks: VecDeque::new(),
            first: 0,
            end: 0,
            last_time: Timestamp(i64::MIN),
            blocks: VecDeque::new(),
            orphans_until: 0,
            errors: VecDeque::new(),
            error_count: 0,
            bytes: 0,
        }
    }

    /// Whose lines these are.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The oldest line that is still there.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next line will have.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// How many lines were dropped to stay within the store's bounds.
    pub fn dropped(&self) -> u64 {
        self.first
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.bytes + self.blocks.len() * size_of::<Block>() + self.errors.len() * size_of::<u64>()
    }

    /// How many errors there ever were, a traceback counting once together with the line that announces it.
    pub fn error_count(&self) -> u64 {
        self.error_count
    }

    /// How many errors are in units from `seq` on.
    pub fn errors_from(&self, seq: u64) -> usize {
        self.errors.len() - self.errors.partition_point(|error| *error < seq)
    }

    /// The units that are errors.
    pub(super) fn errors(&self) -> &VecDeque<u64> {
        &self.errors
    }

    /// The line with this number, if it is still there.
    pub fn line(&self, seq: u64) -> Option<Line<'_>> {
        let (chunk, number) = self.locate(seq)?;
        chunk.line(number)
    }

    /// The time by which the line is ordered.
    pub(super) fn order_time(&self, seq: u64) -> Option<Timestamp> {
        let (chunk, number) = self.locate(seq)?;
        chunk.order_time(number)
    }

    fn tags(&self, seq: u64) -> Option<Tags> {
        let (chunk, number) = self.locate(seq)?;
        chunk.tags(number)
    }

    fn locate(&self, seq: u64) -> Option<(&Chunk, usize)> {
        let held = self.chunks.get(self.chunks.partition_point(|held| held.first <= seq).checked_sub(1)?)?;
        Some((&held.chunk, usize::try_from(seq - held.first).ok()?))
    }

    /// The chunks that have lines from `seq` on, each with the number of its first line.
    pub(super) fn chunks_from(&self, seq: u64) -> impl Iterator<Item = (u64, &Chunk)> {
        let start = self.chunks.partition_point(|held| held.first + held.chunk.len() as u64 <= seq);
        self.chunks.range(start..).map(|held| (held.first, &*held.chunk))
    }

    /// The number of the first line that `before` isn't true of; `before` must be true of earlier times only.
    pub(super) fn seek(&self, before: impl Fn(Timestamp) -> bool) -> u64 {
        let passed = self.chunks.partition_point(|held| held.chunk.order_time(0).is_some_and(&before));
        match passed.checked_sub(1).and_then(|last| self.chunks.get(last)) {
            Some(held) => held.first + held.chunk.count_while(before) as u64,
            None => self.first,
        }
    }

    /// The block that this line belongs to.
    pub fn block(&self, seq: u64) -> Option<&Block> {
        let tags = self.tags(seq)?;
        if tags.part() == Part::Alone {
            return None;
        }
        let after = self.blocks.partition_point(|block| block.first <= seq);
        // One block of each stream can be open at a time.
        self.blocks.range(..after).rev().take(3).find(|block| block.stream == tags.stream() && block.last >= seq)
    }

    /// The blocks that began before `seq` and have lines from there on.
    pub(super) fn blocks_over(&self, seq: u64) -> impl Iterator<Item = &Block> {
        let after = self.blocks.partition_point(|block| block.first < seq);
        self.blocks.range(..after).rev().take(3).filter(move |block| block.last >= seq)
    }

    /// The lines of a block.
    pub fn members(&self, block: Block) -> impl Iterator<Item = u64> + '_ {
        (block.first..=block.last).filter(move |seq| {
            self.tags(*seq).is_some_and(|tags| tags.stream() == block.stream && tags.part() != Part::Alone)
        })
    }

    /// The unit that this line belongs to.
    pub fn unit(&self, seq: u64) -> u64 {
        self.block(seq).map_or(seq, |block| block.first)
    }

    /// How grave the unit is: a block is an error.
    pub fn unit_level(&self, unit: u64) -> Option<Level> {
        self.tags(unit)?.level()
    }

    fn begins_unit(&self, seq: u64) -> bool {
        self.tags(seq).is_some_and(|tags| match tags.part() {
            Part::Alone | Part::Start => true,
            Part::Member | Part::Headline => seq <= self.orphans_until && self.block(seq).is_none(),
        })
    }

    /// The first unit that begins at `seq` or after it.
    pub fn unit_from(&self, seq: u64) -> Option<u64> {
        (seq.max(self.first)..self.end).find(|seq| self.begins_unit(*seq))
    }

    /// The last unit that begins before `seq`.
    pub fn unit_before(&self, seq: u64) -> Option<u64> {
        (self.first..seq.min(self.end)).rev().find(|seq| self.begins_unit(*seq))
    }

    /// Adds lines; those that come too early are moved on, `now` being the newest time of all.
    pub(super) fn push(&mut self, lines: Chunk, chunk_bytes: usize, newest: &mut Timestamp) {
        if lines.is_empty() {
            return;
        }
        let count = lines.len() as u64;
        let fits = self.chunks.back().is_some_and(|held| held.chunk.text().len() + lines.text().len() <= chunk_bytes);
        if !fits {
            self.seal();
            self.bytes += size_of::<Held>() + lines.bytes();
            self.chunks.push_back(Held { first: self.end, chunk: Arc::new(lines) });
            self.file(0, newest);
        } else if let Some(held) = self.chunks.back_mut() {
            // A search that still reads this chunk keeps its own copy.
            let chunk = Arc::make_mut(&mut held.chunk);
            let (before, from) = (chunk.bytes(), chunk.len());
            chunk.append(&lines);
            self.bytes = self.bytes - before + chunk.bytes();
            self.file(from, newest);
        }
        self.end += count;
    }

    /// The last chunk gets no more lines.
    fn seal(&mut self) {
        if let Some(chunk) = self.chunks.back_mut().and_then(|held| Arc::get_mut(&mut held.chunk)) {
            self.bytes -= chunk.bytes();
            chunk.shrink();
            self.bytes += chunk.bytes();
        }
    }

    /// Orders the lines of the last chunk from number `from` on, and notes blocks and errors among them.
    fn file(&mut self, from: usize, newest: &mut Timestamp) {
        let Some(held) = self.chunks.back_mut() else { return };
        let Some(chunk) = Arc::get_mut(&mut held.chunk) else { return };
        let mut last = self.last_time;
        let before = chunk.bytes();
        chunk.order(from, |time| {
            if time < last {
                last = if last.since(time) > LATE { last.max(newest.after(Duration::from_nanos(1))) } else { last };
            } else {
                last = time;
            }
            *newest = last.max(*newest);
            last
        });
        self.bytes = self.bytes - before + chunk.bytes();
        self.last_time = last;
        for (seq, tags) in (held.first + from as u64..).zip(chunk.tags_from(from)) {
            if tags.is_ordinary() {
                continue;
            }
            match tags.part() {
                Part::Alone => {
                    self.error_count += 1;
                    self.errors.push_back(seq);
                }
                Part::Start => {
                    let stream = tags.stream();
                    self.blocks.push_back(Block { first: seq, last: seq, headline: seq, lines: 1, stream });
                    // The line before it announced it, and is the error already.
                    let announced = self.errors.back().is_some_and(|error| error + 1 == seq);
                    if !announced {
                        self.error_count += 1;
                        self.errors.push_back(seq);
                    }
                }
                part @ (Part::Member | Part::Headline) => {
                    let open = self.blocks.iter_mut().rev().take(3).find(|block| block.stream == tags.stream());
                    if let Some(block) = open {
                        block.last = seq;
                        block.lines += 1;
                        if part == Part::Headline {
                            block.headline = seq;
                        }
                    } else {
                        self.orphans_until = seq;
                    }
                }
            }
        }
    }

    /// Drops the oldest chunk; `false` if there is none.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some(held) = self.chunks.pop_front() else { return false };
        self.bytes -= size_of::<Held>() + held.chunk.bytes();
        self.first = held.first + held.chunk.len() as u64;
        while let Some(block) = self.blocks.front()
            && block.first < self.first
        {
            self.orphans_until = self.orphans_until.max(block.last);
            self.blocks.pop_front();
        }
        let gone = self.errors.partition_point(|error| *error < self.first);
        self.errors.drain(..gone);
        true
    }
}
