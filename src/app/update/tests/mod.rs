//! Messages in, state and effects out; and that no sequence of keys and messages breaks what must hold.

mod develop;
mod files;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

use crate::{
    app::{
        available,
        effect::{Effect, Session},
        fixture::{self, NOW, ago, name, press, send, steady},
        history::Role,
        keymap::Key,
        log_view::LogView,
        message::{EngineReport, Happened, Happening, Input, Message, Signal},
        overlay::Overlay,
        state::State,
        update::update,
        view::{Pane, Tab},
    },
    execute::{Event, Outcome, Verdict},
    logs::Stream,
    model::{ContainerId, Diagnostic, ExitInfo},
    plan::{RebuildWhat, Selection, StepId, Verb},
};

/// What effects amount to, in words.
fn said(effects: &[Effect]) -> String {
    let names = |selection: &Selection| match selection {
        Selection::All => "all".to_owned(),
        Selection::Services(names) => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("+"),
    };
    let one = |effect: &Effect| match effect {
        Effect::Start { job, .. } => {
            let fresh = matches!(&job.goal.verb, Verb::Rebuild(options) if options.fresh);
            format!("{}{} {}", job.goal.verb.name(), if fresh { " fresh" } else { "" }, names(&job.goal.selection))
        }
        Effect::Cancel(id) => format!("cancel {}", id.0),
        Effect::Suspend(Session::Shell { service, .. }) => format!("shell {service}"),
        Effect::Suspend(Session::Attach { service, tty, .. }) => format!("attach {service} {tty}"),
        Effect::Quit(quit) => format!("quit {quit:?}"),
        Effect::Open(address) => format!("open {address}"),
        Effect::Stats(containers) => format!("measure {}", containers.len()),
        Effect::Follow(wanted) => format!("follow {}", wanted.len()),
        Effect::Mouse(mouse) => format!("mouse {mouse}"),
        Effect::Remember(_) => "remember".to_owned(),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_lowercase(),
    };
    effects.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Keys on a state, and what is asked of the runtime.
fn check(mut state: State, keys: &str, expected: &str) {
    assert_eq!(said(&press(&mut state, keys)), expected, "{keys}");
}

fn wide() -> State {
    steady(120, 40)
}

fn change_waits() -> State {
    let mut state = wide();
    send(&mut state, Message::Changes(fixture::change()));
    state
}

#[test]
fn verbs_mean_the_cursor_or_the_selection() {
    check(wide(), "r", "restart web");
    check(wide(), "k k Space Space S", "stop cache+db");
    check(wide(), "u", "up all");
    check(wide(), "G u", "up docs");
    check(wide(), "b", "rebuild web");
    check(wide(), "F", "rebuild fresh web");
    check(wide(), "k b", "");
    check(wide(), "s", "shell web");
    check(wide(), "G s", "");
    check(wide(), "o", "open http://127.0.0.1:8000");
    check(wide(), "M", "mouse false");
}

#[test]
fn a_rebuild_means_what_changed() {
    check(change_waits(), "k k b", "rebuild web+worker");
    check(change_waits(), "k k Space b", "");
    check(change_waits(), "x", "remember");
    let mut state = change_waits();
    press(&mut state, "x");
    assert!(state.changes.groups().is_empty());
}

#[test]
fn an_image_that_does_not_tell_is_rebuilt_all_the_same() {
    let what = |state: &mut State| match &press(state, "b")[..] {
        [Effect::Start { job, .. }] => match &job.goal.verb {
            Verb::Rebuild(options) => options.what,
            verb => panic!("{verb:?}"),
        },
        effects => panic!("{effects:?}"),
    };
    assert_eq!(what(&mut change_waits()), RebuildWhat::Changed);
    let mut state = change_waits();
    fixture::with_observed(&mut state, |observed| observed.images.values_mut().for_each(|image| image.labels.clear()));
    assert_eq!(what(&mut state), RebuildWhat::Selected, "the plan can't see the change");
}

#[test]
fn on_change_decides_without_a_key() {
    let mut state = wide();
    state.on_change = Some(crate::model::OnChange::Rebuild);
    assert_eq!(said(&send(&mut state, Message::Changes(fixture::change()))), "rebuild web+worker");
    let mut state = wide();
    state.on_change = Some(crate::model::OnChange::Ignore);
    assert_eq!(said(&send(&mut state, Message::Changes(fixture::change()))), "");
    assert!(state.changes.groups().is_empty());
}

#[test]
fn a_goal_waits_for_the_job_that_has_its_services() {
    let mut state = wide();
    let job = fixture::building(&mut state);
    assert_eq!(said(&press(&mut state, "r")), "");
    assert_eq!(said(&press(&mut state, "k k r")), "restart cache", "other services are not blocked");
    let effects = fixture::finish(&mut state, job, Verdict::Done);
    assert_eq!(said(&effects), "observe, restart web");
}

#[test]
fn leaving_asks_and_twice_does_not() {
    check(wide(), "q", "quit Left");
    check(wide(), "Ctrl-c", "");
    check(wide(), "Ctrl-c Ctrl-c", "quit Left");
    check(wide(), "Ctrl-c q", "quit Left");
    check(wide(), "Ctrl-c Q", "stop all");
    check(wide(), "Esc Esc Esc", "");
    let mut state = wide();
    press(&mut state, "Ctrl-c Esc");
    assert!(state.overlay.is_none());
    assert_eq!(said(&send(&mut state, Message::Signal(Signal::Terminate))), "quit Signalled");
}

#[test]
fn ctrl_c_cancels_what_runs() {
    let mut state = wide();
    let job = fixture::building(&mut state);
    assert_eq!(said(&press(&mut state, "Ctrl-c")), format!("cancel {}", job.0));
    assert!(state.overlay.is_none());
    fixture::finish(&mut state, job, Verdict::Cancelled);
    assert!(state.builds.running().next().is_none());
}

#[test]
fn stopping_everything_leaves_when_it_is_done() {
    let mut state = wide();
    let effects = press(&mut state, "Q");
    let Some(Effect::Start { job, .. }) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(said(&fixture::finish(&mut state, job.id, Verdict::Done)), "quit Stopped");
}

#[test]
fn what_devbox_was_opened_for_waits_for_engine_and_manifests() {
    let mut state = fixture::empty(120, 40);
    state.pending = Some(crate::plan::Goal::up());
    let engine = EngineReport::Connected(Default::default());
    assert_eq!(said(&send(&mut state, Message::Engine(engine))), "observe");
    assert_eq!(said(&send(&mut state, Message::Sources(Arc::new(fixture::sources())))), "up all");
}

#[test]
fn the_build_tab_comes_and_goes_unless_the_user_moved() {
    let mut state = wide();
    let job = fixture::building(&mut state);
    assert_eq!(state.view.tab, Tab::Build);
    fixture::finish(&mut state, job, Verdict::Done);
    assert_eq!(state.view.tab, Tab::Logs);
    let job = fixture::building(&mut state);
    press(&mut state, "4");
    fixture::finish(&mut state, job, Verdict::Done);
    assert_eq!(state.view.tab, Tab::Events);
}

#[test]
fn a_failed_build_is_told_until_the_next_one() {
    let mut state = wide();
    let job = fixture::building(&mut state);
    fixture::build_fails(&mut state, job);
    let notice = crate::app::notices::all(&state).remove(0);
    assert_eq!(notice.text, "shop-web: no such package djangorestframewrok (requirements.txt:7)");
    press(&mut state, "Enter");
    assert_eq!((state.view.tab, state.view.focus), (Tab::Build, Pane::Main));
    press(&mut state, "Esc");
    fixture::building(&mut state);
    assert!(crate::app::notices::all(&state).is_empty());
}

#[test]
fn the_log_has_a_line_where_a_change_and_its_build_happened() {
    let mut state = change_waits();
    let job = fixture::building(&mut state);
    fixture::build_fails(&mut state, job);
    let web = name("web");
    let lines = state.logs.lanes_of(&web).flat_map(|(_, lane)| {
        let lines = (lane.first()..lane.end()).filter_map(|at| lane.line(at));
        lines.filter(|line| line.stream == Stream::Note).map(|line| line.text.to_owned()).collect::<Vec<_>>()
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(lines[0], "requirements.txt changed: + djangorestframework 3.15.2  ~ celery 5.3.6 → 5.4.0");
    assert!(lines[1].starts_with("build failed, goes on as it is: No matching distribution found for"), "{lines:?}");
}

fn happened(state: &mut State, service: &str, what: Happening) -> Vec<Effect> {
    let container = ContainerId::from(format!("{service}-1-id"));
    let happened = Happened { at: NOW, container, service: Some(name(service)), what };
    send(state, Message::Engine(EngineReport::Happened(happened)))
}

#[test]
fn events_go_into_the_history_and_ask_for_a_look() {
    let mut state = wide();
    let exit = Happening::Exited(ExitInfo { code: 137, oom_killed: false });
    assert_eq!(said(&happened(&mut state, "worker", exit)), "observe");
    let newest = state.history.nth_newest(0).unwrap();
    assert_eq!((newest.role, newest.text.as_str()), (Role::Failed, "exited 137 (killed)"));
    assert_eq!(said(&happened(&mut state, "worker", Happening::Other)), "observe");
}

#[test]
fn an_engine_that_is_lost_and_back_is_told_once() {
    let mut state = wide();
    for seconds in [1, 2] {
        let why = Arc::new(Diagnostic::error("it is gone"));
        let retry_at = NOW.after(Duration::from_secs(seconds));
        send(&mut state, Message::Engine(EngineReport::Lost { why, retry_at }));
    }
    assert_eq!(said(&press(&mut state, "r")), "", "nothing can be asked of it");
    send(&mut state, Message::Engine(EngineReport::Connected(Default::default())));
    let told: Vec<_> = state.history.newest_first().map(|entry| entry.text.clone()).collect();
    assert_eq!(told, [" is back after 0s", "engine lost: it is gone"]);
}

#[test]
fn a_listing_that_shows_nothing_new_draws_nothing() {
    let mut state = wide();
    state.dirty = false;
    assert_eq!(said(&fixture::with_observed(&mut state, |_| ())), "");
    assert!(!state.dirty);
    assert_eq!(said(&fixture::with_observed(&mut state, fixture::crashed)), "follow 4, measure 3");
    assert!(state.dirty);
}

#[test]
fn only_rows_that_are_seen_are_measured() {
    let mut state = wide();
    assert_eq!(state.measured.len(), 4);
    assert_eq!(said(&press(&mut state, "Tab Tab z")), "measure 0");
    assert_eq!(said(&press(&mut state, "z")), "measure 4");
}

#[test]
fn the_next_wake_is_when_a_shown_age_changes() {
    let mut state = wide();
    // Errors on the screen count as seen after a while, which is a wake of its own.
    state.log_view = LogView::new(jiff::tz::TimeZone::UTC);
    // Everything runs for two minutes and some seconds: 2m 4s is the next to become 3m, after 56 s.
    assert_eq!(state.wake_at(), Some(NOW.after(Duration::from_secs(56))));
    let mut young = wide();
    fixture::with_observed(&mut young, |observed| observed.containers[0].started = Some(ago(3)));
    assert_eq!(young.wake_at(), Some(NOW.after(Duration::from_secs(1))));
    // Another that began in the middle of a second moves with it, on the full one.
    let between = ago(3).after(Duration::from_millis(400));
    fixture::with_observed(&mut young, |observed| observed.containers[1].started = Some(between));
    for seconds in 1..5 {
        assert_eq!(young.wake_at(), Some(NOW.after(Duration::from_secs(seconds))));
        young.now = NOW.after(Duration::from_secs(seconds));
    }
}

#[test]
fn the_palette_finds_and_does() {
    check(wide(), ": r e s t a r t Enter", "restart web, remember");
    let mut state = wide();
    press(&mut state, ": f r e s h");
    assert!(matches!(state.overlay, Some(Overlay::Palette(_))));
    assert_eq!(said(&press(&mut state, "Enter")), "rebuild fresh web, remember");
    assert_eq!(state.recent, ["rebuild-fresh"]);
}

#[test]
fn deleting_data_is_asked_first_and_keeps_by_default() {
    let mut state = wide();
    let mut project = fixture::project();
    let volume = crate::model::Volume {
        key: "db".into(),
        name: "shop_db".into(),
        external: false,
        driver: None,
        driver_opts: Default::default(),
        labels: Default::default(),
        config_hash: Default::default(),
    };
    project.volumes.insert("db".into(), volume);
    send(&mut state, fixture::loaded(project));
    fixture::with_observed(&mut state, |observed| {
        observed.volumes.push(crate::model::ObservedVolume {
            name: "shop_db".into(),
            driver: "local".into(),
            labels: Default::default(),
            created: Some(ago(21 * 86_400)),
        });
    });
    assert_eq!(said(&press(&mut state, ": d o w n Space - v Enter")), "remember");
    let Some(Overlay::Confirm(confirm)) = &state.overlay else { panic!("{:?}", state.overlay) };
    assert_eq!(confirm.question, "Remove volume shop_db (21 days old)? Its data is lost.");
    assert_eq!(said(&press(&mut state, "Enter Esc")), "");
    assert_eq!(said(&press(&mut state, ": d o w n Space - v Enter y")), "remember, down all");
}

#[test]
fn a_failure_says_what_came_back_and_which_key_tries_again() {
    let notice = |state: &State| {
        let notice = crate::app::notices::all(state).remove(0);
        let keys = notice.acts.iter().map(|(action, word)| format!("{} {word}", action.info().keys[0]));
        format!("{}  {}", notice.text, keys.collect::<Vec<_>>().join("  "))
    };
    let mut state = change_waits();
    let job = fixture::building(&mut state);
    let diagnostic = Arc::new(Diagnostic::error("web exited with code 127"));
    let failed = Event::Failed { step: StepId(2), diagnostic, took: Duration::from_secs(1) };
    send(&mut state, Message::Job(job, failed));
    state.failures[0].service = Some(name("web"));
    let outcome = Outcome {
        verdict: Verdict::Failed,
        took: Duration::from_secs(4),
        done: 1,
        failures: Vec::new(),
        rolled_back: vec![name("web")],
        containers: Vec::new(),
    };
    send(&mut state, Message::Job(job, Event::Finished(outcome)));
    assert_eq!(notice(&state), "web exited with code 127: the old one is back  Enter why  b again  x close");
    press(&mut state, "r");
    assert!(!state.failures.is_empty(), "another verb leaves it there");
    let job = state.jobs.running().next().map(|job| job.id).unwrap();
    fixture::finish(&mut state, job, Verdict::Done);
    press(&mut state, "b");
    assert!(state.failures.is_empty());
}

#[test]
fn a_look_that_fails_is_told_until_one_works() {
    let mut state = wide();
    let why = Arc::new(Diagnostic::error("the disk is on fire"));
    send(&mut state, Message::Engine(EngineReport::ObserveFailed(why)));
    assert_eq!(crate::app::notices::all(&state)[0].text, "the disk is on fire");
    fixture::with_observed(&mut state, |_| {});
    assert!(crate::app::notices::all(&state).is_empty());
}

#[test]
fn the_key_bar_shows_what_the_keys_do_now() {
    let words = |state: &State| match available::taken(state) {
        Some(keys) => keys.into_iter().map(|(key, word)| format!("{key} {word}")).collect::<Vec<_>>().join("  "),
        None => {
            let bar = available::key_bar(state).into_iter();
            bar.map(|action| available::word(state, action)).collect::<Vec<_>>().join(" ")
        }
    };
    let mut state = fixture::empty(120, 40);
    press(&mut state, "Tab Tab");
    assert!(!words(&state).contains("error"), "{}", words(&state));
    let mut state = wide();
    press(&mut state, "Tab Tab");
    assert_eq!(words(&state), "search filter freeze next error wrap copy rebuild shell zoom");
    press(&mut state, "f z");
    assert!(words(&state).contains("follow") && words(&state).ends_with("back"), "{}", words(&state));
    press(&mut state, "/");
    assert_eq!(words(&state), "Enter search  Esc give up  ↑ ↓ earlier ones");
    press(&mut state, "Esc Ctrl-C");
    assert_eq!(words(&state), "q leave them running  Q stop them and leave  Esc stay");
    press(&mut state, "Esc ?");
    assert_eq!(words(&state), "Esc close");
    let mut state = wide();
    press(&mut state, "u");
    assert_eq!(words(&state), "cancel shell search filter next error open attach zoom");
}

#[test]
fn a_click_points_and_the_wheel_scrolls_what_is_under_it() {
    let mut state = wide();
    let mouse = |kind, column, row| {
        Message::Input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    };
    let list = state.geometry().content(Pane::Services);
    send(&mut state, mouse(MouseEventKind::Down(MouseButton::Left), list.x + 4, list.y + 1));
    assert_eq!(state.view.cursor, Some(name("db")));
    send(&mut state, mouse(MouseEventKind::ScrollDown, list.x + 4, list.y));
    assert_eq!(state.view.cursor, Some(name("web")));
    let main = state.geometry().pane(Pane::Main);
    send(&mut state, mouse(MouseEventKind::Down(MouseButton::Left), main.x + 14, main.y));
    assert_eq!(state.view.tab, Tab::Build);
}

/// Anything that can come.
fn any_message() -> impl Strategy<Value = Message> {
    let keys: Vec<char> = "jkgGzbFurSsa!dxolf/nN&eEwtJmyY:?LMqQ123 xyv-".chars().collect();
    let codes = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Backspace,
    ];
    let key = prop_oneof![
        prop::sample::select(keys).prop_map(|c| Key::plain(KeyCode::Char(c))),
        prop::sample::select(codes.to_vec()).prop_map(Key::plain),
        prop::sample::select(vec!['c', 'l', 'u', 'd', 'n', 'p', 'z']).prop_map(Key::ctrl),
    ];
    let mouse = (0u16..260, 0u16..90, any::<bool>()).prop_map(|(column, row, wheel)| {
        let kind = if wheel { MouseEventKind::ScrollUp } else { MouseEventKind::Down(MouseButton::Left) };
        Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    });
    prop_oneof![
        12 => key.prop_map(|key| Message::Input(Input::Key(key))),
        2 => mouse.prop_map(Message::Input),
        1 => ".{0,20}".prop_map(|text| Message::Input(Input::Paste(text))),
        2 => (0u16..260, 0u16..90).prop_map(|(width, height)| Message::Input(Input::Resized(width, height))),
        1 => Just(Message::Wake),
        1 => Just(Message::Changes(fixture::change())),
        1 => Just(Message::Changes(Default::default())),
        1 => Just(Message::Engine(EngineReport::Observed(Arc::default()))),
        1 => Just(Message::Engine(EngineReport::Observed(Arc::new(fixture::observed())))),
        1 => Just(Message::Engine(EngineReport::Connected(Default::default()))),
        1 => Just(Message::Engine(EngineReport::Lost { why: Arc::new(Diagnostic::error("gone")), retry_at: NOW })),
        1 => Just(Message::FilesChanged(vec!["/home/ada/shop/docker-compose.yaml".into()])),
        1 => Just(fixture::loaded(fixture::edited())),
        1 => Just(fixture::loaded(fixture::project())),
        1 => Just(Message::Returned(Ok(()))),
        1 => Just(Message::Said(Ok("done".into()))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_sequence_breaks_what_must_hold(messages in prop::collection::vec(any_message(), 1..60)) {
        let mut state = steady(120, 40);
        let mut now = NOW;
        let mut started = BTreeSet::new();
        for message in messages {
            now = now.after(Duration::from_millis(700));
            for effect in update(&mut state, message, now) {
                if let Effect::Start { job, .. } = effect {
                    prop_assert!(started.insert(job.id), "a job is started once");
                }
            }
            let cursor = state.view.cursor.as_ref();
            prop_assert!(cursor.is_some_and(|name| state.project.services.contains_key(name)));
            prop_assert!(state.view.selected.iter().all(|name| state.project.services.contains_key(name)));
            prop_assert!(state.view.list_top < state.project.services.len());
            prop_assert!(state.wake_at().is_none_or(|at| at > now));
            prop_assert_eq!(state.progress.len(), state.jobs.running().count());
        }
    }
}
