//! The service list. Columns keep their width while values change.

use ratatui::buffer::Buffer;

use super::{Scene, pane, text};
use crate::{
    app::{
        geometry::Layout,
        history::Role,
        rows::{self, Row},
        view::Pane,
    },
    model::Service,
};

/// Columns of CPU and of memory, with the space before each.
const CPU: usize = 5;
const MEMORY: usize = 6;
/// Fewer columns than this are too few for a state.
const STATE: usize = 13;

/// The columns for a width, the same for every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    name: usize,
    state: usize,
    usage: bool,
    ports: usize,
}

impl Columns {
    /// `width` counts from behind the mark and the sign.
    fn new(rows: &[Row<'_>], wanted_ports: usize, width: usize) -> Self {
        let longest = |of: fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let name = longest(|row| text::width(row.name.as_str())).clamp(7, 24).min(width / 3);
        // A service that stops for a moment publishes nothing, and the columns stay where they are.
        let ports = longest(|row| text::width(&row.ports)).max(wanted_ports).clamp(4, 18);
        let left = width.saturating_sub(name + 1);
        let usage = left >= STATE + CPU + MEMORY;
        let left = if usage { left - CPU - MEMORY } else { left };
        let ports = if left > STATE + ports { ports } else { left.saturating_sub(STATE + 1).min(ports) };
        let ports = if ports < 4 { 0 } else { ports };
        let state = left.saturating_sub(if ports > 0 { ports + 1 } else { 0 });
        Columns { name, state, usage, ports }
    }
}

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    pane::frame(scene, Pane::Services, "Services", scene.theme.strong, buffer);
    let area = scene.geometry.content(Pane::Services);
    if area.is_empty() {
        return;
    }
    let rows = rows::rows(scene.state);
    let wanted = |service: &Service| text::width(&rows::wanted_ports(service));
    let ports = scene.state.project.services.values().map(wanted).max().unwrap_or(0);
    let columns = Columns::new(&rows, ports, usize::from(area.width).saturating_sub(4));
    if scene.geometry.layout == Layout::Wide {
        heading(scene, &columns, buffer);
    }
    if rows.is_empty() {
        pane::row(buffer, area, 0, area.x + 1, "The file has no services.", scene.theme.dim);
    }
    let shown = usize::from(area.height);
    for (line, row) in rows.iter().skip(scene.state.view.list_top).take(shown).enumerate() {
        draw_row(scene, row, &columns, line, buffer);
    }
    let below = rows.len().saturating_sub(scene.state.view.list_top + shown);
    if scene.geometry.layout == Layout::Wide && rows.len() > shown {
        let frame = scene.geometry.pane(Pane::Services);
        let words = format!(" {below} more below ");
        if below > 0 {
            buffer.set_stringn(
                frame.x + 2,
                frame.bottom() - 1,
                words,
                usize::from(frame.width.saturating_sub(4)),
                scene.theme.dim,
            );
        }
    }
}

fn heading(scene: &Scene<'_>, columns: &Columns, buffer: &mut Buffer) {
    let frame = scene.geometry.pane(Pane::Services);
    let content = scene.geometry.content(Pane::Services);
    let mut line = format!("{} {}", text::fit("SERVICE", columns.name), text::fit("STATE", columns.state));
    if columns.usage {
        line.push_str(&text::fit_right("CPU", CPU));
        line.push_str(&text::fit_right("MEM", MEMORY));
    }
    if columns.ports > 0 {
        line.push(' ');
        line.push_str(&text::fit_right("PORT", columns.ports));
    }
    buffer.set_stringn(content.x + 3, frame.y + 1, line, usize::from(content.width.saturating_sub(3)), scene.theme.dim);
}

fn draw_row(scene: &Scene<'_>, row: &Row<'_>, columns: &Columns, line: usize, buffer: &mut Buffer) {
    let (state, theme) = (scene.state, scene.theme);
    let area = scene.geometry.content(Pane::Services);
    let selected = state.view.selected.contains(row.name);
    pane::row(buffer, area, line, area.x, if selected { "┃" } else { " " }, theme.focus);
    pane::row(buffer, area, line, area.x + 1, row.role.sign(), theme.role(row.role));
    let mut x = area.x + 3;
    let off = row.state_role == Role::Off;
    let name_style = if off { theme.dim } else { theme.service(row.name.as_str()) };
    x = pane::row(buffer, area, line, x, &text::fit(row.name.as_str(), columns.name), name_style) + 1;
    // Without figures the state may use their columns; what a job does matters more than they do.
    let badge = row.badge.as_ref().map_or(0, |(badge, _)| text::width(badge) + 1);
    let long = text::width(&row.state) + badge >= columns.state;
    let usage = row.usage.filter(|_| !(row.state_role == Role::Busy && long));
    let room = columns.state + if columns.usage && usage.is_none() { CPU + MEMORY } else { 0 };
    let words = match &row.badge {
        Some((badge, _)) => {
            let state = text::cut(&row.state, room.saturating_sub(text::width(badge) + 2));
            format!("{state} {badge}")
        }
        None => text::cut(&row.state, room.saturating_sub(1)).into_owned(),
    };
    let state_style = match row.state_role {
        Role::Works => theme.text,
        role => theme.role(role),
    };
    pane::row(buffer, area, line, x, &words, state_style);
    if let Some((badge, role)) = &row.badge {
        let at = x + u16::try_from(text::width(&words) - text::width(badge)).unwrap_or(0);
        pane::row(buffer, area, line, at, badge, theme.role(*role));
    }
    x += u16::try_from(columns.state).unwrap_or(0);
    if columns.usage {
        if let Some((cpu, memory)) = usage.map(|usage| usage.shown()) {
            let figures = format!("{}{}", text::fit_right(&cpu, CPU), text::fit_right(&memory, MEMORY));
            pane::row(buffer, area, line, x, &figures, theme.text);
        }
        x += u16::try_from(CPU + MEMORY).unwrap_or(0);
    }
    if columns.ports > 0 {
        let style = if off { theme.dim } else { theme.text };
        pane::row(buffer, area, line, x + 1, &text::fit_right(&row.ports, columns.ports), style);
    }
    if state.view.cursor.as_ref() == Some(row.name) {
        let style = if scene.focused(Pane::Services) { theme.cursor } else { theme.cursor_elsewhere };
        let y = area.y + u16::try_from(line).unwrap_or(0);
        buffer.set_style(ratatui::layout::Rect { y, height: 1, ..area }, style);
    }
}
