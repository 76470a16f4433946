//! When to look: after a short quiet period, but not later than a limit after the first sign. Pure; the time is an argument.

use std::time::{Duration, Instant};

/// How long nothing must happen before looking. Editors and `git checkout` touch a file several times within a few milliseconds.
pub(super) const QUIET: Duration = Duration::from_millis(50);

/// How long after the first sign to look at the latest, however busy it is, so that a save shows within 300 ms.
pub(super) const LIMIT: Duration = Duration::from_millis(180);

/// How long a git command that holds its index is waited for. One that died leaves its lock behind.
pub(super) const GIT_LIMIT: Duration = Duration::from_secs(5);

/// Signs since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Debounce {
    signs: Option<(Instant, Instant)>,
}

impl Debounce {
    /// Something happened.
    pub(super) fn sign(&mut self, now: Instant) {
        self.signs = Some((self.signs.map_or(now, |(first, _)| first), now));
    }

    /// When to look, if anything happened.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.signs.map(|(first, last)| (last + QUIET).min(first + LIMIT))
    }

    /// Looks later, since git is still writing: a checkout is one change. `None` when it has taken too long, or when nothing
    /// happened; then it is time to look.
    pub(super) fn postponed(&self, now: Instant) -> Option<Instant> {
        self.signs.filter(|(first, _)| now < *first + GIT_LIMIT).map(|_| now + QUIET)
    }

    /// Forgets the signs: they are looked at now.
    pub(super) fn clear(&mut self) {
        self.signs = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_after_a_quiet_period_and_not_later_than_the_limit() {
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        let mut debounce = Debounce::default();
        assert_eq!(debounce.deadline(), None);
        debounce.sign(at(0));
        assert_eq!(debounce.deadline(), Some(at(50)));
        for millis in (10..=200).step_by(10) {
            debounce.sign(at(millis));
        }
        assert_eq!(debounce.deadline(), Some(at(180)), "busy files are looked at all the same");
        debounce.clear();
        assert_eq!(debounce.deadline(), None);
    }

    #[test]
    fn git_is_waited_for_but_not_for_ever() {
        let start = Instant::now();
        let mut debounce = Debounce::default();
        assert_eq!(debounce.postponed(start), None);
        debounce.sign(start);
        let later = start + Duration::from_secs(4);
        assert_eq!(debounce.postponed(later), Some(later + QUIET));
        assert_eq!(debounce.postponed(start + Duration::from_secs(6)), None);
    }
}
