//! Overlays that show lines: the diff of a change, the detail of an event.

use ratatui::{buffer::Buffer, style::Style};

use super::window;
use crate::{
    app::{facts, history::Entry},
    manifest::diff::DiffLine,
    model::ServiceName,
    ui::{Scene, mask::masked, pane, text},
};

const WIDTH: usize = 110;

/// The text of a service's waiting change.
pub(super) fn diff(scene: &Scene<'_>, service: &ServiceName, top: usize, buffer: &mut Buffer) {
    let theme = scene.theme;
    let mut lines: Vec<(String, Style)> = Vec::new();
    if let Some(change) = scene.state.changes.of(service) {
        for manifest in &change.manifests {
            if !lines.is_empty() {
                lines.push((String::new(), theme.text));
            }
            lines.push((format!("{}   {}", manifest.name, manifest.change), theme.strong));
            lines.extend(manifest.lines.iter().map(|line| match line {
                DiffLine::Same(text) => (format!("  {text}"), theme.dim),
                DiffLine::Removed(text) => (format!("- {text}"), theme.failed),
                DiffLine::Added(text) => (format!("+ {text}"), theme.works),
                DiffLine::Gap => ("  ⋯".to_owned(), theme.dim),
            }));
        }
    }
    if lines.is_empty() {
        lines.push(("The change is gone: the file is as the image has it.".to_owned(), theme.dim));
    }
    show(scene, &format!("change of {service}"), "b rebuild  x ignore  Esc closes", &lines, top, buffer);
}

/// What happened, and what is known of why.
pub(super) fn event(scene: &Scene<'_>, entry: &Entry, top: usize, buffer: &mut Buffer) {
    let theme = scene.theme;
    let room = usize::from(scene.geometry.screen.width).saturating_sub(6).min(WIDTH);
    let mut lines: Vec<(String, Style)> = Vec::new();
    lines.extend(text::wrap(&text::safe(&entry.text), room).into_iter().map(|line| (line, theme.role(entry.role))));
    if !entry.detail.is_empty() {
        lines.push((String::new(), theme.text));
        let wrapped = entry.detail.iter().flat_map(|line| text::wrap(&masked(&text::safe(line)), room));
        lines.extend(wrapped.map(|line| (line, theme.text)));
    }
    let name = entry.service.as_ref().map_or_else(String::new, |name| format!("{name}  "));
    let title = format!("{name}{}", facts::clock(scene.state, entry.at));
    show(scene, &title, "y copy  Esc closes", &lines, top, buffer);
}

fn show(scene: &Scene<'_>, title: &str, keys: &str, lines: &[(String, Style)], top: usize, buffer: &mut Buffer) {
    let longest = lines.iter().map(|(line, _)| text::width(line)).max().unwrap_or(0);
    let width = longest.max(text::width(title) + 4).max(text::width(keys) + 4).min(WIDTH);
    let area = window(scene, width, lines.len(), title, keys, buffer);
    let shown = usize::from(area.height);
    let top = top.min(lines.len().saturating_sub(shown));
    for (row, (line, style)) in lines.iter().skip(top).take(shown).enumerate() {
        pane::row(buffer, area, row, area.x, &masked(line), *style);
    }
}
