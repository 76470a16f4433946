//! Logs of several containers: what there is, merged by time, and then what comes, over restarts, recreates and an engine that
//! goes away and comes back.
//!
//! Events say *look again*; which containers there are is taken from listings.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, future, stream::BoxStream};
use tokio::sync::mpsc;

use crate::{
    engine::{
        ContainerAction, Detail, Engine, EngineError, EngineEvent, EventSubject, EventsOf, LogFollower, LogOptions,
    },
    logs::{Batch, Line, Resume, Source},
    model::{ContainerId, ContainerState, Diagnostic, ObservedContainer, Project, ServiceName, Timestamp},
};

use super::{Setup, Stop, log_lines::LinePrinter, run};

/// Batches that may wait to be printed; the followers wait when there are more.
const BATCHES: usize = 32;
/// Lines are written at the latest when so many bytes wait.
const FLUSH_BYTES: usize = 64 * 1024;
/// Pauses between attempts to reach an engine that went away.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(3);
/// A process may have written so many nanoseconds before the event of its start.
const START_SLACK: i64 = 1_000_000_000;

/// Which part of the logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// The last so many lines of each container; `None` is all.
    pub tail: Option<u64>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

/// Whose log a container's is.
pub fn source(container: &ObservedContainer) -> Source {
    Source { service: container.service.clone(), replica: container.number }
}

/// One container's log while logs are merged.
struct Lane {
    source: Source,
    container: ContainerId,
    follower: LogFollower,
    batch: Option<Batch>,
    at: usize,
    ended: bool,
}

impl Lane {
    /// Its next line, if it has one at hand.
    fn head(&self) -> Option<Line<'_>> {
        self.batch.as_ref()?.lines.line(self.at)
    }

    async fn fill(&mut self) -> Result<(), EngineError> {
        while !self.ended && self.head().is_none() {
            self.at = 0;
            self.batch = match self.follower.next().await {
                Some(batch) => Some(batch?),
                None => {
                    self.ended = true;
                    None
                }
            };
        }
        Ok(())
    }
}

/// Prints what there is, merged by the engine's time, and says where each log was left.
///
/// # Errors
/// Standard output is closed. A log that can't be read is warned about, and the others are printed.
pub async fn history(
    setup: &Setup,
    engine: &Engine,
    containers: &[ObservedContainer],
    window: Window,
    printer: &mut LinePrinter,
) -> Result<BTreeMap<ContainerId, Resume>, Stop> {
    let options = LogOptions { follow: false, since: window.since, until: window.until, tail: window.tail };
    let mut lanes: Vec<Lane> = containers
        .iter()
        .map(|container| Lane {
            source: source(container),
            container: container.id.clone(),
            follower: engine.follow_logs(&container.id, source(container), Resume::new(), options),
            batch: None,
            at: 0,
            ended: false,
        })
        .collect();
    loop {
        let filled = future::join_all(lanes.iter_mut().map(Lane::fill)).await;
        for (lane, result) in lanes.iter_mut().zip(filled) {
            if let Err(error) = result {
                lane.ended = true;
                lane.batch = None;
                if error.is_lost() {
                    printer.flush()?;
                    return Err(run::stop(error));
                }
                warn(setup, printer, &error)?;
            }
        }
        let mut heads: Vec<(Timestamp, usize)> =
            lanes.iter().enumerate().filter_map(|(index, lane)| Some((lane.head()?.time, index))).collect();
        heads.sort_unstable();
        let Some((_, first)) = heads.first().copied() else { break };
        let limit = heads.get(1).map_or(Timestamp(i64::MAX), |(time, _)| *time);
        let lane = &mut lanes[first];
        // Up to the next lane's line, one at least: equal times go by lane.
        while let Some(line) = lane.head() {
            if line.time > limit {
                break;
            }
            printer.line(&lane.source, &line);
            lane.at += 1;
        }
        if printer.pending() >= FLUSH_BYTES {
            printer.flush()?;
        }
    }
    printer.flush()?;
    Ok(lanes.into_iter().map(|lane| (lane.container, lane.follower.resume().clone())).collect())
}

fn warn(setup: &Setup, printer: &mut LinePrinter, error: &EngineError) -> Result<(), Stop> {
    printer.flush()?;
    let mut diagnostic = Diagnostic::from(error.clone());
    diagnostic.severity = crate::model::Severity::Warning;
    setup.console.diagnostic(&diagnostic);
    Ok(())
}

