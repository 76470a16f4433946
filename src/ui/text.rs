//! Text that fits and is safe: cut by columns, and stripped of what could drive the terminal.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to `columns`; `…` stands for what is gone.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.len() <= columns && text.is_ascii() || text.width() <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut shown = String::with_capacity(columns * 2);
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide > columns - 1 {
            break;
        }
        used += wide;
        shown.push_str(grapheme);
    }
    shown.push('…');
    Cow::Owned(shown)
}

/// The text, cut or filled with spaces to exactly `columns`.
pub fn fit(text: &str, columns: usize) -> String {
    let mut shown = cut(text, columns).into_owned();
    shown.extend(std::iter::repeat_n(' ', columns.saturating_sub(shown.width())));
    shown
}

/// The text at the right of `columns`.
pub fn fit_right(text: &str, columns: usize) -> String {
    let shown = cut(text, columns);
    let mut line = " ".repeat(columns.saturating_sub(shown.width()));
    line.push_str(&shown);
    line
}

/// Breaks a text into lines of at most `columns`, at spaces where there are any.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_word_bounds() {
        if line.width() + word.width() > columns && !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
            if word.trim().is_empty() {
                continue;
            }
        }
        if word.width() <= columns {
            line.push_str(word);
            continue;
        }
        for grapheme in word.graphemes(true) {
            if line.width() + grapheme.width() > columns && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(grapheme);
        }
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// A line that somebody else wrote, without anything that a terminal would act on: escape sequences go, other controls
/// and invisible characters that reorder or stack become visible or go.
pub fn safe(line: &str) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_control() && !is_reordering(c);
    if line.chars().all(harmless) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\t' => shown.push_str("    "),
            '\u{1b}' => skip_escape(&mut chars),
            // What a progress bar wrote before is overwritten.
            '\r' if chars.peek().is_some() => shown.clear(),
            c if c.is_control() || is_reordering(c) => {}
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

/// Skips the rest of an escape sequence: CSI to its final byte, OSC and the like to their end.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        Some('(' | ')' | '*' | '+' | '#' | '%') => {
            chars.next();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_by_columns() {
        for (text, columns, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("hello", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}te\u{301}", 2, "e\u{301}…"),
        ] {
            assert_eq!(cut(text, columns), shown);
        }
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit_right("ab", 4), "  ab");
    }

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn sequences_are_taken_out() {
        for (line, shown) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}(Bx", "x"),
            ("10%\r50%", "50%"),
            ("end\r", "end"),
            ("a\tb", "a    b"),
            ("a\u{202e}b\u{7}", "ab"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(safe(line), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_drives_a_terminal_is_left(line: String) {
            prop_assert!(!safe(&line).chars().any(|c| c.is_control() || is_reordering(c)));
        }

        #[test]
        fn what_is_cut_fits(text in ".{0,60}", columns in 0usize..40) {
            prop_assert!(cut(&text, columns).width() <= columns);
            prop_assert!(wrap(&text, columns.max(2)).iter().all(|line| line.width() <= columns.max(2)));
        }
    }
}
