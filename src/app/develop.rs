//! `develop.watch` in the dashboard: what its task reports, and how the services stand.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::model::{Diagnostic, ServiceName, ServiceSync};

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevelopReport {
    /// The rules are in force for these paths; none of them any more when there are none.
    Watching(Vec<String>),
    /// What is wrong with the rules as they are now.
    Warnings(Vec<Arc<Diagnostic>>),
    /// Files are in the containers of a service, and the rules' commands were run.
    Synced {
        /// Which.
        service: ServiceName,
        /// What was done.
        sync: ServiceSync,
        /// How many of the copies are folders.
        folders: usize,
    },
    /// A service could not be given its files.
    Failed(ServiceName, Arc<Diagnostic>),
    /// A rule wants a service's containers restarted.
    Restart(ServiceName),
    /// Rules want images built anew: of which services, and because of which files.
    Rebuild(BTreeMap<ServiceName, BTreeSet<PathBuf>>),
}

/// How the services stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Develop {
    /// What is followed, as the user wrote it.
    pub watching: Vec<String>,
    /// What is wrong with the rules.
    pub warnings: Vec<Arc<Diagnostic>>,
    /// Services whose last files could not be brought.
    pub failed: BTreeMap<ServiceName, Arc<Diagnostic>>,
}

/// `synced 3 files, removed 1 file, ran reload, restarted`; so many of the copies are folders.
pub fn said(sync: &ServiceSync, folders: usize) -> String {
    let mut parts = Vec::new();
    let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    let copied = sync.files.copies.len().saturating_sub(folders);
    match (copied, folders) {
        (0, 0) => {}
        (0, 1) => parts.push("synced 1 folder".to_owned()),
        (0, folders) => parts.push(format!("synced {folders} folders")),
        (copied, _) => parts.push(format!("synced {}", files(copied))),
    }
    if !sync.files.removals.is_empty() {
        parts.push(format!("removed {}", files(sync.files.removals.len())));
    }
    parts.extend(sync.commands.iter().map(|command| format!("ran {}", command.command.join(" "))));
    if sync.restart {
        parts.push("restarted".to_owned());
    }
    parts.join(", ")
}

/// Paths, relative to the project's folder where they lie in it.
pub fn shown<'p>(folder: &Path, paths: impl IntoIterator<Item = &'p Path>) -> Vec<String> {
    let name = |path: &Path| match path.strip_prefix(folder) {
        Ok(inside) if inside.as_os_str().is_empty() => ".".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => path.display().to_string(),
    };
    paths.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WatchExec;

    #[test]
    fn what_was_done_is_said_in_one_line() {
        let mut sync = ServiceSync::default();
        sync.files.copies.insert("/a".into(), "/b".into());
        sync.files.removals.extend(["/c".to_owned(), "/d".to_owned()]);
        sync.commands
            .push(WatchExec { command: vec!["nginx".into(), "-s".into(), "reload".into()], ..WatchExec::default() });
        assert_eq!(said(&sync, 0), "synced 1 file, removed 2 files, ran nginx -s reload");
        sync.files.removals.clear();
        sync.commands.clear();
        assert_eq!(said(&sync, 1), "synced 1 folder");
        assert_eq!(said(&ServiceSync { restart: true, ..ServiceSync::default() }, 0), "restarted");
    }

    #[test]
    fn paths_are_shown_as_the_user_knows_them() {
        let paths = ["/p", "/p/src", "/q/x"].map(Path::new);
        assert_eq!(shown(Path::new("/p"), paths), [".", "src", "/q/x"]);
    }
}
