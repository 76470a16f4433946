//! The rules of `develop.watch` while the dashboard is open: files go into running containers, the rest is reported.
//!
//! One task. Files are brought at once and side by side with jobs, since they wait for no build; restarts and rebuilds are the
//! loop's to admit, as if a key had asked for them. Nothing is done while nothing changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::{JoinSet, spawn_blocking},
};

use super::Sender;
use crate::{
    app::{
        develop::{DevelopReport, shown},
        message::Message,
    },
    engine::Engine,
    model::{Diagnostic, Observed, Project, Service, ServiceName, ServiceSync},
    runtime::develop::{Came, Carrier},
    watch::{
        develop::{Changes, Consequences, Rules},
        feedback::Feedback,
        tree::{TreeEvent, TreeWatcher},
    },
};

/// The task's handles.
#[derive(Debug)]
pub(super) struct DevelopWatch {
    project: watch::Sender<Arc<Project>>,
    jobs: Arc<Notify>,
}

impl DevelopWatch {
    /// Begins with a project's rules.
    pub fn start(
        tasks: &mut JoinSet<()>,
        sender: &Sender,
        engine: watch::Receiver<Option<Engine>>,
        observed: watch::Receiver<Arc<Observed>>,
        project: Arc<Project>,
    ) -> Self {
        let (sent, received) = watch::channel(Arc::clone(&project));
        let jobs = Arc::new(Notify::new());
        let task = Task {
            sender: sender.clone(),
            engine,
            observed,
            project,
            wanted: received,
            jobs: Arc::clone(&jobs),
            rules: Arc::default(),
            following: None,
            carrier: Carrier::default(),
            feedback: Feedback::default(),
        };
        tasks.spawn(sender.contained("develop.watch", task.run()));
        Self { project: sent, jobs }
    }

    /// To be told of each job's end: what a restart or a rebuild leads to comes after that.
    pub fn jobs(&self) -> Arc<Notify> {
        Arc::clone(&self.jobs)
    }

    /// Goes by another project's rules.
    pub fn set(&self, project: &Arc<Project>) {
        self.project.send_replace(Arc::clone(project));
    }
}

struct Task {
    sender: Sender,
    engine: watch::Receiver<Option<Engine>>,
    observed: watch::Receiver<Arc<Observed>>,
    project: Arc<Project>,
    wanted: watch::Receiver<Arc<Project>>,
    jobs: Arc<Notify>,
    rules: Arc<Rules>,
    following: Option<(TreeWatcher, mpsc::Receiver<TreeEvent>)>,
    carrier: Carrier,
    feedback: Feedback,
}

/// The services by which the rules go.
fn with_rules(project: &Project) -> Vec<&Service> {
    Rules::services(project).collect()
}

impl Task {
    async fn run(mut self) {
        self.read_rules().await;
        self.seen().await;
        loop {
            let event = async {
                match &mut self.following {
                    Some((_, events)) => events.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let project = Arc::clone(&self.wanted.borrow_and_update());
                    let same = with_rules(&project) == with_rules(&self.project);
                    self.project = project;
                    if !same {
                        self.read_rules().await;
                        self.carrier.begin_again();
                        self.seen().await;
                    }
                }
                () = self.jobs.notified() => self.feedback.ended(Instant::now()),
                seen = self.observed.changed() => {
                    if seen.is_err() {
                        return;
                    }
                    self.seen().await;
                }
                event = event => match event {
                    Some(TreeEvent::Changed(changes)) => self.changed(changes).await,
                    Some(TreeEvent::Problem(problem)) => self.warn(problem).await,
                    None => self.following = None,
                },
            }
        }
    }

    async fn report(&self, report: DevelopReport) {
        self.sender.send(Message::Develop(report)).await;
    }

    async fn warn(&self, problem: Diagnostic) {
        self.sender.send(Message::Warned(Arc::new(problem))).await;
    }

