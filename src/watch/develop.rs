//! The rules of `develop.watch`: which of them a changed file is about, and what follows. Pure, but for reading .dockerignore.
//!
//! Never applies: what .dockerignore or a rule's `ignore` leaves out, `.git`, the files that editors make while they save, and for
//! syncs what a bind mount brings into the container already. A rebuild makes a sync of the same service needless.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::build_context::ignore::Ignore;
use crate::build_context::path::join;
use crate::build_context::pattern::Patterns;
use crate::model::{
    Diagnostic, DockerfileSource, MountKind, Project, Service, ServiceName, ServiceSync, WatchAction, WatchRule,
};

/// What is never watched: git's own files, and those that editors make and remove while they save.
const NEVER: &[&str] = &[
    "**/.git",
    "**/*~",
    "**/.*.sw?",
    "**/4913",
    "**/.#*",
    "**/#*#",
    "**/*___jb_tmp___",
    "**/*___jb_old___",
    "**/.goutputstream-*",
];

/// Files that changed: those that are there, and those that are gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// New, or with another content, mode or kind; folders too.
    pub changed: BTreeSet<PathBuf>,
    /// Gone, each file and folder of what was removed.
    pub removed: BTreeSet<PathBuf>,
    /// Those of the changed files of rebuild rules whose bytes and mode are the same as before: an image built from them would be, too.
    pub same: BTreeSet<PathBuf>,
}

impl Changes {
    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

/// What follows from changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consequences {
    /// Services whose image is built anew, and the files because of which.
    pub rebuild: BTreeMap<ServiceName, BTreeSet<PathBuf>>,
    /// What the others get.
    pub sync: BTreeMap<ServiceName, ServiceSync>,
}

/// One rule, ready to be applied.
#[derive(Debug)]
struct Rule {
    service: ServiceName,
    rule: WatchRule,
    ignore: Patterns,
    include: Option<Patterns>,
    /// The build context and its .dockerignore.
    context: Option<(PathBuf, Patterns)>,
    never: Patterns,
    /// Folders and files of the host that the service's containers can write to.
    writable: Vec<PathBuf>,
    /// Where the .dockerignore is or may come to be.
    ignore_files: Vec<PathBuf>,
}

/// A file that a container can change which a rule of the same service is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Echo<'r> {
    /// The service.
    pub(super) service: &'r ServiceName,
    /// What of the host its container can write to.
    pub(super) mount: &'r Path,
    /// The rule's own path, by which its patterns go.
    pub(super) rule: &'r Path,
    /// What the rule does.
    pub(super) action: &'r WatchAction,
}

