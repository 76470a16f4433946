//! A plan and its parts: steps with what must come before them, and groups of steps that the user sees as one.

use std::{collections::BTreeSet, fmt};

use super::{Cause, CreateContainer, Difference, Goal, Operation, Target};
use crate::model::{ContainerId, Diagnostic, ImageId, ImageRef, ServiceName};

/// A step of one run, unique in it, also when the rest of the run is planned again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub u32);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The way back to the container that a guarded recreate replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The new container, which is stopped and removed.
    pub new: Target,
    /// The old one, which gets its name back and is started.
    pub old: Target,
    /// Whether the old one ran.
    pub start: bool,
    /// The image that gets its name back.
    pub image: Option<(ImageId, ImageRef)>,
}

/// Steps that the user sees as one: a recreate is create, stop, remove, rename and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// What a group of steps does, in the word that the user sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// `create`: a container, network or volume that is not there.
    Create,
    /// `recreate`.
    Recreate,
    /// `build`.
    Build,
    /// `pull`.
    Pull,
    /// `start`.
    Start,
    /// `stop`.
    Stop,
    /// `kill`.
    Kill,
    /// `restart`.
    Restart,
    /// `pause`.
    Pause,
    /// `unpause`.
    Unpause,
    /// `remove`.
    Remove,
    /// `rename`.
    Rename,
    /// `wait`.
    Wait,
    /// `sync`.
    Sync,
}

/// What a group of steps is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A network, by its name.
    Network(String),
    /// A volume, by its name.
    Volume(String),
    /// An image for these services.
    Image(ImageRef, Vec<ServiceName>),
    /// A container.
    Container {
        /// Its service.
        service: ServiceName,
        /// Its number.
        number: u32,
        /// Its name.
        name: String,
    },
    /// A service.
    Service(ServiceName),
}

/// Steps that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// What it does.
    pub action: Action,
    /// To what.
    pub subject: Subject,
    /// Why.
    pub cause: Cause,
    /// The way back, when a step of it fails after the old container was stopped.
    pub rollback: Option<Box<Rollback>>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// The group it belongs to.
    pub group: GroupId,
    /// What it does.
    pub operation: Operation,
    /// The steps that must have ended well before it begins.
    pub needs: Vec<StepId>,
    /// The steps that must have ended before it begins, however they ended.
    pub after: Vec<StepId>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// A step by its id.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// A group by its id.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The services to plan again when an image step has ended: those of the image, and those that were to follow them
    /// because of it (restarted, or made anew in their namespace). Whatever else waits for them stays as it is.
    pub fn resting_on(&self, image: StepId) -> BTreeSet<ServiceName> {
        let mut services: BTreeSet<_> = match self.step(image).map(|step| &step.operation) {
            Some(Operation::Build(build)) => build.services.iter().cloned().collect(),
            Some(Operation::Pull { services, .. }) => services.iter().cloned().collect(),
            _ => return BTreeSet::new(),
        };
        loop {
            let before = services.len();
            for group in &self.groups {
                if let (Cause::DependencyReplaced(on), Subject::Container { service, .. }) =
                    (&group.cause, &group.subject)
                    && services.contains(on)
                {
                    services.insert(service.clone());
                }
            }
            if services.len() == before {
                return services;
            }
        }
    }

    /// The containers that are made anew because their configuration diverged: a close look at these, and planning once
    /// more, tells in what.
    pub fn unexplained(&self) -> Vec<ContainerId> {
        let lacks = |difference: &Difference| {
            matches!(difference, Difference::NetworkMissing(_) | Difference::VolumeMissing(_))
        };
        let diverged = self
            .groups
            .iter()
            .filter(|group| matches!(&group.cause, Cause::Diverged(differences) if !differences.iter().any(lacks)));
        diverged.filter_map(|group| self.replaced(group.id)).cloned().collect()
    }

    /// The container that a recreate takes the place of: the one that is taken out of the way by its name or for good.
    fn replaced(&self, group: GroupId) -> Option<&ContainerId> {
        self.steps.iter().filter(|step| step.group == group).find_map(|step| match &step.operation {
            Operation::Create(CreateContainer { replaces: Some(replaced), .. }) => Some(&replaced.container),
            Operation::Stop { target, .. } => target.existing(),
            _ => None,
        })
    }

    /// What would be lost for good: the caller asks first.
    pub fn deletes_data(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.operation.deletes_data())
    }
}

/// A service that nothing is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The service.
    pub service: ServiceName,
    /// Why nothing is done.
    pub cause: Cause,
}

/// What would be done, and why. [`std::fmt::Display`] prints it as `devbox plan` does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it is for.
    pub goal: Goal,
    /// In an order in which they could be run one after the other.
    pub steps: Vec<Step>,
    /// What the steps amount to, in the order of their first steps.
    pub groups: Vec<Group>,
    /// Services that the goal means and that are in step.
    pub kept: Vec<Kept>,
    /// What the user should know: orphans, missing optional dependencies, images older than their manifests.
    pub warnings: Vec<Diagnostic>,
}
