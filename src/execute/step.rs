//! One operation -> calls to the engine. Nothing is decided here, and what is so already counts as done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Event, Progress, StepResult, hook, image, oneoff, port, sync,
    wait::{Looks, Wait},
};
use crate::{
    engine::{Engine, EngineError, NewContainer, OneOff},
    model::{ContainerId, Diagnostic, MountKind, Networking, Observed, Place, Project, Service, ServiceName, Severity},
    plan::{CreateContainer, Operation, StepId},
    settings::Texts,
};

/// What the steps of a run share.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) engine: Engine,
    pub(super) project: Arc<Project>,
    pub(super) texts: Option<Texts>,
    /// Where the compose file publishes each service's ports.
    pub(super) published: Arc<BTreeMap<ServiceName, Place>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) cancel: CancellationToken,
}

/// Where a step's progress goes.
pub(super) struct Reporter {
    pub(super) step: StepId,
    pub(super) events: mpsc::Sender<Event>,
}

impl Reporter {
    /// Reports progress. A receiver that is gone is no reason to stop what was begun.
    pub(super) async fn progress(&self, progress: Progress) {
        let _ = self.events.send(Event::Progress(self.step, progress)).await;
    }

    /// Reports something to know that is no failure.
    pub(super) async fn warn(&self, warning: Diagnostic) {
        let _ = self.events.send(Event::Warning(Arc::new(warning))).await;
    }
}

/// Why a step did not end well.
#[derive(Debug)]
pub(super) enum StepError {
    /// It failed.
    Failed(Box<Diagnostic>),
    /// Somebody else was faster: what is there now has to be looked at again.
    LookAgain,
    /// The run was cancelled.
    Cancelled,
}

impl From<Diagnostic> for StepError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(Box::new(diagnostic))
    }
}

impl From<EngineError> for StepError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NameInUse { .. } => Self::LookAgain,
            error => error.diagnostic().into(),
        }
    }
}

/// An operation whose containers are known by their ids.
pub(super) struct Act {
    pub(super) step: StepId,
    pub(super) operation: Operation,
    /// The container that the operation is about.
    pub(super) container: Option<ContainerId>,
    /// What was observed last.
    pub(super) observed: Arc<Observed>,
    pub(super) looks: Looks,
}

/// Carries one operation out.
///
/// # Errors
/// [`StepError`].
pub(super) async fn perform(means: Means, act: Act) -> Result<StepResult, StepError> {
    let cancel = means.cancel.clone();
    // what can take long may be dropped at any moment; the rest is left to end
    let droppable = matches!(act.operation, Operation::Build(_) | Operation::Pull { .. } | Operation::Wait { .. });
    let optional = match &act.operation {
        Operation::Pull { optional, .. } | Operation::Wait { optional, .. } => *optional,
        _ => false,
    };
    let work = carry_out(means, act);
    let result = if droppable {
        tokio::select! {
            result = work => result,
            () = cancel.cancelled() => Err(StepError::Cancelled),
        }
    } else {
        work.await
    };
    match result {
        Err(StepError::Failed(diagnostic)) if optional => Ok(StepResult::Tolerated(Arc::new(*diagnostic))),
        result => result,
    }
}

async fn carry_out(means: Means, act: Act) -> Result<StepResult, StepError> {
    let Means { engine, project, events, .. } = &means;
    let report = Reporter { step: act.step, events: events.clone() };
    let container = || {
        act.container
            .clone()
            .ok_or_else(|| StepError::from(Diagnostic::error("the container it is about was not made")))
    };
    match act.operation {
        Operation::CreateNetwork { key, name } => {
            let Some(network) = project.networks.get(&key) else { return Ok(StepResult::Unneeded) };
            if engine.network(&name).await?.is_some() {
                return Ok(StepResult::Already);
            }
            engine.create_network(project, network).await?;
        }
        Operation::RemoveNetwork { id, containers, .. } => {
            for target in &containers {
                let Some(container) = target.existing() else { continue };
                stop(&means, container, &target.service, None, &report).await?;
                // Some engines don't let a network go that stopped containers are on.
                match engine.disconnect_network(&id, container).await {
                    Err(error) if !error.is_not_found() => return Err(error.into()),
                    Ok(()) | Err(_) => {}
                }
            }
            engine.remove_network(&id).await?;
        }
        Operation::CreateVolume { key, .. } => {
            let Some(volume) = project.volumes.get(&key) else { return Ok(StepResult::Unneeded) };
            engine.create_volume(project, volume).await?;
        }
        Operation::RenewVolume { key, name, .. } => {
            let Some(volume) = project.volumes.get(&key) else { return Ok(StepResult::Unneeded) };
            if let Err(error) = engine.remove_volume(&name).await {
                // somebody else's container has it: with the old content it works as before
                report.warn(Diagnostic { severity: Severity::Warning, ..error.diagnostic() }).await;
                return Ok(StepResult::Already);
            }
            engine.create_volume(project, volume).await?;
        }
        Operation::RemoveVolume { name } => engine.remove_volume(&name).await?,
        Operation::RemoveImage { name } => match engine.remove_image(name.as_str()).await {
            Err(error) if !error.is_not_found() => return Err(error.into()),
            Ok(_) | Err(_) => {}
        },
        Operation::TagImage { image, name } => engine.tag_image(&image, &name).await?,
        Operation::Build(wanted) => return image::build(&means, wanted, &report).await,
        Operation::Pull { image: wanted, platform, .. } => {
            return image::pull(engine, &wanted, platform.as_deref(), &report).await;
        }
        Operation::Create(create) => return make(&means, &create, act.observed, &report).await,
        Operation::Start(target) => return start(&means, &container()?, &target.service, &report).await,
        Operation::Stop { target, timeout } => {
            return stop(&means, &container()?, &target.service, timeout, &report).await;
        }
        Operation::Kill { signal, .. } => engine.kill(&container()?, &signal).await?,
        Operation::Restart { target, timeout } => {
            let container = container()?;
            stop(&means, &container, &target.service, timeout, &report).await?;
            return start(&means, &container, &target.service, &report).await;
        }
        Operation::Pause(_) => engine.pause(&container()?).await?,
        Operation::Unpause(_) => engine.unpause(&container()?).await?,
        Operation::Remove { volumes, force, .. } => engine.remove(&container()?, volumes, force).await?,
        Operation::Rename { name, .. } => engine.rename(&container()?, &name).await?,
        Operation::Sync { target, files, owner } => {
            sync::carry(engine, &container()?, &target.service, files, owner).await?;
        }
        Operation::Exec { target, command } => {
            let hook = sync::hook(command);
            hook::run(engine, &container()?, &target.service, "sync+exec", &[hook], &report).await?;
        }
        Operation::Wait { service, target, readiness, timeout, .. } => {
            let container = if target.is_some() { Some(container()?) } else { None };
            return Wait { service, container, readiness, timeout }.run(engine, act.looks, &report).await;
        }
    }
    Ok(StepResult::Done)
}

