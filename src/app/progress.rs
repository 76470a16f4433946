//! How far each job is: its plan and what became of each step, and what that means for one service in a few words.

use std::{collections::BTreeMap, sync::Arc};

use super::job::Job;
use crate::{
    execute::{Event, Progress, PullProgress, StepResult},
    model::{Condition, ImageRef, ServiceName, Timestamp},
    plan::{Operation, Plan, Readiness, Step, StepId},
};

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepStatus {
    /// Since when, and what it said last.
    Runs(Timestamp, Option<Note>),
    /// It ended well, or was not needed.
    Done,
    /// It failed.
    Failed,
    /// It was not run.
    Skipped,
}

/// What a running step said last.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// A pull's layers and bytes.
    Pull(PullProgress),
    /// What a wait saw.
    Waiting(String),
}

/// One job with its plan and steps.
#[derive(Debug, Clone)]
pub struct JobProgress {
    /// Which.
    pub job: Job,
    /// When it began.
    pub started: Timestamp,
    /// The user wants it to end.
    pub cancelled: bool,
    /// What it does; `None` until it was planned.
    pub plan: Option<Arc<Plan>>,
    /// Steps that are not waiting any more.
    pub steps: BTreeMap<StepId, StepStatus>,
}

/// What a job does to a service now, in the words of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// An image is built for it: of which image, since when.
    Builds(StepId, Timestamp),
    /// Another service's step builds the same image.
    WaitsForBuild,
    /// Words, and since when.
    Step(String, Option<Timestamp>),
}

/// The services that a step is about.
pub fn services(operation: &Operation) -> Vec<&ServiceName> {
    match operation {
        Operation::Build(build) => build.services.iter().collect(),
        Operation::Pull { services, .. } | Operation::RenewVolume { services, .. } => services.iter().collect(),
        Operation::Create(create) => vec![&create.service],
        Operation::Start(target)
        | Operation::Stop { target, .. }
        | Operation::Kill { target, .. }
        | Operation::Restart { target, .. }
        | Operation::Pause(target)
        | Operation::Unpause(target)
        | Operation::Remove { target, .. }
        | Operation::Rename { target, .. }
        | Operation::Sync { target, .. }
        | Operation::Exec { target, .. } => vec![&target.service],
        Operation::Wait { service, .. } => vec![service],
        Operation::CreateNetwork { .. }
        | Operation::RemoveNetwork { .. }
        | Operation::CreateVolume { .. }
        | Operation::RemoveVolume { .. }
        | Operation::RemoveImage { .. }
        | Operation::TagImage { .. } => Vec::new(),
    }
}

/// The image that a build step names.
pub fn image(operation: &Operation) -> Option<&ImageRef> {
    match operation {
        Operation::Build(build) => build.tags.first(),
        Operation::Pull { image, .. } => Some(image),
        _ => None,
    }
}

impl JobProgress {
    /// A job that begins.
    pub fn new(job: Job, started: Timestamp) -> Self {
        Self { job, started, cancelled: false, plan: None, steps: BTreeMap::new() }
    }

