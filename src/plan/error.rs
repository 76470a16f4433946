//! Why there is no plan: the project and the goal don't go together, whatever the engine has.

use crate::model::{Diagnostic, ServiceName};

/// Why a goal can't be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A selected service is not in the file.
    #[error("no service {name} in this project")]
    UnknownService {
        /// What was named.
        name: ServiceName,
        /// A service of a similar name.
        similar: Option<ServiceName>,
    },
    /// `depends_on`, `links`, `volumes_from` and shared namespaces go round in a circle.
    #[error("dependency cycle: {}", path.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" → "))]
    Cycle {
        /// The way round, its first service once more at the end.
        path: Vec<ServiceName>,
    },
    /// A service depends on one that is not in the file.
    #[error("{service} depends on {dependency}, which is not in this project")]
    UnknownDependency {
        /// Who depends.
        service: ServiceName,
        /// On whom.
        dependency: String,
    },
    /// A network that others make is not there.
    #[error("network {name} is external and not there")]
    ExternalNetwork {
        /// Its name.
        name: String,
    },
    /// A network of a wanted name was made by something else.
    #[error("network {name} is there, but is not this project's")]
    ForeignNetwork {
        /// Its name.
        name: String,
    },
    /// A volume that others make is not there.
    #[error("volume {name} is external and not there")]
    ExternalVolume {
        /// Its name.
        name: String,
    },
    /// A service with a fixed name can't have several containers.
    #[error("{service} has a container_name ({name}) and so can't have {scale} containers")]
    ScaledName {
        /// The service.
        service: ServiceName,
        /// Its `container_name`.
        name: String,
        /// How many were wanted.
        scale: u32,
    },
    /// Two services want the same container name.
    #[error("{first} and {second} both want the container name {name}")]
    SameName {
        /// A service.
        first: ServiceName,
        /// Another one.
        second: ServiceName,
        /// The name.
        name: String,
    },
    /// A service has neither an image nor a build.
    #[error("{service} has neither image nor build")]
    NoImage {
        /// The service.
        service: ServiceName,
    },
    /// A service was named that has no containers, and the verb makes none.
    #[error("{service} has no container")]
    NoContainer {
        /// The service.
        service: ServiceName,
    },
    /// The verb wants exactly one service.
    #[error("{verb} takes one service")]
    OneService {
        /// Its name on the command line.
        verb: &'static str,
    },
}

impl From<PlanError> for Diagnostic {
    fn from(error: PlanError) -> Self {
        let diagnostic = Diagnostic::error(error.to_string());
        match error {
            PlanError::UnknownService { similar: Some(similar), .. } => {
                diagnostic.help(format!("did you mean {similar}?"))
            }
            PlanError::UnknownService { similar: None, .. } => {
                diagnostic.help("`devbox config --services` lists the services")
            }
            PlanError::Cycle { .. } => diagnostic.help("take one of these out of the other's depends_on"),
            PlanError::UnknownDependency { dependency, .. } => {
                diagnostic.help(format!("add a service {dependency}, or say `required: false`"))
            }
            PlanError::ExternalNetwork { name } => {
                diagnostic.help(format!("bring up the project that makes it, or `docker network create {name}`"))
            }
            PlanError::ForeignNetwork { .. } => {
                diagnostic.help("say `external: true` to join it as it is, or give yours another `name:`")
            }
            PlanError::ExternalVolume { name } => {
                diagnostic.help(format!("bring up the project that makes it, or `docker volume create {name}`"))
            }
            PlanError::ScaledName { .. } => diagnostic.help("take container_name out, or scale to 1"),
            PlanError::SameName { .. } => {
                diagnostic.help("container names are unique on an engine: change one of them")
            }
            PlanError::NoImage { .. } => diagnostic.help("add `image:` or `build:`"),
            PlanError::NoContainer { service } => diagnostic.help(format!("`devbox up {service}` makes and starts it")),
            PlanError::OneService { .. } => diagnostic,
        }
    }
}
