//! Bytes from an engine, cut into lines, as raw as they came.
//!
//! What is known of the engine's streams (measured on Docker 20.10 to 28):
//! - A multiplexed stream comes in frames, one message each. A line longer than 16 KiB comes in several; each begins with
//!   the same stamp, and only the last ends in a newline. So a frame continues an open line if its stamp is that line's; if
//!   it is another, the open line was the last, unterminated one of a process, and stands for itself.
//! - The stream of a container with a terminal has no frames: messages follow each other, and after 16 KiB of a line
//!   the stamp stands again in the middle of it.
//! - A process's last line may lack its newline.

use memchr::{memchr, memrchr};

use crate::model::Timestamp;

use super::{line::Stream, stamp};

/// Size of the parts in which an engine's log drivers take a long line (moby, daemon/logger/copier.go).
const PART: usize = 16 * 1024;

/// More of a line than this is not kept.
pub const LINE_LIMIT: usize = 64 * 1024;

/// Whether the engine was asked for time stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// Each message begins with one.
    Leading,
    /// There are none: bytes of an attached process, of an exec, of a build.
    Absent,
}

/// A line as it came, without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLine<'a> {
    /// Where it came from.
    pub stream: Stream,
    /// The engine's stamp, or when it was received where there is none.
    pub time: Timestamp,
    /// Its bytes: any at all, except newlines.
    pub bytes: &'a [u8],
    /// So many bytes more are not kept.
    pub cut: u64,
}

/// Joins the bytes of one container's streams into lines. Any chunking gives the same lines.
#[derive(Debug)]
pub struct Joiner {
    stamps: Stamps,
    limit: usize,
    streams: [Open; 3],
}

/// What is known of a stream's line that has not ended yet.
#[derive(Debug, Default)]
struct Open {
    /// There is such a line.
    open: bool,
    text: Vec<u8>,
    time: Timestamp,
    /// The limit was reached, and so many bytes were left out.
    over: bool,
    cut: u64,
    /// A carriage return was left out last: what follows it, if anything, overwrites the line.
    returned: bool,
    /// Unframed streams only: the beginning of what may be a stamp, and how many bytes there are until the next one.
    stamp: Vec<u8>,
    until_stamp: usize,
}

impl Joiner {
    /// For one start of one container, or one process.
    pub fn new(stamps: Stamps) -> Self {
        Self::with_limit(stamps, LINE_LIMIT)
    }

    /// Likewise, keeping at most `limit` bytes of each line.
    pub fn with_limit(stamps: Stamps, limit: usize) -> Self {
        Self { stamps, limit: limit.max(1), streams: Default::default() }
    }

    /// Takes the next bytes: one frame of a multiplexed stream, or any piece of an unframed one. `received` is the time for
    /// lines that have no stamp.
    pub fn push(&mut self, stream: Stream, bytes: &[u8], received: Timestamp, mut each: impl FnMut(RawLine<'_>)) {
        let limit = self.limit;
        let open = &mut self.streams[index(stream)];
        match (self.stamps, stream) {
            (Stamps::Absent, _) => {
                open.time = if open.open { open.time } else { received };
                open.text(bytes, received, limit, stream, &mut each);
            }
            (Stamps::Leading, Stream::Console) => open.unframed(bytes, received, limit, stream, &mut each),
            (Stamps::Leading, _) => {
                let (time, text) = match stamp::read(bytes) {
                    Some((time, length)) => (Some(time), &bytes[length..]),
                    None => (None, bytes),
                };
                if open.open && time.is_some_and(|time| time != open.time) {
                    open.end(stream, &mut each);
                }
                if !open.open {
                    open.time = time.unwrap_or(received);
                }
                let next = open.time;
                open.text(text, next, limit, stream, &mut each);
            }
        }
    }

    /// The streams ended: what is open is a last line without a newline.
    pub fn finish(&mut self, mut each: impl FnMut(RawLine<'_>)) {
        for stream in [Stream::Stdout, Stream::Stderr, Stream::Console] {
            let limit = self.limit;
            let open = &mut self.streams[index(stream)];
            if !open.stamp.is_empty() {
                open.settle(open.time, limit, stream, &mut each);
            }
            if open.open {
                open.end(stream, &mut each);
            }
        }
        self.cut();
    }

    /// The connection was cut: what is open will come again, as a whole.
    pub fn cut(&mut self) {
        self.streams = Default::default();
    }
}

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Stdout | Stream::Note => 0,
        Stream::Stderr => 1,
        Stream::Console => 2,
    }
}

