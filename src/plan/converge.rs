//! From the containers that a service has to those that it should have: recreate, start, add, take away, in the order of
//! `depends_on`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::{
    Action, Cause, ContainerRef, CreateContainer, GroupId, Operation, PlanError, Readiness, Recreate, StepId, Subject,
    Target,
    context::{Context, Live},
    draft::{Draft, Gate},
    images::{Fate, Images},
    recreate,
    renew::Renewal,
    resources::{Resources, existing},
};
use crate::model::{Condition, ContainerState, HealthState, ObservedContainer, Service, ServiceName};

/// How services are brought to what they should be.
#[derive(Debug, Clone)]
pub(super) struct Manner<'a> {
    /// The services that were named, to which `recreate` applies.
    pub named: BTreeSet<&'a ServiceName>,
    /// All services of the goal, whether this plan does them or another part of the run.
    pub scope: BTreeSet<&'a ServiceName>,
    pub recreate: Recreate,
    /// For services that were not named.
    pub recreate_dependencies: Recreate,
    pub renew_anonymous_volumes: bool,
    pub timeout: Option<Duration>,
    pub start: bool,
    pub guarded: bool,
    /// How many containers each service should have, where the file doesn't decide.
    pub scale: BTreeMap<ServiceName, u32>,
}

/// What the plan does to a service.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Its containers are there after these.
    made: BTreeSet<StepId>,
    /// They have been started after these; where nothing is started, what it depends on has been.
    started: BTreeSet<StepId>,
    /// Something of it is started here.
    starts: bool,
    /// A container that was there is replaced or restarted.
    pub(super) replaced: bool,
}

/// The services of a plan while they are planned, dependencies first.
pub(super) struct Convergence<'c, 'a> {
    pub context: &'c Context<'a>,
    pub draft: &'c mut Draft,
    pub images: &'c Images,
    pub resources: &'c Resources,
    pub manner: &'c Manner<'a>,
    pub(super) progress: BTreeMap<&'a ServiceName, Progress>,
    waits: HashMap<(&'a ServiceName, Readiness, bool), (GroupId, StepId)>,
    /// Containers that are without a volume until it is renewed.
    pub(super) renewals: Vec<Renewal<'a>>,
}

impl<'c, 'a> Convergence<'c, 'a> {
    pub fn new(
        context: &'c Context<'a>,
        draft: &'c mut Draft,
        images: &'c Images,
        resources: &'c Resources,
        manner: &'c Manner<'a>,
    ) -> Self {
        Self {
            context,
            draft,
            images,
            resources,
            manner,
            progress: BTreeMap::new(),
            waits: HashMap::new(),
            renewals: Vec::new(),
        }
    }

    /// Plans these services, and what dependents of theirs do to follow them.
    ///
    /// # Errors
    /// A fixed container name and more than one container.
    pub fn services(&mut self, services: &BTreeSet<&'a ServiceName>, dependents_follow: bool) -> Result<(), PlanError> {
        let order: Vec<_> = self.context.graph.order().to_vec();
        for name in order {
            let Some(service) = self.context.service(name) else { continue };
            if services.contains(name) {
                self.service(service)?;
            } else if dependents_follow && self.context.plans(name) {
                self.follow_dependencies(service);
            }
        }
        self.renew_volumes();
        Ok(())
    }

