//! Every way of leaving gives the terminal back as it was: keys, signals, a stop, a panic.

use std::env;

use devbox::runtime::terminal::{self, Screen};
use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, WaitOptions, kill_process};

use super::{open, project, restored};
use crate::support::terminal::Terminal;

/// Set in the process that panics.
const PANICS: &str = "DEVBOX_TEST_PANICS";

fn signal(terminal: &Terminal, signal: Signal) {
    let sent = pid(terminal).map(|pid| kill_process(pid, signal));
    assert_eq!(sent, Some(Ok(())), "the signal is sent");
}

fn pid(terminal: &Terminal) -> Option<Pid> {
    Pid::from_raw(i32::try_from(terminal.pid()).ok()?)
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

/// The test runs itself in a terminal, as the program that takes it and panics.
#[test]
fn a_panic_gives_the_terminal_back_before_it_speaks() {
    if env::var_os(PANICS).is_some() {
        terminal::restore_on_panic();
        let _screen = Screen::enter("about to panic", true).expect("a terminal");
        panic!("this is a bug");
    }
    let mut command = CommandBuilder::new(env::current_exe().expect("this program"));
    command.args(["--exact", "pty::leaving::a_panic_gives_the_terminal_back_before_it_speaks", "--nocapture"]);
    command.env(PANICS, "1");
    let mut terminal = Terminal::run(command, &env::temp_dir(), 100, 30);
    terminal.shows("this is a bug");
    assert!(!terminal.wait().success());
    restored(&terminal);
    terminal.shows("this is a bug");
}
