//! Whom the files belong to that containers write into the user's folders.

use std::{
    io::Write,
    os::unix::fs::MetadataExt,
    process::{Output, Stdio},
};

use crate::support::project::TestProject;

const FILE: &str = "
services:
  web:
    image: busybox:latest
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    volumes: ['.:/app']
    working_dir: /app
  said: {image: 'busybox:latest', command: sleep 1000, init: true, stop_grace_period: 1s, user: '0', volumes: ['.:/app']}
  apart: {image: 'busybox:latest', command: sleep 1000, init: true, stop_grace_period: 1s}
";

/// Runs `devbox ARGS` as a user, with this on its standard input.
fn as_user(project: &TestProject, args: &[&str], input: &str) -> (Output, u32) {
    let (mut command, user) = project.devbox_as_user(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("devbox runs");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    (child.wait_with_output().expect("devbox ends"), user)
}

#[test]
fn what_run_and_shell_write_belongs_to_the_caller() {
    let Some(project) = TestProject::new("owner", &[("compose.yaml", FILE)]) else { return };
    let ran = |args: &[&str], input: &str| {
        let (output, user) = as_user(&project, args, input);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}\n{out}\n{err}");
        (out.trim().to_owned(), err.into_owned(), user)
    };
    let owner = |file: &str| project.file(file).metadata().expect(file).uid();

    let (home, _, user) = ran(&["run", "--rm", "web", "sh", "-c", "touch by-run; echo $HOME"], "");
    assert_eq!((owner("by-run"), home.as_str()), (user, "/tmp"));
    ran(&["run", "--rm", "--user", "0", "web", "touch", "by-root"], "");
    assert_eq!(owner("by-root"), 0, "who asks for root gets it");
    ran(&["run", "--rm", "said", "touch", "/app/by-said"], "");
    assert_eq!(owner("by-said"), 0, "what the file says holds");
    assert_eq!(ran(&["run", "--rm", "apart", "id", "-u"], "").0, "0", "without the user's folders root harms nobody");

    let (_, warned, _) = ran(&["up", "-d"], "");
    assert!(warned.contains("warning: web runs as root: what it writes into ./ will belong to root"), "{warned}");
    assert!(warned.contains("compose.yaml:3:3") && warned.contains(&format!("`user: \"{user}:")), "{warned}");
    assert!(!warned.contains("said runs") && !warned.contains("apart runs"), "{warned}");
    let (_, again, _) = ran(&["up", "-d"], "");
    assert!(!again.contains("runs as root"), "nothing was started: {again}");
    ran(&["shell", "web"], "touch /app/by-shell\n");
    assert_eq!(owner("by-shell"), user);
}
