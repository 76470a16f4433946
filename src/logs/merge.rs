//! The lines of several sources in one order: by the engine's time stamps, sources of the same time in the order in which
//! they first appeared, each source's own lines as they came.
//!
//! Nothing is copied or sorted: each source is in order already, so walking them side by side is enough, in either
//! direction and from any place. A line that arrives late thereby stands where it belongs at once.

use crate::model::Timestamp;

use super::{
    index::Index,
    store::{LaneId, LogStore},
};

/// The place of a unit in the order. It stays valid while lines come and go around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The order time of its first line.
    pub time: Timestamp,
    /// Its lane.
    pub lane: LaneId,
    /// Its first line.
    pub seq: u64,
}

impl Position {
    /// Before everything.
    pub const START: Self = Position { time: Timestamp(i64::MIN), lane: LaneId(0), seq: 0 };
    /// After everything.
    pub const END: Self = Position { time: Timestamp(i64::MAX), lane: LaneId(u16::MAX), seq: u64::MAX };
}

/// Which units of a lane take part.
#[derive(Debug, Clone, Copy)]
pub enum Select<'a> {
    /// All.
    All,
    /// Those that are errors.
    Errors,
    /// Those that a filter lets through, or a search found.
    Matching(&'a Index),
}

/// Some lanes of a store as one sequence of units.
#[derive(Debug, Clone, Copy)]
pub struct Merged<'a> {
    /// Where the lines are.
    pub store: &'a LogStore,
    /// The lanes that take part.
    pub lanes: &'a [LaneId],
    /// Which of their units.
    pub select: Select<'a>,
}

