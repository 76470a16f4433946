//! A pane's border and heading, and rows in it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    widgets::{Block, BorderType, Borders, Widget},
};

use super::{Scene, text};
use crate::app::{geometry::Layout, view::Pane};

/// Draws a pane's border with its title, where the layout has borders; otherwise a line with the title.
pub(super) fn frame(scene: &Scene<'_>, pane: Pane, title: &str, style: Style, buffer: &mut Buffer) {
    let area = scene.geometry.pane(pane);
    if area.is_empty() {
        return;
    }
    border(scene, pane, area, buffer);
    if pane == Pane::Services && scene.geometry.layout != Layout::Wide {
        return;
    }
    let room = usize::from(area.width.saturating_sub(4));
    let words = format!(" {} ", text::cut(title, room.saturating_sub(2)));
    buffer.set_string(area.x + 1, area.y, words, style);
}

/// The border alone.
pub(super) fn border(scene: &Scene<'_>, pane: Pane, area: Rect, buffer: &mut Buffer) {
    let style = if scene.focused(pane) { scene.theme.focus } else { scene.theme.border };
    if scene.geometry.layout == Layout::Wide {
        Block::default()
            .borders(Borders::ALL)
            .border_type(BorderType::Rounded)
            .border_style(style)
            .render(area, buffer);
    } else if pane != Pane::Services {
        buffer.set_string(area.x, area.y, "─".repeat(usize::from(area.width)), style);
    }
}

/// Writes a row that somebody may have chosen the text of, cut to the area.
pub(super) fn row(buffer: &mut Buffer, area: Rect, line: usize, x: u16, words: &str, style: Style) -> u16 {
    let Some(y) = u16::try_from(line).ok().map(|line| area.y.saturating_add(line)).filter(|y| *y < area.bottom())
    else {
        return x;
    };
    if x >= area.right() {
        return x;
    }
    let safe = text::safe(words);
    let shown = text::cut(&safe, usize::from(area.right() - x));
    let (end, _) = buffer.set_stringn(x, y, shown, usize::from(area.right() - x), style);
    end
}

/// Writes at the right end of a row; says where it begins. Nothing is written when it would take more than half the row.
pub(super) fn row_right(buffer: &mut Buffer, area: Rect, line: usize, words: &str, style: Style) -> u16 {
    let wide = u16::try_from(text::width(words)).unwrap_or(u16::MAX);
    if words.is_empty() || wide > area.width / 2 {
        return area.right();
    }
    let x = area.right() - wide;
    row(buffer, area, line, x, words, style);
    x
}
