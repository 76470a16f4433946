//! The user's terminal joined to a process in a container: exec, run, attach, shell.
//!
//! Owns raw mode and the reading of standard input while a session lasts, and gives both back when it ends, however it
//! ends. Bytes pass as they are: here, and only here, a container drives the terminal, since the user asked for it.

use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
};

use bytes::Bytes;
use futures_util::StreamExt;
use rustix::{
    event::{PollFd, PollFlags},
    termios::{OptionalActions, Termios},
};
use tokio::{
    io::AsyncWriteExt,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::engine::{EngineError, OutputStream, Session, SessionControl, TerminalSize};

/// Raw mode of the terminal on standard input, until dropped.
#[derive(Debug)]
pub struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Switches it on; `None` where standard input is no terminal.
    ///
    /// # Errors
    /// The system's, when the terminal refuses.
    pub fn enter() -> io::Result<Option<RawMode>> {
        let stdin = io::stdin();
        if !rustix::termios::isatty(&stdin) {
            return Ok(None);
        }
        let before = rustix::termios::tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Some(RawMode { before }))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// The size of the terminal on standard output, or standard input.
pub fn terminal_size() -> Option<TerminalSize> {
    let size =
        rustix::termios::tcgetwinsize(io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(io::stdin())).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(TerminalSize { rows: size.ws_row, columns: size.ws_col })
}

/// Standard input as pieces. Reading stops when it is dropped: nothing that is typed later is lost to whoever reads next.
#[derive(Debug)]
struct Keyboard {
    pieces: mpsc::Receiver<Bytes>,
    /// Closing it wakes the thread that reads.
    _wake: UnixStream,
}

impl Keyboard {
    fn start() -> io::Result<Keyboard> {
        let (wake, woken) = UnixStream::pair()?;
        let (sender, pieces) = mpsc::channel(16);
        std::thread::Builder::new().name("stdin".into()).spawn(move || read(&woken, &sender))?;
        Ok(Keyboard { pieces, _wake: wake })
    }
}

fn read(woken: &UnixStream, sender: &mpsc::Sender<Bytes>) {
    let mut stdin = io::stdin();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let ready = {
            let stdin = stdin.as_fd();
            let mut polled = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
            match rustix::event::poll(&mut polled, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
                Ok(_) => polled[1].revents().is_empty(),
            }
        };
        if !ready {
            return;
        }
        match stdin.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if sender.blocking_send(Bytes::copy_from_slice(&buffer[..count])).is_err() {
                    return;
                }
            }
        }
    }
}

/// Joins standard input, output and error to a process until its output ends. With `stdin` what is typed goes there; with
/// `tty` the terminal is in raw mode meanwhile, and its size is the process's.
///
/// # Errors
/// The engine's, and that standard output can't be written any more.
pub async fn join(session: Session, stdin: bool, tty: bool) -> Result<SessionControl, JoinError> {
    let Session { mut output, mut input, control } = session;
    let _raw = if tty { RawMode::enter().ok().flatten() } else { None };
    let typing = async {
        if stdin && let Ok(mut keyboard) = Keyboard::start() {
            while let Some(piece) = keyboard.pieces.recv().await {
                if input.write_all(&piece).await.is_err() || input.flush().await.is_err() {
                    break;
                }
            }
            // The end of standard input is the end of the process's, which is how `devbox exec -T … < file` ends.
            let _ = input.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let resizing = async {
        if tty && let Ok(mut resized) = signal(SignalKind::window_change()) {
            loop {
                if let Some(size) = terminal_size() {
                    let _ = control.resize(size).await;
                }
                if resized.recv().await.is_none() {
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let printing = async {
        while let Some(piece) = output.next().await {
            let (stream, bytes) = piece?;
            match stream {
                OutputStream::Stderr => write(io::stderr().lock(), &bytes),
                OutputStream::Stdout | OutputStream::Console => write(io::stdout().lock(), &bytes),
            }
            .map_err(JoinError::Output)?;
        }
        Ok(())
    };
    let result = tokio::select! {
        result = printing => result,
        () = typing => Ok(()),
        () = resizing => Ok(()),
    };
    result.map(|()| control)
}

/// Why a session ended before the process's output did.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The engine went away.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Standard output or standard error can't be written.
    #[error("the output can't be written: {0}")]
    Output(io::Error),
}

fn write(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}