/// What followers and the engine's events tell.
enum Told {
    Lines(Batch),
    /// A log ended, and where it was left.
    Ended(ContainerId, Resume),
    Failed(ContainerId, EngineError),
    Event(EngineEvent),
    /// The events are heard, for the first time or again.
    Listening,
    Lost(EngineError),
}

/// What became of a container that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exited {
    /// Which.
    pub container: ContainerId,
    /// Its service.
    pub service: ServiceName,
    /// Its number.
    pub number: u32,
    /// Exit code.
    pub code: i64,
}

/// What [`Followers::next`] gives.
#[derive(Debug)]
pub enum News {
    /// Lines to be printed.
    Lines(Batch),
    /// A container's process ended, and its log was printed.
    Exited(Exited),
    /// Look whether anything of the project still runs.
    Look,
}

/// Follows the logs of some services.
pub struct Followers {
    engine: Engine,
    services: BTreeSet<ServiceName>,
    sender: mpsc::Sender<Told>,
    receiver: mpsc::Receiver<Told>,
    /// Followed now.
    open: BTreeSet<ContainerId>,
    sources: BTreeMap<ContainerId, Source>,
    resumes: BTreeMap<ContainerId, Resume>,
    /// Exits whose log is not at its end yet.
    exits: BTreeMap<ContainerId, i64>,
    /// Started again before the end of the log of the time before was read.
    again: BTreeMap<ContainerId, (Source, Window)>,
    lost: bool,
}

impl Followers {
    /// Follows nothing yet, and hears the project's events from now on: what is started later is followed.
    ///
    /// # Errors
    /// The engine's.
    pub async fn new(engine: &Engine, project: &Project, services: BTreeSet<ServiceName>) -> Result<Self, Stop> {
        let (sender, receiver) = mpsc::channel(BATCHES);
        let of = EventsOf::Project(project.name.clone());
        let events = engine.events(of.clone()).await.map_err(run::stop)?;
        tokio::spawn(listen(engine.clone(), of, events, sender.clone()));
        Ok(Followers {
            engine: engine.clone(),
            services,
            sender,
            receiver,
            open: BTreeSet::new(),
            sources: BTreeMap::new(),
            resumes: BTreeMap::new(),
            exits: BTreeMap::new(),
            again: BTreeMap::new(),
            lost: false,
        })
    }

    /// Where logs were left by somebody else.
    pub fn resume_from(&mut self, resumes: BTreeMap<ContainerId, Resume>) {
        self.resumes.extend(resumes);
    }

    /// Follows a container, from where its log was left, or else that part of it.
    pub fn follow(&mut self, container: &ContainerId, source: Source, part: Window) {
        if !self.services.contains(&source.service) || !self.open.insert(container.clone()) {
            return;
        }
        self.sources.insert(container.clone(), source.clone());
        let resume = self.resumes.remove(container).unwrap_or_default();
        let options = LogOptions { follow: true, since: part.since, until: part.until, tail: part.tail };
        let follower = self.engine.follow_logs(container, source, resume, options);
        tokio::spawn(read(follower, container.clone(), self.sender.clone()));
    }

    /// The next thing to print or to look at. Can be cancelled without loss.
    ///
    /// # Errors
    /// Standard output is closed.
    pub async fn next(&mut self, setup: &Setup, project: &Project) -> Result<News, Stop> {
        loop {
            let Some(told) = self.receiver.recv().await else { return Ok(News::Look) };
            match told {
                Told::Lines(batch) => return Ok(News::Lines(batch)),
                Told::Ended(container, resume) => {
                    self.open.remove(&container);
                    self.resumes.insert(container.clone(), resume);
                    let exited = self.exited(&container);
                    self.follow_again(&container);
                    if let Some(exited) = exited {
                        return Ok(News::Exited(exited));
                    }
                }
                Told::Failed(container, error) => {
                    self.open.remove(&container);
                    if !error.is_not_found() {
                        let mut diagnostic = Diagnostic::from(error);
                        diagnostic.severity = crate::model::Severity::Warning;
                        setup.console.diagnostic(&diagnostic);
                    }
                    let exited = self.exited(&container);
                    self.follow_again(&container);
                    if let Some(exited) = exited {
                        return Ok(News::Exited(exited));
                    }
                }
                Told::Event(event) => {
                    if let Some(news) = self.event(event) {
                        return Ok(news);
                    }
                }
                Told::Listening => {
                    if std::mem::take(&mut self.lost) {
                        setup.console.err.write("the engine is back\n")?;
                        self.look(project).await;
                    }
                }
                Told::Lost(error) => {
                    if !std::mem::replace(&mut self.lost, true) {
                        setup.console.err.write(format!("{error}; trying again\n"))?;
                    }
                }
            }
        }
    }

