//! exec, run, logs and the foreground `up` on a real engine, with and without a terminal.

use std::process::Stdio;

use crate::support::{project::TestProject, terminal::Terminal, wait};

const FILE: &str = "
services:
  web:
    image: busybox:latest
    init: true
    command: sh -c 'echo ready; exec sleep 1000'
";

#[test]
fn exec_passes_on_streams_and_the_exit_code() {
    let Some(project) = TestProject::new("exec", &[("compose.yaml", FILE)]) else { return };
    project.succeeds(&["up", "-d"]);
    let output = project.run(&["exec", "-T", "-e", "A=1", "web", "sh", "-c", "echo out $A; echo err >&2; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out 1\n"[..], &b"err\n"[..]));

    let mut piped = project.devbox(&["exec", "-T", "web", "wc", "-c"]);
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("devbox runs");
    let input = vec![b'x'; 300_000];
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), &input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "300000");

    assert!(project.fails(1, &["exec", "--index", "2", "web", "true"]).contains("web 2 has no container"));
    assert!(project.fails(2, &["exec", "wbe", "true"]).contains("did you mean `web`?"));
}

#[test]
fn a_shell_in_a_terminal_has_its_size_and_gives_the_terminal_back() {
    let Some(project) = TestProject::new("shell", &[("compose.yaml", FILE)]) else { return };
    project.succeeds(&["up", "-d"]);
    let mut terminal = Terminal::devbox(&project, &["shell"], 101, 33);
    terminal.wait_for("a prompt", |screen| screen.contains('#') || screen.contains('$'));
    terminal.send("stty size\r");
    terminal.shows("33 101");
    terminal.resize(77, 22);
    wait::until("the new size inside", || {
        terminal.send("stty size\r");
        terminal.text().contains("22 77").then_some(())
    });
    terminal.send("exit 3\r");
    assert_eq!(terminal.wait().exit_code(), 3);
}

#[test]
fn run_makes_a_container_of_its_own_and_takes_it_away() {
    let Some(project) = TestProject::new("run", &[("compose.yaml", FILE), ("data/greeting", "hello\n")]) else {
        return;
    };
    let output =
        project.run(&["run", "--rm", "-T", "-v", "./data:/data:ro", "web", "sh", "-c", "cat /data/greeting; exit 4"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(4), &b"hello\n"[..]));
    assert_eq!(project.on_engine(), [format!("network {}_default", project.name)]);
    let name = project.succeeds(&["run", "-d", "web", "sleep", "1000"]);
    assert!(name.trim().starts_with(&format!("{}-web-run-", project.name)), "{name}");
    project.succeeds(&["down", "--remove-orphans", "-t", "0"]);
    assert_eq!(project.on_engine(), [] as [&str; 0]);
}

#[test]
fn up_in_the_foreground_streams_and_stops_what_it_started() {
    let Some(project) = TestProject::new("fg", &[("compose.yaml", FILE)]) else { return };
    let mut command = project.devbox(&["up"]);
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("devbox runs");
    wait::until("the service runs", || project.succeeds(&["logs"]).contains("ready").then_some(()));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal");
    let output = child.wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(130), "{out}\n{err}");
    assert!(out.contains("web  ready\n") && err.contains("✓ web  stopped"), "{out}\n{err}");
    assert_eq!(project.succeeds(&["ps", "-q"]), "");
}

#[test]
fn the_exit_of_one_ends_all_where_that_was_asked_for() {
    let file = "
services:
  job: {image: 'busybox:latest', command: sh -c 'echo done; exit 5'}
  web: {image: 'busybox:latest', init: true, command: sleep 1000}
";
    let Some(project) = TestProject::new("abort", &[("compose.yaml", file)]) else { return };
    let output = project.run(&["up", "--exit-code-from", "job"]);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(5), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("job  done\n") && out.contains("job  exited with code 5\n"), "{out}");
    assert_eq!(project.succeeds(&["ps", "-q"]), "");
}

#[test]
fn a_project_is_known_by_its_name_alone() {
    let Some(project) = TestProject::new("alone", &[("compose.yaml", FILE)]) else { return };
    project.succeeds(&["up", "-d"]);
    std::fs::remove_file(project.file("compose.yaml")).expect("the file goes");
    assert!(project.succeeds(&["ps"]).contains("web      running"));
    assert!(project.succeeds(&["logs", "--no-log-prefix", "web"]).contains("ready\n"));
    project.succeeds(&["stop", "-t", "0"]);
    assert_eq!(project.succeeds(&["ps", "-q"]), "");
    project.succeeds(&["down"]);
    assert_eq!(project.on_engine(), [] as [&str; 0]);
}
