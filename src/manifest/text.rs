//! Reading a manifest's bytes as text, and finding lines in it.

use std::borrow::Cow;

/// The bytes as text, as pip reads them: a byte order mark decides (PowerShell's `pip freeze > requirements.txt` writes
/// UTF-16), anything else is UTF-8. Bytes that aren't text become U+FFFD rather than an error.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'static, str> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// The byte offsets at which lines start, to turn an offset into a line and column.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Lines { text, starts }
    }

    /// The line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    /// The column of a byte offset in characters, counted from 1.
    pub(crate) fn column(&self, offset: usize) -> u32 {
        let index = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(0);
        let before = self.text.get(start..offset).map_or(0, |text| text.chars().count());
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_decide() {
        assert_eq!(decode(b"\xef\xbb\xbfdjango"), "django");
        assert_eq!(decode(b"\xff\xfed\0j\0\n\0"), "dj\n");
        assert_eq!(decode(b"\xfe\xff\0d\0j"), "dj");
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn offsets_become_lines_and_columns() {
        let lines = Lines::new("ab\ncd\u{e9}f\n");
        let at = |offset| (lines.line(offset), lines.column(offset));
        assert_eq!([at(0), at(1), at(3), at(7), at(9)], [(1, 1), (1, 2), (2, 1), (2, 4), (3, 1)]);
        assert_eq!(at(1000), (3, 1));
    }
}
