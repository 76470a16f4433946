//! Effects carried out: every task of the dashboard is started here and ends here.
//!
//! Owns all task handles and the channels to the loop. Effects with a wanted set are compared with what runs. Nothing here
//! decides anything; nothing blocks the loop. Dropping [`Effects`] ends every task.

mod baseline;
mod compare;
mod connection;
mod develop;
mod files;
mod follow;
mod measure;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use self::{
    compare::Comparing, connection::Connection, develop::DevelopWatch, follow::Followers, measure::Meters,
    sources::SourceWatch,
};
use super::open_ports;
use crate::{
    app::{
        effect::Effect,
        files::Reading,
        job::{Job, JobId},
        message::{EngineReport, Message, Probe},
    },
    compose,
    engine::{ConnectOptions, Engine},
    execute,
    logs::Batch,
    model::{ContainerId, Diagnostic, Place, Project, ServiceName, Sources, Timestamp},
    settings::{Folders, Memory, Remembered, Texts},
};

/// Messages that wait for the loop; then their tasks wait.
const MESSAGES: usize = 256;
/// Batches of lines that wait for the loop; then their followers wait.
const BATCHES: usize = 32;
/// Reports of one run that wait to be passed on.
const REPORTS: usize = 64;
/// How long cancelled jobs may take to end when devbox leaves.
const ENDING: Duration = Duration::from_secs(5);

/// The time, as the state wants it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What effects need to know of the session.
#[derive(Debug, Clone)]
pub struct Session {
    /// How to find the engine.
    pub connect: ConnectOptions,
    /// How the compose files were read, to read them again.
    pub load: compose::Request,
    /// What should exist.
    pub project: Arc<Project>,
    /// When its files were read for the first time.
    pub read_at: SystemTime,
    /// Where the compose file publishes each service's ports.
    pub published: Arc<BTreeMap<ServiceName, Place>>,
    /// The user's folders, where they are known.
    pub folders: Option<Folders>,
}

/// Sends to the loop, and starts tasks whose panics become messages.
#[derive(Debug, Clone)]
pub struct Sender {
    messages: mpsc::Sender<Message>,
    lines: mpsc::Sender<Batch>,
}

impl Sender {
    /// Tells the loop. Waits while it is busy; nothing is left to do when it is gone.
    pub async fn send(&self, message: Message) {
        let _ = self.messages.send(message).await;
    }

    /// A future whose panic is told as a message.
    fn contained(
        &self,
        task: &str,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (sender, task) = (self.clone(), task.to_owned());
        async move {
            if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let what = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                sender.send(Message::Panicked { task, what }).await;
            }
        }
    }
}

/// What the loop receives from.
#[derive(Debug)]
pub struct Received {
    /// Everything but lines.
    pub messages: mpsc::Receiver<Message>,
    /// Lines of containers.
    pub lines: mpsc::Receiver<Batch>,
}

/// Every task of the dashboard.
pub struct Effects {
    sender: Sender,
    session: Session,
    tasks: JoinSet<()>,
    connection: Connection,
    followers: Followers,
    meters: Meters,
    sources: Option<SourceWatch>,
    comparing: Comparing,
    develop: Option<DevelopWatch>,
    jobs: HashMap<JobId, (CancellationToken, AbortHandle)>,
}

impl Effects {
    /// Begins to look for the engine.
    pub fn start(session: Session) -> (Self, Received) {
        let (messages, received_messages) = mpsc::channel(MESSAGES);
        let (lines, received_lines) = mpsc::channel(BATCHES);
        let sender = Sender { messages, lines };
        let mut tasks = JoinSet::new();
        let connection = Connection::start(&mut tasks, &sender, &session);
        let engine = connection.engine();
        let effects = Self {
            followers: Followers::new(sender.clone(), engine.clone()),
            meters: Meters::start(&mut tasks, &sender, engine),
            sources: None,
            comparing: Comparing::default(),
            develop: None,
            jobs: HashMap::new(),
            sender,
            session,
            tasks,
            connection,
        };
        (effects, Received { messages: received_messages, lines: received_lines })
    }

