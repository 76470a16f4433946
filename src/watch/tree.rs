//! Folders followed with everything in them, for `develop.watch`: which files changed, soon after they did.
//!
//! One watch a folder, none in folders that no rule descends to. A file counts as changed when its inode, size, time or mode differs
//! from what was known, so that signs without a change are nothing. New folders are watched, then scanned. After an overflow, and
//! in intervals where the system tells nothing, everything is compared. The helper thread ends with the [`TreeWatcher`].

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::contents::Contents;
use super::develop::{Changes, Rules};
use super::filesystem::silent;
use super::pace::{LOCK_AGE, Pace};
use super::{git, limits};
use crate::model::Diagnostic;

/// How often everything is compared where the system tells nothing.
const POLL: Duration = Duration::from_secs(2);
/// How many signs wait; more mean that everything is compared.
const SIGNS: usize = 16_384;
/// How many events wait for whoever reads them.
const EVENTS: usize = 16;
/// The most files and folders that are followed.
const MAX_ENTRIES: usize = 1_000_000;

/// What the watcher says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeEvent {
    /// Files changed.
    Changed(Changes),
    /// Something can't be followed as it should. Following goes on, by looking.
    Problem(Diagnostic),
}

enum Sign {
    /// Something happened to a path, and whether whoever did it is done.
    Path(PathBuf, bool),
    Lost,
    Stop,
}

/// A running watcher. It ends when this is dropped.
#[derive(Debug)]
pub struct TreeWatcher {
    stop: SyncSender<Sign>,
    stopped: Arc<AtomicBool>,
}

impl Drop for TreeWatcher {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // A full queue wakes the thread anyway, and it sees the flag.
        let _ = self.stop.try_send(Sign::Stop);
    }
}

impl TreeWatcher {
    /// The files and folders that rules are about, as they are now.
    pub fn files(rules: &Rules) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut open: Vec<PathBuf> = rules.roots().into_iter().map(Path::to_owned).collect();
        while let Some(path) = open.pop() {
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if metadata.is_dir() && rules.descends(&path) {
                open.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
            }
            if files.len() < MAX_ENTRIES {
                files.insert(path);
            }
        }
        files
    }

    /// Starts following what the rules are about. When this returns, every later change will be seen.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(rules: Arc<Rules>) -> std::io::Result<(TreeWatcher, mpsc::Receiver<TreeEvent>)> {
        let (signs, arriving) = sync_channel(SIGNS);
        let (events, receiver) = mpsc::channel(EVENTS);
        let (overflow, stopped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let callback = { (signs.clone(), Arc::clone(&overflow)) };
        let watcher = notify::recommended_watcher(move |event| on_event(event, &callback.0, &callback.1));
        let mut tree = Tree::new(rules);
        match watcher {
            Ok(watcher) => tree.watcher = Some(watcher),
            Err(error) => tree.cannot_watch(&error, None),
        }
        tree.scan_roots(&mut Changes::default());
        let flag = Arc::clone(&stopped);
        std::thread::Builder::new()
            .name("devbox-tree".to_owned())
            .spawn(move || tree.run(&arriving, &events, &overflow, &flag))?;
        Ok((TreeWatcher { stop: signs, stopped }, receiver))
    }
}

/// Runs in notify's thread.
fn on_event(event: notify::Result<notify::Event>, signs: &SyncSender<Sign>, overflow: &AtomicBool) {
    let send = |sign| {
        if signs.try_send(sign).is_err() {
            overflow.store(true, Ordering::Release);
        }
    };
    match event {
        Ok(event) if event.need_rescan() => send(Sign::Lost),
        Ok(event) => {
            let reads = matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
            if !reads {
                let over = is_over(event.kind);
                event.paths.into_iter().for_each(|path| send(Sign::Path(path, over)));
            }
        }
        Err(_) => send(Sign::Lost),
    }
}

/// A file was closed after it was written, or has taken its name. What is opened, moved away or removed is perhaps part of more.
fn is_over(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both) | ModifyKind::Metadata(_))
    )
}

/// By which a change is told: inode, size, time of change, mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    time: (i64, i64),
    mode: u32,
    folder: bool,
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let metadata = std::fs::symlink_metadata(path).ok()?;
        let folder = metadata.is_dir();
        // A folder's size and time change with its entries, which tell of themselves.
        let (size, time) =
            if folder { (0, (0, 0)) } else { (metadata.len(), (metadata.mtime(), metadata.mtime_nsec())) };
        Some(Stamp { inode: metadata.ino(), size, time, mode: metadata.mode(), folder })
    }
}

struct Tree {
    rules: Arc<Rules>,
    /// What is followed.
    roots: BTreeSet<PathBuf>,
    /// What files of rebuild rules hold.
    contents: Contents,
    watcher: Option<RecommendedWatcher>,
    known: BTreeMap<PathBuf, Stamp>,
    polls: bool,
    problems: Vec<Diagnostic>,
    full: bool,
}

impl Tree {
    fn new(rules: Arc<Rules>) -> Tree {
        Tree {
            roots: rules.followed(),
            rules,
            contents: Contents::default(),
            watcher: None,
            known: BTreeMap::new(),
            polls: false,
            problems: Vec::new(),
            full: false,
        }
    }

