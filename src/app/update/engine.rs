//! What is heard of the engine: listings are facts, events only say what to look at and go into the history.

use std::{collections::BTreeSet, sync::Arc};

use super::{goals, touch};
use crate::{
    app::{
        age,
        effect::{Effect, Follow},
        engine_status::{EngineName, EngineStatus},
        history::{Entry, Role},
        message::{Happened, Happening, Probe},
        rows,
        state::State,
    },
    model::{ContainerId, ContainerState, Diagnostic, HealthState, Observed, ServiceName, Timestamp},
};

/// The engine answers, for the first time or again.
pub(super) fn connected(state: &mut State, name: EngineName) -> Vec<Effect> {
    if let EngineStatus::Lost { since, .. } = &state.engine {
        let text = format!("{} is back after {}", name.product, age::short(state.now.since(*since)));
        state.history.push(Entry::new(state.now, Role::Works, None, text));
    }
    // What was asked of it when it went away is still to be known.
    state.deps.doubt();
    state.engine = EngineStatus::Connected(name);
    state.dirty = true;
    let mut effects = vec![Effect::Observe];
    effects.extend(goals::begin_pending(state));
    effects
}

/// The engine doesn't answer.
pub(super) fn lost(state: &mut State, why: Arc<Diagnostic>, retry_at: Timestamp) -> Vec<Effect> {
    let since = match &state.engine {
        EngineStatus::Lost { since, .. } => *since,
        EngineStatus::Connecting | EngineStatus::Connected(_) => {
            let detail = why.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
            state
                .history
                .push(Entry::new(state.now, Role::Failed, None, format!("engine lost: {}", why.what)).detail(detail));
            state.now
        }
    };
    state.engine = EngineStatus::Lost { since, retry_at, why };
    touch(state)
}

/// What exists now.
pub(super) fn observed(state: &mut State, observed: Arc<Observed>) -> Vec<Effect> {
    let first = state.observed.is_none();
    state.dirty |= state.unseen.take().is_some();
    if state.observed.as_ref() == Some(&observed) {
        return Vec::new();
    }
    loops(state, &observed);
    state.observed = Some(observed);
    state.dirty = true;
    super::files::compare(state);
    if first {
        super::movement::keep_cursor_in_view(state);
    }
    let known: BTreeSet<ContainerId> = all(state).map(|(_, container)| container).collect();
    state.probes.retain(|id, _| known.contains(id));
    state.stopped.retain(|id| known.contains(id));
    let unhealthy: BTreeSet<ContainerId> = unhealthy(state).filter(|id| !state.probes.contains_key(id)).collect();
    let mut effects = vec![Effect::Follow(followed(state))];
    if !unhealthy.is_empty() {
        effects.push(Effect::Probe(unhealthy));
    }
    effects
}

/// Takes note of containers whose first restart this is. The engine counts from zero again when somebody starts one.
fn loops(state: &mut State, observed: &Observed) {
    let before = state.observed.clone().unwrap_or_default();
    let known = |id: &ContainerId| before.containers.iter().find(|container| container.id == *id);
    state.loops.retain(|id, _| observed.containers.iter().any(|container| container.id == *id));
    for container in &observed.containers {
        match container.restarts {
            0 => drop(state.loops.remove(&container.id)),
            1 if known(&container.id).is_none_or(|before| before.restarts != 1) => {
                state.loops.insert(container.id.clone(), state.now);
            }
            now if known(&container.id).is_some_and(|before| before.restarts > now) => {
                state.loops.remove(&container.id);
            }
            _ => {}
        }
    }
}

fn all(state: &State) -> impl Iterator<Item = (ServiceName, ContainerId)> {
    let containers = state.observed.iter().flat_map(|observed| &observed.containers);
    containers.map(|container| (container.service.clone(), container.id.clone()))
}

fn unhealthy(state: &State) -> impl Iterator<Item = ContainerId> {
    let containers = state.observed.iter().flat_map(|observed| &observed.containers);
    containers
        .filter(|container| container.health == Some(HealthState::Unhealthy))
        .map(|container| container.id.clone())
}

/// The container starts whose log is followed: every one of the project's services that ever ran.
fn followed(state: &State) -> BTreeSet<Follow> {
    let containers = state.observed.iter().flat_map(|observed| &observed.containers);
    let ran = containers.filter(|container| !container.oneoff && container.state != ContainerState::Created);
    ran.map(|container| Follow {
        service: container.service.clone(),
        number: container.number,
        container: container.id.clone(),
        started: container.started,
        tty: container.tty,
    })
    .collect()
}

/// The engine answers, and looking failed: told until it works again.
pub(super) fn observe_failed(state: &mut State, why: Arc<Diagnostic>) -> Vec<Effect> {
    if state.unseen.as_ref() != Some(&why) {
        let detail = why.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
        state.history.push(Entry::new(state.now, Role::Failed, None, why.what.clone()).detail(detail));
        state.unseen = Some(why);
    }
    touch(state)
}

/// Something happened to a container.
pub(super) fn happened(state: &mut State, happened: Happened) -> Vec<Effect> {
    let Happened { at, container, service, what } = happened;
    let entry = |role, text: String| Entry::new(at, role, service.clone(), text);
    let mut effects = vec![Effect::Observe];
    match what {
        Happening::Started => {
            state.stopped.remove(&container);
            state.history.push(entry(Role::Works, "started".to_owned()));
        }
        Happening::Exited(exit) => {
            let (role, words) =
                rows::exit_words(exit, state.stopped.contains(&container) || stopping(state, service.as_ref()));
            let detail = service.as_ref().map_or_else(Vec::new, |service| super::logs::last_lines(state, service));
            state.history.push(entry(role, words).detail(detail));
        }
        Happening::OutOfMemory => state.history.push(entry(Role::Failed, "out of memory".to_owned())),
        Happening::Health(HealthState::Unhealthy) => {
            state.history.push(entry(Role::Failed, "unhealthy".to_owned()));
            effects.push(Effect::Probe([container].into()));
        }
        Happening::Health(HealthState::Healthy) => {
            state.probes.remove(&container);
            state.history.push(entry(Role::Works, "healthy".to_owned()));
        }
        Happening::Paused => state.history.push(entry(Role::Off, "paused".to_owned())),
        Happening::Unpaused => state.history.push(entry(Role::Works, "resumed".to_owned())),
        Happening::Health(HealthState::Starting) | Happening::Other => return effects,
    }
    state.dirty = true;
    effects
}

/// Whether a job stops or replaces a service now: its exit is no failure.
fn stopping(state: &State, service: Option<&ServiceName>) -> bool {
    let Some(service) = service else { return false };
    state.progress.values().any(|progress| progress.stops(service))
}

/// What a healthcheck said last.
pub(super) fn probed(state: &mut State, container: ContainerId, probe: Probe) -> Vec<Effect> {
    let service = all(state).find(|(_, id)| *id == container).map(|(service, _)| service);
    if let Some(service) = service {
        let lines = probe.output.lines().map(str::to_owned);
        let detail = std::iter::once(format!("the probe ended with exit code {}", probe.exit_code)).chain(lines);
        state.history.explain(&service, "unhealthy", detail);
    }
    state.probes.insert(container, probe);
    touch(state)
}
