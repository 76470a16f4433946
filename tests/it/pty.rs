//! The dashboard in a pseudo-terminal: keys, sizes, signals, and the terminal given back in every way of leaving.
//!
//! Most of it needs no engine: without one the dashboard shows the services and says that it tries again.

use rustix::process::{Pid, Signal, WaitOptions, kill_process};

use crate::support::{project::TestProject, terminal::Terminal};

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

fn signal(terminal: &Terminal, signal: Signal) {
    let sent = pid(terminal).map(|pid| kill_process(pid, signal));
    assert_eq!(sent, Some(Ok(())), "the signal is sent");
}

fn pid(terminal: &Terminal) -> Option<Pid> {
    Pid::from_raw(i32::try_from(terminal.pid()).ok()?)
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

#[test]
fn signals_give_the_terminal_back() {
    for (name, number) in [("term", Signal::TERM), ("hup", Signal::HUP)] {
        let project = project(&format!("pty-{name}"));
        let mut terminal = open(&project, 80, 24);
        signal(&terminal, number);
        assert_eq!(terminal.wait().exit_code(), 130, "{name}");
        restored(&terminal);
    }
}

#[test]
fn an_interrupt_asks_and_twice_leaves() {
    let project = project("pty-int");
    let mut terminal = open(&project, 80, 24);
    signal(&terminal, Signal::INT);
    terminal.shows("leave them running");
    terminal.send("\u{1b}");
    terminal.wait_for("the question closed", |screen| !screen.contains("leave them running"));
    terminal.send("\u{3}\u{3}");
    assert!(terminal.wait().success());
    restored(&terminal);
}

#[test]
fn a_stop_gives_the_terminal_back_until_it_goes_on() {
    let project = project("pty-stop");
    let mut terminal = open(&project, 80, 24);
    terminal.send("\u{1a}");
    restored(&terminal);
    rustix::process::waitpid(pid(&terminal), WaitOptions::UNTRACED).unwrap();
    signal(&terminal, Signal::CONT);
    terminal.wait_for("the dashboard again", |screen| screen.contains("docs"));
    assert!(terminal.screen(|screen| screen.alternate_screen()));
    signal(&terminal, Signal::TSTP);
    restored(&terminal);
    signal(&terminal, Signal::CONT);
    terminal.shows("docs");
    terminal.send("q");
    assert!(terminal.wait().success());
    restored(&terminal);
}

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