    fn service(&mut self, service: &'a Service) -> Result<(), PlanError> {
        let containers = self.context.containers(&service.name);
        let expected = self.manner.scale.get(&service.name).copied().unwrap_or(service.scale);
        if let (Some(name), 2..) = (&service.container_name, expected) {
            let (service, name) = (service.name.clone(), name.clone());
            return Err(PlanError::ScaledName { service, name, scale: expected });
        }
        let mut acted = false;
        for leftover in &containers.leftover {
            self.remove(leftover, Cause::Unfinished);
            acted = true;
        }
        let mut live: Vec<_> = containers.live.iter().map(|live| (self.why_recreate(service, live), live)).collect();
        // Those that match stay, low numbers first; those that don't go first when there are too many.
        live.sort_by_key(|(why, live)| (why.is_some(), live.container.number, live.container.created));
        let (has, mut diverged_but_kept) = (live.len(), false);
        for (index, (why, live)) in live.into_iter().enumerate() {
            if u32::try_from(index).unwrap_or(u32::MAX) >= expected {
                let cause = Cause::Scale { from: u32::try_from(has).unwrap_or(u32::MAX), to: expected };
                if let Some(replacement) = live.replacement {
                    self.remove(replacement, Cause::Unfinished);
                }
                self.remove(live.container, cause);
                acted = true;
                continue;
            }
            match why {
                Some(cause) if self.policy(service) != Recreate::Never || cause_is_fatal(&cause) => {
                    self.recreate(service, live, cause);
                    acted = true;
                }
                why => {
                    diverged_but_kept |= why.is_some();
                    acted |= self.keep_or_start(service, live);
                }
            }
        }
        let last = containers.live.iter().map(|live| live.container.number).max().unwrap_or(0);
        let missing = expected.saturating_sub(u32::try_from(has).unwrap_or(u32::MAX));
        for number in (last + 1..).take(missing as usize) {
            let cause = match has {
                0 => Cause::Missing,
                from => Cause::Scale { from: u32::try_from(from).unwrap_or(u32::MAX), to: expected },
            };
            self.create(service, number, cause);
            acted = true;
        }
        if !acted {
            let cause = match (expected, diverged_but_kept) {
                (0, _) => Cause::ScaledToZero,
                (_, true) => Cause::KeptDiverged,
                (_, false) => Cause::InStep,
            };
            self.draft.keep(&service.name, cause);
        }
        let progress = self.progress.entry(&service.name).or_default();
        if !progress.starts {
            let barrier = self.barrier(&service.name);
            self.progress.entry(&service.name).or_default().started = barrier;
        }
        Ok(())
    }

    fn policy(&self, service: &Service) -> Recreate {
        let named = self.manner.named.contains(&service.name);
        if named { self.manner.recreate } else { self.manner.recreate_dependencies }
    }

    /// Why a container has to be made anew, if it has to. Says so under `--no-recreate` too.
    fn why_recreate(&self, service: &Service, live: &Live<'_>) -> Option<Cause> {
        let container = live.container;
        if let Some((network, _)) = self.resources.taken_off(&container.id) {
            return Some(Cause::NetworkReplaced(network.clone()));
        }
        if container.state == ContainerState::Dead {
            return Some(not_running(container));
        }
        if self.policy(service) == Recreate::Force && !self.context.touched(container) {
            return Some(Cause::Forced);
        }
        let shared = self
            .context
            .graph
            .dependencies(&service.name)
            .find(|(name, edge)| edge.shares && self.progress.get(name).is_some_and(|progress| progress.replaced));
        if let Some((name, _)) = shared {
            return Some(Cause::DependencyReplaced(name.clone()));
        }
        let fate = self.images.fate(&service.image_name(&self.context.project.name));
        recreate::diverged(self.context, service, container, fate != Fate::Stays).or(match fate {
            Fate::Stays => None,
            Fate::WillChange(_) => Some(Cause::ImageWillChange),
            Fate::MayChange(_) => Some(Cause::ImageMayChange),
        })
    }

    /// What must be there before a container of the service is made.
    pub(super) fn gate_to_create(&mut self, service: &'a Service) -> Gate {
        let mut gate = self.resources.gate(service);
        gate.needs.extend(self.images.fate(&service.image_name(&self.context.project.name)).step());
        gate.needs.extend(service.mounted_images().filter_map(|image| self.images.fate(&image).step()));
        let referred: Vec<_> = self
            .context
            .graph
            .dependencies(&service.name)
            .filter(|(_, edge)| edge.refers)
            .map(|(name, _)| name)
            .collect();
        for name in referred {
            if let Some(progress) = self.progress.get(name) {
                gate.needs.extend(&progress.made);
            } else if self.is_elsewhere(name) {
                let started = Readiness::Condition(Condition::Started);
                gate.needs.extend(self.wait(name, started, false, &service.name, None));
            }
        }
        gate
    }

