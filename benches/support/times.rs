//! Programs timed from outside: medians, processor time, and a table of what came out.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::median::median;

/// A program under measurement: its name in the table and the words that it begins with.
#[derive(Debug, Clone)]
pub struct Tool {
    /// `devbox`, `Compose`.
    pub name: &'static str,
    /// Program and first arguments.
    pub words: Vec<String>,
}

impl Tool {
    /// This devbox.
    #[must_use]
    pub fn devbox() -> Self {
        Self { name: "devbox", words: vec![env!("CARGO_BIN_EXE_devbox").to_owned()] }
    }

    /// The Compose that `DEVBOX_COMPOSE` names (`docker compose`, or a path); without it a line says that it is left out.
    #[must_use]
    pub fn compose() -> Option<Self> {
        let words: Vec<String> =
            std::env::var("DEVBOX_COMPOSE").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            println!("DEVBOX_COMPOSE names no Compose (`docker compose`, for instance): measured without it\n");
            return None;
        }
        Some(Self { name: "Compose", words })
    }

    /// `TOOL ARGS` in a folder.
    #[must_use]
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// Every time that was measured: of a subject, by a tool.
#[derive(Debug, Default)]
pub struct Times(BTreeMap<(String, &'static str), Vec<Time>>);

#[derive(Debug, Clone, Copy)]
struct Time {
    wall: Duration,
    processor: Duration,
}

impl Times {
    /// Runs a command to its end and keeps how long it took.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&mut self, subject: &str, tool: &Tool, mut command: Command) {
        let before = children();
        let began = Instant::now();
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", tool.words[0]));
        let wall = began.elapsed();
        assert!(output.status.success(), "{} {subject}: {}", tool.name, String::from_utf8_lossy(&output.stderr));
        let time = Time { wall, processor: children().saturating_sub(before) };
        self.0.entry((subject.to_owned(), tool.name)).or_default().push(time);
    }

    /// A table: a row each, medians, and the ratio to the peer where there is one.
    pub fn print(&self, subjects: &[&str], peer: Option<&Tool>) {
        println!("| | devbox | processor | {} | processor | ratio |", peer.map_or("-", |peer| peer.name));
        println!("| --- | --- | --- | --- | --- | --- |");
        for subject in subjects {
            let of = |tool: &'static str| self.0.get(&((*subject).to_owned(), tool)).map(|times| figures(times));
            let Some((wall, processor)) = of("devbox") else { continue };
            let row = match peer.and_then(|peer| of(peer.name)) {
                Some((other, other_processor)) => {
                    format!("{other:.1} ms | {other_processor:.1} ms | {:.2}", wall / other)
                }
                None => "- | - | -".to_owned(),
            };
            println!("| {subject} | {wall:.1} ms | {processor:.1} ms | {row} |");
        }
    }
}

/// Median of the wall time and mean of the processor time, which the system counts in ticks of 10 ms; in milliseconds.
fn figures(times: &[Time]) -> (f64, f64) {
    let mut walls: Vec<f64> = times.iter().map(|time| time.wall.as_secs_f64() * 1000.0).collect();
    let processor: f64 = times.iter().map(|time| time.processor.as_secs_f64() * 1000.0).sum();
    (median(&mut walls), processor / times.len() as f64)
}

/// Processor time of all children that ended, as /proc counts it; zero where there is none.
fn children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // cutime and cstime are fields 16 and 17 of proc(5), of which the first two are cut off.
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}
