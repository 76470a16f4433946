//! The Events tab: newest first.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, pane, text};
use crate::app::{facts, tabs, view::Pane};

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.content(Pane::Main);
    let (state, theme) = (scene.state, scene.theme);
    if state.history.is_empty() {
        pane::row(
            buffer,
            area,
            0,
            area.x + 1,
            "Nothing happened yet. Starts, exits, rebuilds and changes come here.",
            theme.dim,
        );
        return;
    }
    let rows = usize::from(area.height);
    let top = tabs::events_top(state, rows);
    let names = state.project.services.keys().map(|name| text::width(name.as_str())).max().unwrap_or(0).min(16);
    for (line, entry) in state.history.newest_first().skip(top).take(rows).enumerate() {
        let mut x = pane::row(buffer, area, line, area.x + 1, &facts::clock(state, entry.at), theme.dim) + 1;
        x = pane::row(buffer, area, line, x, entry.role.sign(), theme.role(entry.role)) + 1;
        let name = entry.service.as_ref().map_or("", |name| name.as_str());
        x = pane::row(buffer, area, line, x, &text::fit(name, names), theme.service(name)) + 1;
        let times = if entry.times > 1 { format!("  ×{}", entry.times) } else { String::new() };
        let more = if entry.detail.is_empty() { "" } else { " …" };
        pane::row(buffer, area, line, x, &format!("{}{times}{more}", entry.text), theme.text);
        if top + line == state.view.event && scene.focused(Pane::Main) {
            let y = area.y + u16::try_from(line).unwrap_or(0);
            buffer.set_style(Rect { y, height: 1, ..area }, theme.cursor);
        }
    }
}
