//! Which units of a store match: computed once for what is there, then kept up with what comes.
//!
//! Building one for a full store takes tens of milliseconds, so it can be done beside the loop, on a copy of the store; the lines
//! that come meanwhile are added by the next [`Index::extend`].

use std::collections::VecDeque;

use super::{
    chunk::Chunk,
    filter::Filter,
    lane::{Block, Lane},
    line::{Line, Part},
    pattern::Pattern,
    store::{LaneId, LogStore},
};

/// What a unit must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Matcher {
    /// Let through by a filter.
    Filter(Filter),
    /// Has this in one of its lines.
    Search(Pattern),
}

impl Matcher {
    fn line(&self, line: &Line<'_>) -> bool {
        match self {
            Matcher::Filter(filter) => filter.is_match(line),
            Matcher::Search(pattern) => pattern.is_match(line.text),
        }
    }

    fn block(&self, lane: &Lane, block: Block) -> bool {
        let mut lines = lane.members(block).filter_map(|seq| lane.line(seq));
        match self {
            Matcher::Filter(filter) => filter.is_match_block(lines),
            Matcher::Search(pattern) => lines.any(|line| pattern.is_match(line.text)),
        }
    }

    fn lead(&self) -> Option<&Pattern> {
        match self {
            Matcher::Filter(filter) => filter.lead(),
            Matcher::Search(pattern) => Some(pattern),
        }
    }
}

/// The matching units of each lane.
#[derive(Debug, Clone, Default)]
pub struct Index {
    lanes: Vec<Found>,
}

#[derive(Debug, Clone, Default)]
struct Found {
    units: VecDeque<u64>,
    /// Lines before this one were looked at.
    upto: u64,
}

impl Index {
    /// Looks at what the store has and this index hasn't seen; forgets what the store dropped.
    pub fn extend(&mut self, store: &LogStore, matcher: &Matcher) {
        for (number, (_, lane)) in store.lanes().enumerate() {
            if self.lanes.len() <= number {
                self.lanes.push(Found::default());
            }
            self.lanes[number].extend(lane, matcher);
        }
    }

    /// How many lines of the store it hasn't seen.
    pub fn behind(&self, store: &LogStore) -> u64 {
        let seen = |number: usize| self.lanes.get(number).map_or(0, |found| found.upto);
        store
            .lanes()
            .enumerate()
            .map(|(number, (_, lane))| lane.end() - lane.first().max(seen(number)).min(lane.end()))
            .sum()
    }

    /// How many units of these lanes match.
    pub fn count(&self, lanes: &[LaneId]) -> usize {
        lanes.iter().filter_map(|lane| self.lane(*lane)).map(VecDeque::len).sum()
    }

    /// How many units match that come before this one in its lane.
    pub fn count_before(&self, lane: LaneId, seq: u64) -> usize {
        self.lane(lane).map_or(0, |units| units.partition_point(|unit| *unit < seq))
    }

    /// Whether the unit matches.
    pub fn contains(&self, lane: LaneId, unit: u64) -> bool {
        self.lane(lane).is_some_and(|units| units.binary_search(&unit).is_ok())
    }

    pub(super) fn unit_from(&self, lane: LaneId, seq: u64) -> Option<u64> {
        let units = self.lane(lane)?;
        units.get(units.partition_point(|unit| *unit < seq)).copied()
    }

    pub(super) fn unit_before(&self, lane: LaneId, seq: u64) -> Option<u64> {
        let units = self.lane(lane)?;
        units.get(units.partition_point(|unit| *unit < seq).checked_sub(1)?).copied()
    }

    fn lane(&self, lane: LaneId) -> Option<&VecDeque<u64>> {
        self.lanes.get(usize::from(lane.0)).map(|found| &found.units)
    }
}

impl Found {
    fn extend(&mut self, lane: &Lane, matcher: &Matcher) {
        let gone = self.units.partition_point(|unit| *unit < lane.first());
        self.units.drain(..gone);
        // What a block gains can decide anew about all of it.
        for block in lane.blocks_over(self.upto) {
            self.set(block.first, matcher.block(lane, *block));
        }
        let mut decided = None;
        for (first, chunk) in lane.chunks_from(self.upto) {
            let from = usize::try_from(self.upto.saturating_sub(first)).unwrap_or(usize::MAX);
            each_candidate(chunk, from, matcher, |number, sure| {
                let seq = first + number as u64;
                let Some(line) = chunk.line(number) else { return };
                let block = if line.part == Part::Alone { None } else { lane.block(seq) };
                match block {
                    None if sure || matcher.line(&line) => self.units.push_back(seq),
                    Some(block) if decided != Some(block.first) => {
                        decided = Some(block.first);
                        self.set(block.first, matcher.block(lane, *block));
                    }
                    _ => {}
                }
            });
        }
        self.upto = lane.end();
    }

    fn set(&mut self, unit: u64, matches: bool) {
        match (self.units.binary_search(&unit), matches) {
            (Err(at), true) => self.units.insert(at, unit),
            (Ok(at), false) => {
                self.units.remove(at);
            }
            _ => {}
        }
    }
}

