//! The connection to the engine: found, watched, lost and found again.
//!
//! One task. It listens to events, and looks at the project when it is asked to: one look at a time, a tenth of a second
//! apart at least, and once more if asked meanwhile. When the connection breaks it says so and tries again, each time a
//! little later.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::BoxFuture};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{Sender, Session, now, report};
use crate::{
    app::{
        engine_status::EngineName,
        message::{EngineReport, Happened, Happening},
    },
    engine::{ConnectOptions, ContainerAction, Detail, Engine, EngineError, EngineEvent, EventSubject, EventsOf},
    model::{Diagnostic, ExitInfo, Observed, Project},
};

/// Between two looks.
const APART: Duration = Duration::from_millis(100);
/// Between the first attempts to find a lost engine, and between the later ones.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// The task's handles.
#[derive(Debug)]
pub(super) struct Connection {
    engine: watch::Receiver<Option<Engine>>,
    observed: watch::Receiver<Arc<Observed>>,
    project: watch::Sender<Arc<Project>>,
    look: Arc<Notify>,
    again: Arc<Notify>,
}

impl Connection {
    /// Begins to look for the engine.
    pub fn start(tasks: &mut JoinSet<()>, sender: &Sender, session: &Session) -> Self {
        let (engine, received) = watch::channel(None);
        let (observed, last) = watch::channel(Arc::default());
        let (project, wanted) = watch::channel(Arc::clone(&session.project));
        let (look, again) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let task = Task {
            sender: sender.clone(),
            options: session.connect.clone(),
            engine,
            observed,
            project: wanted,
            look: Arc::clone(&look),
            again: Arc::clone(&again),
        };
        tasks.spawn(sender.contained("the connection to the engine", task.run()));
        Self { engine: received, observed: last, project, look, again }
    }

    /// The engine, as it comes and goes.
    pub fn engine(&self) -> watch::Receiver<Option<Engine>> {
        self.engine.clone()
    }

    /// What was seen last.
    pub fn observed(&self) -> watch::Receiver<Arc<Observed>> {
        self.observed.clone()
    }

    /// Looks at the engine.
    pub fn observe(&self) {
        self.look.notify_one();
    }

    /// Tries a lost engine now.
    pub fn reconnect(&self) {
        self.again.notify_one();
    }

    /// Another project is looked at from now on.
    pub fn set_project(&self, project: Arc<Project>) {
        self.project.send_replace(project);
    }
}

struct Task {
    sender: Sender,
    options: ConnectOptions,
    engine: watch::Sender<Option<Engine>>,
    observed: watch::Sender<Arc<Observed>>,
    project: watch::Receiver<Arc<Project>>,
    look: Arc<Notify>,
    again: Arc<Notify>,
}

type Look = BoxFuture<'static, Result<Observed, EngineError>>;

/// Waits for a look that goes on; for ever where none does.
async fn seen(looking: &mut Option<Look>) -> Result<Observed, EngineError> {
    match looking {
        Some(look) => look.await,
        None => std::future::pending().await,
    }
}

impl Task {
    async fn run(mut self) {
        let mut wait = RETRY.0;
        loop {
            let why = match Engine::connect(&self.options).await {
                Ok(engine) => {
                    wait = RETRY.0;
                    self.serve(engine).await
                }
                Err(error) => error,
            };
            self.engine.send_replace(None);
            let why = Arc::new(Diagnostic::from(why));
            tracing::warn!("the engine doesn't answer: {}", why.what);
            let retry_at = now().after(wait);
            self.sender.send(report(EngineReport::Lost { why, retry_at })).await;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.again.notified() => {}
            }
            wait = (wait * 2).min(RETRY.1);
        }
    }

    /// Listens and looks until the connection breaks.
    async fn serve(&mut self, engine: Engine) -> EngineError {
        let events = EventsOf::Project(self.project.borrow().name.clone());
        let mut events = match engine.events(events).await {
            Ok(events) => events,
            Err(error) => return error,
        };
        self.engine.send_replace(Some(engine.clone()));
        tracing::info!("connected to {}", engine.info().header());
        self.sender.send(report(EngineReport::Connected(name(&engine)))).await;
        let mut looking: Option<Look> = None;
        let mut asked = true;
        let mut next = Instant::now();
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.heard(event, &mut asked).await,
                    Some(Err(error)) => return error,
                    None => return EngineError::Lost { address: engine.info().address.clone(), why: "it ended the stream of events".into() },
                },
                seen = seen(&mut looking) => {
                    looking = None;
                    next = Instant::now() + APART;
                    match seen {
                        Ok(observed) => self.seen(observed).await,
                        Err(error) if error.is_lost() => return error,
                        Err(error) => {
                            let why = Arc::new(Diagnostic::from(error));
                            self.sender.send(report(EngineReport::ObserveFailed(why))).await;
                        }
                    }
                }
                () = self.look.notified() => asked = true,
                () = sleep_until(next), if asked && looking.is_none() => {
                    asked = false;
                    looking = Some(look(engine.clone(), Arc::clone(&self.project.borrow())));
                }
            }
        }
    }

    async fn seen(&self, observed: Observed) {
        let observed = Arc::new(observed);
        self.observed.send_replace(Arc::clone(&observed));
        self.sender.send(report(EngineReport::Observed(observed))).await;
    }

    /// Events of containers go into the history; all that may concern the project ask for a look.
    async fn heard(&self, event: EngineEvent, asked: &mut bool) {
        let project = Arc::clone(&self.project.borrow());
        let concerns = match &event.subject {
            EventSubject::Container { .. } => true,
            EventSubject::Network { name, .. } => project.networks.values().any(|network| network.name == *name),
            EventSubject::Volume { name, .. } => project.volumes.values().any(|volume| volume.name == *name),
            EventSubject::Image { name, .. } => {
                project.services.values().any(|service| same_image(service.image_name(&project.name).as_str(), name))
            }
        };
        *asked |= concerns;
        let EventSubject::Container { id, service, oneoff: false, action, .. } = event.subject else { return };
        let happened = Happened { at: event.time, container: id, service, what: happening(action) };
        self.sender.send(report(EngineReport::Happened(happened))).await;
    }
}

fn look(engine: Engine, project: Arc<Project>) -> Look {
    Box::pin(async move { engine.observe(&project, Detail::Full).await })
}

fn name(engine: &Engine) -> EngineName {
    let info = engine.info();
    let header = info.header();
    let product = info.title();
    let place = header.strip_prefix(&product).map_or(header.as_str(), |rest| rest.trim_start_matches(" · "));
    EngineName { place: place.to_owned(), product }
}

/// An event names an image with its tag, a compose file often without.
fn same_image(wanted: &str, named: &str) -> bool {
    wanted == named || named.strip_suffix(":latest") == Some(wanted)
}

fn happening(action: ContainerAction) -> Happening {
    match action {
        ContainerAction::Start => Happening::Started,
        ContainerAction::Die { code } => Happening::Exited(ExitInfo { code, oom_killed: false }),
        ContainerAction::OutOfMemory => Happening::OutOfMemory,
        ContainerAction::Health(health) => Happening::Health(health),
        ContainerAction::Pause => Happening::Paused,
        ContainerAction::Unpause => Happening::Unpaused,
        ContainerAction::Create
        | ContainerAction::Kill { .. }
        | ContainerAction::Stop
        | ContainerAction::Restart
        | ContainerAction::Destroy
        | ContainerAction::Rename { .. }
        | ContainerAction::Other(_) => Happening::Other,
    }
}
