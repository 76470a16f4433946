//! Networks and volumes: made where they are missing, made anew where a network's configuration changed, looked up where
//! others own them.
//!
//! A volume is never replaced: its data would be lost. One whose configuration changed is kept and said so.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, Cause, ContainerRef, Operation, PlanError, StepId, Subject, Target,
    context::Context,
    draft::{Draft, Gate},
};
use crate::model::{
    ContainerId, Diagnostic, MountKind, Network, Networking, ObservedNetwork, Service, ServiceName, Volume,
};

const PROJECT_LABEL: &str = "com.docker.compose.project";
const NETWORK_LABEL: &str = "com.docker.compose.network";
const HASH_LABEL: &str = "com.docker.compose.config-hash";

/// What the containers of this plan wait for.
#[derive(Debug, Default)]
pub(super) struct Resources {
    networks: BTreeMap<String, StepId>,
    volumes: BTreeMap<String, StepId>,
    /// Containers that are stopped because a network of theirs is made anew: with its name and the step that does so.
    taken_off: BTreeMap<ContainerId, (String, StepId)>,
}

impl Resources {
    /// The steps that make what a service's containers use.
    pub fn gate(&self, service: &Service) -> Gate {
        let networks = network_keys(service).filter_map(|key| self.networks.get(key));
        let volumes = volume_keys(service).filter_map(|key| self.volumes.get(key));
        Gate::needs(networks.chain(volumes).copied())
    }

    /// The network that is made anew and that a container is stopped for, with the step that does so.
    pub fn taken_off(&self, container: &ContainerId) -> Option<&(String, StepId)> {
        self.taken_off.get(container)
    }
}

fn network_keys(service: &Service) -> impl Iterator<Item = &str> {
    match &service.networking {
        Networking::Networks(joined) => joined.as_slice(),
        Networking::Mode(_) | Networking::Service(_) => &[],
    }
    .iter()
    .map(|joined| joined.network.as_str())
}

fn volume_keys(service: &Service) -> impl Iterator<Item = &str> {
    service.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Volume { source, .. } => source.as_deref(),
        _ => None,
    })
}

/// What is wrong with a network of the wanted name.
enum Found<'a> {
    InStep,
    Missing,
    Diverged(&'a ObservedNetwork),
}

fn find<'a>(context: &Context<'a>, network: &Network) -> Result<Found<'a>, PlanError> {
    let named = || context.observed.networks.iter().filter(|known| known.name == network.name);
    if network.external {
        let there = named().next().is_some() || context.observed.networks.iter().any(|known| known.id == network.name);
        return if there { Ok(Found::InStep) } else { Err(PlanError::ExternalNetwork { name: network.name.clone() }) };
    }
    let ours = named().find(|known| {
        known.labels.get(NETWORK_LABEL) == Some(&network.key)
            && known.labels.get(PROJECT_LABEL).is_some_and(|project| *project == context.project.name.as_str())
    });
    match (ours, named().next()) {
        (Some(ours), _) => match ours.labels.get(HASH_LABEL) {
            // Compose before 2.23 wrote no hash, which it takes for a match.
            Some(hash) if !hash.is_empty() && *hash != network.config_hash => Ok(Found::Diverged(ours)),
            _ => Ok(Found::InStep),
        },
        // Of the same name, but another network of the file or nobody's: joining it is Compose's error too.
        (None, Some(other)) if other.labels.get(NETWORK_LABEL) != Some(&network.key) => {
            Err(PlanError::ForeignNetwork { name: network.name.clone() })
        }
        (None, Some(_)) => Ok(Found::InStep),
        (None, None) => Ok(Found::Missing),
    }
}

/// The services that have to be planned as well because a network that they are on is made anew.
pub(super) fn on_remade_networks<'a>(
    context: &Context<'a>,
    services: &BTreeSet<&'a ServiceName>,
) -> Result<BTreeSet<&'a ServiceName>, PlanError> {
    let mut found = BTreeSet::new();
    for network in wanted_networks(context, services) {
        if let Found::Diverged(diverged) = find(context, network)? {
            found.extend(context.project.services.values().map(|service| &service.name).filter(|name| {
                let mut containers = context.containers(name).live.iter();
                containers.any(|live| live.is_up() && live.container.networks.contains_key(&diverged.name))
            }));
        }
    }
    Ok(found)
}

