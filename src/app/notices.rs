//! The line above the keys: what wants the user, read from the state, so that a notice goes when its cause is gone.
//! What the user closed is kept by key and shown no more while the same cause lasts.

use std::sync::Arc;

use super::{
    action::Action,
    builds::{BuildRun, End},
    changes::{Group, ServiceChange},
    history::Role,
    job::JobId,
    state::{Failure, State},
};
use crate::{
    model::{Diagnostic, ServiceName},
    plan::{Plan, StepId},
};

/// By which a closed notice is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKey {
    /// The compose files can't be read: the messages.
    Load(String),
    /// An edit of the compose files waits; closing it goes through [`super::files::Files::ignore`].
    Edit,
    /// A Dockerfile can't be read: the message with its place.
    Dockerfile(String),
    /// The engine answers, and what exists can't be seen: the message.
    Unseen(String),
    /// A step of a job failed: the job and the message.
    Failure(JobId, String),
    /// Files could not be brought into a service's containers: which, and the message.
    Sync(ServiceName, String),
    /// A build failed.
    Build(JobId, StepId),
    /// A change waits; closing it goes through [`super::changes::Changes::ignore`].
    Change(Vec<ServiceName>),
    /// Containers without a service: their names.
    Orphans(Vec<String>),
    /// A warning of the project: its message.
    Warning(String),
    /// Something to know of a service's mount: the service and the message. Closed once, it stays closed at the next start.
    Mount(ServiceName, String),
}

/// What wants the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// By which it is closed.
    pub key: NoticeKey,
    /// How grave it is.
    pub role: Role,
    /// One line.
    pub text: String,
    /// More than fits the line: packages of a change.
    pub more: Vec<String>,
    /// Keys that act on it, with the word to show.
    pub acts: Vec<(Action, &'static str)>,
}

/// Every notice that is not closed, the gravest first.
pub fn all(state: &State) -> Vec<Notice> {
    let mut notices = Vec::new();
    notices.extend(load(&state.files.errors));
    notices.extend(state.dockerfiles.iter().map(|problem| dockerfile(problem)));
    notices.extend(state.unseen.as_deref().map(unseen));
    notices.extend(state.failures.iter().map(failure));
    notices.extend(state.develop.failed.iter().map(|(service, problem)| unsynced(service, problem)));
    notices.extend(failed_builds(state).map(|run| build(state, run)));
    notices.extend(waiting_groups(state).map(|group| change(&group)));
    notices.extend(edit(state));
    notices.extend(orphan_notice(state));
    notices.extend(state.mounts.iter().map(|(service, known)| mount(service, known)));
    let warnings = state.files.warnings.iter().chain(&state.develop.warnings).chain(&state.warnings);
    notices.extend(warnings.map(|warning| self::warning(warning)));
    notices.retain(|notice| !state.closed.contains(&notice.key));
    notices
}

pub(super) fn one_line(diagnostic: &Diagnostic) -> String {
    match &diagnostic.place {
        Some(place) => format!("{place}: {}", diagnostic.what),
        None => diagnostic.what.clone(),
    }
}

const CLOSE: (Action, &str) = (Action::Dismiss, "close");

fn load(errors: &[Arc<Diagnostic>]) -> Option<Notice> {
    let more = match errors.len() {
        0 | 1 => Vec::new(),
        count => vec![format!("and {} more", count - 1)],
    };
    Some(Notice {
        key: NoticeKey::Load(errors.iter().map(ToString::to_string).collect()),
        role: Role::Failed,
        text: one_line(errors.first()?),
        more,
        acts: vec![(Action::Enter, "where"), CLOSE],
    })
}

fn dockerfile(problem: &Diagnostic) -> Notice {
    let text = one_line(problem);
    Notice {
        key: NoticeKey::Dockerfile(text.clone()),
        role: Role::Failed,
        text,
        more: Vec::new(),
        acts: vec![(Action::Enter, "where"), CLOSE],
    }
}

