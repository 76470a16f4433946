//! The dashboard in a terminal of 160x48. What it writes is stamped by the thread that reads it.

use std::{
    fs,
    io::{Read, Write},
    num::NonZero,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

const DEVBOX: &str = env!("CARGO_BIN_EXE_devbox");
const COLUMNS: u16 = 160;
const ROWS: u16 = 48;
/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The value, or the end of the bench.
///
/// # Panics
/// For an error.
pub fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// The dashboard in a terminal.
pub struct Screen {
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    chunks: Receiver<(Instant, Vec<u8>)>,
    parser: vt100::Parser,
}

impl Screen {
    /// Opens it; also the milliseconds until `seen` holds of its text.
    pub fn open(folder: &Path, arguments: &[&str], seen: impl Fn(&str) -> bool) -> (Self, f64) {
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
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        let writer = must(pair.master.take_writer());
        let began = Instant::now();
        let child = must(pair.slave.spawn_command(command));
        let cells = |count: u16| NonZero::new(count).unwrap_or(NonZero::<u16>::MIN);
        let parser = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        let mut screen = Self { writer, child, chunks, parser };
        let at = screen.until("the first screen", seen);
        (screen, at.saturating_duration_since(began).as_secs_f64() * 1000.0)
    }

    /// What is on it.
    #[must_use]
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        must(self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()));
    }

    /// Reads until `seen` holds; when the chunk came that made it so.
    ///
    /// # Panics
    /// When patience ends.
    pub fn until(&mut self, what: &str, seen: impl Fn(&str) -> bool) -> Instant {
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
    ///
    /// # Panics
    /// When devbox ends meanwhile.
    pub fn watch(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            match self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((_, bytes)) => self.parser.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("devbox ended:\n{}", self.text()),
            }
        }
    }

    /// The program's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap_or(0)
    }

    /// Processor time of all threads so far; zero where the system has no /proc.
    #[must_use]
    pub fn processor(&self) -> Duration {
        processor(self.pid())
    }
}

/// Processor time of all threads of a process so far; zero where the system has no /proc.
#[must_use]
pub fn processor(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok();
    let nanos = tasks.into_iter().flatten().flatten().filter_map(|task| {
        fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.writer.write_all(b"q").and_then(|()| self.writer.flush());
        let _ = self.child.wait();
    }
}
