//! Loops: a rule acts on a service because of a file, and the service's container writes that file again.
//!
//! A container reaches the host only through its bind mounts, so only files below one that it may write to are looked at, and only
//! those that a rule of the same service is about. A file is held back when it changed many times in a row, each time shortly after
//! what its change before had led to; it counts again after it was quiet for a while. Pure; the time is an argument.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::develop::{Changes, Echo, Rules};
use crate::model::{Diagnostic, WatchAction};

/// How soon a container writes again after files came, and how often is a loop. Someone who saves as he types is slower.
const SYNC: (Duration, u32) = (Duration::from_millis(500), 20);
/// The same after a command, a restart or a rebuild.
const HEAVY: (Duration, u32) = (Duration::from_secs(3), 5);
/// How often is a loop where there was one before.
const AGAIN: u32 = 2;
/// A file that was held back counts again after so long without a change.
const QUIET: Duration = Duration::from_secs(30);
/// So many files are remembered; a loop is about few.
const FILES: usize = 1_000;

/// What is known of the files that containers can write.
#[derive(Debug, Default)]
pub struct Feedback(BTreeMap<PathBuf, Rounds>);

#[derive(Debug, Clone, Copy)]
struct Rounds {
    times: u32,
    /// When it changed last, or when what followed from that had ended.
    last: Instant,
    /// What follows goes on.
    goes_on: bool,
    /// It changed meanwhile, which counts once, however often.
    counted: bool,
    held: bool,
    held_before: bool,
}

impl Feedback {
    /// Takes files that go round in circles out of the changes, and tells of those that are new among them.
    pub fn filter(&mut self, rules: &Rules, changes: &mut Changes, now: Instant) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        let mut held = Vec::new();
        for path in &changes.changed {
            let Some(echo) = rules.echo(path) else { continue };
            if path.is_dir() || !self.has_room(path, now) {
                continue;
            }
            let (near, many) = if *echo.action == WatchAction::Sync { SYNC } else { HEAVY };
            let first = Rounds { times: 0, last: now, goes_on: false, counted: false, held: false, held_before: false };
            let rounds = self.0.entry(path.clone()).or_insert(first);
            let since = now.saturating_duration_since(rounds.last);
            if rounds.held && since < QUIET {
                rounds.last = now;
                held.push(path.clone());
                continue;
            }
            rounds.held = false;
            rounds.times = match rounds {
                Rounds { goes_on: true, counted: true, times, .. } => *times,
                Rounds { goes_on, times, .. } if *goes_on || since <= near => *times + 1,
                _ => 1,
            };
            rounds.counted = rounds.goes_on;
            rounds.last = now;
            if rounds.times > if rounds.held_before { AGAIN } else { many } {
                told.push(diagnostic(path, &echo, rounds.times - 1));
                *rounds = Rounds { times: 0, goes_on: false, held: true, held_before: true, ..*rounds };
                held.push(path.clone());
            } else {
                rounds.goes_on = true;
            }
        }
        for path in held {
            changes.changed.remove(&path);
        }
        told
    }

    /// What followed from changes so far has ended.
    pub fn ended(&mut self, now: Instant) {
        for rounds in self.0.values_mut().filter(|rounds| rounds.goes_on) {
            rounds.goes_on = false;
            rounds.counted = false;
            rounds.last = now;
        }
    }

    fn has_room(&mut self, path: &Path, now: Instant) -> bool {
        if self.0.len() >= FILES && !self.0.contains_key(path) {
            self.0.retain(|_, rounds| rounds.held || now.saturating_duration_since(rounds.last) < HEAVY.0);
        }
        self.0.len() < FILES || self.0.contains_key(path)
    }
}

