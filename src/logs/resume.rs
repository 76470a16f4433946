//! How a follower goes on after its connection was cut: nothing lost, nothing twice.
//!
//! The engine takes a time and sends every message from that time on, that time included. Within one stream its stamps
//! don't decrease, but lines can share one, and the two streams of a container can be out of order by some
//! microseconds. So the mark is per stream: the last stamp, and how many lines of that stamp were taken. After a
//! cut the engine is asked for a little more than what is missing, a stream's lines before its mark are left out, and of those with the mark's stamp as many as were taken, by
//! position. Texts are never compared: two equal lines are two lines.
//!
//! A mark outlives its follower: a container that is started again goes on in the same log.

use std::time::Duration;

use crate::model::Timestamp;

use super::line::Stream;

/// Lines of the two streams may be out of order by this much, which is far more than was ever seen.
const DISORDER: Duration = Duration::from_secs(2);

/// Where the follower of one container is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resume {
    marks: [Option<Mark>; 3],
    /// Lines with the mark's stamp that still come again, per stream; `None` while nothing comes again.
    repeated: [Option<u64>; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    time: Timestamp,
    taken: u64,
}

impl Resume {
    /// Nothing was taken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to ask the engine for, as `since`; `None` if nothing was taken yet.
    pub fn since(&self) -> Option<Timestamp> {
        let last = self.marks.iter().flatten().map(|mark| mark.time).max()?;
        let disorder = i64::try_from(DISORDER.as_nanos()).unwrap_or(i64::MAX);
        Some(Timestamp(last.0.saturating_sub(disorder)))
    }

    /// Only the last lines were asked for, and taken: whatever the log has up to them was left out on purpose, and is not new when it
    /// comes again, on the stream that had none of them either.
    pub fn skip_earlier(&mut self) {
        let Some(last) = self.marks.iter().flatten().map(|mark| mark.time).max() else { return };
        for mark in &mut self.marks {
            let time = mark.map_or(last, |mark| mark.time);
            *mark = Some(Mark { time, taken: u64::MAX });
        }
    }

    /// The connection was cut, or a new one begins: lines that were taken come again.
    pub fn reconnect(&mut self) {
        self.repeated = self.marks.map(|mark| mark.map(|mark| mark.taken));
    }

    /// Takes note of a whole line, in the order in which the engine sends them, and says whether it is new.
    pub fn take(&mut self, stream: Stream, time: Timestamp) -> bool {
        let index = match stream {
            Stream::Stdout | Stream::Note => 0,
            Stream::Stderr => 1,
            Stream::Console => 2,
        };
        if let (Some(repeated), Some(mark)) = (&mut self.repeated[index], self.marks[index]) {
            if time < mark.time {
                return false;
            }
            if time == mark.time && *repeated > 0 {
                *repeated -= 1;
                return false;
            }
            // The mark is passed: from here on every line is new, even if the engine's clock was set back.
            self.repeated[index] = None;
        }
        match &mut self.marks[index] {
            Some(mark) if mark.time == time => mark.taken = mark.taken.saturating_add(1),
            mark => *mark = Some(Mark { time, taken: 1 }),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OUT: Stream = Stream::Stdout;
    const ERR: Stream = Stream::Stderr;

    #[test]
    fn lines_of_the_same_stamp_are_told_apart_by_position() {
        let mut resume = Resume::new();
        assert_eq!(resume.since(), None);
        assert!(resume.take(OUT, Timestamp(5)) && resume.take(OUT, Timestamp(5)));
        resume.reconnect();
        assert_eq!(resume.since(), Some(Timestamp(5 - 2_000_000_000)));
        let new: Vec<bool> = [5, 5, 5, 6, 6].into_iter().map(|time| resume.take(OUT, Timestamp(time))).collect();
        assert_eq!(new, [false, false, true, true, true]);
    }

    #[test]
    fn what_the_last_lines_left_out_stays_left_out() {
        let mut resume = Resume::new();
        resume.skip_earlier();
        assert_eq!(resume.since(), None, "nothing was there");
        assert!(resume.take(OUT, Timestamp(5)));
        resume.skip_earlier();
        resume.reconnect();
        let new: Vec<bool> = [(ERR, 4), (OUT, 4), (OUT, 5), (ERR, 5), (OUT, 6), (ERR, 6)]
            .map(|(stream, time)| resume.take(stream, Timestamp(time)))
            .into();
        assert_eq!(new, [false, false, false, false, true, true]);
    }

    #[test]
    fn a_quiet_stream_does_not_make_the_busy_one_come_again() {
        let mut resume = Resume::new();
        let hour = 3_600_000_000_000;
        assert!(resume.take(ERR, Timestamp(1)) && resume.take(OUT, Timestamp(hour)));
        assert_eq!(resume.since(), Some(Timestamp(hour - 2_000_000_000)));
    }

    #[test]
    fn a_cut_while_lines_come_again_changes_nothing() {
        let mut resume = Resume::new();
        for time in [1, 2, 2, 3] {
            assert!(resume.take(OUT, Timestamp(time)));
        }
        resume.reconnect();
        assert!(!resume.take(OUT, Timestamp(2)) && !resume.take(OUT, Timestamp(2)));
        resume.reconnect();
        let new: Vec<bool> = [1, 2, 2, 3, 4].into_iter().map(|time| resume.take(OUT, Timestamp(time))).collect();
        assert_eq!(new, [false, false, false, false, true]);
    }

    #[test]
    fn a_clock_that_was_set_back_loses_nothing_that_follows() {
        let mut resume = Resume::new();
        assert!(resume.take(OUT, Timestamp(100)) && resume.take(OUT, Timestamp(50)));
        resume.reconnect();
        let new: Vec<bool> = [50, 51].into_iter().map(|time| resume.take(OUT, Timestamp(time))).collect();
        assert_eq!(new, [false, true]);
    }

    proptest! {
        /// A log with shared stamps and two streams slightly out of order, read with cuts at random places.
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            steps in proptest::collection::vec((any::<bool>(), 0i64..3, 0i64..4), 1..60),
            cuts in proptest::collection::vec(0usize..80, 0..8),
            coarse: bool,
        ) {
            let mut time = [0i64; 2];
            let log: Vec<(Stream, Timestamp, usize)> = steps.iter().enumerate().map(|(number, (err, step, jitter))| {
                let both = time[0].max(time[1]) + step * if coarse { 1_000_000_000 } else { 1 };
                let stream = usize::from(*err);
                time[stream] = time[stream].max(both - jitter);
                (if *err { ERR } else { OUT }, Timestamp(time[stream]), number)
            }).collect();
            let (mut resume, mut got) = (Resume::new(), Vec::new());
            for cut in cuts.into_iter().chain([usize::MAX]) {
                resume.reconnect();
                let since = resume.since().unwrap_or(Timestamp(i64::MIN));
                for (stream, time, number) in log.iter().filter(|line| line.1 >= since).take(cut) {
                    if resume.take(*stream, *time) {
                        got.push(*number);
                    }
                }
            }
            got.sort_unstable();
            prop_assert_eq!(got, (0..log.len()).collect::<Vec<_>>());
        }
    }
}
