//! What is shown of a line: its text with looks, which the theme turns into colours.

use std::{borrow::Cow, ops::Range};

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::own_time::own_time;
use crate::logs::{self, Block, Lane, Level, Line, Stream, ansi};

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As the program wrote it.
    Program(ansi::Style),
    /// Plain text of a line of this level.
    Level(Option<Level>),
    /// Secondary: signs, keys of fields.
    Dim,
    /// devbox's own remark.
    Note,
}

/// What is shown of a line.
#[derive(Debug, Clone)]
pub struct Display<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Its pieces, from first to last byte without gaps.
    pub pieces: Vec<(Range<usize>, Look)>,
}

/// Whether the line is part of a block, and how that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// It stands alone.
    None,
    /// It stands for the block.
    Folded(Block),
    /// It is the first line of an unfolded block.
    First,
    /// It is another line of an unfolded block.
    Inside,
}

/// How lines are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// JSON as fields.
    pub fields: bool,
    /// The engine's time stands before the line, so its own is left out.
    pub timed: bool,
}

/// What is shown of a line.
pub(super) fn display<'a>(lane: &'a Lane, seq: u64, fold: Fold, manner: Manner) -> Display<'a> {
    let shown = if let Fold::Folded(block) = fold { block.headline } else { seq };
    let Some(line) = lane.line(shown) else { return Display { text: Cow::Borrowed(""), pieces: Vec::new() } };
    let mut builder = Builder::default();
    match fold {
        Fold::Folded(block) => {
            builder.add("▸ ", Look::Dim);
            builder.line(&line);
            builder.add(&format!("  ({} lines)", block.lines), Look::Dim);
        }
        Fold::First => {
            builder.add("▾ ", Look::Dim);
            builder.line(&line);
        }
        Fold::Inside => {
            builder.add("  ", Look::Dim);
            builder.line(&line);
        }
        Fold::None if line.stream == Stream::Note => {
            builder.add("── ", Look::Dim);
            builder.add(line.text, Look::Note);
            builder.add(" ──", Look::Dim);
        }
        Fold::None => match manner.fields.then(|| logs::fields(line.text)).flatten() {
            Some(json) => {
                let look = Look::Level(line.level);
                if let Some(level) = &json.level {
                    builder.add(level, look);
                    builder.add(" ", look);
                }
                builder.add(&json.message, look);
                for (key, value) in &json.rest {
                    let gap = if builder.text.is_empty() { "" } else { "  " };
                    builder.add(&format!("{gap}{key}="), Look::Dim);
                    builder.add(value, Look::Level(None));
                }
            }
            None => {
                let own = if manner.timed { own_time(line.text, line.time) } else { None };
                let Some((kept, from)) = own else { return as_it_is(&line) };
                builder.add(kept, Look::Level(line.level));
                let mut at = 0;
                for (piece, style) in line.spans() {
                    let rest = piece.get(from.saturating_sub(at)..).unwrap_or("");
                    builder.add(rest, look(&line, style));
                    at += piece.len();
                }
            }
        },
    }
    Display { text: Cow::Owned(builder.text), pieces: builder.pieces }
}

fn as_it_is<'a>(line: &Line<'a>) -> Display<'a> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for (piece, style) in line.spans() {
        pieces.push((at..at + piece.len(), look(line, style)));
        at += piece.len();
    }
    Display { text: Cow::Borrowed(line.text), pieces }
}

/// Colours that the program chose win over those of the level.
fn look(line: &Line<'_>, style: ansi::Style) -> Look {
    if style == ansi::Style::DEFAULT { Look::Level(line.level) } else { Look::Program(style) }
}

#[derive(Default)]
struct Builder {
    text: String,
    pieces: Vec<(Range<usize>, Look)>,
}

