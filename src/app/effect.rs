//! What `update` asks `runtime` for, as data. An effect that carries a wanted set carries all of it, so repeating one is
//! harmless.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use super::{
    deps::Question,
    job::{Job, JobId},
    log_view::{Export, Scan},
};
use crate::model::{ContainerId, Project, ServiceName, Sources, Timestamp};
use crate::settings::Remembered;

/// What is asked of `runtime`.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Look at the engine: one at a time, once more if asked meanwhile.
    Observe,
    /// Try a lost engine now rather than at the next attempt.
    Reconnect,
    /// Carry a job out.
    Start {
        /// Which.
        job: Box<Job>,
        /// What should exist.
        project: Arc<Project>,
        /// What the manifests declare.
        sources: Arc<Sources>,
    },
    /// End a job; what it began stays in a valid state.
    Cancel(JobId),
    /// Follow the logs of these container starts, and of no others.
    Follow(BTreeSet<Follow>),
    /// Measure these containers, and no others.
    Stats(BTreeSet<ContainerId>),
    /// Watch the manifests of this project, and these files.
    Watch {
        /// The project.
        project: Arc<Project>,
        /// What loading it read or looked for.
        files: Arc<BTreeSet<PathBuf>>,
    },
    /// Ask what the healthcheck of these containers said last.
    Probe(BTreeSet<ContainerId>),
    /// Learn what the packages of a service are: declared, built, installed. One at a time; the last one counts.
    Compare(Box<Question>),
    /// Read the compose files again.
    Load,
    /// Give the terminal to a process in a container.
    Suspend(Session),
    /// Put devbox into the background, as Ctrl-Z does with any program.
    Background,
    /// Text for the clipboard, by OSC 52.
    Copy(String),
    /// An address for the browser.
    Open(String),
    /// A log for a new file in the working folder.
    Save(Box<Export>),
    /// Look through a copy of the log, beside the loop.
    Scan(Box<Scan>),
    /// The mouse for devbox, or for the terminal.
    Mouse(bool),
    /// The palette entries used last, and the closed changes, for the next start.
    Remember(Remembered),
    /// Draw every cell anew.
    Redraw,
    /// Leave.
    Quit(Quit),
}

/// One start of one container whose log is followed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Follow {
    /// The service.
    pub service: ServiceName,
    /// The container's number.
    pub number: u32,
    /// The container.
    pub container: ContainerId,
    /// When its process started; another start is another follower.
    pub started: Option<Timestamp>,
    /// It has a terminal: its log is one raw stream.
    pub tty: bool,
}

/// A process in a container that gets the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Session {
    /// A new shell.
    Shell {
        /// The service, for words.
        service: ServiceName,
        /// In which container.
        container: ContainerId,
    },
    /// The container's own process.
    Attach {
        /// The service, for words.
        service: ServiceName,
        /// Which container.
        container: ContainerId,
        /// It has a terminal.
        tty: bool,
        /// What it wrote last: the question that it waits to be answered, perhaps.
        recent: Vec<String>,
    },
}

/// How devbox ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quit {
    /// The services go on.
    Left,
    /// The services were stopped.
    Stopped,
    /// A signal ended it.
    Signalled,
}
