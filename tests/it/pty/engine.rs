//! The dashboard with engines: a real one, one that is cut off and comes back, one that misbehaves.

use std::fs;

use bollard::query_parameters::KillContainerOptions;
use serde_json::json;

use super::{FILE, connected, restored, settled};
use crate::support::{
    engine::{block_on, socket},
    fake_daemon::{FakeDaemon, Reply},
    project::TestProject,
    proxy::Proxy,
    terminal::Terminal,
    wait,
};

#[test]
fn up_starts_shells_and_leaves_everything_running() {
    let Some(project) = TestProject::new("pty-up", &[("docker-compose.yaml", FILE)]) else { return };
    let mut terminal = Terminal::devbox(&project, &["up"], 120, 30);
    terminal.shows("running");
    terminal.shows("hello from web");
    terminal.send("s");
    terminal.shows("a shell in web");
    terminal.send("echo in-$((40+2))\r");
    terminal.shows("in-42");
    terminal.send("exit\r");
    terminal.shows("Services");
    terminal.send("S");
    terminal.shows("stopped");
    terminal.send("u");
    terminal.wait_for("web again", |screen| screen.contains("● web     running"));
    terminal.send("q");
    assert!(terminal.wait().success());
    restored(&terminal);
    terminal.shows("goes on running");
}

/// A debugger that waits for its user.
const BREAKPOINT: &str = "services:
  web:
    image: python:3.11-slim
    command: python /app.py
    volumes: [./app.py:/app.py]
    stdin_open: true
    tty: true
  docs: {image: busybox, profiles: [docs]}
";

#[test]
fn a_breakpoint_answers_and_its_end_gives_the_dashboard_back() {
    let program = "x = 41\nbreakpoint()\nprint('went on with', x)\n";
    let files = [("docker-compose.yaml", BREAKPOINT), ("app.py", program)];
    let Some(project) = TestProject::new("pty-attach", &files) else { return };
    let mut terminal = Terminal::devbox(&project, &["up"], 120, 30);
    terminal.shows("-> print('went on with', x)");
    terminal.send("a");
    terminal.shows("attached to web");
    terminal.shows("-> print('went on with', x)");
    terminal.send("x = 40 + 59\r");
    terminal.send("p 'x is', x\r");
    terminal.shows("('x is', 99)");
    terminal.send("c\r");
    terminal.shows("exited 0");
    terminal.shows("went on with 99");
    terminal.send("q");
    assert!(terminal.wait().success());
    restored(&terminal);
}

#[test]
fn a_killed_container_shows_and_comes_back() {
    let Some(project) = TestProject::new("pty-kill", &[("docker-compose.yaml", FILE)]) else { return };
    let mut terminal = Terminal::devbox(&project, &["up"], 120, 30);
    terminal.shows("● web     running");
    kill(&project, "web-1");
    terminal.shows("✗ web     exited 137 (killed)");
    terminal.shows("1 failed");
    terminal.send("4");
    terminal
        .wait_for("the event", |screen| screen.lines().any(|line| line.contains("✗ web") && line.contains("killed")));
    terminal.send("u");
    terminal.shows("● web     running");
    terminal.send("Q");
    assert!(terminal.wait().success());
    terminal.shows("everything is stopped");
}

/// Kills a container's process behind devbox's back.
fn kill(project: &TestProject, container: &str) {
    let (docker, name) = (project.docker().clone(), format!("{}-{container}", project.name));
    block_on(async move { docker.kill_container(&name, None::<KillContainerOptions>).await }).expect("it is killed");
}

#[test]
#[cfg(target_os = "linux")]
fn a_key_wakes_an_idle_loop() {
    let daemon = connected();
    let project = TestProject::without_engine("pty-idle", &[("docker-compose.yaml", FILE)]);
    let mut terminal = Terminal::devbox(&project, &["-H", &daemon.address()], 100, 30);
    terminal.shows("docker 20.10");
    for (key, word, there) in [
        ("?", "rebuild fresh", true),
        ("\u{1b}", "rebuild fresh", false),
        (":", "do it", true),
        ("\u{1b}", "do it", false),
    ] {
        idle(&terminal);
        terminal.send(key);
        terminal.wait_for(word, |screen| screen.contains(word) == there);
    }
    terminal.send("q");
    assert!(terminal.wait().success());
}

