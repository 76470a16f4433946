//! What each action does. One arm an action.

use super::{
    goals,
    movement::{self, Step},
    notice, quit, say, touch,
};
use crate::{
    app::{
        action::Action,
        age, available,
        effect::{Effect, Session},
        notices,
        overlay::{Answer, Confirm, Decision, Overlay},
        palette::Palette,
        state::State,
        view::{Pane, Tab},
    },
    model::{ObservedVolume, ServiceName},
    plan::Verb,
};

/// Does an action, or says why it can't be done now.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    state.dirty = true;
    if let Some(why) = available::why_not(state, action) {
        return say(state, format!("{}: {why}", action.info().short));
    }
    if matches!(action.info().group, crate::app::action::Group::Move) {
        state.view.moved = true;
    }
    match action {
        Action::Down | Action::Up | Action::Top | Action::Bottom | Action::PageDown | Action::PageUp
            if in_logs(state) =>
        {
            super::logs::step(state, action)
        }
        Action::Left | Action::Right if in_logs(state) => super::logs::step(state, action),
        Action::Down => go(state, Step::Rows(1)),
        Action::Up => go(state, Step::Rows(-1)),
        Action::Top => go(state, Step::First),
        Action::Bottom => go(state, Step::Last),
        Action::PageDown => go(state, Step::Pages(1)),
        Action::PageUp => go(state, Step::Pages(-1)),
        Action::Left => sideways(state, -1),
        Action::Right => sideways(state, 1),
        Action::NextPane => next_pane(state, 1),
        Action::PreviousPane => next_pane(state, -1),
        Action::ShowTab(number) => match Tab::ALL.into_iter().find(|tab| tab.number() == number) {
            Some(tab) => show(state, tab),
            None => Vec::new(),
        },
        Action::Select => select(state),
        Action::Enter => enter(state),
        Action::Back => back(state),
        Action::Zoom => {
            state.view.zoomed = !state.view.zoomed;
            movement::keep_cursor_in_view(state);
            Vec::new()
        }
        Action::Rebuild => goals::rebuild(state),
        Action::RebuildFresh => goals::rebuild_meant(state, true),
        Action::ApplyPlan => goals::up(state),
        Action::RemoveOrphans => goals::remove_orphans(state),
        Action::Restart => goals::meant(state, Verb::Restart { timeout: None, no_deps: false }),
        Action::Stop => goals::meant(state, Verb::Stop { timeout: None }),
        Action::TakeDown => goals::take_down(state, false),
        Action::TakeDownVolumes => ask_for_volumes(state),
        Action::Shell | Action::ShellScreen => session(state, false),
        Action::Attach => session(state, true),
        Action::Diff => {
            state.overlay = notices::diffable(state).cloned().map(|service| Overlay::Diff(service, 0));
            Vec::new()
        }
        Action::Dismiss => notice::dismiss(state),
        Action::OpenAddress => notices::address(state).map(Effect::Open).into_iter().collect(),
        Action::Palette => over(state, Overlay::Palette(Palette::default())),
        Action::Help => over(state, Overlay::Help(0)),
        Action::OwnLog => over(state, Overlay::OwnLog),
        Action::Mouse => mouse(state),
        Action::Redraw => vec![Effect::Redraw],
        Action::Interrupt => quit::interrupt(state),
        Action::Background => vec![Effect::Background],
        Action::Quit => quit::leave(),
        Action::QuitAndStop => quit::stop_and_leave(state),
        log => super::logs::perform(state, log),
    }
}

fn over(state: &mut State, overlay: Overlay) -> Vec<Effect> {
    state.overlay = Some(overlay);
    touch(state)
}

fn go(state: &mut State, step: Step) -> Vec<Effect> {
    movement::step(state, state.view.focus, step);
    touch(state)
}

fn in_logs(state: &State) -> bool {
    (state.view.focus, state.view.tab) == (Pane::Main, Tab::Logs)
}

/// To the left are older builds, to the right newer ones, as they are numbered in the line above the steps.
fn sideways(state: &mut State, by: isize) -> Vec<Effect> {
    if (state.view.focus, state.view.tab) == (Pane::Main, Tab::Build) {
        let last = state.builds.iter().len().saturating_sub(1);
        state.view.build_before = state.view.build_before.saturating_add_signed(-by).min(last);
        state.view.build_back = 0;
    }
    touch(state)
}

/// The panes that `Tab` goes through: all of them, whether or not they have room beside each other.
const PANES: [Pane; 3] = [Pane::Services, Pane::Detail, Pane::Main];

fn next_pane(state: &mut State, by: isize) -> Vec<Effect> {
    let at = PANES.iter().position(|pane| *pane == state.view.focus).unwrap_or(0);
    let to = if by > 0 { at + 1 } else { at + PANES.len() - 1 };
    state.view.focus = PANES[to % PANES.len()];
    movement::keep_cursor_in_view(state);
    touch(state)
}

