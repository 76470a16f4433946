//! The one function that changes the state. Deterministic: the time is an argument, and what is to be done outside comes
//! back as effects. One arm a message; what an arm does is in the file of its subject.

mod actions;
mod develop;
mod engine;
mod files;
mod goals;
mod input;
mod job;
mod logs;
mod mouse;
mod movement;
mod notice;
mod quit;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    changes::ServiceChange,
    deps,
    effect::{Effect, Quit},
    history::{Entry, Role},
    message::{EngineReport, Input, Message, Signal},
    state::State,
    view::Pane,
};
use crate::model::{ContainerId, ContainerState, Diagnostic, OnChange, ServiceName, Timestamp};

/// How long a word on the last action stays.
const SAID: Duration = Duration::from_secs(4);

/// Changes the state by one message and says what is to be done about it.
pub fn update(state: &mut State, message: Message, now: Timestamp) -> Vec<Effect> {
    state.now = now;
    let mut effects = match message {
        Message::Input(Input::Key(key)) => input::key(state, key),
        Message::Input(Input::Paste(text)) => input::paste(state, &text),
        Message::Input(Input::Mouse(event)) => mouse::event(state, event),
        Message::Input(Input::Resized(width, height)) => resized(state, width, height),
        Message::Signal(signal) => signalled(state, signal),
        Message::Wake => wake(state),
        Message::Engine(EngineReport::Connected(name)) => engine::connected(state, name),
        Message::Engine(EngineReport::Lost { why, retry_at }) => engine::lost(state, why, retry_at),
        Message::Engine(EngineReport::Observed(observed)) => engine::observed(state, observed),
        Message::Engine(EngineReport::ObserveFailed(why)) => engine::observe_failed(state, why),
        Message::Engine(EngineReport::Happened(happened)) => engine::happened(state, happened),
        Message::Loaded(reading) => files::loaded(state, *reading),
        Message::Sources(sources) => {
            state.sources = sources;
            state.sources_read = true;
            state.dirty = true;
            files::compare(state);
            goals::begin_pending(state)
        }
        Message::Changes(changes) => changed(state, changes),
        Message::Dockerfiles(problems) => files::dockerfiles(state, problems),
        Message::Mounts(mounts) => {
            state.dirty |= state.mounts != mounts;
            state.mounts = mounts;
            Vec::new()
        }
        Message::Warned(diagnostic) => {
            job::warn(state, diagnostic);
            touch(state)
        }
        Message::Develop(report) => develop::reported(state, report),
        Message::FilesChanged(paths) => files::changed(state, paths),
        Message::Job(id, event) => job::event(state, id, event),
        Message::Lines(batches) => logs::lines(state, batches),
        Message::Scanned(scanned) => logs::scanned(state, *scanned),
        Message::Stats(samples) => {
            state.dirty |= state.stats.record(samples);
            Vec::new()
        }
        Message::Probed(container, probe) => engine::probed(state, container, probe),
        Message::Compared(question, answer) => {
            state.deps.take(*question, answer);
            touch(state)
        }
        Message::Returned(result) => returned(state, result),
        Message::Said(Ok(text)) => say(state, text),
        Message::Said(Err(diagnostic)) => failed(state, &diagnostic),
        Message::Panicked { task, what } => panicked(state, &task, &what),
    };
    effects.extend(measure(state));
    effects.extend(compare(state));
    effects
}

/// Something shown changed, and nothing is to be done.
fn touch(state: &mut State) -> Vec<Effect> {
    state.dirty = true;
    Vec::new()
}

/// Shows a word on the last action for a while.
fn say(state: &mut State, text: impl Into<String>) -> Vec<Effect> {
    state.said = Some((text.into(), state.now.after(SAID)));
    touch(state)
}

