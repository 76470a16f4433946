//! When a tree is looked at after a sign. Pure; the time is an argument.
//!
//! A write that is over is looked at almost at once, since a save is to be in the container before the user has changed windows.
//! What goes on, and many files at once, wait for a short quiet period, so that they are one change; but never longer than a limit,
//! unless git is at work: a checkout is one change, however long it takes.

use std::time::{Duration, Instant};

/// After a write that is over. Editors change the mode, or remove their backup, within a millisecond.
const SETTLED: Duration = Duration::from_millis(3);
/// After anything else, and after each of many.
const QUIET: Duration = Duration::from_millis(10);
/// So many signs are many: a save makes fewer.
const MANY: usize = 16;
/// After the first sign, however busy it is.
const LIMIT: Duration = Duration::from_millis(80);
/// A lock of git's that is older was left behind, or belongs to a command that takes its time.
pub(super) const LOCK_AGE: Duration = Duration::from_secs(5);

/// Signs since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pace {
    first: Option<Instant>,
    signs: usize,
    due: Option<Instant>,
}

impl Pace {
    /// Something happened; `over` if whoever did it is done with it.
    pub(super) fn sign(&mut self, over: bool, now: Instant) {
        let first = *self.first.get_or_insert(now);
        self.signs += 1;
        let wait = if over && self.signs < MANY { SETTLED } else { QUIET };
        self.due = Some((now + wait).min(first + LIMIT));
    }

    /// When to look, if anything happened.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks a little later, since git is at work.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.due = Some(now + QUIET);
    }

    /// Forgets the signs: they are looked at now.
    pub(super) fn clear(&mut self) {
        *self = Pace::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_is_looked_at_sooner_than_a_burst() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        pace.sign(false, at(0));
        assert_eq!(pace.due(), Some(at(10)), "still open");
        pace.sign(true, at(1));
        assert_eq!(pace.due(), Some(at(4)), "closed");
        for number in 2..20 {
            pace.sign(true, at(number));
        }
        assert_eq!(pace.due(), Some(at(29)), "many files are one change");
        for number in 20..200 {
            pace.sign(true, at(number));
        }
        assert_eq!(pace.due(), Some(at(80)), "but they don't wait for ever");
        pace.postpone(at(80));
        assert_eq!(pace.due(), Some(at(90)));
        pace.clear();
        assert_eq!(pace.due(), None);
    }
}
