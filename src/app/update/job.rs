//! What a run reports: progress, builds, failures, its end.

use std::sync::Arc;

use super::{goals, say};
use crate::{
    app::{
        action::Action,
        age,
        builds::{BuildRun, End},
        effect::{Effect, Quit},
        history::{Entry, Role},
        job::JobId,
        progress::{self, JobProgress},
        state::{Failure, State},
        view::Tab,
    },
    execute::{Event, Outcome, Progress, StepResult, Verdict},
    model::{Diagnostic, ServiceName},
    plan::{ContainerRef, Operation, Step, StepId, Verb},
};

/// Takes in what a run reports.
pub(super) fn event(state: &mut State, id: JobId, event: Event) -> Vec<Effect> {
    state.dirty = true;
    let now = state.now;
    if let Some(progress) = state.progress.get_mut(&id) {
        progress.apply(&event, now);
    }
    match event {
        Event::Planned(plan) => {
            for warning in &plan.warnings {
                warn(state, Arc::new(warning.clone()));
            }
            Vec::new()
        }
        Event::Started(step) => started(state, id, step),
        Event::Progress(step, Progress::Build(event)) => {
            state.builds.apply((id, step), event, now);
            Vec::new()
        }
        Event::Progress(..) => Vec::new(),
        Event::Done { step, took, result } => {
            done(state, id, step, age::took(took), &result);
            Vec::new()
        }
        Event::Failed { step, diagnostic, .. } => {
            step_failed(state, id, step, diagnostic);
            Vec::new()
        }
        Event::Skipped { .. } => Vec::new(),
        Event::Warning(diagnostic) => {
            warn(state, diagnostic);
            Vec::new()
        }
        Event::Finished(outcome) => finished(state, id, &outcome),
    }
}

fn find(state: &State, id: JobId, step: StepId) -> Option<(Step, String)> {
    let progress = state.progress.get(&id)?;
    let step = progress.step(step)?;
    Some((step.clone(), progress.cause(step).unwrap_or_default()))
}

/// Takes note of something that stays true; what is known already is not told again.
pub(super) fn warn(state: &mut State, diagnostic: Arc<Diagnostic>) {
    if state.warnings.contains(&diagnostic) {
        return;
    }
    let detail = diagnostic.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
    state.history.push(Entry::new(state.now, Role::Look, None, diagnostic.what.clone()).detail(detail));
    state.warnings.push(diagnostic);
}

fn started(state: &mut State, id: JobId, step: StepId) -> Vec<Effect> {
    let Some((Step { operation: Operation::Build(build), .. }, cause)) = find(state, id, step) else {
        return Vec::new();
    };
    state.builds.begin(BuildRun {
        id: (id, step),
        image: build.tags.first().cloned().unwrap_or_else(|| "".into()),
        services: build.services,
        cause,
        started: state.now,
        took: None,
        steps: Vec::new(),
        warnings: Vec::new(),
        end: End::Running,
    });
    state.view.build_before = 0;
    state.view.build_back = 0;
    if !state.view.moved {
        state.view.tab = Tab::Build;
    }
    Vec::new()
}

fn done(state: &mut State, id: JobId, step: StepId, took: String, result: &StepResult) {
    let Some((Step { operation, .. }, cause)) = find(state, id, step) else { return };
    if let StepResult::Tolerated(diagnostic) = result {
        warn(state, Arc::clone(diagnostic));
        return;
    }
    let because = if cause.is_empty() { String::new() } else { format!(": {cause}") };
    if let Operation::Create(create) = &operation
        && create.replaces.is_some()
    {
        super::logs::note(state, &create.service, &format!("replaced{because}"));
    }
    let mut tell = |role, service: Option<&ServiceName>, text: String| {
        state.history.push(Entry::new(state.now, role, service.cloned(), text));
    };
    match &operation {
        Operation::Build(build) => {
            build
                .services
                .iter()
                .for_each(|service| tell(Role::Works, Some(service), format!("image built in {took}{because}")));
            state.builds.built((id, step), state.now);
        }
        Operation::Pull { services, image, .. } if matches!(result, StepResult::Image { .. }) => {
            services.iter().for_each(|service| tell(Role::Works, Some(service), format!("{image} pulled in {took}")));
        }
        Operation::Create(create) => {
            let word = if create.replaces.is_some() { "replaced" } else { "created" };
            tell(Role::Works, Some(&create.service), format!("{word}{because}"));
        }
        Operation::Stop { target, .. } | Operation::Kill { target, .. } => {
            if let ContainerRef::Existing(container) = &target.container {
                state.stopped.insert(container.clone());
            }
        }
        Operation::RemoveVolume { name } => tell(Role::Look, None, format!("volume {name} removed")),
        Operation::RenewVolume { name, .. } if *result == StepResult::Done => {
            tell(Role::Works, None, format!("volume {name} renewed{because}"));
        }
        Operation::CreateVolume { name, .. } if *result == StepResult::Done => {
            tell(Role::Works, None, format!("volume {name} created"));
        }
        _ => {}
    }
}

