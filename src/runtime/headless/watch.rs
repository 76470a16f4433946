//! `watch`: the rules of `develop.watch`, carried out as files change, until a signal comes.
//!
//! Files go into the containers at once, also while an image builds; changes during a build are merged into one more. What fails is
//! told, and watching goes on.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    pin::Pin,
    sync::Arc,
};

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    engine::{Detail, Engine, EventsOf},
    execute::{self, Outcome, Verdict},
    model::{
        ContainerId, ContainerState, Diagnostic, FileOwner, Observed, Project, ProjectName, ServiceName, ServiceSync,
        Sources,
    },
    plan::{BuildWhen, Goal, RebuildOptions, RebuildWhat, Selection, SyncOptions, UpOptions, Verb},
    watch::{
        develop::{Consequences, Rules},
        tree::{TreeEvent, TreeWatcher},
    },
};

use super::{
    Setup, Stop,
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
}

/// Runs it.
///
/// # Errors
/// No service has rules, what failed at the start, or that it was interrupted, which is how it ends.
pub async fn run(setup: &Setup, options: &WatchOptions) -> Result<(), Stop> {
    let ready = verbs::ready(setup, &options.services).await?;
    let services: BTreeSet<ServiceName> = Rules::services(&ready.project)
        .filter(|service| {
            options.services.is_empty() || options.services.iter().any(|name| service.name == *name.as_str())
        })
        .map(|service| service.name.clone())
        .collect();
    let watched = services.iter().filter_map(|name| ready.project.services.get(name));
    let (rules, warnings) = Rules::of(watched).map_err(Stop::usage)?;
    warnings.iter().for_each(|warning| setup.console.diagnostic(warning));
    if rules.is_empty() {
        let what = Diagnostic::error("no service has rules of develop.watch");
        return Err(Stop::usage(
            what.help("`develop: {watch: [{path: ./src, action: sync, target: /app/src}]}` in a service"),
        ));
    }
    let mut signals = Signals::listen()?;
    if !options.no_up {
        let up = UpOptions { build: BuildWhen::Always, ..UpOptions::default() };
        carry_out(setup, &ready, Goal::new(Verb::Up(up), Selection::of(services)), options.quiet).await?;
    }
    let rules = Arc::new(rules);
    let started = TreeWatcher::start(Arc::clone(&rules));
    let (_watcher, mut events) =
        started.map_err(|error| Stop::failed(Diagnostic::error(format!("files can't be watched: {error}"))))?;
    let (count, changes) = watch::channel(0);
    let counting = count_events(ready.engine.clone(), ready.project.name.clone(), count);
    let _counting = AbortOnDropHandle::new(tokio::spawn(counting));
    let watching = Watch { setup, ready: &ready, quiet: options.quiet, changes, seen: RefCell::new(None) };
    watching.seen().await?;
    watching.sync(rules.initial(TreeWatcher::files(&rules).iter()).sync).await?;
    if !options.quiet {
        setup.console.line(format!("watching {}", shown(&ready.project, &rules.roots())))?;
    }
    let mut building: Option<Building<'_>> = None;
    let mut to_build: BTreeSet<ServiceName> = BTreeSet::new();
    // What the services under way get meanwhile: their new containers need it too.
    let mut meanwhile: BTreeMap<ServiceName, ServiceSync> = BTreeMap::new();
    loop {
        if building.is_none() && !to_build.is_empty() {
            meanwhile = to_build.iter().map(|name| (name.clone(), ServiceSync::default())).collect();
            building = Some(Box::pin(watching.rebuild(std::mem::take(&mut to_build))));
        }
        tokio::select! {
            biased;
            _ = signals.recv() => {
                // A build under way hears the signal too, and ends in order.
                if let Some(building) = building.take() {
                    building.await?;
                }
                return Err(Stop::Interrupted);
            }
            event = events.recv() => match event {
                Some(TreeEvent::Changed(changes)) => {
                    let Consequences { rebuild, sync } = rules.follow(&changes);
                    to_build.extend(rebuild.into_keys());
                    for (name, known) in &mut meanwhile {
                        sync.get(name).into_iter().for_each(|sync| known.extend(sync));
                    }
                    watching.sync(sync).await?;
                }
                Some(TreeEvent::Problem(problem)) => setup.console.diagnostic(&problem),
                None => return Err(Stop::failed(Diagnostic::error("watching files ended"))),
            },
            built = async { match &mut building { Some(building) => building.await, None => std::future::pending().await } } => {
                building = None;
                let meanwhile = std::mem::take(&mut meanwhile);
                match built {
                    // The old containers went on, and have it all.
                    Err(Stop::Failed(problems)) => problems.iter().for_each(|problem| setup.console.diagnostic(problem)),
                    Err(stop) => return Err(stop),
                    Ok(()) => watching.catch_up(&rules, meanwhile).await?,
                }
            }
        }
    }
}

