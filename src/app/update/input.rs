//! Keys: to the overlay that lies over the panes, or through the key map to an action.

use crossterm::event::KeyCode;

use super::{actions, quit, touch};
use crate::app::{
    action::Action,
    effect::Effect,
    keymap::Key,
    overlay::{Confirm, Decision, Overlay},
    palette::{self, Item, Palette},
    state::State,
    view::Tab,
};

/// Palette entries that are remembered.
const RECENT: usize = 20;

/// Takes a key.
pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    state.dirty = true;
    let typing = state.overlay.is_none() && state.log_view.prompt().is_some();
    if key == Key::ctrl('c') && !typing {
        return quit::interrupt(state);
    }
    if state.overlay.is_none()
        && let Some(effects) = super::logs::typed(state, key)
    {
        return effects;
    }
    match state.overlay.take() {
        None => bound(state, key),
        Some(Overlay::Palette(palette)) => in_palette(state, palette, key),
        Some(Overlay::Confirm(confirm)) => in_confirm(state, confirm, key),
        Some(overlay) => in_text(state, overlay, key),
    }
}

/// Takes pasted text: only lines of input want it.
pub(super) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(Overlay::Palette(palette)) = &mut state.overlay {
        text.chars().for_each(|c| palette.push(c));
        return touch(state);
    }
    super::logs::paste(state, text)
}

fn bound(state: &mut State, key: Key) -> Vec<Effect> {
    match state.keymap.action(key) {
        Some(action) => actions::perform(state, action),
        None => Vec::new(),
    }
}

fn in_palette(state: &mut State, mut palette: Palette, key: Key) -> Vec<Effect> {
    let rows = palette::rows(state, &palette);
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => {
            return match rows.into_iter().nth(palette.cursor) {
                Some(row) if row.why_not.is_none() => choose(state, row.item),
                _ => {
                    state.overlay = Some(Overlay::Palette(palette));
                    Vec::new()
                }
            };
        }
        KeyCode::Backspace => {
            if !palette.pop() {
                return Vec::new();
            }
        }
        KeyCode::Down | KeyCode::Tab => palette.step(1, rows.len()),
        KeyCode::Up | KeyCode::BackTab => palette.step(-1, rows.len()),
        KeyCode::PageDown => palette.step(10, rows.len()),
        KeyCode::PageUp => palette.step(-10, rows.len()),
        _ if key == Key::ctrl('n') => palette.step(1, rows.len()),
        _ if key == Key::ctrl('p') => palette.step(-1, rows.len()),
        _ if key == Key::ctrl('u') => palette = Palette::default(),
        _ => key.typed().into_iter().for_each(|c| palette.push(c)),
    }
    state.overlay = Some(Overlay::Palette(palette));
    Vec::new()
}

/// Does what a row of the palette says, and remembers it as used.
pub(super) fn choose(state: &mut State, item: Item) -> Vec<Effect> {
    let name = item.name();
    state.recent.retain(|recent| *recent != name);
    state.recent.insert(0, name);
    state.recent.truncate(RECENT);
    let mut effects = match item {
        Item::Do(action) => actions::perform(state, action),
        Item::Show(tab) => actions::show(state, tab),
        Item::Go(service) => {
            state.view.cursor = Some(service);
            super::movement::keep_cursor_in_view(state);
            actions::show_service(state, Tab::Logs)
        }
    };
    effects.push(Effect::Remember(state.remembered()));
    effects
}

fn in_confirm(state: &mut State, confirm: Confirm, key: Key) -> Vec<Effect> {
    if key.code == KeyCode::Esc {
        return Vec::new();
    }
    let chosen = confirm.answers.iter().find(|answer| key.typed() == Some(answer.key)).map(|answer| answer.does);
    match chosen {
        Some(Decision::Leave) => quit::leave(),
        Some(Decision::StopAndLeave) => quit::stop_and_leave(state),
        Some(Decision::TakeDownVolumes) => super::goals::take_down(state, true),
        None => {
            state.overlay = Some(Overlay::Confirm(confirm));
            Vec::new()
        }
    }
}

/// Overlays that only show text: they scroll and close.
fn in_text(state: &mut State, mut overlay: Overlay, key: Key) -> Vec<Effect> {
    let action = state.keymap.action(key);
    let closes = match &overlay {
        Overlay::Help(_) => Action::Help,
        Overlay::OwnLog => Action::OwnLog,
        Overlay::Diff(..) => Action::Diff,
        Overlay::Event(..) | Overlay::Palette(_) | Overlay::Confirm(_) => Action::Enter,
    };
    let page = isize::try_from(state.view.size.1.saturating_sub(6)).unwrap_or(0);
    let step = match action {
        Some(Action::Back | Action::Quit) => return Vec::new(),
        Some(action) if action == closes => return Vec::new(),
        Some(Action::Down) => 1,
        Some(Action::Up) => -1,
        Some(Action::PageDown) => page,
        Some(Action::PageUp) => -page,
        Some(Action::Top) => isize::MIN,
        Some(Action::Bottom) => isize::MAX,
        // What a diff shows can be acted on without closing it first.
        Some(action @ (Action::Rebuild | Action::Dismiss)) if matches!(overlay, Overlay::Diff(..)) => {
            return actions::perform(state, action);
        }
        Some(Action::Copy) => {
            let text = overlay_text(&overlay);
            state.overlay = Some(overlay);
            return text.map(Effect::Copy).into_iter().collect();
        }
        _ => 0,
    };
    scroll(&mut overlay, step);
    state.overlay = Some(overlay);
    Vec::new()
}

fn overlay_text(overlay: &Overlay) -> Option<String> {
    match overlay {
        Overlay::Event(entry, _) => Some(format!("{}\n{}", entry.text, entry.detail.join("\n"))),
        _ => None,
    }
}

/// Moves an overlay's text; how far it can go is cut when it is drawn, and here by a bound that no text reaches.
pub(super) fn scroll(overlay: &mut Overlay, by: isize) {
    match overlay {
        Overlay::Help(top) | Overlay::Diff(_, top) | Overlay::Event(_, top) => {
            *top = top.saturating_add_signed(by).min(overlay_rows());
        }
        Overlay::OwnLog | Overlay::Palette(_) | Overlay::Confirm(_) => {}
    }
}

fn overlay_rows() -> usize {
    10_000
}