/// Whether making a container of the service needs to know the containers of others, as they are now.
fn refers_to_others(service: &Service) -> bool {
    let namespace = |mode: &Option<String>| mode.as_ref().is_some_and(|mode| mode.starts_with("service:"));
    matches!(service.networking, Networking::Service(_))
        || [&service.ipc, &service.pid, &service.uts, &service.cgroup].into_iter().any(namespace)
        || !service.links.is_empty()
        || !service.volumes_from.is_empty()
}

/// The service with anonymous volumes in the place of these.
fn without_names(service: &Service, keys: &BTreeSet<String>) -> Service {
    let mut service = service.clone();
    for mount in &mut service.mounts {
        if let MountKind::Volume { source, .. } = &mut mount.kind
            && source.as_ref().is_some_and(|key| keys.contains(key))
        {
            *source = None;
        }
    }
    service
}

async fn make(
    means: &Means,
    create: &CreateContainer,
    mut observed: Arc<Observed>,
    report: &Reporter,
) -> Result<StepResult, StepError> {
    let Means { engine, project, .. } = means;
    let Some(service) = project.services.get(&create.service) else { return Ok(StepResult::Unneeded) };
    if refers_to_others(service) {
        observed = Arc::new(engine.observe(project, crate::engine::Detail::Listing).await?);
    }
    let changed = match &create.oneoff {
        Some(options) => Some(oneoff::service(service, options, &create.name)),
        None => (!create.anonymous.is_empty()).then(|| without_names(service, &create.anonymous)),
    };
    let oneoff = create.oneoff.as_ref().map(|options| OneOff {
        slug: options.slug.clone(),
        attach_stdin: options.stdin_open && !options.detach,
        auto_remove: options.remove,
        use_aliases: options.use_aliases,
    });
    let none = BTreeMap::new();
    let created = engine
        .create(&NewContainer {
            project,
            service: changed.as_ref().unwrap_or(service),
            number: create.number,
            name: create.temporary_name.as_deref().unwrap_or(&create.name),
            observed: &observed,
            replaces: create.replaces.is_some(),
            volumes: create.replaces.as_ref().map_or(&none, |replaced| &replaced.volumes),
            labels: &none,
            oneoff: oneoff.as_ref(),
        })
        .await?;
    for warning in created.warnings {
        report.warn(Diagnostic::warning(format!("{}: {warning}", create.service))).await;
    }
    engine.put_content_files(project, changed.as_ref().unwrap_or(service), &created.id).await?;
    Ok(StepResult::Created(created.id))
}

async fn start(
    means: &Means,
    container: &ContainerId,
    service: &ServiceName,
    report: &Reporter,
) -> Result<StepResult, StepError> {
    let Means { engine, project, .. } = means;
    if let Err(error) = engine.start(container).await {
        return Err(port::taken(means, service, error).await);
    }
    let hooks = project.services.get(service).map(|service| &service.post_start[..]).unwrap_or_default();
    hook::run(engine, container, service, "post_start", hooks, report).await?;
    Ok(StepResult::Done)
}

async fn stop(
    means: &Means,
    container: &ContainerId,
    service: &ServiceName,
    timeout: Option<Duration>,
    report: &Reporter,
) -> Result<StepResult, StepError> {
    let Means { engine, project, .. } = means;
    let hooks = project.services.get(service).map(|service| &service.pre_stop[..]).unwrap_or_default();
    if !hooks.is_empty() && engine.inspect(container).await.is_ok_and(|detail| detail.pid.is_some()) {
        hook::run(engine, container, service, "pre_stop", hooks, report).await?;
    }
    match engine.stop(container, timeout).await {
        Err(error) if error.is_not_found() => Ok(StepResult::Already),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(StepResult::Done),
    }
}
