//! The whole state of the dashboard. One owner: the loop. Nothing in here is a handle, a lock or a clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    action::Action,
    age,
    builds::Builds,
    changes::Changes,
    deps::Deps,
    develop::Develop,
    engine_status::EngineStatus,
    files::Files,
    geometry::{Geometry, Wanted},
    history::History,
    job::{JobId, Jobs},
    keymap::Keymap,
    log_view::{self, LogView},
    message::Probe,
    notices::{self, NoticeKey},
    overlay::Overlay,
    progress::JobProgress,
    stats::Stats,
    view::View,
};
use ratatui::layout::Rect;

use crate::{
    logs::LogStore,
    model::{
        ContainerId, ContainerState, Diagnostic, MANIFESTS_LABEL, Observed, ObservedContainer, ObservedImage, OnChange,
        Project, ServiceName, Sources, Timestamp, read_manifests_label,
    },
    plan::Goal,
    settings::Remembered,
};

/// How colours are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// None: NO_COLOR, or a terminal without them.
    None,
    /// The terminal's own sixteen.
    #[default]
    Sixteen,
    /// 24 bits, for named themes.
    True,
}

/// How the dashboard looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appearance {
    /// The theme's name.
    pub theme: String,
    /// What the terminal can show.
    pub colours: Colours,
}

/// What a job could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The job.
    pub job: JobId,
    /// The service that it was about, where it was about one.
    pub service: Option<ServiceName>,
    /// What asks for the same again, where a key does.
    pub again: Option<Action>,
    /// The container of before is back.
    pub rolled_back: bool,
    /// What failed and why.
    pub diagnostic: Arc<Diagnostic>,
}

/// Why devbox leaves when the jobs are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// The job that stops everything.
    pub job: JobId,
}

/// The state.
#[derive(Debug)]
pub struct State {
    /// What should exist.
    pub project: Arc<Project>,
    /// What exists; `None` until the engine was looked at.
    pub observed: Option<Arc<Observed>>,
    /// Containers that restart on their own, and since when; only where the first restart was seen.
    pub loops: BTreeMap<ContainerId, Timestamp>,
    /// What the manifests declare.
    pub sources: Arc<Sources>,
    /// They were read at least once: an image built before would not know what it was built from.
    pub sources_read: bool,
    /// How the connection stands.
    pub engine: EngineStatus,
    /// Why what exists can't be seen although the engine answers.
    pub unseen: Option<Arc<Diagnostic>>,
    /// Changes that wait.
    pub changes: Changes,
    /// What is known of packages.
    pub deps: Deps,
    /// How the rules of develop.watch stand.
    pub develop: Develop,
    /// `--on-change`: what a change does, whatever the file says.
    pub on_change: Option<OnChange>,
    /// What a change does where neither the command line nor the service says.
    pub on_change_default: OnChange,
    /// From how many days on an image is called old.
    pub image_age_days: u32,
    /// Which jobs run and wait.
    pub jobs: Jobs,
    /// How far they are.
    pub progress: BTreeMap<JobId, JobProgress>,
    /// The builds of the session.
    pub builds: Builds,
    /// What happened.
    pub history: History,
    /// What containers use.
    pub stats: Stats,
    /// The containers whose measuring was asked for.
    pub measured: BTreeSet<ContainerId>,
    /// The lines of all services.
    pub logs: LogStore,
    /// The log pane.
    pub log_view: LogView,
    /// What healthchecks said last.
    pub probes: BTreeMap<ContainerId, Probe>,
    /// How the compose files stand.
    pub files: Files,
    /// Things to know that stay true: unreadable settings, a log that can't be read.
    pub warnings: Vec<Arc<Diagnostic>>,
    /// Failures of jobs that were not closed yet.
    pub failures: Vec<Failure>,
    /// Notices that the user closed.
    pub closed: BTreeSet<NoticeKey>,
    /// A word on the last action, and until when it is shown.
    pub said: Option<(String, Timestamp)>,
    /// Where the user is.
    pub view: View,
    /// What lies over the panes.
    pub overlay: Option<Overlay>,
    /// Keys and what they ask for.
    pub keymap: Keymap,
    /// How it looks.
    pub appearance: Appearance,
    /// Palette entries, the most recently used first.
    pub recent: Vec<String>,
    /// Containers that devbox itself stopped: their exit code is no failure.
    pub stopped: BTreeSet<ContainerId>,
    /// What is wrong with Dockerfiles and build contexts as they are now.
    pub dockerfiles: Vec<Arc<Diagnostic>>,
    /// What is to be known of services' mounts.
    pub mounts: Vec<(ServiceName, Arc<Diagnostic>)>,
    /// The zone in which clock times are shown.
    pub zone: jiff::tz::TimeZone,
    /// What to do as soon as the engine answers and the manifests were read.
    pub pending: Option<Goal>,
    /// The last stop before leaving.
    pub leaving: Option<Leaving>,
    /// When Ctrl-C was pressed last.
    pub interrupted: Option<Timestamp>,
    /// The time of the last turn: what ages count from.
    pub now: Timestamp,
    /// Something that is shown changed since the last frame.
    pub dirty: bool,
}