/// Waits until the loop's thread, the program's first, has not run for a while.
#[cfg(target_os = "linux")]
fn idle(terminal: &Terminal) {
    settled(terminal);
    let status = format!("/proc/{0}/task/{0}/status", terminal.pid());
    let switches = || {
        let text = fs::read_to_string(&status).expect("the thread's status");
        text.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut last = (switches(), 0);
    wait::until("an idle loop", || {
        let now = switches();
        last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
        (last.1 >= 10).then_some(())
    });
}

#[test]
fn what_the_engine_refuses_is_told_and_the_dashboard_goes_on() {
    let daemon = FakeDaemon::start(|request| match request.path.as_str() {
        "/_ping" => Reply::Json(200, json!("OK")),
        "/events" => Reply::Open { content_type: "application/json", pieces: Vec::new() },
        _ => Reply::Json(500, json!({"message": "the disk is on fire"})),
    });
    let project = TestProject::without_engine("pty-refused", &[("docker-compose.yaml", FILE)]);
    let mut terminal = Terminal::devbox(&project, &["-H", &daemon.address()], 120, 30);
    terminal.shows("✗ the disk is on fire");
    terminal.send("\r");
    terminal.shows("y copy");
    terminal.send("\u{1b}");
    terminal.wait_for("the cause closed", |screen| !screen.contains("y copy"));
    terminal.send("q");
    assert!(terminal.wait().success());
    restored(&terminal);
}

#[test]
fn an_engine_that_hangs_leaves_the_keys_alive() {
    let daemon = FakeDaemon::start(|request| match request.path.as_str() {
        "/_ping" => Reply::Json(200, json!("OK")),
        "/events" => Reply::Open { content_type: "application/json", pieces: Vec::new() },
        _ => Reply::Hang,
    });
    let project = TestProject::without_engine("pty-hang", &[("docker-compose.yaml", FILE)]);
    let mut terminal = Terminal::devbox(&project, &["-H", &daemon.address()], 120, 30);
    terminal.shows("docker 20.10");
    terminal.send("?");
    terminal.shows("rebuild fresh");
    terminal.send("\u{1b}");
    terminal.wait_for("the help closed", |screen| !screen.contains("rebuild fresh"));
    terminal.send("q");
    assert!(terminal.wait().success());
    restored(&terminal);
}

/// Lines that count, more than fit the time in which the engine is away.
const COUNTING: &str = "services:
  web:
    image: busybox
    command: sh -c 'i=0; while [ $$i -lt 600 ]; do i=$$((i+1)); echo \"number $$i end\"; usleep 10000; done; echo all said; exec sleep 1000'
    init: true
    stop_grace_period: 1s
  docs: {image: busybox, profiles: [docs]}
";

#[test]
fn an_engine_that_was_away_costs_no_line_and_doubles_none() {
    let Some(project) = TestProject::new("pty-cut", &[("docker-compose.yaml", COUNTING)]) else { return };
    let Some(socket) = socket() else { return };
    let mut proxy = Proxy::start(&socket);
    let mut terminal = Terminal::devbox(&project, &["-H", &proxy.address(), "up"], 120, 30);
    terminal.shows("number 40 end");
    for after in ["number 200 end", "number 400 end"] {
        proxy.cut();
        terminal.shows("engine lost");
        proxy.restore();
        terminal.shows(after);
    }
    terminal.shows("all said");
    terminal.send(":save\r");
    terminal.shows("saved");
    let saved = fs::read_dir(project.path()).expect("the folder").flatten().map(|entry| entry.path());
    let saved: Vec<_> = saved.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    let text = fs::read_to_string(&saved[0]).expect("the saved log");
    let numbers: Vec<u32> =
        text.lines().filter_map(|line| line.split_once("number ")?.1.strip_suffix(" end")?.parse().ok()).collect();
    assert_eq!(numbers, (1..=600).collect::<Vec<_>>());
    terminal.send("Q");
    assert!(terminal.wait().success());
}
