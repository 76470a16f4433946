//! Which lines are let through, as one line of text says it.
//!
//! Terms are separated by spaces and must all hold: `word`, `"two words"`, `/regex/` or `re:regex`, each with `!` before it
//! for its opposite; `level:warn` for that level and graver ones; `since:5m`, `after:12:04`, `before:2025-11-04T12:05:30`
//! for a range of time.

use std::time::Duration;

use jiff::{civil, tz::TimeZone};

use crate::model::Timestamp;

use super::{
    level,
    line::{Level, Line},
    pattern::{InvalidPattern, Pattern},
};

/// The moment and the zone that times in a filter are meant in.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Now.
    pub now: Timestamp,
    /// The reader's time zone.
    pub zone: TimeZone,
}

/// A filter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// A pattern is wrong.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// A quote or slash has no partner.
    #[error("{0} has no end")]
    Open(String),
    /// Nothing follows a `!` or a colon.
    #[error("{0} needs something after it")]
    Empty(String),
    /// No such level.
    #[error("{0} is no level: use trace, debug, info, warn or error")]
    Level(String),
    /// Not a time.
    #[error("{0} is no time: use 5m, 12:04, 12:04:30 or 2025-11-04T12:04")]
    Time(String),
}

/// Which lines are let through.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
    level: Option<Level>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Filter {
    /// Reads a filter; an empty text lets everything through.
    ///
    /// # Errors
    /// [`InvalidFilter`] names the first term that cannot be read.
    pub fn parse(text: &str, clock: &Clock) -> Result<Self, InvalidFilter> {
        let mut filter = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (negated, after) = rest.strip_prefix('!').map_or((false, rest), |after| (true, after));
            let (term, quoted, remaining) = term(after)?;
            if term.is_empty() {
                return Err(InvalidFilter::Empty(rest[..rest.len() - remaining.len()].trim_end().to_owned()));
            }
            if quoted {
                filter.add(negated, Pattern::plain(&term)?);
            } else if negated || !filter.option(&term, clock)? {
                filter.add(negated, Pattern::parse(&term)?);
            }
            rest = remaining.trim_start();
        }
        Ok(filter)
    }

    fn add(&mut self, negated: bool, pattern: Pattern) {
        if negated { self.unwanted.push(pattern) } else { self.wanted.push(pattern) }
    }

    /// Takes `level:…` and the like; `false` if the term is none of them.
    fn option(&mut self, term: &str, clock: &Clock) -> Result<bool, InvalidFilter> {
        let Some((key, value)) = term.split_once(':') else { return Ok(false) };
        if !matches!(key, "level" | "since" | "after" | "before") {
            return Ok(false);
        }
        if value.is_empty() {
            return Err(InvalidFilter::Empty(term.to_owned()));
        }
        match key {
            "level" => {
                let level = level::named(value.as_bytes()).ok_or_else(|| InvalidFilter::Level(value.to_owned()))?;
                self.level = Some(level);
            }
            "since" => {
                let ago = duration(value).ok_or_else(|| InvalidFilter::Time(value.to_owned()))?;
                self.after =
                    Some(Timestamp(clock.now.0.saturating_sub(i64::try_from(ago.as_nanos()).unwrap_or(i64::MAX))));
            }
            "after" => self.after = Some(time(value, clock)?),
            _ => self.before = Some(time(value, clock)?),
        }
        Ok(true)
    }

    /// Lets everything through.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the line is let through.
    pub fn is_match(&self, line: &Line<'_>) -> bool {
        self.is_wanted(line)
            && self.wanted.iter().all(|pattern| pattern.is_match(line.text))
            && !self.unwanted.iter().any(|pattern| pattern.is_match(line.text))
    }

    /// Whether a block of these lines is let through: each wanted term is somewhere in it, no unwanted one is.
    pub fn is_match_block<'a>(&self, lines: impl Iterator<Item = Line<'a>>) -> bool {
        let mut missing: Vec<&Pattern> = self.wanted.iter().collect();
        let mut any = false;
        for line in lines {
            if self.unwanted.iter().any(|pattern| pattern.is_match(line.text)) {
                return false;
            }
            any |= self.is_wanted(&line);
            missing.retain(|pattern| !pattern.is_match(line.text));
        }
        any && missing.is_empty()
    }

    fn is_wanted(&self, line: &Line<'_>) -> bool {
        self.level.is_none_or(|least| line.level.is_some_and(|level| level >= least))
            && self.after.is_none_or(|after| line.time >= after)
            && self.before.is_none_or(|before| line.time < before)
    }

    /// A pattern that at least one line of each matching unit has.
    pub(super) fn lead(&self) -> Option<&Pattern> {
        // The longest is likely the rarest.
        self.wanted.iter().max_by_key(|pattern| pattern.source().len())
    }

    /// What to mark in the lines that are let through.
    pub fn wanted(&self) -> &[Pattern] {
        &self.wanted
    }
}

