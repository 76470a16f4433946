//! A rule of `develop.watch` (Compose specification, develop).

use std::path::PathBuf;

/// What a change under a rule's path does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchAction {
    /// Copies the changed files into the containers.
    Sync,
    /// Builds the image and recreates the containers.
    Rebuild,
    /// Restarts the containers.
    Restart,
    /// Copies, then restarts.
    SyncRestart,
    /// Copies, then runs a command in the containers.
    SyncExec(WatchExec),
}

/// The command of `sync+exec`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchExec {
    /// Argument vector.
    pub command: Vec<String>,
    /// Who runs it; the container's user when `None`.
    pub user: Option<String>,
    /// With extended privileges.
    pub privileged: bool,
    /// Where.
    pub working_dir: Option<String>,
    /// More environment.
    pub environment: std::collections::BTreeMap<String, Option<String>>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRule {
    /// Absolute path, file or folder.
    pub path: PathBuf,
    /// What to do.
    pub action: WatchAction,
    /// Where it goes inside the container (sync actions).
    pub target: Option<String>,
    /// Patterns, in .dockerignore's form, relative to `path`.
    pub ignore: Vec<String>,
    /// Patterns that a changed file must match, when there are any.
    pub include: Vec<String>,
    /// Copy everything at the start.
    pub initial_sync: bool,
}
