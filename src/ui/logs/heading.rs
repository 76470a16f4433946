//! The log pane's heading: whose lines, followed or frozen, what is looked for; or the line that is being typed.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::super::{Scene, pane, text};
use crate::app::{
    action::Action,
    geometry::Layout,
    log_view::{Finding, Prompt, Status},
    tabs,
    view::Pane,
};

/// Whose lines, followed or frozen, what is looked for; or the line that is being typed.
pub(super) fn draw(scene: &Scene<'_>, status: &Status, buffer: &mut Buffer) {
    let content = scene.geometry.content(Pane::Main);
    let wide = scene.geometry.layout == Layout::Wide;
    let line = if wide {
        Rect { x: content.x + 1, width: content.width.saturating_sub(2), height: 1, ..content }
    } else {
        let area = scene.geometry.pane(Pane::Main);
        let tabs = tabs::labels(scene.state).last().map_or(0, |label| label.x + text::width(&label.text) as u16 + 2);
        Rect { x: area.x + tabs.min(area.width), width: area.width.saturating_sub(tabs), height: 1, ..area }
    };
    if let Some(prompt) = scene.state.log_view.prompt() {
        let line = if wide { line } else { Rect { height: 1, ..scene.geometry.pane(Pane::Main) } };
        return typed(scene, prompt, status, line, buffer);
    }
    let parts = parts(scene, status);
    let mut x = line.x;
    if !wide {
        let needed: usize = parts.iter().map(|(words, _)| text::width(words) + 3).sum();
        // At the right end, with a space on either side.
        let free = usize::from(line.width).saturating_sub(needed + 1);
        x += u16::try_from(free).unwrap_or(0);
        x = pane::row(buffer, line, 0, x, " ", scene.theme.dim);
    }
    for (number, (words, style)) in parts.iter().enumerate() {
        if number > 0 {
            x = pane::row(buffer, line, 0, x, " · ", scene.theme.dim);
        }
        x = pane::row(buffer, line, 0, x, words, *style);
    }
    if !wide {
        pane::row(buffer, line, 0, x, " ", scene.theme.dim);
    }
}

fn parts(scene: &Scene<'_>, status: &Status) -> Vec<(String, Style)> {
    let theme = scene.theme;
    let key = |action: Action| scene.state.keymap.key(action).map_or_else(String::new, |key| key.to_string());
    let mut parts = vec![(status.shown.clone(), theme.strong)];
    match (status.following, status.new) {
        (true, _) => parts.push(("follow".to_owned(), theme.dim)),
        (false, 0) => parts.push(("frozen".to_owned(), theme.wants)),
        (false, new) => parts.push((format!("frozen, {} new", count(new)), theme.wants)),
    }
    if let Some(filter) = &status.filter {
        parts.push((format!("{} {filter}: {}", key(Action::Filter), count(status.filtered as u64)), theme.busy));
    }
    if let Some(search) = &status.search {
        let (total, here) = status.hits;
        let hits = match here {
            0 => count(total as u64),
            _ => format!("{} of {}", count(here as u64), count(total as u64)),
        };
        parts.push((format!("{} {search}: {hits}", key(Action::Search)), theme.busy));
    }
    if status.working {
        parts.push(("looking …".to_owned(), theme.dim));
    }
    if status.marks > 0 {
        parts.push((format!("{} marked", status.marks), theme.wants));
    }
    if status.dropped > 0 {
        parts.push((format!("{} oldest lines dropped", count(status.dropped)), theme.dim));
    }
    parts
}

/// A number, its thousands set apart.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The line that is being typed, its cursor, and what it finds or why it cannot.
fn typed(scene: &Scene<'_>, prompt: &Prompt, status: &Status, line: Rect, buffer: &mut Buffer) {
    let theme = scene.theme;
    buffer.set_stringn(line.x, line.y, " ".repeat(usize::from(line.width)), usize::from(line.width), theme.text);
    let (word, found) = match prompt.finding {
        Finding::Filter => ("filter ", status.filtered),
        Finding::Search => ("search ", status.hits.0),
    };
    let (result, style) = match &prompt.error {
        Some(error) => (error.clone(), theme.failed),
        None if status.working => ("looking …".to_owned(), theme.dim),
        None if prompt.input.text().is_empty() => (String::new(), theme.dim),
        None => (format!("{} lines", count(found as u64)), theme.dim),
    };
    let (before, after) = prompt.input.halves();
    // What is wrong may take all the room that the text leaves; a count is short.
    let typed = text::width(word) + text::width(prompt.input.text()) + 3;
    let free = usize::from(line.width).saturating_sub(typed).max(usize::from(line.width / 2));
    let result = text::cut(&result, free);
    let end = line.right() - text::width(&result) as u16;
    pane::row(buffer, line, 0, end, &result, style);
    let mut x = pane::row(buffer, line, 0, line.x, word, theme.strong);
    let room = usize::from(end.saturating_sub(x + 2));
    // The end of what stands before the cursor is what matters.
    let mut before = before;
    while text::width(before) + 1 > room {
        let mut chars = before.chars();
        if chars.next().is_none() {
            break;
        }
        before = chars.as_str();
    }
    x = pane::row(buffer, line, 0, x, before, theme.text);
    let under = after.chars().next().unwrap_or(' ').to_string();
    let next = pane::row(buffer, line, 0, x, &under, theme.cursor);
    let after = after.get(under.len()..).unwrap_or("");
    let place = Rect { width: end.saturating_sub(line.x + 1), ..line };
    pane::row(buffer, place, 0, next, after, theme.text);
}
