//! Builds of this session: their steps, times and output, newest last.
//!
//! Fed with [`BuildEvent`]s; what a build says never drives the terminal, since its lines go through the same cleaning as
//! containers' lines when they are drawn. Bounded: builds, steps, lines per step and the length of a line.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{job::JobId, verdict::Verdict};
use crate::{
    model::{BuildEvent, BuildFailure, BuildStep, BuildStepId, ImageRef, ServiceName, Timestamp},
    plan::StepId,
};

/// Builds kept.
const RUNS: usize = 20;
/// Steps kept of one build; a Dockerfile has tens.
const STEPS: usize = 1_000;
/// Lines kept of one step, the last ones.
const LINES: usize = 1_000;
/// Bytes kept of one line.
const LINE: usize = 4_096;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Others come first.
    Waits,
    /// Since when.
    Runs(Timestamp),
    /// It was there.
    Cached,
    /// It took this long.
    Done(Duration),
    /// After this long.
    Failed(Duration),
}

/// A step of a build with what it said.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    /// Which.
    pub step: BuildStep,
    /// How far.
    pub state: StepState,
    /// Its last lines.
    pub output: VecDeque<String>,
    /// Lines that were dropped from the front of `output`.
    pub dropped: usize,
    /// The part that moves: of what, done, of how many (0 when unknown).
    pub progress: Option<(String, u64, u64)>,
}

/// How a build stands.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It goes on.
    Running,
    /// The image is there.
    Built,
    /// There is none.
    Failed(Arc<BuildFailure>, Verdict),
    /// The user ended it.
    Cancelled,
}

/// One build of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildRun {
    /// The job it belongs to, and its step there.
    pub id: (JobId, StepId),
    /// The image's name.
    pub image: ImageRef,
    /// The services that run it.
    pub services: Vec<ServiceName>,
    /// Why it was built.
    pub cause: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, when it is over.
    pub took: Option<Duration>,
    /// In the order in which they became known.
    pub steps: Vec<StepRun>,
    /// What the builder warns of.
    pub warnings: Vec<String>,
    /// How it stands.
    pub end: End,
}

impl BuildRun {
    /// The numbered step that runs, or the last one that ended: its number and how many there are.
    pub fn position(&self) -> Option<(u32, u32)> {
        let running = self.steps.iter().filter(|step| matches!(step.state, StepState::Runs(_)));
        let ended = self.steps.iter().filter(|step| !matches!(step.state, StepState::Waits));
        running
            .filter_map(|step| step.step.number)
            .next_back()
            .or_else(|| ended.filter_map(|step| step.step.number).max())
    }

    /// The step that failed.
    pub fn failed_step(&self) -> Option<&StepRun> {
        self.steps.iter().find(|step| matches!(step.state, StepState::Failed(_)))
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.end == End::Running
    }

    fn step(&mut self, id: BuildStepId) -> Option<&mut StepRun> {
        self.steps.iter_mut().find(|step| step.step.id == id)
    }

    fn set(&mut self, id: BuildStepId, state: StepState) {
        if let Some(step) = self.step(id) {
            step.state = state;
            step.progress = None;
        }
    }

    fn know(&mut self, step: BuildStep) {
        if let Some(known) = self.step(step.id) {
            known.step = step;
        } else if self.steps.len() < STEPS {
            let output = VecDeque::new();
            self.steps.push(StepRun { step, state: StepState::Waits, output, dropped: 0, progress: None });
        }
    }

    fn output(&mut self, id: BuildStepId, lines: Vec<String>) {
        let Some(step) = self.step(id) else { return };
        for mut line in lines {
            if line.len() > LINE {
                let end = (0..=LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
                line.truncate(end);
            }
            step.output.push_back(line);
        }
        let surplus = step.output.len().saturating_sub(LINES);
        step.output.drain(..surplus);
        step.dropped += surplus;
    }

    fn fail(&mut self, failure: BuildFailure, now: Timestamp) {
        let verdict = Verdict::of(&failure);
        self.took = Some(now.since(self.started));
        self.end = End::Failed(Arc::new(failure), verdict);
    }

    /// Takes in what the builder says.
    pub fn apply(&mut self, event: BuildEvent, now: Timestamp) {
        match event {
            BuildEvent::Step(step) => self.know(step),
            BuildEvent::Started(id) => self.set(id, StepState::Runs(now)),
            BuildEvent::Cached(id) => self.set(id, StepState::Cached),
            BuildEvent::Output(id, lines) => self.output(id, lines),
            BuildEvent::Progress { step, what, current, total } => {
                if let Some(step) = self.step(step) {
                    step.progress = Some((what, current, total));
                }
            }
            BuildEvent::Done(id, took) => self.set(id, StepState::Done(took)),
            BuildEvent::StepFailed(id, took) => self.set(id, StepState::Failed(took)),
            BuildEvent::Warning(text) if self.warnings.len() < LINES => self.warnings.push(text),
            BuildEvent::Warning(_) => {}
            BuildEvent::Built { took, .. } => {
                self.took = Some(took);
                self.end = End::Built;
            }
            BuildEvent::Failed(failure) => self.fail(failure, now),
        }
    }
}

/// The builds of a session.
#[derive(Debug, Clone, Default)]
pub struct Builds {
    runs: VecDeque<BuildRun>,
}

impl Builds {
    /// Takes note of a build that begins.
    pub fn begin(&mut self, run: BuildRun) {
        if self.runs.len() >= RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(run);
    }

    /// Takes in what a builder says of one of them.
    pub fn apply(&mut self, id: (JobId, StepId), event: BuildEvent, now: Timestamp) {
        if let Some(run) = self.runs.iter_mut().rfind(|run| run.id == id) {
            run.apply(event, now);
        }
    }

    /// Takes note that an image is there, where the builder did not say so itself.
    pub fn built(&mut self, id: (JobId, StepId), now: Timestamp) {
        if let Some(run) = self.runs.iter_mut().rfind(|run| run.id == id && run.is_running()) {
            run.took = Some(now.since(run.started));
            run.end = End::Built;
        }
    }

    /// Takes note of the end of a build that said nothing of it itself.
    pub fn end(&mut self, id: (JobId, StepId), message: Option<&str>, now: Timestamp) {
        let Some(run) = self.runs.iter_mut().rfind(|run| run.id == id && run.is_running()) else { return };
        match message {
            Some(message) => run.fail(BuildFailure { message: message.to_owned(), ..Default::default() }, now),
            None => {
                run.took = Some(now.since(run.started));
                run.end = End::Cancelled;
            }
        }
    }

    /// Takes note that a job is over: what still runs of it was cancelled.
    pub fn end_job(&mut self, job: JobId, now: Timestamp) {
        let open: Vec<_> =
            self.runs.iter().filter(|run| run.id.0 == job && run.is_running()).map(|run| run.id).collect();
        for id in open {
            self.end(id, None, now);
        }
    }

    /// All of them, newest last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &BuildRun> + ExactSizeIterator {
        self.runs.iter()
    }

    /// The build that is `before` builds before the newest.
    pub fn nth_newest(&self, before: usize) -> Option<&BuildRun> {
        self.runs.iter().rev().nth(before)
    }

    /// The newest build for a service.
    pub fn latest(&self, service: &ServiceName) -> Option<&BuildRun> {
        self.runs.iter().rev().find(|run| run.services.contains(service))
    }

    /// Those that go on.
    pub fn running(&self) -> impl Iterator<Item = &BuildRun> {
        self.runs.iter().filter(|run| run.is_running())
    }
}