impl Builder {
    fn add(&mut self, text: &str, look: Look) {
        if !text.is_empty() {
            let start = self.text.len();
            self.text.push_str(text);
            self.pieces.push((start..self.text.len(), look));
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        for (piece, style) in line.spans() {
            self.add(piece, look(line, style));
        }
    }
}

/// The rows that `text` takes when wrapped to `width` columns; at least one. Words stay whole where they can.
pub(super) fn wrap(text: &str, width: usize) -> Vec<Range<usize>> {
    if text.is_ascii() {
        wrap_clusters(text.len(), width, text.bytes().enumerate().map(|(at, byte)| (at, 1, byte == b' ')))
    } else {
        let clusters = text.grapheme_indices(true);
        wrap_clusters(text.len(), width, clusters.map(|(at, cluster)| (at, cluster.width(), cluster == " ")))
    }
}

/// Likewise, of clusters: where each begins, how wide it is, whether it is a space.
fn wrap_clusters(
    length: usize,
    width: usize,
    clusters: impl Iterator<Item = (usize, usize, bool)>,
) -> Vec<Range<usize>> {
    let width = width.max(1);
    let mut rows = Vec::new();
    let (mut start, mut column) = (0, 0);
    // The last place after a space, and its column.
    let mut space = None;
    for (at, columns, is_space) in clusters {
        if column + columns > width && is_space {
            // A space after a full row hangs over its end, unseen.
            rows.push(start..at + 1);
            (start, column, space) = (at + 1, 0, None);
            continue;
        }
        if column + columns > width && at > start {
            let (end, over) = match space {
                Some((end, over)) if over > width / 2 => (end, over),
                _ => (at, column),
            };
            rows.push(start..end);
            (start, column, space) = (end, column - over, None);
        }
        column += columns;
        if is_space {
            space = Some((at + 1, column));
        }
    }
    if start < length || rows.is_empty() {
        rows.push(start..length);
    }
    rows
}

/// How many rows [`wrap`] makes.
pub(super) fn wrapped_height(text: &str, width: usize) -> usize {
    if text.len() <= width { 1 } else { wrap(text, width).len() }
}

/// The part of `text` from column `left` on, `width` columns at most.
pub(super) fn cut(text: &str, left: usize, width: usize) -> Range<usize> {
    if text.is_ascii() {
        let start = left.min(text.len());
        return start..start.saturating_add(width).min(text.len());
    }
    let mut column = 0;
    let mut start = text.len();
    for (at, cluster) in text.grapheme_indices(true) {
        if column >= left && start == text.len() {
            start = at;
        }
        column += cluster.width();
        if column > left + width {
            return start.min(at)..at;
        }
    }
    start..text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, width: usize, expected: &[&str]) {
        let rows: Vec<&str> = wrap(text, width).into_iter().map(|row| &text[row]).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        check("", 5, &[""]);
        check("hello", 5, &["hello"]);
        check("hello world", 8, &["hello ", "world"]);
        check("a verylongword", 8, &["a verylo", "ngword"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("日本語", 4, &["日本", "語"]);
        check("日", 1, &["日"]);
        check("ab cd ef gh", 5, &["ab cd ", "ef gh"]);
        check("ab cd ", 5, &["ab cd "]);
    }

    #[test]
    fn a_long_line_can_be_moved_along() {
        let part = |text: &'static str, left, width| &text[cut(text, left, width)];
        assert_eq!(part("abcdef", 2, 3), "cde");
        assert_eq!(part("abcdef", 0, 10), "abcdef");
        assert_eq!(part("abcdef", 10, 3), "");
        assert_eq!(part("日本語", 2, 3), "本");
    }

    proptest! {
        #[test]
        fn rows_are_the_text_and_fit(text in "[a-z 日é]{0,60}", width in 1usize..20) {
            let rows = wrap(&text, width);
            prop_assert_eq!(rows.iter().map(|row| &text[row.clone()]).collect::<String>(), text.clone());
            prop_assert_eq!(wrapped_height(&text, width), rows.len());
            for row in rows {
                prop_assert!(text[row].trim_end().width() <= width.max(2));
            }
        }
    }
}
