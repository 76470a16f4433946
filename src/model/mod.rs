//! The nouns: plain data that every other folder speaks about.
//!
//! No I/O, no behaviour beyond what keeps a value well-formed, and nothing of ours is imported here. Places (file, line,
//! column) are never fields of these types, so that a blank line more in a file does not change a [`Project`].

mod build;
mod build_progress;
mod bytes;
mod change;
mod config_hash;
mod container;
mod diagnostic;
mod health;
mod manifest_label;
mod mount;
mod name;
mod nearest;
mod network;
mod observed;
mod port;
mod project;
mod pull_progress;
mod resources;
mod service;
mod slash_path;
mod sources;
mod time;
mod volume;
mod watch_rule;

pub use build::{Build, BuildSecret, BuildSsh, DockerfileSource};
pub use build_progress::*;
pub use bytes::ByteSize;
pub use change::{OnChange, PackageChange};
pub use config_hash::ConfigHash;
pub use container::{
    ContainerConfig, ContainerState, ExitInfo, HealthState, ImageConfig, ObservedContainer, ObservedMount,
    PublishedPort,
};
pub use diagnostic::{Diagnostic, Excerpt, Place, Severity};
pub use health::{Healthcheck, HealthcheckTest};
pub use manifest_label::{MANIFESTS_LABEL, manifests_label, read_manifests_label};
pub use mount::{BindOptions, FileMount, Mount, MountKind, Propagation};
pub use name::{ContainerId, ImageId, ImageRef, InvalidName, ProjectName, ServiceName};
pub use nearest::nearest;
pub use network::{IpamPool, Network, NetworkAttachment, Networking};
pub use observed::{Observed, ObservedImage, ObservedNetwork, ObservedVolume};
pub use port::{Port, Protocol};
pub use project::{ConfigSource, Project, SecretSource};
pub use pull_progress::{LayerState, PullEvent};
pub use resources::{BlkioConfig, DeviceMapping, DeviceRequest, Resources, ThrottleDevice, Ulimit, WeightDevice};
pub use service::{Condition, Dependency, Hook, Logging, PullPolicy, RestartPolicy, Service, ServiceLabels};
pub use slash_path::clean_path;
pub use sources::{Digest, InvalidDigest, Manifest, ManifestKind, Package, ServiceSources, Setting, Sources};
pub use time::Timestamp;
pub use volume::Volume;
pub use watch_rule::{FileOwner, ServiceSync, SyncedFiles, WatchAction, WatchExec, WatchRule};
