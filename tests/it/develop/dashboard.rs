//! The rules while the dashboard is open.

use std::fs;

use super::{
    beside::{COMPOSE, project},
    inside, loops,
};
use crate::support::{engine::runs_healthchecks, project::TestProject, terminal::Terminal, wait};

fn shows(project: &TestProject, script: &str, expected: &str) {
    wait::until(&format!("`{script}` says {expected:?}"), || (inside(project, script) == expected).then_some(()));
}

#[test]
fn the_dashboard_carries_out_the_rules_and_says_so() {
    if !runs_healthchecks() {
        return; // A rebuild would wait for an answer that nobody asks for.
    }
    let Some(project) = project("dashwatch") else { return };
    project.succeeds(&["up", "-d"]);
    let mut terminal = Terminal::devbox(&project, &[], 140, 40);
    terminal.shows("● web     ");
    terminal.send("4");
    terminal.shows("develop.watch: watching settings, src, version");
    project.write("src/a", "2");
    shows(&project, "cat /app/src/a", "2");
    terminal.shows("synced 1 file");
    project.write("settings/a", "2");
    terminal.shows("restarts, as develop.watch says");
    shows(&project, "cat /app/settings/a", "2");
    terminal.shows("restart done");

    // What the image doesn't have is in the new container all the same.
    let container = project.succeeds(&["ps", "-q", "web"]);
    project.write("version", "2\n");
    terminal.shows("version changed: rebuild, as develop.watch says");
    shows(&project, "cat /version", "2");
    shows(&project, "cat /app/src/a", "2");
    assert_ne!(project.succeeds(&["ps", "-q", "web"]), container);
    terminal.shows("rebuild done");

    // The rules of an edited compose file are in force at once.
    fs::create_dir(project.file("more")).expect("a folder");
    let more = "        - {path: ./more, action: sync, target: /app/more}\n";
    project.write("compose.yaml", &format!("{COMPOSE}{more}"));
    terminal.shows("develop.watch: watching more, settings, src, version");
    project.write("more/x", "y");
    shows(&project, "cat /app/more/x", "y");

    // A container that is made anew for another reason has it, too.
    project.succeeds(&["up", "-d", "--force-recreate"]);
    shows(&project, "cat /app/more/x", "y");
    terminal.send("1");
    terminal.shows("synced");
    terminal.send("q");
    assert!(terminal.wait().success());
}

#[test]
fn the_dashboard_stops_a_loop_too() {
    let Some(project) = loops::project("dashloop") else { return };
    project.succeeds(&["up", "-d"]);
    let mut terminal = Terminal::devbox(&project, &[], 160, 40);
    terminal.send("4");
    terminal.shows("develop.watch: watching out, src");
    project.write("out/hand", "2");
    terminal.shows("goes round in circles: 5 times in a row web wrote it");
    terminal.send("q");
    assert!(terminal.wait().success());
}

#[test]
fn what_fails_is_a_notice_and_tried_once() {
    let compose = "
services:
  web:
    image: busybox:latest
    init: true
    command: sleep 1000
    stop_grace_period: 1s
    develop:
      watch:
        - {path: ./conf, action: sync+exec, target: /conf, exec: {command: sh -c 'echo x >> /tries; exit 3'}}
        - {path: ./src, action: sync, target: /src}
  frozen:
    image: busybox:latest
    init: true
    read_only: true
    command: sleep 1000
    stop_grace_period: 1s
    develop: {watch: [{path: ./src, action: sync, target: /src}]}
";
    let files = [("compose.yaml", compose), ("conf/a", "1"), ("src/a", "1")];
    let Some(project) = TestProject::new("dashfail", &files) else { return };
    project.succeeds(&["up", "-d"]);
    let mut terminal = Terminal::devbox(&project, &[], 160, 40);
    terminal.send("4");
    terminal.shows("develop.watch: watching conf, src");
    project.write("conf/a", "2");
    terminal.shows("sync+exec hook of web exited with code 3");
    project.write("src/a", "2");
    terminal.shows("frozen can't be synced");
    // The command goes along with what is brought next, and with nothing else that happens.
    shows(&project, "cat /src/a; cat /tries", "2x\nx");
    terminal.send("q");
    assert!(terminal.wait().success());
    assert_eq!(inside(&project, "cat /tries"), "x\nx");
}
