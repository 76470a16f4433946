//! What a plan is made from, looked at by service: the project as a graph, the containers sorted out, what this run has done.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlanError, leftover, order::Graph};
use crate::model::{
    ContainerId, ContainerState, ImageRef, Observed, ObservedContainer, ObservedImage, Project, Service, ServiceName,
    Sources,
};

/// How far a run is when the rest of it is planned again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resume {
    /// The services to plan; `None` is all that the goal means. What others do is not this plan's, but is waited for.
    pub services: Option<BTreeSet<ServiceName>>,
    /// Images that this run has built: they are what they should be.
    pub built: BTreeSet<ImageRef>,
    /// Images that this run has pulled, or has tried to.
    pub pulled: BTreeSet<ImageRef>,
    /// Containers that this run has made or restarted: they are new enough whatever the goal forces.
    pub touched: BTreeSet<ContainerId>,
    /// The first free number of a step.
    pub next_step: u32,
    /// The first free number of a group.
    pub next_group: u32,
}

/// Where a container of a service stands.
#[derive(Debug, Clone)]
pub(super) struct Live<'a> {
    /// As it was observed.
    pub container: &'a ObservedContainer,
    /// The name it should have; its own unless an interrupted recreate left it under a temporary one.
    pub name: String,
    /// A container made to replace it that an interrupted recreate left.
    pub replacement: Option<&'a ObservedContainer>,
}

impl Live<'_> {
    /// Its process is there: running, frozen or between two starts.
    pub fn is_up(&self) -> bool {
        is_up(self.container)
    }
}

pub(super) fn is_up(container: &ObservedContainer) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}

/// The containers of one service.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceContainers<'a> {
    /// Those that count.
    pub live: Vec<Live<'a>>,
    /// Those that an interrupted recreate left and nobody needs.
    pub leftover: Vec<&'a ObservedContainer>,
}

/// All that a plan is made from.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub project: &'a Project,
    pub observed: &'a Observed,
    pub sources: &'a Sources,
    pub graph: Graph<'a>,
    pub resume: &'a Resume,
    containers: BTreeMap<&'a ServiceName, ServiceContainers<'a>>,
    none: ServiceContainers<'a>,
}

impl<'a> Context<'a> {
    /// Looks at a project and what is observed of it.
    ///
    /// # Errors
    /// When the services' dependencies are not sound.
    pub fn new(
        project: &'a Project,
        observed: &'a Observed,
        sources: &'a Sources,
        resume: &'a Resume,
    ) -> Result<Self, PlanError> {
        let mut by_service: BTreeMap<&ServiceName, Vec<&ObservedContainer>> = BTreeMap::new();
        for container in &observed.containers {
            // One that is being removed is as good as gone; a name it still holds makes the run look again.
            if !container.oneoff && container.state != ContainerState::Removing {
                by_service.entry(&container.service).or_default().push(container);
            }
        }
        let containers = by_service
            .into_iter()
            .map(|(name, containers)| (name, leftover::sort_out(project, name, &containers)))
            .collect();
        Ok(Self {
            project,
            observed,
            sources,
            graph: Graph::new(project)?,
            resume,
            containers,
            none: ServiceContainers::default(),
        })
    }

    /// The containers of a service, one-off ones left out.
    pub fn containers(&self, service: &ServiceName) -> &ServiceContainers<'a> {
        self.containers.get(service).unwrap_or(&self.none)
    }

    /// A service of the file.
    pub fn service(&self, name: &ServiceName) -> Option<&'a Service> {
        self.project.services.get(name)
    }

    /// The image that a service's containers should have now; `None` when the engine has none for its platform.
    pub fn image(&self, service: &Service) -> Option<&'a ObservedImage> {
        let image = self.observed.images.get(&service.image_name(&self.project.name))?;
        let fits = match &service.platform {
            // A listing doesn't always tell the platform; then the image is taken for what it should be.
            Some(wanted) if !image.platform.is_empty() => same_platform(wanted, &image.platform),
            _ => true,
        };
        fits.then_some(image)
    }

    /// Containers whose service is not in the file, one-off ones left out.
    pub fn orphans(&self) -> impl Iterator<Item = &'a ObservedContainer> + '_ {
        let known = |service: &ServiceName| self.project.services.contains_key(service);
        self.observed.containers.iter().filter(move |container| !container.oneoff && !known(&container.service))
    }

    /// Whether this plan is about a service, rather than another part of the same run.
    pub fn plans(&self, service: &ServiceName) -> bool {
        self.resume.services.as_ref().is_none_or(|services| services.contains(service))
    }

    /// Whether this run has made or restarted a container already.
    pub fn touched(&self, container: &ObservedContainer) -> bool {
        self.resume.touched.contains(&container.id)
    }
}

/// Whether `os/arch[/variant]` of an image is what is wanted; a variant counts where both name one.
fn same_platform(wanted: &str, actual: &str) -> bool {
    let normal = |text: &str| {
        let mut parts = text.splitn(3, '/').map(str::to_lowercase);
        let os = parts.next().unwrap_or_default();
        let architecture = match parts.next().unwrap_or_default().as_str() {
            "x86_64" | "x86-64" => "amd64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            other => other.to_owned(),
        };
        (os, architecture, parts.next())
    };
    let (wanted, actual) = (normal(wanted), normal(actual));
    let variants = wanted.2.is_none() || actual.2.is_none() || wanted.2 == actual.2;
    wanted.0 == actual.0 && wanted.1 == actual.1 && variants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_compared_as_far_as_both_say() {
        for (wanted, actual, same) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/x86_64", "linux/amd64", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/arm64", "linux/amd64", false),
        ] {
            assert_eq!(same_platform(wanted, actual), same, "{wanted} {actual}");
        }
    }
}
