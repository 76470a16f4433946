//! Which errors were seen: those that stood on the screen long enough to be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    logs::{LaneId, LogStore},
    model::{ServiceName, Timestamp},
};

/// An error that stays on the screen for so long was seen.
const READ: Duration = Duration::from_secs(1);

/// What was seen of the errors.
#[derive(Debug, Clone, Default)]
pub(super) struct Attention {
    seen: BTreeSet<(LaneId, u64)>,
    /// On the screen, since when.
    reading: BTreeMap<(LaneId, u64), Timestamp>,
}

impl Attention {
    /// These errors are on the screen now.
    pub fn look(&mut self, on_screen: impl Iterator<Item = (LaneId, u64)>, store: &LogStore, now: Timestamp) {
        let before = std::mem::take(&mut self.reading);
        for error in on_screen.filter(|error| !self.seen.contains(error)).collect::<BTreeSet<_>>() {
            let since = before.get(&error).copied().unwrap_or(now);
            if now.since(since) >= READ {
                self.seen.insert(error);
            } else {
                self.reading.insert(error, since);
            }
        }
        self.seen.retain(|(lane, seq)| store.lane(*lane).is_some_and(|lane| *seq >= lane.first()));
    }

    /// When an error that is on the screen counts as seen.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.reading.values().min().map(|since| since.after(READ))
    }

    /// Whether this error was seen.
    pub fn is_seen(&self, error: (LaneId, u64)) -> bool {
        self.seen.contains(&error)
    }

    /// How many errors of a service were not seen.
    pub fn unseen(&self, store: &LogStore, service: &ServiceName) -> usize {
        store
            .lanes_of(service)
            .map(|(id, lane)| lane.errors_from(lane.first()) - self.seen.range((id, 0)..=(id, u64::MAX)).count())
            .sum()
    }
}
