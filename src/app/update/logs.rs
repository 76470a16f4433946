//! What keys, lines and searches mean for the log pane: they go to its own part of the state, [`LogView`].

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::{say, touch};
use crate::{
    app::{
        action::Action,
        effect::Effect,
        keymap::Key,
        log_view::{LogEffect, LogView, Scanned, Shown},
        state::State,
        view::{Pane, Tab},
    },
    logs::{Batch, LogStore, Source},
    model::{ServiceName, Timestamp},
};

/// Lines of a service's log that an event of it shows.
const LAST: usize = 12;

/// Lets the log pane do something in its area.
fn ask(
    state: &mut State,
    with: impl FnOnce(&mut LogView, &LogStore, Rect, Timestamp) -> Vec<LogEffect>,
) -> Vec<Effect> {
    let area = state.log_area();
    let asked = with(&mut state.log_view, &state.logs, area, state.now);
    state.dirty = true;
    look(state);
    let mut effects = Vec::new();
    for effect in asked {
        match effect {
            LogEffect::Scan(scan) => effects.push(Effect::Scan(Box::new(scan))),
            LogEffect::Copy(text) => effects.push(Effect::Copy(text)),
            LogEffect::Save(export) => effects.push(Effect::Save(export)),
            LogEffect::Say(words) => effects.extend(say(state, words)),
        }
    }
    effects
}

/// Adds a remark of devbox's own to the lines of a service that has a container, stopped to be replaced perhaps: what it says from
/// there on may have this as its reason.
pub(super) fn note(state: &mut State, service: &ServiceName, words: &str) {
    let container = state.running_container(service).or_else(|| state.containers(service).first().copied());
    let Some(replica) = container.map(|container| container.number) else { return };
    state.logs.note(Source { service: service.clone(), replica }, state.now, words);
}

/// Whether the Logs tab is on the screen.
pub(super) fn visible(state: &State) -> bool {
    state.view.tab == Tab::Logs && state.overlay.is_none() && !state.log_area().is_empty()
}

/// Errors that stay on the screen are seen.
pub(super) fn look(state: &mut State) {
    if visible(state) {
        let area = state.log_area();
        state.log_view.look(&state.logs, area, state.now);
    }
}

/// Does one of the log pane's own actions. Those that go to a line show the pane first.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    if matches!(
        action,
        Action::NextError | Action::PreviousError | Action::MergedLogs | Action::Search | Action::Filter
    ) {
        state.view.tab = Tab::Logs;
        state.view.moved = true;
    }
    if matches!(action, Action::NextError | Action::PreviousError | Action::Search | Action::Filter) {
        state.view.focus = Pane::Main;
    }
    ask(state, |view, store, area, now| view.update(action, store, area, now))
}

/// A key while a search or a filter is typed; `None` when none is.
pub(super) fn typed(state: &mut State, key: Key) -> Option<Vec<Effect>> {
    if state.log_view.prompt().is_none() || state.view.tab != Tab::Logs {
        return None;
    }
    Some(ask(state, |view, store, area, now| view.prompt_key(key, store, area, now)))
}

/// Text that was pasted into a search or a filter.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if state.log_view.prompt().is_none() {
        return Vec::new();
    }
    ask(state, |view, store, area, now| view.prompt_paste(text, store, area, now))
}

/// Moves in the pane.
pub(super) fn step(state: &mut State, action: Action) -> Vec<Effect> {
    ask(state, |view, store, area, now| view.update(action, store, area, now))
}

/// Shows the lines of the services that a verb would mean.
pub(super) fn show_meant(state: &mut State) {
    let meant = state.meant();
    if !meant.is_empty() {
        state.log_view.show(Shown::Only(meant));
    }
}

/// The selection decides whose lines are shown; without one, all services'.
pub(super) fn selection_changed(state: &mut State) {
    let selected: BTreeSet<ServiceName> = state.view.selected.clone();
    state.log_view.show(if selected.is_empty() { Shown::All } else { Shown::Only(selected) });
}

/// Goes one step out of what the pane has open; `false` when it has nothing open.
pub(super) fn back(state: &mut State) -> bool {
    if state.view.tab != Tab::Logs {
        return false;
    }
    if state.log_view.back() {
        return true;
    }
    let one_service = state.log_view.shown() != &Shown::All && state.view.selected.is_empty();
    if one_service {
        state.log_view.show(Shown::All);
    }
    one_service
}

/// The wheel.
pub(super) fn wheel(state: &mut State, by: isize) -> Vec<Effect> {
    ask(state, |view, store, area, _| {
        view.scroll(store, area, by);
        Vec::new()
    })
}

/// A click on a row of the pane.
pub(super) fn click(state: &mut State, line: usize) -> Vec<Effect> {
    let above = usize::from(state.log_area().y.saturating_sub(state.geometry().content(Pane::Main).y));
    let Some(row) = line.checked_sub(above).and_then(|row| u16::try_from(row).ok()) else { return Vec::new() };
    ask(state, |view, store, area, _| {
        view.click(store, area, row);
        Vec::new()
    })
}

/// Lines came.
pub(super) fn lines(state: &mut State, batches: Vec<Batch>) -> Vec<Effect> {
    let errors = |state: &State| state.logs.lanes().map(|(_, lane)| lane.error_count()).sum::<u64>();
    let before = errors(state);
    for batch in batches {
        state.logs.push(batch);
    }
    state.log_view.sync(&state.logs);
    look(state);
    state.dirty |= state.view.tab == Tab::Logs || errors(state) != before;
    Vec::new()
}

/// A search through the store is done.
pub(super) fn scanned(state: &mut State, scanned: Scanned) -> Vec<Effect> {
    let area = state.log_area();
    state.log_view.scanned(scanned, &state.logs, area);
    look(state);
    touch(state)
}

/// The last lines of a service, for the event of its end.
pub(super) fn last_lines(state: &State, service: &ServiceName) -> Vec<String> {
    let newest = state
        .logs
        .lanes_of(service)
        .max_by_key(|(_, lane)| lane.end().checked_sub(1).and_then(|last| lane.line(last)).map(|line| line.time));
    let Some((_, lane)) = newest else { return Vec::new() };
    let from = lane.end().saturating_sub(LAST as u64).max(lane.first());
    (from..lane.end()).filter_map(|seq| lane.line(seq)).map(|line| line.text.to_owned()).collect()
}
