//! Every flag of `devbox config` prints what Compose's prints: `tests/fixtures/config/expected` holds Compose's answers, made again
//! when DEVBOX_COMPOSE names a Compose binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What is asked. Lists of names come in any order from Compose.
const QUESTIONS: &[&[&str]] = &[
    &["--format", "json"],
    &["--format", "json", "web"],
    &["--format", "json", "db"],
    &["--format", "yaml"],
    &[],
    &["--services"],
    &["--services", "db"],
    &["--images"],
    &["--images", "db"],
    &["--volumes"],
    &["--networks"],
    &["--profiles"],
    &["--models"],
    &["--variables"],
    &["--variables", "--format", "json"],
    &["--environment"],
    &["--hash", "*"],
    &["--hash", "web"],
    &["--hash", "web,db"],
    &["--quiet"],
    &["--no-interpolate", "--format", "json"],
    &["--no-interpolate"],
    &["--no-normalize", "--format", "json"],
    &["--no-path-resolution", "--format", "json"],
    &["--no-env-resolution", "--format", "json"],
    &["--no-consistency", "--format", "json"],
    &["--no-interpolate", "--no-normalize", "--no-path-resolution", "--format", "json"],
    &["--output", "-"],
];

const LISTS: [&str; 9] = [
    "--services",
    "--images",
    "--volumes",
    "--networks",
    "--profiles",
    "--models",
    "--variables",
    "--environment",
    "--hash",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn name(question: &[&str]) -> String {
    let name: Vec<&str> = question.iter().map(|word| word.trim_start_matches('-')).collect();
    let name = name.join("_").replace('*', "all").replace(',', "+");
    if name.is_empty() { "nothing".into() } else { name }
}

/// What a program prints, comparable: this folder as `DIR`, lists of names sorted.
fn ask(program: &str, question: &[&str], scratch: &Path) -> String {
    let written = scratch.join("written");
    let question: Vec<String> = question
        .iter()
        .map(|word| if *word == "-" { written.display().to_string() } else { (*word).to_owned() })
        .collect();
    let output = Command::new(program)
        .args(["--profile", "*", "config"])
        .args(&question)
        .current_dir(folder())
        .env_clear()
        .envs([("HOME", "/home/someone"), ("PATH", "/usr/bin:/bin")])
        .env("DOCKER_CONFIG", scratch)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{program} {question:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&written).unwrap_or_else(|_| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.replace(&*folder().to_string_lossy(), "DIR");
    if question.iter().any(|word| LISTS.contains(&word.as_str())) && !text.starts_with('{') {
        // The settings folder is the test's; a Compose that is a shell script adds its depth.
        let mut lines: Vec<&str> =
            text.lines().filter(|line| !line.starts_with("DOCKER_CONFIG=") && !line.starts_with("SHLVL=")).collect();
        lines.sort_unstable();
        return lines.join("\n") + "\n";
    }
    text
}

/// JSON in any order; YAML's layout differs in quotes, its meaning doesn't.
fn meaning(text: &str) -> serde_json::Value {
    let value = serde_yaml::from_str(text);
    value.unwrap_or_else(|_| serde_json::Value::String(text.trim_end().to_owned()))
}

#[test]
fn flags_print_what_composes_print() {
    let scratch = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    for question in QUESTIONS {
        let file = folder().join("expected").join(name(question));
        let hashes = question.contains(&"--hash");
        if let Ok(compose) = std::env::var("DEVBOX_COMPOSE") {
            let text = ask(&compose, question, scratch.path());
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(&file, text).expect("a recording");
        } else if hashes {
            // This folder's path is part of what is hashed: compared where Compose is at hand, and in `fixtures_hash_as_compose_hashes_them`.
            continue;
        }
        let _ = fs::remove_file(scratch.path().join("written"));
        let expected = fs::read_to_string(&file).expect("a recording");
        let said = ask(env!("CARGO_BIN_EXE_devbox"), question, scratch.path());
        if meaning(&said) != meaning(&expected) {
            wrong.push(format!("config {}\n{said}\ninstead of\n{expected}", question.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What only lists names or hashes takes a project that couldn't run: its env file is not there yet, or two services
/// want the same name.
#[test]
fn lists_and_hashes_need_no_env_files() {
    const LISTS: [&[&str]; 7] = [
        &["--services"],
        &["--images"],
        &["--volumes"],
        &["--networks"],
        &["--profiles"],
        &["--models"],
        &["--hash", "*"],
    ];
    const WHOLE: [&[&str]; 3] = [&[], &["--quiet"], &["--no-env-resolution"]];
    let missing = "services: {a: {image: busybox, env_file: missing.env}}";
    let twice = "services: {a: {image: busybox, container_name: xx}, b: {image: busybox, container_name: xx}}";
    for (file, needs_env_files) in [(missing, true), (twice, false)] {
        let project = tempfile::tempdir().expect("a folder");
        fs::write(project.path().join("compose.yaml"), file).expect("a file");
        let environment: &[&str] = &["--environment"];
        let questions = LISTS.iter().map(|question| (*question, true)).chain(WHOLE.iter().map(|q| (*q, false)));
        for (question, succeeds) in questions.chain([(environment, !needs_env_files)]) {
            let programs = [Some(env!("CARGO_BIN_EXE_devbox").to_owned()), std::env::var("DEVBOX_COMPOSE").ok()];
            for program in programs.into_iter().flatten() {
                let output = Command::new(&program).arg("config").args(question).current_dir(&project).output();
                let output = output.expect("it runs");
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.success(), succeeds, "{program} config {question:?} of {file}\n{said}");
            }
        }
    }
}

#[test]
fn keys_are_listed_without_a_project() {
    let empty = tempfile::tempdir().expect("a folder");
    let run = |words: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_devbox")).args(words).current_dir(empty.path()).output().expect("it runs");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/compose-keys.md")).expect("it");
    assert_eq!(run(&["config", "--keys"]), table);
    let keys: serde_json::Value = serde_json::from_str(&run(&["config", "--keys", "--format", "json"])).expect("JSON");
    let mode = keys.as_array().and_then(|keys| keys.iter().find(|key| key["Key"] == "services.*.deploy.mode"));
    assert_eq!(mode.expect("the key")["Support"], "warned");
}
