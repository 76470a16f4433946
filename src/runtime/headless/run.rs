//! A goal carried out: its lines printed while it goes on, signals heeded, its failures told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::{
    compose::Places,
    engine::{ConnectOptions, Engine, EngineError, Environment},
    execute::{self, Event, Outcome, Verdict},
    manifest::{self, Reader},
    model::{Diagnostic, OnChange, Place, Project, Service, ServiceName, ServiceSources, Sources},
    plan::Goal,
    settings::{Folders, Texts},
};

use super::{
    Quiet, Setup, Stop,
    console::Ink,
    progress::{FRAME, Progress, Style},
    verbs::Ready,
};

/// Reports that may wait to be printed; the run waits when there are more.
const REPORTS: usize = 256;

/// Finds the engine.
///
/// # Errors
/// None answers, or what names it can't be used.
pub async fn connect(setup: &Setup) -> Result<Engine, Stop> {
    let environment = Environment::new(std::env::vars_os(), rustix::process::getuid().as_raw());
    let options = ConnectOptions { host: setup.host.clone(), context: setup.context.clone(), environment };
    let engine = Engine::connect(&options).await.map_err(stop)?;
    tracing::info!("connected to {}", engine.info().header());
    Ok(engine)
}

/// What an engine's failure means for the exit code.
pub fn stop(error: EngineError) -> Stop {
    let unreachable =
        matches!(error, EngineError::NotReachable { .. } | EngineError::Settings { .. }) || error.is_lost();
    let diagnostic = Diagnostic::from(error);
    if unreachable { Stop::Unreachable(Box::new(diagnostic)) } else { Stop::failed(diagnostic) }
}

/// What the manifests of the project's services declare now. What can't be read is warned about.
pub fn sources(setup: &Setup, project: &Project) -> Sources {
    let builds = project.services.values().filter_map(|service| Some((&service.name, service.build.as_ref()?)));
    let mut services: BTreeMap<_, ServiceSources> = BTreeMap::new();
    let mut told: Vec<Diagnostic> = Vec::new();
    for (name, discovered) in manifest::discover_all(builds, &mut Reader::new()) {
        if let Some(problem) = discovered.problem.clone().filter(|problem| !told.contains(problem)) {
            let warning = Diagnostic { severity: crate::model::Severity::Warning, ..problem };
            setup.console.diagnostic(&warning);
            told.push(warning);
        }
        services.insert(name, discovered.sources.clone());
    }
    Sources { services }
}

/// The store of the manifests' texts, where the user's folders are known.
pub fn texts() -> Option<Texts> {
    Folders::of_user().ok().as_ref().map(Texts::of)
}

/// Where the compose file publishes each service's ports.
pub fn published(project: &Project, places: &Places) -> Arc<BTreeMap<ServiceName, Place>> {
    let services = project.services.values().filter(|service| !service.ports.is_empty());
    let place =
        |service: &Service| Some((service.name.clone(), places.of(&format!("services.{}.ports", service.name))?));
    Arc::new(services.filter_map(place).collect())
}

/// The project with `--on-change` over what the file says.
pub fn with_on_change(mut project: Project, on_change: Option<OnChange>) -> Project {
    if let Some(on_change) = on_change {
        project.services.values_mut().for_each(|service| service.on_change = Some(on_change));
    }
    project
}

/// SIGINT and SIGTERM, which a verb heeds instead of ending at once.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> Result<Signals, Stop> {
        let listen =
            || Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? });
        listen().map_err(|error: std::io::Error| deaf(&error))
    }

    /// Waits for one, and says which: `SIGINT`, `SIGTERM`.
    pub async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// The signals that are passed on to a process in a container.
pub struct Passed {
    signals: Vec<(&'static str, Signal)>,
}

impl Passed {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> Result<Passed, Stop> {
        let kinds = [
            ("SIGINT", SignalKind::interrupt()),
            ("SIGTERM", SignalKind::terminate()),
            ("SIGHUP", SignalKind::hangup()),
            ("SIGQUIT", SignalKind::quit()),
            ("SIGUSR1", SignalKind::user_defined1()),
            ("SIGUSR2", SignalKind::user_defined2()),
        ];
        let listen = |(name, kind)| Ok((name, signal(kind)?));
        let signals: std::io::Result<_> = kinds.into_iter().map(listen).collect();
        signals.map(|signals| Passed { signals }).map_err(|error| deaf(&error))
    }

    /// Waits for one, and gives its name.
    pub async fn recv(&mut self) -> &'static str {
        let waits = self.signals.iter_mut().map(|(name, signal)| {
            Box::pin(async move {
                signal.recv().await;
                *name
            })
        });
        futures_util::future::select_all(waits).await.0
    }
}