/// The first term, whether it was quoted, and what follows it.
fn term(text: &str) -> Result<(String, bool, &str), InvalidFilter> {
    let open = |term: &str| InvalidFilter::Open(term.trim_end().to_owned());
    if let Some(inner) = text.strip_prefix('"') {
        let (quoted, rest) = inner.split_once('"').ok_or_else(|| open(text))?;
        return Ok((quoted.to_owned(), true, rest));
    }
    // A regular expression between slashes may have spaces; a path begins with a slash too, but doesn't end in one.
    if text.starts_with('/') {
        let bytes = text.as_bytes();
        let end = (1..bytes.len())
            .find(|at| bytes[*at] == b'/' && bytes[*at - 1] != b'\\' && matches!(bytes.get(at + 1), None | Some(b' ')));
        if let Some(end) = end
            && end > 1
        {
            return Ok((text[..=end].to_owned(), false, &text[end + 1..]));
        }
    }
    let end = text.find(' ').unwrap_or(text.len());
    Ok((text[..end].to_owned(), false, &text[end..]))
}

/// `90s`, `5m`, `2h`, `1d`, also one after the other.
fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// A time of today, or a day and a time.
fn time(text: &str, clock: &Clock) -> Result<Timestamp, InvalidFilter> {
    let invalid = || InvalidFilter::Time(text.to_owned());
    let at = if text.contains('-') {
        text.parse::<civil::DateTime>().map_err(|_| invalid())?
    } else {
        let now = jiff::Timestamp::from_nanosecond(clock.now.0.into()).map_err(|_| invalid())?;
        let time: civil::Time = text.parse().map_err(|_| invalid())?;
        now.to_zoned(clock.zone.clone()).date().to_datetime(time)
    };
    let zoned = at.to_zoned(clock.zone.clone()).map_err(|_| invalid())?;
    i64::try_from(zoned.timestamp().as_nanosecond()).map(Timestamp).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::store::tests::batch;

    /// 2025-11-04T12:10:00 in a zone two hours east.
    fn clock() -> Clock {
        Clock { now: Timestamp(1_762_251_000_000_000_000), zone: TimeZone::fixed(jiff::tz::offset(2)) }
    }

    const MINUTE: i64 = 60_000_000_000;

    /// Which of the lines, one a minute up to now, a filter lets through.
    fn check(filter: &str, expected: &[&str]) {
        let lines = ["INFO GET /a 200", "WARN slow GET", "ERROR in /a", "worker done", "a b"];
        let lines: Vec<(i64, &str)> =
            lines.into_iter().zip(0..).map(|(text, minute)| (clock().now.0 - (4 - minute) * MINUTE, text)).collect();
        let filter = Filter::parse(filter, &clock()).unwrap();
        let chunk = batch("web", &lines).lines;
        let got: Vec<&str> = chunk.iter().filter(|line| filter.is_match(line)).map(|line| line.text).collect();
        assert_eq!(got, expected, "{filter:?}");
    }

    #[test]
    fn all_terms_must_hold() {
        check("", &["INFO GET /a 200", "WARN slow GET", "ERROR in /a", "worker done", "a b"]);
        check("get", &["INFO GET /a 200", "WARN slow GET"]);
        check("get !slow", &["INFO GET /a 200"]);
        check("!get !error", &["worker done", "a b"]);
        check("\"a b\"", &["a b"]);
        check("!\"a b\" done", &["worker done"]);
        check("/a", &["INFO GET /a 200", "ERROR in /a"]);
        check("/g.t|done/ !re:2\\d+", &["WARN slow GET", "worker done"]);
        check("/in .a/", &["ERROR in /a"]);
    }

    #[test]
    fn levels_and_times() {
        check("level:warn", &["WARN slow GET", "ERROR in /a"]);
        check("level:info get", &["INFO GET /a 200", "WARN slow GET"]);
        check("since:60s", &["worker done", "a b"]);
        check("since:1m30s", &["worker done", "a b"]);
        check("after:12:09", &["worker done", "a b"]);
        check("before:12:07", &["INFO GET /a 200"]);
        check("after:2025-11-04T12:07 before:12:08:30", &["WARN slow GET", "ERROR in /a"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, expected) in [
            ("level:loud", "loud is no level: use trace, debug, info, warn or error"),
            ("since:5", "5 is no time: use 5m, 12:04, 12:04:30 or 2025-11-04T12:04"),
            ("after:25:00", "25:00 is no time: use 5m, 12:04, 12:04:30 or 2025-11-04T12:04"),
            ("a \"b c", "\"b c has no end"),
            ("a !", "! needs something after it"),
            ("level:", "level: needs something after it"),
            ("re:[", "not a regular expression: unclosed character class"),
        ] {
            assert_eq!(Filter::parse(text, &clock()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_block_is_one_thing() {
        let lines: Vec<(i64, &str)> = ["Traceback (most recent call last):", "  File shop.py", "KeyError: x"]
            .into_iter()
            .map(|text| (0, text))
            .collect();
        let chunk = batch("web", &lines).lines;
        for (text, expected) in [
            ("shop keyerror", true),
            ("shop !keyerror", false),
            ("shop other", false),
            ("level:error", true),
            ("!redis", true),
        ] {
            assert_eq!(Filter::parse(text, &clock()).unwrap().is_match_block(chunk.iter()), expected, "{text}");
        }
    }
}
