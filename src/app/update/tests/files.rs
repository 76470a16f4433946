//! Compose files that are edited: what is in force, what is shown, and when it is gone.

use std::sync::Arc;

use super::{said, wide};
use crate::{
    app::{
        files::Reading,
        fixture::{self, name, press, send},
        message::Message,
        overlay::Overlay,
        state::State,
    },
    execute::Verdict,
    model::Diagnostic,
};

#[test]
fn a_file_that_is_wrong_leaves_the_project_in_force() {
    let mut state = wide();
    let before = Arc::clone(&state.project);
    let edited = Message::FilesChanged(vec!["/home/ada/shop/docker-compose.yaml".into()]);
    assert_eq!(said(&send(&mut state, edited)), "load");
    let errors = ["`ports` must be a list", "unknown key `imge`"].map(|what| Arc::new(Diagnostic::error(what)));
    let reading = Reading { result: Err(errors.into()), warnings: Vec::new(), files: Default::default() };
    assert_eq!(said(&send(&mut state, Message::Loaded(Box::new(reading)))), "watch");
    assert!(Arc::ptr_eq(&state.project, &before));
    assert_eq!(crate::app::notices::all(&state)[0].text, "`ports` must be a list");
    assert_eq!(crate::app::notices::all(&state)[0].more, ["and 1 more"]);
    press(&mut state, "Enter");
    let Some(Overlay::Event(entry, _)) = state.overlay.take() else { panic!("no overlay") };
    assert!(entry.detail.iter().any(|line| line.contains("imge")), "{:?}", entry.detail);
    send(&mut state, fixture::loaded(fixture::project()));
    assert!(crate::app::notices::all(&state).is_empty());
}

#[test]
fn an_edit_of_the_files_is_a_plan_until_it_is_applied_or_undone() {
    let notice = |state: &State| {
        let notices = crate::app::notices::all(state);
        notices.into_iter().map(|notice| format!("{} {}", notice.text, notice.more.join(", "))).collect::<Vec<_>>()
    };
    let edit = |state: &mut State, project| {
        send(state, Message::FilesChanged(vec!["/home/ada/shop/docker-compose.yaml".into()]));
        send(state, fixture::loaded(project));
    };
    let mut state = wide();
    edit(&mut state, fixture::edited());
    let shown = notice(&state);
    assert!(shown[0].starts_with("docker-compose.yaml changed"), "{shown:?}");
    assert!(shown[0].contains("create mail"), "{shown:?}");
    assert!(state.files.waits(&name("mail")));
    press(&mut state, "Enter");
    let Some(Overlay::Event(entry, _)) = state.overlay.take() else { panic!("no overlay") };
    assert!(entry.detail.iter().any(|line| line.contains("create") && line.contains("mail")), "{:?}", entry.detail);
    edit(&mut state, fixture::project());
    assert_eq!(notice(&state), Vec::<String>::new(), "what was undone is no edit");
    edit(&mut state, fixture::edited());
    assert_eq!(said(&press(&mut state, "u")), "up all");
    assert_eq!(notice(&state), Vec::<String>::new(), "what is being applied asks for nothing");
    let job = state.jobs.running().next().map(|job| job.id).unwrap();
    fixture::finish(&mut state, job, Verdict::Done);
    assert_eq!(notice(&state), Vec::<String>::new());
    assert!(state.files.edited.is_empty());
}

#[test]
fn an_edit_that_is_ignored_asks_again_with_the_next_one() {
    let mut state = wide();
    let edited = |state: &mut State, file: &str, project| {
        send(state, Message::FilesChanged(vec![format!("/home/ada/shop/{file}").into()]));
        send(state, fixture::loaded(project));
        crate::app::notices::all(state).first().map(|notice| notice.text.clone())
    };
    assert!(edited(&mut state, "docker-compose.yaml", fixture::edited()).is_some());
    press(&mut state, "x");
    assert!(crate::app::notices::all(&state).is_empty() && !state.files.waits(&name("mail")));
    let mut again = fixture::edited();
    again.services.get_mut("mail").unwrap().init = Some(true);
    assert_eq!(edited(&mut state, "web.env", again).as_deref(), Some("web.env changed"));
}

#[test]
fn what_failed_to_be_applied_still_waits() {
    let mut state = wide();
    send(&mut state, Message::FilesChanged(vec!["/home/ada/shop/docker-compose.yaml".into()]));
    send(&mut state, fixture::loaded(fixture::edited()));
    press(&mut state, "u");
    let job = state.jobs.running().next().map(|job| job.id).unwrap();
    fixture::finish(&mut state, job, Verdict::Failed);
    assert!(state.files.plan.is_some());
}
