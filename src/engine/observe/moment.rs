//! Moments as engines write them.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp as Instant;

use crate::model::Timestamp;

/// This machine's clock.
pub(in crate::engine) fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX))
}

/// A moment as engines write it; Go's zero time is none.
pub(in crate::engine) fn timestamp(text: &str) -> Option<Timestamp> {
    if text.is_empty() || text.starts_with("0001-") {
        return None;
    }
    let instant: Instant = text.parse().ok()?;
    Some(Timestamp(i64::try_from(instant.as_nanosecond()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_moments() {
        assert_eq!(timestamp("1970-01-01T00:00:01.5Z"), Some(Timestamp(1_500_000_000)));
        assert_eq!(timestamp("1970-01-01T01:00:01+01:00"), Some(Timestamp(1_000_000_000)));
        assert_eq!(timestamp("0001-01-01T00:00:00Z"), None);
    }
}
