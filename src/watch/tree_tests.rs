//! The loop with signs of the test's own making: faults that a real system seldom has.

use std::sync::mpsc::Sender;

use super::*;
use crate::model::{Service, ServiceName, WatchAction, WatchRule};

/// A tree that no system tells anything, and the ends of its queues.
struct Followed {
    root: tempfile::TempDir,
    signs: SyncSender<Sign>,
    overflow: Arc<AtomicBool>,
    events: mpsc::Receiver<TreeEvent>,
    ended: Receiver<()>,
}

fn rules(root: &Path, action: WatchAction) -> Arc<Rules> {
    let mut web = Service::empty(ServiceName::new("web").unwrap());
    web.watch = vec![WatchRule {
        path: root.to_owned(),
        action,
        target: Some("/app".into()),
        ignore: Vec::new(),
        include: Vec::new(),
        initial_sync: false,
    }];
    Arc::new(Rules::of([&web]).unwrap().0)
}

impl Followed {
    fn new(action: WatchAction, files: &[&str]) -> Followed {
        let root = tempfile::tempdir().unwrap();
        files.iter().for_each(|name| std::fs::write(root.path().join(name), "1").unwrap());
        let rules = rules(root.path(), action);
        let (signs, arriving) = sync_channel(SIGNS);
        let (sender, events) = mpsc::channel(EVENTS);
        let overflow = Arc::new(AtomicBool::new(false));
        let mut tree = Tree::new(rules);
        tree.scan_roots(&mut Changes::default());
        let (flag, stopped) = (Arc::clone(&overflow), AtomicBool::new(false));
        let (end, ended): (Sender<()>, _) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            tree.run(&arriving, &sender, &flag, &stopped);
            drop(end);
        });
        Followed { root, signs, overflow, events, ended }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root.path().join(name), text).unwrap();
    }

    fn sign(&self, name: &str) {
        self.signs.send(Sign::Path(self.root.path().join(name), true)).unwrap();
    }

    /// What changed, as `+ a  - b  = c`.
    #[track_caller]
    fn says(&mut self, expected: &str) {
        let Some(TreeEvent::Changed(changes)) = self.events.blocking_recv() else { panic!("no change") };
        let names = |sign: &str, paths: &BTreeSet<PathBuf>| {
            let name = |path: &PathBuf| format!("{sign} {}", path.strip_prefix(self.root.path()).unwrap().display());
            paths.iter().map(name).collect::<Vec<_>>()
        };
        let new: BTreeSet<PathBuf> = changes.changed.difference(&changes.same).cloned().collect();
        let shown = [names("+", &new), names("-", &changes.removed), names("=", &changes.same)].concat();
        assert_eq!(shown.join("  "), expected);
    }
}

#[test]
fn after_lost_signs_everything_is_compared() {
    let mut tree = Followed::new(WatchAction::Sync, &["a", "b", "c"]);
    tree.write("a", "22");
    std::fs::remove_file(tree.root.path().join("b")).unwrap();
    tree.write("d", "");
    tree.signs.send(Sign::Lost).unwrap();
    tree.says("+ a  + d  - b");
    // A queue that was full: the sign that came through is about something else.
    tree.write("c", "333");
    tree.overflow.store(true, Ordering::Release);
    tree.sign("a");
    tree.says("+ c");
}

#[test]
fn signs_without_a_change_are_nothing() {
    let mut tree = Followed::new(WatchAction::Sync, &["a", "b"]);
    tree.sign("a");
    tree.sign("../elsewhere");
    tree.write("b", "22");
    tree.sign("b");
    tree.says("+ b");
}

#[test]
fn the_same_bytes_of_a_rebuild_rule_are_told_apart() {
    let mut tree = Followed::new(WatchAction::Rebuild, &["a"]);
    let old = std::fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    let touch = |tree: &Followed| {
        std::fs::File::options().write(true).open(tree.root.path().join("a")).unwrap().set_times(old).unwrap();
    };
    touch(&tree);
    tree.sign("a");
    tree.says("= a");
    tree.write("a", "2");
    tree.sign("a");
    tree.says("+ a");
    tree.write("a", "1");
    touch(&tree);
    tree.sign("a");
    tree.says("+ a");
}

#[test]
fn git_at_work_is_waited_for() {
    let mut tree = Followed::new(WatchAction::Sync, &[]);
    std::fs::create_dir(tree.root.path().join(".git")).unwrap();
    tree.write(".git/index.lock", "");
    for name in ["a", "b", "c"] {
        tree.write(name, "1");
        tree.sign(name);
        // Longer than the quiet period: without the lock each would be told by itself.
        std::thread::park_timeout(3 * Duration::from_millis(10));
    }
    std::fs::remove_file(tree.root.path().join(".git/index.lock")).unwrap();
    tree.says("+ a  + b  + c");
}

#[test]
fn it_ends_when_nobody_listens() {
    let tree = Followed::new(WatchAction::Sync, &["a"]);
    let Followed { signs, events, ended, root, .. } = tree;
    drop(events);
    signs.send(Sign::Path(root.path().join("a"), true)).unwrap();
    assert!(ended.recv().is_err());
}