/// The rules of a project.
#[derive(Debug, Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Those of the services that are wanted. What can't be applied is told.
    ///
    /// # Errors
    /// A pattern that can't be understood, or a .dockerignore that can't be read.
    pub fn of<'s>(services: impl IntoIterator<Item = &'s Service>) -> Result<(Rules, Vec<Diagnostic>), Diagnostic> {
        let (mut rules, mut warnings) = (Vec::new(), Vec::new());
        for service in services {
            let context = context(service)?;
            for rule in &service.watch {
                let syncs = !matches!(rule.action, WatchAction::Rebuild | WatchAction::Restart);
                if syncs && bound(service, &rule.path) {
                    let what =
                        format!("{}: {} is bind-mounted, so it is not synced", service.name, rule.path.display());
                    warnings.push(Diagnostic::warning(what).help("take out the mount or the rule"));
                    continue;
                }
                let patterns = |patterns: &[String]| {
                    Patterns::new(patterns).map_err(|error| {
                        Diagnostic::error(format!("{}: a pattern of develop.watch is wrong: {error}", service.name))
                    })
                };
                rules.push(Rule {
                    service: service.name.clone(),
                    ignore: patterns(&rule.ignore)?,
                    include: if rule.include.is_empty() { None } else { Some(patterns(&rule.include)?) },
                    context: context.clone(),
                    never: Patterns::new(NEVER).unwrap_or_default(),
                    writable: writable(service),
                    ignore_files: ignore_files(service),
                    rule: rule.clone(),
                });
            }
        }
        Ok((Rules(rules), warnings))
    }

    /// The services of a project that have rules.
    pub fn services(project: &Project) -> impl Iterator<Item = &Service> {
        project.enabled().filter(|service| !service.watch.is_empty())
    }

    /// Nothing is to be watched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Files and folders to watch.
    pub fn roots(&self) -> BTreeSet<&Path> {
        self.0.iter().map(|rule| rule.rule.path.as_path()).collect()
    }

    /// All that is followed: those, and the .dockerignore files by which the rules go.
    pub(super) fn followed(&self) -> BTreeSet<PathBuf> {
        self.roots().into_iter().map(Path::to_owned).chain(self.ignore_files()).collect()
    }

    /// Whether the rules themselves are others when this file is.
    pub fn depend_on(&self, changes: &Changes) -> bool {
        self.ignore_files().any(|file| changes.changed.contains(&file) || changes.removed.contains(&file))
    }

    fn ignore_files(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().flat_map(|rule| rule.ignore_files.iter().cloned())
    }

    /// Whether an image is built anew when this file changes.
    pub(super) fn build_from(&self, path: &Path) -> bool {
        self.0.iter().any(|rule| rule.rule.action == WatchAction::Rebuild && rule.matches(path))
    }

    /// The rule that acts on a service whose containers can write the file themselves.
    pub(super) fn echo<'r>(&'r self, path: &Path) -> Option<Echo<'r>> {
        let echo = |rule: &'r Rule| {
            let mount = rule.writable.iter().find(|mount| path.starts_with(mount))?;
            let Rule { service, rule, .. } = rule;
            Some(Echo { service, mount, rule: &rule.path, action: &rule.action })
        };
        let echoes = self.0.iter().filter(|rule| rule.matches(path)).filter_map(echo);
        // What costs most is what the loop is about.
        echoes.min_by_key(|echo| *echo.action == WatchAction::Sync)
    }

    /// Whether something below a folder may be of interest.
    pub fn descends(&self, folder: &Path) -> bool {
        self.0.iter().any(|rule| rule.descends(folder))
    }

    /// What follows from changes.
    pub fn follow(&self, changes: &Changes) -> Consequences {
        let mut consequences = Consequences::default();
        for rule in &self.0 {
            let changed: Vec<&PathBuf> = changes.changed.iter().filter(|path| rule.matches(path)).collect();
            let removed: Vec<&PathBuf> = changes.removed.iter().filter(|path| rule.matches(path)).collect();
            if changed.is_empty() && removed.is_empty() {
                continue;
            }
            if rule.rule.action == WatchAction::Rebuild {
                let others = changed.into_iter().filter(|path| !changes.same.contains(*path)).chain(removed);
                let files: BTreeSet<PathBuf> = others.cloned().collect();
                if !files.is_empty() {
                    consequences.rebuild.entry(rule.service.clone()).or_default().extend(files);
                }
                continue;
            }
            let sync = consequences.sync.entry(rule.service.clone()).or_default();
            for path in changed {
                rule.target(path).map(|target| sync.files.copies.insert(target, path.clone()));
            }
            sync.files.removals.extend(removed.into_iter().filter_map(|path| rule.target(path)));
            rule.then(sync);
        }
        for sync in consequences.sync.values_mut() {
            outermost(&mut sync.files.removals);
        }
        consequences.sync.retain(|service, _| !consequences.rebuild.contains_key(service));
        consequences
    }

    /// Whether any rule copies something at the start.
    pub fn has_initial(&self) -> bool {
        self.0.iter().any(|rule| rule.rule.initial_sync)
    }

    /// What the rules with `initial_sync` copy at the start, out of the files that are there.
    pub fn initial<'p>(&self, files: impl Iterator<Item = &'p PathBuf>) -> Consequences {
        let mut consequences = Consequences::default();
        let initial: Vec<&Rule> = self.0.iter().filter(|rule| rule.rule.initial_sync).collect();
        for path in files {
            for rule in initial.iter().filter(|rule| rule.matches(path)) {
                if let Some(target) = rule.target(path) {
                    let sync = consequences.sync.entry(rule.service.clone()).or_default();
                    sync.files.copies.insert(target, path.clone());
                }
            }
        }
        consequences
    }
}

/// What of the host a service's containers can write to.
fn writable(service: &Service) -> Vec<PathBuf> {
    let mounts = service.mounts.iter().filter(|mount| !mount.read_only);
    let sources = mounts.filter_map(|mount| match &mount.kind {
        MountKind::Bind { source, .. } => Some(PathBuf::from(source)),
        _ => None,
    });
    sources.collect()
}

/// The files that say what is left out of a service's build context, whether they are there or not.
fn ignore_files(service: &Service) -> Vec<PathBuf> {
    let Some(build) = service.build.as_ref().filter(|build| build.context.starts_with('/')) else { return Vec::new() };
    let root = PathBuf::from(&build.context);
    let own = match &build.dockerfile {
        DockerfileSource::File(file) => {
            let mut name = root.join(file).into_os_string();
            name.push(".dockerignore");
            Some(PathBuf::from(name))
        }
        DockerfileSource::Inline(_) => None,
    };
    [root.join(".dockerignore")].into_iter().chain(own).collect()
}

