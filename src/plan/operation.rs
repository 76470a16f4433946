//! What a step does: one change of the engine, or one wait for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{RunOptions, StepId};
use crate::model::{Build, Condition, ContainerId, FileOwner, ImageId, ImageRef, ServiceName, SyncedFiles, WatchExec};

/// A container that a step acts on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Its service; for an orphan the one its label names.
    pub service: ServiceName,
    /// Its number.
    pub number: u32,
    /// Its name when all is done, or the one it has.
    pub name: String,
    /// Which one it is.
    pub container: ContainerRef,
}

/// A container that is there, or that an earlier step makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContainerRef {
    /// It is there.
    Existing(ContainerId),
    /// That step makes it.
    Made(StepId),
}

impl Target {
    /// Its id, where it is there already.
    pub fn existing(&self) -> Option<&ContainerId> {
        match &self.container {
            ContainerRef::Existing(id) => Some(id),
            ContainerRef::Made(_) => None,
        }
    }
}

/// One image to build, for every service whose build is equal.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildImage {
    /// The services that will run it, by name.
    pub services: Vec<ServiceName>,
    /// The names it gets: each service's image, then the build's own tags.
    pub tags: Vec<ImageRef>,
    /// How.
    pub build: Box<Build>,
    /// Labels beside the build's own: Compose's, and the digests of the manifests it is built from.
    pub labels: BTreeMap<String, String>,
    /// The service's platform, when the build names none.
    pub platform: Option<String>,
}

/// One container to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateContainer {
    /// Of which service.
    pub service: ServiceName,
    /// Its number.
    pub number: u32,
    /// The name it has when all is done.
    pub name: String,
    /// The name it is made under, when another container has its name still.
    pub temporary_name: Option<String>,
    /// The container it replaces, with what it takes over from it.
    pub replaces: Option<Replaced>,
    /// The keys of volumes in whose place it gets anonymous ones, since another container has those still.
    pub anonymous: BTreeSet<String>,
    /// For `run`: what differs from the service's containers of `up`.
    pub oneoff: Option<Box<RunOptions>>,
}

/// What a new container takes over from the one that it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The container that goes.
    pub container: ContainerId,
    /// Its anonymous volumes that go on: path inside → volume.
    pub volumes: BTreeMap<String, String>,
}

/// What is to hold before a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// A condition of `depends_on`.
    Condition(Condition),
    /// Running, and healthy where there is a healthcheck (`--wait`, Compose's `running_or_healthy`).
    RunningOrHealthy,
    /// The new container has proved itself: healthy where it has a healthcheck, exit 0 where others wait for its
    /// completion, otherwise ten seconds of running.
    Proved {
        /// Others wait for its completion.
        completes: bool,
    },
}

