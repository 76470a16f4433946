//! What is mounted into a service's containers (Compose specification, volumes, secrets, configs).

use std::path::PathBuf;

use super::ByteSize;

/// How a bind mount's sub-mounts travel between host and container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Propagation {
    /// `private`.
    Private,
    /// `rprivate`, the engine's default.
    RPrivate,
    /// `shared`.
    Shared,
    /// `rshared`.
    RShared,
    /// `slave`.
    Slave,
    /// `rslave`.
    RSlave,
}

/// Options of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindOptions {
    /// Create the host path as a folder when it is missing (the short form's meaning).
    pub create_host_path: bool,
    /// `None` is the engine's default.
    pub propagation: Option<Propagation>,
    /// `z` or `Z`.
    pub selinux: Option<String>,
    /// `disabled`, `enabled`, `writable`, `readonly`; `None` is the engine's default.
    pub recursive: Option<String>,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the host, absolute.
    Bind {
        /// The host path.
        source: PathBuf,
        /// How.
        options: BindOptions,
    },
    /// A volume: `Some` names a key of the project's volumes, `None` is an anonymous one.
    Volume {
        /// Key in the project's `volumes`.
        source: Option<String>,
        /// Don't copy what the image has at the target.
        nocopy: bool,
        /// A folder inside the volume.
        subpath: Option<String>,
        /// Labels of an anonymous volume.
        labels: std::collections::BTreeMap<String, String>,
    },
    /// Memory.
    Tmpfs {
        /// Limit.
        size: Option<ByteSize>,
        /// Unix mode bits.
        mode: Option<u32>,
    },
    /// A named pipe (Windows), a cluster volume or an image: handed to the engine as they are.
    Other {
        /// `npipe`, `cluster`, `image`.
        kind: String,
        /// As written.
        source: Option<String>,
        /// A folder inside an image.
        subpath: Option<String>,
    },
}

/// One entry of a service's `volumes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What.
    pub kind: MountKind,
    /// Absolute path inside the container.
    pub target: String,
    /// Not writable from the container.
    pub read_only: bool,
    /// `consistent`, `cached`, `delegated`: a hint of Docker Desktop.
    pub consistency: Option<String>,
}

/// A secret or config as a service uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMount {
    /// Key in the project's `secrets` or `configs`.
    pub source: String,
    /// Absolute path inside the container.
    pub target: String,
    /// Owner, where the engine can set it.
    pub uid: Option<String>,
    /// Group, where the engine can set it.
    pub gid: Option<String>,
    /// Unix mode bits, where the engine can set them.
    pub mode: Option<u32>,
}
