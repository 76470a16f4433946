//! A service: what its containers should be.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Build, ConfigHash, FileMount, Healthcheck, ImageRef, Mount, MountKind, Networking, OnChange, Port, Resources,
    ServiceName, Ulimit, WatchRule,
};

/// The user's labels of a service's containers, without Compose's own.
pub type ServiceLabels = BTreeMap<String, String>;

/// What must hold of a dependency before a service starts (Compose specification, depends_on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `service_started`.
    Started,
    /// `service_healthy`.
    Healthy,
    /// `service_completed_successfully`.
    CompletedSuccessfully,
}

/// One entry of `depends_on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependency {
    /// What must hold.
    pub condition: Condition,
    /// Restart this service when devbox or Compose restarts or recreates the dependency.
    pub restart: bool,
    /// A missing or failed dependency is an error; otherwise a warning.
    pub required: bool,
}

/// When the engine starts a container again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// `no`, the default.
    #[default]
    No,
    /// `always`.
    Always,
    /// `unless-stopped`.
    UnlessStopped,
    /// `on-failure[:max]`.
    OnFailure {
        /// How often at the most.
        max_retries: Option<u64>,
    },
}

/// When an image is pulled (Compose specification, pull_policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Each time.
    Always,
    /// Not at all.
    Never,
    /// When it is not there, the default.
    Missing,
    /// Built each time.
    Build,
    /// When the last pull is longer ago than this (`daily`, `weekly`, `every_12h`).
    Every(Duration),
}

/// `logging`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logging {
    /// `None` is the engine's default.
    pub driver: Option<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// A command that Compose runs in a container after its start or before its stop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hook {
    /// Argument vector.
    pub command: Vec<String>,
    /// Who runs it.
    pub user: Option<String>,
    /// With extended privileges.
    pub privileged: bool,
    /// Where.
    pub working_dir: Option<String>,
    /// More environment; `None` values are unset.
    pub environment: BTreeMap<String, Option<String>>,
}

/// A service of the project with everything resolved: interpolated, merged, paths absolute.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its key.
    pub name: ServiceName,
    /// False when none of its profiles is in force: listed, but not part of `up`.
    pub enabled: bool,
    /// Its profiles; none means always.
    pub profiles: Vec<String>,

    /// As written; `None` when it is only built.
    pub image: Option<ImageRef>,
    /// How it is built.
    pub build: Option<Build>,
    /// When it is pulled.
    pub pull_policy: Option<PullPolicy>,
    /// `os/arch[/variant]`.
    pub platform: Option<String>,

    /// Overrides the image's CMD.
    pub command: Option<Vec<String>>,
    /// Overrides the image's ENTRYPOINT; an empty one clears it.
    pub entrypoint: Option<Vec<String>>,
    /// With env_file folded in. `None` values were to come from devbox's environment and are unset there: not passed.
    pub environment: BTreeMap<String, Option<String>>,
    /// Overrides the image's USER.
    pub user: Option<String>,
    /// Groups beside the user's own.
    pub group_add: Vec<String>,
    /// Overrides the image's WORKDIR.
    pub working_dir: Option<String>,
    /// A terminal.
    pub tty: bool,
    /// Standard input stays open.
    pub stdin_open: bool,
    /// An init process as pid 1; `None` is the engine's default.
    pub init: Option<bool>,
    /// Overrides the image's STOPSIGNAL.
    pub stop_signal: Option<String>,
    /// How long a stop may take before the kill; `None` is the engine's 10 s.
    pub stop_grace_period: Option<Duration>,

    /// A fixed name; `None` is PROJECT-SERVICE-NUMBER.
    pub container_name: Option<String>,
    /// Host name inside.
    pub hostname: Option<String>,
    /// Domain name inside.
    pub domainname: Option<String>,
    /// How many containers.
    pub scale: u32,
    /// The user's labels, label_file folded in.
    pub labels: ServiceLabels,
    /// OCI annotations.
    pub annotations: BTreeMap<String, String>,

    /// Published ports.
    pub ports: Vec<Port>,
    /// Ports that are only exposed: `8000`, `53/udp`, `8000-8010`.
    pub expose: Vec<String>,
    /// How it is on the network.
    pub networking: Networking,
    /// Legacy links: `service:alias`.
    pub links: Vec<String>,
    /// Links to containers outside the project: `container:alias`.
    pub external_links: Vec<String>,
    /// Host → addresses.
    pub extra_hosts: BTreeMap<String, Vec<String>>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_opt: Vec<String>,
    /// Address of the interface.
    pub mac_address: Option<String>,

    /// Volumes and binds.
    pub mounts: Vec<Mount>,
    /// `tmpfs`: path → options.
    pub tmpfs: Vec<String>,
    /// `service[:mode]` or `container:name[:mode]`.
    pub volumes_from: Vec<String>,
    /// Secrets it uses.
    pub secrets: Vec<FileMount>,
    /// Configs it uses.
    pub configs: Vec<FileMount>,

    /// What must be there first.
    pub depends_on: BTreeMap<ServiceName, Dependency>,
    /// How its health is known.
    pub healthcheck: Option<Healthcheck>,
    /// When the engine restarts it.
    pub restart: RestartPolicy,
    /// After the start.
    pub post_start: Vec<Hook>,
    /// Before the stop.
    pub pre_stop: Vec<Hook>,
    /// Whether `up` shows its log; true unless `attach: false`.
    pub attach: bool,
    /// Where its output goes.
    pub logging: Option<Logging>,

    /// Limits and devices.
    pub resources: Resources,
    /// Size of /dev/shm in bytes.
    pub shm_size: Option<super::ByteSize>,
    /// Limits of its processes.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// Capabilities to add.
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// All capabilities and devices.
    pub privileged: bool,
    /// Root file system not writable.
    pub read_only: bool,
    /// As written.
    pub security_opt: Vec<String>,
    /// `host`, `private`.
    pub cgroup: Option<String>,
    /// Parent group.
    pub cgroup_parent: Option<String>,
    /// `host`, `service:NAME`, `container:NAME`, `shareable`, …
    pub ipc: Option<String>,
    /// `host`, `service:NAME`, `container:NAME`.
    pub pid: Option<String>,
    /// `host`.
    pub uts: Option<String>,
    /// `host`.
    pub userns_mode: Option<String>,
    /// OCI runtime.
    pub runtime: Option<String>,
    /// Windows' isolation technology.
    pub isolation: Option<String>,

    /// What a change of its manifests does; `None` when the file doesn't say.
    pub on_change: Option<OnChange>,
    /// `develop.watch`.
    pub watch: Vec<WatchRule>,

    /// Compose's config hash, the value of `com.docker.compose.config-hash` on its containers.
    pub config_hash: ConfigHash,
}

