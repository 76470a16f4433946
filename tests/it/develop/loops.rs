//! A container that writes what sets its own rule off.

use super::Watching;
use crate::support::project::TestProject;

const COMPOSE: &str = "
services:
  web:
    image: busybox:latest
    init: true
    command: sh -c 'cat /proc/uptime > /back/state; exec sleep 1000'
    stop_grace_period: 1s
    volumes: ['./out:/back']
    develop:
      watch:
        - {path: ./out, action: restart}
        - {path: ./src, action: sync+exec, target: /app, exec: {command: 'sh -c \"date +%s%N > /back/log\"'}}
";

pub(super) fn project(subject: &str) -> Option<TestProject> {
    TestProject::new(subject, &[("compose.yaml", COMPOSE), ("src/a", "1"), ("out/hand", "1")])
}

#[test]
fn a_container_that_writes_into_its_own_rule_is_named_and_stopped() {
    let Some(project) = project("loop") else { return };
    let web = Watching::run(project, &["watch"]);
    web.project.write("out/hand", "2");
    let state = web.project.file("out/state");
    web.says(&format!("{} goes round in circles: 5 times in a row web wrote it", state.display()));
    web.says("`ignore: [state]` in the rule");
    // It has come to rest: what restarts from now on is what a hand has done.
    let restarts = || web.said().matches("web  restarted").count();
    let before = restarts();
    web.project.write("src/a", "2");
    web.says("ran sh -c");
    web.until("the log that the command wrote restarts once", || restarts() > before);
    assert_eq!(web.said().matches("goes round in circles").count(), 1);
}
