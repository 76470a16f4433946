//! What a run reports while it goes on, and how it ended.

use std::{sync::Arc, time::Duration};

use crate::{
    model::{BuildEvent, ContainerId, Diagnostic, ExitInfo, HealthState, ImageRef, ServiceName},
    plan::{Plan, StepId},
};

/// A report of a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// This is what will be done. Comes again when part of the run was planned again: it then has all steps, those that
    /// ended under their old ids, and those that were dropped no more.
    Planned(Arc<Plan>),
    /// A step began.
    Started(StepId),
    /// A step goes on.
    Progress(StepId, Progress),
    /// A step ended well.
    Done {
        /// Which.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// What came of it.
        result: StepResult,
    },
    /// A step failed.
    Failed {
        /// Which.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// With what.
        diagnostic: Arc<Diagnostic>,
    },
    /// A step is not run, since one that it needs failed or the run was cancelled.
    Skipped {
        /// Which.
        step: StepId,
        /// The step that failed; `None` when the run was cancelled.
        because: Option<StepId>,
    },
    /// Something to know that is no failure.
    Warning(Arc<Diagnostic>),
    /// The run is over; nothing follows.
    Finished(Outcome),
}

/// How far a step is.
#[derive(Debug, Clone)]
pub enum Progress {
    /// A build says this.
    Build(BuildEvent),
    /// A pull says this.
    Pull(PullProgress),
    /// What a wait saw last: `starting, probe 2 of 5`, `running for 4 s`.
    Waiting(String),
    /// Lines of a hook's output.
    Hook(Vec<String>),
}

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullProgress {
    /// Layers that are there.
    pub layers_done: u32,
    /// Layers that are known of.
    pub layers: u32,
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes that are known to come; 0 when unknown.
    pub total: u64,
}

/// What came of a step that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// It was done.
    Done,
    /// It was so already.
    Already,
    /// A container was made.
    Created(ContainerId),
    /// An image was built or pulled.
    Image {
        /// Its name.
        name: ImageRef,
        /// Whether it is another one than before.
        changed: bool,
    },
    /// A wait ended: the containers run, are healthy, or exited as they should.
    Ready {
        /// `healthy`, `running`, `completed`.
        state: &'static str,
    },
    /// It failed and was optional.
    Tolerated(Arc<Diagnostic>),
    /// It is no longer needed: planned again, the step is not in the plan.
    Unneeded,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Everything was done.
    Done,
    /// There was nothing to do.
    NothingToDo,
    /// At least one step failed.
    Failed,
    /// It was cancelled. What was begun is in a valid state.
    Cancelled,
}

/// A container of the services that the run was for, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: ServiceName,
    /// Its number.
    pub number: u32,
    /// Whether this run started it.
    pub started: bool,
    /// Its health.
    pub health: Option<HealthState>,
    /// How it ended, when it has.
    pub exit: Option<ExitInfo>,
}

/// All that is to say at the end of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// Steps that ended well.
    pub done: usize,
    /// Every failure, in the order in which they came.
    pub failures: Vec<(Option<StepId>, Arc<Diagnostic>)>,
    /// Services whose replaced containers came back.
    pub rolled_back: Vec<ServiceName>,
    /// The containers of the goal's services, for `--wait`, `--attach`, `--exit-code-from` and
    /// `--abort-on-container-exit`; for `run` the one-off container.
    pub containers: Vec<RunContainer>,
}
