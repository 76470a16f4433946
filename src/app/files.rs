//! How the project's files stand: what is wrong with them, what loading them read, and what an edit of them would do.
//!
//! An edit is compared with the project that was applied last, by the planner that `u` asks, so that what is shown is what is
//! done. Going back to what is applied is no edit. Files that can't be read leave the project of before in force.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::job::JobId;
use crate::{
    model::{Diagnostic, Observed, Project, ServiceName, Sources},
    plan::{self, Goal, Plan, Subject},
};

/// What reading the files gave.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The project, or all that is wrong; never nothing.
    pub result: Result<Arc<Project>, Vec<Arc<Diagnostic>>>,
    /// What the loader warned of.
    pub warnings: Vec<Arc<Diagnostic>>,
    /// Everything that loading read or looked for, absolute.
    pub files: BTreeSet<PathBuf>,
}

/// How the files stand.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// What is wrong with them as they are now.
    pub errors: Vec<Arc<Diagnostic>>,
    /// What the loader warned of.
    pub warnings: Vec<Arc<Diagnostic>>,
    /// Everything that loading read or looked for: what is watched beside the manifests.
    pub watched: Arc<BTreeSet<PathBuf>>,
    /// What was edited and is not applied, for words.
    pub edited: BTreeSet<PathBuf>,
    /// What `u` would do about the edit.
    pub plan: Option<Arc<Plan>>,
    /// The project as it was when devbox opened, or when `up` ended last.
    applied: Option<Arc<Project>>,
    /// The run that applies an edit, and the project as it carries it out.
    applying: Option<(JobId, Arc<Project>)>,
}

impl Files {
    /// The files of a project that was just read.
    pub fn of(project: &Arc<Project>) -> Self {
        Self { applied: Some(Arc::clone(project)), ..Self::default() }
    }

    /// A run of `up` for the whole project begins.
    pub fn applying(&mut self, job: JobId, project: &Arc<Project>) {
        self.applying = Some((job, Arc::clone(project)));
        self.plan = None;
    }

    /// A run ended; with `done` the project is now as the run wanted it.
    pub fn ended(&mut self, job: JobId, done: bool) {
        if let Some((_, project)) = self.applying.take_if(|(id, _)| *id == job)
            && done
        {
            self.applied = Some(project);
        }
    }

    /// The edit is left as it is: it is shown no more until another one comes.
    pub fn ignore(&mut self) {
        self.edited.clear();
        self.plan = None;
    }

    /// Compares what is in force with what is applied and with what exists. Says whether what is shown changed.
    pub fn compare(&mut self, project: &Project, observed: Option<&Observed>, sources: &Sources, goal: &Goal) -> bool {
        let same = self.applied.as_deref() == Some(project);
        let plan = match observed {
            _ if same || self.applying.is_some() => None,
            None => None,
            Some(observed) => plan::plan(project, observed, sources, goal).ok(),
        };
        let plan = plan.filter(|plan| plan.visible().next().is_some()).map(Arc::new);
        if same && self.applying.is_none() {
            self.edited.clear();
        }
        let changed = self.plan != plan;
        self.plan = plan;
        changed
    }

    /// Whether applying the edit does something to a service.
    pub fn waits(&self, service: &ServiceName) -> bool {
        let groups = self.plan.iter().flat_map(|plan| plan.visible());
        groups.into_iter().any(|group| match &group.subject {
            Subject::Container { service: name, .. } | Subject::Service(name) => name == service,
            Subject::Image(_, services) => services.contains(service),
            Subject::Network(_) | Subject::Volume(_) => false,
        })
    }

    /// The names of the edited files, as the user wrote them where they lie in the project's folder.
    pub fn names(&self, folder: &Path) -> String {
        let name = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).display().to_string();
        self.edited.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}
