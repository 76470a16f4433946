//! What exists on the engine, at one moment.

use std::collections::BTreeMap;

use super::{ByteSize, ContainerConfig, ContainerId, ImageId, ImageRef, ObservedContainer, Timestamp};

/// An image as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedImage {
    /// Its id.
    pub id: ImageId,
    /// When it was built.
    pub created: Option<Timestamp>,
    /// When it got a name here last, by a pull or a build; `None` where the engine doesn't tell.
    pub tagged: Option<Timestamp>,
    /// Size.
    pub size: ByteSize,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its VOLUME instructions.
    pub volumes: Vec<String>,
    /// Its USER; empty is root.
    pub user: String,
    /// `os/arch[/variant]`.
    pub platform: String,
}

/// A network as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// A snapshot of everything that matters to one project. All of it comes from listings, nothing from events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// When it was taken.
    pub at: Timestamp,
    /// Containers that carry the project's label, one-off ones included.
    pub containers: Vec<ObservedContainer>,
    /// Images that the project's services name, by that name; no entry where the engine has none.
    pub images: BTreeMap<ImageRef, ObservedImage>,
    /// Networks that carry the project's label or have a wanted name.
    pub networks: Vec<ObservedNetwork>,
    /// Volumes that carry the project's label or have a wanted name.
    pub volumes: Vec<ObservedVolume>,
    /// What containers were made from, for those that somebody looked at closely. It explains, and decides nothing.
    pub configs: BTreeMap<ContainerId, ContainerConfig>,
}
