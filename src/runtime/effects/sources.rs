//! Manifests and compose files, followed: what they declare, and what images were not built from.
//!
//! One task. Every state of a manifest that it sees is kept by its digest, so that what changed since an image was built can
//! be told as packages, also at the next start. Reading happens beside the runtime's threads.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
};

use super::{Sender, baseline::Baselines, now};
use crate::{
    app::{
        changes::{ManifestDiff, ServiceChange},
        message::Message,
    },
    engine::Engine,
    execute,
    manifest::{Discovered, label, mounts},
    model::{Diagnostic, ImageRef, Observed, ObservedImage, Project, ServiceName, Sources},
    runtime::ownership,
    settings::{Folders, Texts},
    watch::{Event, WatchSet, Watcher},
};

/// The task's handle.
pub(super) struct SourceWatch {
    watcher: Watcher,
    read_at: SystemTime,
    project: watch::Sender<Arc<Project>>,
}

impl SourceWatch {
    /// Begins to follow a project's files.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        tasks: &mut JoinSet<()>,
        sender: &Sender,
        (engine, observed): (watch::Receiver<Option<Engine>>, watch::Receiver<Arc<Observed>>),
        project: Arc<Project>,
        (files, read_at): (&BTreeSet<PathBuf>, SystemTime),
        folders: Option<Folders>,
    ) -> std::io::Result<Self> {
        let (watcher, events) = Watcher::start(watched(&project, files, read_at))?;
        let (sent, received) = watch::channel(project);
        let task = Task {
            sender: sender.clone(),
            engine,
            observed,
            project: received,
            texts: folders.as_ref().map(Texts::of),
            sources: Arc::default(),
            baselines: Baselines::default(),
            hidden: Vec::new(),
            looked: false,
            compared: None,
        };
        tasks.spawn(sender.contained("following files", task.run(events)));
        Ok(Self { watcher, read_at, project: sent })
    }

    /// Follows another project's files.
    pub fn set(&self, project: &Arc<Project>, files: &BTreeSet<PathBuf>) {
        self.watcher.set(watched(project, files, self.read_at));
        self.project.send_replace(Arc::clone(project));
    }
}

/// A project's manifests, its files, and what loading it read or looked for besides.
fn watched(project: &Project, files: &BTreeSet<PathBuf>, read_at: SystemTime) -> WatchSet {
    let mut set = WatchSet { read_at: Some(read_at), ..WatchSet::of(project) };
    set.files.extend(files.iter().cloned());
    set
}

struct Task {
    sender: Sender,
    engine: watch::Receiver<Option<Engine>>,
    observed: watch::Receiver<Arc<Observed>>,
    project: watch::Receiver<Arc<Project>>,
    texts: Option<Texts>,
    sources: Arc<Sources>,
    baselines: Baselines,
    /// Folders of the host that a bind mount lays over an image's own dependencies.
    hidden: Vec<(ServiceName, Arc<Diagnostic>)>,
    /// The engine was looked at.
    looked: bool,
    /// The images that were compared last, so that a look at the engine that shows the same ones costs nothing.
    compared: Option<BTreeMap<ImageRef, ObservedImage>>,
}

