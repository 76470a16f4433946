//! All lines of all services, within a bound.
//!
//! Invariant: after each call the store takes no more memory than its limit. What goes is the oldest of the source that has
//! most, so that one noisy service cannot push out another's last words; each source knows how much it lost.
//!
//! Chunks are immutable once they are full and shared by `clone`, so a copy of the store is cheap, and a search can read
//! one while new lines arrive here.

use crate::model::{ByteSize, ServiceName, Timestamp};

use super::{
    ansi,
    chunk::{Batch, Chunk},
    lane::Lane,
    line::{Part, Source, Stream},
};

/// The bound when none is set.
pub const DEFAULT_LIMIT: ByteSize = ByteSize(64 << 20);

/// The most text in one chunk.
const CHUNK_BYTES: usize = 64 * 1024;

/// Which lane of a store; lanes are never removed or reordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub(super) u16);

/// The lines that are kept.
#[derive(Debug, Clone)]
pub struct LogStore {
    lanes: Vec<Lane>,
    limit: usize,
    bytes: usize,
    newest: Timestamp,
    version: u64,
}

impl Default for LogStore {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl LogStore {
    /// An empty one that takes at most `limit` bytes of memory.
    pub fn new(limit: ByteSize) -> Self {
        let limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
        Self { lanes: Vec::new(), limit, bytes: 0, newest: Timestamp(i64::MIN), version: 0 }
    }

    /// Adds lines. The cost is that of copying their text.
    pub fn push(&mut self, batch: Batch) {
        // There are far fewer sources than 65,536; what came after them would join the last.
        let lane = match self.lanes.iter().position(|lane| *lane.source() == batch.source) {
            Some(at) => at,
            None if self.lanes.len() < usize::from(u16::MAX) => {
                self.lanes.push(Lane::new(batch.source));
                self.lanes.len() - 1
            }
            None => self.lanes.len() - 1,
        };
        let chunk_bytes = CHUNK_BYTES.min(self.limit / 16).max(1024);
        let lane = &mut self.lanes[lane];
        let before = lane.bytes();
        lane.push(batch.lines, chunk_bytes, &mut self.newest);
        self.bytes = self.bytes + lane.bytes() - before;
        self.version += 1;
        self.keep_within_limit();
    }

    /// Adds devbox's own remark to a source's lines: that its image was rebuilt, that it started again.
    pub fn note(&mut self, source: Source, time: Timestamp, text: &str) {
        let mut lines = Chunk::default();
        for line in text.lines() {
            let write = |text: &mut String, runs: &mut Vec<_>| ansi::clean(line.as_bytes(), text, runs);
            lines.push(time, Stream::Note, write, |_| (None, Part::Alone));
        }
        self.push(Batch { source, lines });
    }

    /// Changes the bound.
    pub fn set_limit(&mut self, limit: ByteSize) {
        self.limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
        self.keep_within_limit();
    }

    fn keep_within_limit(&mut self) {
        while self.bytes > self.limit {
            let Some(largest) =
                self.lanes.iter_mut().filter(|lane| lane.end() > lane.first()).max_by_key(|lane| lane.bytes())
            else {
                return;
            };
            let before = largest.bytes();
            if !largest.drop_oldest() {
                return;
            }
            self.bytes = self.bytes + largest.bytes() - before;
        }
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> ByteSize {
        ByteSize(self.bytes as u64)
    }

    /// Grows with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The time of the newest line; `None` while there is none.
    pub fn newest(&self) -> Option<Timestamp> {
        (self.newest.0 != i64::MIN).then_some(self.newest)
    }

    /// All lanes, in the order in which their sources first appeared.
    pub fn lanes(&self) -> impl Iterator<Item = (LaneId, &Lane)> {
        (0..).map(LaneId).zip(&self.lanes)
    }

    /// One lane.
    pub fn lane(&self, id: LaneId) -> Option<&Lane> {
        self.lanes.get(usize::from(id.0))
    }

    /// The lane of a source, once it has lines.
    pub fn lane_of(&self, source: &Source) -> Option<(LaneId, &Lane)> {
        self.lanes().find(|(_, lane)| lane.source() == source)
    }

    /// The lanes of a service, one for each replica that ever had a line.
    pub fn lanes_of<'a>(&'a self, service: &'a ServiceName) -> impl Iterator<Item = (LaneId, &'a Lane)> {
        self.lanes().filter(move |(_, lane)| lane.source().service == *service)
    }