/// The build context with its .dockerignore.
fn context(service: &Service) -> Result<Option<(PathBuf, Patterns)>, Diagnostic> {
    let Some(build) = service.build.as_ref().filter(|build| build.context.starts_with('/')) else { return Ok(None) };
    let root = PathBuf::from(&build.context);
    let dockerfile = match &build.dockerfile {
        DockerfileSource::File(file) => Some(root.join(file)),
        DockerfileSource::Inline(_) => None,
    };
    let ignore = Ignore::load(&root, dockerfile.as_deref()).map_err(|error| Diagnostic::error(error.to_string()))?;
    Ok(Some((root, ignore.patterns)))
}

/// Whether a bind mount brings the path into the container.
fn bound(service: &Service, path: &Path) -> bool {
    service.mounts.iter().any(|mount| match &mount.kind {
        MountKind::Bind { source, .. } => path.starts_with(source),
        _ => false,
    })
}

/// Leaves out what lies in something that goes anyway.
fn outermost(paths: &mut BTreeSet<String>) {
    let all = paths.clone();
    let inside = |path: &str| path.match_indices('/').any(|(at, _)| at > 0 && all.contains(&path[..at]));
    paths.retain(|path| !inside(path));
}

impl Rule {
    /// The path below the rule's own, with slashes; empty for that itself.
    fn below(&self, path: &Path) -> Option<String> {
        Some(path.strip_prefix(&self.rule.path).ok()?.to_string_lossy().into_owned())
    }

    /// Whether the rule is about a file or folder.
    fn matches(&self, path: &Path) -> bool {
        let Some(below) = self.below(path) else { return false };
        if self.never.matches(&below) || (!below.is_empty() && self.ignore.matches(&below)) {
            return false;
        }
        if let Some((root, patterns)) = &self.context
            && let Ok(inside) = path.strip_prefix(root)
            && patterns.matches(&inside.to_string_lossy())
        {
            return false;
        }
        self.include.as_ref().is_none_or(|include| include.matches(&below))
    }

    fn descends(&self, folder: &Path) -> bool {
        let Some(below) = self.below(folder) else { return false };
        if below.is_empty() {
            return true;
        }
        let closed = |patterns: &Patterns, path: &str| patterns.matches(path) && !patterns.may_reinclude_below(path);
        if self.never.matches(&below) || closed(&self.ignore, &below) {
            return false;
        }
        let inside =
            self.context.as_ref().and_then(|(root, patterns)| Some((folder.strip_prefix(root).ok()?, patterns)));
        !inside.is_some_and(|(inside, patterns)| closed(patterns, &inside.to_string_lossy()))
    }

    /// Where it goes in the container.
    fn target(&self, path: &Path) -> Option<String> {
        let target = self.rule.target.as_deref()?;
        let below = self.below(path)?;
        Some(if below.is_empty() {
            target.trim_end_matches('/').to_owned()
        } else {
            join(target.trim_end_matches('/'), &below)
        })
    }

