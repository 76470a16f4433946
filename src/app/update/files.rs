//! Compose and env files that were edited: read again, compared, shown as a plan that `u` applies.

use std::{path::PathBuf, sync::Arc};

use super::{goals, movement};
use crate::{
    app::{
        effect::Effect,
        files::Reading,
        history::{Entry, Role},
        state::State,
    },
    model::{Diagnostic, Project, ServiceName},
};

/// Files have another content.
pub(super) fn changed(state: &mut State, paths: Vec<PathBuf>) -> Vec<Effect> {
    state.files.edited.extend(paths);
    vec![Effect::Load]
}

/// They were read again.
pub(super) fn loaded(state: &mut State, reading: Reading) -> Vec<Effect> {
    state.dirty = true;
    state.files.watched = Arc::new(reading.files);
    match reading.result {
        Err(errors) => {
            if state.files.errors != errors {
                tell(state, &errors);
            }
            state.files.errors = errors;
            // What has to be mended may lie in a file that was not read before.
            vec![watch(state)]
        }
        Ok(project) => {
            let mended = !std::mem::take(&mut state.files.errors).is_empty();
            state.files.warnings = reading.warnings;
            if mended {
                let text = "the compose files can be read again";
                state.history.push(Entry::new(state.now, Role::Works, None, text));
            }
            if *project == *state.project {
                compare(state);
                return vec![watch(state)];
            }
            take_over(state, project);
            compare(state);
            if state.files.plan.is_some() {
                let text = format!("{} changed: u applies it", state.files.names(&state.project.directory));
                let plan = state
                    .files
                    .plan
                    .iter()
                    .flat_map(|plan| plan.to_string().lines().map(str::to_owned).collect::<Vec<_>>());
                state.history.push(Entry::new(state.now, Role::Wants, None, text).detail(plan));
            }
            vec![watch(state), Effect::Observe]
        }
    }
}

fn watch(state: &State) -> Effect {
    Effect::Watch { project: Arc::clone(&state.project), files: Arc::clone(&state.files.watched) }
}

/// What is wrong with Dockerfiles now. The images that were built before stay in use.
pub(super) fn dockerfiles(state: &mut State, problems: Vec<Arc<Diagnostic>>) -> Vec<Effect> {
    if state.dockerfiles == problems {
        return Vec::new();
    }
    for problem in problems.iter().filter(|problem| !state.dockerfiles.contains(problem)) {
        let detail = problem.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
        state.history.push(Entry::new(state.now, Role::Failed, None, problem.what.clone()).detail(detail));
    }
    state.dockerfiles = problems;
    super::touch(state)
}

fn tell(state: &mut State, errors: &[Arc<Diagnostic>]) {
    let Some(first) = errors.first() else { return };
    let detail = errors.iter().flat_map(|error| error.to_string().lines().map(str::to_owned).collect::<Vec<_>>());
    state.history.push(Entry::new(state.now, Role::Failed, None, first.what.clone()).detail(detail));
}

/// The project is another from now on; what is shown and selected stays where the services are still there.
fn take_over(state: &mut State, project: Arc<Project>) {
    state.log_view.set_services(project.services.keys().cloned().collect());
    state.project = project;
    let known = |name: &ServiceName| state.project.services.contains_key(name);
    state.view.selected.retain(|name| known(name));
    state.deps.retain(known);
    if !state.view.cursor.as_ref().is_some_and(known) {
        state.view.cursor = state.project.services.keys().next().cloned();
    }
    movement::keep_cursor_in_view(state);
}

/// Looks again at what applying an edit would do. Nothing is planned while nothing was edited.
pub(super) fn compare(state: &mut State) {
    if state.files.edited.is_empty() && state.files.plan.is_none() {
        return;
    }
    let goal = goals::whole();
    state.dirty |= state.files.compare(&state.project, state.observed.as_deref(), &state.sources, &goal);
}