fn deaf(error: &std::io::Error) -> Stop {
    Stop::failed(Diagnostic::error(format!("signals can't be heard: {error}")))
}

/// What a run is about.
pub struct Job<'a> {
    /// The project and its engine.
    pub ready: &'a Ready,
    /// What the manifests declare.
    pub sources: &'a Arc<Sources>,
    /// What is wanted.
    pub goal: Goal,
    /// Where its lines go.
    pub ink: Ink,
    /// How much is said.
    pub style: Style,
    /// The first signal leaves at once: what is cancelled here is what a signal has begun.
    pub hurried: bool,
}

/// How a run is shown: as the user chose, or as the stream can.
pub fn style(setup: &Setup, ink: Ink, quiet: bool) -> Style {
    match setup.style {
        _ if quiet => Style::Quiet,
        Some(style) => style,
        None if ink.tty => Style::Live,
        None => Style::Plain,
    }
}

/// Carries a goal out. `watch` sees every report. The first signal cancels the run, the second leaves at once.
///
/// # Errors
/// What failed, or that it was interrupted.
pub async fn carry_out(
    setup: &Setup,
    job: Job<'_>,
    signals: &mut Signals,
    mut watch: impl FnMut(&Event),
) -> Result<Outcome, Stop> {
    let mut progress = Progress::new(job.ink, job.style, &job.ready.project);
    let (sender, mut events) = mpsc::channel(REPORTS);
    let cancel = CancellationToken::new();
    let run = execute::Run {
        engine: job.ready.engine.clone(),
        project: Arc::clone(&job.ready.project),
        sources: Arc::clone(job.sources),
        texts: texts(),
        published: published(&job.ready.project, &job.ready.places),
        goal: job.goal,
    };
    let mut work = std::pin::pin!(execute::run(run, sender, cancel.clone()));
    let mut ticks = tokio::time::interval(FRAME.max(Duration::from_millis(100)));
    let outcome = loop {
        tokio::select! {
            biased;
            name = signals.recv() => {
                if job.hurried || cancel.is_cancelled() {
                    let _ = progress.finish();
                    return Err(Stop::Interrupted);
                }
                tracing::info!("{name}: cancelling");
                cancel.cancel();
            }
            Some(event) = events.recv() => {
                watch(&event);
                if is_shown(&event, setup.quiet) {
                    progress.event(&event)?;
                }
            }
            outcome = &mut work => break outcome,
            _ = ticks.tick(), if progress.ticks() => progress.tick()?,
        }
    };
    while let Ok(event) = events.try_recv() {
        watch(&event);
        if is_shown(&event, setup.quiet) {
            progress.event(&event)?;
        }
    }
    for warning in progress.finish()? {
        setup.console.diagnostic(&warning);
    }
    ended(outcome, cancel.is_cancelled())
}

/// What a run's end means to the verb. A signal that came too late to cancel anything still interrupts: who asked for an
/// end must not have to ask again.
fn ended(outcome: Outcome, interrupted: bool) -> Result<Outcome, Stop> {
    match outcome.verdict {
        Verdict::Failed => Err(Stop::Failed(failures(&outcome))),
        Verdict::Cancelled => Err(Stop::Interrupted),
        Verdict::Done | Verdict::NothingToDo if interrupted => Err(Stop::Interrupted),
        Verdict::Done | Verdict::NothingToDo => Ok(outcome),
    }
}

/// Whether a report is shown, as the user wants it.
fn is_shown(event: &Event, quiet: Quiet) -> bool {
    match event {
        Event::Progress(_, execute::Progress::Build(_)) => !quiet.build,
        Event::Progress(_, execute::Progress::Pull(_)) => !quiet.pull,
        _ => true,
    }
}

/// Every failure once, and what was brought back because of them.
fn failures(outcome: &Outcome) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::new();
    for (_, diagnostic) in &outcome.failures {
        if !all.contains(diagnostic) {
            all.push(Diagnostic::clone(diagnostic));
        }
    }
    all.extend(outcome.rolled_back.iter().map(|service| {
        Diagnostic::warning(format!("the new container of {service} did not prove itself: the one before it is back"))
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_interrupts_also_when_the_last_step_had_begun() {
        let check = |verdict, interrupted| {
            let outcome = Outcome {
                verdict,
                took: Duration::ZERO,
                done: 1,
                failures: Vec::new(),
                rolled_back: Vec::new(),
                containers: Vec::new(),
            };
            matches!(ended(outcome, interrupted), Err(Stop::Interrupted))
        };
        assert!(check(Verdict::Done, true) && check(Verdict::NothingToDo, true) && check(Verdict::Cancelled, true));
        assert!(!check(Verdict::Done, false) && !check(Verdict::Failed, true));
    }
}
