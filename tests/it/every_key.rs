//! A project with as many keys as an engine carries out stays as it is when somebody says `up` again: devbox, and, where DEVBOX_COMPOSE
//! names a Compose binary, Compose after devbox and devbox after Compose.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

use crate::support::{engine::is_podman, project::TestProject};

fn compose(binary: &str, project: &TestProject, args: &[&str]) {
    let mut command = Command::new(binary);
    command.args(args).current_dir(project.path()).stdin(Stdio::null());
    project.environment(|key, value| _ = command.env(key, value));
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "Compose {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Everything there is, containers by their ids.
fn there(project: &TestProject) -> (BTreeMap<String, String>, Vec<String>) {
    (project.containers(), project.on_engine())
}

#[test]
fn a_second_up_of_either_recreates_nothing() {
    let Some(project) = TestProject::copy_of("every-key", "tests/fixtures/every-key") else { return };
    if is_podman() {
        eprintln!("skipped: some of the keys are Docker's alone");
        return;
    }
    project.succeeds(&["up", "-d"]);
    let made = there(&project);
    assert_eq!(made.0.len(), 6, "{made:?}");
    let again = project.succeeds(&["up", "-d"]);
    assert!(again.contains("nothing to do"), "{again}");
    assert_eq!(there(&project), made);

    let Ok(binary) = std::env::var("DEVBOX_COMPOSE") else { return };
    compose(&binary, &project, &["up", "-d"]);
    assert_eq!(there(&project), made);
    compose(&binary, &project, &["down", "-v", "--rmi", "local"]);
    compose(&binary, &project, &["up", "-d"]);
    let made = there(&project);
    let again = project.succeeds(&["up", "-d"]);
    assert!(again.contains("nothing to do"), "{again}");
    assert_eq!(there(&project), made);
}