fn wanted_networks<'a>(
    context: &Context<'a>,
    services: &BTreeSet<&'a ServiceName>,
) -> impl Iterator<Item = &'a Network> {
    let keys: BTreeSet<_> = services.iter().filter_map(|name| context.service(name)).flat_map(network_keys).collect();
    keys.into_iter().filter_map(|key| context.project.networks.get(key))
}

/// Adds the steps that see to the networks and volumes of `services`.
///
/// # Errors
/// An external network or volume that is not there, or a network that belongs to somebody else.
pub(super) fn see_to<'a>(
    context: &Context<'a>,
    draft: &mut Draft,
    services: &BTreeSet<&'a ServiceName>,
) -> Result<Resources, PlanError> {
    let mut resources = Resources::default();
    for network in wanted_networks(context, services) {
        let create = Operation::CreateNetwork { key: network.key.clone(), name: network.name.clone() };
        let subject = Subject::Network(network.name.clone());
        match find(context, network)? {
            Found::InStep => {}
            Found::Missing => {
                let group = draft.group(Action::Create, subject, Cause::Missing);
                resources.networks.insert(network.key.clone(), draft.step(group, create, &Gate::default()));
            }
            Found::Diverged(diverged) => {
                let group = draft.group(Action::Recreate, subject, Cause::ConfigChanged);
                let on_it =
                    context.observed.containers.iter().filter(|known| known.networks.contains_key(&diverged.name));
                let containers: Vec<_> = on_it.map(existing).collect();
                let (name, id) = (diverged.name.clone(), diverged.id.clone());
                let taken_off = containers.iter().filter_map(Target::existing).cloned().collect::<Vec<_>>();
                let remove = Operation::RemoveNetwork { name, id, containers };
                let remove = draft.step(group, remove, &Gate::default());
                resources.taken_off.extend(taken_off.into_iter().map(|id| (id, (network.name.clone(), remove))));
                let create = draft.step(group, create, &Gate::needs([remove]));
                resources.networks.insert(network.key.clone(), create);
            }
        }
    }
    let keys: BTreeSet<_> = services.iter().filter_map(|name| context.service(name)).flat_map(volume_keys).collect();
    for volume in keys.into_iter().filter_map(|key| context.project.volumes.get(key)) {
        if let Some(step) = see_to_volume(context, draft, volume)? {
            resources.volumes.insert(volume.key.clone(), step);
        }
    }
    Ok(resources)
}

fn see_to_volume(context: &Context<'_>, draft: &mut Draft, volume: &Volume) -> Result<Option<StepId>, PlanError> {
    let found = context.observed.volumes.iter().find(|known| known.name == volume.name);
    let name = &volume.name;
    match found {
        None if volume.external => Err(PlanError::ExternalVolume { name: name.clone() }),
        None => {
            let group = draft.group(Action::Create, Subject::Volume(name.clone()), Cause::Missing);
            let create = Operation::CreateVolume { key: volume.key.clone(), name: name.clone() };
            Ok(Some(draft.step(group, create, &Gate::default())))
        }
        Some(_) if volume.external => Ok(None),
        Some(known) => {
            let project = context.project.name.as_str();
            match known.labels.get(PROJECT_LABEL) {
                None => draft.warn(
                    Diagnostic::warning(format!("volume {name} was there before, made by something else"))
                        .help("say `external: true` to use it as it is"),
                ),
                Some(other) if other != project => draft.warn(
                    Diagnostic::warning(format!("volume {name} belongs to project {other}"))
                        .help("say `external: true` to share it"),
                ),
                Some(_) => {}
            }
            if known.labels.get(HASH_LABEL).is_some_and(|hash| *hash != volume.config_hash) {
                draft.warn(
                    Diagnostic::warning(format!("volume {name} was made with another configuration, and is kept"))
                        .help("making it anew loses its data: `devbox down -v`, then `devbox up`"),
                );
            }
            Ok(None)
        }
    }
}

/// A container that is there, as a step's target.
pub(super) fn existing(container: &crate::model::ObservedContainer) -> Target {
    Target {
        service: container.service.clone(),
        number: container.number,
        name: container.name.clone(),
        container: ContainerRef::Existing(container.id.clone()),
    }
}
