//! What exists: listings turned into [`Observed`], and one container in full.
//!
//! A look is a handful of requests at once, never one per container; [`Detail::Full`] inspects containers besides, and
//! [`Engine::look_closely`] those that somebody wants explained.

mod config;
mod container;
mod image;
mod moment;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, future, stream};

use crate::model::{
    ContainerId, ImageRef, Observed, ObservedContainer, ObservedNetwork, ObservedVolume, Project, ProjectName, Service,
};

use super::{
    Engine,
    error::{EngineError, Subject},
    http::escape,
    spec::labels,
    wire,
};
pub(super) use container::health_state;
pub use container::{ContainerDetail, Probe};
pub(super) use image::with_algorithm;
pub(super) use moment::{now, timestamp};

/// So many requests at once.
const CONCURRENT: usize = 8;

/// How closely containers are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What the listing tells: no start and end times, restarts, out-of-memory kills, terminal, log driver.
    Listing,
    /// Everything, with one more request for each container.
    Full,
}

/// A project that the engine has containers of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSummary {
    /// Its name.
    pub name: String,
    /// How many containers are in each state, by the engine's word: `running`, `exited`.
    pub states: BTreeMap<String, usize>,
    /// Its compose files, as its containers' labels say.
    pub files: String,
}

impl Engine {
    /// What exists of a project, and of what its services name.
    ///
    /// # Errors
    ///
    /// Any failure of a listing; a container that goes away meanwhile is none.
    pub async fn observe(&self, project: &Project, detail: Detail) -> Result<Observed, EngineError> {
        let run = project.services.values().map(|service| service.image_name(&project.name));
        let mounted = project.services.values().flat_map(Service::mounted_images);
        let images = run.chain(mounted).collect();
        let networks: BTreeSet<&str> = project.networks.values().map(|network| network.name.as_str()).collect();
        let volumes: BTreeSet<&str> = project.volumes.values().map(|volume| volume.name.as_str()).collect();
        self.observe_wanted(&project.name, images, &networks, &volumes, detail).await
    }

    /// What exists of a project of which there is no file: by its labels alone.
    ///
    /// # Errors
    ///
    /// Any failure of a listing.
    pub async fn observe_name(&self, project: &ProjectName, detail: Detail) -> Result<Observed, EngineError> {
        self.observe_wanted(project, BTreeSet::new(), &BTreeSet::new(), &BTreeSet::new(), detail).await
    }

    async fn observe_wanted(
        &self,
        project: &ProjectName,
        images: BTreeSet<ImageRef>,
        networks: &BTreeSet<&str>,
        volumes: &BTreeSet<&str>,
        detail: Detail,
    ) -> Result<Observed, EngineError> {
        let (mut containers, images, networks, volumes) = future::try_join4(
            self.list_containers(project, detail),
            self.images_named(images),
            self.list_networks(project, networks),
            self.list_volumes(project, volumes),
        )
        .await?;
        identify_networks(&mut containers, &networks);
        Ok(Observed { at: now(), containers, images, networks, volumes, configs: BTreeMap::new() })
    }

