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

use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    path::Path,
    process::Command,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use median::median;
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

const DEVBOX: &str = env!("CARGO_BIN_EXE_devbox");
const COLUMNS: u16 = 160;
const ROWS: u16 = 48;
const STARTS: usize = 7;
const KEYS: usize = 40;
const IDLE: Duration = Duration::from_secs(20);
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let project = Project::up();
    let mut starts: Vec<f64> = (0..STARTS).map(|_| Screen::open(project.0.path()).1).collect();
    println!("first frame with all services: {:.1} ms (median of {STARTS})", median(&mut starts));
    let (mut screen, _) = Screen::open(project.0.path());
    screen.until("the first figures", |text| text.contains("MiB") || text.contains('%'));
    println!("a key until it is on the screen: {:.2} ms (median of {KEYS})", screen.keys());
    let (before, began) = (screen.processor(), Instant::now());
    screen.watch(IDLE);
    let used = screen.processor().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("ten idle services: {:.2} % of a core", used * 100.0);
    must(fs::write(project.0.path().join("on"), ""));
    screen.until("the flood", |text| number(text).is_some());
    screen.watch(Duration::from_secs(2));
    let (first, began, before) = (number(&screen.text()), Instant::now(), screen.processor());
    let keys = screen.keys();
    let (last, passed) = (number(&screen.text()), began.elapsed().as_secs_f64());
    let used = screen.processor().saturating_sub(before).as_secs_f64() / passed;
    let rate = last.zip(first).map_or(0.0, |(last, first)| (last - first) as f64 / passed);
    println!("a key while {rate:.0} lines/s arrive: {keys:.2} ms, {:.0} % of a core", used * 100.0);
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

/// The dashboard in a terminal. What it writes is stamped by the thread that reads it.
struct Screen {
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    chunks: Receiver<(Instant, Vec<u8>)>,
    parser: vt100::Parser,
}

impl Screen {
    /// Opens it; also the milliseconds until all services are shown.
    fn open(folder: &Path) -> (Self, f64) {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = must(native_pty_system().openpty(size));
        let mut reader = must(pair.master.try_clone_reader());
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        let mut command = CommandBuilder::new(DEVBOX);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        let writer = must(pair.master.take_writer());
        let began = Instant::now();
        let child = must(pair.slave.spawn_command(command));
        let cells = |count: u16| NonZero::new(count).unwrap_or(NonZero::<u16>::MIN);
        let parser = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        let mut screen = Self { writer, child, chunks, parser };
        let all = |text: &str| (0..10).all(|number| text.contains(&format!("svc{number}")));
        let seen = screen.until("all services", all);
        (screen, seen.saturating_duration_since(began).as_secs_f64() * 1000.0)
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Reads until `seen` holds; when the chunk came that made it so.
    fn until(&mut self, what: &str, seen: impl Fn(&str) -> bool) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        let mut at = Instant::now();
        while !seen(&self.text()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok((came, bytes)) => {
                    self.parser.process(&bytes);
                    at = came;
                }
                Err(_) => panic!("{what} was never seen:\n{}", self.text()),
            }
        }
        at
    }

    /// Reads for a while.
    fn watch(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            match self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((_, bytes)) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("devbox ended:\n{}", self.text()),
            }
        }
    }

    /// Opens and closes the help; the median milliseconds until that shows.
    fn keys(&mut self) -> f64 {
        let mut times = Vec::new();
        for turn in 0..KEYS {
            self.watch(Duration::from_millis(100));
            let opens = turn % 2 == 0;
            let pressed = Instant::now();
            must(self.writer.write_all(b"?").and_then(|()| self.writer.flush()));
            let seen = self.until("the help", |text| text.contains("rebuild fresh") == opens);
            times.push(seen.saturating_duration_since(pressed).as_secs_f64() * 1000.0);
        }
        median(&mut times)
    }

    /// Processor time of all threads so far; zero where the system has no /proc.
    fn processor(&self) -> Duration {
        let tasks = self.child.process_id().and_then(|id| fs::read_dir(format!("/proc/{id}/task")).ok());
        let nanos = tasks.into_iter().flatten().flatten().filter_map(|task| {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.writer.write_all(b"q").and_then(|()| self.writer.flush());
        let _ = self.child.wait();
    }
}
