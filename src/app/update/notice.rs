//! What the keys of the top notice do.

use super::touch;
use crate::app::{
    action::Action,
    effect::Effect,
    history::{Entry, Role},
    notices::{self, Notice, NoticeKey},
    overlay::Overlay,
    state::State,
    view::{Pane, Tab},
};

/// The notice that is shown: the gravest.
pub(super) fn top(state: &State) -> Option<Notice> {
    notices::all(state).into_iter().next()
}

/// Whether the shown notice takes `Enter` while the list is focused.
pub(super) fn takes_enter(state: &State) -> bool {
    top(state).is_some_and(|notice| notice.acts.iter().any(|(action, _)| *action == Action::Enter))
}

/// `x`: ignores the change, or closes the notice.
pub(super) fn dismiss(state: &mut State) -> Vec<Effect> {
    let Some(notice) = top(state) else { return Vec::new() };
    state.dirty = true;
    match notice.key {
        NoticeKey::Change(services) => {
            state.changes.ignore(&services);
            return vec![Effect::Remember(state.remembered())];
        }
        NoticeKey::Edit => state.files.ignore(),
        NoticeKey::Failure(job, what) => {
            state.failures.retain(|failure| (failure.job, &failure.diagnostic.what) != (job, &what));
        }
        NoticeKey::Sync(service, _) => drop(state.develop.failed.remove(&service)),
        key => {
            let kept = matches!(key, NoticeKey::Mount(..));
            state.closed.insert(key);
            if kept {
                return vec![Effect::Remember(state.remembered())];
            }
        }
    }
    Vec::new()
}

/// `Enter`: shows what is behind the notice.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    let Some(notice) = top(state) else { return Vec::new() };
    let diagnostic = match &notice.key {
        NoticeKey::Build(job, step) => {
            let before = state.builds.iter().rev().position(|run| run.id == (*job, *step)).unwrap_or(0);
            state.view.build_before = before;
            state.view.build_back = 0;
            state.view.tab = Tab::Build;
            state.view.focus = Pane::Main;
            return touch(state);
        }
        NoticeKey::Load(_) => return show(state, Role::Failed, "the compose files can't be read", &all_errors(state)),
        NoticeKey::Edit => {
            let plan = state.files.plan.as_ref().map(ToString::to_string).unwrap_or_default();
            return show(state, Role::Wants, &notice.text, &plan);
        }
        NoticeKey::Dockerfile(text) => {
            state.dockerfiles.iter().find(|problem| notices::one_line(problem) == *text).cloned()
        }
        NoticeKey::Unseen(_) => state.unseen.clone(),
        NoticeKey::Failure(job, what) => {
            let found = state.failures.iter().find(|failure| (&failure.job, &failure.diagnostic.what) == (job, what));
            found.map(|failure| failure.diagnostic.clone())
        }
        NoticeKey::Sync(service, _) => state.develop.failed.get(service).cloned(),
        NoticeKey::Warning(what) => {
            let warnings = state.files.warnings.iter().chain(&state.develop.warnings).chain(&state.warnings);
            warnings.into_iter().find(|warning| warning.what == *what).cloned()
        }
        NoticeKey::Mount(service, what) => {
            let found = state.mounts.iter().find(|(name, diagnostic)| name == service && diagnostic.what == *what);
            found.map(|(_, diagnostic)| diagnostic.clone())
        }
        NoticeKey::Change(_) | NoticeKey::Orphans(_) => None,
    };
    if let Some(diagnostic) = diagnostic {
        let lines = diagnostic.to_string().lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let entry = Entry::new(state.now, notice.role, None, diagnostic.what.clone()).detail(lines);
        state.overlay = Some(Overlay::Event(Box::new(entry), 0));
    }
    touch(state)
}

/// All that is wrong with the files, one below the other.
fn all_errors(state: &State) -> String {
    state.files.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

fn show(state: &mut State, role: Role, what: &str, text: &str) -> Vec<Effect> {
    let entry = Entry::new(state.now, role, None, what).detail(text.lines().map(str::to_owned));
    state.overlay = Some(Overlay::Event(Box::new(entry), 0));
    touch(state)
}
