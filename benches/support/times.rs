//! Programs timed from outside: medians, processor time, and a table of what came out.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use super::{median::median, tool::Tool};

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