impl State {
    /// The state before anything was heard.
    pub fn new(project: Arc<Project>, now: Timestamp) -> Self {
        let mut log_view = LogView::new(jiff::tz::TimeZone::UTC);
        log_view.set_services(project.services.keys().cloned().collect());
        // As the list has them: those of profiles that are off come last.
        let first = project.enabled().next().or_else(|| project.services.values().next());
        let view = View { cursor: first.map(|service| service.name.clone()), ..View::default() };
        Self {
            files: Files::of(&project),
            project,
            observed: None,
            loops: BTreeMap::new(),
            sources: Arc::default(),
            sources_read: false,
            engine: EngineStatus::default(),
            unseen: None,
            changes: Changes::default(),
            deps: Deps::default(),
            develop: Develop::default(),
            on_change: None,
            on_change_default: OnChange::Ask,
            image_age_days: 30,
            jobs: Jobs::default(),
            progress: BTreeMap::new(),
            builds: Builds::default(),
            history: History::default(),
            stats: Stats::default(),
            measured: BTreeSet::new(),
            logs: LogStore::default(),
            log_view,
            probes: BTreeMap::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
            closed: BTreeSet::new(),
            said: None,
            view,
            overlay: None,
            keymap: Keymap::default(),
            appearance: Appearance::default(),
            recent: Vec::new(),
            stopped: BTreeSet::new(),
            dockerfiles: Vec::new(),
            mounts: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
            pending: None,
            leaving: None,
            interrupted: None,
            now,
            dirty: true,
        }
    }

    /// The areas of a frame.
    pub fn geometry(&self) -> Geometry {
        Geometry::new(self.view.size.0, self.view.size.1, self.wanted())
    }