impl Service {
    /// The image its containers run: as written, or PROJECT-SERVICE for one that is only built (Compose's rule).
    pub fn image_name(&self, project: &super::ProjectName) -> ImageRef {
        self.image.clone().unwrap_or_else(|| format!("{project}-{}", self.name).into())
    }

    /// The images that are mounted into its containers (`type: image`).
    pub fn mounted_images(&self) -> impl Iterator<Item = ImageRef> {
        self.mounts.iter().filter_map(|mount| match &mount.kind {
            MountKind::Other { kind, source: Some(source), .. } if kind == "image" => Some(source.as_str().into()),
            _ => None,
        })
    }

    /// The name of its container of that number: `container_name`, or PROJECT-SERVICE-NUMBER (Compose's rule).
    pub fn container_name(&self, project: &super::ProjectName, number: u32) -> String {
        self.container_name.clone().unwrap_or_else(|| format!("{project}-{}-{number}", self.name))
    }

    /// A service of this name with nothing said of it.
    pub fn empty(name: ServiceName) -> Self {
        Service {
            name,
            enabled: true,
            profiles: Vec::new(),
            image: None,
            build: None,
            pull_policy: None,
            platform: None,
            command: None,
            entrypoint: None,
            environment: BTreeMap::new(),
            user: None,
            group_add: Vec::new(),
            working_dir: None,
            tty: false,
            stdin_open: false,
            init: None,
            stop_signal: None,
            stop_grace_period: None,
            container_name: None,
            hostname: None,
            domainname: None,
            scale: 1,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            ports: Vec::new(),
            expose: Vec::new(),
            networking: Networking::Networks(Vec::new()),
            links: Vec::new(),
            external_links: Vec::new(),
            extra_hosts: BTreeMap::new(),
            dns: Vec::new(),
            dns_search: Vec::new(),
            dns_opt: Vec::new(),
            mac_address: None,
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            volumes_from: Vec::new(),
            secrets: Vec::new(),
            configs: Vec::new(),
            depends_on: BTreeMap::new(),
            healthcheck: None,
            restart: RestartPolicy::No,
            post_start: Vec::new(),
            pre_stop: Vec::new(),
            attach: true,
            logging: None,
            resources: Resources::default(),
            shm_size: None,
            ulimits: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            storage_opt: BTreeMap::new(),
            cap_add: Vec::new(),
            cap_drop: Vec::new(),
            privileged: false,
            read_only: false,
            security_opt: Vec::new(),
            cgroup: None,
            cgroup_parent: None,
            ipc: None,
            pid: None,
            uts: None,
            userns_mode: None,
            runtime: None,
            isolation: None,
            on_change: None,
            watch: Vec::new(),
            config_hash: ConfigHash::new(),
        }
    }
}
