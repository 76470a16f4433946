//! The command line: help, completion, refusals, exit codes; no engine and no compose file is needed.

use std::process::{Command, Output};

fn devbox(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_devbox"))
        .args(args)
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .env_remove("COMPOSE_FILE")
        .output()
        .expect("devbox runs")
}

/// Runs `devbox ARGS`, which must end with `code`, and gives standard output and standard error.
fn ends(args: &[&str], code: i32) -> (String, String) {
    let output = devbox(args);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "devbox {args:?}\n{out}\n{err}");
    (out, err)
}

#[test]
fn help_names_every_verb_and_fits_a_terminal() {
    let (out, err) = ends(&["--help"], 0);
    assert_eq!(err, "");
    for verb in [
        "init",
        "up",
        "down",
        "start",
        "stop",
        "restart",
        "pause",
        "unpause",
        "kill",
        "rm",
        "build",
        "pull",
        "rebuild",
        "ps",
        "logs",
        "exec",
        "run",
        "shell",
        "attach",
        "config",
        "plan",
        "completion",
        "version",
    ] {
        assert!(out.lines().any(|line| line.starts_with(&format!("  {verb} "))), "{verb} is missing:\n{out}");
        let (help, _) = ends(&[verb, "--help"], 0);
        assert!(help.contains(&format!("Usage: devbox {verb}")), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_do() {
    for (args, what, help) in [
        (&["up", "--xyzzy"][..], "error: unexpected argument '--xyzzy' found", "help: `devbox up --help`"),
        (&["frobnicate"], "error: unrecognized subcommand 'frobnicate'", "help: `devbox --help`"),
        (&["up", "--menu"], "error: `up --menu` of Docker Compose is not built yet", "help: "),
        (&["push"], "error: `push` of Docker Compose is not built yet", "help: "),
        (&["up", "--build", "--no-build"], "error: the argument '--build' cannot be used with '--no-build'", "help: "),
        (&["logs", "--tail", "x"], "error: invalid value 'x' for '--tail <LINES>'", "help: "),
        (&["down", "-p", "x"], "error: `-p` stands before the verb", "help: devbox -p … down"),
    ] {
        let (out, err) = ends(args, 2);
        assert_eq!(out, "", "{args:?}");
        assert!(err.starts_with(what), "{args:?}: {err}");
        assert!(err.lines().any(|line| line.starts_with(help)), "{args:?}: {err}");
    }
}

#[test]
fn without_a_compose_file_there_is_an_error_that_says_where_it_was_looked_for() {
    for args in [&["config"][..], &["up", "-d"], &["plan"]] {
        let (_, err) = ends(args, 2);
        assert!(err.contains("error: ") && err.contains("help: "), "{args:?}: {err}");
    }
}

#[test]
fn completion_knows_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let (out, _) = ends(&["completion", shell], 0);
        assert!(out.contains("rebuild"), "{shell}");
    }
    let (_, err) = ends(&["completion", "tcsh"], 2);
    assert!(err.contains("help: "), "{err}");
}

#[test]
fn version_is_known_without_an_engine() {
    let (out, _) = ends(&["version", "--short"], 0);
    assert_eq!(out.trim(), env!("CARGO_PKG_VERSION"));
    let (out, _) = ends(&["--version"], 0);
    assert_eq!(out.trim(), format!("devbox {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_engine_ends_with_3() {
    let (_, err) = ends(&["-H", "unix:///nonexistent/docker.sock", "-p", "none", "ps"], 3);
    assert!(err.starts_with("error: ") && err.contains("/nonexistent/docker.sock"), "{err}");
    assert!(err.contains("help: "), "{err}");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_devbox"))
        .args(["completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("devbox runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("devbox ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_log_file_has_what_devbox_says_of_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("devbox.log");
    let file = path.to_str().expect("a name");
    ends(&["--log-file", file, "version", "--short"], 0);
    ends(&["--log-file", file, "config"], 2);
    let log = std::fs::read_to_string(&path).expect("a log");
    assert_eq!(log.matches(&format!("INFO devbox::cli: devbox {}", env!("CARGO_PKG_VERSION"))).count(), 2, "{log}");
    assert!(log.contains("ERROR devbox::cli: ") && !log.contains('\u{1b}'), "{log}");
    let nowhere = folder.path().join("missing/devbox.log");
    let (_, err) = ends(&["--log-file", nowhere.to_str().expect("a name"), "version", "--short"], 2);
    assert!(err.contains("can't be written") && err.contains("help: "), "{err}");
}
