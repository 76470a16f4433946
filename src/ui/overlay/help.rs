//! The keys: those of the pane one is in first, then the shared ones, in as many columns as fit.

use ratatui::{buffer::Buffer, layout::Rect};

use super::window;
use crate::{
    app::{
        action::{ACTIONS, Action, ActionInfo, Group},
        available,
        state::State,
        view::{Pane, Tab},
    },
    ui::{Scene, pane, text},
};

/// Between the keys and their words, and between two columns.
const GAP: usize = 2;

/// Of keys where the screen has not even the room for one column.
const KEYS: usize = 8;

/// One line of the help.
enum Entry {
    Heading(&'static str),
    /// The keys, what they do, and whether it can be done now.
    Keys(String, String, bool),
    Gap,
}

pub(super) fn draw(scene: &Scene<'_>, top: usize, buffer: &mut Buffer) {
    let entries = entries(scene.state);
    let widest = |of: fn(&Entry) -> usize| entries.iter().map(of).max().unwrap_or(0);
    let keys = widest(|entry| if let Entry::Keys(keys, ..) = entry { text::width(keys) } else { 0 }) + GAP;
    let words = widest(|entry| if let Entry::Keys(_, words, _) = entry { text::width(words) } else { 0 });
    let room = usize::from(scene.geometry.screen.width).saturating_sub(4);
    let keys = if keys + words > room { KEYS + GAP } else { keys };
    let columns = if room >= 2 * (keys + words) + GAP { 2 } else { 1 };
    let width = (columns * (keys + words + GAP) - GAP).min(room);
    let (first, second) = entries.split_at(if columns == 2 { middle(&entries) } else { entries.len() });
    let rows = first.len().max(second.len());
    let area = window(scene, width, rows, "keys", "j k scroll  Esc closes", buffer);
    let shown = usize::from(area.height);
    let top = top.min(rows.saturating_sub(shown));
    let wide = |columns: usize| u16::try_from(columns).unwrap_or(area.width);
    for (column, entries) in [first, second].into_iter().enumerate() {
        let x = area.x + wide(column * (keys + words + GAP));
        let place = Rect { x, width: wide(keys + words).min(area.right().saturating_sub(x)), ..area };
        for (line, entry) in entries.iter().skip(top).take(shown).enumerate() {
            write(scene, place, line, wide(keys), entry, buffer);
        }
    }
}

/// Where the second column begins, with a heading wherever that leaves the columns about equal.
fn middle(entries: &[Entry]) -> usize {
    let half = entries.len().div_ceil(2);
    let gap = |at: &usize| matches!(entries.get(*at), Some(Entry::Gap));
    let near = (half.saturating_sub(2)..=half + 2).find(gap);
    near.map_or(half, |at| at + 1).min(entries.len())
}

fn write(scene: &Scene<'_>, place: Rect, line: usize, keys: u16, entry: &Entry, buffer: &mut Buffer) {
    let theme = scene.theme;
    match entry {
        Entry::Heading(words) => {
            pane::row(buffer, place, line, place.x, words, theme.strong);
        }
        Entry::Keys(key, words, can) => {
            pane::row(buffer, place, line, place.x, &text::cut(key, usize::from(keys) - GAP), theme.focus);
            pane::row(buffer, place, line, place.x + keys, words, if *can { theme.text } else { theme.dim });
        }
        Entry::Gap => {}
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
        entries.extend(ACTIONS.iter().filter(|info| info.group == group).filter_map(|info| entry(state, info)));
    }
    entries
}

/// The tabs stand on one line; what no key asks for is the palette's.
fn entry(state: &State, info: &ActionInfo) -> Option<Entry> {
    let keys = |action: Action| state.keymap.keys(action).map(|key| key.to_string()).collect::<Vec<_>>().join(" ");
    let can = available::why_not(state, info.action).is_none();
    let (keys, words) = match info.action {
        Action::ShowTab(1) => {
            let all = Tab::ALL.map(|tab| keys(Action::ShowTab(tab.number())));
            (all.join(" "), format!("tabs: {}", Tab::ALL.map(Tab::title).join(", ")))
        }
        Action::ShowTab(_) => return None,
        action => (keys(action), info.title.to_owned()),
    };
    (!keys.trim().is_empty()).then_some(Entry::Keys(keys, words, can))
}