    /// What the rule's action wants beside the files.
    fn then(&self, sync: &mut ServiceSync) {
        match &self.rule.action {
            WatchAction::Restart | WatchAction::SyncRestart => sync.restart = true,
            WatchAction::SyncExec(command) if !sync.commands.contains(command) => sync.commands.push(command.clone()),
            WatchAction::SyncExec(_) | WatchAction::Sync | WatchAction::Rebuild => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WatchExec;

    fn rule(path: &str, action: WatchAction, target: Option<&str>) -> WatchRule {
        WatchRule {
            path: path.into(),
            action,
            target: target.map(str::to_owned),
            ignore: Vec::new(),
            include: Vec::new(),
            initial_sync: false,
        }
    }

    fn rules(watch: Vec<WatchRule>) -> Rules {
        let mut web = Service::empty(ServiceName::new("web").unwrap());
        web.watch = watch;
        Rules::of([&web]).unwrap().0
    }

    /// `+` for a changed path, `-` for one that is gone.
    #[track_caller]
    fn check(rules: &Rules, paths: &[&str], expected: &str) {
        let mut changes = Changes::default();
        for path in paths {
            match path.strip_prefix('-') {
                Some(path) => changes.removed.insert(path.into()),
                None => changes.changed.insert(path.into()),
            };
        }
        let consequences = rules.follow(&changes);
        let mut shown: Vec<String> = consequences.rebuild.keys().map(|name| format!("rebuild {name}")).collect();
        for (name, sync) in &consequences.sync {
            shown.extend(sync.files.copies.keys().map(|target| format!("{name} + {target}")));
            shown.extend(sync.files.removals.iter().map(|target| format!("{name} - {target}")));
            shown.extend(sync.commands.iter().map(|command| format!("{name} ! {}", command.command.join(" "))));
            shown.extend(sync.restart.then(|| format!("{name} restart")));
        }
        assert_eq!(shown.join(", "), expected, "{paths:?}");
    }

    #[test]
    fn each_action() {
        let exec = WatchAction::SyncExec(WatchExec { command: vec!["reload".into()], ..WatchExec::default() });
        let rules = rules(vec![
            rule("/p/src", WatchAction::Sync, Some("/app/src/")),
            rule("/p/conf", WatchAction::SyncRestart, Some("/etc/app")),
            rule("/p/nginx.conf", exec, Some("/etc/nginx/nginx.conf")),
            rule("/p/.env", WatchAction::Restart, None),
            rule("/p/package.json", WatchAction::Rebuild, None),
        ]);
        check(&rules, &["/p/src/a/b.py", "-/p/src/c.py"], "web + /app/src/a/b.py, web - /app/src/c.py");
        check(&rules, &["/p/conf/x"], "web + /etc/app/x, web restart");
        check(&rules, &["/p/nginx.conf"], "web + /etc/nginx/nginx.conf, web ! reload");
        check(&rules, &["/p/.env"], "web restart");
        check(&rules, &["/p/src/a.py", "/p/package.json"], "rebuild web");
        check(&rules, &["/p/other", "/p/srcx/a"], "");
    }

    #[test]
    fn what_is_left_out() {
        let mut only = rule("/p", WatchAction::Sync, Some("/app"));
        only.ignore = vec!["node_modules/".into(), "**/*.pyc".into()];
        let all = rules(vec![only.clone()]);
        check(
            &all,
            &["/p/node_modules/x/y.js", "/p/a/b.pyc", "/p/.git/index", "/p/.a.py.swp", "/p/a.py~", "/p/sub/4913"],
            "",
        );
        check(&all, &["/p/a/b.py"], "web + /app/a/b.py");
        assert!(!all.descends(Path::new("/p/node_modules")) && !all.descends(Path::new("/p/.git")));
        assert!(all.descends(Path::new("/p/a")) && !all.descends(Path::new("/q")));
        only.include = vec!["**/*.html".into()];
        check(&rules(vec![only]), &["/p/a/x.html", "/p/a/x.py"], "web + /app/a/x.html");
    }

    #[test]
    fn the_same_bytes_build_nothing_and_are_brought_all_the_same() {
        let rules =
            rules(vec![rule("/p/app", WatchAction::Sync, Some("/app")), rule("/p/pkg", WatchAction::Rebuild, None)]);
        let path = |text: &str| BTreeSet::from([PathBuf::from(text)]);
        let changes = Changes { changed: path("/p/pkg"), same: path("/p/pkg"), ..Changes::default() };
        assert_eq!(rules.follow(&changes), Consequences::default());
        let changes = Changes { changed: path("/p/app/x"), same: path("/p/app/x"), ..Changes::default() };
        assert_eq!(rules.follow(&changes).sync.len(), 1);
        assert!(rules.build_from(Path::new("/p/pkg")) && !rules.build_from(Path::new("/p/app/x")));
    }

    #[test]
    fn a_dockerignore_leaves_out_and_is_followed_itself() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(".dockerignore"), "secret\n").unwrap();
        let mut web = Service::empty(ServiceName::new("web").unwrap());
        web.build = Some(crate::model::Build::new(root.path().to_str().unwrap()));
        let src = root.path().join("src");
        web.watch = vec![rule(root.path().to_str().unwrap(), WatchAction::Sync, Some("/app"))];
        let (rules, _) = Rules::of([&web]).unwrap();
        let changed = |path: PathBuf| Changes { changed: BTreeSet::from([path]), ..Changes::default() };
        assert!(rules.follow(&changed(root.path().join("secret"))).sync.is_empty());
        assert!(!rules.follow(&changed(src.join("a"))).sync.is_empty());
        assert!(rules.depend_on(&changed(root.path().join(".dockerignore"))));
        assert!(rules.depend_on(&changed(root.path().join("Dockerfile.dockerignore"))));
        assert!(!rules.depend_on(&changed(src)));
    }

    #[test]
    fn a_folder_that_is_gone_goes_as_one() {
        let rules = rules(vec![rule("/p", WatchAction::Sync, Some("/app"))]);
        check(&rules, &["-/p/a", "-/p/a/b", "-/p/a/b/c", "-/p/ab"], "web - /app/a, web - /app/ab");
    }

    #[test]
    fn the_initial_sync_is_of_rules_that_ask_for_it() {
        let mut initial = rule("/p/a", WatchAction::Sync, Some("/a"));
        initial.initial_sync = true;
        let rules = rules(vec![initial, rule("/p/b", WatchAction::Sync, Some("/b"))]);
        let files = ["/p/a/1".into(), "/p/b/2".into()];
        let consequences = rules.initial(files.iter());
        let copies: Vec<&String> = consequences.sync.values().flat_map(|sync| sync.files.copies.keys()).collect();
        assert_eq!(copies, ["/a/1"]);
    }
}
