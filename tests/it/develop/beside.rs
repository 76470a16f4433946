//! The rules beside the logs of `up --watch`.

use super::{DOCKERFILE, Watching};
use crate::support::{project::TestProject, wait};

pub(super) const COMPOSE: &str = "
services:
  web:
    build: .
    init: true
    command: sh -c 'echo started; exec sleep 1000'
    stop_grace_period: 1s
    healthcheck: {test: ['CMD', 'true'], interval: 1s}
    develop:
      watch:
        - {path: ./src, action: sync, target: /app/src}
        - {path: ./settings, action: sync+restart, target: /app/settings}
        - {path: ./version, action: rebuild}
";

pub(super) fn project(subject: &str) -> Option<TestProject> {
    let files = [
        ("compose.yaml", COMPOSE),
        ("Dockerfile", DOCKERFILE),
        ("version", "1\n"),
        ("src/a", "1"),
        ("settings/a", "1"),
    ];
    TestProject::new(subject, &files)
}

#[test]
fn up_streams_logs_and_carries_out_the_rules() {
    let Some(project) = project("upwatch") else { return };
    let mut web = Watching::run(project, &["up", "--watch"]);
    web.says("started");
    web.project.write("src/a", "2");
    web.shows("cat /app/src/a", "2");
    web.says("web  synced 1 file");
    let starts = |web: &Watching| web.said().matches("web  started").count();
    web.project.write("settings/a", "2");
    web.says("web  synced 1 file, restarted");
    web.until("it goes on after the restart", || starts(&web) == 2);
    let container = web.container();
    web.project.write("version", "2\n");
    web.shows("cat /version", "2");
    web.until("it follows the new container", || starts(&web) >= 3);
    assert_ne!(web.container(), container);
    let pid = i32::try_from(web.child.id()).expect("a pid");
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).expect("a pid"), rustix::process::Signal::INT)
        .expect("a signal");
    let status = wait::until("its end", || web.child.try_wait().expect("its state"));
    assert_eq!(status.code(), Some(130), "{}", web.said());
    assert_eq!(web.project.succeeds(&["ps", "-q"]), "", "and all is stopped");
}
