//! The first line: the project, how it stands, the engine, what everything uses together.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Scene, pane, text};
use crate::{
    app::{engine_status::EngineStatus, facts, geometry::Layout, history::Role, notices, rows, state::State},
    plan::Verb,
};

/// Between what stands at the left and at the right, and between the things at the right.
const GAP: usize = 3;

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.header;
    let (state, theme) = (scene.state, scene.theme);
    if let EngineStatus::Lost { since, retry_at, .. } = &state.engine {
        return lost(scene, area, *since, *retry_at, buffer);
    }
    let title = if scene.geometry.layout == Layout::Wide { "devbox  " } else { "" };
    let name = state.project.name.as_str();
    let mut standing = standing(scene);
    let mut right = right(scene);
    let needed = |standing: &[Piece], right: &[(String, Style)]| {
        let left: usize = standing.iter().map(|piece| text::width(&piece.words) + GAP).sum();
        let right: usize = right.iter().map(|(words, _)| text::width(words) + GAP).sum();
        1 + text::width(title) + text::width(name) + left + right
    };
    // How things stand matters most, and of that what nobody has to do anything about least.
    while needed(&standing, &right) > usize::from(area.width) && right.pop().is_some() {}
    if needed(&standing, &right) > usize::from(area.width) && standing.len() > 1 {
        standing.retain(|piece| piece.matters);
    }
    let mut end = area.right().saturating_sub(1);
    for (words, style) in right.iter().rev() {
        end = end.saturating_sub(u16::try_from(text::width(words)).unwrap_or(end));
        pane::row(buffer, area, 0, end, words, *style);
        end = end.saturating_sub(GAP as u16);
    }
    let left = Rect { width: end.saturating_sub(area.x), ..area };
    let mut x = pane::row(buffer, left, 0, area.x + 1, title, theme.dim);
    x = pane::row(buffer, left, 0, x, name, theme.strong) + GAP as u16;
    for (index, piece) in standing.iter().enumerate() {
        if index > 0 {
            x = pane::row(buffer, left, 0, x, " · ", theme.dim);
        }
        x = pane::row(buffer, left, 0, x, &piece.words, piece.style);
    }
}

/// What stands at the right: the engine, then what everything uses, which is left out first.
fn right(scene: &Scene<'_>) -> Vec<(String, Style)> {
    let (state, theme) = (scene.state, scene.theme);
    let mut right = Vec::new();
    if let EngineStatus::Connected(name) = &state.engine {
        let words = match scene.geometry.layout {
            Layout::Wide => format!("{} · {}", name.product, name.place),
            _ => name.product.clone(),
        };
        right.push((words, theme.dim));
    }
    if let Some(usage) = state.stats.total() {
        let (cpu, memory) = usage.shown();
        right.push((format!("cpu {cpu:>4}  mem {memory:>5}"), theme.text));
    }
    right
}

fn lost(
    scene: &Scene<'_>,
    area: Rect,
    since: crate::model::Timestamp,
    retry_at: crate::model::Timestamp,
    buffer: &mut Buffer,
) {
    let state = scene.state;
    buffer.set_style(area, scene.theme.failed.add_modifier(ratatui::style::Modifier::REVERSED));
    // A part of a second more to wait is a second.
    let seconds = retry_at.since(state.now).as_millis().div_ceil(1000);
    let again = if seconds == 0 { "trying again".to_owned() } else { format!("trying again in {seconds} s") };
    let lost = format!("engine lost {}, {again}", facts::clock(state, since));
    let named = format!(" {}   {lost}", state.project.name);
    let shorter = [named, format!(" {lost}"), format!(" engine lost, {again}")];
    let words = shorter.iter().find(|words| text::width(words) <= usize::from(area.width)).unwrap_or(&shorter[2]);
    buffer.set_string(area.x, area.y, text::cut(words, usize::from(area.width)), Style::default());
}

/// A word on how the project stands.
struct Piece {
    words: String,
    style: Style,
    /// It stays when there is little room.
    matters: bool,
}

fn piece(words: impl Into<String>, style: Style) -> Piece {
    Piece { words: words.into(), style, matters: true }
}

/// The words on how the project stands, with their colours.
fn standing(scene: &Scene<'_>) -> Vec<Piece> {
    let (state, theme) = (scene.state, scene.theme);
    if state.observed.is_none() {
        let words = if state.engine.is_connected() { "looking" } else { "connecting" };
        return vec![piece(words, theme.dim)];
    }
    let mut pieces = match busy(state) {
        Some(doing) => vec![piece(doing, theme.busy)],
        None => counts(scene),
    };
    if let Some(run) = notices::failed_builds(state).next() {
        let name = run.services.first().map_or("", |name| name.as_str());
        pieces.push(piece(format!("build of {name} failed"), theme.failed));
    }
    match notices::waiting(state) {
        0 => {}
        1 => pieces.push(piece("1 change waiting", theme.wants)),
        count => pieces.push(piece(format!("{count} changes waiting"), theme.wants)),
    }
    pieces
}

/// What the jobs are about, while there are any.
fn busy(state: &State) -> Option<String> {
    let progress = state.progress.values().next()?;
    let (ready, all) = progress.ready();
    Some(match &progress.job.goal.verb {
        _ if progress.cancelled => "cancelling".to_owned(),
        Verb::Up(_) => format!("starting: {ready} of {all} ready"),
        Verb::Rebuild(_) => {
            let names: Vec<&str> = progress.job.services.iter().map(|name| name.as_str()).collect();
            format!("rebuilding {}", names.join(", "))
        }
        Verb::Stop { .. } => format!("stopping: {ready} of {all} stopped"),
        verb => format!("{}: {ready} of {all}", verb.name()),
    })
}

fn counts(scene: &Scene<'_>) -> Vec<Piece> {
    let (mut running, mut failed, mut off) = (0, 0, 0);
    for row in rows::rows(scene.state) {
        match row.state_role {
            Role::Works | Role::Busy => running += 1,
            Role::Failed => failed += 1,
            Role::Off | Role::Wants | Role::Look => off += 1,
        }
    }
    let theme = scene.theme;
    let mut pieces = vec![piece(format!("{running} running"), if running > 0 { theme.works } else { theme.dim })];
    if failed > 0 {
        pieces.push(piece(format!("{failed} failed"), theme.failed));
    }
    if off > 0 {
        pieces.push(Piece { matters: false, ..piece(format!("{off} off"), theme.dim) });
    }
    pieces
}