    /// Reads the rules and follows what they are about. Rules that can't be understood leave those of before in force.
    async fn read_rules(&mut self) {
        let (rules, warnings) = match Rules::of(with_rules(&self.project)) {
            Ok(rules) => rules,
            Err(problem) => return self.report(DevelopReport::Warnings(vec![Arc::new(problem)])).await,
        };
        self.report(DevelopReport::Warnings(warnings.into_iter().map(Arc::new).collect())).await;
        let had_none = self.rules.is_empty();
        self.rules = Arc::new(rules);
        if self.rules.is_empty() {
            self.following = None;
            if !had_none {
                self.report(DevelopReport::Watching(Vec::new())).await;
            }
            return;
        }
        let rules = Arc::clone(&self.rules);
        // Reading a large tree takes a while.
        let why = match spawn_blocking(move || TreeWatcher::start(rules)).await {
            Ok(Ok(following)) => {
                self.following = Some(following);
                let paths = shown(&self.project.directory, self.rules.roots());
                return self.report(DevelopReport::Watching(paths)).await;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.following = None;
        self.warn(Diagnostic::error(format!("files can't be watched: {why}"))).await;
    }

    fn engine(&self) -> Option<Engine> {
        self.engine.borrow().clone()
    }

    /// The engine was looked at: new containers get what they lack, those that run again what is owed to them.
    async fn seen(&mut self) {
        let observed = Arc::clone(&self.observed.borrow_and_update());
        let Some(engine) = self.engine().filter(|_| !self.rules.is_empty()) else { return };
        self.carrier.see(&engine, &self.project, observed).await;
        let due = self.carrier.due(&self.rules).await;
        self.carry(due).await;
    }

    async fn changed(&mut self, mut changes: Changes) {
        if self.rules.depend_on(&changes) {
            self.read_rules().await;
        }
        for told in self.feedback.filter(&self.rules, &mut changes, Instant::now()) {
            self.warn(told).await;
        }
        let Consequences { rebuild, sync } = self.rules.follow(&changes);
        self.carrier.keep(&sync);
        let begins_job = !rebuild.is_empty() || sync.values().any(|sync| sync.restart);
        if !rebuild.is_empty() {
            self.report(DevelopReport::Rebuild(rebuild)).await;
        }
        self.carry(sync).await;
        if !begins_job {
            self.feedback.ended(Instant::now());
        }
    }

    /// Brings files and reports what came of it. A restart comes after the files, and is the loop's to begin.
    async fn carry(&mut self, mut services: BTreeMap<ServiceName, ServiceSync>) {
        if services.is_empty() {
            return;
        }
        let mut restart: BTreeSet<ServiceName> = BTreeSet::new();
        for (name, sync) in &mut services {
            if std::mem::take(&mut sync.restart) {
                restart.insert(name.clone());
            }
        }
        let Some(engine) = self.engine() else {
            services.iter().for_each(|(name, sync)| self.carrier.owe(name, sync));
            return;
        };
        // A plain restart has nothing to bring.
        let with_files: BTreeMap<ServiceName, ServiceSync> =
            services.into_iter().filter(|(_, sync)| *sync != ServiceSync::default()).collect();
        let names: BTreeSet<ServiceName> = with_files.keys().cloned().collect();
        for (name, came) in self.carrier.carry(&engine, &self.project, with_files).await {
            match came {
                Came::Brought(sync, folders) => {
                    self.report(DevelopReport::Synced { service: name.clone(), sync, folders }).await;
                    if restart.contains(&name) {
                        self.report(DevelopReport::Restart(name)).await;
                    }
                }
                Came::Idle => {}
                Came::Failed(problems) => {
                    for problem in problems.into_iter().take(1) {
                        self.report(DevelopReport::Failed(name.clone(), problem)).await;
                    }
                }
            }
        }
        for name in restart.difference(&names) {
            self.report(DevelopReport::Restart(name.clone())).await;
        }
    }
}
