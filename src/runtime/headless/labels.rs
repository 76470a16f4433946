//! A project of which only its containers are known: `-p NAME` without a file.
//!
//! Compose's labels say which services there are, what they depend on, and which networks and volumes are theirs. That
//! is enough to stop, start, list and remove; nothing is created from it.

use std::collections::BTreeMap;

use crate::model::{
    Condition, Dependency, Network, Observed, ObservedContainer, Project, ProjectName, Service, ServiceName, Volume,
};

const DEPENDS_ON: &str = "com.docker.compose.depends_on";
const NETWORK: &str = "com.docker.compose.network";
const VOLUME: &str = "com.docker.compose.volume";
const DIRECTORY: &str = "com.docker.compose.project.working_dir";

/// A project of this name with nothing in it, to look with.
pub fn empty(name: ProjectName) -> Project {
    Project {
        name,
        directory: std::path::PathBuf::from("/"),
        files: Vec::new(),
        env_files: Vec::new(),
        profiles: Vec::new(),
        services: BTreeMap::new(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        secrets: BTreeMap::new(),
        configs: BTreeMap::new(),
    }
}

/// What the labels of what exists say of the project.
pub fn project(name: ProjectName, observed: &Observed) -> Project {
    let mut project = empty(name);
    for container in observed.containers.iter().filter(|container| !container.oneoff) {
        if let Some(directory) = container.labels.get(DIRECTORY) {
            project.directory = directory.into();
        }
        let service = project.services.entry(container.service.clone()).or_insert_with(|| service(container));
        service.scale = service.scale.max(container.number);
    }
    // A dependency that has no container any more can't be waited for.
    let names: Vec<ServiceName> = project.services.keys().cloned().collect();
    for service in project.services.values_mut() {
        service.depends_on.retain(|name, _| names.contains(name));
    }
    for network in &observed.networks {
        if let Some(key) = network.labels.get(NETWORK) {
            project.networks.insert(key.clone(), self::network(key, &network.name));
        }
    }
    for volume in &observed.volumes {
        if let Some(key) = volume.labels.get(VOLUME) {
            let volume = Volume {
                key: key.clone(),
                name: volume.name.clone(),
                external: false,
                driver: None,
                driver_opts: BTreeMap::new(),
                labels: BTreeMap::new(),
                config_hash: String::new(),
            };
            project.volumes.insert(key.clone(), volume);
        }
    }
    project
}

fn service(container: &ObservedContainer) -> Service {
    let mut service = Service::empty(container.service.clone());
    service.image = Some(container.image_name.as_str().into());
    service.tty = container.tty;
    service.depends_on = container.labels.get(DEPENDS_ON).map(|label| depends_on(label)).unwrap_or_default();
    service
}

/// `db:service_healthy:false,cache:service_started:true`: name, condition, restart.
fn depends_on(label: &str) -> BTreeMap<ServiceName, Dependency> {
    label
        .split(',')
        .filter_map(|entry| {
            let mut parts = entry.split(':');
            let name = ServiceName::new(parts.next()?).ok()?;
            let condition = match parts.next() {
                Some("service_healthy") => Condition::Healthy,
                Some("service_completed_successfully") => Condition::CompletedSuccessfully,
                _ => Condition::Started,
            };
            Some((name, Dependency { condition, restart: parts.next() == Some("true"), required: false }))
        })
        .collect()
}

fn network(key: &str, name: &str) -> Network {
    Network {
        key: key.to_owned(),
        name: name.to_owned(),
        external: false,
        driver: None,
        driver_opts: BTreeMap::new(),
        internal: false,
        attachable: false,
        enable_ipv4: None,
        enable_ipv6: None,
        ipam_driver: None,
        ipam_options: BTreeMap::new(),
        ipam: Vec::new(),
        labels: BTreeMap::new(),
        config_hash: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_from_the_label() {
        let depends_on = depends_on("db:service_healthy:false,cache:service_started:true,,bad name:x");
        let dependency = |condition, restart| Dependency { condition, restart, required: false };
        assert_eq!(
            depends_on.into_iter().map(|(name, dependency)| (name.to_string(), dependency)).collect::<Vec<_>>(),
            [
                ("cache".to_owned(), dependency(Condition::Started, true)),
                ("db".to_owned(), dependency(Condition::Healthy, false)),
            ]
        );
    }
}