    /// How many lines of a service were dropped.
    pub fn dropped(&self, service: &ServiceName) -> u64 {
        self.lanes_of(service).map(|(_, lane)| lane.dropped()).sum()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logs::{Level, joiner::Stamps, lane::Block, resume::Resume, split::Splitter};

    pub(in crate::logs) fn source(service: &str) -> Source {
        Source { service: ServiceName::new(service).unwrap(), replica: 1 }
    }

    /// A batch of standard error, lines given with their times.
    pub(in crate::logs) fn batch(service: &str, lines: &[(i64, &str)]) -> Batch {
        let mut splitter = Splitter::new(source(service), Stamps::Absent, Resume::new());
        for (time, line) in lines {
            splitter.push(Stream::Stderr, format!("{line}\n").as_bytes(), Timestamp(*time));
        }
        splitter.take().unwrap()
    }

    fn texts(lane: &Lane) -> Vec<&str> {
        (lane.first()..lane.end()).map(|seq| lane.line(seq).unwrap().text).collect()
    }

    #[test]
    fn lines_are_read_back_as_they_were_pushed() {
        let mut store = LogStore::default();
        store.push(batch("web", &[(1, "a"), (2, "b \x1b[31mred")]));
        store.push(batch("db", &[(1, "x")]));
        store.push(batch("web", &[(3, "ERROR c")]));
        let (_, web) = store.lane_of(&source("web")).unwrap();
        assert_eq!(texts(web), ["a", "b red", "ERROR c"]);
        let last = web.line(2).unwrap();
        assert_eq!((last.time, last.level), (Timestamp(3), Some(Level::Error)));
        assert_eq!(web.line(1).unwrap().runs.len(), 1);
        assert!(web.line(3).is_none());
    }

    #[test]
    fn the_noisy_service_loses_its_own_lines() {
        let mut store = LogStore::new(ByteSize(100_000));
        store.push(batch("db", &[(0, "the reason")]));
        for number in 0..5000 {
            store.push(batch("web", &[(number, "a line of some length, again and again")]));
        }
        assert!(store.bytes().0 <= 100_000, "{}", store.bytes().0);
        assert_eq!(store.dropped(&source("db").service), 0);
        let (_, web) = store.lane_of(&source("web")).unwrap();
        assert_eq!(store.dropped(&source("web").service), web.first());
        assert!(
            web.first() > 2000
                && web.end() == 5000
                && web.line(web.first()).is_some()
                && web.line(web.first() - 1).is_none()
        );
    }

    #[test]
    fn late_lines_keep_their_own_time() {
        let mut store = LogStore::default();
        store.push(batch("web", &[(100, "a"), (90, "late"), (100, "b")]));
        let (_, web) = store.lane_of(&source("web")).unwrap();
        assert_eq!(texts(web), ["a", "late", "b"]);
        assert_eq!((web.line(1).unwrap().time, web.order_time(1)), (Timestamp(90), Some(Timestamp(100))));
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_new_lines_last() {
        let hour = 3_600_000_000_000;
        let mut store = LogStore::default();
        store.push(batch("web", &[(2 * hour, "before")]));
        store.push(batch("db", &[(2 * hour + 5, "newest")]));
        store.push(batch("web", &[(hour, "after"), (hour + 1, "after that")]));
        let (_, web) = store.lane_of(&source("web")).unwrap();
        assert_eq!(web.order_time(1), Some(Timestamp(2 * hour + 6)));
        assert!(web.order_time(2) > web.order_time(1));
        assert_eq!(web.line(2).unwrap().time, Timestamp(hour + 1));
    }

    const TRACEBACK: [&str; 4] = ["Traceback (most recent call last):", "  File", "    x()", "ValueError: x"];

    #[test]
    fn a_traceback_is_one_unit_and_one_error() {
        let mut store = LogStore::default();
        let lines: Vec<(i64, &str)> = ["INFO a", "ERROR b"]
            .into_iter()
            .chain(TRACEBACK)
            .chain(["INFO c"])
            .zip(1..)
            .map(|(text, time)| (time, text))
            .collect();
        store.push(batch("web", &lines));
        let (_, web) = store.lane_of(&source("web")).unwrap();
        let block = *web.block(4).unwrap();
        assert_eq!(block, Block { first: 2, last: 5, headline: 5, lines: 4, stream: Stream::Stderr });
        assert_eq!(web.members(block).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!((web.unit(5), web.unit_from(3), web.unit_before(6)), (2, Some(6), Some(2)));
        assert_eq!((web.error_count(), web.errors_from(0), web.errors_from(2)), (1, 1, 0));
    }

    proptest! {
        #[test]
        fn the_bound_is_kept_and_nothing_but_the_oldest_goes(
            pushes in proptest::collection::vec((0usize..3, proptest::collection::vec((-5i64..20, 0usize..7, 0usize..300), 1..30)), 1..40),
            limit in 3_000u64..60_000,
        ) {
            let mut store = LogStore::new(ByteSize(limit));
            let mut pushed = vec![Vec::new(); 3];
            let mut now = 0;
            for (service, lines) in pushes {
                let owned: Vec<(i64, String)> = lines.iter().map(|(step, kind, length)| {
                    now += step;
                    (now, match kind {
                        0 => "Traceback (most recent call last):".to_owned(),
                        1 | 2 => format!("  {}", "y".repeat(*length)),
                        3 => "ERROR x".to_owned(),
                        _ => "z".repeat(*length),
                    })
                }).collect();
                let lines: Vec<(i64, &str)> = owned.iter().map(|(time, text)| (*time, text.as_str())).collect();
                store.push(batch(["a", "b", "c"][service], &lines));
                pushed[service].extend(owned);
                prop_assert!(store.bytes().0 <= limit);
                prop_assert_eq!(store.bytes, store.lanes.iter().map(Lane::bytes).sum::<usize>());
            }
            for (service, lines) in ["a", "b", "c"].into_iter().zip(&pushed) {
                let Some((_, lane)) = store.lane_of(&source(service)) else { continue };
                prop_assert_eq!(lane.end(), lines.len() as u64);
                for seq in lane.first()..lane.end() {
                    let line = lane.line(seq).unwrap();
                    prop_assert_eq!((line.time.0, line.text), (lines[seq as usize].0, lines[seq as usize].1.as_str()));
                }
                let times: Vec<_> = (lane.first()..lane.end()).map(|seq| lane.order_time(seq).unwrap()).collect();
                prop_assert!(times.is_sorted());
                // Units cover each line exactly once.
                let mut covered = Vec::new();
                let mut at = lane.unit_from(0);
                while let Some(unit) = at {
                    match lane.block(unit) {
                        Some(block) => covered.extend(lane.members(*block)),
                        None => covered.push(unit),
                    }
                    prop_assert_eq!(lane.unit_before(unit + 1), Some(unit));
                    at = lane.unit_from(unit + 1);
                }
                covered.sort_unstable();
                prop_assert_eq!(covered, (lane.first()..lane.end()).collect::<Vec<_>>());
            }
        }
    }
}