/// Shows a tab and goes there.
pub(super) fn show(state: &mut State, tab: Tab) -> Vec<Effect> {
    state.view.tab = tab;
    state.view.focus = Pane::Main;
    state.view.moved = true;
    state.view.event = 0;
    match tab {
        Tab::Build => state.view.build_back = 0,
        Tab::Deps => {
            state.view.deps_top = 0;
            state.deps.doubt();
        }
        Tab::Logs | Tab::Events => {}
    }
    movement::keep_cursor_in_view(state);
    touch(state)
}

/// Goes to a tab with the lines of the service under the cursor.
pub(super) fn show_service(state: &mut State, tab: Tab) -> Vec<Effect> {
    super::logs::show_meant(state);
    show(state, tab)
}

fn select(state: &mut State) -> Vec<Effect> {
    let Some(name) = state.view.cursor.clone().filter(|_| state.view.focus == Pane::Services) else {
        return Vec::new();
    };
    if !state.view.selected.remove(&name) {
        state.view.selected.insert(name);
    }
    super::logs::selection_changed(state);
    go(state, Step::Rows(1))
}

fn enter(state: &mut State) -> Vec<Effect> {
    match (state.view.focus, state.view.tab) {
        (Pane::Services, _) if notice::takes_enter(state) => notice::open(state),
        (Pane::Services | Pane::Detail, _) => show_service(state, Tab::Logs),
        (Pane::Main, Tab::Events) => {
            let entry = state.history.nth_newest(state.view.event).cloned();
            state.overlay = entry.map(|entry| Overlay::Event(Box::new(entry), 0));
            touch(state)
        }
        (Pane::Main, Tab::Logs) => super::logs::step(state, Action::Enter),
        (Pane::Main, Tab::Build | Tab::Deps) => Vec::new(),
    }
}

/// `Esc` goes out by one: what the log pane has open, the zoom, the pane, the selection. Never out of the program.
fn back(state: &mut State) -> Vec<Effect> {
    if state.view.focus == Pane::Main && super::logs::back(state) {
        return touch(state);
    }
    if state.view.zoomed {
        state.view.zoomed = false;
    } else if state.view.focus != Pane::Services {
        state.view.focus = Pane::Services;
    } else if !state.view.selected.is_empty() {
        state.view.selected.clear();
        super::logs::selection_changed(state);
    }
    movement::keep_cursor_in_view(state);
    touch(state)
}

fn mouse(state: &mut State) -> Vec<Effect> {
    state.view.mouse = !state.view.mouse;
    let words =
        if state.view.mouse { "the mouse is devbox's" } else { "the mouse selects text, as the terminal does it" };
    say(state, words);
    vec![Effect::Mouse(state.view.mouse)]
}

fn session(state: &mut State, attach: bool) -> Vec<Effect> {
    let Some(service) = state.view.cursor.clone() else { return Vec::new() };
    let Some(container) = state.running_container(&service) else { return Vec::new() };
    let (tty, container) = (container.tty, container.id.clone());
    let session = if attach {
        let recent = super::logs::last_lines(state, &service);
        Session::Attach { service, container, tty, recent }
    } else {
        Session::Shell { service, container }
    };
    vec![Effect::Suspend(session)]
}

/// `down -v` asks first, and names what is lost.
fn ask_for_volumes(state: &mut State) -> Vec<Effect> {
    let volumes = own_volumes(state);
    if volumes.is_empty() {
        return goals::take_down(state, true);
    }
    let list = volumes.join(", ");
    let (noun, pronoun) = if volumes.len() == 1 { ("volume", "Its") } else { ("volumes", "Their") };
    let answers = vec![Answer { key: 'y', word: "remove", does: Decision::TakeDownVolumes }];
    let question = format!("Remove {noun} {list}? {pronoun} data is lost.");
    over(state, Overlay::Confirm(Confirm { question, answers, otherwise: "keep" }))
}

/// The volumes that `down -v` removes, as the question names them.
fn own_volumes(state: &State) -> Vec<String> {
    let exists = |name: &str| {
        state.observed.iter().flat_map(|observed| &observed.volumes).find(|known| known.name == name).cloned()
    };
    let described = |volume: ObservedVolume| match volume.created {
        Some(created) => format!("{} ({})", volume.name, age::old(state.now.since(created))),
        None => volume.name,
    };
    let own = state.project.volumes.values().filter(|volume| !volume.external);
    own.filter_map(|volume| exists(&volume.name)).map(described).collect()
}

/// Puts the cursor on a service.
pub(super) fn point_at(state: &mut State, service: ServiceName) {
    state.view.cursor = Some(service);
    state.view.detail_top = 0;
    movement::keep_cursor_in_view(state);
}
