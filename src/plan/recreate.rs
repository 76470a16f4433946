//! Has a container diverged from its service, and in what: decided exactly as Compose decides it, so that neither recreates
//! what the other made.
//!
//! Compose 2.40, `mustRecreate`: the config-hash label, the image label against the image that the name means now, every
//! network of a running container by its id, every named volume. What differs beyond the hash is found out for the reader
//! only ([`super::difference`]), and never decides.

use super::{Cause, Difference, context::Context, difference};
use crate::model::{
    ContainerId, ContainerState, MountKind, Networking, ObservedContainer, ObservedImage, Service, ServiceName,
};

/// The label in which Compose keeps the id of the image that a container was made from.
const IMAGE_LABEL: &str = "com.docker.compose.image";

/// Whether a container was made from another configuration. `container_of` gives a service's first container: a hash that
/// names one that isn't there can't be that of a container.
pub(super) fn config_differs(
    service: &Service,
    container: &ObservedContainer,
    container_of: impl Fn(&ServiceName) -> Option<ContainerId>,
) -> bool {
    container.config_hash.is_none() || container.config_hash != service.config_hash.hex(container_of)
}

/// Whether a container was made from another image than its name means now. Without an image there is nothing to compare
/// with, and a container that says nothing of its image is taken at its word.
pub(super) fn image_differs(container: &ObservedContainer, now: Option<&ObservedImage>) -> bool {
    let made_from = container.labels.get(IMAGE_LABEL).map_or("", String::as_str);
    made_from != now.map_or("", |image| image.id.as_str())
}

/// Why a container has to be made anew, if it has to.
pub(super) fn diverged(
    context: &Context<'_>,
    service: &Service,
    container: &ObservedContainer,
    image_changes: bool,
) -> Option<Cause> {
    let container_of = |name: &ServiceName| {
        let containers = &context.containers(name).live;
        containers.iter().min_by_key(|live| (live.name.len(), &live.name)).map(|live| live.container.id.clone())
    };
    let now = context.image(service);
    if config_differs(service, container, container_of) {
        return Some(Cause::Diverged(difference::differences(context, service, container)));
    }
    // The image's own step decides about it later: what the name means now is not what it will mean.
    if !image_changes && image_differs(container, now) {
        return Some(Cause::ImageChanged(service.image_name(&context.project.name)));
    }
    if let Some(name) = missing_network(context, service, container) {
        return Some(Cause::Diverged(vec![Difference::NetworkMissing(name)]));
    }
    missing_volume(context, service, container).map(|name| Cause::Diverged(vec![Difference::VolumeMissing(name)]))
}

/// A network that a running container should be on and isn't, or that a stopped one was on and that is another one now, so
/// that it could not be started (Compose only looks at running ones, and then fails to start the others).
fn missing_network(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Option<String> {
    let Networking::Networks(joined) = &service.networking else { return None };
    let running = container.state == ContainerState::Running;
    joined.iter().filter_map(|joined| context.project.networks.get(&joined.network)).find_map(|network| {
        let known = context.observed.networks.iter().find(|known| known.name == network.name);
        let on_it = container.networks.iter().any(|(name, on)| match known {
            Some(known) => *on == known.id || (on.is_empty() && *name == network.name),
            None => false,
        });
        let was_on_another = container.networks.get(&network.name).is_some_and(|on| !on.is_empty());
        (!on_it && (running || was_on_another)).then(|| network.name.clone())
    })
}

/// A named volume that a container should have and hasn't.
fn missing_volume(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Option<String> {
    service.mounts.iter().find_map(|mount| {
        let MountKind::Volume { source: Some(key), .. } = &mount.kind else { return None };
        let name = context.project.volumes.get(key).map_or(key, |volume| &volume.name);
        let has = container.mounts.iter().any(|mount| mount.kind == "volume" && mount.volume.as_ref() == Some(name));
        (!has).then(|| name.clone())
    })
}