/// Tells of a failure that belongs to no job.
fn failed(state: &mut State, diagnostic: &Arc<Diagnostic>) -> Vec<Effect> {
    let lines = diagnostic.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
    state.history.push(Entry::new(state.now, Role::Failed, None, diagnostic.what.clone()).detail(lines));
    say(state, diagnostic.what.clone())
}

fn resized(state: &mut State, width: u16, height: u16) -> Vec<Effect> {
    state.view.size = (width, height);
    movement::keep_cursor_in_view(state);
    touch(state)
}

fn signalled(state: &mut State, signal: Signal) -> Vec<Effect> {
    match signal {
        Signal::Interrupt => quit::interrupt(state),
        Signal::Terminate | Signal::HangUp => vec![Effect::Quit(Quit::Signalled)],
    }
}

fn wake(state: &mut State) -> Vec<Effect> {
    if state.said.as_ref().is_some_and(|(_, until)| *until <= state.now) {
        state.said = None;
    }
    logs::look(state);
    touch(state)
}

fn changed(state: &mut State, changes: std::collections::BTreeMap<ServiceName, ServiceChange>) -> Vec<Effect> {
    state.dirty = true;
    let new = state.changes.replace(changes);
    let mut rebuild = BTreeSet::new();
    for name in new {
        let Some(change) = state.changes.waiting(&name) else { continue };
        let text = format!("{} changed: {}", change.names(), super::notices::described(change).join("  "));
        logs::note(state, &name, &text);
        state.history.push(Entry::new(state.now, Role::Wants, Some(name.clone()), text));
        match on_change(state, &name) {
            OnChange::Ask => {}
            OnChange::Ignore => state.changes.ignore(std::slice::from_ref(&name)),
            OnChange::Rebuild => {
                rebuild.insert(name);
            }
        }
    }
    if rebuild.is_empty() { Vec::new() } else { goals::rebuild_changed(state, rebuild) }
}

/// What a change of a service does: the command line, then the file, then the settings.
fn on_change(state: &State, service: &ServiceName) -> OnChange {
    let of_file = || state.project.services.get(service).and_then(|service| service.on_change);
    state.on_change.or_else(of_file).unwrap_or(state.on_change_default)
}

fn returned(state: &mut State, result: Result<(), Arc<Diagnostic>>) -> Vec<Effect> {
    state.dirty = true;
    let mut effects = match result {
        Ok(()) => Vec::new(),
        Err(diagnostic) => failed(state, &diagnostic),
    };
    effects.extend([Effect::Redraw, Effect::Observe]);
    effects
}

fn panicked(state: &mut State, task: &str, what: &str) -> Vec<Effect> {
    let text = format!("a bug in devbox ended {task}: {what}");
    state.history.push(Entry::new(state.now, Role::Failed, None, text.clone()));
    state.warnings.push(Arc::new(Diagnostic::error(text)));
    touch(state)
}

/// What the Deps tab wants to know of what it shows.
fn compare(state: &mut State) -> Option<Effect> {
    let question = deps::wanted(state)?;
    state.deps.ask(&question).then(|| Effect::Compare(Box::new(question)))
}

/// The containers that are measured: those of the rows that are seen. Asked for only when they change.
fn measure(state: &mut State) -> Option<Effect> {
    let wanted = measured(state);
    if wanted == state.measured {
        return None;
    }
    state.measured = wanted.clone();
    state.stats.retain(|id| wanted.contains(id));
    Some(Effect::Stats(wanted))
}

fn measured(state: &State) -> BTreeSet<ContainerId> {
    let geometry = state.geometry();
    let rows = usize::from(geometry.content(Pane::Services).height);
    if rows == 0 || !state.engine.is_connected() {
        return BTreeSet::new();
    }
    let services = super::rows::order(state);
    let seen = services.into_iter().skip(state.view.list_top).take(rows);
    seen.flat_map(|service| state.containers(&service.name))
        .filter(|container| container.state == ContainerState::Running)
        .map(|container| container.id.clone())
        .collect()
}