    /// Takes in what the run reports of its plan and steps.
    pub fn apply(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::Planned(plan) => self.plan = Some(Arc::clone(plan)),
            Event::Started(step) => self.set(*step, StepStatus::Runs(now, None)),
            Event::Progress(step, progress) => self.note(*step, progress, now),
            Event::Done { step, result, .. } => {
                let status = if *result == StepResult::Unneeded { StepStatus::Skipped } else { StepStatus::Done };
                self.set(*step, status);
            }
            Event::Failed { step, .. } => self.set(*step, StepStatus::Failed),
            Event::Skipped { step, .. } => self.set(*step, StepStatus::Skipped),
            Event::Warning(_) | Event::Finished(_) => {}
        }
    }

    fn set(&mut self, step: StepId, status: StepStatus) {
        self.steps.insert(step, status);
    }

    fn note(&mut self, step: StepId, progress: &Progress, now: Timestamp) {
        let note = match progress {
            Progress::Pull(pull) => Note::Pull(pull.clone()),
            Progress::Waiting(text) => Note::Waiting(text.clone()),
            Progress::Build(_) | Progress::Hook(_) => return,
        };
        match self.steps.entry(step).or_insert(StepStatus::Runs(now, None)) {
            StepStatus::Runs(_, said) => *said = Some(note),
            StepStatus::Done | StepStatus::Failed | StepStatus::Skipped => {}
        }
    }

    /// A step of the plan.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.plan.as_ref()?.steps.iter().find(|step| step.id == id)
    }

    /// Why a step is done; nothing where what it does says it.
    pub fn cause(&self, step: &Step) -> Option<String> {
        let group = self.plan.as_ref()?.groups.iter().find(|group| group.id == step.group)?;
        (group.cause != crate::plan::Cause::Missing).then(|| group.cause.to_string())
    }

    /// What the job does to a service now; `None` when it does nothing more.
    pub fn doing(&self, service: &ServiceName) -> Option<Doing> {
        if !self.job.services.contains(service) {
            return None;
        }
        let Some(plan) = &self.plan else {
            return Some(Doing::Step("planning".to_owned(), None));
        };
        let own = || plan.steps.iter().filter(|step| services(&step.operation).contains(&service));
        let running = own().find_map(|step| match self.steps.get(&step.id) {
            Some(StepStatus::Runs(since, note)) => Some((step, *since, note.as_ref())),
            _ => None,
        });
        if let Some((step, since, note)) = running {
            return Some(self.running(step, service, since, note));
        }
        let next = own().find(|step| !self.steps.contains_key(&step.id))?;
        Some(Doing::Step(self.waits_for(next, service)?, None))
    }

    fn running(&self, step: &Step, service: &ServiceName, since: Timestamp, note: Option<&Note>) -> Doing {
        let word = match &step.operation {
            Operation::Build(build) if build.services.first() == Some(service) => return Doing::Builds(step.id, since),
            Operation::Build(_) => return Doing::WaitsForBuild,
            Operation::Pull { .. } => match note {
                Some(Note::Pull(pull)) if pull.total > 0 => {
                    format!("pulling {}%", pull.bytes.min(pull.total) * 100 / pull.total)
                }
                Some(Note::Pull(pull)) if pull.layers > 0 => format!("pulling {}/{}", pull.layers_done, pull.layers),
                _ => "pulling".to_owned(),
            },
            Operation::Wait { readiness, .. } => waiting_word(*readiness).to_owned(),
            Operation::Create(_) | Operation::Rename { .. } => "creating".to_owned(),
            Operation::Start(_) => "starting".to_owned(),
            Operation::Stop { .. } | Operation::Kill { .. } => "stopping".to_owned(),
            Operation::Restart { .. } => "restarting".to_owned(),
            Operation::Pause(_) => "pausing".to_owned(),
            Operation::Unpause(_) => "resuming".to_owned(),
            Operation::Sync { .. } | Operation::Exec { .. } => "syncing".to_owned(),
            Operation::Remove { .. } => "removing".to_owned(),
            _ => "working".to_owned(),
        };
        Doing::Step(word, Some(since))
    }

    /// What a waiting step waits for: the first thing before it that is not done, if that is another service's matter.
    fn waits_for(&self, step: &Step, service: &ServiceName) -> Option<String> {
        let plan = self.plan.as_ref()?;
        let mut open = step.needs.clone();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) || matches!(self.steps.get(&id), Some(StepStatus::Done | StepStatus::Skipped)) {
                continue;
            }
            let Some(need) = plan.steps.iter().find(|step| step.id == id) else { continue };
            let about = services(&need.operation);
            let other = about.first().filter(|_| !about.contains(&service));
            match (&need.operation, other) {
                (Operation::Wait { readiness: Readiness::Condition(condition), .. }, Some(other)) => {
                    return Some(format!("waits for {other} {}", condition_word(*condition)));
                }
                (_, Some(other)) => return Some(format!("waits for {other}")),
                (_, None) => open.extend(need.needs.iter().copied()),
            }
        }
        Some("waits".to_owned())
    }

    /// Whether a step of it ends a service's process now or is about to: an exit is what it wants.
    pub fn stops(&self, service: &ServiceName) -> bool {
        let Some(plan) = &self.plan else { return false };
        let ends = |operation: &Operation| {
            matches!(
                operation,
                Operation::Stop { .. } | Operation::Kill { .. } | Operation::Restart { .. } | Operation::Remove { .. }
            )
        };
        let own =
            plan.steps.iter().filter(|step| ends(&step.operation) && services(&step.operation).contains(&service));
        own.into_iter().any(|step| matches!(self.steps.get(&step.id), Some(StepStatus::Runs(..) | StepStatus::Done)))
    }

    /// How many of the job's services are ready, and how many there are.
    pub fn ready(&self) -> (usize, usize) {
        let done =
            self.job.services.iter().filter(|service| self.plan.is_some() && self.doing(service).is_none()).count();
        (done, self.job.services.len())
    }
}

/// The condition of a dependency in a word.
pub fn condition_word(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "started",
        Condition::Healthy => "healthy",
        Condition::CompletedSuccessfully => "completed",
    }
}

fn waiting_word(readiness: Readiness) -> &'static str {
    match readiness {
        Readiness::Condition(Condition::CompletedSuccessfully) => "running",
        Readiness::Condition(_) | Readiness::RunningOrHealthy => "starting",
        Readiness::Proved { .. } => "proving itself",
    }
}
