//! A rule of `develop.watch` (Compose specification, develop), and what it makes of changed files.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

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
    pub environment: BTreeMap<String, Option<String>>,
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

/// Files to bring into a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncedFiles {
    /// Absolute path in the container → file or folder of the host.
    pub copies: BTreeMap<String, PathBuf>,
    /// Absolute paths in the container that are taken out, with all below them.
    pub removals: BTreeSet<String>,
}

impl SyncedFiles {
    /// Adds what changed later: the last state of each file counts.
    pub fn extend(&mut self, later: &SyncedFiles) {
        self.copies.retain(|path, _| !later.removals.contains(path));
        self.removals.retain(|path| !later.copies.contains_key(path));
        self.copies.extend(later.copies.clone());
        self.removals.extend(later.removals.iter().cloned());
    }
}

/// The user and group, by number, whom files in a container belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileOwner {
    /// User.
    pub user: u64,
    /// Group.
    pub group: u64,
}

/// What changed files mean for a service's containers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSync {
    /// What is copied and taken out.
    pub files: SyncedFiles,
    /// Commands that run in the container afterwards.
    pub commands: Vec<WatchExec>,
    /// The containers are restarted afterwards.
    pub restart: bool,
}

impl ServiceSync {
    /// Adds what changed later: the last state of each file counts.
    pub fn extend(&mut self, later: &ServiceSync) {
        self.files.extend(&later.files);
        for command in &later.commands {
            if !self.commands.contains(command) {
                self.commands.push(command.clone());
            }
        }
        self.restart |= later.restart;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_state_of_a_file_counts() {
        let sync = |copies: &[&str], removals: &[&str]| {
            let mut sync = ServiceSync::default();
            sync.files.copies = copies.iter().map(|path| ((*path).to_owned(), PathBuf::from(path))).collect();
            sync.files.removals = removals.iter().map(|path| (*path).to_owned()).collect();
            sync
        };
        let mut all = sync(&["/a", "/b"], &["/c"]);
        all.extend(&sync(&["/c"], &["/a"]));
        assert_eq!(all, sync(&["/b", "/c"], &["/a"]));
    }
}