/// Calls `each` with the lines that may match, and whether that is sure for a line that stands alone. A block that matches has at
/// least one such line.
fn each_candidate(chunk: &Chunk, from: usize, matcher: &Matcher, mut each: impl FnMut(usize, bool)) {
    match matcher {
        Matcher::Search(pattern) => pattern.lines(chunk, from, |number| each(number, true)),
        Matcher::Filter(_) => match matcher.lead() {
            Some(pattern) => pattern.lines(chunk, from, |number| each(number, false)),
            None => (from..chunk.len()).for_each(|number| each(number, false)),
        },
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        logs::{
            filter::Clock,
            merge::{Merged, Position, Select},
            store::tests::batch,
        },
        model::{ByteSize, Timestamp},
    };

    fn filter(text: &str) -> Matcher {
        Matcher::Filter(Filter::parse(text, &Clock { now: Timestamp(0), zone: TimeZone::UTC }).unwrap())
    }

    fn matching(store: &LogStore, index: &Index) -> Vec<String> {
        let lanes: Vec<LaneId> = store.lanes().map(|(id, _)| id).collect();
        let merged = Merged { store, lanes: &lanes, select: Select::Matching(index) };
        merged
            .forward(Position::START)
            .map(|at| store.lane(at.lane).unwrap().line(at.seq).unwrap().text.to_owned())
            .collect()
    }

    #[test]
    fn new_lines_are_added() {
        let (mut store, mut index, matcher) = (LogStore::default(), Index::default(), filter("get"));
        store.push(batch("web", &[(1, "GET /"), (2, "POST /")]));
        index.extend(&store, &matcher);
        store.push(batch("db", &[(3, "x")]));
        store.push(batch("web", &[(4, "get /a")]));
        assert_eq!(index.behind(&store), 2);
        index.extend(&store, &matcher);
        assert_eq!((index.behind(&store), matching(&store, &index)), (0, vec!["GET /".to_owned(), "get /a".into()]));
    }

    #[test]
    fn a_block_that_grows_is_decided_anew() {
        let (mut store, mut index) = (LogStore::default(), Index::default());
        let matcher = filter("traceback !redis");
        store.push(batch("web", &[(1, "Traceback (most recent call last):"), (2, "  File")]));
        index.extend(&store, &matcher);
        assert_eq!(matching(&store, &index).len(), 1);
        let mut lines = store.lane_of(&crate::logs::store::tests::source("web")).unwrap().1.line(0).unwrap();
        lines.part = Part::Member;
        // The next part of the same traceback, as the same splitter would mark it.
        let mut chunk = Chunk::default();
        chunk.push(
            Timestamp(3),
            lines.stream,
            |text, _| text.push_str("redis.ConnectionError: x"),
            |_| (None, Part::Headline),
        );
        store.push(crate::logs::Batch { source: crate::logs::store::tests::source("web"), lines: chunk });
        index.extend(&store, &matcher);
        assert_eq!(matching(&store, &index).len(), 0);
    }

    proptest! {
        #[test]
        fn step_by_step_is_the_same_as_at_once(
            pushes in proptest::collection::vec((0usize..2, proptest::collection::vec(0usize..8, 1..12)), 1..30),
            query in 0usize..8, limit in prop_oneof![Just(6_000u64), Just(1 << 20)],
        ) {
            const LINES: [&str; 8] = ["GET /a", "error x", "Traceback (most recent call last):", "  File a", "KeyError: a", "", "post", "  error"];
            let matcher = match query {
                0 => Matcher::Search(Pattern::parse("error").unwrap()),
                1 => Matcher::Search(Pattern::parse("re:^  ").unwrap()),
                query => filter(["error", "a !error", "!a", "level:error", "error file", "re:a$ !get"][query - 2]),
            };
            let (mut store, mut steps, mut time) = (LogStore::new(ByteSize(limit)), Index::default(), 0);
            for (service, kinds) in pushes {
                let lines: Vec<(i64, &str)> = kinds.iter().map(|kind| { time += 1; (time, LINES[*kind]) }).collect();
                store.push(batch(["a", "b"][service], &lines));
                steps.extend(&store, &matcher);
            }
            let mut at_once = Index::default();
            at_once.extend(&store, &matcher);
            // What became of a block whose beginning was dropped is not decided anew.
            if store.lanes().all(|(_, lane)| lane.dropped() == 0) {
                prop_assert_eq!(matching(&store, &steps), matching(&store, &at_once));
                // And the same as looking at each unit.
                let lanes: Vec<LaneId> = store.lanes().map(|(id, _)| id).collect();
                let all = Merged { store: &store, lanes: &lanes, select: Select::All };
                let expected = all.forward(Position::START).filter(|at| {
                    let lane = store.lane(at.lane).unwrap();
                    lane.block(at.seq).map_or_else(|| matcher.line(&lane.line(at.seq).unwrap()), |block| matcher.block(lane, *block))
                }).count();
                prop_assert_eq!(matching(&store, &at_once).len(), expected);
            }
            for (number, (_, lane)) in store.lanes().enumerate() {
                prop_assert!(steps.lanes[number].units.iter().is_sorted());
                prop_assert!(steps.lanes[number].units.iter().all(|unit| (lane.first()..lane.end()).contains(unit)));
            }
        }
    }
}
