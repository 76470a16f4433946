//! `develop.watch` on a real engine: `watch` here and in the modules below, `up --watch` in `beside`, the screen in `dashboard`.

mod actions;
mod beside;
mod dashboard;
mod files;
mod git;
mod limits;
mod loops;

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use crate::support::{project::TestProject, wait};

const COMPOSE: &str = "
services:
  web:
    build: .
    init: true
    command: sleep 1000
    stop_grace_period: 1s
    develop:
      watch:
        - {path: ./src, action: sync, target: /app/src, ignore: ['*.log'], initial_sync: true}
        - {path: ./pages, action: sync, target: /app/pages, include: ['**/*.html']}
        - {path: ./conf, action: sync+exec, target: /app/conf, exec: {command: 'sh -c \"cat /app/conf/* > /tmp/seen\"'}}
        - {path: ./settings, action: sync+restart, target: /app/settings}
        - {path: ./again, action: restart}
        - {path: ./version, action: rebuild}
";
// The stand-in for busybox has no adduser.
const DOCKERFILE: &str = "FROM busybox:latest\nRUN echo app:x:1234:1234::/app:/bin/sh >> /etc/passwd && mkdir -p /tmp /app/src /app/conf /app/settings /app/pages \\\n\
                          && chmod 1777 /tmp && chown -R 1234:1234 /app\nCOPY version /version\nUSER app\n";

/// A running `devbox`, ended with the test.
struct Watching {
    project: TestProject,
    child: Child,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    /// `devbox watch` on the usual project with these files.
    fn start(subject: &str, files: &[(&str, &str)]) -> Option<Watching> {
        Some(Watching::run(project(subject, files)?, &["watch"]))
    }

    /// `devbox ARGS` of a project, as soon as it watches.
    fn run(project: TestProject, args: &[&str]) -> Watching {
        let devbox = project.devbox(args);
        Watching::spawn(project, devbox)
    }

    /// Any command on a project, as soon as it watches.
    fn spawn(project: TestProject, mut command: Command) -> Watching {
        // Outside of every rule's path.
        let log = fs::File::create(project.file("watch.out")).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("the log again"))
            .stdout(log)
            .spawn()
            .expect("devbox runs");
        let watching = Watching { project, child };
        watching.says("watching ");
        watching
    }

    fn said(&self) -> String {
        fs::read_to_string(self.project.file("watch.out")).expect("its output")
    }

    /// Waits, and tells what it said when that is in vain.
    fn until(&self, what: &str, mut probe: impl FnMut() -> bool) {
        let deadline = std::time::Instant::now() + wait::PATIENCE;
        wait::until(what, || {
            let done = probe();
            assert!(done || std::time::Instant::now() < deadline, "{what}\n{}", self.said());
            done.then_some(())
        });
    }

    /// Waits until it has said a text.
    fn says(&self, text: &str) {
        self.until(text, || self.said().contains(text));
    }

    /// The output of a script in the container.
    fn inside(&self, script: &str) -> String {
        inside(&self.project, script)
    }

    fn shows(&self, script: &str, expected: &str) {
        self.until(&format!("`{script}` says {expected:?}"), || self.inside(script) == expected);
    }

    /// The container's id.
    fn container(&self) -> String {
        self.project.succeeds(&["ps", "-q", "web"]).trim().to_owned()
    }
}

/// The usual project with these files too.
fn project(subject: &str, files: &[(&str, &str)]) -> Option<TestProject> {
    let mut all = vec![("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("version", "1\n"), ("again", "1\n")];
    all.extend(files);
    let project = TestProject::new(subject, &all)?;
    for folder in ["src", "conf", "settings", "pages"] {
        fs::create_dir_all(project.file(folder)).expect("a folder");
    }
    Some(project)
}

/// The output of a script in the container of web.
fn inside(project: &TestProject, script: &str) -> String {
    let output = project.run(&["exec", "-T", "web", "sh", "-c", script]);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn without_rules_there_is_nothing_to_watch() {
    let file = "services: {web: {image: 'busybox:latest'}}\n";
    let Some(project) = TestProject::new("norules", &[("compose.yaml", file)]) else { return };
    assert!(project.fails(2, &["watch"]).contains("no service has rules of develop.watch"));
    assert!(project.fails(2, &["up", "--watch"]).contains("no service has rules of develop.watch"));
    assert!(project.fails(2, &["up", "-d", "--watch"]).contains("--watch"));
    assert!(project.on_engine().is_empty(), "and nothing was started");
}
