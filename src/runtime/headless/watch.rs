//! `watch`, and what `up --watch` does beside the logs: the rules of `develop.watch`, carried out as files change.
//!
//! Files go into the containers at once, also while an image builds; changes during a build are merged into one more. What fails is
//! told, and watching goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::{Pin, pin},
    sync::Arc,
    time::Instant,
};

use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    app::develop::{said, shown},
    engine::{ContainerAction, Engine, EventSubject, EventsOf},
    execute::Outcome,
    model::{Diagnostic, ProjectName, ServiceName, ServiceSync},
    plan::{BuildWhen, Goal, RebuildOptions, RebuildWhat, Selection, UpOptions, Verb},
    watch::{
        develop::{Changes, Consequences, Rules},
        feedback::Feedback,
        tree::{TreeEvent, TreeWatcher},
    },
};

use super::{
    super::develop::{Came, Carrier},
    Setup, Stop,
    console::Ink,
    progress::Style,
    run::{self, Job, Signals},
    verbs::{self, Ready},
};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchOptions {
    /// The services; all that have rules when there are none.
    pub services: Vec<String>,
    /// `--no-up`.
    pub no_up: bool,
    /// `--quiet`: no word of what is built.
    pub quiet: bool,
    /// `--prune`: images that a rebuild leaves without a name are removed.
    pub prune: bool,
}

/// Runs it.
///
/// # Errors
/// No service has rules, what failed at the start, or that it was interrupted, which is how it ends.
pub async fn run(setup: &Setup, options: &WatchOptions) -> Result<(), Stop> {
    let ready = verbs::ready(setup, &options.services).await?;
    let ink = setup.console.out;
    let show = Show { ink, style: run::style(setup, ink, options.quiet), quiet: options.quiet };
    let watch = Watch::new(setup, &ready, &options.services, show, options.prune)?;
    let mut signals = Signals::listen()?;
    if !options.no_up {
        let up = UpOptions { build: BuildWhen::Always, ..UpOptions::default() };
        let goal = Goal::new(Verb::Up(up), Selection::of(watch.services.iter().cloned()));
        carry_out(setup, &ready, goal, show).await?;
    }
    let stop = CancellationToken::new();
    let mut work = pin!(watch.run(stop.clone()));
    tokio::select! {
        biased;
        _ = signals.recv() => {
            stop.cancel();
            work.await?;
            Err(Stop::Interrupted)
        }
        ended = &mut work => ended,
    }
}

/// How its lines are shown.
#[derive(Debug, Clone, Copy)]
pub struct Show {
    /// Where they go.
    pub ink: Ink,
    /// How a build is shown.
    pub style: Style,
    /// Only what was done is told.
    pub quiet: bool,
}

async fn carry_out(setup: &Setup, ready: &Ready, goal: Goal, show: Show) -> Result<Outcome, Stop> {
    let mut signals = Signals::listen()?;
    let sources = Arc::new(run::sources(setup, &ready.project));
    let job = Job { ready, sources: &sources, goal, ink: show.ink, style: show.style, hurried: false };
    run::carry_out(setup, job, &mut signals, |_| {}).await
}

/// A rebuild under way.
type Building<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + 'a>>;

/// The rules, ready to be carried out.
pub struct Watch<'a> {
    setup: &'a Setup,
    ready: &'a Ready,
    /// Those whose rules are carried out.
    services: BTreeSet<ServiceName>,
    rules: Arc<Rules>,
    show: Show,
    prune: bool,
    /// Containers are restarted or replaced just now.
    busy: watch::Sender<bool>,
    carrier: Carrier,
    feedback: Feedback,
}

/// Counts the events after which the project's containers may be others, until nobody wants to know or the engine is lost: then
/// every sync looks for itself. A probe every second, or a command that somebody runs, is no reason to look.
async fn count_events(engine: Engine, project: ProjectName, count: watch::Sender<u64>) {
    let Ok(mut events) = engine.events(EventsOf::Project(project)).await else { return };
    while let Some(Ok(event)) = events.next().await {
        let EventSubject::Container { action, oneoff: false, .. } = event.subject else { continue };
        if !matches!(action, ContainerAction::Health(_) | ContainerAction::Kill { .. } | ContainerAction::Other(_)) {
            count.send_modify(|count| *count += 1);
        }
    }
}

