//! Signals as a stream, so that each of them gives the terminal back before it takes effect.

use tokio::signal::unix::{self, SignalKind};

use crate::app::message;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To leave.
    Leave(message::Signal),
    /// SIGTSTP: to stop until it is continued.
    Stop,
    /// SIGCONT: it was continued, perhaps after a SIGSTOP that nobody could hear.
    Continue,
}

/// The signals that devbox hears while the dashboard is open.
#[derive(Debug)]
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
    stop: unix::Signal,
    go_on: unix::Signal,
}

impl Signals {
    /// Begins to hear them.
    ///
    /// # Errors
    /// The system's.
    pub fn new() -> std::io::Result<Self> {
        let stop = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        let go_on = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
            stop: unix::signal(stop)?,
            go_on: unix::signal(go_on)?,
        })
    }

    /// The next signal. Can be cancelled without loss.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hang_up.recv() => Signal::Leave(message::Signal::HangUp),
            _ = self.terminate.recv() => Signal::Leave(message::Signal::Terminate),
            _ = self.interrupt.recv() => Signal::Leave(message::Signal::Interrupt),
            _ = self.stop.recv() => Signal::Stop,
            _ = self.go_on.recv() => Signal::Continue,
        }
    }
}

/// Stops the process, and those of its group that were started with it, until somebody continues it.
pub fn stop_self() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
}
