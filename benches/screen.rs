//! What the dashboard costs, as its user sees it: the binary in a terminal of 160x48, on ten services of a real engine.
//!
//! `cargo bench --bench screen`: the first frame with all services, a key until its effect is on the screen, what ten idle
//! services cost, and keys while one service writes as fast as it can. `DEVBOX_BENCH_IMAGE` (busybox) is optional.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends at the first mistake and prints what it measured"
)]

#[path = "support/median.rs"]
mod median;
#[path = "support/screen.rs"]
mod terminal;

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use median::median;
use tempfile::TempDir;
use terminal::{Screen, must};

const DEVBOX: &str = env!("CARGO_BIN_EXE_devbox");
const STARTS: usize = 7;
const KEYS: usize = 40;
const IDLE: Duration = Duration::from_secs(20);

fn main() {
    let project = Project::up();
    let mut starts: Vec<f64> = (0..STARTS).map(|_| open(project.0.path()).1).collect();
    println!("first frame with all services: {:.1} ms (median of {STARTS})", median(&mut starts));
    let (mut screen, _) = open(project.0.path());
    screen.until("the first figures", |text| text.contains("MiB") || text.contains('%'));
    println!("a key until it is on the screen: {:.2} ms (median of {KEYS})", keys(&mut screen));
    let (before, began) = (screen.processor(), Instant::now());
    screen.watch(IDLE);
    let used = screen.processor().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("ten idle services: {:.2} % of a core", used * 100.0);
    must(fs::write(project.0.path().join("on"), ""));
    screen.until("the flood", |text| number(text).is_some());
    screen.watch(Duration::from_secs(2));
    let (first, began, before) = (number(&screen.text()), Instant::now(), screen.processor());
    let keys = keys(&mut screen);
    let (last, passed) = (number(&screen.text()), began.elapsed().as_secs_f64());
    let used = screen.processor().saturating_sub(before).as_secs_f64() / passed;
    let rate = last.zip(first).map_or(0.0, |(last, first)| (last - first) as f64 / passed);
    println!("a key while {rate:.0} lines/s arrive: {keys:.2} ms, {:.0} % of a core", used * 100.0);
}

/// Opens it; also the milliseconds until all services are shown.
fn open(folder: &Path) -> (Screen, f64) {
    Screen::open(folder, &[], |text| (0..10).all(|number| text.contains(&format!("svc{number}"))))
}

/// Opens and closes the help; the median milliseconds until that shows.
fn keys(screen: &mut Screen) -> f64 {
    let mut times = Vec::new();
    for turn in 0..KEYS {
        screen.watch(Duration::from_millis(100));
        let opens = turn % 2 == 0;
        let pressed = Instant::now();
        screen.send("?");
        let seen = screen.until("the help", |text| text.contains("rebuild fresh") == opens);
        times.push(seen.saturating_duration_since(pressed).as_secs_f64() * 1000.0);
    }
    median(&mut times)
}

/// The number of the newest line on the screen.
fn number(text: &str) -> Option<u64> {
    let numbers = text.lines().filter_map(|line| line.split("flood=").nth(1)?.split(' ').next()?.parse().ok());
    numbers.max()
}

/// Ten services, of which the first writes without a pause as soon as there is a file `on`.
struct Project(TempDir);

impl Project {
    fn up() -> Self {
        let image = std::env::var("DEVBOX_BENCH_IMAGE").unwrap_or_else(|_| "busybox".to_owned());
        let mut file = format!("name: devbox-bench-screen-{}\nservices:\n", std::process::id());
        let flood = r#"while [ ! -e /here/on ]; do sleep 1; done; exec awk 'BEGIN { for (;;) print \"INFO flood=\" n++ \" GET /catalogue/page/of/things status=200 took=12.3ms agent=bench\" }'"#;
        file.push_str(&format!(
            "  svc0: {{image: {image}, command: [sh, -c, \"{}\"], volumes: ['.:/here'], stop_signal: SIGKILL}}\n",
            flood.replace('$', "$$")
        ));
        for number in 1..10 {
            file.push_str(&format!(
                "  svc{number}: {{image: {image}, command: [sleep, '100000'], stop_signal: SIGKILL}}\n"
            ));
        }
        let project = Self(must(tempfile::tempdir()));
        must(fs::write(project.0.path().join("compose.yaml"), file));
        let output = must(Command::new(DEVBOX).args(["up", "-d"]).current_dir(project.0.path()).output());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        project
    }
}

impl Drop for Project {
    /// Leaves nothing on the engine, also after a failure.
    fn drop(&mut self) {
        let _ = Command::new(DEVBOX).arg("down").current_dir(self.0.path()).output();
    }
}
