//! The time that a program writes at the beginning of its lines. Beside the engine's it says nothing new, and takes the room
//! of what does.

use crate::model::Timestamp;

/// A program's clock and the engine's may differ by this much.
const APART: i64 = 5;

/// Zones differ by multiples of this.
const ZONE: i64 = 15 * 60;

/// What of the line stays before its time, and where it goes on after it; `None` if it doesn't begin with the time at which it was
/// written.
pub(super) fn own_time(text: &str, written: Timestamp) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    let bracket = usize::from(bytes.first() == Some(&b'['));
    let process = process(bytes);
    let mut at = bracket + process;
    if let Some(length) = date(&bytes[at..]) {
        at += length;
        if !matches!(bytes.get(at), Some(b' ' | b'T' | b':')) {
            return None;
        }
        at += 1;
    }
    let (seconds, length) = time(&bytes[at..])?;
    let apart = (seconds - written.0.div_euclid(1_000_000_000)).rem_euclid(ZONE);
    if apart.min(ZONE - apart) > APART {
        return None;
    }
    at += length;
    at += zone(&bytes[at..]);
    let kept = match (bracket, bytes.get(at)) {
        (1, Some(b']')) => {
            at += 1;
            ""
        }
        (1, Some(b' ' | b':' | b',')) => "[",
        (0, Some(b' ' | b':' | b',' | b'|')) => &text[..process],
        _ => return None,
    };
    at += bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'|' | b'-' | b':' | b',')).count();
    (at < bytes.len()).then_some((kept, at))
}

fn digits(bytes: &[u8], count: usize) -> bool {
    bytes.len() >= count && bytes[..count].iter().all(u8::is_ascii_digit)
}

/// `1:M `, as Redis and Valkey begin every line: the process and its role.
fn process(bytes: &[u8]) -> usize {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match bytes.get(digits..) {
        Some([b':', b'M' | b'S' | b'C' | b'X', b' ', ..]) if digits > 0 => digits + 3,
        _ => 0,
    }
}

/// `2025-11-04`, `2025/11/04`, `04/Nov/2025`, `04 Nov 2025`.
fn date(bytes: &[u8]) -> Option<usize> {
    let separated = |at: usize| matches!(bytes.get(at), Some(b'-' | b'/'));
    if digits(bytes, 4) && separated(4) && digits(&bytes[5..], 2) && separated(7) && digits(bytes.get(8..)?, 2) {
        return Some(10);
    }
    let month = |name: &[u8]| name.iter().all(u8::is_ascii_alphabetic);
    let apart = |at: usize| separated(at) || bytes.get(at) == Some(&b' ');
    let named = digits(bytes, 2) && apart(2) && month(bytes.get(3..6)?) && apart(6) && digits(bytes.get(7..)?, 4);
    named.then_some(11)
}

/// `12:04:21`, with a fraction or without: the seconds of the day, and its length.
fn time(bytes: &[u8]) -> Option<(i64, usize)> {
    let number = |at: usize| {
        let pair = bytes.get(at..at + 2)?;
        digits(pair, 2).then(|| i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'))
    };
    let colon = |at: usize| bytes.get(at) == Some(&b':');
    let seconds = number(0)? * 3600 + number(3)? * 60 + number(6)?;
    if !(colon(2) && colon(5)) {
        return None;
    }
    let fraction = match bytes.get(8..) {
        Some([b'.' | b',', rest @ ..]) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 { digits + 1 } else { 0 }
        }
        _ => 0,
    };
    Some((seconds, 8 + fraction))
}

/// `Z`, ` UTC`, `+01:00`, ` +0100`: how long it is.
fn zone(bytes: &[u8]) -> usize {
    let spaces = usize::from(bytes.first() == Some(&b' '));
    let rest = &bytes[spaces..];
    if rest.starts_with(b"Z") {
        return spaces + 1;
    }
    if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") {
        return spaces + 3;
    }
    match rest {
        [b'+' | b'-', offset @ ..] if digits(offset, 4) => spaces + 5,
        [b'+' | b'-', offset @ ..] if digits(offset, 2) && offset.get(2) == Some(&b':') => spaces + 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-04T12:04:21Z.
    const WRITTEN: Timestamp = Timestamp(1_762_257_861_000_000_000);

    fn check(text: &str, expected: Option<&str>) {
        let shown = own_time(text, WRITTEN).map(|(kept, from)| format!("{kept}{}", &text[from..]));
        assert_eq!(shown.as_deref(), expected, "{text}");
    }

    #[test]
    fn the_ways_of_loggers() {
        check("2025-11-04 12:04:21,123 ERROR shop.mail no route", Some("ERROR shop.mail no route"));
        check("2025-11-04 12:04:21,123 - shop - INFO - up", Some("shop - INFO - up"));
        check("[2025-11-04 12:04:21,209: ERROR/MainProcess] Task", Some("[ERROR/MainProcess] Task"));
        check("[2025-11-04 12:04:21 +0000] [7] [ERROR] exited", Some("[7] [ERROR] exited"));
        check("2025-11-04 12:04:19.104 UTC [27] LOG:  done", Some("[27] LOG:  done"));
        check("2025-11-04 12:04:21.000 | ERROR    | shop:main", Some("ERROR    | shop:main"));
        check("2025/11/04 12:04:21 [error] 7#7: x", Some("[error] 7#7: x"));
        check("2025-11-04T13:04:21.5+01:00 level=info", Some("level=info"));
        check("2025-11-04T12:04:21Z x", Some("x"));
        check("[04/Nov/2025 17:34:21] \"GET / HTTP/1.1\" 200 5", Some("\"GET / HTTP/1.1\" 200 5"));
        check("12:04:21.123 [main] ERROR x", Some("[main] ERROR x"));
        check("1:M 04 Nov 2025 12:04:21.634 * Ready", Some("1:M * Ready"));
    }

    #[test]
    fn times_that_say_something_stay() {
        for text in [
            "",
            "2025-11-04 12:04:21",
            "2025-11-04 12:34:51 is when the job runs",
            "2025-11-04 12:09:21 is when the job runs",
            "2025-11-04x12:04:21 x",
            "12:04 x",
            "12:04:21x",
            "[2025-11-04 12:04:21x] y",
            "GET / 12:04:21",
            "1:Z 04 Nov 2025 12:04:21.634 * Ready",
            "1:M 04 Nov 2025 12:34:51.634 * Ready",
            "2025-11-04",
            "2025-é",
            "[",
        ] {
            check(text, None);
        }
    }
}