fn step_failed(state: &mut State, id: JobId, step: StepId, diagnostic: Arc<Diagnostic>) {
    let found = find(state, id, step);
    let service =
        found.as_ref().and_then(|(step, _)| progress::services(&step.operation).first().map(|name| (*name).clone()));
    let detail = diagnostic.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
    state.history.push(Entry::new(state.now, Role::Failed, service.clone(), diagnostic.what.clone()).detail(detail));
    if matches!(found, Some((Step { operation: Operation::Build(_), .. }, _))) {
        // The Build tab and its notice tell it better.
        state.builds.end((id, step), Some(&diagnostic.what), state.now);
        let services = found.iter().flat_map(|(step, _)| progress::services(&step.operation)).cloned();
        for service in services.collect::<Vec<_>>() {
            let why = match state.builds.latest(&service).map(|run| &run.end) {
                Some(End::Failed(_, verdict)) => verdict.sentence.clone(),
                _ => diagnostic.what.clone(),
            };
            super::logs::note(state, &service, &format!("build failed, goes on as it is: {why}"));
        }
    } else {
        fail(state, id, service, diagnostic);
    }
}

/// Keeps a failure until it is closed or done again.
fn fail(state: &mut State, job: JobId, service: Option<ServiceName>, diagnostic: Arc<Diagnostic>) {
    let again = state.progress.get(&job).and_then(|progress| again(&progress.job.goal.verb));
    state.failures.push(Failure { job, service, again, rolled_back: false, diagnostic });
}

/// The action that asks for a verb again.
pub(super) fn again(verb: &Verb) -> Option<Action> {
    match verb {
        Verb::Up(_) => Some(Action::ApplyPlan),
        Verb::Rebuild(_) => Some(Action::Rebuild),
        Verb::Restart { .. } => Some(Action::Restart),
        Verb::Stop { .. } => Some(Action::Stop),
        _ => None,
    }
}

fn finished(state: &mut State, id: JobId, outcome: &Outcome) -> Vec<Effect> {
    state.builds.end_job(id, state.now);
    state.files.ended(id, matches!(outcome.verdict, Verdict::Done | Verdict::NothingToDo));
    super::files::compare(state);
    for (step, diagnostic) in &outcome.failures {
        // Failures of no step were not told yet: the goal could not be planned, the engine was lost.
        if step.is_none() {
            let detail = diagnostic.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
            state.history.push(Entry::new(state.now, Role::Failed, None, diagnostic.what.clone()).detail(detail));
            fail(state, id, None, Arc::clone(diagnostic));
        }
    }
    let ended = state.progress.remove(&id);
    for failure in state.failures.iter_mut().filter(|failure| failure.job == id) {
        failure.rolled_back = failure.service.as_ref().is_some_and(|service| outcome.rolled_back.contains(service));
    }
    for service in &outcome.rolled_back {
        let text = "the new container did not prove itself: the old one is back".to_owned();
        super::logs::note(state, service, &text);
        state.history.push(Entry::new(state.now, Role::Look, Some(service.clone()), text));
    }
    if let Some(progress) = &ended {
        conclude(state, progress, outcome);
    }
    let mut effects = vec![Effect::Observe];
    let next = state.jobs.finish(id);
    if state.leaving.is_some_and(|leaving| leaving.job == id) {
        state.leaving = None;
        if matches!(outcome.verdict, Verdict::Done | Verdict::NothingToDo) {
            return vec![Effect::Quit(Quit::Stopped)];
        }
    }
    for job in next {
        effects.extend(goals::begin(state, job));
    }
    effects
}

/// Says how a job ended, and gives the tab back that a build took.
fn conclude(state: &mut State, progress: &JobProgress, outcome: &Outcome) {
    let verb = &progress.job.goal.verb;
    let text = match outcome.verdict {
        Verdict::Done => match verb {
            Verb::Up(_) => format!("{} is up in {}", state.project.name, age::took(outcome.took)),
            verb => format!("{} done in {}", verb.name(), age::took(outcome.took)),
        },
        Verdict::NothingToDo => format!("{}: nothing to do", verb.name()),
        Verdict::Cancelled => format!("{} cancelled", verb.name()),
        Verdict::Failed => format!("{} failed", verb.name()),
    };
    let role = if outcome.verdict == Verdict::Failed { Role::Failed } else { Role::Works };
    if outcome.verdict != Verdict::NothingToDo {
        state.history.push(Entry::new(state.now, role, None, text.clone()));
    }
    say(state, text);
    let failed_build = state.builds.iter().any(|run| run.id.0 == progress.job.id && matches!(run.end, End::Failed(..)));
    if !state.view.moved && !failed_build && state.view.tab == Tab::Build {
        state.view.tab = Tab::Logs;
    }
}
