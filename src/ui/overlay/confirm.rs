//! A question.

use ratatui::buffer::Buffer;

use super::window;
use crate::{
    app::overlay::Confirm,
    ui::{Scene, pane, text},
};

const WIDTH: usize = 66;

pub(super) fn draw(scene: &Scene<'_>, confirm: &Confirm, buffer: &mut Buffer) {
    let theme = scene.theme;
    let room = usize::from(scene.geometry.screen.width).saturating_sub(6).min(WIDTH);
    let lines = text::wrap(&confirm.question, room);
    let area = window(scene, room, lines.len() + 1 + confirm.answers.len() + 1, "", "", buffer);
    for (line, words) in lines.iter().enumerate() {
        pane::row(buffer, area, line, area.x, words, theme.strong);
    }
    let answers = confirm.answers.iter().map(|answer| (answer.key.to_string(), answer.word));
    let otherwise = std::iter::once(("Esc".to_owned(), confirm.otherwise));
    for (index, (key, word)) in answers.chain(otherwise).enumerate() {
        let line = lines.len() + 1 + index;
        pane::row(buffer, area, line, area.x, &key, theme.focus);
        pane::row(buffer, area, line, area.x + 5, word, theme.text);
    }
}
