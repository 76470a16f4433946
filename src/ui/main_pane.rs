//! The tabs: their names in the pane's first line, and the tab that is shown.

use ratatui::buffer::Buffer;

use super::{Scene, build, deps, events, logs, pane};
use crate::app::{
    tabs,
    view::{Pane, Tab},
};

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.pane(Pane::Main);
    if area.is_empty() {
        return;
    }
    pane::border(scene, Pane::Main, area, buffer);
    for label in tabs::labels(scene.state) {
        let shown = label.tab == scene.state.view.tab;
        let style = if shown { scene.theme.strong } else { scene.theme.dim };
        let x = area.x + label.x;
        let room = usize::from(area.right().saturating_sub(x + 1));
        buffer.set_stringn(x.saturating_sub(1), area.y, format!(" {} ", label.text), room, style);
    }
    match scene.state.view.tab {
        Tab::Logs => logs::draw(scene, buffer),
        Tab::Build => build::draw(scene, buffer),
        Tab::Deps => deps::draw(scene, buffer),
        Tab::Events => events::draw(scene, buffer),
    }
}