fn unseen(diagnostic: &Diagnostic) -> Notice {
    Notice {
        key: NoticeKey::Unseen(diagnostic.what.clone()),
        role: Role::Failed,
        text: one_line(diagnostic),
        more: Vec::new(),
        acts: vec![(Action::Enter, "why"), CLOSE],
    }
}

fn edit(state: &State) -> Option<Notice> {
    let plan = state.files.plan.as_ref()?;
    Some(Notice {
        key: NoticeKey::Edit,
        role: Role::Wants,
        text: format!("{} changed", state.files.names(&state.project.directory)),
        more: steps(plan),
        acts: vec![(Action::ApplyPlan, "apply"), (Action::Enter, "plan"), CLOSE],
    })
}

fn failure(failure: &Failure) -> Notice {
    let mut text = one_line(&failure.diagnostic);
    if failure.rolled_back {
        text.push_str(": the old one is back");
    }
    let again = failure.again.map(|action| (action, "again"));
    Notice {
        key: NoticeKey::Failure(failure.job, failure.diagnostic.what.clone()),
        role: Role::Failed,
        text,
        more: Vec::new(),
        acts: [(Action::Enter, "why")].into_iter().chain(again).chain([CLOSE]).collect(),
    }
}

fn unsynced(service: &ServiceName, problem: &Diagnostic) -> Notice {
    Notice {
        key: NoticeKey::Sync(service.clone(), problem.what.clone()),
        role: Role::Failed,
        text: one_line(problem),
        more: Vec::new(),
        acts: vec![(Action::Enter, "why"), CLOSE],
    }
}

/// The builds that failed and were not built again since.
pub fn failed_builds(state: &State) -> impl Iterator<Item = &BuildRun> {
    let last = |run: &&BuildRun| {
        run.services.first().and_then(|service| state.builds.latest(service)).is_some_and(|last| last.id == run.id)
    };
    state.builds.iter().rev().filter(|run| matches!(run.end, End::Failed(..))).filter(last)
}

fn build(state: &State, run: &BuildRun) -> Notice {
    let text = match &run.end {
        End::Failed(_, verdict) => match verdict.place(&state.sources) {
            Some((place, _)) => format!("{}: {} ({place})", run.image, verdict.short),
            None => format!("{}: {}", run.image, verdict.short),
        },
        End::Running | End::Built | End::Cancelled => run.image.to_string(),
    };
    Notice {
        key: NoticeKey::Build(run.id.0, run.id.1),
        role: Role::Failed,
        text,
        more: Vec::new(),
        acts: vec![(Action::Enter, "output"), (Action::Rebuild, "again"), CLOSE],
    }
}

/// Whether a rebuild of all its services is under way: then nothing is to be asked.
fn is_being_built(state: &State, group: &Group<'_>) -> bool {
    let builds = |service: &&ServiceName| {
        state.builds.running().any(|run| run.started >= group.change.since && run.services.contains(service))
    };
    group.services.iter().all(builds)
}

fn waiting_groups(state: &State) -> impl Iterator<Item = Group<'_>> {
    state.changes.groups().into_iter().filter(|group| !is_being_built(state, group))
}

/// How many changes wait for the user: of dependencies, and an edit of the compose files.
pub fn waiting(state: &State) -> usize {
    waiting_groups(state).count() + usize::from(state.files.plan.is_some())
}

fn change(group: &Group<'_>) -> Notice {
    let services: Vec<ServiceName> = group.services.iter().copied().cloned().collect();
    let mut acts = vec![(Action::Rebuild, "rebuild"), (Action::Dismiss, "ignore")];
    if group.change.manifests.iter().any(|manifest| !manifest.lines.is_empty()) {
        acts.insert(1, (Action::Diff, "diff"));
    }
    Notice {
        key: NoticeKey::Change(services),
        role: Role::Wants,
        text: format!("{} changed", group.change.names()),
        more: described(group.change),
        acts,
    }
}

