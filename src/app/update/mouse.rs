//! The mouse: the wheel scrolls what is under it, a click focuses a pane, a row, a tab.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::{actions, input, movement, movement::Step, touch};
use crate::app::{
    effect::Effect,
    rows,
    state::State,
    tabs,
    view::{Pane, Tab},
};

/// Rows of one notch of the wheel.
const NOTCH: isize = 3;

/// Takes a mouse event. Movement without a button is nothing.
pub(super) fn event(state: &mut State, event: MouseEvent) -> Vec<Effect> {
    match event.kind {
        MouseEventKind::ScrollDown => wheel(state, event, NOTCH),
        MouseEventKind::ScrollUp => wheel(state, event, -NOTCH),
        MouseEventKind::Down(MouseButton::Left) => click(state, event.column, event.row),
        _ => Vec::new(),
    }
}

fn wheel(state: &mut State, event: MouseEvent, by: isize) -> Vec<Effect> {
    if let Some(overlay) = &mut state.overlay {
        input::scroll(overlay, by);
        return touch(state);
    }
    match state.geometry().hit(event.column, event.row) {
        Some(Pane::Main) if state.view.tab == Tab::Logs => {
            state.view.moved = true;
            return super::logs::wheel(state, by);
        }
        Some(pane) => movement::step(state, pane, Step::Rows(if pane == Pane::Services { by.signum() } else { by })),
        None => return Vec::new(),
    }
    state.view.moved = true;
    touch(state)
}

fn click(state: &mut State, column: u16, row: u16) -> Vec<Effect> {
    if state.overlay.is_some() {
        return Vec::new();
    }
    let geometry = state.geometry();
    let Some(pane) = geometry.hit(column, row) else { return Vec::new() };
    if let Some(tab) = tabs::hit(state, column, row) {
        return actions::show(state, tab);
    }
    state.view.focus = pane;
    state.view.moved = true;
    let content = geometry.content(pane);
    if !content.contains(ratatui::layout::Position::new(column, row)) {
        return touch(state);
    }
    let line = usize::from(row - content.y);
    match (pane, state.view.tab) {
        (Pane::Services, _) => {
            let clicked = rows::order(state).get(state.view.list_top + line).map(|service| service.name.clone());
            if let Some(name) = clicked {
                actions::point_at(state, name);
            }
        }
        (Pane::Main, Tab::Logs) => return super::logs::click(state, line),
        (Pane::Main, Tab::Events) => {
            let top = tabs::events_top(state, usize::from(content.height));
            state.view.event = (top + line).min(state.history.len().saturating_sub(1));
        }
        _ => {}
    }
    touch(state)
}
