//! A container as the engine lists it.

use std::collections::BTreeMap;

use super::{ContainerId, ImageId, ServiceName, Timestamp};

/// The engine's word for what a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Its process runs.
    Running,
    /// Frozen.
    Paused,
    /// The engine starts it again after an exit.
    Restarting,
    /// Being removed.
    Removing,
    /// Its process ended.
    Exited,
    /// The engine could not clean it up.
    Dead,
}

/// What the healthcheck says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HealthState {
    /// Not known yet.
    Starting,
    /// The last probe was good.
    Healthy,
    /// As many probes failed in a row as were allowed.
    Unhealthy,
}

/// How a container's last process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitInfo {
    /// Exit code; 128 + n for a signal n.
    pub code: i64,
    /// The kernel killed it for memory.
    pub oom_killed: bool,
}

/// A port that the engine publishes for a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublishedPort {
    /// Host address; empty for one that is exposed only.
    pub host_ip: String,
    /// Host port; `None` for one that is exposed only.
    pub host_port: Option<u16>,
    /// Port inside.
    pub container_port: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

/// A mount that a container has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedMount {
    /// `bind`, `volume`, `tmpfs`, …
    pub kind: String,
    /// The volume's name, for volumes.
    pub volume: Option<String>,
    /// Host path.
    pub source: String,
    /// Path inside.
    pub target: String,
    /// Writable.
    pub writable: bool,
}

/// A container of the project.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the leading slash.
    pub name: String,
    /// `com.docker.compose.service`.
    pub service: ServiceName,
    /// `com.docker.compose.container-number`.
    pub number: u32,
    /// Made by `run`.
    pub oneoff: bool,
    /// What it does.
    pub state: ContainerState,
    /// What its healthcheck says; `None` where it has none.
    pub health: Option<HealthState>,
    /// How it ended; `None` while it runs or was never started.
    pub exit: Option<ExitInfo>,
    /// When it was made.
    pub created: Timestamp,
    /// When its process last started; `None` if never or not asked for.
    pub started: Option<Timestamp>,
    /// When its process last ended; `None` if never or not asked for.
    pub finished: Option<Timestamp>,
    /// How often the engine restarted it by policy.
    pub restarts: u64,
    /// The image it was made from.
    pub image: ImageId,
    /// The image's name when it was made.
    pub image_name: String,
    /// Entrypoint and command in one line, as the engine lists them.
    pub command: String,
    /// `com.docker.compose.config-hash`.
    pub config_hash: Option<String>,
    /// All labels, Compose's own included.
    pub labels: BTreeMap<String, String>,
    /// Ports.
    pub ports: Vec<PublishedPort>,
    /// Mounts.
    pub mounts: Vec<ObservedMount>,
    /// Names of the networks it is on, with their ids.
    pub networks: BTreeMap<String, String>,
    /// It has a terminal, so that its log is one raw stream.
    pub tty: bool,
    /// Its log driver, `json-file` for instance; empty when not asked for.
    pub log_driver: String,
}

/// What a container was made from, beyond its listing: asked for one by one, where somebody wants to know what diverged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerConfig {
    /// `NAME=value`, the image's own included.
    pub environment: Vec<String>,
    /// Program and arguments as they run: entrypoint and command in one.
    pub command: Vec<String>,
    /// Who runs it; empty is the image's.
    pub user: String,
    /// Where.
    pub working_dir: String,
    /// `no`, `always`, `on-failure`, `unless-stopped`; empty is `no`.
    pub restart: String,
    /// The healthcheck's `test`, as the engine has it: `CMD-SHELL` and a line.
    pub probe: Vec<String>,
    /// It has a terminal.
    pub tty: bool,
    /// Its standard input is open.
    pub stdin_open: bool,
    /// What its image says; `None` where that is gone, and then what came from it can't be told.
    pub image: Option<ImageConfig>,
}

/// What an image says of the containers that are made from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// `NAME=value`.
    pub environment: Vec<String>,
    /// ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// CMD.
    pub command: Vec<String>,
    /// USER.
    pub user: String,
    /// WORKDIR.
    pub working_dir: String,
    /// HEALTHCHECK.
    pub probe: Vec<String>,
}