/// One change of the engine, or one wait for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Makes a network of the project, by its key.
    CreateNetwork {
        /// Key in the project's networks.
        key: String,
        /// Its name.
        name: String,
    },
    /// Removes a network.
    RemoveNetwork {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
        /// The containers that are on it: they are stopped and taken off it first.
        containers: Vec<Target>,
    },
    /// Makes a volume of the project, by its key.
    CreateVolume {
        /// Key in the project's volumes.
        key: String,
        /// Its name.
        name: String,
    },
    /// Removes a volume. **Deletes data.**
    RemoveVolume {
        /// Its name.
        name: String,
    },
    /// Removes a volume that holds nothing but installed dependencies, and makes it anew: the next container that is made
    /// with it fills it from its image.
    RenewVolume {
        /// Key in the project's volumes.
        key: String,
        /// Its name.
        name: String,
        /// The services that have it.
        services: Vec<ServiceName>,
    },
    /// Removes an image's name, and the image with its last one.
    RemoveImage {
        /// The name.
        name: ImageRef,
    },
    /// Gives an image a name.
    TagImage {
        /// The image.
        image: ImageId,
        /// Its further name.
        name: ImageRef,
    },
    /// Builds an image.
    Build(BuildImage),
    /// Pulls an image.
    Pull {
        /// Its name.
        image: ImageRef,
        /// The services that use it.
        services: Vec<ServiceName>,
        /// `os/arch[/variant]`.
        platform: Option<String>,
        /// Failing is a warning only.
        optional: bool,
    },
    /// Makes a container.
    Create(CreateContainer),
    /// Copies the content of secrets and configs that are not files into it, starts it, and runs its `post_start` hooks.
    Start(Target),
    /// Runs its `pre_stop` hooks and stops it.
    Stop {
        /// Which.
        target: Target,
        /// How long until the kill; `None` is its own grace period.
        timeout: Option<Duration>,
    },
    /// Sends it a signal.
    Kill {
        /// Which.
        target: Target,
        /// `SIGKILL`, `HUP`, `9`, …
        signal: String,
    },
    /// Stops and starts it, with its hooks.
    Restart {
        /// Which.
        target: Target,
        /// How long until the kill.
        timeout: Option<Duration>,
    },
    /// Freezes it.
    Pause(Target),
    /// Thaws it.
    Unpause(Target),
    /// Removes it.
    Remove {
        /// Which.
        target: Target,
        /// Its anonymous volumes too. **Deletes data.**
        volumes: bool,
        /// Also while it runs.
        force: bool,
    },
    /// Gives it another name.
    Rename {
        /// Which.
        target: Target,
        /// The new name.
        name: String,
    },
    /// Copies files of the host into it, and takes out those that are gone (`develop.watch`).
    Sync {
        /// Which.
        target: Target,
        /// The files.
        files: SyncedFiles,
        /// Whom they will belong to; asked for when `None`.
        owner: Option<FileOwner>,
    },
    /// Runs a command in it, which must end with 0 (`sync+exec`).
    Exec {
        /// Which.
        target: Target,
        /// The command.
        command: WatchExec,
    },
    /// Waits until a service's containers are ready.
    Wait {
        /// The service.
        service: ServiceName,
        /// The one container that is meant; `None` is all that the service has when the wait begins.
        target: Option<Target>,
        /// What is to hold.
        readiness: Readiness,
        /// Failing is a warning only (`required: false`).
        optional: bool,
        /// How long at most.
        timeout: Option<Duration>,
    },
}

impl Operation {
    /// The one container that it is about.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Operation::Start(target)
            | Operation::Pause(target)
            | Operation::Unpause(target)
            | Operation::Stop { target, .. }
            | Operation::Kill { target, .. }
            | Operation::Restart { target, .. }
            | Operation::Remove { target, .. }
            | Operation::Rename { target, .. }
            | Operation::Sync { target, .. }
            | Operation::Exec { target, .. } => Some(target),
            Operation::Wait { target, .. } => target.as_ref(),
            Operation::Create(_)
            | Operation::CreateNetwork { .. }
            | Operation::RemoveNetwork { .. }
            | Operation::CreateVolume { .. }
            | Operation::RemoveVolume { .. }
            | Operation::RenewVolume { .. }
            | Operation::RemoveImage { .. }
            | Operation::TagImage { .. }
            | Operation::Build(_)
            | Operation::Pull { .. } => None,
        }
    }

    /// The service whose containers it changes or waits for. Images belong to several and are not counted.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Operation::Create(create) => Some(&create.service),
            Operation::Wait { service, .. } => Some(service),
            other => other.target().map(|target| &target.service),
        }
    }

    /// Whether a new plan for these services takes its place: it changes a container of theirs, or makes an image that nobody
    /// else uses. A wait for a service is its dependents' affair.
    pub fn belongs_to(&self, services: &BTreeSet<ServiceName>) -> bool {
        match self {
            Operation::Build(BuildImage { services: of, .. }) | Operation::Pull { services: of, .. } => {
                of.iter().all(|service| services.contains(service))
            }
            Operation::RenewVolume { services: of, .. } => of.iter().any(|service| services.contains(service)),
            Operation::Wait { target: None, .. } => false,
            operation => operation.service().is_some_and(|service| services.contains(service)),
        }
    }

    /// Whether it deletes data that exists nowhere else: the caller asks first.
    pub fn deletes_data(&self) -> bool {
        matches!(self, Operation::RemoveVolume { .. } | Operation::Remove { volumes: true, .. })
    }
}
