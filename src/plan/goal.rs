//! What the user asked for, as data: a verb, the services it means, and its options. Names and meaning of the options
//! are Compose's where Compose has the verb.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{ContainerId, FileOwner, ServiceName, ServiceSync};

/// Which services a verb means.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Selection {
    /// Every service whose profiles are in force.
    #[default]
    All,
    /// These, enabled by being named, whatever their profiles.
    Services(BTreeSet<ServiceName>),
}

impl Selection {
    /// The services named, or all of them when none is.
    pub fn of(names: impl IntoIterator<Item = ServiceName>) -> Self {
        let names: BTreeSet<_> = names.into_iter().collect();
        if names.is_empty() { Selection::All } else { Selection::Services(names) }
    }

    /// Whether a service is named; all of them are when none is.
    pub fn names(&self, service: &ServiceName) -> bool {
        match self {
            Selection::All => true,
            Selection::Services(names) => names.contains(service),
        }
    }

    /// Both selections in one.
    #[must_use]
    pub fn union(&self, other: &Selection) -> Selection {
        match (self, other) {
            (Selection::Services(a), Selection::Services(b)) => Selection::Services(a.union(b).cloned().collect()),
            _ => Selection::All,
        }
    }
}

/// When containers are made anew although they match, or kept although they don't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Recreate {
    /// Those that diverged.
    #[default]
    Diverged,
    /// `--force-recreate`: all that were selected.
    Force,
    /// `--no-recreate`: none.
    Never,
}

/// When images are built by `up`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BuildWhen {
    /// Those that are not there.
    #[default]
    Missing,
    /// `--build`: all of them.
    Always,
    /// Those whose manifests changed since, and those that are not there (`on_change: rebuild`).
    Stale,
    /// `--no-build`: none.
    Never,
}

/// `--pull` of `up`, which overrides every service's `pull_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PullWhen {
    /// Each time.
    Always,
    /// Those that are not there.
    Missing,
    /// None.
    Never,
}

/// Options of `up`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpOptions {
    /// `--build`, `--no-build`.
    pub build: BuildWhen,
    /// `--pull`; `None` leaves it to each service's `pull_policy`.
    pub pull: Option<PullWhen>,
    /// `--no-deps`: dependencies are neither started nor waited for.
    pub no_deps: bool,
    /// `--force-recreate`, `--no-recreate`.
    pub recreate: Recreate,
    /// `--always-recreate-deps`: dependencies are forced too.
    pub always_recreate_deps: bool,
    /// `-V`, `--renew-anon-volumes`.
    pub renew_anonymous_volumes: bool,
    /// `--remove-orphans`.
    pub remove_orphans: bool,
    /// `--scale SERVICE=N`.
    pub scale: BTreeMap<ServiceName, u32>,
    /// `-t`: how long a stop may take; `None` is each service's own grace period.
    pub timeout: Option<Duration>,
    /// `--no-start`: containers are made and left alone.
    pub no_start: bool,
    /// `--wait`: done only when everything runs or is healthy.
    pub wait: bool,
    /// `--wait-timeout`.
    pub wait_timeout: Option<Duration>,
    /// Keep a replaced container, stopped, until the new one has proved itself, and bring it back otherwise.
    pub guarded: bool,
}

/// Options of `down`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownOptions {
    /// `-v`: named volumes of the project and anonymous ones are removed, with their data.
    pub volumes: bool,
    /// `--rmi`.
    pub images: Option<RemoveImages>,
    /// `--remove-orphans`.
    pub remove_orphans: bool,
    /// `-t`.
    pub timeout: Option<Duration>,
}

/// `--rmi` of `down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemoveImages {
    /// Those that the project's services use.
    All,
    /// Those without a name of their own in the compose file.
    Local,
}

/// Options of `rm`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoveOptions {
    /// `-s`: stop them first.
    pub stop: bool,
    /// `-v`: anonymous volumes too.
    pub volumes: bool,
    /// How long a stop may take.
    pub timeout: Option<Duration>,
}

