//! How a service's image is built (Compose specification, build).

use std::{collections::BTreeMap, path::PathBuf};

use super::{ByteSize, Ulimit};

/// Where the Dockerfile is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DockerfileSource {
    /// A path, relative to the context unless absolute.
    File(PathBuf),
    /// `dockerfile_inline`: its text.
    Inline(String),
}

/// `build:` of a service, resolved. Two services whose builds are equal are built once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// An absolute folder, or a git or http URL as written.
    pub context: String,
    /// Where the Dockerfile is.
    pub dockerfile: DockerfileSource,
    /// The stage to build; `None` is the last.
    pub target: Option<String>,
    /// Build arguments; `None` means the environment did not set it.
    pub args: BTreeMap<String, Option<String>>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// More tags for the image.
    pub tags: Vec<String>,
    /// `NAME=PATH_OR_URL` contexts beside the main one.
    pub additional_contexts: BTreeMap<String, String>,
    /// As written: an image, or `type=…` terms.
    pub cache_from: Vec<String>,
    /// As written.
    pub cache_to: Vec<String>,
    /// Build every step anew.
    pub no_cache: bool,
    /// Stages that are built anew.
    pub no_cache_filter: Vec<String>,
    /// Look for newer base images.
    pub pull: bool,
    /// `none`, `host`, `default`, or a network's name.
    pub network: Option<String>,
    /// Names that resolve during the build: host → addresses.
    pub extra_hosts: BTreeMap<String, Vec<String>>,
    /// Size of /dev/shm.
    pub shm_size: Option<ByteSize>,
    /// Limits of the build's processes.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// `os/arch[/variant]`.
    pub platforms: Vec<String>,
    /// Files or variables that RUN --mount=type=secret sees.
    pub secrets: Vec<BuildSecret>,
    /// Agents or keys that RUN --mount=type=ssh sees.
    pub ssh: Vec<BuildSsh>,
    /// `security.insecure`, `network.host`.
    pub entitlements: Vec<String>,
    /// Security insecure for every step.
    pub privileged: bool,
    /// Windows' isolation technology.
    pub isolation: Option<String>,
    /// Attestation: `true`, `mode=max`, …
    pub provenance: Option<String>,
    /// Attestation: `true`, `generator=…`.
    pub sbom: Option<String>,
}

impl Build {
    /// `build: CONTEXT`, with nothing else said.
    pub fn new(context: impl Into<String>) -> Self {
        Self {
            context: context.into(),
            dockerfile: DockerfileSource::File("Dockerfile".into()),
            target: None,
            args: BTreeMap::new(),
            labels: BTreeMap::new(),
            tags: Vec::new(),
            additional_contexts: BTreeMap::new(),
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            no_cache: false,
            no_cache_filter: Vec::new(),
            pull: false,
            network: None,
            extra_hosts: BTreeMap::new(),
            shm_size: None,
            ulimits: BTreeMap::new(),
            platforms: Vec::new(),
            secrets: Vec::new(),
            ssh: Vec::new(),
            entitlements: Vec::new(),
            privileged: false,
            isolation: None,
            provenance: None,
            sbom: None,
        }
    }
}

/// A secret of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSecret {
    /// Key in the project's secrets.
    pub source: String,
    /// The id that the Dockerfile uses; the key unless `target` says otherwise.
    pub id: String,
}

/// An entry of a build's `ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSsh {
    /// `default`, or the id that the Dockerfile uses.
    pub id: String,
    /// A key or agent socket; `None` is SSH_AUTH_SOCK.
    pub path: Option<PathBuf>,
}