    /// What decides the areas apart from the size.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            focus: self.view.focus,
            zoomed: self.view.zoomed,
            services: self.project.services.len(),
            notice: !notices::all(self).is_empty(),
        }
    }

    /// Where the rows of the log pane are: below its heading, which stands in the tabs' line where there are no borders.
    pub fn log_area(&self) -> Rect {
        log_view::area(&self.geometry())
    }

    /// The image that a service's containers are made of.
    pub fn image(&self, service: &ServiceName) -> Option<&ObservedImage> {
        let service = self.project.services.get(service)?;
        self.observed.as_ref()?.images.get(&service.image_name(&self.project.name))
    }

    /// A service's image is there.
    pub fn has_image(&self, service: &ServiceName) -> bool {
        self.image(service).is_some()
    }

    /// A service's image is there and doesn't say which manifests it was built from: something else built it.
    pub fn is_image_unknown(&self, service: &ServiceName) -> bool {
        self.image(service).is_some_and(|image| {
            image.labels.get(MANIFESTS_LABEL).is_none_or(|label| read_manifests_label(label).is_none())
        })
    }

    /// The containers of a service, by number; none made by `run`.
    pub fn containers(&self, service: &ServiceName) -> Vec<&ObservedContainer> {
        let all = self.observed.iter().flat_map(|observed| &observed.containers);
        let mut own: Vec<_> = all.filter(|container| container.service == *service && !container.oneoff).collect();
        own.sort_by_key(|container| container.number);
        own
    }

    /// A container of a service that runs, the first one.
    pub fn running_container(&self, service: &ServiceName) -> Option<&ObservedContainer> {
        self.containers(service).into_iter().find(|container| container.state == ContainerState::Running)
    }

    /// Whether the project has no container at all.
    pub fn containers_none(&self) -> bool {
        self.observed.as_ref().is_none_or(|observed| observed.containers.is_empty())
    }

    /// The services that a verb means: those selected, or the one under the cursor.
    pub fn meant(&self) -> BTreeSet<ServiceName> {
        if self.view.selected.is_empty() {
            self.view.cursor.iter().cloned().collect()
        } else {
            self.view.selected.clone()
        }
    }

    /// What is kept for the next start.
    pub fn remembered(&self) -> Remembered {
        let mut closed: BTreeMap<ServiceName, BTreeSet<String>> = BTreeMap::new();
        for key in &self.closed {
            if let NoticeKey::Mount(service, what) = key {
                closed.entry(service.clone()).or_default().insert(what.clone());
            }
        }
        Remembered { ignored: self.changes.ignored.clone(), closed, recent: self.recent.clone() }
    }

    /// Takes over what was kept at the last start.
    pub fn remember(&mut self, remembered: Remembered) {
        self.changes.ignored = remembered.ignored;
        self.recent = remembered.recent;
        for (service, all) in remembered.closed {
            self.closed.extend(all.into_iter().map(|what| NoticeKey::Mount(service.clone(), what)));
        }
    }

    /// What a job does to a service now.
    pub fn doing(&self, service: &ServiceName) -> Option<super::progress::Doing> {
        let running = self.progress.values().find_map(|progress| progress.doing(service));
        let waits = || self.jobs.waiting().any(|job| job.services.contains(service));
        running.or_else(|| waits().then(|| super::progress::Doing::Step("waits for its turn".to_owned(), None)))
    }

    /// When something shown changes by the passing of time alone; `None` when nothing does.
    pub fn wake_at(&self) -> Option<Timestamp> {
        const SECOND: Duration = Duration::from_secs(1);
        let containers = self.observed.iter().flat_map(|observed| &observed.containers);
        let since = containers.filter_map(|container| match container.state {
            ContainerState::Running | ContainerState::Paused => container.started,
            _ => container.finished,
        });
        let ages = since.map(|from| age::changes_at(from, self.now));
        // The clocks of a build move every second, whatever their age.
        let clocks = self.progress.values().map(|progress| {
            let running = self.now.since(progress.started).as_secs();
            progress.started.after(Duration::from_secs(running + 1))
        });
        // All together on the full second: ten containers that are seconds old cost one frame a second and not ten.
        let mut moments: Vec<Timestamp> = ages.chain(clocks).map(full_second).collect();
        moments.extend(self.log_view.wake_at());
        moments.extend(self.said.as_ref().map(|(_, until)| *until));
        if let EngineStatus::Lost { retry_at, .. } = &self.engine {
            moments.push((*retry_at).min(self.now.after(SECOND)));
        }
        moments.into_iter().filter(|moment| *moment > self.now).min()
    }
}

/// The first full second from then on.
fn full_second(time: Timestamp) -> Timestamp {
    const NANOS: i64 = 1_000_000_000;
    Timestamp(time.0.saturating_add(NANOS - 1).div_euclid(NANOS).saturating_mul(NANOS))
}