/// Options of `build`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// `--pull`: look for newer base images.
    pub pull: bool,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--build-arg`; `None` takes the value from devbox's environment, which the caller has looked up.
    pub args: BTreeMap<String, Option<String>>,
    /// `--with-dependencies`: images of dependencies too.
    pub with_dependencies: bool,
}

/// Options of `pull`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullOptions {
    /// `--ignore-pull-failures`.
    pub ignore_failures: bool,
    /// `--include-deps`.
    pub include_dependencies: bool,
    /// `--ignore-buildable`: not those that can be built.
    pub ignore_buildable: bool,
    /// `--policy missing`: only those that are not there.
    pub only_missing: bool,
}

/// Options of `rebuild`, devbox's own: build, and replace what the new image concerns, guarded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildOptions {
    /// Which images.
    pub what: RebuildWhat,
    /// Pull base images and build every step anew (key `F`).
    pub fresh: bool,
    /// How long a stop may take.
    pub timeout: Option<Duration>,
}

/// Which images a rebuild builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RebuildWhat {
    /// Those of the selected services whose manifests changed.
    #[default]
    Changed,
    /// Those of all selected services.
    Selected,
}

/// Options of `run`: one container beside those of `up`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// Overrides the service's command, when it isn't empty.
    pub command: Vec<String>,
    /// `--entrypoint`; an empty one clears it.
    pub entrypoint: Option<Vec<String>>,
    /// `--name`; `None` is PROJECT-SERVICE-run-SLUG.
    pub name: Option<String>,
    /// What makes the name unique: twelve hexadecimal digits, chosen by the caller since planning is pure.
    pub slug: String,
    /// `-e`.
    pub environment: BTreeMap<String, Option<String>>,
    /// `-u`.
    pub user: Option<String>,
    /// `-w`.
    pub working_dir: Option<String>,
    /// `-l`.
    pub labels: BTreeMap<String, String>,
    /// A terminal; false with `-T` or without one.
    pub tty: bool,
    /// Standard input stays open; false with `-d` or `-i=false`.
    pub stdin_open: bool,
    /// `--rm`.
    pub remove: bool,
    /// `--service-ports`: publish the service's ports; otherwise none.
    pub service_ports: bool,
    /// `--use-aliases`.
    pub use_aliases: bool,
    /// `--no-deps`.
    pub no_deps: bool,
    /// `--build`.
    pub build: bool,
    /// `--pull`.
    pub pull: Option<PullWhen>,
    /// `-d`: started at once. Otherwise the caller attaches to the container before it starts it.
    pub detach: bool,
}

/// Options of a sync.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncOptions {
    /// By service.
    pub services: BTreeMap<ServiceName, ServiceSync>,
    /// Whom files belong to, of the containers of which that is known already.
    pub owners: BTreeMap<ContainerId, FileOwner>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Make containers match the file and run.
    Up(UpOptions),
    /// Stop and remove containers and networks. A selection leaves the networks.
    Down(DownOptions),
    /// Start containers that are there.
    Start {
        /// `--wait`.
        wait: bool,
        /// `--wait-timeout`.
        wait_timeout: Option<Duration>,
    },
    /// Stop them, dependents first.
    Stop {
        /// `-t`.
        timeout: Option<Duration>,
    },
    /// Stop and start them, and those whose `depends_on` says `restart: true`.
    Restart {
        /// `-t`.
        timeout: Option<Duration>,
        /// `--no-deps`.
        no_deps: bool,
    },
    /// Send them a signal.
    Kill {
        /// `-s`; `SIGKILL` unless said otherwise.
        signal: String,
        /// `--remove-orphans`.
        remove_orphans: bool,
    },
    /// Remove those that are stopped.
    Remove(RemoveOptions),
    /// Freeze.
    Pause,
    /// Thaw.
    Unpause,
    /// Build images, containers are left alone.
    Build(BuildOptions),
    /// Pull images.
    Pull(PullOptions),
    /// Build images and replace the containers that run old ones.
    Rebuild(RebuildOptions),
    /// Make a one-off container of the one service selected.
    Run(RunOptions),
    /// Bring files of the host into the containers that run (`develop.watch`).
    Sync(SyncOptions),
}

impl Verb {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Up(_) => "up",
            Verb::Down(_) => "down",
            Verb::Start { .. } => "start",
            Verb::Stop { .. } => "stop",
            Verb::Restart { .. } => "restart",
            Verb::Kill { .. } => "kill",
            Verb::Remove(_) => "rm",
            Verb::Pause => "pause",
            Verb::Unpause => "unpause",
            Verb::Build(_) => "build",
            Verb::Pull(_) => "pull",
            Verb::Rebuild(_) => "rebuild",
            Verb::Run(_) => "run",
            Verb::Sync(_) => "sync",
        }
    }

    /// Whether containers are to be made, changed or removed; otherwise images are all that it is about.
    pub fn is_about_containers(&self) -> bool {
        !matches!(self, Verb::Build(_) | Verb::Pull(_))
    }
}

/// A verb and the services it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// What.
    pub verb: Verb,
    /// For which services.
    pub selection: Selection,
}

impl Goal {
    /// A goal for those services.
    pub fn new(verb: Verb, selection: Selection) -> Self {
        Self { verb, selection }
    }

    /// `up` of everything, as `devbox up` without flags.
    pub fn up() -> Self {
        Self::new(Verb::Up(UpOptions::default()), Selection::All)
    }
}