fn diagnostic(path: &Path, echo: &Echo<'_>, times: u32) -> Diagnostic {
    let Echo { service, mount, rule, action } = echo;
    let done = match action {
        WatchAction::Sync => "brought into",
        WatchAction::SyncExec(_) => "brought into, with a command run in,",
        WatchAction::SyncRestart | WatchAction::Restart => "a restart of",
        WatchAction::Rebuild => "a rebuild of",
    };
    let what = format!(
        "{} goes round in circles: {times} times in a row {service} wrote it and its rule of develop.watch made that {done} {service}",
        path.display()
    );
    let name = match path.strip_prefix(rule) {
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    Diagnostic::warning(what)
        .note(format!("{service} can write it through the mount of {}", mount.display()))
        .note("it is left alone until it has not changed for 30 seconds")
        .help(format!("`ignore: [{name}]` in the rule, or `:ro` at the mount"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::{Mount, MountKind, Service, ServiceName, WatchExec, WatchRule};

    const FILE: &str = "/p/src/out.txt";

    fn rules(action: WatchAction, mount: &str, read_only: bool) -> Rules {
        let mut web = Service::empty(ServiceName::new("web").unwrap());
        let kind = MountKind::Bind { source: mount.into(), options: Default::default() };
        web.mounts = vec![Mount { kind, target: "/back".into(), read_only, consistency: None }];
        web.watch = vec![WatchRule {
            path: "/p/src".into(),
            target: Some("/app".into()),
            ignore: Vec::new(),
            include: Vec::new(),
            initial_sync: false,
            action,
        }];
        Rules::of([&web]).unwrap().0
    }

    /// Changes the file `times` times, each so many milliseconds after what followed had ended, and says at which it was told
    /// and how many were let through.
    fn rounds(feedback: &mut Feedback, rules: &Rules, from: Instant, times: u32, apart: u64) -> (Vec<u32>, u32) {
        let (mut told, mut passed) = (Vec::new(), 0);
        for number in 1..=times {
            let now = from + Duration::from_millis(apart) * number;
            let mut changes = Changes { changed: BTreeSet::from([FILE.into()]), ..Changes::default() };
            told.extend(feedback.filter(rules, &mut changes, now).iter().map(|_| number));
            passed += u32::from(!changes.is_empty());
            feedback.ended(now);
        }
        (told, passed)
    }

    #[track_caller]
    fn check(rules: &Rules, apart: u64, expected: (Vec<u32>, u32)) {
        assert_eq!(rounds(&mut Feedback::default(), rules, Instant::now(), 40, apart), expected);
    }

    #[test]
    fn a_container_that_writes_what_sets_it_off_is_stopped() {
        // The rule of a path below one of the service's own mounts brings nothing; a command or a rebuild follows all the same.
        check(&rules(WatchAction::Rebuild, "/p", false), 1_000, (vec![6], 5));
        check(&rules(WatchAction::Restart, "/p/src", false), 100, (vec![6], 5));
        check(&rules(WatchAction::Sync, "/p/src/out.txt", false), 100, (vec![21], 20));
        let exec = WatchAction::SyncExec(WatchExec::default());
        check(&rules(exec, "/p/src/out.txt", false), 1_000, (vec![6], 5));
    }

    #[test]
    fn saving_often_is_no_loop() {
        check(&rules(WatchAction::Sync, "/p/src/out.txt", false), 600, (vec![], 40));
        check(&rules(WatchAction::Rebuild, "/p", false), 4_000, (vec![], 40));
        check(&rules(WatchAction::Rebuild, "/p", true), 10, (vec![], 40));
        check(&rules(WatchAction::Rebuild, "/q", false), 10, (vec![], 40));
        let (rules, mut feedback, now) =
            (rules(WatchAction::Rebuild, "/p", false), Feedback::default(), Instant::now());
        for number in 0..20 {
            let mut changes = Changes { changed: BTreeSet::from([FILE.into()]), ..Changes::default() };
            let told = feedback.filter(&rules, &mut changes, now + Duration::from_millis(number));
            assert!(told.is_empty() && !changes.is_empty(), "many saves during one build are one round");
        }
    }

    #[test]
    fn it_counts_again_after_a_while_and_is_stopped_sooner() {
        let (rules, mut feedback, now) =
            (rules(WatchAction::Rebuild, "/p", false), Feedback::default(), Instant::now());
        assert_eq!(rounds(&mut feedback, &rules, now, 8, 1_000), (vec![6], 5));
        let later = now + Duration::from_secs(60);
        assert_eq!(rounds(&mut feedback, &rules, later, 8, 1_000), (vec![3], 2));
    }

    #[test]
    fn the_warning_names_file_service_and_way_out() {
        let (rules, mut feedback, now) =
            (rules(WatchAction::Rebuild, "/p", false), Feedback::default(), Instant::now());
        let mut told = Vec::new();
        for number in 1..8 {
            let now = now + Duration::from_secs(number);
            let mut changes = Changes { changed: BTreeSet::from([FILE.into()]), ..Changes::default() };
            told.extend(feedback.filter(&rules, &mut changes, now));
            feedback.ended(now);
        }
        let text = told[0].to_string();
        for part in [FILE, "web wrote it", "a rebuild of web", "mount of /p", "`ignore: [out.txt]`"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
