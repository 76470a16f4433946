//! Rules of `develop.watch`: what is told, and what is asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::{said, wide};
use crate::{
    app::{
        develop::DevelopReport,
        fixture::{self, name, press, send},
        message::Message,
        notices,
        state::State,
    },
    execute::Verdict,
    model::{Diagnostic, ServiceSync},
};

fn report(state: &mut State, report: DevelopReport) -> String {
    said(&send(state, Message::Develop(report)))
}

fn rebuild(services: &[&str]) -> DevelopReport {
    let files = BTreeSet::from([PathBuf::from("/home/ada/shop/package.json")]);
    DevelopReport::Rebuild(services.iter().map(|service| (name(service), files.clone())).collect())
}

fn synced(service: &str) -> DevelopReport {
    let mut sync = ServiceSync::default();
    sync.files.copies.insert("/app/a.py".into(), "/home/ada/shop/src/a.py".into());
    DevelopReport::Synced { service: name(service), sync, folders: 0 }
}

fn newest(state: &State) -> String {
    state.history.nth_newest(0).map(|entry| entry.text.clone()).unwrap_or_default()
}

#[test]
fn what_was_brought_is_told_with_its_files() {
    let mut state = wide();
    assert_eq!(report(&mut state, synced("web")), "");
    assert_eq!(newest(&state), "synced 1 file");
    assert_eq!(state.history.nth_newest(0).unwrap().detail, ["src/a.py → /app/a.py"]);
    report(&mut state, synced("web"));
    assert_eq!(state.history.nth_newest(0).unwrap().times, 2, "the same again is counted");
}

#[test]
fn a_rebuild_goes_through_the_queue_and_is_merged() {
    let mut state = wide();
    press(&mut state, "3");
    assert_eq!(report(&mut state, rebuild(&["web"])), "rebuild web");
    assert!(state.view.moved, "whoever went to a tab stays there");
    assert_eq!(newest(&state), "package.json changed: rebuild, as develop.watch says");
    assert_eq!(report(&mut state, rebuild(&["web"])), "");
    assert_eq!(report(&mut state, rebuild(&["web"])), "", "merged into the one that waits");
    assert_eq!(state.jobs.waiting().count(), 1);
    let job = state.jobs.running().next().unwrap().id;
    assert_eq!(said(&fixture::finish(&mut state, job, Verdict::Done)), "observe, rebuild web");
}

#[test]
fn what_does_not_run_is_left_alone() {
    let mut state = wide();
    fixture::with_observed(&mut state, |observed| {
        observed.containers.retain(|container| container.service != name("web"));
    });
    assert_eq!(report(&mut state, rebuild(&["web"])), "");
    assert_eq!(newest(&state), "package.json changed: not rebuilt, since it does not run");
    assert_eq!(report(&mut state, DevelopReport::Restart(name("web"))), "");
    assert_eq!(report(&mut state, DevelopReport::Restart(name("db"))), "restart db");
}

#[test]
fn a_failure_is_a_notice_until_files_arrive_or_it_is_closed() {
    let mut state = wide();
    let failure = || DevelopReport::Failed(name("web"), Arc::new(Diagnostic::error("web can't be synced: read-only")));
    let first = |state: &State| notices::all(state).first().map(|notice| notice.text.clone());
    report(&mut state, failure());
    assert_eq!(first(&state).as_deref(), Some("web can't be synced: read-only"));
    press(&mut state, "Enter");
    assert!(state.overlay.take().is_some());
    report(&mut state, synced("web"));
    assert_eq!(first(&state), None);
    report(&mut state, failure());
    press(&mut state, "x");
    assert_eq!(first(&state), None);
    report(&mut state, failure());
    assert!(first(&state).is_some(), "another failure is told again");
}

#[test]
fn what_is_wrong_with_the_rules_is_a_notice_until_it_is_mended() {
    let mut state = wide();
    let first = |state: &State| notices::all(state).first().map(|notice| notice.text.clone());
    let warning = Arc::new(Diagnostic::warning("web: src is bind-mounted, so it is not synced"));
    report(&mut state, DevelopReport::Warnings(vec![warning]));
    assert_eq!(first(&state).as_deref(), Some("web: src is bind-mounted, so it is not synced"));
    press(&mut state, "Enter");
    assert!(state.overlay.take().is_some());
    report(&mut state, DevelopReport::Warnings(Vec::new()));
    assert_eq!(first(&state), None);
}

#[test]
fn what_is_watched_is_told() {
    let mut state = wide();
    report(&mut state, DevelopReport::Watching(vec!["src".into(), "conf".into()]));
    assert_eq!(newest(&state), "develop.watch: watching src, conf");
    report(&mut state, DevelopReport::Watching((0..9).map(|number| format!("s{number}")).collect()));
    assert_eq!(newest(&state), "develop.watch: watching s0, s1, s2, s3 and 5 more");
    report(&mut state, DevelopReport::Watching(Vec::new()));
    assert_eq!(newest(&state), "develop.watch: nothing is watched any more");
    assert_eq!(report(&mut state, DevelopReport::Rebuild(BTreeMap::new())), "");
}
