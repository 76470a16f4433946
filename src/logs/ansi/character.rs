//! What becomes of one character that is not printable ASCII.

use unicode_width::UnicodeWidthChar;

/// How many marks may stand on one character; languages need two, attacks on the rows above and below use dozens.
pub const MAX_MARKS: usize = 2;

/// What carries a mark that has nothing to stand on.
pub(super) const CARRIER: char = '◌';

/// What becomes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Shown; so many columns wide.
    Keep(usize),
    /// Stands on the one before it.
    Mark,
    /// Left out: it only joins or varies its neighbours, and terminals disagree about the width of the result.
    Drop,
    /// Shown as this picture of a control character.
    Picture(char),
    /// Shown as its number: it has no width, turns the direction of writing, or ends a line.
    Name,
}

/// What becomes of `c`.
pub(super) fn fate(c: char) -> Fate {
    match c {
        '\0'..='\x1f' => Fate::Picture(char::from_u32(0x2400 + u32::from(c)).unwrap_or('␀')),
        '\x7f' => Fate::Picture('␡'),
        ' '..='~' => Fate::Keep(1),
        // Soft hyphen, joiners, variation selectors.
        '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => Fate::Drop,
        // C1 controls; direction marks, embeddings, overrides, isolates; line and paragraph separators.
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => Fate::Name,
        // Without width, or blank though they count as letters; annotations; tags.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{e0fff}' => Fate::Name,
        _ => match c.width() {
            Some(0) => Fate::Mark,
            Some(width) => Fate::Keep(width),
            None => Fate::Name,
        },
    }
}
