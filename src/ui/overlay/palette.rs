//! The palette.

use ratatui::{buffer::Buffer, layout::Rect};

use super::window;
use crate::{
    app::palette::{self, Item, Palette},
    ui::{Scene, pane, text},
};

/// Rows of findings.
const ROWS: usize = 14;
const WIDTH: usize = 72;

pub(super) fn draw(scene: &Scene<'_>, palette: &Palette, buffer: &mut Buffer) {
    let theme = scene.theme;
    let rows = palette::rows(scene.state, palette);
    let area = window(scene, WIDTH, ROWS + 1, "commands", "Enter does it  Esc closes", buffer);
    let x = pane::row(buffer, area, 0, area.x, ": ", theme.strong);
    let x = pane::row(buffer, area, 0, x, &palette.input, theme.text);
    pane::row(buffer, area, 0, x, "▏", theme.focus);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let shown = usize::from(list.height);
    let top = (palette.cursor + 1).saturating_sub(shown);
    if rows.is_empty() {
        pane::row(buffer, list, 0, list.x, "Nothing is called that.", theme.dim);
    }
    for (line, row) in rows.iter().skip(top).take(shown).enumerate() {
        let key = match &row.item {
            Item::Do(action) => scene.state.keymap.key(*action).map_or_else(String::new, |key| key.to_string()),
            Item::Show(tab) => tab.number().to_string(),
            Item::Go(_) => String::new(),
        };
        let style = if row.why_not.is_some() { theme.dim } else { theme.text };
        let end = pane::row_right(buffer, list, line, row.why_not.unwrap_or(&key), theme.dim);
        let left = Rect { width: end.saturating_sub(list.x + 1), ..list };
        pane::row(buffer, left, line, list.x, &text::fit(&row.item.title(), usize::from(left.width)), style);
        if top + line == palette.cursor {
            let y = list.y + u16::try_from(line).unwrap_or(0);
            buffer.set_style(Rect { y, height: 1, ..list }, theme.cursor);
        }
    }
}