    /// The engine, where it answers.
    pub fn engine(&self) -> Option<Engine> {
        self.connection.engine().borrow().clone()
    }

    /// Carries an effect out. Those that need the terminal are the loop's own.
    pub fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Observe => self.connection.observe(),
            Effect::Reconnect => self.connection.reconnect(),
            Effect::Start { job, project, sources } => self.start_job(*job, project, sources),
            Effect::Cancel(job) => {
                if let Some((cancel, _)) = self.jobs.get(&job) {
                    cancel.cancel();
                }
            }
            Effect::Follow(wanted) => self.followers.set(wanted),
            Effect::Stats(wanted) => self.meters.set(wanted),
            Effect::Watch { project, files } => self.watch(project, &files),
            Effect::Probe(containers) => containers.into_iter().for_each(|container| self.probe(container)),
            Effect::Compare(question) => self.compare(*question),
            Effect::Load => self.load(),
            Effect::Scan(scan) => {
                self.blocking("a search", move || Some(Message::Scanned(Box::new(scan.run()))));
            }
            Effect::Save(export) => self.blocking("saving", move || Some(Message::Said(files::save(*export)))),
            Effect::Open(address) => self.blocking("opening", move || Some(Message::Said(files::open(&address)))),
            Effect::Remember(remembered) => self.remember(remembered),
            Effect::Suspend(_)
            | Effect::Background
            | Effect::Copy(_)
            | Effect::Mouse(_)
            | Effect::Redraw
            | Effect::Quit(_) => {}
        }
    }

    fn spawn(&mut self, task: &str, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        // Those that ended are let go of here, so that a long session doesn't collect them.
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(self.sender.contained(task, future))
    }

    /// Something that takes its time without waiting for anything, beside the loop.
    fn blocking(&mut self, task: &str, work: impl FnOnce() -> Option<Message> + Send + 'static) {
        let sender = self.sender.clone();
        let name = task.to_owned();
        self.spawn(task, async move {
            match tokio::task::spawn_blocking(work).await {
                Ok(Some(message)) => sender.send(message).await,
                Ok(None) => {}
                Err(error) => sender.send(Message::Panicked { task: name, what: error.to_string() }).await,
            }
        });
    }

    fn start_job(&mut self, job: Job, project: Arc<Project>, sources: Arc<Sources>) {
        let cancel = CancellationToken::new();
        let (sender, token, engine, id) = (self.sender.clone(), cancel.clone(), self.connection.engine(), job.id);
        let texts = self.session.folders.as_ref().map(Texts::of);
        let published = Arc::clone(&self.session.published);
        let ended = self.develop.as_ref().map(DevelopWatch::jobs);
        let handle = self.spawn("a job", async move {
            let Some(engine) = connected(engine).await else { return };
            let (events, mut reports) = mpsc::channel(REPORTS);
            tracing::info!("job {}: {} begins", id.0, job.goal.verb.name());
            let run = execute::Run { engine, project, sources, texts, published, goal: job.goal };
            let running = execute::run(run, events, token);
            let passing = async {
                while let Some(event) = reports.recv().await {
                    sender.send(Message::Job(id, event)).await;
                }
            };
            let (outcome, ()) = tokio::join!(running, passing);
            tracing::info!("job {}: {:?}", id.0, outcome.verdict);
            ended.iter().for_each(|ended| ended.notify_one());
        });
        self.jobs.retain(|_, (_, handle)| !handle.is_finished());
        self.jobs.insert(id, (cancel, handle));
    }

    fn watch(&mut self, project: Arc<Project>, files: &BTreeSet<PathBuf>) {
        self.session.project = Arc::clone(&project);
        self.connection.set_project(Arc::clone(&project));
        match &self.develop {
            Some(develop) => develop.set(&project),
            None => {
                let (engine, observed) = (self.connection.engine(), self.connection.observed());
                let project = Arc::clone(&project);
                self.develop = Some(DevelopWatch::start(&mut self.tasks, &self.sender, engine, observed, project));
            }
        }
        match &self.sources {
            Some(watch) => watch.set(&project, files),
            None => {
                let folders = self.session.folders.clone();
                match SourceWatch::start(
                    &mut self.tasks,
                    &self.sender,
                    (self.connection.engine(), self.connection.observed()),
                    project,
                    (files, self.session.read_at),
                    folders,
                ) {
                    Ok(watch) => self.sources = Some(watch),
                    Err(error) => {
                        let diagnostic = Diagnostic::error(format!("files can't be watched: {error}"));
                        let message = Message::Said(Err(Arc::new(diagnostic)));
                        let sender = self.sender.clone();
                        self.spawn("watching", async move { sender.send(message).await });
                    }
                }
            }
        }
    }

    fn probe(&mut self, container: ContainerId) {
        let (sender, Some(engine)) = (self.sender.clone(), self.engine()) else { return };
        self.spawn("a look at a container", async move {
            let Ok(detail) = engine.inspect(&container).await else { return };
            let last = detail.probes.last();
            let probe = Probe {
                exit_code: last.map_or(0, |probe| probe.exit_code),
                output: last.map(|probe| probe.output.clone()).unwrap_or_default(),
                failures: detail.failing_streak,
            };
            sender.send(Message::Probed(container, probe)).await;
        });
    }

    fn load(&mut self) {
        let request = self.session.load.clone();
        self.blocking("reading the compose files", move || {
            Some(Message::Loaded(Box::new(reading(compose::load(&request)))))
        });
    }

    fn remember(&mut self, remembered: Remembered) {
        let Some(folders) = self.session.folders.clone() else { return };
        let memory = Memory::of(&folders, &self.session.project.name, &self.session.project.directory);
        self.blocking("remembering", move || match memory.save(&remembered) {
            Ok(()) => None,
            Err(error) => Some(Message::Said(Err(Arc::new((&error).into())))),
        });
    }

    /// Ends everything. Jobs are cancelled and may take a while to leave a valid state.
    pub async fn shut_down(mut self) {
        for (cancel, _) in self.jobs.values() {
            cancel.cancel();
        }
        let jobs: Vec<AbortHandle> = self.jobs.drain().map(|(_, (_, handle))| handle).collect();
        let ended = async {
            while jobs.iter().any(|handle| !handle.is_finished()) && self.tasks.join_next().await.is_some() {}
        };
        let _ = tokio::time::timeout(ENDING, ended).await;
        self.tasks.abort_all();
    }
}

/// What reading the compose files gave, as the state wants it.
fn reading(read: Result<compose::Loaded, Box<compose::LoadError>>) -> Reading {
    let shared = |all: Vec<Diagnostic>| all.into_iter().map(Arc::new).collect();
    let (result, warnings, files) = match read {
        Ok(loaded) => {
            let mut warnings = loaded.warnings;
            warnings.extend(open_ports::warnings(&loaded.project, &loaded.places));
            (Ok(Arc::new(loaded.project)), warnings, [loaded.files_read, loaded.files_looked_for])
        }
        Err(error) => (Err(shared(error.diagnostics)), error.warnings, [error.files_read, error.files_looked_for]),
    };
    Reading { result, warnings: shared(warnings), files: files.into_iter().flatten().collect() }
}

/// Waits for the engine; `None` when the dashboard ends.
async fn connected(mut engine: watch::Receiver<Option<Engine>>) -> Option<Engine> {
    engine.wait_for(Option::is_some).await.ok()?.clone()
}

/// What the loop is told of the engine.
fn report(report: EngineReport) -> Message {
    Message::Engine(report)
}