impl Task {
    async fn run(mut self, mut events: tokio::sync::mpsc::Receiver<Event>) {
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(Event::Changed { sources, discovered }) => self.changed(sources, discovered).await,
                    Some(Event::Files { paths }) => self.sender.send(Message::FilesChanged(paths)).await,
                    Some(Event::Problem(problem)) => self.sender.send(Message::Warned(Arc::new(problem))).await,
                    None => return,
                },
                seen = self.observed.changed() => {
                    if seen.is_err() {
                        return;
                    }
                    self.looked = true;
                    let same = self.compared.as_ref() == Some(&self.observed.borrow_and_update().images);
                    if !same {
                        self.tell_of_mounts().await;
                        self.compare().await;
                    }
                }
            }
        }
    }

    async fn changed(&mut self, sources: Arc<Sources>, discovered: BTreeMap<ServiceName, Arc<Discovered>>) {
        let project = Arc::clone(&self.project.borrow());
        self.sources = Arc::clone(&sources);
        self.with_baselines({
            let sources = Arc::clone(&sources);
            move |baselines| baselines.see(&sources)
        })
        .await;
        self.sender.send(Message::Sources(Arc::clone(&sources))).await;
        let mut problems: Vec<Arc<Diagnostic>> = Vec::new();
        for problem in discovered.values().filter_map(|found| found.problem.clone().map(Arc::new)) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        self.sender.send(Message::Dockerfiles(problems)).await;
        self.hidden = hidden(&project, &discovered);
        self.tell_of_mounts().await;
        self.compare().await;
        if let Some(texts) = self.texts.clone() {
            let _ = spawn_blocking(move || keep(&texts, &sources)).await;
        }
    }

    /// Compares the images with the manifests on disk. Nothing is said before the engine was looked at.
    async fn compare(&mut self) {
        let observed = Arc::clone(&self.observed.borrow());
        if !self.looked && observed.images.is_empty() && observed.containers.is_empty() {
            return;
        }
        self.compared = Some(observed.images.clone());
        let (project, sources, texts) =
            (Arc::clone(&self.project.borrow()), Arc::clone(&self.sources), self.texts.clone());
        let engine = self.engine.borrow().clone();
        if let (Some(engine), Some(texts)) = (engine, &texts) {
            execute::recall_all(&engine, &project, &observed, &sources, texts).await;
        }
        let changes = self
            .with_baselines(move |baselines| changes(&project, &observed, &sources, baselines, texts.as_ref()))
            .await;
        if let Some(changes) = changes {
            self.sender.send(Message::Changes(changes)).await;
        }
    }

    /// Says what is to be known of mounts: what they hide, and in which of them files become root's.
    async fn tell_of_mounts(&mut self) {
        let (project, observed) = (Arc::clone(&self.project.borrow()), Arc::clone(&self.observed.borrow()));
        let engine = self.engine.borrow().clone();
        let caller = match &engine {
            Some(engine) if self.looked => ownership::caller(engine).await,
            _ => None,
        };
        let roots = caller.map(|caller| ownership::warnings(caller, &project, &observed)).unwrap_or_default();
        let roots = roots.into_iter().map(|(name, warning)| (name, Arc::new(warning)));
        self.sender.send(Message::Mounts(self.hidden.iter().cloned().chain(roots).collect())).await;
    }

    /// Works on the baselines where reading may take its time; `None` when that ended without a result.
    async fn with_baselines<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Baselines) -> T + Send + 'static,
    ) -> Option<T> {
        let mut baselines = std::mem::take(&mut self.baselines);
        let (baselines, result) = spawn_blocking(move || {
            let result = work(&mut baselines);
            (baselines, result)
        })
        .await
        .ok()?;
        self.baselines = baselines;
        Some(result)
    }
}

fn keep(texts: &Texts, sources: &Sources) {
    for (digest, text) in sources.services.values().flat_map(label::texts) {
        if let Err(error) = texts.keep(digest, &text) {
            tracing::warn!("{}", Diagnostic::from(&error));
            return;
        }
    }
}

/// What each service's image was not built from.
fn changes(
    project: &Project,
    observed: &Observed,
    sources: &Sources,
    baselines: &mut Baselines,
    texts: Option<&Texts>,
) -> BTreeMap<ServiceName, ServiceChange> {
    let since = now();
    let mut changes = BTreeMap::new();
    for (name, declared) in &sources.services {
        let Some(service) = project.services.get(name) else { continue };
        let image = observed.images.get(&service.image_name(&project.name));
        baselines.follow(name, image, declared);
        let Some(image) = image else { continue };
        let value = baselines.label(name, image);
        let old = |digest| {
            let kept = texts.and_then(|texts| texts.get(digest).ok().flatten());
            kept.or_else(|| baselines.text(name, digest))
        };
        let manifests: Vec<ManifestDiff> = label::changes_since(value, declared, old)
            .unwrap_or_default()
            .into_iter()
            .map(|told| ManifestDiff {
                name: told.difference.name,
                digest: told.difference.to,
                change: told.change,
                lines: Arc::new(told.lines),
            })
            .collect();
        if !manifests.is_empty() {
            changes.insert(name.clone(), ServiceChange { since, manifests });
        }
    }
    changes
}

/// Folders of the host that a bind mount lays over an image's own dependencies.
fn hidden(
    project: &Project,
    discovered: &BTreeMap<ServiceName, Arc<Discovered>>,
) -> Vec<(ServiceName, Arc<Diagnostic>)> {
    let mut all = Vec::new();
    for (name, discovered) in discovered {
        let Some(service) = project.services.get(name).filter(|service| service.enabled) else { continue };
        for hidden in mounts::hidden(&service.mounts, &discovered.environments) {
            all.push((name.clone(), Arc::new(hidden.diagnostic(name))));
        }
    }
    all
}