/// The roots, relative to the project's folder where they lie in it.
fn shown(project: &Project, roots: &BTreeSet<&Path>) -> String {
    let name = |root: &&Path| match root.strip_prefix(&project.directory) {
        Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => root.display().to_string(),
    };
    roots.iter().map(name).collect::<Vec<_>>().join(", ")
}

async fn carry_out(setup: &Setup, ready: &Ready, goal: Goal, quiet: bool) -> Result<Outcome, Stop> {
    let mut signals = Signals::listen()?;
    let ink = setup.console.out;
    let sources = Arc::new(run::sources(setup, &ready.project));
    let job = Job { ready, sources: &sources, goal, ink, style: run::style(setup, ink, quiet), hurried: false };
    run::carry_out(setup, job, &mut signals, |_| {}).await
}

/// A rebuild under way.
type Building<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + 'a>>;

struct Watch<'a> {
    setup: &'a Setup,
    ready: &'a Ready,
    quiet: bool,
    /// Tells of containers that come and go.
    changes: watch::Receiver<u64>,
    /// What was looked at last, and at which change. A save must not wait for another look.
    seen: RefCell<Option<(u64, Seen)>>,
}

/// What a sync needs to know of the containers.
#[derive(Clone)]
struct Seen {
    observed: Arc<Observed>,
    owners: BTreeMap<ContainerId, FileOwner>,
}

/// Counts the engine's events of the project, until nobody wants to know or the engine is lost: then every sync looks for itself.
async fn count_events(engine: Engine, project: ProjectName, count: watch::Sender<u64>) {
    let Ok(mut events) = engine.events(EventsOf::Project(project)).await else { return };
    while let Some(Ok(_)) = events.next().await {
        count.send_modify(|count| *count += 1);
    }
}

