//! What the user wants done with services, as goals for jobs.

use std::collections::BTreeSet;

use super::say;
use crate::{
    app::{
        effect::Effect,
        job::{Admission, Job, JobId},
        progress::JobProgress,
        state::State,
    },
    model::{Project, ServiceName},
    plan::{DownOptions, Goal, RebuildOptions, RebuildWhat, Selection, UpOptions, Verb},
};

/// Admits a goal: its job, and what starts at once.
pub(super) fn ask(state: &mut State, goal: Goal) -> (JobId, Vec<Effect>) {
    let services = touched(&state.project, &goal);
    let verb = goal.verb.name();
    match state.jobs.admit(goal, services) {
        Admission::Start(job) => (job.id, begin(state, job)),
        Admission::Waits { id, .. } => (id, say(state, format!("{verb} waits until what runs is done"))),
        Admission::Merged(id) => (id, say(state, format!("{verb} is part of the next one"))),
    }
}

/// Asks for what devbox was opened for, once all is known that a run needs.
pub(super) fn begin_pending(state: &mut State) -> Vec<Effect> {
    let builds = state.project.enabled().any(|service| service.build.is_some());
    if !state.engine.is_connected() || builds && !state.sources_read {
        return Vec::new();
    }
    match state.pending.take() {
        Some(goal) => ask(state, goal).1,
        None => Vec::new(),
    }
}

/// Starts a job.
pub(super) fn begin(state: &mut State, job: Job) -> Vec<Effect> {
    state.dirty = true;
    if matches!(job.goal.verb, Verb::Up(_) | Verb::Rebuild(_)) {
        state.failures.clear();
        state.view.moved = false;
    } else {
        let again = super::job::again(&job.goal.verb);
        state.failures.retain(|failure| failure.again != again);
    }
    if matches!((&job.goal.verb, &job.goal.selection), (Verb::Up(_), Selection::All)) {
        state.files.applying(job.id, &state.project);
    }
    state.progress.insert(job.id, JobProgress::new(job.clone(), state.now));
    vec![Effect::Start { job: Box::new(job), project: state.project.clone(), sources: state.sources.clone() }]
}

/// All services that a goal touches, which no other job may touch meanwhile.
pub(super) fn touched(project: &Project, goal: &Goal) -> BTreeSet<ServiceName> {
    let mut touched: BTreeSet<ServiceName> = match (&goal.selection, &goal.verb) {
        (Selection::Services(names), _) => names.clone(),
        (Selection::All, Verb::Up(_) | Verb::Build(_) | Verb::Pull(_) | Verb::Rebuild(_)) => {
            project.enabled().map(|service| service.name.clone()).collect()
        }
        (Selection::All, _) => project.services.keys().cloned().collect(),
    };
    match &goal.verb {
        Verb::Up(options) if !options.no_deps => close(&mut touched, |name| dependencies(project, name)),
        Verb::Rebuild(_) => {
            let same: Vec<_> = touched.iter().flat_map(|name| sharing(project, name)).collect();
            touched.extend(same);
        }
        _ => {}
    }
    touched
}

/// Adds what `next` says of each member until nothing new comes.
fn close(set: &mut BTreeSet<ServiceName>, next: impl Fn(&ServiceName) -> Vec<ServiceName>) {
    let mut open: Vec<ServiceName> = set.iter().cloned().collect();
    while let Some(name) = open.pop() {
        open.extend(next(&name).into_iter().filter(|name| set.insert(name.clone())));
    }
}

fn dependencies(project: &Project, name: &ServiceName) -> Vec<ServiceName> {
    project.services.get(name).map_or_else(Vec::new, |service| service.depends_on.keys().cloned().collect())
}

/// The services that are built from the same build.
fn sharing(project: &Project, name: &ServiceName) -> Vec<ServiceName> {
    let Some(build) = project.services.get(name).and_then(|service| service.build.as_ref()) else { return Vec::new() };
    project
        .enabled()
        .filter(|service| service.build.as_ref() == Some(build))
        .map(|service| service.name.clone())
        .collect()
}

/// `u`: everything as the file says; the selected services only, where some are. A service that a profile keeps off is
/// started when it is under the cursor.
pub(super) fn up(state: &mut State) -> Vec<Effect> {
    let selection = if state.view.selected.is_empty() {
        let off = |name: &&ServiceName| state.project.services.get(*name).is_some_and(|service| !service.enabled);
        match state.view.cursor.as_ref().filter(off) {
            Some(name) => Selection::of([name.clone()]),
            None => Selection::All,
        }
    } else {
        Selection::Services(state.view.selected.clone())
    };
    ask(state, Goal { selection, ..whole() }).1
}

/// What `u` without a selection asks for.
pub(super) fn whole() -> Goal {
    Goal::new(Verb::Up(UpOptions { guarded: true, ..UpOptions::default() }), Selection::All)
}

/// Removes containers without a service.
pub(super) fn remove_orphans(state: &mut State) -> Vec<Effect> {
    let options = UpOptions { remove_orphans: true, guarded: true, ..UpOptions::default() };
    ask(state, Goal::new(Verb::Up(options), Selection::All)).1
}

/// `b`: the selected services; else every waiting change; else the service under the cursor.
pub(super) fn rebuild(state: &mut State) -> Vec<Effect> {
    let waiting: BTreeSet<ServiceName> =
        state.changes.groups().into_iter().flat_map(|group| group.services).cloned().collect();
    if state.view.selected.is_empty() && !waiting.is_empty() {
        return rebuild_changed(state, waiting);
    }
    rebuild_meant(state, false)
}

/// Rebuilds these services, whose manifests changed.
pub(super) fn rebuild_changed(state: &mut State, services: BTreeSet<ServiceName>) -> Vec<Effect> {
    // The plan can't see a change of what an image doesn't tell.
    let unknown = services.iter().any(|service| state.is_image_unknown(service));
    let what = if unknown { RebuildWhat::Selected } else { RebuildWhat::Changed };
    let options = RebuildOptions { what, ..RebuildOptions::default() };
    ask(state, Goal::new(Verb::Rebuild(options), Selection::Services(services))).1
}

/// `F`, and `b` without a change: the selected services that are built.
pub(super) fn rebuild_meant(state: &mut State, fresh: bool) -> Vec<Effect> {
    let built = |name: &ServiceName| state.project.services.get(name).is_some_and(|service| service.build.is_some());
    let services: BTreeSet<ServiceName> = state.meant().into_iter().filter(|name| built(name)).collect();
    if services.is_empty() {
        return say(state, "nothing selected is built from a Dockerfile");
    }
    let options = RebuildOptions { what: RebuildWhat::Selected, fresh, timeout: None };
    ask(state, Goal::new(Verb::Rebuild(options), Selection::Services(services))).1
}

/// A verb for the selected services.
pub(super) fn meant(state: &mut State, verb: Verb) -> Vec<Effect> {
    let services = state.meant();
    if services.is_empty() {
        return Vec::new();
    }
    ask(state, Goal::new(verb, Selection::Services(services))).1
}

/// `down`, with or without volumes.
pub(super) fn take_down(state: &mut State, volumes: bool) -> Vec<Effect> {
    let options = DownOptions { volumes, ..DownOptions::default() };
    ask(state, Goal::new(Verb::Down(options), Selection::All)).1
}
