//! A run: observe, plan, walk, and again for the services whose image was built or pulled.
//!
//! One task owns the walk and everything that is known; steps are futures that it polls and that know nothing of each
//! other. While something waits, the engine is looked at when it reports an event, and once a second in case one was lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Event, Outcome, StepResult, Verdict, planning,
    rollback::roll_back,
    step::{Act, Means, StepError, perform},
    wait::{self, Looks},
    walk::Walk,
};
use crate::{
    engine::{Detail, Engine, EngineError, EngineEvent, EventsOf},
    model::{ContainerId, Diagnostic, Observed, Place, Project, ServiceName, Sources},
    plan::{ContainerRef, Goal, GroupId, Operation, Resume, StepId, Target},
    settings::Texts,
};

/// So many steps are under way at once.
const AT_ONCE: usize = 24;
/// After an event the engine is left to end what it is at before it is looked at.
const SETTLE: Duration = Duration::from_millis(5);
/// While something waits, the engine is looked at this often even if it says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So often is a run planned again because somebody else was faster.
const LOOK_AGAIN: u32 = 5;

/// What is to be reached, and with what.
#[derive(Clone)]
pub struct Run {
    /// The engine.
    pub engine: Engine,
    /// What should exist.
    pub project: Arc<Project>,
    /// What the files on disk declare.
    pub sources: Arc<Sources>,
    /// Where the texts of manifests that images were built from are kept.
    pub texts: Option<Texts>,
    /// Where the compose file publishes each service's ports, for those who are told that one is taken.
    pub published: Arc<BTreeMap<ServiceName, Place>>,
    /// What for.
    pub goal: Goal,
}

/// Reaches a goal, step by step; each report goes to `events`, the last of them [`Event::Finished`]. Cancelling ends
/// builds, pulls and waits at once and begins nothing more, except for what puts back what it has taken away; a guarded
/// recreate goes its way back. What was begun is left in a state from which the next run goes on.
pub async fn run(run: Run, events: mpsc::Sender<Event>, cancel: CancellationToken) -> Outcome {
    let began = Instant::now();
    let means = Means {
        engine: run.engine.clone(),
        project: Arc::clone(&run.project),
        texts: run.texts.clone(),
        published: Arc::clone(&run.published),
        events,
        cancel,
    };
    let started = Runner::start(means.clone(), run).await;
    let outcome = match started {
        Ok(runner) => runner.drive(began).await,
        Err(diagnostic) => Outcome {
            verdict: Verdict::Failed,
            took: began.elapsed(),
            done: 0,
            failures: vec![(None, Arc::new(diagnostic))],
            rolled_back: Vec::new(),
            containers: Vec::new(),
        },
    };
    // whoever listened may be gone; the outcome is returned as well
    let _ = means.events.send(Event::Finished(outcome.clone())).await;
    outcome
}

enum Ended {
    Step { id: StepId, took: Duration, result: Result<StepResult, StepError> },
    RolledBack { service: ServiceName, result: Result<(), EngineError> },
}

pub(super) struct Runner {
    pub means: Means,
    pub run: Run,
    pub observed: Arc<Observed>,
    pub walk: Walk,
    resume: Resume,
    /// The containers that steps made.
    pub made: BTreeMap<StepId, ContainerId>,
    /// The containers that this run started.
    pub started: BTreeSet<ContainerId>,
    rolling_back: BTreeSet<GroupId>,
    again: u32,
    waiting: usize,
    pub failures: Vec<(Option<StepId>, Arc<Diagnostic>)>,
    pub rolled_back: Vec<ServiceName>,
    tasks: FuturesUnordered<BoxFuture<'static, Ended>>,
    looks: watch::Sender<Option<Arc<Observed>>>,
    next_look: Option<Instant>,
    engine_events: Option<BoxStream<'static, Result<EngineEvent, EngineError>>>,
}

impl Runner {
    async fn start(means: Means, run: Run) -> Result<Self, Diagnostic> {
        let mut observed = means.engine.observe(&means.project, Detail::Listing).await?;
        let walk = Walk::new(planning::plan(&run, &mut observed).await?);
        let mut runner = Self {
            means,
            run,
            observed: Arc::new(observed),
            walk,
            resume: Resume::default(),
            made: BTreeMap::new(),
            started: BTreeSet::new(),
            rolling_back: BTreeSet::new(),
            again: 0,
            waiting: 0,
            failures: Vec::new(),
            rolled_back: Vec::new(),
            tasks: FuturesUnordered::new(),
            looks: watch::Sender::new(None),
            next_look: None,
            engine_events: None,
        };
        runner.planned().await;
        Ok(runner)
    }

