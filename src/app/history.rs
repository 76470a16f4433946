//! What happened and why, in order: the Events tab. Bounded; what was dropped is counted.

use std::collections::VecDeque;

use crate::model::{ServiceName, Timestamp};

/// Entries kept.
const ENTRIES: usize = 2_000;
/// Lines of detail kept of one entry.
const DETAIL: usize = 200;

/// What a line says about how things stand: each has a shape and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Works: `●`, green.
    Works,
    /// Something goes on: `◐`, blue.
    Busy,
    /// Wants the user: `▲`, yellow.
    Wants,
    /// Look: `!`, yellow.
    Look,
    /// Failed: `✗`, red.
    Failed,
    /// Off, or of no weight: `○`, dim.
    Off,
}

impl Role {
    /// Its shape, the same on every screen.
    pub fn sign(self) -> &'static str {
        match self {
            Role::Works => "●",
            Role::Busy => "◐",
            Role::Wants => "▲",
            Role::Look => "!",
            Role::Failed => "✗",
            Role::Off => "○",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it happened, the last time.
    pub at: Timestamp,
    /// To whom; `None` for the project or the engine.
    pub service: Option<ServiceName>,
    /// How grave it is.
    pub role: Role,
    /// What happened and why, in one line.
    pub text: String,
    /// What `Enter` shows: the probe's output, the last lines, a diagnostic's notes.
    pub detail: Vec<String>,
    /// How often it happened in a row.
    pub times: u32,
}

impl Entry {
    /// An entry without detail.
    pub fn new(at: Timestamp, role: Role, service: Option<ServiceName>, text: impl Into<String>) -> Self {
        Self { at, service, role, text: text.into(), detail: Vec::new(), times: 1 }
    }

    /// The same with what `Enter` shows.
    #[must_use]
    pub fn detail(mut self, detail: impl IntoIterator<Item = String>) -> Self {
        self.detail = detail.into_iter().take(DETAIL).collect();
        self
    }
}

/// The entries of a session, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    /// Entries that were dropped from the front.
    pub dropped: usize,
}

impl History {
    /// Adds an entry; one that says the same as the last of its service only raises its count.
    pub fn push(&mut self, entry: Entry) {
        let last = self.entries.iter_mut().rfind(|known| known.service == entry.service);
        if let Some(last) = last.filter(|last| last.text == entry.text && last.role == entry.role) {
            last.times += 1;
            last.at = entry.at;
            last.detail = entry.detail;
            return;
        }
        if self.entries.len() >= ENTRIES {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(entry);
    }

    /// Adds what `Enter` shows to the newest entry of a service that says `text`.
    pub fn explain(&mut self, service: &ServiceName, text: &str, detail: impl IntoIterator<Item = String>) {
        let own = |entry: &&mut Entry| entry.service.as_ref() == Some(service) && entry.text == text;
        if let Some(entry) = self.entries.iter_mut().rfind(own) {
            entry.detail = detail.into_iter().take(DETAIL).collect();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing happened yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Newest first.
    pub fn newest_first(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter().rev()
    }

    /// The entry that is `back` entries before the newest.
    pub fn nth_newest(&self, back: usize) -> Option<&Entry> {
        self.entries.iter().rev().nth(back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry::new(Timestamp(0), Role::Failed, None, text)
    }

    #[test]
    fn the_same_again_is_counted() {
        let mut history = History::default();
        for text in ["exited 1", "exited 1", "started", "exited 1"] {
            history.push(entry(text));
        }
        let shown: Vec<_> = history.newest_first().map(|entry| (entry.text.as_str(), entry.times)).collect();
        assert_eq!(shown, [("exited 1", 1), ("started", 1), ("exited 1", 2)]);
    }

    #[test]
    fn it_stays_bounded_and_counts_what_it_dropped() {
        let mut history = History::default();
        for number in 0..ENTRIES + 10 {
            history.push(entry(&number.to_string()));
        }
        assert_eq!((history.len(), history.dropped), (ENTRIES, 10));
    }
}
