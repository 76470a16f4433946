//! What a container has that its service doesn't say, and the other way round: for the reader, when the hash says that
//! something differs and not what.
//!
//! Nothing is decided here, so what can't be known for sure is left out rather than guessed. Values are never part of it,
//! since they may be secret.

use std::collections::BTreeSet;

use super::{Difference, context::Context};
use crate::model::{MountKind, Networking, ObservedContainer, PublishedPort, Service};

/// What differs, as far as a listing tells.
pub(super) fn differences(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Vec<Difference> {
    let mut found = Vec::new();
    let wanted = service.image_name(&context.project.name);
    // A container whose image lost its name lists the id instead.
    if container.image_name != wanted.as_str() && !container.image_name.starts_with("sha256:") {
        found.push(Difference::Value("image"));
    }
    found.extend(config(context, service, container));
    found.extend(labels(context, service, container));
    if !container.ports.is_empty() && published(service) != bound(&container.ports) {
        found.push(Difference::Value("ports"));
    }
    if mounts_differ(context, service, container) {
        found.push(Difference::Value("volumes"));
    }
    if let Networking::Networks(joined) = &service.networking {
        let wanted: BTreeSet<_> =
            joined.iter().filter_map(|joined| Some(&context.project.networks.get(&joined.network)?.name)).collect();
        let has: BTreeSet<_> = container.networks.keys().collect();
        if wanted != has {
            found.push(Difference::Value("networks"));
        }
    }
    found
}

/// What a close look tells. Variables that were taken out of the file can't be told from the image's own, and the command of
/// the image is not known here: both are left out.
fn config(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Vec<Difference> {
    let Some(config) = context.observed.configs.get(&container.id) else { return Vec::new() };
    let mut found = Vec::new();
    let has = |key: &str, value: &str| {
        config
            .environment
            .iter()
            .any(|variable| variable.split_once('=').is_some_and(|(known, given)| known == key && given == value))
    };
    let keys: Vec<_> = service
        .environment
        .iter()
        .filter(|(key, value)| value.as_deref().is_some_and(|value| !has(key, value)))
        .map(|(key, _)| key.clone())
        .collect();
    if !keys.is_empty() {
        found.push(Difference::Keys { what: "environment", keys });
    }
    let ends_with =
        |wanted: &Option<Vec<String>>| wanted.as_ref().is_none_or(|wanted| config.command.ends_with(wanted));
    let starts_with =
        |wanted: &Option<Vec<String>>| wanted.as_ref().is_none_or(|wanted| config.command.starts_with(wanted));
    if !starts_with(&service.entrypoint) {
        found.push(Difference::Value("entrypoint"));
    }
    if !ends_with(&service.command) {
        found.push(Difference::Value("command"));
    }
    if service.user.as_ref().is_some_and(|user| *user != config.user) {
        found.push(Difference::Value("user"));
    }
    if service.working_dir.as_ref().is_some_and(|folder| *folder != config.working_dir) {
        found.push(Difference::Value("working_dir"));
    }
    found
}

fn labels(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Option<Difference> {
    let image = context.observed.images.values().find(|image| image.id == container.image);
    let of_image = |key: &String, value: &String| image.is_some_and(|image| image.labels.get(key) == Some(value));
    let ours = |key: &str| key.starts_with("com.docker.compose.") || key.starts_with("devbox.");
    let mut keys: Vec<_> = service
        .labels
        .iter()
        .filter(|(key, value)| container.labels.get(*key) != Some(value))
        .map(|(key, _)| key)
        .collect();
    // Without its image it can't be told whether a label came from there.
    if image.is_some() {
        keys.extend(
            container
                .labels
                .iter()
                .filter(|(key, value)| !ours(key) && !service.labels.contains_key(*key) && !of_image(key, value))
                .map(|(key, _)| key),
        );
    }
    keys.sort();
    (!keys.is_empty()).then(|| Difference::Keys { what: "labels", keys: keys.into_iter().cloned().collect() })
}

/// Target, protocol and, where it is one number, host port.
type Binding = (u16, String, Option<u16>);

fn published(service: &Service) -> BTreeSet<Binding> {
    let single = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    service.ports.iter().map(|port| (port.target, port.protocol.to_string(), single(&port.published))).collect()
}

fn bound(ports: &[PublishedPort]) -> BTreeSet<Binding> {
    ports
        .iter()
        .filter(|port| port.host_port.is_some())
        .map(|port| (port.container_port, port.protocol.clone(), port.host_port))
        .collect()
}

fn mounts_differ(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> bool {
    let files = service.secrets.iter().chain(&service.configs).map(|file| file.target.as_str());
    let tmpfs = service.tmpfs.iter().map(|entry| entry.split(':').next().unwrap_or(entry));
    let known: BTreeSet<&str> =
        service.mounts.iter().map(|mount| mount.target.as_str()).chain(files).chain(tmpfs).collect();
    let of_image = context.observed.images.values().find(|image| image.id == container.image);
    let missing = service.mounts.iter().any(|wanted| {
        let has = container.mounts.iter().find(|mount| mount.target == wanted.target);
        match &wanted.kind {
            // Engines in a virtual machine show host paths under a prefix of their own.
            MountKind::Bind { source, .. } => {
                has.is_none_or(|mount| !source.to_str().is_some_and(|source| mount.source.ends_with(source)))
            }
            MountKind::Volume { .. } => has.is_none_or(|mount| mount.kind != "volume"),
            MountKind::Tmpfs { .. } | MountKind::Other { .. } => false,
        }
    });
    // Without volumes_from and with the image at hand, everything else that is mounted was once asked for.
    let extra = service.volumes_from.is_empty()
        && of_image.is_some_and(|image| {
            container
                .mounts
                .iter()
                .any(|mount| !known.contains(mount.target.as_str()) && !image.volumes.contains(&mount.target))
        });
    missing || extra
}
