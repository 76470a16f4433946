//! The time stamp that an engine writes before each part of a line: RFC 3339, with up to nine digits of the second
//! (Docker: always nine and `Z`; Podman: none, and the zone's offset).

use crate::model::Timestamp;

/// No stamp is longer: `2006-01-02T15:04:05.999999999+07:00`.
pub(super) const LONGEST: usize = 35;

/// Reads a stamp and the space after it, and says how many bytes they take.
pub(super) fn read(bytes: &[u8]) -> Option<(Timestamp, usize)> {
    let (stamp, length) = parse(bytes)?;
    match bytes.get(length) {
        Some(b' ') => Some((stamp, length + 1)),
        // An engine may leave out the space before an empty line.
        Some(b'\n' | b'\r') | None => Some((stamp, length)),
        Some(_) => None,
    }
}

fn parse(bytes: &[u8]) -> Option<(Timestamp, usize)> {
    let number = |from: usize, digits: usize| {
        bytes
            .get(from..from + digits)?
            .iter()
            .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0;
    if is(at, b'.') {
        let digits = bytes[at + 1..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        nanos = number(at + 1, digits)? * 10i64.pow(9 - u32::try_from(digits).ok()?);
        at += 1 + digits;
    }
    let offset = match bytes.get(at)? {
        b'Z' => {
            at += 1;
            0
        }
        sign @ (b'+' | b'-') if is(at + 3, b':') => {
            let seconds = number(at + 1, 2)? * 3600 + number(at + 4, 2)? * 60;
            at += 6;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let total = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some((Timestamp(total), at))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, counted in years that begin in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(i64, usize)>) {
        assert_eq!(read(text.as_bytes()).map(|(stamp, length)| (stamp.0, length)), expected, "{text}");
    }

    #[test]
    fn reads_what_engines_write() {
        check("1970-01-01T00:00:00.000000000Z x", Some((0, 31)));
        check("2024-02-29T12:34:56.789012345Z x", Some((1_709_210_096_789_012_345, 31)));
        check("2024-02-29T12:34:56.5Z x", Some((1_709_210_096_500_000_000, 23)));
        check("2024-02-29T12:34:56Z x", Some((1_709_210_096_000_000_000, 21)));
        check("2024-02-29T14:34:56+02:00 x", Some((1_709_210_096_000_000_000, 26)));
        check("2024-02-29T07:04:56-05:30 x", Some((1_709_210_096_000_000_000, 26)));
        check("2024-02-29T12:34:56Z\n", Some((1_709_210_096_000_000_000, 20)));
        check("1969-12-31T23:59:59Z x", Some((-1_000_000_000, 21)));
    }

    #[test]
    fn anything_else_is_no_stamp() {
        for text in [
            "",
            "hello world, how are you today",
            "2024-02-29 12:34:56.789012345Z x",
            "2024-13-29T12:34:56Z x",
            "2024-02-29T25:34:56Z x",
            "2024-02-29T12:34:56 x",
            "2024-02-29T12:34:56Zx",
            "2024-02-29T12:34:5",
            "2024-02-29T12:34:56.",
            "9999-02-29T12:34:56Z x",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn agrees_with_a_calendar() {
        for day in (-200_000..100_000).step_by(97) {
            let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
            assert_eq!(days_since_epoch(date.year().into(), date.month().into(), date.day().into()), i64::from(day));
        }
    }
}
