//! Files on their way into containers, as rules of `develop.watch` want it: what is known of the containers, and what came of it.
//!
//! Used by `watch`, `up --watch` and the dashboard alike. A save must not wait for a look at the engine, so the containers and their
//! users are known beforehand; where they turn out to be others, they are looked at and it is done again. What could not be
//! brought goes along with what comes next. A container that is new gets what its image may not have: the files of rules with
//! `initial_sync`, and all that was brought into the one before. Decides nothing: which files go where is `watch::develop`'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    engine::{Detail, Engine, EngineError},
    execute::{self, Verdict},
    model::{
        ContainerId, ContainerState, Diagnostic, FileOwner, Observed, ObservedContainer, Project, ServiceName,
        ServiceSync, Sources, SyncedFiles,
    },
    plan::{Goal, Selection, SyncOptions, Verb},
    watch::{develop::Rules, tree::TreeWatcher},
};

/// What came of bringing a service its files.
#[derive(Debug, Clone)]
pub enum Came {
    /// They are there, those that were owed to it too; so many of the copies are folders.
    Brought(ServiceSync, usize),
    /// No container of it runs: they are owed to it.
    Idle,
    /// They are owed to it.
    Failed(Vec<Arc<Diagnostic>>),
}

/// Brings files into containers.
#[derive(Debug, Default)]
pub struct Carrier {
    observed: Arc<Observed>,
    owners: BTreeMap<ContainerId, FileOwner>,
    owed: BTreeMap<ServiceName, ServiceSync>,
    /// What changed since it began.
    kept: BTreeMap<ServiceName, SyncedFiles>,
    /// Containers that have all of it.
    known: BTreeSet<ContainerId>,
    /// Services that have begun to run since they were given what is owed to them.
    begun: BTreeSet<ServiceName>,
}

/// Whether files can be brought into a container.
fn takes(container: &ObservedContainer) -> bool {
    container.state == ContainerState::Running && !container.oneoff
}

/// The containers that files can be brought into.
fn running(observed: &Observed) -> BTreeSet<ContainerId> {
    observed.containers.iter().filter(|container| takes(container)).map(|container| container.id.clone()).collect()
}

impl Carrier {
    /// Takes in what was observed, and asks for the users of containers that are new.
    pub async fn see(&mut self, engine: &Engine, project: &Project, observed: Arc<Observed>) {
        let has_rules =
            |name: &ServiceName| project.services.get(name).is_some_and(|service| !service.watch.is_empty());
        let wanted: BTreeSet<&ContainerId> = observed
            .containers
            .iter()
            .filter(|container| takes(container) && has_rules(&container.service))
            .map(|container| &container.id)
            .collect();
        self.owners.retain(|id, _| wanted.contains(id));
        let new = wanted.into_iter().filter(|id| !self.owners.contains_key(*id)).cloned();
        let asked = new.map(|id| async move { (execute::owner(engine, &id).await, id) });
        for (owner, id) in futures_util::future::join_all(asked).await {
            // Who can't be asked now is asked when files come.
            if let Ok(owner) = owner {
                self.owners.insert(id, owner);
            }
        }
        let ran = running(&self.observed);
        let begun = observed.containers.iter().filter(|container| takes(container) && !ran.contains(&container.id));
        self.begun.extend(begun.map(|container| container.service.clone()));
        self.observed = observed;
    }

    /// Looks at the engine itself.
    ///
    /// # Errors
    /// The engine's.
    pub async fn look(&mut self, engine: &Engine, project: &Project) -> Result<(), EngineError> {
        let observed = engine.observe(project, Detail::Listing).await?;
        self.see(engine, project, Arc::new(observed)).await;
        Ok(())
    }

    /// The rules are others: every container gets what it would get if it were new.
    pub fn begin_again(&mut self) {
        self.known.clear();
    }

    /// Keeps files for a service until it can take them.
    pub fn owe(&mut self, service: &ServiceName, sync: &ServiceSync) {
        self.owed.entry(service.clone()).or_default().extend(sync);
    }

    /// Keeps what changed for containers that are made later.
    pub fn keep(&mut self, services: &BTreeMap<ServiceName, ServiceSync>) {
        for (name, sync) in services {
            self.kept.entry(name.clone()).or_default().extend(&sync.files);
        }
    }

