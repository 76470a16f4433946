//! The watches themselves: one a folder, never recursive, made again when the folder was replaced. Folders that can't be watched,
//! or whose file system tells nothing, are looked at in intervals.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch};

use super::filesystem::silent;
use super::limits;
use super::rules::{Happening, Interests, Verdict};
use crate::model::Diagnostic;

/// What reaches the loop from the system: only what matters.
#[derive(Debug)]
pub(super) enum Sign {
    /// A path and what its event means.
    Path(PathBuf, Verdict),
    /// The system lost events, or reports an error: everything may have changed.
    Lost(Option<Diagnostic>),
}

/// The state of a file by which a look tells that it may have changed.
type Stamp = Option<(u64, u64, i64, i64)>;

/// The watches that are held.
pub(super) struct Armed {
    watcher: Option<RecommendedWatcher>,
    held: BTreeSet<PathBuf>,
    /// Folders to look at in intervals.
    polled: BTreeSet<PathBuf>,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// What was told already, each once.
    told: BTreeSet<String>,
    problems: Vec<Diagnostic>,
}

impl Armed {
    /// Starts with no watch. Without inotify everything is looked at in intervals, and that is told.
    pub(super) fn new(
        interests: watch::Receiver<Arc<Interests>>,
        signs: mpsc::Sender<Sign>,
        overflow: Arc<AtomicBool>,
    ) -> Armed {
        let mut armed = Armed {
            watcher: None,
            held: BTreeSet::new(),
            polled: BTreeSet::new(),
            stamps: BTreeMap::new(),
            told: BTreeSet::new(),
            problems: Vec::new(),
        };
        match notify::recommended_watcher(move |event| on_event(event, &interests, &signs, &overflow)) {
            Ok(watcher) => armed.watcher = Some(watcher),
            Err(error) => armed.tell(limits::diagnostic(&error, None)),
        }
        armed
    }

    /// Makes the watches those of `wanted`; `suspects` are made anew even if they are held. Says whether any is new, so that
    /// what happened before it was made can be looked for.
    pub(super) fn arm(&mut self, wanted: &BTreeSet<PathBuf>, suspects: &BTreeSet<PathBuf>) -> bool {
        let gone: Vec<PathBuf> = self
            .held
            .iter()
            .filter(|folder| !wanted.contains(*folder) || suspects.contains(*folder))
            .cloned()
            .collect();
        for folder in gone {
            self.held.remove(&folder);
            if let Some(watcher) = &mut self.watcher {
                // The watch of a folder that is gone is gone with it.
                let _ = watcher.unwatch(&folder);
            }
        }
        self.polled.retain(|folder| wanted.contains(folder));
        let mut new = false;
        for folder in wanted {
            if !self.held.contains(folder) && folder.is_dir() {
                new |= self.watch(folder);
            }
        }
        new
    }

    /// Watches one folder. A folder that can't be watched is polled; one that is gone again is left for its coming.
    fn watch(&mut self, folder: &Path) -> bool {
        if let Some(kind) = silent(folder)
            && self.polled.insert(folder.to_owned())
        {
            let what = format!("{kind} reports no changes made elsewhere");
            self.tell(Diagnostic::warning(what).note("files there are looked at every two seconds instead"));
        }
        let watched = match &mut self.watcher {
            Some(watcher) => watcher.watch(folder, RecursiveMode::NonRecursive),
            None => return self.polled.insert(folder.to_owned()),
        };
        match watched {
            Ok(()) => self.held.insert(folder.to_owned()),
            Err(_) if !folder.is_dir() => false,
            Err(error) => {
                // The folder above the project may well be closed to this user; nothing wanted lies in it.
                let denied = matches!(&error.kind, notify::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied);
                if !denied {
                    self.tell(limits::diagnostic(&error, Some(folder)));
                }
                self.polled.insert(folder.to_owned())
            }
        }
    }

    fn tell(&mut self, problem: Diagnostic) {
        if self.told.insert(problem.what.split(" at ").next().unwrap_or_default().to_owned()) {
            self.problems.push(problem);
        }
    }

