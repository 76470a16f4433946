//! What can be done now, and why something can't: the key bar shows only the former, the palette both.

use super::{
    action::Action,
    log_view::Finding,
    notices,
    overlay::Overlay,
    state::State,
    view::{Pane, Tab},
};
use crate::model::{ContainerState, Service};

/// Why an action can't be done now; `None` when it can.
pub fn why_not(state: &State, action: Action) -> Option<&'static str> {
    use Action::*;
    let unless = |holds: bool, why: &'static str| (!holds).then_some(why);
    match action {
        Rebuild if !state.changes.groups().is_empty() => engine(state),
        Rebuild | RebuildFresh => {
            engine(state).or(unless(meant(state, |service| service.build.is_some()), "nothing selected is built"))
        }
        ApplyPlan | RemoveOrphans if !state.engine.is_connected() => engine(state),
        RemoveOrphans => unless(!notices::orphans(state).is_empty(), "there are no orphans"),
        Restart | Stop => engine(state).or(unless(any_running(state), "nothing selected runs")),
        Shell | ShellScreen => engine(state).or(unless(cursor_runs(state), "it doesn't run")),
        Attach => engine(state)
            .or(unless(cursor_runs(state), "it doesn't run"))
            .or(unless(cursor_open(state), "its stdin is closed: set stdin_open")),
        Diff => unless(notices::diffable(state).is_some(), "no change waits"),
        Dismiss => unless(!notices::all(state).is_empty(), "no notice is shown"),
        OpenAddress => unless(notices::address(state).is_some(), "it publishes no port"),
        TakeDown | TakeDownVolumes => engine(state).or(unless(any_container(state), "nothing is there")),
        NextError | PreviousError | CopyLastError => unless(any_error(state), "no errors"),
        NextHit | PreviousHit if state.log_view.searched().is_none() => Some("nothing is searched for"),
        Follow | Search | Filter | Wrap | Timestamps | Mark | NextHit | PreviousHit | SaveLog | CopyScreen
        | CopyLast | Fields => unless(state.view.tab == Tab::Logs, "it belongs to the logs"),
        Copy => unless(state.view.tab == Tab::Logs || state.overlay.is_some(), "it belongs to the logs"),
        _ => None,
    }
}

fn engine(state: &State) -> Option<&'static str> {
    (!state.engine.is_connected()).then_some("the engine doesn't answer")
}

fn meant(state: &State, holds: impl Fn(&Service) -> bool) -> bool {
    state.meant().iter().filter_map(|name| state.project.services.get(name)).any(holds)
}

fn any_running(state: &State) -> bool {
    let runs = |state: ContainerState| {
        matches!(state, ContainerState::Running | ContainerState::Restarting | ContainerState::Paused)
    };
    state.meant().iter().any(|name| state.containers(name).iter().any(|container| runs(container.state)))
}

fn any_container(state: &State) -> bool {
    state.observed.as_ref().is_some_and(|observed| !observed.containers.is_empty() || !observed.networks.is_empty())
}

fn any_error(state: &State) -> bool {
    state.logs.lanes().any(|(_, lane)| lane.error_count() > 0)
}

fn cursor_runs(state: &State) -> bool {
    state.view.cursor.as_ref().is_some_and(|name| state.running_container(name).is_some())
}

fn cursor_open(state: &State) -> bool {
    let service = state.view.cursor.as_ref().and_then(|name| state.project.services.get(name));
    service.is_some_and(|service| service.stdin_open)
}

/// A word or two for the key bar: what the key does now.
pub fn word(state: &State, action: Action) -> &'static str {
    match action {
        Action::Follow if state.log_view.is_following() => "freeze",
        Action::Zoom if state.view.zoomed => "back",
        action => action.info().short,
    }
}

/// The keys of what takes all of them now: a line that is typed, an overlay. `None` where the key map is in force.
pub fn taken(state: &State) -> Option<Vec<(String, &'static str)>> {
    let key = |action| state.keymap.key(action).map_or_else(String::new, |key| key.to_string());
    let of = |keys: &[(&str, &'static str)]| keys.iter().map(|(key, word)| ((*key).to_owned(), *word)).collect();
    let Some(overlay) = &state.overlay else {
        let prompt = state.log_view.prompt()?;
        let enter = match prompt.finding {
            Finding::Search => "search",
            Finding::Filter => "filter",
        };
        return Some(of(&[("Enter", enter), ("Esc", "give up"), ("↑ ↓", "earlier ones")]));
    };
    Some(match overlay {
        Overlay::Palette(_) => of(&[("Enter", "do it"), ("↑ ↓", "choose"), ("Esc", "close")]),
        Overlay::Confirm(confirm) => {
            let answers = confirm.answers.iter().map(|answer| (answer.key.to_string(), answer.word));
            answers.chain([("Esc".to_owned(), confirm.otherwise)]).collect()
        }
        Overlay::Diff(..) => {
            vec![(key(Action::Rebuild), "rebuild"), (key(Action::Dismiss), "ignore"), ("Esc".to_owned(), "close")]
        }
        Overlay::Event(..) => vec![(key(Action::Copy), "copy"), ("Esc".to_owned(), "close")],
        Overlay::Help(_) | Overlay::OwnLog => of(&[("Esc", "close")]),
    })
}

/// The actions that the key bar shows, most wanted first. The bar cuts the list where the line ends, `quit` and `help` stay.
pub fn key_bar(state: &State) -> Vec<Action> {
    use Action::*;
    let mut wanted = Vec::new();
    if !state.jobs.is_idle() {
        wanted.push(Interrupt);
    }
    let fresh = state.observed.is_some() && state.containers_none();
    if fresh {
        wanted.push(ApplyPlan);
    }
    match (state.view.focus, state.view.tab) {
        (Pane::Main, Tab::Logs) => wanted.extend([Search, Filter, Follow, NextError, Wrap, Copy, Rebuild, Shell]),
        (Pane::Main, Tab::Build) => wanted.extend([Rebuild, RebuildFresh, MergedLogs]),
        (Pane::Main, Tab::Deps) => wanted.extend([Rebuild, Diff, RebuildFresh, Shell, MergedLogs]),
        (Pane::Main, Tab::Events) => wanted.extend([Enter, MergedLogs, Rebuild]),
        _ => wanted.extend([Rebuild, Restart, Shell, ApplyPlan, Stop, Search, Filter, NextError, OpenAddress, Attach]),
    }
    wanted.push(Zoom);
    if !state.jobs.is_idle() {
        // It would only wait for what runs, or become a part of it.
        wanted.retain(|action| !matches!(action, Rebuild | RebuildFresh | Restart | ApplyPlan | Stop));
        if !matches!((state.view.focus, state.view.tab), (_, Tab::Logs)) {
            wanted.insert(1, MergedLogs);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    wanted.retain(|action| seen.insert(*action) && why_not(state, *action).is_none());
    wanted
}