/// A watcher on its way, since reading a large tree takes a while.
async fn follow(rules: &Arc<Rules>) -> Result<(TreeWatcher, mpsc::Receiver<TreeEvent>), Stop> {
    let rules = Arc::clone(rules);
    let failed = |why: String| Stop::failed(Diagnostic::error(format!("files can't be watched: {why}")));
    let started = tokio::task::spawn_blocking(move || TreeWatcher::start(rules)).await;
    started.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

impl<'a> Watch<'a> {
    /// The rules of these services, of all that have some when none is named.
    ///
    /// # Errors
    /// There are none, or they can't be understood.
    pub fn new(
        setup: &'a Setup,
        ready: &'a Ready,
        named: &[String],
        show: Show,
        prune: bool,
    ) -> Result<Watch<'a>, Stop> {
        let services: BTreeSet<ServiceName> = Rules::services(&ready.project)
            .filter(|service| named.is_empty() || named.iter().any(|name| service.name == *name.as_str()))
            .map(|service| service.name.clone())
            .collect();
        let (carrier, feedback, busy) = (Carrier::default(), Feedback::default(), watch::Sender::new(false));
        let mut watch = Watch { setup, ready, services, rules: Arc::default(), show, prune, busy, carrier, feedback };
        watch.read_rules()?;
        if watch.rules.is_empty() {
            let what = Diagnostic::error("no service has rules of develop.watch");
            return Err(Stop::usage(
                what.help("`develop: {watch: [{path: ./src, action: sync, target: /app/src}]}` in a service"),
            ));
        }
        Ok(watch)
    }

    /// Whether containers are restarted or replaced just now, so that their end means nothing.
    pub fn busy(&self) -> watch::Receiver<bool> {
        self.busy.subscribe()
    }

    fn read_rules(&mut self) -> Result<(), Stop> {
        let watched = self.services.iter().filter_map(|name| self.ready.project.services.get(name));
        let (rules, warnings) = Rules::of(watched).map_err(Stop::usage)?;
        warnings.iter().for_each(|warning| self.setup.console.diagnostic(warning));
        self.rules = Arc::new(rules);
        Ok(())
    }

    /// Carries the rules out until it is told to stop; a build under way hears the signal too, and ends in order.
    ///
    /// # Errors
    /// Files can't be watched, standard output is closed, or a build was interrupted.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Stop> {
        let (mut _watcher, mut events) = follow(&self.rules).await?;
        let (setup, ready) = (self.setup, self.ready);
        let (count, mut happened) = watch::channel(0);
        let counting = count_events(ready.engine.clone(), ready.project.name.clone(), count);
        let _counting = AbortOnDropHandle::new(tokio::spawn(counting));
        self.carrier.look(&ready.engine, &ready.project).await.map_err(run::stop)?;
        self.sync(BTreeMap::new(), &mut happened, false).await?;
        if !self.show.quiet {
            let paths = shown(&ready.project.directory, self.rules.roots());
            setup.console.line(format!("watching {}", paths.join(", ")))?;
        }
        let mut building: Option<Building<'_>> = None;
        let mut to_build: BTreeSet<ServiceName> = BTreeSet::new();
        loop {
            if building.is_none() && !to_build.is_empty() {
                self.busy.send_replace(true);
                let services = std::mem::take(&mut to_build);
                building = Some(Box::pin(rebuild(setup, ready, services, self.show)));
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    return match building.take() {
                        Some(building) => building.await,
                        None => Ok(()),
                    };
                }
                event = events.recv() => match event {
                    Some(TreeEvent::Changed(changes)) => {
                        if self.rules.depend_on(&changes) && self.read_rules_again().await {
                            (_watcher, events) = follow(&self.rules).await?;
                        }
                        let Consequences { rebuild, sync } = self.consequences(changes);
                        to_build.extend(rebuild.into_keys());
                        self.carrier.keep(&sync);
                        self.sync(sync, &mut happened, building.is_some()).await?;
                    }
                    Some(TreeEvent::Problem(problem)) => setup.console.diagnostic(&problem),
                    None => return Err(Stop::failed(Diagnostic::error("watching files ended"))),
                },
                built = async { match &mut building { Some(building) => building.await, None => std::future::pending().await } } => {
                    building = None;
                    match built {
                        // The old containers went on, and have it all.
                        Err(Stop::Failed(problems)) => problems.iter().for_each(|problem| setup.console.diagnostic(problem)),
                        Err(stop) => return Err(stop),
                        Ok(()) => {
                            // The new containers are given what was brought into the old ones.
                            happened.mark_changed();
                            self.sync(BTreeMap::new(), &mut happened, true).await?;
                            self.remove_nameless().await;
                        }
                    }
                    self.feedback.ended(Instant::now());
                    self.busy.send_replace(false);
                }
            }
        }
    }

    /// After a change of .dockerignore. Rules that can't be understood leave those of before in force.
    async fn read_rules_again(&mut self) -> bool {
        match self.read_rules() {
            Ok(()) => true,
            Err(stop) => {
                stop.diagnostics().iter().for_each(|problem| self.setup.console.diagnostic(problem));
                false
            }
        }
    }

    fn consequences(&mut self, mut changes: Changes) -> Consequences {
        let loops = self.feedback.filter(&self.rules, &mut changes, Instant::now());
        loops.iter().for_each(|told| self.setup.console.diagnostic(told));
        self.rules.follow(&changes)
    }

    /// Brings files into the containers, with what new ones lack, and says what came of it.
    async fn sync(
        &mut self,
        services: BTreeMap<ServiceName, ServiceSync>,
        happened: &mut watch::Receiver<u64>,
        builds: bool,
    ) -> Result<(), Stop> {
        let (setup, ready) = (self.setup, self.ready);
        // Without events nothing that was seen can be trusted.
        if happened.has_changed().unwrap_or(true) {
            happened.mark_unchanged();
            if let Err(error) = self.carrier.look(&ready.engine, &ready.project).await {
                // They are owed to the containers, and go along with what comes next.
                services.iter().for_each(|(name, sync)| self.carrier.owe(name, sync));
                setup.console.diagnostic(&Diagnostic::from(error));
                return Ok(());
            }
        }
        let mut all = self.carrier.due(&self.rules).await;
        services.iter().for_each(|(name, sync)| all.entry(name.clone()).or_default().extend(sync));
        if all.is_empty() {
            return Ok(());
        }
        self.busy.send_replace(builds || all.values().any(|sync| sync.restart));
        for (name, came) in self.carrier.carry(&ready.engine, &ready.project, all).await {
            match came {
                Came::Brought(sync, folders) => setup.console.line(format!("{name}  {}", said(&sync, folders)))?,
                Came::Failed(problems) => problems.iter().for_each(|problem| setup.console.diagnostic(problem)),
                Came::Idle => {
                    let what = format!("{name} does not run: files that changed were not synced");
                    setup
                        .console
                        .diagnostic(&Diagnostic::warning(what).help(format!("`devbox up -d {name}` starts it")));
                }
            }
        }
        if !builds {
            self.feedback.ended(Instant::now());
            self.busy.send_replace(false);
        }
        Ok(())
    }

    /// Removes images of the project that have lost their name to a new one, where that is wanted. One that is in use stays.
    async fn remove_nameless(&self) {
        if !self.prune {
            return;
        }
        let engine = &self.ready.engine;
        let project = self.ready.project.name.as_str();
        let own = |labels: &BTreeMap<String, String>| {
            labels.get("com.docker.compose.project").is_some_and(|name| name == project)
        };
        let nameless = match engine.images().await {
            Ok(images) => images.into_iter().filter(|image| image.tags.is_empty() && own(&image.labels)),
            Err(error) => return self.setup.console.diagnostic(&Diagnostic::from(error)),
        };
        for image in nameless {
            if let Err(error) = engine.remove_image(image.id.as_str()).await {
                tracing::info!("{} stays: {}", image.id, Diagnostic::from(error));
            }
        }
    }
}

async fn rebuild(setup: &Setup, ready: &Ready, services: BTreeSet<ServiceName>, show: Show) -> Result<(), Stop> {
    let options = RebuildOptions { what: RebuildWhat::Selected, ..RebuildOptions::default() };
    let goal = Goal::new(Verb::Rebuild(options), Selection::of(services));
    carry_out(setup, ready, goal, show).await.map(drop)
}
