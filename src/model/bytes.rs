//! Sizes in bytes, read and shown with 1024-based units as Compose reads them.

use std::fmt;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    /// At most three digits and one unit letter: `512`, `1.5K`, `88M`, `2.0G`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
        if self.0 < 1024 {
            return f.pad(&self.0.to_string());
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 999.5 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let text =
            if value < 9.95 { format!("{value:.1}{}", UNITS[unit]) } else { format!("{value:.0}{}", UNITS[unit]) };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_at_most_three_digits() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1536, "1.5K"),
            (88 << 20, "88M"),
            (1000 << 20, "1.0G"),
            (2 << 30, "2.0G"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }
}