    /// What must hold before a one-off container of the service is made: the caller starts it as soon as it is there.
    pub fn gate_to_run(&mut self, service: &'a Service) -> Gate {
        self.gate_to_create(service).and(&self.gate_to_start(&service.name))
    }

    /// What must hold before a container of the service is started.
    pub(super) fn gate_to_start(&mut self, service: &'a ServiceName) -> Gate {
        let mut gate = Gate::default();
        let dependencies: Vec<_> = self.context.graph.dependencies(service).collect();
        for (name, edge) in dependencies {
            if !self.manner.scope.contains(name) && !self.progress.contains_key(name) {
                continue;
            }
            let scale =
                self.manner.scale.get(name).copied().or(self.context.service(name).map(|service| service.scale));
            if scale == Some(0) {
                continue;
            }
            match edge.condition {
                Condition::Started if self.is_elsewhere(name) => {
                    let started = Readiness::Condition(Condition::Started);
                    gate.needs.extend(self.wait(name, started, !edge.required, service, None));
                }
                Condition::Started => {
                    let started = self.progress.get(name).map(|progress| progress.started.clone()).unwrap_or_default();
                    if edge.required { gate.needs.extend(started) } else { gate.after.extend(started) }
                }
                condition => {
                    gate.needs.extend(self.wait(name, Readiness::Condition(condition), !edge.required, service, None));
                }
            }
        }
        gate
    }

    /// A step that waits for a service, or none where it is so already.
    pub fn wait(
        &mut self,
        service: &'a ServiceName,
        readiness: Readiness,
        optional: bool,
        for_whom: &ServiceName,
        timeout: Option<Duration>,
    ) -> Option<StepId> {
        let key = (service, readiness, optional);
        if let Some((group, step)) = self.waits.get(&key) {
            if for_whom != service {
                self.draft.needed_by(*group, for_whom);
            }
            return Some(*step);
        }
        let starts = self.progress.get(service).is_some_and(|progress| progress.starts);
        // What another part of the run does to a service can't be seen in what is observed now.
        if !starts && !self.is_elsewhere(service) && is_ready(&self.context.containers(service).live, readiness) {
            return None;
        }
        let started = self.progress.get(service).map(|progress| progress.started.clone()).unwrap_or_default();
        let gate = if optional {
            Gate { needs: BTreeSet::new(), after: started }
        } else {
            Gate { needs: started, after: BTreeSet::new() }
        };
        let cause = if for_whom == service { Cause::Requested } else { Cause::NeededBy(vec![for_whom.clone()]) };
        let group = self.draft.group(Action::Wait, Subject::Service(service.clone()), cause);
        let wait = Operation::Wait { service: service.clone(), target: None, readiness, optional, timeout };
        let step = self.draft.step(group, wait, &gate);
        self.waits.insert(key, (group, step));
        Some(step)
    }

    /// Whether another part of the same run sees to a service.
    fn is_elsewhere(&self, service: &ServiceName) -> bool {
        self.manner.scope.contains(service) && !self.context.plans(service)
    }

    /// The steps after which all that a service depends on has been started.
    fn barrier(&self, service: &ServiceName) -> BTreeSet<StepId> {
        let dependencies = self.context.graph.dependencies(service);
        dependencies
            .filter_map(|(name, _)| self.progress.get(name))
            .flat_map(|progress| &progress.started)
            .copied()
            .collect()
    }

    pub(super) fn record(
        &mut self,
        service: &'a ServiceName,
        made: Option<StepId>,
        started: Option<StepId>,
        replaced: bool,
    ) {
        let progress = self.progress.entry(service).or_default();
        progress.made.extend(made);
        progress.starts |= started.is_some();
        progress.started.extend(started);
        progress.replaced |= replaced;
    }

