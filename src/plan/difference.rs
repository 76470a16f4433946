//! What a container has that its service doesn't say, and the other way round: for the reader, when the hash says that
//! something differs and not what.
//!
//! Nothing is decided here, so what can't be known for sure is left out rather than guessed. Values are never part of it,
//! since they may be secret.

use std::collections::{BTreeMap, BTreeSet};

use super::{Difference, context::Context};
use crate::model::{
    ContainerConfig, HealthcheckTest, MountKind, Networking, ObservedContainer, PublishedPort, RestartPolicy, Service,
};

/// What differs, as far as a listing tells.
pub(super) fn differences(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Vec<Difference> {
    let mut found = Vec::new();
    let wanted = service.image_name(&context.project.name);
    // A container whose image lost its name lists the id instead.
    if short(&container.image_name) != short(wanted.as_str()) && !container.image_name.starts_with("sha256:") {
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

/// An image's name without what every engine takes for granted, and Podman writes all the same.
fn short(image: &str) -> &str {
    let prefixes = ["docker.io/library/", "docker.io/", "localhost/"];
    let image = prefixes.iter().find_map(|prefix| image.strip_prefix(prefix)).unwrap_or(image);
    image.strip_suffix(":latest").unwrap_or(image)
}

/// What a close look tells. What came from an image that is gone can't be known, and is left out.
fn config(context: &Context<'_>, service: &Service, container: &ObservedContainer) -> Vec<Difference> {
    let Some(config) = context.observed.configs.get(&container.id) else { return Vec::new() };
    let mut found = Vec::new();
    let keys = variables(service, config);
    if !keys.is_empty() {
        found.push(Difference::Keys { what: "environment", keys });
    }
    found.extend(command(service, config).map(Difference::Value));
    let image = config.image.as_ref();
    let user = service.user.as_ref().or(image.map(|image| &image.user));
    if user.is_some_and(|user| *user != config.user) {
        found.push(Difference::Value("user"));
    }
    let folder = service.working_dir.as_ref().or(image.map(|image| &image.working_dir));
    // an engine may write the root for nothing
    if folder.is_some_and(|folder| folder.trim_end_matches('/') != config.working_dir.trim_end_matches('/')) {
        found.push(Difference::Value("working_dir"));
    }
    let restart = match service.restart {
        RestartPolicy::No => "no",
        RestartPolicy::Always => "always",
        RestartPolicy::UnlessStopped => "unless-stopped",
        RestartPolicy::OnFailure { .. } => "on-failure",
    };
    if restart != if config.restart.is_empty() { "no" } else { &config.restart } {
        found.push(Difference::Value("restart"));
    }
    let probe = service.healthcheck.as_ref().and_then(|check| check.test.as_ref()).map(words);
    if probe.as_ref().or(image.map(|image| &image.probe)).is_some_and(|probe| *probe != config.probe) {
        found.push(Difference::Value("healthcheck"));
    }
    if service.tty != config.tty {
        found.push(Difference::Value("tty"));
    }
    if service.stdin_open != config.stdin_open {
        found.push(Difference::Value("stdin_open"));
    }
    found
}

/// The names of variables that were added, changed or removed.
fn variables(service: &Service, config: &ContainerConfig) -> Vec<String> {
    let pairs = |variables: &[String]| -> BTreeMap<String, String> {
        let pair = |variable: &String| variable.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        variables.iter().filter_map(pair).collect()
    };
    let has = pairs(&config.environment);
    let wanted = service.environment.iter().filter(|(key, value)| {
        value.is_none() && has.contains_key(*key) || value.is_some() && has.get(*key) != value.as_ref()
    });
    let mut keys: BTreeSet<String> = wanted.map(|(key, _)| key.clone()).collect();
    if let Some(image) = &config.image {
        let inherited = pairs(&image.environment);
        let own = |(key, value): &(&String, &String)| {
            !service.environment.contains_key(*key) && inherited.get(*key) != Some(*value) && !is_the_engines(key)
        };
        keys.extend(has.iter().filter(own).map(|(key, _)| key.clone()));
    }
    keys.into_iter().collect()
}

/// Variables that the engine (Podman more than Docker) or the docker client's settings add.
fn is_the_engines(key: &str) -> bool {
    matches!(key, "PATH" | "HOME" | "HOSTNAME" | "TERM" | "container") || key.to_ascii_lowercase().ends_with("_proxy")
}

/// Which of `entrypoint` and `command` differs.
fn command(service: &Service, config: &ContainerConfig) -> Option<&'static str> {
    let none = Vec::new();
    let image = config.image.as_ref();
    let entrypoint = service.entrypoint.as_ref().or(image.map(|image| &image.entrypoint));
    // a program of the service's own is not given the arguments of the image's
    let own_program = service.entrypoint.as_ref().is_some_and(|words| !words.is_empty());
    let inherited = if own_program { Some(&none) } else { image.map(|image| &image.command) };
    let arguments = service.command.as_ref().or(inherited);
    if entrypoint.is_some_and(|words| !config.command.starts_with(words)) {
        return Some("entrypoint");
    }
    let differs = match (entrypoint, arguments) {
        (Some(entrypoint), Some(arguments)) => config.command.get(entrypoint.len()..) != Some(&arguments[..]),
        (None, Some(arguments)) => !config.command.ends_with(arguments),
        (_, None) => false,
    };
    differs.then_some("command")
}

/// A probe as the engine writes it.
fn words(test: &HealthcheckTest) -> Vec<String> {
    match test {
        HealthcheckTest::Disabled => vec!["NONE".to_owned()],
        HealthcheckTest::Command(words) => [&["CMD".to_owned()], &words[..]].concat(),
        HealthcheckTest::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
    }
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