impl Open {
    /// Takes text of lines; lines after the first are of the time `next`.
    fn text(
        &mut self,
        mut bytes: &[u8],
        next: Timestamp,
        limit: usize,
        stream: Stream,
        each: &mut impl FnMut(RawLine<'_>),
    ) {
        while let Some(newline) = memchr(b'\n', bytes) {
            let line = &bytes[..newline];
            if !self.open && line.len() <= limit {
                each(RawLine { stream, time: self.time, bytes: line, cut: 0 });
            } else {
                self.append(line, limit);
                self.end(stream, each);
            }
            bytes = &bytes[newline + 1..];
            self.time = next;
        }
        if !bytes.is_empty() {
            self.append(bytes, limit);
        }
    }

    /// Takes bytes of a stream in which the stamps are not framed.
    fn unframed(
        &mut self,
        mut bytes: &[u8],
        received: Timestamp,
        limit: usize,
        stream: Stream,
        each: &mut impl FnMut(RawLine<'_>),
    ) {
        while !bytes.is_empty() {
            if self.until_stamp == 0 {
                let wanted = stamp::LONGEST + 1 - self.stamp.len();
                let end = memchr::memchr2(b' ', b'\n', bytes).map_or(bytes.len(), |at| at + 1);
                let taken = end.min(wanted);
                self.stamp.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if end == taken && matches!(self.stamp.last(), Some(b' ' | b'\n')) || self.stamp.len() > stamp::LONGEST
                {
                    self.settle(received, limit, stream, each);
                }
                continue;
            }
            let part = &bytes[..bytes.len().min(self.until_stamp)];
            let end = memchr(b'\n', part).map_or(part.len(), |at| at + 1);
            self.text(&part[..end], self.time, limit, stream, each);
            self.until_stamp = if part.get(end - 1) == Some(&b'\n') { 0 } else { self.until_stamp - end };
            bytes = &bytes[end..];
        }
    }

    /// Decides whether what was held back is a stamp, and takes the rest of it as text.
    fn settle(&mut self, received: Timestamp, limit: usize, stream: Stream, each: &mut impl FnMut(RawLine<'_>)) {
        let held = std::mem::take(&mut self.stamp);
        let text = match stamp::read(&held) {
            Some((time, length)) if !self.open || time == self.time => {
                self.time = time;
                &held[length..]
            }
            _ => {
                if !self.open {
                    self.time = received;
                }
                &held[..]
            }
        };
        self.text(text, self.time, limit, stream, each);
        self.until_stamp = if text.last() == Some(&b'\n') { 0 } else { PART - text.len() };
        // Kept for its capacity.
        self.stamp = held;
        self.stamp.clear();
    }

    fn append(&mut self, mut bytes: &[u8], limit: usize) {
        self.open = true;
        while !bytes.is_empty() {
            if !self.over {
                let taken = bytes.len().min(limit - self.text.len());
                self.text.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if bytes.is_empty() {
                    return;
                }
                // The line is too long. What a carriage return lets overwrite need not be kept.
                self.returned = self.text.last() == Some(&b'\r');
                let visible = self.text.len() - usize::from(self.returned);
                match memrchr(b'\r', &self.text[..visible]) {
                    Some(at) if at + 1 < visible => {
                        self.text.drain(..=at);
                        self.returned = false;
                    }
                    _ => {
                        self.text.truncate(visible);
                        self.over = true;
                    }
                }
            } else if self.returned && bytes[0] != b'\r' {
                self.text.clear();
                (self.over, self.cut, self.returned) = (false, 0, false);
            } else if let Some(at) = memchr(b'\r', bytes) {
                self.cut += at as u64;
                self.returned = true;
                bytes = &bytes[at + 1..];
            } else {
                self.cut += bytes.len() as u64;
                bytes = &[];
            }
        }
    }

    fn end(&mut self, stream: Stream, each: &mut impl FnMut(RawLine<'_>)) {
        let mut kept = self.text.len();
        if self.cut > 0 {
            // Not in the middle of a character.
            let tail = self.text[kept.saturating_sub(3)..].iter().rev().position(|byte| byte & 0xc0 != 0x80);
            if let Some(back) = tail
                && self.text[kept - 1 - back] >= 0xc0
            {
                kept -= back + 1;
                self.cut += back as u64 + 1;
            }
        }
        each(RawLine { stream, time: self.time, bytes: &self.text[..kept], cut: self.cut });
        self.text.clear();
        if self.text.capacity() > 4 * PART {
            self.text.shrink_to(PART);
        }
        (self.open, self.over, self.cut, self.returned) = (false, false, 0, false);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (Stream, i64, String, u64);

    fn owned(line: RawLine<'_>) -> Owned {
        (line.stream, line.time.0, String::from_utf8_lossy(line.bytes).into_owned(), line.cut)
    }

    /// Frames of standard output, with stamps.
    fn framed(limit: usize, frames: &[&str]) -> Vec<(i64, String, u64)> {
        let (mut joiner, mut lines) = (Joiner::with_limit(Stamps::Leading, limit), Vec::new());
        for frame in frames {
            joiner.push(Stream::Stdout, frame.as_bytes(), Timestamp(-1), |line| lines.push(owned(line)));
        }
        joiner.finish(|line| lines.push(owned(line)));
        lines.into_iter().map(|(_, time, text, cut)| (time, text, cut)).collect()
    }

    fn check(frames: &[&str], expected: &[(i64, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(time, text)| (*time, (*text).to_owned(), 0)).collect();
        assert_eq!(framed(LINE_LIMIT, frames), expected, "{frames:?}");
    }

    const S1: &str = "1970-01-01T00:00:01.000000000Z ";
    const S2: &str = "1970-01-01T00:00:02.000000000Z ";
    const ONE: i64 = 1_000_000_000;
    const TWO: i64 = 2_000_000_000;

    #[test]
    fn frames_become_lines() {
        check(&[&format!("{S1}a\n"), &format!("{S2}b\n")], &[(ONE, "a"), (TWO, "b")]);
        check(&[&format!("{S1}\n")], &[(ONE, "")]);
        check(&[&format!("{S1}a\nb\n")], &[(ONE, "a"), (ONE, "b")]);
        check(&["no stamp\n"], &[(-1, "no stamp")]);
    }

    #[test]
    fn parts_of_a_long_line_are_joined() {
        check(&[&format!("{S1}a"), &format!("{S1}b"), &format!("{S1}c\n")], &[(ONE, "abc")]);
        check(&[&format!("{S1}a"), &format!("{S1}\n")], &[(ONE, "a")]);
    }

    #[test]
    fn a_last_line_without_newline_is_kept() {
        check(&[&format!("{S1}a\n"), &format!("{S2}b")], &[(ONE, "a"), (TWO, "b")]);
        check(&[&format!("{S1}a"), &format!("{S2}b\n")], &[(ONE, "a"), (TWO, "b")]);
    }

    #[test]
    fn streams_do_not_mix() {
        let (mut joiner, mut lines) = (Joiner::new(Stamps::Leading), Vec::new());
        for (stream, frame) in [
            (Stream::Stdout, format!("{S1}a")),
            (Stream::Stderr, format!("{S1}x\n")),
            (Stream::Stdout, format!("{S1}b\n")),
        ] {
            joiner.push(stream, frame.as_bytes(), Timestamp(0), |line| lines.push(owned(line)));
        }
        assert_eq!(lines, [(Stream::Stderr, ONE, "x".into(), 0), (Stream::Stdout, ONE, "ab".into(), 0)]);
    }

    #[test]
    fn what_is_over_the_limit_is_counted() {
        assert_eq!(
            framed(4, &[&format!("{S1}abcdefg\n"), &format!("{S2}x\n")]),
            [(ONE, "abcd".into(), 3), (TWO, "x".into(), 0)]
        );
        assert_eq!(framed(4, &[&format!("{S1}abcd\n")]), [(ONE, "abcd".into(), 0)]);
        assert_eq!(
            framed(4, &[&format!("{S1}ab"), &format!("{S1}cde"), &format!("{S1}f\n")]),
            [(ONE, "abcd".into(), 2)]
        );
        assert_eq!(framed(4, &[&format!("{S1}abcéf\n")]), [(ONE, "abc".into(), 3)]);
    }

    #[test]
    fn a_long_progress_line_keeps_its_last_state() {
        let bars: String = (0..1000).map(|n| format!("\r{n}%")).collect();
        let lines = framed(16, &[&format!("{S1}{bars}\n")]);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].1.ends_with("\r999%") && lines[0].1.len() <= 16, "{lines:?}");
        assert_eq!(framed(4, &[&format!("{S1}abcdefg\r\n")])[0].1, "abcd");
        assert_eq!(framed(4, &[&format!("{S1}abcdefg\rxy\n")])[0].1, "xy");
    }

    fn console(pieces: &[&[u8]]) -> Vec<(i64, String)> {
        let (mut joiner, mut lines) = (Joiner::new(Stamps::Leading), Vec::new());
        for piece in pieces {
            joiner.push(Stream::Console, piece, Timestamp(-1), |line| lines.push(owned(line)));
        }
        joiner.finish(|line| lines.push(owned(line)));
        lines.into_iter().map(|(_, time, text, _)| (time, text)).collect()
    }

    #[test]
    fn a_terminal_stream_repeats_its_stamp_within_a_long_line() {
        let (first, second) = ("x".repeat(PART), "y".repeat(100));
        let raw = format!("{S1}{first}{S1}{second}\r\n{S2}next\r\n");
        assert_eq!(console(&[raw.as_bytes()]), [(ONE, format!("{first}{second}\r")), (TWO, "next\r".into())]);
        // Text that looks like a stamp, but isn't this line's, is text.
        let raw = format!("{S1}{first}{S2}{second}\r\n");
        assert_eq!(console(&[raw.as_bytes()]), [(ONE, format!("{first}{S2}{second}\r"))]);
        // Exactly one part.
        let raw = format!("{S1}{first}{S1}\n{S2}next\n");
        assert_eq!(console(&[raw.as_bytes()]), [(ONE, first), (TWO, "next".into())]);
        assert_eq!(console(&[b"no stamp here\n"]), [(-1, "no stamp here".into())]);
        assert_eq!(console(&[b"short"]), [(0, "short".into())]);
    }

    /// Lines of any length, as an engine sends them: each in parts, each part with the line's stamp.
    fn frames(lines: &[(Stream, String)], part: usize, stamped: bool) -> Vec<(Stream, Vec<u8>)> {
        let mut frames = Vec::new();
        for (number, (stream, line)) in lines.iter().enumerate() {
            let stamp = if stamped { format!("1970-01-01T00:00:00.{number:09}Z ") } else { String::new() };
            let mut text = line.as_bytes().to_vec();
            text.push(b'\n');
            for part in text.chunks(part) {
                frames.push((*stream, [stamp.as_bytes(), part].concat()));
            }
        }
        frames
    }

    fn stream() -> impl Strategy<Value = Stream> {
        prop_oneof![Just(Stream::Stdout), Just(Stream::Stderr)]
    }

    proptest! {
        #[test]
        fn any_parts_give_the_same_lines(
            lines in proptest::collection::vec((stream(), "[a-zé\r ]{0,40}"), 1..12), part in 1usize..50, limit in 8usize..64
        ) {
            let run = |part| {
                let (mut joiner, mut got) = (Joiner::with_limit(Stamps::Leading, limit), Vec::new());
                for (stream, frame) in frames(&lines, part, true) {
                    joiner.push(stream, &frame, Timestamp(0), |line| got.push(owned(line)));
                }
                joiner.finish(|line| got.push(owned(line)));
                got
            };
            let whole = run(1000);
            prop_assert_eq!(whole.len(), lines.len());
            prop_assert_eq!(run(part), whole);
        }

        #[test]
        fn any_pieces_of_an_unframed_stream_give_the_same_lines(
            lines in proptest::collection::vec("[a-zé\r ]{0,40}", 1..12), long in 0usize..3, piece in 1usize..60, stamped: bool,
        ) {
            let mut lines: Vec<_> = lines.into_iter().map(|line| (Stream::Console, line)).collect();
            lines.push((Stream::Console, "z".repeat(long * PART + long * 7)));
            let bytes: Vec<u8> = frames(&lines, PART, stamped).into_iter().flat_map(|(_, frame)| frame).collect();
            let stamps = if stamped { Stamps::Leading } else { Stamps::Absent };
            let run = |piece| {
                let (mut joiner, mut got) = (Joiner::new(stamps), Vec::new());
                for piece in bytes.chunks(piece) {
                    joiner.push(Stream::Console, piece, Timestamp(0), |line| got.push(owned(line)));
                }
                joiner.finish(|line| got.push(owned(line)));
                got
            };
            let whole = run(bytes.len());
            prop_assert_eq!(whole.iter().map(|line| line.2.as_str()).collect::<Vec<_>>(),
                lines.iter().map(|line| line.1.as_str()).collect::<Vec<_>>());
            prop_assert_eq!(run(piece), whole);
        }
    }
}
