//! The facts of the service under the cursor.

use ratatui::buffer::Buffer;

use super::{Scene, mask::masked, pane};
use crate::app::{facts, view::Pane};

/// Columns of the labels.
const LABEL: u16 = 9;

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.content(Pane::Detail);
    let name = scene.state.view.cursor.as_ref().map_or("", |name| name.as_str());
    pane::frame(scene, Pane::Detail, name, scene.theme.service(name), buffer);
    if area.is_empty() {
        return;
    }
    for (line, fact) in facts::facts(scene.state).iter().skip(scene.state.view.detail_top).enumerate() {
        let indent = if fact.label.is_empty() && line == 0 && scene.state.view.detail_top == 0 { 1 } else { 1 + LABEL };
        pane::row(buffer, area, line, area.x + 1, fact.label, scene.theme.dim);
        let style = fact.role.map_or(scene.theme.text, |role| scene.theme.role(role));
        pane::row(buffer, area, line, area.x + indent, &masked(&fact.text), style);
    }
}
