//! The Logs tab: the lines that the view says are on the screen, and why there are none.
//!
//! Only visible rows are looked at; all text in them was made safe when it was stored.

mod heading;

#[cfg(test)]
mod tests;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Scene, pane, rest, text, theme::Theme};
use crate::{
    app::{
        action::Action,
        log_view::{self, Columns, LogView, Look, Row, Screen, ScreenLine, Status, label},
        view::Pane,
    },
    logs::{Level, LogStore},
    model::ServiceName,
};

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let (view, store) = (&scene.state.log_view, &scene.state.logs);
    let status = view.status(store);
    heading::draw(scene, &status, buffer);
    let area = log_view::area(scene.geometry);
    let screen = view.screen(store, area);
    if screen.rows.is_empty() {
        nothing(scene, &status, area, buffer);
    }
    rows(buffer, area, view, store, &screen, scene.theme, scene.focused(Pane::Main));
}

/// The rows of a screen.
fn rows(
    buffer: &mut Buffer,
    area: Rect,
    view: &LogView,
    store: &LogStore,
    screen: &Screen<'_>,
    theme: &Theme,
    focused: bool,
) {
    let searched = view.searched();
    let hits: Vec<_> = screen
        .lines
        .iter()
        .map(|line| searched.map_or_else(Vec::new, |pattern| pattern.ranges(&line.display.text)))
        .collect();
    for (row, y) in screen.rows.iter().zip(area.y..area.bottom()) {
        let place = Rect { y, height: 1, ..area };
        let line = &screen.lines[row.line];
        if row.first {
            lead(buffer, place, view, store, &screen.columns, line, theme);
        }
        if line.marked {
            buffer.set_stringn(place.x, y, "▌", 1, theme.wants);
        }
        let x = place.x + u16::try_from(screen.columns.lead()).unwrap_or(u16::MAX).min(place.width);
        words(buffer, Rect { x, width: place.right() - x, ..place }, line, row, theme);
        if !view.wraps() && row.part.end < line.display.text.len() && x < place.right() {
            buffer.set_stringn(place.right() - 1, y, "…", 1, theme.dim);
        }
        for hit in &hits[row.line] {
            let (start, end) = (hit.start.max(row.part.start), hit.end.min(row.part.end));
            if start < end {
                let before = text::width(&line.display.text[row.part.start..start]);
                let wide = text::width(&line.display.text[start..end]);
                let from = x.saturating_add(u16::try_from(before).unwrap_or(u16::MAX)).min(place.right());
                let wide = u16::try_from(wide).unwrap_or(u16::MAX).min(place.right() - from);
                buffer.set_style(Rect { x: from, width: wide, ..place }, theme.hit);
            }
        }
        if line.cursor {
            buffer.set_style(place, if focused { theme.cursor } else { theme.cursor_elsewhere });
        }
    }
}

/// Time and name, before a line's first row; not again where a line belongs to the one above it.
fn lead(
    buffer: &mut Buffer,
    place: Rect,
    view: &LogView,
    store: &LogStore,
    columns: &Columns,
    line: &ScreenLine<'_>,
    theme: &Theme,
) {
    if line.continues {
        return;
    }
    let mut x = place.x + Columns::GUTTER as u16;
    if columns.times {
        buffer.set_stringn(x, place.y, view.time_of_day(line.time), rest(place, x), theme.dim);
        x += Columns::TIME as u16;
    }
    if columns.name > 0 && x < place.right() {
        let name = label(store, line.source);
        let style = theme.service(line.source.service.as_str());
        buffer.set_stringn(x, place.y, text::cut(&name, columns.name), rest(place, x), style);
    }
}

/// The row's part of the line's text.
fn words(buffer: &mut Buffer, place: Rect, line: &ScreenLine<'_>, row: &Row, theme: &Theme) {
    let mut x = place.x;
    for (range, look) in &line.display.pieces {
        let (start, end) = (range.start.max(row.part.start), range.end.min(row.part.end));
        if start >= end || x >= place.right() {
            continue;
        }
        let piece = &line.display.text[start..end];
        (x, _) = buffer.set_stringn(x, place.y, piece, rest(place, x), style(*look, theme));
    }
}

fn style(look: Look, theme: &Theme) -> Style {
    match look {
        Look::Program(style) => theme.program(style),
        Look::Level(Some(Level::Error)) => theme.failed,
        Look::Level(Some(Level::Warn)) => theme.wants,
        Look::Level(Some(Level::Debug | Level::Trace)) | Look::Dim => theme.dim,
        Look::Level(Some(Level::Info) | None) => theme.text,
        Look::Note => theme.busy,
    }
}

/// Why there is nothing, and what would change that.
fn nothing(scene: &Scene<'_>, status: &Status, area: Rect, buffer: &mut Buffer) {
    let state = scene.state;
    let key = |action: Action| state.keymap.key(action).map_or_else(String::new, |key| key.to_string());
    let words = if status.working {
        "Looking through the log …".to_owned()
    } else if let (false, Some(filter)) = (status.empty, &status.filter) {
        format!(
            "No line matches {filter}. {} changes the filter, {} clears it.",
            key(Action::Filter),
            key(Action::Back)
        )
    } else {
        let services = state.project.services.values();
        let shown: Vec<_> = services.filter(|service| state.log_view.shown().has(&service.name)).collect();
        let never = |name: &ServiceName| state.containers(name).is_empty();
        let unread = shown
            .iter()
            .find(|service| state.containers(&service.name).iter().any(|container| container.log_driver == "none"));
        match (shown.as_slice(), unread) {
            (_, Some(service)) => format!("{} keeps no log: its log driver is none.", service.name),
            _ if state.observed.is_none() => "The engine has not answered yet.".to_owned(),
            ([service], _) if never(&service.name) => {
                format!("{} has never run. {} starts it.", service.name, key(Action::ApplyPlan))
            }
            ([service], _) => format!("{} has not written anything yet.", service.name),
            (services, _) if services.iter().all(|service| never(&service.name)) => {
                format!("Nothing runs yet. {} starts it.", key(Action::ApplyPlan))
            }
            _ => "Nothing was written yet.".to_owned(),
        }
    };
    let room = usize::from(area.width.saturating_sub(2));
    for (line, words) in text::wrap(&words, room).iter().enumerate() {
        pane::row(buffer, area, line, area.x + 1, words, scene.theme.dim);
    }
}