    pub async fn report(&mut self, event: Event) {
        // a receiver that is gone is no reason to stop what was begun
        let _ = self.means.events.send(event).await;
    }

    async fn planned(&mut self) {
        self.report(Event::Planned(Arc::new(self.walk.plan().clone()))).await;
    }

    async fn drive(mut self, began: Instant) -> Outcome {
        let nothing = self.walk.plan().is_empty();
        let cancel: CancellationToken = self.means.cancel.clone();
        let mut cancelled = false;
        loop {
            if cancel.is_cancelled() && !cancelled {
                cancelled = true;
                self.cancel().await;
            }
            self.begin_ready().await;
            if self.tasks.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !cancelled => {}
                Some(ended) = self.tasks.next() => self.ended(ended).await,
                event = next(&mut self.engine_events) => match event {
                    Some(Ok(_)) => {
                        let soon = Instant::now() + SETTLE;
                        self.next_look = self.next_look.map(|at| at.min(soon));
                    }
                    Some(Err(_)) | None => self.engine_events = None,
                },
                () = wait::until(self.next_look) => self.look().await,
            }
        }
        self.finish(began, nothing, cancelled).await
    }

    /// Nothing more begins, except for what puts back what was taken away.
    async fn cancel(&mut self) {
        for step in self.walk.cancel() {
            self.report(Event::Skipped { step, because: None }).await;
        }
    }

    /// Begins every step that may begin.
    async fn begin_ready(&mut self) {
        for id in self.walk.ready() {
            if self.tasks.len() >= AT_ONCE {
                return;
            }
            let Some(operation) = self.walk.plan().step(id).map(|step| step.operation.clone()) else { continue };
            let container = operation.target().and_then(|target| self.container(target));
            let looks = if matches!(operation, Operation::Wait { .. }) {
                self.wait_begins().await
            } else {
                self.looks.subscribe()
            };
            self.walk.start(id);
            self.report(Event::Started(id)).await;
            let act = Act { step: id, operation, container, observed: Arc::clone(&self.observed), looks };
            let means = self.means.clone();
            let work = async move {
                let began = Instant::now();
                let result = perform(means, act).await;
                Ended::Step { id, took: began.elapsed(), result }
            };
            self.tasks.push(work.boxed());
        }
    }

    fn container(&self, target: &Target) -> Option<ContainerId> {
        match &target.container {
            ContainerRef::Existing(id) => Some(id.clone()),
            ContainerRef::Made(step) => self.made.get(step).cloned(),
        }
    }

    /// From now on events are listened to, and the engine is looked at.
    async fn wait_begins(&mut self) -> Looks {
        self.waiting += 1;
        if self.engine_events.is_none() {
            let of = EventsOf::Project(self.means.project.name.clone());
            // without events there is still the look once a second
            self.engine_events = self.means.engine.events(of).await.ok();
        }
        // what happened before the events were listened to is in the look that is taken now
        self.looks.send_replace(None);
        self.next_look = Some(Instant::now());
        self.looks.subscribe()
    }

    async fn look(&mut self) {
        self.next_look = (self.waiting > 0).then(|| Instant::now() + LOOK_EVERY);
        if self.waiting == 0 {
            self.engine_events = None;
            return;
        }
        // an engine that is away for a moment is asked again; how long a wait may take is the wait's to say
        if let Ok(observed) = self.means.engine.observe(&self.means.project, Detail::Listing).await {
            self.observed = Arc::new(observed);
            self.looks.send_replace(Some(Arc::clone(&self.observed)));
        }
    }

    async fn ended(&mut self, ended: Ended) {
        let (id, took, result) = match ended {
            Ended::Step { id, took, result } => (id, took, result),
            Ended::RolledBack { service, result } => return self.rolled_back(service, result),
        };
        let operation = self.walk.plan().step(id).map(|step| step.operation.clone());
        if matches!(operation, Some(Operation::Wait { .. })) {
            self.waiting -= 1;
        }
        match result {
            Ok(result) => {
                self.note(id, operation.as_ref(), &result);
                self.walk.done(id);
                self.report(Event::Done { step: id, took, result }).await;
                let services = self.walk.plan().resting_on(id);
                // a run that is cancelled finds nothing new to do, and one for images alone has nothing behind them
                if !services.is_empty() && !self.means.cancel.is_cancelled() && self.run.goal.verb.is_about_containers()
                {
                    self.plan_again(services).await;
                }
            }
            Err(StepError::LookAgain) if self.again < LOOK_AGAIN && !self.means.cancel.is_cancelled() => {
                self.again += 1;
                self.walk.done(id);
                self.report(Event::Done { step: id, took, result: StepResult::Unneeded }).await;
                let services = operation.as_ref().and_then(Operation::service).cloned().into_iter().collect();
                self.plan_again(services).await;
            }
            Err(error) => self.step_failed(id, took, error).await,
        }
    }

    /// Keeps what a step made.
    fn note(&mut self, id: StepId, operation: Option<&Operation>, result: &StepResult) {
        match (operation, result) {
            (_, StepResult::Created(container)) => {
                self.made.insert(id, container.clone());
                self.resume.touched.insert(container.clone());
            }
            (Some(Operation::Start(target) | Operation::Restart { target, .. }), _) => {
                if let Some(container) = self.container(target) {
                    self.resume.touched.insert(container.clone());
                    self.started.insert(container);
                }
            }
            (Some(Operation::Build(image)), _) => self.resume.built.extend(image.tags.iter().cloned()),
            (Some(Operation::Pull { image, .. }), _) => {
                self.resume.pulled.insert(image.clone());
            }
            _ => {}
        }
    }

    /// Observes these services and plans what is left for them.
    async fn plan_again(&mut self, services: BTreeSet<ServiceName>) {
        let (next_step, next_group) = self.walk.next_ids();
        let resume = Resume { services: Some(services.clone()), next_step, next_group, ..self.resume.clone() };
        let planned = match self.means.engine.observe(&self.means.project, Detail::Listing).await {
            Ok(mut observed) => {
                let planned = planning::plan_again(&self.run, &mut observed, &resume).await;
                self.observed = Arc::new(observed);
                planned.map_err(Diagnostic::from)
            }
            Err(error) => Err(error.diagnostic()),
        };
        match planned {
            Ok(plan) => {
                self.walk.replan(&services, plan);
                self.planned().await;
            }
            Err(diagnostic) => {
                self.failures.push((None, Arc::new(diagnostic)));
                self.cancel().await;
            }
        }
    }

    async fn step_failed(&mut self, id: StepId, took: Duration, error: StepError) {
        let diagnostic = match error {
            StepError::Failed(diagnostic) => Arc::new(*diagnostic),
            StepError::Cancelled => Arc::new(Diagnostic::error("cancelled")),
            StepError::LookAgain => Arc::new(
                Diagnostic::error("somebody else changes the same containers at the same time").help("try again"),
            ),
        };
        let skipped = self.walk.failed(id);
        if !self.means.cancel.is_cancelled() {
            self.failures.push((Some(id), Arc::clone(&diagnostic)));
        }
        self.report(Event::Failed { step: id, took, diagnostic }).await;
        for step in skipped {
            self.report(Event::Skipped { step, because: Some(id) }).await;
        }
        self.begin_rollback(id);
    }

    /// A guarded recreate that failed goes its way back, also when the run was cancelled.
    fn begin_rollback(&mut self, failed: StepId) {
        let Some(group) = self.walk.plan().step(failed).map(|step| step.group) else { return };
        let rollback = self.walk.plan().group(group).and_then(|group| group.rollback.clone());
        let Some(rollback) = rollback.filter(|_| self.rolling_back.insert(group)) else { return };
        let Some(old) = self.container(&rollback.old) else { return };
        let (means, new) = (self.means.clone(), self.container(&rollback.new));
        let service = rollback.old.service.clone();
        let work = async move {
            let result = roll_back(&means, &rollback, new, &old).await;
            Ended::RolledBack { service, result }
        };
        self.tasks.push(work.boxed());
    }

    fn rolled_back(&mut self, service: ServiceName, result: Result<(), EngineError>) {
        match result {
            Ok(()) => self.rolled_back.push(service),
            Err(error) => {
                let mut diagnostic = error.diagnostic();
                diagnostic.what =
                    format!("the container that {service} had before did not come back: {}", diagnostic.what);
                self.failures.push((None, Arc::new(diagnostic)));
            }
        }
    }
}

/// The next event, or never.
async fn next(
    events: &mut Option<BoxStream<'static, Result<EngineEvent, EngineError>>>,
) -> Option<Result<EngineEvent, EngineError>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
