//! The watcher on real files, with the ways in which editors and git write them. Each wait has a deadline and none is a sleep.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use devbox::manifest::diff;
use devbox::model::{Build, Manifest, ManifestKind, ServiceName, Sources};
use devbox::watch::{Event, WatchSet, Watcher};
use tokio::sync::mpsc::Receiver;

/// How long an event may take that is certain to come. Far more than it needs, since the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(20);

const DOCKERFILE: &str = "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt ./\nCOPY requirements/ requirements/\nRUN pip install -r requirements.txt\nCOPY . .\n";

struct Followed {
    root: tempfile::TempDir,
    set: WatchSet,
    watcher: Watcher,
    events: Receiver<Event>,
    /// The state that was said last.
    sources: Sources,
}

impl Followed {
    /// A project in the sub-folder `shop`, followed; its first state has arrived.
    fn new() -> Followed {
        let root = tempfile::tempdir().unwrap();
        let shop = root.path().join("shop");
        fs::create_dir_all(shop.join("requirements")).unwrap();
        fs::write(shop.join("Dockerfile"), DOCKERFILE).unwrap();
        fs::write(shop.join("requirements.txt"), "-r requirements/base.txt\nredis==5.0.0\n").unwrap();
        fs::write(shop.join("requirements/base.txt"), "django==5.1.2\n").unwrap();
        fs::write(shop.join("docker-compose.yaml"), "services: {}\n").unwrap();
        fs::write(shop.join("app.py"), "").unwrap();
        let set = WatchSet {
            builds: BTreeMap::from([(ServiceName::new("web").unwrap(), build(&shop))]),
            files: BTreeSet::from([shop.join("docker-compose.yaml"), shop.join(".env")]),
            directory: shop,
            read_at: None,
        };
        Followed::with(root, set)
    }