    async fn list_containers(
        &self,
        project: &ProjectName,
        detail: Detail,
    ) -> Result<Vec<ObservedContainer>, EngineError> {
        let filter = escape(&format!(r#"{{"label":["{}={project}"]}}"#, labels::PROJECT));
        let path = format!("/containers/json?all=1&filters={filter}");
        let listed: Vec<wire::ListedContainer> = self.client().get(&path, Subject::Engine("list containers")).await?;
        let mut containers: Vec<ObservedContainer> = listed.into_iter().filter_map(container::from_listing).collect();
        if detail == Detail::Full {
            let ids: Vec<ContainerId> = containers.iter().map(|container| container.id.clone()).collect();
            containers = stream::iter(ids)
                .map(|id| async move { self.inspect(&id).await })
                .buffered(CONCURRENT)
                // One that went away after the listing isn't there.
                .filter_map(|result| {
                    future::ready(match result {
                        Ok(detail) => Some(Ok(detail.container)),
                        Err(error) if error.is_not_found() => None,
                        Err(error) => Some(Err(error)),
                    })
                })
                .try_collect()
                .await?;
        }
        containers.sort_by(|a, b| {
            (&a.service, a.oneoff, a.number, a.created).cmp(&(&b.service, b.oneoff, b.number, b.created))
        });
        Ok(containers)
    }

    async fn list_networks(
        &self,
        project: &ProjectName,
        wanted: &BTreeSet<&str>,
    ) -> Result<Vec<ObservedNetwork>, EngineError> {
        // All of them: filters of different kinds would have to match together, and wanted ones needn't have our label.
        let listed: Vec<wire::NetworkResource> =
            self.client().get("/networks", Subject::Engine("list networks")).await?;
        let mut networks: Vec<ObservedNetwork> = listed
            .into_iter()
            .filter(|network| {
                network.labels.get(labels::PROJECT).is_some_and(|name| *project == name.as_str())
                    || wanted.contains(network.name.as_str())
                    || wanted.contains(network.id.as_str())
            })
            .map(|network| ObservedNetwork { id: network.id, name: network.name, labels: network.labels })
            .collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(networks)
    }

    async fn list_volumes(
        &self,
        project: &ProjectName,
        wanted: &BTreeSet<&str>,
    ) -> Result<Vec<ObservedVolume>, EngineError> {
        let listed: wire::VolumeList = self.client().get("/volumes", Subject::Engine("list volumes")).await?;
        let mut volumes: Vec<ObservedVolume> = listed
            .volumes
            .into_iter()
            .filter(|volume| {
                volume.labels.get(labels::PROJECT).is_some_and(|name| *project == name.as_str())
                    || wanted.contains(volume.name.as_str())
            })
            .map(|volume| ObservedVolume {
                name: volume.name,
                driver: volume.driver,
                created: timestamp(&volume.created_at),
                labels: volume.labels,
            })
            .collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }

    /// All projects that the engine has containers of (`ls`), by name.
    ///
    /// # Errors
    ///
    /// Any failure of the listing.
    pub async fn projects(&self) -> Result<Vec<ProjectSummary>, EngineError> {
        let filter = escape(&format!(r#"{{"label":["{}"]}}"#, labels::PROJECT));
        let path = format!("/containers/json?all=1&filters={filter}");
        let listed: Vec<wire::ListedContainer> = self.client().get(&path, Subject::Engine("list containers")).await?;
        let mut projects: BTreeMap<String, ProjectSummary> = BTreeMap::new();
        for mut container in listed {
            let Some(name) = container.labels.remove(labels::PROJECT) else { continue };
            let project = projects.entry(name.clone()).or_insert_with(|| ProjectSummary {
                name,
                states: BTreeMap::new(),
                files: String::new(),
            });
            if project.files.is_empty() {
                project.files = container.labels.remove(labels::CONFIG_FILES).unwrap_or_default();
            }
            *project.states.entry(container.state).or_default() += 1;
        }
        Ok(projects.into_values().collect())
    }
}

/// Puts a network's id where Podman's compatible API gives its name for one: by the name it couldn't be told from a
/// network of the same name that was removed.
fn identify_networks(containers: &mut [ObservedContainer], networks: &[ObservedNetwork]) {
    for (name, id) in containers.iter_mut().flat_map(|container| &mut container.networks) {
        if *id == *name
            && let Some(network) = networks.iter().find(|network| network.name == *name)
        {
            id.clone_from(&network.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_podman_calls_by_its_name_has_its_id() {
        let text = r#"[{"Id":"ab","Names":["/p-web-1"],"Labels":{"com.docker.compose.service":"web"},"State":"running",
            "NetworkSettings":{"Networks":{"p_default":{"NetworkID":"p_default"},"foreign":{"NetworkID":"foreign"}}}}]"#;
        let listed: Vec<wire::ListedContainer> = serde_json::from_str(text).unwrap();
        let mut containers: Vec<ObservedContainer> = listed.into_iter().filter_map(container::from_listing).collect();
        let network = ObservedNetwork { id: "n1".into(), name: "p_default".into(), labels: BTreeMap::new() };
        identify_networks(&mut containers, &[network]);
        assert_eq!(containers[0].networks["p_default"], "n1");
        assert_eq!(containers[0].networks["foreign"], "foreign");
    }
}
