//! The keys: those of the pane one is in first, then the shared ones, in as many columns as fit.

use ratatui::{buffer::Buffer, layout::Rect};

use super::window;
use crate::{
    app::{
        action::{ACTIONS, ActionInfo, Group},
        available,
        state::State,
        view::{Pane, Tab},
    },
    ui::{Scene, pane, text},
};

/// Columns of one entry: the key and its words.
const ENTRY: usize = 52;
const KEY: usize = 9;

enum Entry {
    Heading(&'static str),
    Key(String, &'static ActionInfo),
    Gap,
}

pub(super) fn draw(scene: &Scene<'_>, top: usize, buffer: &mut Buffer) {
    let (state, theme) = (scene.state, scene.theme);
    let entries = entries(state);
    let room = usize::from(scene.geometry.screen.width).saturating_sub(4);
    let columns = (room / ENTRY).clamp(1, 2);
    let width = (ENTRY * columns).min(room);
    let rows = entries.len().div_ceil(columns);
    let area = window(scene, width, rows, "keys", "j k scroll  Esc closes", buffer);
    let shown = usize::from(area.height);
    let top = top.min(rows.saturating_sub(shown));
    let wide = u16::try_from(width / columns).unwrap_or(area.width);
    for column in 0..columns {
        let x = area.x + u16::try_from(column).unwrap_or(0) * wide;
        let place = Rect { x, width: wide.min(area.right().saturating_sub(x)), ..area };
        for (line, entry) in
            entries.iter().skip(column * rows + top).take(shown.min(rows.saturating_sub(top))).enumerate()
        {
            match entry {
                Entry::Heading(words) => {
                    pane::row(buffer, place, line, x, words, theme.strong);
                }
                Entry::Key(keys, info) => {
                    let can = available::why_not(state, info.action).is_none();
                    pane::row(buffer, place, line, x, &text::fit(keys, KEY), theme.focus);
                    let style = if can { theme.text } else { theme.dim };
                    pane::row(buffer, place, line, x + u16::try_from(KEY).unwrap_or(0) + 1, info.title, style);
                }
                Entry::Gap => {}
            }
        }
    }
}

fn entries(state: &State) -> Vec<Entry> {
    let in_logs = state.view.focus == Pane::Main && state.view.tab == Tab::Logs;
    let mut groups = vec![
        (Group::Services, "services"),
        (Group::Logs, "logs"),
        (Group::Move, "moving about"),
        (Group::Program, "devbox"),
    ];
    if in_logs {
        groups.swap(0, 1);
    }
    let mut entries = Vec::new();
    for (group, heading) in groups {
        if !entries.is_empty() {
            entries.push(Entry::Gap);
        }
        entries.push(Entry::Heading(heading));
        for info in ACTIONS.iter().filter(|info| info.group == group) {
            let keys: Vec<String> = state.keymap.keys(info.action).map(|key| key.to_string()).collect();
            if !keys.is_empty() {
                entries.push(Entry::Key(keys.join(" "), info));
            }
        }
    }
    entries
}
