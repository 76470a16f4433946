//! Leaving, in all its ways.

use std::time::Duration;

use super::{goals, say};
use crate::app::{
    effect::{Effect, Quit},
    overlay::{Answer, Confirm, Decision, Overlay},
    state::{Leaving, State},
};
use crate::plan::{Goal, Selection, Verb};

/// Ctrl-C twice within this time leaves, whatever goes on.
const TWICE: Duration = Duration::from_secs(1);

/// Ctrl-C: cancels what runs; with nothing running asks; twice leaves.
pub(super) fn interrupt(state: &mut State) -> Vec<Effect> {
    state.dirty = true;
    let twice = state.interrupted.is_some_and(|before| state.now.since(before) <= TWICE);
    state.interrupted = Some(state.now);
    if twice {
        return leave();
    }
    if !state.jobs.is_idle() {
        return cancel(state);
    }
    state.overlay = match state.overlay.take() {
        Some(Overlay::Confirm(_)) => None,
        _ => Some(Overlay::Confirm(question(state))),
    };
    Vec::new()
}

fn cancel(state: &mut State) -> Vec<Effect> {
    let waiting: Vec<_> = state.jobs.waiting().map(|job| job.id).collect();
    for id in waiting {
        state.jobs.forget(id);
    }
    let running: Vec<_> = state.jobs.running().map(|job| job.id).collect();
    for id in &running {
        if let Some(progress) = state.progress.get_mut(id) {
            progress.cancelled = true;
        }
    }
    state.leaving = None;
    say(state, "cancelling");
    running.into_iter().map(Effect::Cancel).collect()
}

fn question(state: &State) -> Confirm {
    let mut answers = vec![Answer { key: 'q', word: "leave them running", does: Decision::Leave }];
    if state.engine.is_connected() {
        answers.push(Answer { key: 'Q', word: "stop them and leave", does: Decision::StopAndLeave });
    }
    Confirm {
        question: format!("Leave devbox? The services of {} go on.", state.project.name),
        answers,
        otherwise: "stay",
    }
}

/// Leaves; the services go on.
pub(super) fn leave() -> Vec<Effect> {
    vec![Effect::Quit(Quit::Left)]
}

/// Stops everything, and leaves when that is done. Asked again, leaves at once.
pub(super) fn stop_and_leave(state: &mut State) -> Vec<Effect> {
    if state.leaving.is_some() {
        return leave();
    }
    if !state.engine.is_connected() {
        return say(state, "the engine doesn't answer, so nothing can be stopped: q leaves");
    }
    if state.containers_none() && state.jobs.is_idle() {
        return vec![Effect::Quit(Quit::Stopped)];
    }
    let mut effects = if state.jobs.is_idle() { Vec::new() } else { cancel(state) };
    let (job, started) = goals::ask(state, Goal::new(Verb::Stop { timeout: None }, Selection::All));
    state.leaving = Some(Leaving { job });
    effects.extend(started);
    say(state, "stopping everything, then leaving");
    effects
}
