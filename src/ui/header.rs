//! The first line: the project, how it stands, the engine, what everything uses together.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Scene, pane, text};
use crate::{
    app::{engine_status::EngineStatus, facts, geometry::Layout, history::Role, notices, rows, state::State},
    plan::Verb,
};

/// Narrower than this, the engine is left out.
const ENGINE_FROM: u16 = 60;
/// Narrower than this, what everything uses is left out.
const USAGE_FROM: u16 = 80;

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.header;
    let (state, theme) = (scene.state, scene.theme);
    if let EngineStatus::Lost { since, retry_at, .. } = &state.engine {
        return lost(scene, area, *since, *retry_at, buffer);
    }
    let mut right = area;
    right.width = right.width.saturating_sub(1);
    if area.width >= USAGE_FROM
        && let Some(usage) = state.stats.total()
    {
        let (cpu, memory) = usage.shown();
        let words = format!("cpu {cpu:>4}  mem {memory:>5}");
        right.width = pane::row_right(buffer, right, 0, &words, theme.text).saturating_sub(right.x + 3);
    }
    let engine = match &state.engine {
        EngineStatus::Connected(name) if scene.geometry.layout == Layout::Wide => {
            format!("{} · {}", name.product, name.place)
        }
        EngineStatus::Connected(name) => name.product.clone(),
        EngineStatus::Connecting | EngineStatus::Lost { .. } => String::new(),
    };
    if area.width >= ENGINE_FROM {
        let x = pane::row_right(buffer, right, 0, &engine, theme.dim);
        right.width = x.saturating_sub(right.x + 1);
    }
    let mut x = area.x + 1;
    if scene.geometry.layout == Layout::Wide {
        x = pane::row(buffer, right, 0, x, "devbox  ", theme.dim);
    }
    x = pane::row(buffer, right, 0, x, state.project.name.as_str(), theme.strong) + 3;
    for (index, (words, style)) in standing(scene).into_iter().enumerate() {
        if index > 0 {
            x = pane::row(buffer, right, 0, x, " · ", theme.dim);
        }
        x = pane::row(buffer, right, 0, x, &words, style);
    }
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
    let words = format!(" {}   engine lost {}, {again}", state.project.name, facts::clock(state, since));
    buffer.set_string(area.x, area.y, text::cut(&words, usize::from(area.width)), Style::default());
}

/// The words on how the project stands, with their colours.
fn standing(scene: &Scene<'_>) -> Vec<(String, Style)> {
    let (state, theme) = (scene.state, scene.theme);
    if state.observed.is_none() {
        return vec![("connecting".to_owned(), theme.dim)];
    }
    let mut words = Vec::new();
    if let Some(doing) = busy(state) {
        words.push((doing, theme.busy));
    } else {
        counts(scene, &mut words);
    }
    if let Some(run) = notices::failed_builds(state).next() {
        let name = run.services.first().map_or("", |name| name.as_str());
        words.push((format!("build of {name} failed"), theme.failed));
    }
    match state.changes.groups().len() {
        0 => {}
        1 => words.push(("1 change waiting".to_owned(), theme.wants)),
        count => words.push((format!("{count} changes waiting"), theme.wants)),
    }
    words
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

fn counts(scene: &Scene<'_>, words: &mut Vec<(String, Style)>) {
    let (mut running, mut failed, mut off) = (0, 0, 0);
    for row in rows::rows(scene.state) {
        match row.state_role {
            Role::Works | Role::Busy => running += 1,
            Role::Failed => failed += 1,
            Role::Off | Role::Wants | Role::Look => off += 1,
        }
    }
    let theme = scene.theme;
    words.push((format!("{running} running"), if running > 0 { theme.works } else { theme.dim }));
    if failed > 0 {
        words.push((format!("{failed} failed"), theme.failed));
    }
    if off > 0 {
        words.push((format!("{off} off"), theme.dim));
    }
}
