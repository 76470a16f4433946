//! The Build tab.

use ratatui::buffer::Buffer;

use super::{Scene, mask::masked, pane};
use crate::app::{
    build_text::{self, Kind},
    view::Pane,
};

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.content(Pane::Main);
    let theme = scene.theme;
    let lines = build_text::lines(scene.state);
    let rows = usize::from(area.height);
    let top = build_text::top(scene.state, lines.len(), rows);
    for (row, line) in lines.iter().skip(top).take(rows).enumerate() {
        let style = match line.kind {
            Kind::Heading => theme.strong,
            Kind::Step(role) => theme.role(role),
            Kind::Output => theme.text,
            Kind::Remark => theme.dim,
            Kind::Failure => theme.failed,
        };
        let margin = ratatui::layout::Rect { width: area.width.saturating_sub(1), ..area };
        let end = pane::row_right(buffer, margin, row, &line.right, theme.dim);
        let left = ratatui::layout::Rect { width: end.saturating_sub(area.x + 1), ..area };
        let text_style = match line.kind {
            Kind::Step(crate::app::history::Role::Works) => theme.text,
            _ => style,
        };
        let x = pane::row(buffer, left, row, area.x + 1, &masked(&line.text), text_style);
        if text_style != style && x > area.x {
            // Only the sign has the colour of what is done.
            let sign = ratatui::layout::Rect {
                x: area.x + 1,
                y: area.y + u16::try_from(row).unwrap_or(0),
                width: 1,
                height: 1,
            };
            buffer.set_style(sign, style);
        }
    }
}
