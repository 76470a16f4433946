//! Everything that can reach [`update`](super::update::update): one closed enum, so that what happened can be logged,
//! compared and replayed.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crossterm::event::MouseEvent;

use super::{
    changes::ServiceChange,
    deps::{Answer, Question},
    develop::DevelopReport,
    engine_status::EngineName,
    files::Reading,
    job::JobId,
    keymap::Key,
    log_view::Scanned,
    stats::Usage,
};
use crate::{
    execute,
    logs::Batch,
    model::{ContainerId, Diagnostic, ExitInfo, HealthState, Observed, ServiceName, Sources, Timestamp},
};

/// What reaches `update`.
#[derive(Debug, Clone)]
pub enum Message {
    /// The user did something at the terminal.
    Input(Input),
    /// A signal came.
    Signal(Signal),
    /// The moment has come that [`State::wake_at`](super::state::State::wake_at) named.
    Wake,
    /// The engine was reached, lost, looked at, or said something.
    Engine(EngineReport),
    /// The compose files were read again.
    Loaded(Box<Reading>),
    /// The manifests on disk, as they are now.
    Sources(Arc<Sources>),
    /// What every service's image was not built from, as it is now.
    Changes(BTreeMap<ServiceName, ServiceChange>),
    /// What is wrong with Dockerfiles and build contexts, all of it.
    Dockerfiles(Vec<Arc<Diagnostic>>),
    /// What is to be known of services' mounts: one that hides an image's dependencies, one in which files become root's.
    Mounts(Vec<(ServiceName, Arc<Diagnostic>)>),
    /// Something to know that stays true: a log that can't be read, a folder that can't be watched.
    Warned(Arc<Diagnostic>),
    /// These compose or env files have other content than before.
    FilesChanged(Vec<PathBuf>),
    /// What the rules of develop.watch led to.
    Develop(DevelopReport),
    /// A run reports.
    Job(JobId, execute::Event),
    /// Lines of containers.
    Lines(Vec<Batch>),
    /// A search through the log is done.
    Scanned(Box<Scanned>),
    /// What containers use; at most once a second, all of them together.
    Stats(Vec<(ContainerId, Usage)>),
    /// What a container's healthcheck said last.
    Probed(ContainerId, Probe),
    /// What was learned of a service's packages.
    Compared(Box<Question>, Answer),
    /// A shell or an attached process gave the terminal back.
    Returned(Result<(), Arc<Diagnostic>>),
    /// An effect that only has to say how it went: copied, saved, opened.
    Said(Result<String, Arc<Diagnostic>>),
    /// A task panicked: which, and with what.
    Panicked {
        /// What it was doing.
        task: String,
        /// Its message.
        what: String,
    },
}

/// What the user did at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key.
    Key(Key),
    /// Text, pasted as a whole.
    Paste(String),
    /// The mouse.
    Mouse(MouseEvent),
    /// The terminal has this many columns and rows now.
    Resized(u16, u16),
}

/// A signal that asks devbox to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, sent by another process: the terminal's own Ctrl-C is a key.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

/// What is heard of the engine.
#[derive(Debug, Clone)]
pub enum EngineReport {
    /// It answers, for the first time or again.
    Connected(EngineName),
    /// It doesn't; when it is tried again.
    Lost {
        /// What it said.
        why: Arc<Diagnostic>,
        /// The next attempt.
        retry_at: Timestamp,
    },
    /// What exists now.
    Observed(Arc<Observed>),
    /// It answers, and looking failed.
    ObserveFailed(Arc<Diagnostic>),
    /// It says that something happened to a container. A hint to look again, and a line of history.
    Happened(Happened),
}

/// One thing that happened to a container of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// To which.
    pub container: ContainerId,
    /// Of which service.
    pub service: Option<ServiceName>,
    /// What.
    pub what: Happening,
}

/// What can happen to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Its process runs.
    Started,
    /// Its process ended.
    Exited(ExitInfo),
    /// The kernel killed one of its processes for memory.
    OutOfMemory,
    /// Its healthcheck changed its mind.
    Health(HealthState),
    /// Frozen.
    Paused,
    /// Thawed.
    Unpaused,
    /// Anything else: only look again.
    Other,
}

/// What a container's healthcheck said last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probe {
    /// Exit code of the last probe.
    pub exit_code: i64,
    /// Its output.
    pub output: String,
    /// Failures in a row.
    pub failures: u64,
}