    /// What services that have begun to run lack: what is owed to them, and what containers need that are new. What could not be
    /// brought into one that runs is not tried again by itself.
    pub async fn due(&mut self, rules: &Arc<Rules>) -> BTreeMap<ServiceName, ServiceSync> {
        let mut due: BTreeMap<ServiceName, ServiceSync> = BTreeMap::new();
        let mut new: BTreeSet<ServiceName> = BTreeSet::new();
        self.known.retain(|id| self.observed.containers.iter().any(|container| container.id == *id));
        due.extend(std::mem::take(&mut self.begun).iter().filter_map(|name| self.owed.remove_entry(name)));
        for container in self.observed.containers.iter().filter(|container| takes(container)) {
            if self.owners.contains_key(&container.id) && self.known.insert(container.id.clone()) {
                new.insert(container.service.clone());
            }
        }
        if !new.is_empty() {
            let rules = Arc::clone(rules);
            // Reading a large tree takes a while.
            let read = tokio::task::spawn_blocking(move || {
                let initial = rules.has_initial().then(|| rules.initial(TreeWatcher::files(&rules).iter()).sync);
                initial.unwrap_or_default()
            });
            let mut initial = read.await.unwrap_or_default();
            for name in new {
                let mut all = initial.remove(&name).unwrap_or_default();
                self.kept.get(&name).iter().for_each(|kept| all.files.extend(kept));
                due.remove(&name).iter().for_each(|owed| all.extend(owed));
                due.insert(name, all);
            }
        }
        // A container that has just been started needs no restart.
        due.values_mut().for_each(|sync| sync.restart = false);
        due.retain(|_, sync| *sync != ServiceSync::default());
        due
    }

    /// Brings each service its files, all side by side. Where a container may be another one by now, looks and does it again.
    pub async fn carry(
        &mut self,
        engine: &Engine,
        project: &Arc<Project>,
        services: BTreeMap<ServiceName, ServiceSync>,
    ) -> BTreeMap<ServiceName, Came> {
        let mut wanted: BTreeMap<ServiceName, ServiceSync> = BTreeMap::new();
        for (name, sync) in services {
            let all = wanted.entry(name.clone()).or_default();
            self.owed.remove(&name).iter().for_each(|owed| all.extend(owed));
            all.extend(&sync);
        }
        let mut came = self.bring(engine, project, &wanted).await;
        wanted.retain(|name, _| !matches!(came.get(name), Some(Came::Brought(..))));
        if !wanted.is_empty() {
            let before = running(&self.observed);
            if self.look(engine, project).await.is_ok() && before != running(&self.observed) {
                came.extend(self.bring(engine, project, &wanted).await);
            }
        }
        for (name, sync) in &wanted {
            if !matches!(came.get(name), Some(Came::Brought(..))) {
                self.owe(name, sync);
            }
        }
        came
    }

    async fn bring(
        &self,
        engine: &Engine,
        project: &Arc<Project>,
        services: &BTreeMap<ServiceName, ServiceSync>,
    ) -> BTreeMap<ServiceName, Came> {
        let each = services.iter().map(|(name, sync)| async move {
            let options = SyncOptions { services: [(name.clone(), sync.clone())].into(), owners: self.owners.clone() };
            let run = execute::Run {
                engine: engine.clone(),
                project: Arc::clone(project),
                sources: Arc::new(Sources::default()),
                texts: None,
                published: Arc::default(),
                goal: Goal::new(Verb::Sync(options), Selection::of([name.clone()])),
            };
            let outcome = execute::sync(run, &self.observed).await;
            let came = match outcome.verdict {
                Verdict::Done => {
                    Came::Brought(sync.clone(), sync.files.copies.values().filter(|path| path.is_dir()).count())
                }
                Verdict::NothingToDo => Came::Idle,
                Verdict::Failed | Verdict::Cancelled => {
                    Came::Failed(outcome.failures.into_iter().map(|(_, failure)| failure).collect())
                }
            };
            (name.clone(), came)
        });
        futures_util::future::join_all(each).await.into_iter().collect()
    }
}