impl Watch<'_> {
    async fn rebuild(&self, services: BTreeSet<ServiceName>) -> Result<(), Stop> {
        let options = RebuildOptions { what: RebuildWhat::Selected, ..RebuildOptions::default() };
        let goal = Goal::new(Verb::Rebuild(options), Selection::of(services));
        carry_out(self.setup, self.ready, goal, self.quiet).await.map(drop)
    }

    /// What is known of the containers, and whether it was looked at just now.
    async fn seen(&self) -> Result<(Seen, bool), Stop> {
        let change = *self.changes.borrow();
        // Without events nothing that was seen can be trusted.
        let trusted = self.changes.has_changed().is_ok();
        if let Some((_, seen)) = self.known().filter(|(at, _)| trusted && *at == change) {
            return Ok((seen, false));
        }
        let observed = verbs::observe(self.ready, Detail::Listing).await?;
        let mut owners = BTreeMap::new();
        for container in observed.containers.iter().filter(|container| container.state == ContainerState::Running) {
            let service = self.ready.project.services.get(&container.service);
            if service.is_some_and(|service| !service.watch.is_empty())
                && let Ok(owner) = execute::owner(&self.ready.engine, &container.id).await
            {
                owners.insert(container.id.clone(), owner);
            }
        }
        let seen = Seen { observed: Arc::new(observed), owners };
        *self.seen.borrow_mut() = Some((change, seen.clone()));
        Ok((seen, true))
    }

    fn known(&self) -> Option<(u64, Seen)> {
        self.seen.borrow().clone()
    }

    fn forget(&self) {
        *self.seen.borrow_mut() = None;
    }

    async fn bring(
        &self,
        services: &BTreeMap<ServiceName, ServiceSync>,
        names: &[ServiceName],
        seen: &Seen,
    ) -> Outcome {
        let options = SyncOptions { services: services.clone(), owners: seen.owners.clone() };
        let run = execute::Run {
            engine: self.ready.engine.clone(),
            project: Arc::clone(&self.ready.project),
            sources: Arc::new(Sources::default()),
            texts: None,
            published: Arc::default(),
            goal: Goal::new(Verb::Sync(options), Selection::of(names.iter().cloned())),
        };
        execute::sync(run, &seen.observed).await
    }

    /// Brings into new containers what their image may not have: the files of rules with `initial_sync`, and what changed while
    /// it was built.
    async fn catch_up(&self, rules: &Rules, meanwhile: BTreeMap<ServiceName, ServiceSync>) -> Result<(), Stop> {
        let files = TreeWatcher::files(rules);
        let mut initial = rules.initial(files.iter()).sync;
        initial.retain(|name, _| meanwhile.contains_key(name));
        for (name, sync) in meanwhile {
            initial.entry(name).or_default().extend(&sync);
        }
        // A container that has just been made needs no restart.
        initial.values_mut().for_each(|sync| sync.restart = false);
        initial.retain(|_, sync| *sync != ServiceSync::default());
        self.sync(initial).await
    }

    /// Brings files into the containers and says what came of it.
    async fn sync(&self, services: BTreeMap<ServiceName, ServiceSync>) -> Result<(), Stop> {
        if services.is_empty() {
            return Ok(());
        }
        let names: Vec<ServiceName> = services.keys().cloned().collect();
        let (mut seen, fresh) = self.seen().await?;
        let mut outcome = self.bring(&services, &names, &seen).await;
        if outcome.verdict != Verdict::Done && !fresh {
            // Perhaps the containers are others now, and nobody said so yet.
            self.forget();
            (seen, _) = self.seen().await?;
            outcome = self.bring(&services, &names, &seen).await;
        }
        let console = &self.setup.console;
        outcome.failures.iter().for_each(|(_, problem)| console.diagnostic(problem));
        for (name, sync) in &services {
            match outcome.verdict {
                Verdict::Done => console.line(format!("{name}  {}", said(sync)))?,
                Verdict::NothingToDo => {
                    let what = format!("{name} does not run: files that changed were not synced");
                    console.diagnostic(&Diagnostic::warning(what).help(format!("`devbox up -d {name}` starts it")));
                }
                Verdict::Failed | Verdict::Cancelled => {}
            }
        }
        Ok(())
    }
}

/// `synced 3 files, removed 1, ran reload, restarted`.
fn said(sync: &ServiceSync) -> String {
    let mut parts = Vec::new();
    let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let copied = sync.files.copies.values().filter(|path| !path.is_dir()).count();
    match (copied, sync.files.copies.len()) {
        (0, 0) => {}
        (0, 1) => parts.push("synced 1 folder".to_owned()),
        (0, folders) => parts.push(format!("synced {folders} folders")),
        (copied, _) => parts.push(format!("synced {}", files(copied))),
    }
    if !sync.files.removals.is_empty() {
        parts.push(format!("removed {}", files(sync.files.removals.len())));
    }
    parts.extend(sync.commands.iter().map(|command| format!("ran {}", command.command.join(" "))));
    if sync.restart {
        parts.push("restarted".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WatchExec;

    #[test]
    fn what_was_done_is_said_in_one_line() {
        let mut sync = ServiceSync::default();
        sync.files.copies.insert("/a".into(), "/b".into());
        sync.files.removals.extend(["/c".to_owned(), "/d".to_owned()]);
        sync.commands
            .push(WatchExec { command: vec!["nginx".into(), "-s".into(), "reload".into()], ..WatchExec::default() });
        assert_eq!(said(&sync), "synced 1 file, removed 2 files, ran nginx -s reload");
        assert_eq!(said(&ServiceSync { restart: true, ..ServiceSync::default() }), "restarted");
    }
}
