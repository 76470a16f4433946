//! The labels by which Compose's and devbox's commands know what belongs to a project (docker/compose, pkg/api/labels.go).

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    engine::{container::NewContainer, error::EngineError},
    model::{Condition, Project},
};

pub(in crate::engine) const PROJECT: &str = "com.docker.compose.project";
pub(in crate::engine) const SERVICE: &str = "com.docker.compose.service";
pub(in crate::engine) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
pub(in crate::engine) const NUMBER: &str = "com.docker.compose.container-number";
pub(in crate::engine) const ONEOFF: &str = "com.docker.compose.oneoff";
pub(in crate::engine) const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
const SLUG: &str = "com.docker.compose.slug";
const VOLUME: &str = "com.docker.compose.volume";
const NETWORK: &str = "com.docker.compose.network";
const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
const IMAGE: &str = "com.docker.compose.image";
const DEPENDS_ON: &str = "com.docker.compose.depends_on";
const VERSION: &str = "com.docker.compose.version";
const REPLACE: &str = "com.docker.compose.replace";

/// The version of Compose whose meaning of a compose file is followed; it reads this label of its own containers.
const COMPOSE_VERSION: &str = "2.40.3";

fn paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(",")
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "service_started",
        Condition::Healthy => "service_healthy",
        Condition::CompletedSuccessfully => "service_completed_successfully",
    }
}

/// Of a container: the user's, Compose's own over them.
///
/// A service that shares another's namespace has a hash that names that one's container, which must be there.
pub(super) fn of_container(new: &NewContainer<'_>) -> Result<BTreeMap<String, String>, EngineError> {
    let NewContainer { project, service, .. } = *new;
    let hash = service
        .config_hash
        .hex(|name| super::first_of(new.observed, name.as_str()).map(|container| container.id.clone()))
        .ok_or_else(|| {
            super::refuse(
                service,
                "a service that it shares something with has no container",
                "bring that one up first",
            )
        })?;
    let mut labels = service.labels.clone();
    labels.extend(new.labels.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut set = |name: &str, value: String| drop(labels.insert(name.to_owned(), value));
    set(PROJECT, project.name.to_string());
    set(SERVICE, service.name.to_string());
    set(VERSION, COMPOSE_VERSION.into());
    set(WORKING_DIR, project.directory.to_string_lossy().into_owned());
    set(CONFIG_FILES, paths(&project.files));
    set(ONEOFF, if new.oneoff.is_some() { "True" } else { "False" }.into());
    set(CONFIG_HASH, hash);
    let dependencies = service
        .depends_on
        .iter()
        // What is off by its profile is nothing to depend on.
        .filter(|(name, _)| project.services.get(*name).is_some_and(|service| service.enabled))
        .map(|(name, dependency)| format!("{name}:{}:{}", condition(dependency.condition), dependency.restart))
        .collect::<Vec<_>>();
    set(DEPENDS_ON, dependencies.join(","));
    if !project.env_files.is_empty() {
        set(ENVIRONMENT_FILE, paths(&project.env_files));
    }
    // Compose writes it empty where the engine doesn't tell.
    if let Some(image) = new.observed.images.get(&service.image_name(&project.name)) {
        set(IMAGE, image.id.to_string());
    }
    match &new.oneoff {
        Some(oneoff) => set(SLUG, oneoff.slug.clone()),
        None => set(NUMBER, new.number.to_string()),
    }
    if new.replaces {
        let name = service.container_name.clone();
        set(REPLACE, name.unwrap_or_else(|| format!("{}-{}", service.name, new.number)));
    }
    Ok(labels)
}

fn of_resource(
    project: &Project,
    user: &BTreeMap<String, String>,
    kind: &str,
    key: &str,
    hash: &str,
) -> BTreeMap<String, String> {
    let mut labels = user.clone();
    for (name, value) in
        [(kind, key), (PROJECT, project.name.as_str()), (VERSION, COMPOSE_VERSION), (CONFIG_HASH, hash)]
    {
        labels.insert(name.into(), value.into());
    }
    labels
}

/// Of a network of the project.
pub(in crate::engine) fn of_network(project: &Project, network: &crate::model::Network) -> BTreeMap<String, String> {
    of_resource(project, &network.labels, NETWORK, &network.key, &network.config_hash)
}

/// Of a volume of the project.
pub(in crate::engine) fn of_volume(project: &Project, volume: &crate::model::Volume) -> BTreeMap<String, String> {
    of_resource(project, &volume.labels, VOLUME, &volume.key, &volume.config_hash)
}
