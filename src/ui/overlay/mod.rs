//! What lies over the panes.

mod confirm;
mod help;
mod lines;
mod own_log;
mod palette;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    widgets::{Block, BorderType, Borders, Clear, Widget},
};

use super::{Scene, text};
use crate::app::overlay::Overlay;

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    match &scene.state.overlay {
        None => {}
        Some(Overlay::Palette(input)) => palette::draw(scene, input, buffer),
        Some(Overlay::Help(top)) => help::draw(scene, *top, buffer),
        Some(Overlay::Confirm(confirm)) => confirm::draw(scene, confirm, buffer),
        Some(Overlay::Diff(service, top)) => lines::diff(scene, service, *top, buffer),
        Some(Overlay::Event(entry, top)) => lines::event(scene, entry, *top, buffer),
        Some(Overlay::OwnLog) => own_log::draw(scene, buffer),
    }
}

/// An empty box in the middle, at most as large as the screen, with a title and a line of keys at its lower edge; gives
/// the area inside.
fn window(scene: &Scene<'_>, width: usize, height: usize, title: &str, keys: &str, buffer: &mut Buffer) -> Rect {
    let screen = scene.geometry.screen;
    let fit = |wanted: usize, most: u16| u16::try_from(wanted + 2).unwrap_or(u16::MAX).min(most);
    let (width, height) = (fit(width + 2, screen.width), fit(height, screen.height));
    let area = Rect::new((screen.width - width) / 2, (screen.height - height) / 2, width, height);
    Clear.render(area, buffer);
    buffer.set_style(area, scene.theme.text);
    Block::default()
        .borders(Borders::ALL)
        .border_type(BorderType::Rounded)
        .border_style(scene.theme.focus)
        .render(area, buffer);
    let room = usize::from(width.saturating_sub(4));
    if !title.is_empty() {
        let title = text::safe(title);
        let words = format!(" {} ", text::cut(&title, room.saturating_sub(2)));
        buffer.set_string(area.x + 1, area.y, words, scene.theme.strong);
    }
    if !keys.is_empty() {
        let words = format!(" {} ", text::cut(keys, room.saturating_sub(2)));
        let x = area.right().saturating_sub(u16::try_from(text::width(&words)).unwrap_or(0) + 1);
        buffer.set_string(x, area.bottom() - 1, words, scene.theme.dim);
    }
    Rect { x: area.x + 2, y: area.y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) }
}
