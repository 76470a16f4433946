//! The dashboard in a pseudo-terminal: keys and sizes here; every way of leaving, colours, engines that misbehave and files that
//! are edited in the modules below.
//!
//! Most of it needs no engine: without one the dashboard shows the services and says that it tries again.

mod colours;
mod engine;
mod files;
mod leaving;

use serde_json::json;

use crate::support::{
    fake_daemon::{FakeDaemon, Reply},
    project::TestProject,
    terminal::Terminal,
    wait,
};

const FILE: &str = "services:
  web:
    image: busybox
    command: sh -c 'echo hello from web; exec sleep 1000'
    init: true
    stop_grace_period: 1s
  docs: {image: busybox, profiles: [docs]}
";

/// A project whose engine is nowhere.
fn project(subject: &str) -> TestProject {
    TestProject::without_engine(subject, &[("docker-compose.yaml", FILE)])
}

/// The dashboard on it, with its services on the screen.
fn open(project: &TestProject, columns: u16, rows: u16) -> Terminal {
    let nowhere = format!("unix://{}/nowhere.sock", project.path().display());
    let terminal = Terminal::devbox(project, &["-H", &nowhere], columns, rows);
    terminal.shows("docs");
    terminal
}

/// An engine with nothing in it, where nothing happens.
fn connected() -> FakeDaemon {
    FakeDaemon::start(|request| match request.path.as_str() {
        "/_ping" => Reply::Json(200, json!("OK")),
        "/events" => Reply::Open { content_type: "application/json", pieces: Vec::new() },
        "/volumes" => Reply::Json(200, json!({"Volumes": []})),
        "/containers/json" | "/networks" | "/images/json" => Reply::Json(200, json!([])),
        _ => Reply::Json(404, json!({"message": "not there"})),
    })
}

/// Waits until the screen stays as it is.
fn settled(terminal: &Terminal) {
    let mut last = (String::new(), 0);
    wait::until("a screen that stays", || {
        let now = terminal.text();
        last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
        (last.1 >= 5).then_some(())
    });
}

/// The shell's own screen is back, with cursor and without modes.
fn restored(terminal: &Terminal) {
    terminal.wait_for("the terminal given back", |_| {
        terminal.screen(|screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        })
    });
}

#[test]
fn without_an_engine_it_shows_the_services_and_tries_again() {
    let project = project("pty-lost");
    let mut terminal = open(&project, 100, 30);
    terminal.shows("engine lost");
    terminal.shows("trying again");
    terminal.send("?");
    terminal.shows("rebuild fresh");
    terminal.send("\u{1b}");
    terminal.wait_for("the help closed", |screen| !screen.contains("rebuild fresh"));
    terminal.send("q");
    assert!(terminal.wait().success());
    restored(&terminal);
}

#[test]
fn its_own_log_is_a_key_away() {
    let project = project("pty-log");
    let mut terminal = open(&project, 120, 30);
    terminal.shows("engine lost");
    terminal.send("L");
    terminal.shows("devbox's own log");
    terminal.shows(&format!("devbox {}", env!("CARGO_PKG_VERSION")));
    terminal.shows("the engine doesn't answer");
    let before = terminal.text().matches("the engine doesn't answer").count();
    terminal.wait_for("what is written while it is open", |screen| {
        screen.matches("the engine doesn't answer").count() > before
    });
    terminal.send("\u{1b}");
    terminal.wait_for("the log closed", |screen| !screen.contains("devbox's own log"));
    terminal.send("q");
    assert!(terminal.wait().success());
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let project = project("pty-size");
    let mut terminal = open(&project, 160, 48);
    for (columns, rows, shown) in
        [(60, 16, "[1 Logs]"), (40, 10, "web"), (32, 8, "devbox needs 40x10, this is 32x8"), (250, 80, "Services")]
    {
        terminal.resize(columns, rows);
        terminal.shows(shown);
    }
    terminal.send("q");
    assert!(terminal.wait().success());
}
