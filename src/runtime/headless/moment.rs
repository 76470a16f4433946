//! Times as `--since` and `--until` take them: a moment, or how long ago.

use std::time::Duration;

use jiff::{civil::DateTime, tz::TimeZone};

use crate::model::{Diagnostic, Timestamp};

use super::Stop;

/// Reads a moment: `2026-01-02T13:23:37Z`, the same without a zone (the local one) or without a time, seconds since 1970, or
/// how long before `now` it was: `42m`, `1h30m`.
///
/// # Errors
/// It is none of these.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, Stop> {
    parse_in(text, now, &TimeZone::system()).ok_or_else(|| {
        let what = Diagnostic::error(format!("`{text}` is no time"));
        Stop::usage(what.help("2026-01-02T13:23:37Z, or 42m for 42 minutes ago"))
    })
}

fn parse_in(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(ago) = duration(text) {
        return Some(Timestamp(now.0.saturating_sub(i64::try_from(ago.as_nanos()).ok()?)));
    }
    if let Some(stamp) = seconds(text) {
        return Some(stamp);
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(i64::try_from(stamp.as_nanosecond()).ok()?));
    }
    let local: DateTime = text.parse().ok()?;
    let stamp = local.to_zoned(zone.clone()).ok()?.timestamp();
    Some(Timestamp(i64::try_from(stamp.as_nanosecond()).ok()?))
}

/// `1136073600` or `1136073600.25`.
fn seconds(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos).map(Timestamp)
}

/// A duration as Go writes one: `1h15m30.5s`, `300ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_moments_and_ages() {
        let now = Timestamp(1_000_000_000_000_000_000);
        for (text, expected) in [
            ("42m", Some(now.0 - 2520 * 1_000_000_000)),
            ("1h30m", Some(now.0 - 5400 * 1_000_000_000)),
            ("1.5s", Some(now.0 - 1_500_000_000)),
            ("300ms", Some(now.0 - 300_000_000)),
            ("1136073600", Some(1_136_073_600_000_000_000)),
            ("1136073600.25", Some(1_136_073_600_250_000_000)),
            ("2013-01-02T13:23:37Z", Some(1_357_133_017_000_000_000)),
            ("2013-01-02T14:23:37+01:00", Some(1_357_133_017_000_000_000)),
            ("2013-01-02T13:23:37", Some(1_357_133_017_000_000_000)),
            ("2013-01-02", Some(1_357_084_800_000_000_000)),
            ("yesterday", None),
            ("", None),
            ("5", Some(5_000_000_000)),
            ("5x", None),
        ] {
            assert_eq!(parse_in(text, now, &TimeZone::UTC).map(|time| time.0), expected, "{text}");
        }
    }
}