    /// What there is to tell since the last time.
    pub(super) fn problems(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.problems)
    }

    /// Whether some folder has to be looked at in intervals.
    pub(super) fn polls(&self) -> bool {
        !self.polled.is_empty()
    }

    /// Looks at the wanted files and listed folders in polled folders; returns those whose state differs from the last look.
    pub(super) fn poll(&mut self, interests: &Interests) -> Vec<PathBuf> {
        let polled = |path: &Path| {
            path.parent().is_some_and(|folder| self.polled.contains(folder)) || self.polled.contains(path)
        };
        let paths: Vec<PathBuf> =
            interests.files().iter().chain(interests.listed()).filter(|path| polled(path)).cloned().collect();
        let mut changed = Vec::new();
        for path in paths {
            let stamp = std::fs::metadata(&path).ok().map(|metadata| stamp(&metadata));
            if self.stamps.get(&path) != Some(&stamp) {
                self.stamps.insert(path.clone(), stamp);
                changed.push(path);
            }
        }
        changed
    }
}

fn stamp(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// Runs in notify's thread: judges an event and passes on what matters. Reading files makes events of its own, which end here.
fn on_event(
    event: notify::Result<notify::Event>,
    interests: &watch::Receiver<Arc<Interests>>,
    signs: &mpsc::Sender<Sign>,
    overflow: &AtomicBool,
) {
    let send = |sign: Sign| {
        // A full queue means that the loop has work; it then looks at everything.
        if signs.try_send(sign).is_err() {
            overflow.store(true, Ordering::Release);
        }
    };
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            return send(Sign::Lost(Some(limits::diagnostic(&error, error.paths.first().map(PathBuf::as_path)))));
        }
    };
    if event.need_rescan() {
        return send(Sign::Lost(None));
    }
    let Some(happening) = happening(&event.kind) else { return };
    let interests = Arc::clone(&interests.borrow());
    for path in event.paths {
        match interests.judge(&path, happening) {
            Verdict::Nothing => {}
            verdict => send(Sign::Path(path, verdict)),
        }
    }
}

fn happening(kind: &EventKind) -> Option<Happening> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Happening::Content),
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Create(_)
        | EventKind::Remove(_)
        | EventKind::Any
        | EventKind::Other => Some(Happening::Presence),
        EventKind::Modify(_) => Some(Happening::Content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::LookedAt;

    /// Without inotify: the system's limit on instances is reached.
    fn unarmed() -> Armed {
        Armed {
            watcher: None,
            held: BTreeSet::new(),
            polled: BTreeSet::new(),
            stamps: BTreeMap::new(),
            told: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn folders_that_cannot_be_watched_are_looked_at() {
        let root = tempfile::tempdir().unwrap();
        let (file, missing) = (root.path().join("a.txt"), root.path().join("b.txt"));
        std::fs::write(&file, "1").unwrap();
        let looked = LookedAt { files: BTreeSet::from([file.clone(), missing.clone()]), ..LookedAt::default() };
        let interests = Interests::new(root.path(), &looked, BTreeMap::new());
        let mut armed = unarmed();
        assert!(armed.arm(interests.watched(), &BTreeSet::new()), "new, so that what is there is read");
        assert!(!armed.arm(interests.watched(), &BTreeSet::new()), "and known from then on");
        assert!(armed.polls());
        assert_eq!(armed.poll(&interests), [file.clone(), missing.clone()], "the first look compares nothing");
        assert!(armed.poll(&interests).is_empty());
        std::fs::write(&file, "22").unwrap();
        assert_eq!(armed.poll(&interests), [file]);
        std::fs::write(&missing, "").unwrap();
        assert_eq!(armed.poll(&interests), [missing]);
        armed.arm(&BTreeSet::new(), &BTreeSet::new());
        assert!(!armed.polls());
    }

    #[test]
    fn a_problem_is_told_once() {
        let mut armed = unarmed();
        armed.tell(Diagnostic::warning("the limit x leaves nothing for watching files at /a"));
        armed.tell(Diagnostic::warning("the limit x leaves nothing for watching files at /b"));
        assert_eq!(armed.problems().len(), 1);
        assert!(armed.problems().is_empty());
    }
}
