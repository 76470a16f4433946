//! The loop: signs come in, contents are compared after a quiet period, and what differs goes out. One thread of its own, since reading
//! files blocks; it ends when the wanted set's sender or the events' receiver is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::arm::{Armed, Sign};
use super::debounce::Debounce;
use super::rules::{Interests, Verdict};
use super::{Event, WatchSet, git};
use crate::manifest::{Discovered, LookedAt, Reader, discover, discover_all, fingerprint};
use crate::model::{Digest, ServiceName};

/// How many signs wait for the loop. More than these mean that everything is looked at.
const SIGNS: usize = 4096;

/// How often folders that report nothing are looked at.
const POLL: Duration = Duration::from_secs(2);

/// How often discovery is repeated because it led to folders that weren't watched yet.
const ROUNDS: usize = 4;

/// The receiver of the events is gone.
struct Closed;

pub(super) fn spawn(wanted: watch::Receiver<WatchSet>, events: mpsc::Sender<Event>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("devbox-watch".to_owned()).spawn(move || {
        // Both ends closing is the way it ends.
        let _ = runtime.block_on(run(wanted, events));
    })?;
    Ok(())
}

async fn run(mut wanted: watch::Receiver<WatchSet>, events: mpsc::Sender<Event>) -> Result<(), Closed> {
    let (signs, mut arriving) = mpsc::channel(SIGNS);
    let overflow = Arc::new(AtomicBool::new(false));
    let (published, interests) = watch::channel(Arc::new(Interests::default()));
    let armed = Armed::new(interests, signs, Arc::clone(&overflow));
    let set = wanted.borrow_and_update().clone();
    let mut task = Task { events, published, overflow, armed, marks: Marks::default(), state: State::new(set) };
    task.look(true).await?;
    let mut debounce = Debounce::default();
    let mut postponed: Option<std::time::Instant> = None;
    let mut poll_at = Instant::now() + POLL;
    loop {
        let deadline = postponed.or_else(|| debounce.deadline()).map(Instant::from_std);
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let set = wanted.borrow_and_update().clone();
                task.state.replace(set);
                task.marks.everything = true;
                (debounce, postponed) = (Debounce::default(), None);
                task.look(true).await?;
            }
            () = task.events.closed() => return Ok(()),
            Some(sign) = arriving.recv() => {
                task.mark(sign).await?;
                while let Ok(sign) = arriving.try_recv() {
                    task.mark(sign).await?;
                }
                debounce.sign(std::time::Instant::now());
            }
            () = sleep_until(deadline) => {
                let now = std::time::Instant::now();
                postponed = debounce.postponed(now).filter(|_| task.state.git_is_writing());
                if postponed.is_none() {
                    debounce.clear();
                    task.look(false).await?;
                }
            }
            () = tokio::time::sleep_until(poll_at), if task.armed.polls() => {
                let interests = Arc::clone(&task.published.borrow());
                let changed = task.armed.poll(&interests);
                if !changed.is_empty() {
                    task.marks.files.extend(changed);
                    debounce.sign(std::time::Instant::now());
                }
                poll_at = Instant::now() + POLL;
            }
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What the signs since the last look say.
#[derive(Default)]
struct Marks {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    everything: bool,
}

/// What was read and said last.
struct State {
    set: WatchSet,
    reader: Reader,
    discovered: BTreeMap<ServiceName, Arc<Discovered>>,
    files: BTreeMap<PathBuf, Option<Digest>>,
    git_lock: Option<PathBuf>,
    /// The manifests of this set were said at least once.
    said: bool,
}

impl State {
    fn new(set: WatchSet) -> State {
        let git_lock = git::index_lock(&set.directory);
        State { set, reader: Reader::new(), discovered: BTreeMap::new(), files: BTreeMap::new(), git_lock, said: false }
    }

    /// Takes another set; what is known of files that stay is kept, so that they aren't said to have changed.
    fn replace(&mut self, set: WatchSet) {
        self.git_lock = git::index_lock(&set.directory);
        self.said &= self.set.builds == set.builds;
        self.files.retain(|path, _| set.files.contains(path));
        self.set = set;
    }

    fn git_is_writing(&self) -> bool {
        self.git_lock.as_ref().is_some_and(|lock| lock.exists())
    }

    /// Everything that was looked at for the present state.
    fn looked_at(&self) -> LookedAt {
        let mut looked = LookedAt { files: self.set.files.clone(), ..LookedAt::default() };
        self.discovered.values().for_each(|discovered| looked.extend(&discovered.looked_at));
        looked
    }
}

struct Task {
    events: mpsc::Sender<Event>,
    published: watch::Sender<Arc<Interests>>,
    overflow: Arc<AtomicBool>,
    armed: Armed,
    marks: Marks,
    state: State,
}

impl Task {
    async fn say(&self, event: Event) -> Result<(), Closed> {
        self.events.send(event).await.map_err(|_| Closed)
    }

    async fn mark(&mut self, sign: Sign) -> Result<(), Closed> {
        match sign {
            Sign::Path(path, Verdict::File) => {
                let wanted = self.published.borrow().wanted(&path).to_owned();
                self.marks.files.insert(wanted);
            }
            Sign::Path(path, Verdict::Folder) => {
                self.marks.folders.insert(path);
            }
            Sign::Path(_, Verdict::Listing | Verdict::Nothing) => {}
            Sign::Lost(problem) => {
                self.marks.everything = true;
                if let Some(problem) = problem {
                    self.say(Event::Problem(problem)).await?;
                }
            }
        }
        Ok(())
    }

    /// Looks at what is marked and says what differs. `first` compares nothing that this set hasn't said yet.
    async fn look(&mut self, first: bool) -> Result<(), Closed> {
        let marks = std::mem::take(&mut self.marks);
        let everything = first || marks.everything || self.overflow.swap(false, Ordering::AcqRel);
        // A folder that came or went takes all that lies in it along.
        let suspects: BTreeSet<PathBuf> = self
            .published
            .borrow()
            .watched()
            .iter()
            .filter(|watched| everything && !first || marks.folders.iter().any(|folder| watched.starts_with(folder)))
            .cloned()
            .collect();
        if everything || !suspects.is_empty() {
            self.state.reader.forget_all();
        }
        marks.files.iter().for_each(|file| self.state.reader.forget(file));
        let before = std::mem::take(&mut self.state.discovered);
        self.discover(suspects);
        self.say_files(&marks.files, everything || !marks.folders.is_empty()).await?;
        let said = |discovered: &BTreeMap<ServiceName, Arc<Discovered>>| -> Vec<_> {
            discovered
                .iter()
                .map(|(name, found)| (name.clone(), found.sources.clone(), found.problem.clone()))
                .collect()
        };
        if !self.state.said || said(&before) != said(&self.state.discovered) {
            self.state.said = true;
            let sources = Arc::new(discover::sources(&self.state.discovered));
            self.say(Event::Changed { sources, discovered: self.state.discovered.clone() }).await?;
        }
        for problem in self.armed.problems() {
            self.say(Event::Problem(problem)).await?;
        }
        Ok(())
    }

    /// Discovers and watches, again while that leads to folders that were not watched when they were read.
    fn discover(&mut self, mut suspects: BTreeSet<PathBuf>) {
        for _ in 0..ROUNDS {
            self.state.discovered = discover_all(&self.state.set.builds, &mut self.state.reader);
            let looked = self.state.looked_at();
            let targets = looked.files.iter().filter_map(|file| link_target(file)).collect();
            let interests = Arc::new(Interests::new(&self.state.set.directory, &looked, targets));
            self.published.send_replace(Arc::clone(&interests));
            if !self.armed.arm(interests.watched(), &suspects) {
                break;
            }
            suspects.clear();
            self.state.reader.forget_all();
        }
    }

    /// Compares the other files; those seen for the first time are remembered, and said if they were written after they were read.
    async fn say_files(&mut self, marked: &BTreeSet<PathBuf>, all: bool) -> Result<(), Closed> {
        let mut changed = Vec::new();
        for path in &self.state.set.files {
            let known = self.state.files.get(path);
            if known.is_some() && !all && !marked.contains(path) {
                continue;
            }
            // A file that can't be read just now keeps its last content; whoever needs it will say why.
            let Ok(content) = fingerprint::read(path) else { continue };
            let digest = content.map(|content| content.digest);
            let differs = match known {
                Some(known) => *known != digest,
                None => self.state.set.read_at.is_some_and(|read_at| is_newer(path, read_at)),
            };
            if differs {
                changed.push(path.clone());
            }
            self.state.files.insert(path.clone(), digest);
        }
        if changed.is_empty() { Ok(()) } else { self.say(Event::Files { paths: changed }).await }
    }
}

/// Whether a file was written after a moment. The clock of file systems lags by a tick of the kernel's, so that a file written just
/// before counts too.
fn is_newer(path: &Path, moment: SystemTime) -> bool {
    const TICK: Duration = Duration::from_millis(10);
    let written = path.metadata().and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| moment.checked_sub(TICK).is_some_and(|moment| written >= moment))
}

/// Where a wanted file that is a symbolic link leads, and the file itself.
fn link_target(file: &Path) -> Option<(PathBuf, PathBuf)> {
    let is_link = file.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let target = is_link.then(|| std::fs::canonicalize(file).ok()).flatten()?;
    Some((target, file.to_owned()))
}