    /// Goes on with a container that was started again meanwhile.
    fn follow_again(&mut self, container: &ContainerId) {
        if let Some((source, part)) = self.again.remove(container) {
            self.follow(container, source, part);
        }
    }

    fn exited(&mut self, container: &ContainerId) -> Option<Exited> {
        if self.open.contains(container) {
            return None;
        }
        let code = self.exits.remove(container)?;
        let source = self.sources.get(container)?;
        Some(Exited { container: container.clone(), service: source.service.clone(), number: source.replica, code })
    }

    fn event(&mut self, event: EngineEvent) -> Option<News> {
        let EventSubject::Container { id, service: Some(service), number, oneoff: false, action, .. } = event.subject
        else {
            return None;
        };
        match action {
            ContainerAction::Start => {
                // What it wrote in an earlier life is not news.
                let since = Timestamp(event.time.0.saturating_sub(START_SLACK));
                let part = Window { since: Some(since), ..Window::default() };
                let source = Source { service, replica: number };
                if self.open.contains(&id) {
                    self.again.insert(id, (source, part));
                } else {
                    self.exits.remove(&id);
                    self.follow(&id, source, part);
                }
                None
            }
            ContainerAction::Die { code } if self.sources.contains_key(&id) => {
                self.exits.insert(id.clone(), code);
                Some(self.exited(&id).map_or(News::Look, News::Exited))
            }
            ContainerAction::Destroy => {
                self.resumes.remove(&id);
                Some(News::Look)
            }
            _ => None,
        }
    }

    /// Follows what runs and is not followed: events may have been missed.
    async fn look(&mut self, project: &Project) {
        let Ok(observed) = self.engine.observe(project, Detail::Listing).await else { return };
        for container in observed.containers.iter().filter(|container| !container.oneoff && is_up(container)) {
            self.follow(&container.id, source(container), Window::default());
        }
    }

    /// Whether nothing of the services runs or is about to.
    pub async fn all_ended(&self, project: &Project) -> bool {
        let Ok(observed) = self.engine.observe(project, Detail::Listing).await else { return false };
        let mut mine = observed
            .containers
            .iter()
            .filter(|container| !container.oneoff && self.services.contains(&container.service));
        !mine.any(is_up)
    }

    /// Whether every log that was followed is at its end.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty()
    }
}

fn is_up(container: &ObservedContainer) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}

async fn read(mut follower: LogFollower, container: ContainerId, sender: mpsc::Sender<Told>) {
    let mut pause = FIRST_RETRY;
    loop {
        let told = match follower.next().await {
            Some(Ok(batch)) => {
                pause = FIRST_RETRY;
                Told::Lines(batch)
            }
            Some(Err(error)) if error.is_lost() => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_RETRY);
                continue;
            }
            Some(Err(error)) => Told::Failed(container.clone(), error),
            None => Told::Ended(container.clone(), follower.resume().clone()),
        };
        let last = !matches!(told, Told::Lines(_));
        if sender.send(told).await.is_err() || last {
            return;
        }
    }
}

type Events = BoxStream<'static, Result<EngineEvent, EngineError>>;

async fn listen(engine: Engine, of: EventsOf, first: Events, sender: mpsc::Sender<Told>) {
    let mut pause = FIRST_RETRY;
    let mut events: Result<Events, EngineError> = Ok(first);
    loop {
        let error = match &mut events {
            Err(error) => error.clone(),
            Ok(events) => {
                pause = FIRST_RETRY;
                if sender.send(Told::Listening).await.is_err() {
                    return;
                }
                loop {
                    match events.next().await {
                        Some(Ok(event)) => {
                            if sender.send(Told::Event(event)).await.is_err() {
                                return;
                            }
                        }
                        Some(Err(error)) => break error,
                        None => return,
                    }
                }
            }
        };
        if sender.send(Told::Lost(error)).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_RETRY);
        events = engine.events(of.clone()).await;
    }
}