/// A plan in pieces, one for each thing that is done: `recreate web, worker`.
fn steps(plan: &Plan) -> Vec<String> {
    let mut steps: Vec<(&str, Vec<String>)> = Vec::new();
    for group in plan.visible() {
        let (word, subject) = (group.action.word(), group.subject.to_string());
        match steps.iter_mut().find(|(known, _)| *known == word) {
            Some((_, subjects)) => subjects.push(subject),
            None => steps.push((word, vec![subject])),
        }
    }
    steps.into_iter().map(|(word, subjects)| format!("{word} {}", subjects.join(", "))).collect()
}

/// A change in pieces: its packages, or what the manifests' changes amount to.
pub fn described(change: &ServiceChange) -> Vec<String> {
    let packages = change.packages();
    if packages.is_empty() {
        let other = |manifest: &super::changes::ManifestDiff| manifest.change.to_string();
        return change.manifests.iter().map(other).filter(|text| text != "changed").collect();
    }
    packages.iter().map(ToString::to_string).collect()
}

/// Names of containers whose service is not in the file.
pub fn orphans(state: &State) -> Vec<String> {
    let containers = state.observed.iter().flat_map(|observed| &observed.containers);
    let orphans =
        containers.filter(|container| !container.oneoff && !state.project.services.contains_key(&container.service));
    let mut names: Vec<String> = orphans.map(|container| container.name.clone()).collect();
    names.sort();
    names
}

fn orphan_notice(state: &State) -> Option<Notice> {
    let names = orphans(state);
    let text = match names.as_slice() {
        [] => return None,
        [name] => format!("{name} belongs to no service of the file"),
        [name, rest @ ..] => format!("{name} and {} more belong to no service of the file", rest.len()),
    };
    let acts = vec![(Action::Palette, "remove orphans"), CLOSE];
    Some(Notice { key: NoticeKey::Orphans(names), role: Role::Look, text, more: Vec::new(), acts })
}

fn mount(service: &ServiceName, known: &Diagnostic) -> Notice {
    Notice {
        key: NoticeKey::Mount(service.clone(), known.what.clone()),
        role: Role::Look,
        text: known.what.clone(),
        more: Vec::new(),
        acts: vec![(Action::Enter, "more"), CLOSE],
    }
}

fn warning(diagnostic: &Diagnostic) -> Notice {
    Notice {
        key: NoticeKey::Warning(diagnostic.what.clone()),
        role: Role::Look,
        text: one_line(diagnostic),
        more: Vec::new(),
        acts: vec![(Action::Enter, "more"), CLOSE],
    }
}

/// The service whose waiting change `d` shows: that of the cursor, or the first.
pub fn diffable(state: &State) -> Option<&ServiceName> {
    let has_text = |name: &&ServiceName| {
        state.changes.of(name).is_some_and(|change| change.manifests.iter().any(|manifest| !manifest.lines.is_empty()))
    };
    let cursor = state.view.cursor.as_ref().filter(has_text);
    cursor.or_else(|| state.changes.groups().into_iter().flat_map(|group| group.services).find(has_text))
}

/// The published address of the service under the cursor.
pub fn address(state: &State) -> Option<String> {
    let service = state.view.cursor.as_ref()?;
    let ports = state.containers(service).into_iter().flat_map(|container| &container.ports);
    let port =
        ports.filter(|port| port.protocol == "tcp").find_map(|port| Some((port.host_ip.as_str(), port.host_port?)))?;
    let host = match port.0 {
        "" | "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        ip if ip.contains(':') => format!("[{ip}]"),
        ip => ip.to_owned(),
    };
    let scheme = if matches!(port.1, 443 | 8443) { "https" } else { "http" };
    Some(format!("{scheme}://{host}:{}", port.1))
}
