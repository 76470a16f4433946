//! What the rules of `develop.watch` led to: told in the history and the log pane, and restarts and rebuilds asked for like those of a key.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{goals, logs::note, touch};
use crate::{
    app::{
        develop::{self, DevelopReport},
        effect::Effect,
        history::{Entry, Role},
        state::State,
    },
    model::{Diagnostic, ServiceName, ServiceSync},
    plan::{Goal, RebuildOptions, RebuildWhat, Selection, Verb},
};

/// Takes in a report.
pub(super) fn reported(state: &mut State, report: DevelopReport) -> Vec<Effect> {
    state.dirty = true;
    match report {
        DevelopReport::Watching(paths) => watching(state, paths),
        DevelopReport::Warnings(warnings) => {
            state.develop.warnings = warnings;
            touch(state)
        }
        DevelopReport::Synced { service, sync, folders } => synced(state, &service, &sync, folders),
        DevelopReport::Failed(service, problem) => failed(state, service, problem),
        DevelopReport::Restart(service) => restart(state, service),
        DevelopReport::Rebuild(services) => rebuild(state, services),
    }
}

fn watching(state: &mut State, paths: Vec<String>) -> Vec<Effect> {
    let text = match paths.as_slice() {
        [] => "develop.watch: nothing is watched any more".to_owned(),
        paths => format!("develop.watch: watching {}", named(paths)),
    };
    state.history.push(Entry::new(state.now, Role::Works, None, text).detail(paths.iter().cloned()));
    state.develop.watching = paths;
    touch(state)
}

/// A line in the history, and among the service's own lines: where it reloads, that is why.
fn synced(state: &mut State, service: &ServiceName, sync: &ServiceSync, folders: usize) -> Vec<Effect> {
    state.develop.failed.remove(service);
    let words = develop::said(sync, folders);
    let files = sync.files.copies.iter().map(|(target, source)| {
        let source = develop::shown(&state.project.directory, [source.as_path()]).concat();
        format!("{source} → {target}")
    });
    let gone = sync.files.removals.iter().map(|target| format!("{target} removed"));
    let detail: Vec<String> = files.chain(gone).collect();
    note(state, service, &words);
    state.history.push(Entry::new(state.now, Role::Works, Some(service.clone()), words).detail(detail));
    touch(state)
}

fn failed(state: &mut State, service: ServiceName, problem: Arc<Diagnostic>) -> Vec<Effect> {
    let detail = problem.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
    let entry = Entry::new(state.now, Role::Failed, Some(service.clone()), problem.what.clone());
    state.history.push(entry.detail(detail));
    state.develop.failed.insert(service, problem);
    touch(state)
}

/// Whether a service's containers are there, or will be when what runs is done.
fn concerns(state: &State, service: &ServiceName) -> bool {
    state.leaving.is_none() && (state.running_container(service).is_some() || state.jobs.of(service).is_some())
}

fn restart(state: &mut State, service: ServiceName) -> Vec<Effect> {
    if !concerns(state, &service) {
        return Vec::new();
    }
    let text = "restarts, as develop.watch says";
    note(state, &service, text);
    state.history.push(Entry::new(state.now, Role::Busy, Some(service.clone()), text));
    goals::ask(state, Goal::new(Verb::Restart { timeout: None, no_deps: false }, Selection::of([service]))).1
}

fn rebuild(state: &mut State, services: BTreeMap<ServiceName, BTreeSet<PathBuf>>) -> Vec<Effect> {
    let mut wanted = BTreeSet::new();
    for (service, files) in services {
        let names = named(&develop::shown(&state.project.directory, files.iter().map(PathBuf::as_path)));
        let (role, text) = if concerns(state, &service) {
            wanted.insert(service.clone());
            (Role::Busy, format!("{names} changed: rebuild, as develop.watch says"))
        } else {
            (Role::Off, format!("{names} changed: not rebuilt, since it does not run"))
        };
        note(state, &service, &text);
        let detail = files.iter().map(|path: &PathBuf| Path::display(path).to_string());
        state.history.push(Entry::new(state.now, role, Some(service), text).detail(detail));
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let options = RebuildOptions { what: RebuildWhat::Selected, ..RebuildOptions::default() };
    // Nobody pressed a key: whoever went to a tab stays there.
    let moved = state.view.moved;
    let effects = goals::ask(state, Goal::new(Verb::Rebuild(options), Selection::Services(wanted))).1;
    state.view.moved = moved;
    effects
}

/// So many files are named in a line.
const NAMED: usize = 4;

/// The first few, and how many more there are.
fn named(paths: &[String]) -> String {
    let first = paths.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