    fn with(root: tempfile::TempDir, set: WatchSet) -> Followed {
        let (watcher, events) = Watcher::start(set.clone()).unwrap();
        let mut followed = Followed { root, set, watcher, events, sources: Sources::default() };
        followed.changed("the first state");
        followed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("shop").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Waits for the next event.
    #[track_caller]
    fn next(&mut self, what: &str) -> Event {
        let waited = runtime().block_on(async { tokio::time::timeout(DEADLINE, self.events.recv()).await });
        waited
            .unwrap_or_else(|_| panic!("nothing was said: {what}"))
            .unwrap_or_else(|| panic!("the watcher ended: {what}"))
    }

    /// Waits for another state of the manifests and says how it differs from the last: `requirements.txt: + six`.
    #[track_caller]
    fn changed(&mut self, what: &str) -> Vec<String> {
        match self.next(what) {
            Event::Changed { sources, .. } => {
                let shown = differences(&self.sources, &sources);
                self.sources = (*sources).clone();
                shown
            }
            other => panic!("{what}: {other:?}"),
        }
    }

    /// The states until the manifests declare what is expected, for what an editor does in steps.
    #[track_caller]
    fn settles(&mut self, what: &str, expected: &[&str]) {
        let before = self.sources.clone();
        let end = Instant::now() + DEADLINE;
        while differences(&before, &self.sources) != expected {
            assert!(Instant::now() < end, "{what}: {:?}", differences(&before, &self.sources));
            self.changed(what);
        }
    }

    /// Proves that nothing was said about what was done before: a change of another file is the next event.
    #[track_caller]
    fn nothing_was_said(&mut self, what: &str) {
        let length = fs::read_to_string(self.path(".env")).map_or(0, |text| text.len());
        // In one step, so that it can't be seen half-written and told twice.
        self.write("env.tmp", &"A=1\n".repeat(length + 1));
        fs::rename(self.path("env.tmp"), self.path(".env")).unwrap();
        match self.next(what) {
            Event::Files { paths } => assert_eq!(paths, [self.path(".env")], "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn build(context: &Path) -> Build {
    Build::new(context.to_string_lossy())
}

fn differences(old: &Sources, new: &Sources) -> Vec<String> {
    let mut shown = Vec::new();
    for (service, now) in &new.services {
        let before = old.services.get(service).cloned().unwrap_or_default();
        let mut names: BTreeSet<&str> = now.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        names.extend(before.manifests.iter().map(|manifest| manifest.name.as_str()));
        for name in names {
            let find = |manifests: &[Manifest]| manifests.iter().find(|manifest| manifest.name == name).cloned();
            let change = match (find(&before.manifests), find(&now.manifests)) {
                (Some(old), Some(new)) => diff::manifests(&old, &new).map(|change| change.to_string()),
                (None, Some(_)) => Some("new".to_owned()),
                (Some(_), None) => Some("gone".to_owned()),
                (None, None) => None,
            };
            shown.extend(change.map(|change| format!("{name}: {change}")));
        }
    }
    shown
}

#[test]
fn the_first_state_and_a_plain_save() {
    let mut followed = Followed::new();
    let names: Vec<&str> = followed
        .sources
        .services
        .values()
        .flat_map(|service| &service.manifests)
        .map(|manifest| manifest.name.as_str())
        .collect();
    assert_eq!(names, ["Dockerfile", "requirements/base.txt", "requirements.txt"]);
    followed.write("requirements/base.txt", "django==5.1.3\n");
    followed.settles("a plain save", &["requirements/base.txt: ~ django 5.1.2 → 5.1.3"]);
}

#[test]
fn the_ways_in_which_editors_save() {
    let mut followed = Followed::new();
    let file = followed.path("requirements.txt");
    let text = |version: u32| format!("-r requirements/base.txt\nredis==5.0.{version}\n");
    let expect = |followed: &mut Followed, from: u32, to: u32, how: &str| {
        followed.settles(how, &[&format!("requirements.txt: ~ redis 5.0.{from} → 5.0.{to}")]);
    };

    // vim: the old file becomes the backup, a new one is written in its place, the backup goes.
    fs::rename(&file, followed.path("requirements.txt~")).unwrap();
    fs::write(&file, text(1)).unwrap();
    fs::remove_file(followed.path("requirements.txt~")).unwrap();
    expect(&mut followed, 0, 1, "vim");

    // JetBrains: written beside, the old one moved away, the new one moved in.
    fs::write(followed.path("requirements.txt___jb_tmp___"), text(2)).unwrap();
    fs::rename(&file, followed.path("requirements.txt___jb_old___")).unwrap();
    fs::rename(followed.path("requirements.txt___jb_tmp___"), &file).unwrap();
    fs::remove_file(followed.path("requirements.txt___jb_old___")).unwrap();
    expect(&mut followed, 1, 2, "JetBrains");

    // VS Code: truncated and written in place.
    fs::write(&file, text(3)).unwrap();
    expect(&mut followed, 2, 3, "VS Code");

    // An atomic save: written beside and moved over the old one.
    fs::write(followed.path(".requirements.txt.new"), text(4)).unwrap();
    fs::rename(followed.path(".requirements.txt.new"), &file).unwrap();
    expect(&mut followed, 3, 4, "atomic rename");

    // And once more in place: the watch is still alive after all the replacing.
    fs::write(&file, text(5)).unwrap();
    expect(&mut followed, 4, 5, "after the renames");
}

#[test]
fn the_same_content_again_is_nothing() {
    let mut followed = Followed::new();
    let text = fs::read_to_string(followed.path("requirements.txt")).unwrap();
    // The same bytes by an atomic save, so that no half-written state can be seen on a slow machine.
    let save = |followed: &Followed, text: &str| {
        followed.write("tmp", text);
        fs::rename(followed.path("tmp"), followed.path("requirements.txt")).unwrap();
    };
    save(&followed, &text);
    followed.write("app.py", "print()\n");
    followed.write("notes.txt", "x");
    followed.nothing_was_said("the same bytes, source code, a file that is no manifest");
    save(&followed, "other\n");
    save(&followed, &text);
    followed.write("app.py", "pass\n");
    // A→B→A within the quiet period is nothing; on a slow machine B may be seen, and then A follows it.
    let end = Instant::now() + DEADLINE;
    followed.write("env.tmp", "B=1\n");
    fs::rename(followed.path("env.tmp"), followed.path(".env")).unwrap();
    let is_a = |sources: &Sources| {
        let mut manifests = sources.services.values().flat_map(|service| &service.manifests);
        manifests.any(|manifest| {
            manifest.packages.as_ref().is_some_and(|packages| packages.iter().any(|package| package.name == "redis"))
        })
    };
    let mut marked = false;
    while !(marked && is_a(&followed.sources)) {
        assert!(Instant::now() < end);
        match followed.next("A, B, A") {
            Event::Files { .. } => marked = true,
            Event::Changed { sources, .. } => followed.sources = (*sources).clone(),
            Event::Problem(problem) => panic!("{problem}"),
        }
    }
}

#[test]
fn removed_and_made_again() {
    let mut followed = Followed::new();
    let text = fs::read_to_string(followed.path("requirements.txt")).unwrap();
    fs::remove_file(followed.path("requirements.txt")).unwrap();
    followed.settles("removed", &["requirements.txt: file removed  - redis 5.0.0"]);
    followed.write("requirements.txt", &text);
    followed.settles("made again", &["requirements.txt: new file  + redis 5.0.0"]);
}

#[test]
fn a_new_include_is_followed_from_then_on() {
    let mut followed = Followed::new();
    followed.write("requirements.txt", "-r requirements/base.txt\n-r extra/more.txt\nredis==5.0.0\n");
    followed.settles("the include", &["extra/more.txt: new", "requirements.txt: + -r extra/more.txt"]);
    fs::create_dir(followed.path("extra")).unwrap();
    followed.write("extra/more.txt", "six\n");
    followed.settles("the included file comes", &["extra/more.txt: new file  + six"]);
    followed.write("extra/more.txt", "six\nurllib3\n");
    followed.settles("and changes", &["extra/more.txt: + urllib3"]);
}

#[test]
fn the_dockerfile_leads_to_other_manifests() {
    let mut followed = Followed::new();
    followed.write("pyproject.toml", "[project]\nname = 'x'\n");
    followed.nothing_was_said("a manifest that nothing copies by name");
    followed.write(
        "Dockerfile",
        &DOCKERFILE.replace("COPY requirements.txt ./", "COPY requirements.txt pyproject.toml ./"),
    );
    followed.settles(
        "the Dockerfile",
        &["Dockerfile: ~ COPY requirements.txt ./ → requirements.txt pyproject.toml ./", "pyproject.toml: new"],
    );
    followed.write("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['attrs']\n");
    followed.settles("the new manifest", &["pyproject.toml: + attrs"]);
}

#[test]
fn folders_that_are_replaced_stay_followed() {
    let mut followed = Followed::new();
    let (folder, away) = (followed.path("requirements"), followed.path("away"));
    // As `git checkout` and `mv` do it: the folder goes and another comes at once.
    fs::rename(&folder, &away).unwrap();
    fs::create_dir(&folder).unwrap();
    followed.write("requirements/base.txt", "django==6.0\n");
    followed.settles("replaced", &["requirements/base.txt: ~ django 5.1.2 → 6.0"]);
    followed.write("requirements/base.txt", "django==6.1\n");
    followed.settles("changed in the new folder", &["requirements/base.txt: ~ django 6.0 → 6.1"]);
    fs::write(away.join("base.txt"), "nothing\n").unwrap();
    followed.nothing_was_said("the old folder is no one's");
    fs::remove_dir_all(&folder).unwrap();
    followed.settles("removed", &["requirements/base.txt: file removed  - django 6.1"]);
    fs::create_dir(&folder).unwrap();
    followed.write("requirements/base.txt", "django==6.2\n");
    followed.settles("back", &["requirements/base.txt: new file  + django 6.2"]);
}

#[test]
fn the_projects_own_folder_may_be_renamed_and_come_back() {
    let mut followed = Followed::new();
    let (shop, away) = (followed.root.path().join("shop"), followed.root.path().join("away"));
    fs::rename(&shop, &away).unwrap();
    followed.events_until_gone();
    fs::rename(&away, &shop).unwrap();
    followed.write("requirements/base.txt", "django==7\n");
    let end = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < end);
        if let Event::Changed { sources, .. } = followed.next("back again") {
            let manifests = sources.services.values().flat_map(|service| service.manifests.clone());
            if manifests
                .filter_map(|m| m.packages)
                .any(|packages| packages.iter().any(|package| package.version == "7"))
            {
                break;
            }
        }
    }
}

impl Followed {
    /// Waits until the Dockerfile is said to be gone.
    fn events_until_gone(&mut self) {
        loop {
            if let Event::Changed { sources, .. } = self.next("gone") {
                let gone = |m: &Manifest| m.kind == ManifestKind::Dockerfile && m.digest.is_none();
                if sources.services.values().any(|service| service.manifests.iter().any(gone)) {
                    return;
                }
            }
        }
    }
}

#[test]
fn symbolic_links_are_followed_to_their_files() {
    let root = tempfile::tempdir().unwrap();
    let (shop, real) = (root.path().join("shop"), root.path().join("real"));
    fs::create_dir_all(&shop).unwrap();
    fs::create_dir_all(&real).unwrap();
    fs::write(shop.join("Dockerfile"), "FROM python\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\n")
        .unwrap();
    fs::write(real.join("requirements.txt"), "six\n").unwrap();
    std::os::unix::fs::symlink("../real/requirements.txt", shop.join("requirements.txt")).unwrap();
    let set = WatchSet {
        builds: BTreeMap::from([(ServiceName::new("web").unwrap(), build(&shop))]),
        files: BTreeSet::new(),
        directory: shop,
        read_at: None,
    };
    let mut followed = Followed::with(root, set);
    fs::write(real.join("requirements.txt"), "six==1\n").unwrap();
    followed.settles("the link's file", &["requirements.txt: ~ six any → 1"]);
}

#[test]
fn git_checkout_and_stash_are_one_change_and_back_is_none() {
    let mut followed = Followed::new();
    let shop = followed.path("");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")])
            .envs(
                ["AUTHOR", "COMMITTER"]
                    .into_iter()
                    .flat_map(|who| [(format!("GIT_{who}_NAME"), "t"), (format!("GIT_{who}_EMAIL"), "t@t")]),
            )
            .args(arguments)
            .current_dir(&shop)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-qb", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    // The set is given anew, as after a reload: now there is a repository.
    let mut set = followed.set.clone();
    set.files.insert(followed.path("other.env"));
    followed.watcher.set(set);
    git(&["checkout", "-qb", "other"]);
    followed.write("requirements.txt", "-r requirements/base.txt\nredis==6\n");
    followed.write("requirements/base.txt", "django==6\n");
    git(&["commit", "-qam", "two"]);
    followed.settles("the edit", &["requirements.txt: ~ redis 5.0.0 → 6", "requirements/base.txt: ~ django 5.1.2 → 6"]);
    git(&["checkout", "-q", "main"]);
    followed
        .settles("the checkout", &["requirements.txt: ~ redis 6 → 5.0.0", "requirements/base.txt: ~ django 6 → 5.1.2"]);
    git(&["checkout", "-q", "other"]);
    followed.settles(
        "the checkout back",
        &["requirements.txt: ~ redis 5.0.0 → 6", "requirements/base.txt: ~ django 5.1.2 → 6"],
    );
    followed.write("requirements.txt", "");
    followed.settles("the edit", &["requirements.txt: - redis 6  - -r requirements/base.txt"]);
    git(&["stash", "-q"]);
    followed.settles("the stash", &["requirements.txt: + redis 6  + -r requirements/base.txt"]);
}

#[test]
fn compose_and_env_files_are_named_when_their_content_differs() {
    let mut followed = Followed::new();
    followed.write("docker-compose.yaml", "services: {web: {}}\n");
    let mut seen = BTreeSet::new();
    while !seen.contains(&followed.path("docker-compose.yaml")) {
        match followed.next("the compose file") {
            Event::Files { paths } => seen.extend(paths),
            other => panic!("{other:?}"),
        }
    }
    followed.write(".env", "A=1\n");
    while !seen.contains(&followed.path(".env")) {
        match followed.next("the env file that was not there") {
            Event::Files { paths } => seen.extend(paths),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_was_written_after_the_files_were_read_is_named() {
    let root = tempfile::tempdir().unwrap();
    let [old, new] = ["compose.yaml", "web.env"].map(|name| root.path().join(name));
    let written = |path: &Path, at: SystemTime| {
        fs::write(path, "").unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    };
    let read_at = SystemTime::now();
    written(&old, read_at - Duration::from_secs(60));
    written(&new, read_at + Duration::from_millis(1));
    let set = WatchSet {
        directory: root.path().to_owned(),
        files: [old, new.clone()].into(),
        read_at: Some(read_at),
        ..WatchSet::default()
    };
    let (_watcher, mut events) = Watcher::start(set).unwrap();
    let first = runtime().block_on(async { events.recv().await });
    assert_eq!(first, Some(Event::Files { paths: vec![new] }));
}

#[test]
fn a_set_that_is_given_again_says_nothing() {
    let mut followed = Followed::new();
    followed.watcher.set(followed.set.clone());
    let more = WatchSet {
        files: followed.set.files.iter().cloned().chain([followed.path("more.env")]).collect(),
        ..followed.set.clone()
    };
    followed.watcher.set(more);
    followed.nothing_was_said("the same builds");
    let none = WatchSet { builds: BTreeMap::new(), ..followed.set.clone() };
    followed.watcher.set(none);
    followed.changed("other builds");
    assert!(followed.sources.services.is_empty());
}

#[test]
fn a_burst_of_files_is_one_look() {
    let mut followed = Followed::new();
    let folder = followed.path("requirements");
    for number in 0..5_000 {
        fs::write(folder.join(format!("part{number}.txt")), "x\n").unwrap();
    }
    followed.write("requirements/base.txt", "django==9\n");
    let end = Instant::now() + DEADLINE;
    let last = |sources: &Sources| {
        let manifests: Vec<_> = sources.services.values().flat_map(|service| service.manifests.clone()).collect();
        manifests
            .iter()
            .any(|m| m.packages.as_ref().is_some_and(|packages| packages.iter().any(|package| package.version == "9")))
    };
    while !last(&followed.sources) {
        assert!(Instant::now() < end, "the last change of a burst is seen");
        if let Event::Changed { sources, .. } = followed.next("the burst") {
            followed.sources = (*sources).clone();
        }
    }
}

#[test]
fn it_ends_with_its_handle() {
    let mut followed = Followed::new();
    drop(followed.watcher);
    let ended = runtime().block_on(async { tokio::time::timeout(DEADLINE, followed.events.recv()).await });
    assert!(ended.unwrap().is_none());
}
