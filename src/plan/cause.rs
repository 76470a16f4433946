//! Why a step is in a plan, and why a service is not.

use std::fmt;

use crate::model::{ContainerState, ImageRef, PackageChange, ServiceName};

/// One part of a service that its container doesn't match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Named values that were added, changed or removed: environment, labels.
    Keys {
        /// `environment`, `labels`.
        what: &'static str,
        /// Their names; never their values, which may be secret.
        keys: Vec<String>,
    },
    /// A value: `command`, `ports`, …
    Value(&'static str),
    /// The container is not on a network that it should be on.
    NetworkMissing(String),
    /// The container lacks a volume that it should have.
    VolumeMissing(String),
}

/// A manifest whose content is not what an image was built from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestChange {
    /// As shown.
    pub name: String,
    /// The packages that changed, where both contents are known.
    pub packages: Vec<PackageChange>,
    /// The file is gone.
    pub removed: bool,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The user asked for it.
    Requested,
    /// It is not there.
    Missing,
    /// It is there and doesn't run.
    NotRunning {
        /// What it does instead.
        state: ContainerState,
        /// With what it ended.
        exit_code: Option<i64>,
    },
    /// These services need it.
    NeededBy(Vec<ServiceName>),
    /// `--scale`, `scale:` or `replicas:` want another number of containers.
    Scale {
        /// How many there are.
        from: u32,
        /// How many there should be.
        to: u32,
    },
    /// Built each time (`pull_policy: build`), or pulled each time (`always`).
    Policy(&'static str),
    /// It was pulled longer ago than `pull_policy` allows (`daily`, `weekly`, `every_12h`).
    PullDue,
    /// The image's manifests are not those that it was built from.
    Manifests(Vec<ManifestChange>),
    /// A step of this plan makes another image.
    ImageWillChange,
    /// A step of this plan may make another image.
    ImageMayChange,
    /// The image's name means another image now.
    ImageChanged(ImageRef),
    /// The file says something else than the container was made from; empty where it can't be said what.
    Diverged(Vec<Difference>),
    /// It holds nothing but what these services' image installs there: path inside.
    FromImage(Vec<ServiceName>, String),
    /// A volume of dependencies that it has is renewed with its image.
    VolumeRenewed(String),
    /// `--force-recreate`.
    Forced,
    /// A service that it depends on with `restart: true`, or whose namespace it shares, is replaced or restarted.
    DependencyReplaced(ServiceName),
    /// A network that it is on is made anew.
    NetworkReplaced(String),
    /// Its service is not in the file.
    Orphan,
    /// A recreate that was interrupted left it.
    Unfinished,
    /// A volume or network of another configuration has its name.
    ConfigChanged,
    /// It matches and runs.
    InStep,
    /// Its profiles are off.
    ProfileOff(Vec<String>),
    /// It is kept by `--no-recreate` although it diverged.
    KeptDiverged,
    /// The compose file wants none of it.
    ScaledToZero,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Keys { what, keys } => write!(f, "{what} changed: {}", keys.join(", ")),
            Difference::Value(what) => write!(f, "{what} changed"),
            Difference::NetworkMissing(name) => write!(f, "not on network {name}"),
            Difference::VolumeMissing(name) => write!(f, "without volume {name}"),
        }
    }
}

impl fmt::Display for ManifestChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.removed {
            return write!(f, "{} is gone", self.name);
        }
        write!(f, "{} changed", self.name)?;
        for (index, change) in self.packages.iter().enumerate() {
            write!(f, "{}{change}", if index == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

/// The items with the separator between them.
fn list<T: fmt::Display>(items: &[T], separator: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

/// The engine's word for a state.
pub(super) fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "removing",
        ContainerState::Exited => "exited",
        ContainerState::Dead => "dead",
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Requested => f.write_str("asked for"),
            Cause::Missing => f.write_str("not there"),
            Cause::NotRunning { state, exit_code: Some(code) } => write!(f, "{} ({code})", state_word(*state)),
            Cause::NotRunning { state, exit_code: None } => f.write_str(state_word(*state)),
            Cause::NeededBy(services) => write!(f, "needed by {}", list(services, ", ")),
            Cause::Scale { from, to } => write!(f, "scale {from} → {to}"),
            Cause::Policy(policy) => write!(f, "pull_policy is {policy}"),
            Cause::PullDue => f.write_str("pulled longer ago than pull_policy allows"),
            Cause::Manifests(changes) => f.write_str(&list(changes, "; ")),
            Cause::ImageWillChange => f.write_str("image will change"),
            Cause::ImageMayChange => f.write_str("if its image changes"),
            Cause::ImageChanged(image) => write!(f, "{image} is another image now"),
            Cause::Diverged(differences) if differences.is_empty() => f.write_str("configuration changed"),
            Cause::Diverged(differences) => f.write_str(&list(differences, "; ")),
            Cause::FromImage(services, path) => {
                write!(f, "{path} of {} comes from the image", list(services, ", "))
            }
            Cause::VolumeRenewed(volume) => write!(f, "volume {volume} is renewed"),
            Cause::Forced => f.write_str("--force-recreate"),
            Cause::DependencyReplaced(service) => write!(f, "{service} is replaced"),
            Cause::NetworkReplaced(network) => write!(f, "network {network} is made anew"),
            Cause::Orphan => f.write_str("its service is not in the file"),
            Cause::Unfinished => f.write_str("left by an interrupted recreate"),
            Cause::ConfigChanged => f.write_str("configuration changed"),
            Cause::InStep => f.write_str("in step"),
            Cause::ProfileOff(profiles) => write!(f, "off, profile {}", profiles.join(", ")),
            Cause::KeptDiverged => f.write_str("diverged, kept by --no-recreate"),
            Cause::ScaledToZero => f.write_str("scaled to 0"),
        }
    }
}