    fn run(
        mut self,
        arriving: &Receiver<Sign>,
        events: &mpsc::Sender<TreeEvent>,
        overflow: &AtomicBool,
        stopped: &AtomicBool,
    ) {
        let mut marks: BTreeSet<PathBuf> = BTreeSet::new();
        let mut everything = false;
        let mut pace = Pace::default();
        loop {
            for problem in std::mem::take(&mut self.problems) {
                if events.blocking_send(TreeEvent::Problem(problem)).is_err() {
                    return;
                }
            }
            let sign = match (pace.due(), self.polls) {
                (Some(due), _) => arriving.recv_timeout(due.saturating_duration_since(Instant::now())),
                (None, true) => arriving.recv_timeout(POLL),
                (None, false) => arriving.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if stopped.load(Ordering::Acquire) || events.is_closed() {
                return;
            }
            match sign {
                Ok(Sign::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Sign::Path(path, over)) => {
                    marks.insert(path);
                    pace.sign(over, Instant::now());
                }
                Ok(Sign::Lost) => {
                    everything = true;
                    pace.sign(false, Instant::now());
                }
                Err(RecvTimeoutError::Timeout) if pace.due().is_some() && self.git_is_at_work() => {
                    pace.postpone(Instant::now());
                }
                Err(RecvTimeoutError::Timeout) => {
                    everything |= overflow.swap(false, Ordering::AcqRel) || pace.due().is_none();
                    pace.clear();
                    let changes = self.look(&std::mem::take(&mut marks), std::mem::take(&mut everything));
                    if !changes.is_empty() && events.blocking_send(TreeEvent::Changed(changes)).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether git changes one of the trees just now.
    fn git_is_at_work(&self) -> bool {
        let locks: BTreeSet<PathBuf> = self.roots.iter().filter_map(|root| git::index_lock(root)).collect();
        locks.iter().any(|lock| git::is_at_work(lock, LOCK_AGE))
    }

    /// Compares what is marked, or everything.
    fn look(&mut self, marks: &BTreeSet<PathBuf>, everything: bool) -> Changes {
        let mut changes = Changes::default();
        if everything {
            self.scan_roots(&mut changes);
            return changes;
        }
        for path in marks {
            if self.is_of_interest(path) {
                self.examine(path, &mut changes);
            }
        }
        changes
    }

    /// Below a root or one itself; a root's parent is watched for the root's sake only.
    fn is_of_interest(&self, path: &Path) -> bool {
        self.roots.contains(path)
            || self.roots.iter().any(|root| path.starts_with(root))
                && path.parent().is_none_or(|folder| self.rules.descends(folder))
    }

    fn scan_roots(&mut self, changes: &mut Changes) {
        for root in self.roots.clone() {
            // A file is watched through its folder, and a folder that is replaced tells only the one above it.
            if let Some(parent) = root.parent().filter(|parent| parent.is_dir()) {
                self.watch(parent);
            }
            let gone: Vec<PathBuf> =
                self.below(&root).filter(|path| path.symlink_metadata().is_err()).cloned().collect();
            for path in gone {
                self.known.remove(&path);
                changes.removed.insert(path);
            }
            self.scan(&root, changes);
        }
    }

    fn below<'t>(&'t self, folder: &'t Path) -> impl Iterator<Item = &'t PathBuf> {
        self.known.range(folder.to_owned()..).map(|(path, _)| path).take_while(move |path| path.starts_with(folder))
    }

    /// Compares one path with what is known of it.
    fn examine(&mut self, path: &Path, changes: &mut Changes) {
        match Stamp::of(path) {
            None => {
                let gone: Vec<PathBuf> = self.below(path).cloned().collect();
                for path in &gone {
                    self.known.remove(path);
                }
                changes.removed.extend(gone);
            }
            Some(stamp) if self.known.get(path) == Some(&stamp) => {}
            Some(_) => {
                // What was a folder and is another one, or none, has lost what was in it.
                let lost: Vec<PathBuf> = self
                    .below(path)
                    .filter(|below| below.as_path() != path && below.symlink_metadata().is_err())
                    .cloned()
                    .collect();
                for path in &lost {
                    self.known.remove(path);
                }
                changes.removed.extend(lost);
                self.scan(path, changes);
            }
        }
    }

    /// Takes in a path with all below it; what is other than known is a change. A folder is watched before it is read, so that
    /// nothing that comes meanwhile is missed.
    fn scan(&mut self, path: &Path, changes: &mut Changes) {
        let Some(stamp) = Stamp::of(path) else { return };
        if self.known.len() >= MAX_ENTRIES && !self.known.contains_key(path) {
            if !std::mem::replace(&mut self.full, true) {
                let what = format!("more than {MAX_ENTRIES} files are to be watched; the rest are not");
                self.problems.push(Diagnostic::warning(what).help("leave folders out with `ignore`"));
            }
            return;
        }
        let before = self.known.insert(path.to_owned(), stamp);
        if before != Some(stamp) {
            changes.changed.insert(path.to_owned());
            if !stamp.folder && self.rules.build_from(path) {
                let mode = before.is_some_and(|before| before.mode == stamp.mode);
                if self.contents.same(path, stamp.size) && mode {
                    changes.same.insert(path.to_owned());
                }
            }
        }
        if !stamp.folder || !self.rules.descends(path) {
            return;
        }
        if before.is_none_or(|before| before.inode != stamp.inode || !before.folder) {
            self.watch(path);
        }
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            self.scan(&entry.path(), changes);
        }
    }

    fn watch(&mut self, folder: &Path) {
        // Changes made on this machine are told there too, so it is watched all the same.
        if let Some(kind) = silent(folder)
            && !std::mem::replace(&mut self.polls, true)
        {
            let what = format!("{kind} reports no changes made elsewhere");
            self.problems.push(Diagnostic::warning(what).note("files there are looked at every two seconds instead"));
        }
        let Some(watcher) = &mut self.watcher else { return };
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
            && folder.is_dir()
        {
            self.cannot_watch(&error, Some(folder));
        }
    }

    /// Told once; from then on everything is looked at.
    fn cannot_watch(&mut self, error: &notify::Error, folder: Option<&Path>) {
        if !std::mem::replace(&mut self.polls, true) {
            self.problems.push(limits::diagnostic(error, folder));
        }
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
