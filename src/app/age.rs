//! Times as the screen says them, and when what it says changes next. Pure.

use std::time::Duration;

use crate::model::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The unit that a length of time is counted in: seconds in one, its letter, its word.
fn unit(seconds: u64) -> (u64, &'static str, &'static str) {
    match seconds {
        0..MINUTE => (1, "s", "second"),
        MINUTE..HOUR => (MINUTE, "m", "minute"),
        HOUR..DAY => (HOUR, "h", "hour"),
        _ => (DAY, "d", "day"),
    }
}

/// One number and a letter: `12s`, `5m`, `3h`, `12d`.
pub fn short(age: Duration) -> String {
    let (size, letter, _) = unit(age.as_secs());
    format!("{}{letter}", age.as_secs() / size)
}

/// In words, for things that last: `3 days old`, `1 hour old`.
pub fn old(age: Duration) -> String {
    let (size, _, word) = unit(age.as_secs());
    let count = age.as_secs() / size;
    let (count, word) = if size == DAY && count >= 60 { (count / 30, "month") } else { (count, word) };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural} old")
}

/// How long something took: `0.1 s`, `14.2 s`, `2 m 05 s`.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 100 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / MINUTE, seconds % MINUTE)
    }
}

/// A running clock: `0:07`, `12:40`, `1:02:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / HOUR, seconds % HOUR / MINUTE, seconds % MINUTE);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// When the text of [`short`] for something that began at `from` changes next, seen from `now`.
pub fn changes_at(from: Timestamp, now: Timestamp) -> Timestamp {
    let age = now.since(from);
    let (size, _, _) = unit(age.as_secs());
    let next = (age.as_secs() / size + 1) * size;
    from.after(Duration::from_secs(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text, words) in [
            (0, "0s", "0 seconds old"),
            (59, "59s", "59 seconds old"),
            (60, "1m", "1 minute old"),
            (3599, "59m", "59 minutes old"),
            (3600, "1h", "1 hour old"),
            (86_400, "1d", "1 day old"),
            (3 * 86_400, "3d", "3 days old"),
            (70 * 86_400, "70d", "2 months old"),
        ] {
            let age = Duration::from_secs(seconds);
            assert_eq!((short(age).as_str(), old(age).as_str()), (text, words));
        }
    }

    #[test]
    fn durations_keep_tenths_while_they_are_short() {
        for (millis, text) in [(100, "0.1 s"), (6_840, "6.8 s"), (125_000, "2 m 05 s")] {
            assert_eq!(took(Duration::from_millis(millis)), text);
        }
        assert_eq!(clock(Duration::from_secs(7)), "0:07");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn the_next_change_is_when_the_text_changes() {
        for seconds in [0u64, 1, 59, 60, 61, 3599, 3600, 86_399, 86_400, 200_000] {
            let from = Timestamp(5_000_000_000);
            let now = from.after(Duration::from_millis(seconds * 1000 + 400));
            let at = changes_at(from, now);
            assert!(at > now);
            let before = at.since(from) - Duration::from_millis(1);
            assert_eq!(short(before), short(now.since(from)));
            assert_ne!(short(at.since(from)), short(now.since(from)));
        }
    }
}
