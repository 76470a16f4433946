//! Files that changed: follows the manifests of built services, and any other files it is told, and says when their content differs.
//!
//! The only folder that imports notify. `rules` (which raw event matters) and `debounce` (when to look) are pure; `arm` keeps own,
//! non-recursive watches on folders, since editors replace files and a watch on a file dies with it; `task` is the loop.
//!
//! What comes out is a fact about content, never a raw event: saving the same bytes, or A→B→A within one quiet period, is nothing.
//! Nothing is lost silently: a full queue or an overflow of the kernel's means that everything is looked at again, a folder that
//! can't be watched is looked at every two seconds, and both limits and errors come out as events. Idle costs nothing.
//! The helper thread ends with the [`Watcher`]. Whole trees, for `develop.watch`, are [`tree`]'s: [`develop`] has the rules.

mod arm;
mod contents;
mod debounce;
pub mod develop;
pub mod feedback;
mod filesystem;
mod git;
mod limits;
mod pace;
mod rules;
mod task;
pub mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};

use crate::manifest::{Discovered, discover};
use crate::model::{Build, Diagnostic, Project, ServiceName, Sources};

/// How many events wait for whoever reads them; then the watcher waits too and loses nothing, since it compares contents.
const EVENTS: usize = 16;

/// Everything that is to be followed. Setting the same set again does nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WatchSet {
    /// The project's folder; absolute. It may be renamed, removed and made again while it is followed.
    pub directory: PathBuf,
    /// The builds whose manifests are followed: which files those are follows from the Dockerfile, and is looked at again
    /// whenever one of them changes.
    pub builds: BTreeMap<ServiceName, Build>,
    /// Other files whose content matters: compose files, env files. They need not exist.
    pub files: BTreeSet<PathBuf>,
    /// When these files were read. One that was written since has changed, although it is seen for the first time here.
    pub read_at: Option<SystemTime>,
}

impl WatchSet {
    /// The set of a project: its builds, compose files and env files. Files that loading it read or looked for besides
    /// (includes, `env_file`) are for the caller to add.
    pub fn of(project: &Project) -> WatchSet {
        let builds = discover::builds(project).map(|(name, build)| (name.clone(), build.clone())).collect();
        let env = project.directory.join(".env");
        let files = project.files.iter().chain(&project.env_files).cloned().chain([env]).collect();
        WatchSet { directory: project.directory.clone(), builds, files, read_at: None }
    }
}

/// What the watcher says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The manifests as they are now: once for each new set of builds, then whenever their content differs from what was said last.
    Changed {
        /// What they declare.
        sources: Arc<Sources>,
        /// The same with where the builds put dependencies, and why a Dockerfile can't be read.
        discovered: BTreeMap<ServiceName, Arc<Discovered>>,
    },
    /// Files of [`WatchSet::files`] whose content differs from what it was.
    Files {
        /// Which, absolute; gone ones included.
        paths: Vec<PathBuf>,
    },
    /// Something can't be followed as it should: a limit was reached, or a file system reports nothing. Following goes on,
    /// every two seconds where it has to.
    Problem(Diagnostic),
}

/// A running watcher. It ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    wanted: watch::Sender<WatchSet>,
}

impl Watcher {
    /// Starts following. The first event is the state of the manifests as they are.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(set: WatchSet) -> std::io::Result<(Watcher, mpsc::Receiver<Event>)> {
        let (wanted, receiver) = watch::channel(set);
        let (events, stream) = mpsc::channel(EVENTS);
        task::spawn(receiver, events)?;
        Ok((Watcher { wanted }, stream))
    }

    /// Follows this set from now on, and nothing else.
    pub fn set(&self, set: WatchSet) {
        self.wanted.send_if_modified(|current| {
            let differs = *current != set;
            *current = set;
            differs
        });
    }
}