    fn create(&mut self, service: &'a Service, number: u32, cause: Cause) {
        let name = service.container_name(&self.context.project.name, number);
        let group = self.draft.group(Action::Create, subject(&service.name, number, &name), cause);
        let create = CreateContainer {
            service: service.name.clone(),
            number,
            name: name.clone(),
            temporary_name: None,
            replaces: None,
            anonymous: BTreeSet::new(),
            oneoff: None,
        };
        let gate = self.gate_to_create(service);
        let made = self.draft.step(group, Operation::Create(create), &gate);
        let target = Target { service: service.name.clone(), number, name, container: ContainerRef::Made(made) };
        let started = self.manner.start.then(|| {
            let gate = self.gate_to_start(&service.name).and_step(Some(made));
            self.draft.step(group, Operation::Start(target), &gate)
        });
        self.record(&service.name, Some(made), started, false);
    }

    /// Leaves a container that matches, or starts it.
    fn keep_or_start(&mut self, service: &'a Service, live: &Live<'_>) -> bool {
        if let Some(unneeded) = live.replacement {
            self.remove(unneeded, Cause::Unfinished);
        }
        let container = live.container;
        let mut target = existing(container);
        let mut made = None;
        let mut group = None;
        if live.name != container.name {
            let subject = subject(&service.name, container.number, &live.name);
            let opened = self.draft.group(Action::Rename, subject, Cause::Unfinished);
            let rename = Operation::Rename { target: target.clone(), name: live.name.clone() };
            made = Some(self.draft.step(opened, rename, &Gate::default()));
            target.name.clone_from(&live.name);
            group = Some(opened);
        }
        let runs = matches!(container.state, ContainerState::Running | ContainerState::Restarting);
        let mut started = None;
        if !runs && self.manner.start {
            let group = group.unwrap_or_else(|| {
                self.draft.group(
                    Action::Start,
                    subject(&service.name, container.number, &live.name),
                    not_running(container),
                )
            });
            let gate = self.gate_to_start(&service.name).and_step(made);
            let paused = container.state == ContainerState::Paused;
            let operation = if paused { Operation::Unpause(target) } else { Operation::Start(target) };
            started = Some(self.draft.step(group, operation, &gate));
        }
        self.record(&service.name, made, started, false);
        made.is_some() || started.is_some() || live.replacement.is_some()
    }

    /// Stops and removes a container that nobody needs.
    fn remove(&mut self, container: &ObservedContainer, cause: Cause) {
        super::stop::remove_after(self.draft, self.resources, container, cause, self.manner.timeout);
    }
}

/// A container that can't be used whatever the flags say.
fn cause_is_fatal(cause: &Cause) -> bool {
    matches!(cause, Cause::NetworkReplaced(_) | Cause::NotRunning { .. } | Cause::DependencyReplaced(_))
}

fn not_running(container: &ObservedContainer) -> Cause {
    Cause::NotRunning { state: container.state, exit_code: container.exit.map(|exit| exit.code) }
}

/// What a group of steps about a container is about.
pub(super) fn subject(service: &ServiceName, number: u32, name: &str) -> Subject {
    Subject::Container { service: service.clone(), number, name: name.to_owned() }
}

/// Whether containers are ready as they were observed.
fn is_ready(containers: &[Live<'_>], readiness: Readiness) -> bool {
    let running = |live: &Live<'_>| live.container.state == ContainerState::Running;
    match readiness {
        _ if containers.is_empty() => false,
        Readiness::Condition(Condition::Started) => containers.iter().all(running),
        Readiness::Condition(Condition::Healthy) => {
            containers.iter().all(|live| running(live) && live.container.health == Some(HealthState::Healthy))
        }
        Readiness::Condition(Condition::CompletedSuccessfully) => containers.iter().all(|live| {
            live.container.state == ContainerState::Exited && live.container.exit.is_some_and(|exit| exit.code == 0)
        }),
        Readiness::RunningOrHealthy => {
            let health = |live: &Live<'_>| matches!(live.container.health, None | Some(HealthState::Healthy));
            containers.iter().all(|live| running(live) && health(live))
        }
        Readiness::Proved { .. } => false,
    }
}
