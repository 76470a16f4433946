//! The binary in a pseudo-terminal, its screen read through a terminal emulator.

use std::{
    io::{Read, Write},
    num::NonZero,
    path::Path,
    sync::{Arc, Mutex},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use super::{project::TestProject, wait};

/// A program that runs in a terminal of some size.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// Runs `devbox ARGS` of the project in a terminal of `columns` by `rows`.
    pub fn devbox(project: &TestProject, args: &[&str], columns: u16, rows: u16) -> Self {
        Self::devbox_with(project, args, &[], columns, rows)
    }

    /// Likewise, with these variables.
    pub fn devbox_with(
        project: &TestProject,
        args: &[&str],
        environment: &[(&str, &str)],
        columns: u16,
        rows: u16,
    ) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_devbox"));
        command.args(args);
        command.env("TERM", "xterm-256color");
        project.environment(|key, value| command.env(key, value));
        ["NO_COLOR", "COLORTERM"].into_iter().for_each(|key| command.env_remove(key));
        environment.iter().for_each(|(key, value)| command.env(key, value));
        Self::run(command, project.path(), columns, rows)
    }

    /// Runs a command in a terminal of `columns` by `rows`.
    pub fn run(mut command: CommandBuilder, folder: &Path, columns: u16, rows: u16) -> Self {
        command.cwd(folder);
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pty");
        let child = pair.slave.spawn_command(command).expect("the command runs");
        let mut reader = pair.master.try_clone_reader().expect("the pty's output");
        let parser = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 1000)));
        let screen = Arc::clone(&parser);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                screen.lock().expect("the screen").process(&buffer[..count]);
            }
        });
        let writer = pair.master.take_writer().expect("the pty's input");
        Self { master: pair.master, writer, child, parser }
    }

    /// Types text or raw key bytes.
    pub fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).and_then(|()| self.writer.flush()).expect("the terminal takes keys");
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.lock().expect("the screen").screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).expect("a new size");
    }

    /// The screen's text, a line a row.
    pub fn text(&self) -> String {
        self.parser.lock().expect("the screen").screen().contents()
    }

    /// Looks at the screen with its attributes.
    pub fn screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.parser.lock().expect("the screen").screen())
    }

    /// Waits until `seen` holds of the screen's text.
    ///
    /// # Panics
    /// When patience ends; with the last screen.
    pub fn wait_for(&self, what: &str, seen: impl Fn(&str) -> bool) {
        let last = std::cell::RefCell::new(String::new());
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait::until(what, || {
                *last.borrow_mut() = self.text();
                seen(&last.borrow()).then_some(())
            });
        }));
        assert!(found.is_ok(), "{what}: never seen; the screen was\n{}", last.borrow());
    }

    /// Waits until the screen shows `text`.
    pub fn shows(&self, text: &str) {
        self.wait_for(text, |screen| screen.contains(text));
    }

    /// The process id of the program.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a running program")
    }

    /// Waits for the program's end.
    pub fn wait(&mut self) -> ExitStatus {
        wait::until("the program's end", || self.child.try_wait().expect("its state"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has cells")
}
