//! What a verb costs, as its user waits for it: whole processes on a real engine, run in turns with Compose.
//!
//! `DEVBOX_COMPOSE="docker compose" cargo bench --bench verbs`. `DEVBOX_BENCH_ROUNDS` (7) and `DEVBOX_BENCH_IMAGE` (busybox) are
//! optional. The engine is the one that DOCKER_HOST names, for both. Prints a table for the README.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends at the first mistake and prints what it measured"
)]

#[path = "support/compose_file.rs"]
mod compose_file;
#[path = "support/median.rs"]
mod median;
#[path = "support/times.rs"]
mod times;
#[path = "support/tool.rs"]
mod tool;

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;
use times::Times;
use tool::Tool;

const SUBJECTS: [&str; 6] = [
    "`config`, 5 services",
    "`config`, 1,000 services",
    "`up -d`, 10 services, nothing to do",
    "`up -d`, 10 services, from nothing",
    "`down`, 10 services",
    "`build`, nothing to do",
];

fn main() {
    let devbox = Tool::devbox();
    let peer = Tool::compose();
    let tools: Vec<&Tool> = [Some(&devbox), peer.as_ref()].into_iter().flatten().collect();
    let rounds = std::env::var("DEVBOX_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
    println!("{}", words(devbox.command(Path::new("."), &["version"])));
    if let Some(peer) = &peer {
        println!("{}", words(peer.command(Path::new("."), &["version"])));
    }
    let mut times = Times::default();
    let files = [(SUBJECTS[0], 5), (SUBJECTS[1], 1000)].map(|(subject, count)| (subject, rich(count)));
    let projects: Vec<_> = tools.iter().map(|tool| (*tool, Project::running(tool), Project::built(tool))).collect();
    for _ in 0..rounds {
        for (subject, folder) in &files {
            for tool in &tools {
                times.run(subject, tool, tool.command(folder.path(), &["config"]));
            }
        }
        for (tool, running, built) in &projects {
            let run = |project: &Project, arguments: &[&str]| tool.command(project.folder.path(), arguments);
            times.run("the first build", tool, run(built, &["build"]));
            times.run(SUBJECTS[5], tool, run(built, &["build"]));
            times.run(SUBJECTS[3], tool, run(running, &["up", "-d"]));
            for _ in 0..3 {
                times.run(SUBJECTS[2], tool, run(running, &["up", "-d"]));
            }
            times.run(SUBJECTS[4], tool, run(running, &["down"]));
        }
    }
    println!("{rounds} rounds\n");
    times.print(&SUBJECTS, peer.as_ref());
}

/// What a command prints, in one line.
fn words(mut command: Command) -> String {
    let output = command.stdout(std::process::Stdio::piped()).output().unwrap_or_else(|error| panic!("{error}"));
    String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap_or_else(|error| panic!("{error}"));
    }
    folder
}

fn rich(services: usize) -> TempDir {
    folder(&[("compose.yaml", &compose_file::rich(services))])
}

/// A project of one tool.
struct Project {
    folder: TempDir,
}

impl Project {
    /// Ten services of one network that end at once when they are told to.
    fn running(tool: &Tool) -> Self {
        let image = image();
        let services: String = (0..10)
            .map(|number| {
                format!(
                    "  s{number}: {{image: {image}, command: [sleep, '100000'], stop_signal: SIGKILL, networks: [n]}}\n"
                )
            })
            .collect();
        let file = format!("name: {}\nservices:\n{services}networks: {{n: {{}}}}\n", name(tool, "up"));
        Self { folder: folder(&[("compose.yaml", &file)]) }
    }

    /// One service whose image is built.
    fn built(tool: &Tool) -> Self {
        let file = format!("name: {}\nservices: {{web: {{build: .}}}}\n", name(tool, "build"));
        let dockerfile = format!(
            "FROM {}\nWORKDIR /app\nCOPY requirements.txt .\nRUN cat requirements.txt >/installed\nCOPY . .\n",
            image()
        );
        let requirements = format!("flask=={}\n", std::process::id());
        let files = [("compose.yaml", file.as_str()), ("Dockerfile", &dockerfile), ("requirements.txt", &requirements)];
        Self { folder: folder(&files) }
    }
}

fn image() -> String {
    std::env::var("DEVBOX_BENCH_IMAGE").unwrap_or_else(|_| "busybox".to_owned())
}

fn name(tool: &Tool, subject: &str) -> String {
    format!("devbox-bench-{subject}-{}-{}", tool.name.to_lowercase(), std::process::id())
}

impl Drop for Project {
    /// Leaves nothing on the engine, also after a failure.
    fn drop(&mut self) {
        let _ = Tool::devbox().command(self.folder.path(), &["down", "--rmi", "local"]).status();
    }
}