impl<'a> Merged<'a> {
    /// Units at `from` or after it, in order.
    pub fn forward(self, from: Position) -> impl Iterator<Item = Position> + use<'a> {
        let mut heads: Vec<Option<Position>> = self.lanes.iter().map(|lane| self.first_from(*lane, from)).collect();
        std::iter::from_fn(move || {
            let (head, next) =
                heads.iter_mut().filter_map(|head| head.map(|at| (head, at))).min_by_key(|(_, at)| *at)?;
            *head = self.unit_from(next.lane, next.seq + 1);
            Some(next)
        })
    }

    /// Units before `before`, the last one first.
    pub fn backward(self, before: Position) -> impl Iterator<Item = Position> + use<'a> {
        let mut heads: Vec<Option<Position>> = self.lanes.iter().map(|lane| self.last_before(*lane, before)).collect();
        std::iter::from_fn(move || {
            let (head, next) =
                heads.iter_mut().filter_map(|head| head.map(|at| (head, at))).max_by_key(|(_, at)| *at)?;
            *head = self.unit_before(next.lane, next.seq);
            Some(next)
        })
    }

    /// The first unit at `from` or after it.
    pub fn next(self, from: Position) -> Option<Position> {
        self.lanes.iter().filter_map(|lane| self.first_from(*lane, from)).min()
    }

    /// The last unit before `before`.
    pub fn previous(self, before: Position) -> Option<Position> {
        self.lanes.iter().filter_map(|lane| self.last_before(*lane, before)).max()
    }

    /// How many of the selected units come up to and including this one. Only for [`Select::Matching`], 0 otherwise.
    pub fn count_to(self, at: Position) -> usize {
        let Select::Matching(index) = self.select else { return 0 };
        let after = Position { seq: at.seq.saturating_add(1), ..at };
        self.lanes.iter().filter_map(|id| Some(index.count_before(*id, self.bound(*id, after)?))).sum()
    }

    fn first_from(self, id: LaneId, from: Position) -> Option<Position> {
        self.unit_from(id, self.bound(id, from)?)
    }

    fn last_before(self, id: LaneId, before: Position) -> Option<Position> {
        self.unit_before(id, self.bound(id, before)?)
    }

    /// The number of the lane's first line that isn't before `at`.
    fn bound(self, id: LaneId, at: Position) -> Option<u64> {
        let lane = self.store.lane(id)?;
        Some(if id == at.lane {
            at.seq
        } else if id < at.lane {
            lane.seek(|time| time <= at.time)
        } else {
            lane.seek(|time| time < at.time)
        })
    }

    fn unit_from(self, id: LaneId, seq: u64) -> Option<Position> {
        let lane = self.store.lane(id)?;
        let seq = match self.select {
            Select::All => lane.unit_from(seq)?,
            Select::Errors => {
                let errors = lane.errors();
                *errors.get(errors.partition_point(|error| *error < seq))?
            }
            Select::Matching(index) => index.unit_from(id, seq.max(lane.first()))?,
        };
        Some(Position { time: lane.order_time(seq)?, lane: id, seq })
    }

    fn unit_before(self, id: LaneId, seq: u64) -> Option<Position> {
        let lane = self.store.lane(id)?;
        let seq = match self.select {
            Select::All => lane.unit_before(seq)?,
            Select::Errors => {
                let errors = lane.errors();
                *errors.get(errors.partition_point(|error| *error < seq).checked_sub(1)?)?
            }
            Select::Matching(index) => index.unit_before(id, seq)?,
        };
        Some(Position { time: lane.order_time(seq)?, lane: id, seq })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logs::store::tests::batch;

    fn texts(store: &LogStore, select: Select<'_>) -> Vec<String> {
        let lanes: Vec<LaneId> = store.lanes().map(|(id, _)| id).collect();
        let merged = Merged { store, lanes: &lanes, select };
        let forward: Vec<Position> = merged.forward(Position::START).collect();
        let mut backward: Vec<Position> = merged.backward(Position::END).collect();
        backward.reverse();
        assert_eq!(forward, backward);
        forward.iter().map(|at| store.lane(at.lane).unwrap().line(at.seq).unwrap().text.to_owned()).collect()
    }

    #[test]
    fn late_lines_stand_where_they_belong() {
        let mut store = LogStore::default();
        store.push(batch("web", &[(10, "web 10"), (30, "web 30")]));
        store.push(batch("db", &[(20, "db 20"), (30, "db 30"), (40, "ERROR db 40")]));
        store.push(batch("web", &[(35, "web 35")]));
        assert_eq!(texts(&store, Select::All), ["web 10", "db 20", "web 30", "db 30", "web 35", "ERROR db 40"]);
        assert_eq!(texts(&store, Select::Errors), ["ERROR db 40"]);
    }

    #[test]
    fn a_place_can_be_left_in_both_directions() {
        let mut store = LogStore::default();
        store.push(batch("web", &[(1, "a"), (1, "b"), (2, "c")]));
        store.push(batch("db", &[(1, "x"), (2, "y")]));
        let lanes: Vec<LaneId> = store.lanes().map(|(id, _)| id).collect();
        let merged = Merged { store: &store, lanes: &lanes, select: Select::All };
        let all: Vec<Position> = merged.forward(Position::START).collect();
        for (number, at) in all.iter().enumerate() {
            assert_eq!(merged.forward(*at).collect::<Vec<_>>(), all[number..]);
            assert_eq!(merged.next(*at), Some(*at));
            assert_eq!(merged.previous(*at), number.checked_sub(1).map(|before| all[before]));
        }
    }

    proptest! {
        #[test]
        fn the_order_is_a_permutation_by_time(
            pushes in proptest::collection::vec((0usize..4, proptest::collection::vec(0i64..10, 1..8)), 1..20)
        ) {
            let mut store = LogStore::default();
            let (mut clocks, mut all) = ([0i64; 4], Vec::new());
            for (number, (service, steps)) in pushes.iter().enumerate() {
                let owned: Vec<(i64, String)> = steps.iter().enumerate().map(|(line, step)| {
                    clocks[*service] += step;
                    (clocks[*service], format!("{number} {line}"))
                }).collect();
                let lines: Vec<(i64, &str)> = owned.iter().map(|(time, text)| (*time, text.as_str())).collect();
                store.push(batch(["a", "b", "c", "d"][*service], &lines));
                let lane = store.lane_of(&crate::logs::store::tests::source(["a", "b", "c", "d"][*service])).unwrap().0;
                all.extend(owned.into_iter().map(|(time, text)| (time, lane, text)));
            }
            // Stable: lines of one lane with the same time stay as they came.
            all.sort_by_key(|(time, lane, _)| (*time, *lane));
            prop_assert_eq!(texts(&store, Select::All), all.into_iter().map(|(_, _, text)| text).collect::<Vec<_>>());
        }
    }
}
