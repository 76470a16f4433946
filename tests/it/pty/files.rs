//! The compose file and all that belongs to it, edited while the dashboard is open.

use super::{FILE, connected};
use crate::support::{fake_daemon::FakeDaemon, project::TestProject, terminal::Terminal};

fn open(subject: &str, files: &[(&str, &str)]) -> (FakeDaemon, TestProject, Terminal) {
    let daemon = connected();
    let project = TestProject::without_engine(subject, files);
    let terminal = Terminal::devbox(&project, &["-H", &daemon.address()], 120, 30);
    terminal.shows("docs");
    terminal.shows("docker 20.10");
    (daemon, project, terminal)
}

#[test]
fn a_mistake_is_shown_with_its_line_and_mending_it_clears_it() {
    let (_daemon, project, mut terminal) = open("pty-typo", &[("docker-compose.yaml", FILE)]);
    project.write("docker-compose.yaml", &FILE.replace("init: true", "innit: true"));
    terminal.shows("docker-compose.yaml:5:5: unknown key `innit` in service `web`");
    terminal.send("\r");
    terminal.shows("5 │     innit: true");
    terminal.shows("^^^^^");
    terminal.shows("did you mean `init`?");
    terminal.send("\u{1b}");
    project.write("docker-compose.yaml", FILE);
    terminal.wait_for("the notice gone", |screen| !screen.contains("innit"));
    terminal.send("q");
    assert!(terminal.wait().success());
}

#[test]
fn a_mistake_in_a_dockerfile_is_shown_with_its_line_and_mending_it_clears_it() {
    let dockerfile = "FROM busybox\nCOPY requirements.txt .\n  RUN pip install -r requirements.txt\n";
    let file = "services:\n  web: {build: .}\n  docs: {image: busybox}\n";
    let files = [("compose.yaml", file), ("Dockerfile", dockerfile), ("requirements.txt", "django==5\n")];
    let (_daemon, project, mut terminal) = open("pty-dockerfile", &files);
    project.write("Dockerfile", &dockerfile.replace("RUN", "RUNN"));
    terminal.shows("Dockerfile:3:3: RUNN is not an instruction");
    terminal.send("\r");
    terminal.shows("3 │   RUNN pip install");
    terminal.shows("^^^^^^^^^^^^^^^^");
    terminal.send("\u{1b}");
    project.write("Dockerfile", dockerfile);
    terminal.wait_for("the notice gone", |screen| !screen.contains("RUNN"));
    terminal.send("q");
    assert!(terminal.wait().success());
}

#[test]
fn an_edit_of_any_file_that_was_read_is_a_plan() {
    let files = [
        (
            "docker-compose.yaml",
            "include: [more.yaml]\nservices:\n  web: {image: busybox, env_file: web.env}\n  docs: {image: busybox}\n",
        ),
        ("more.yaml", "services:\n  more: {image: busybox}\n"),
        ("web.env", "A=1\n"),
    ];
    let (_daemon, project, mut terminal) = open("pty-edit", &files);
    for (file, text) in [
        ("web.env", "A=2\n"),
        ("more.yaml", "services:\n  more: {image: busybox, init: true}\n"),
        ("docker-compose.override.yaml", "services:\n  docs: {init: true}\n"),
        (".env", "COMPOSE_PROFILES=x\n"),
    ] {
        project.write(file, text);
        terminal.shows(&format!("▲ {file} changed"));
        terminal.shows("1 change waiting");
        terminal.send("x");
        terminal.wait_for("the notice closed", |screen| !screen.contains("waiting"));
    }
    terminal.send("q");
    assert!(terminal.wait().success());
}
