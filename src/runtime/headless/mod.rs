//! The verbs without a screen: each reads the project, asks the engine, carries a plan out, and prints lines.
//!
//! Owns what is said on standard output and standard error, the exit codes, and the signals of a verb. Decides nothing
//! that a plan could decide and draws no screen. A terminal gets lines that are rewritten in place and colours; a pipe
//! gets each line once, when it is final.

mod board;
mod build_log;
pub mod config;
pub mod console;
pub mod deps;
mod files;
pub mod follow;
pub mod foreground;
pub mod init;
pub mod inside;
mod labels;
pub mod log_lines;
pub mod logs;
pub mod moment;
mod oneoff;
pub mod packages;
pub mod progress;
pub mod project;
pub mod ps;
pub mod run;
pub mod verbs;
pub mod watch;

pub use console::Console;

use crate::{
    compose::Request,
    model::{Diagnostic, OnChange, Timestamp},
};

/// What every verb is given: where things are, and how it prints.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The streams.
    pub console: Console,
    /// Which files, name and profiles, and the environment.
    pub request: Request,
    /// `-H`.
    pub host: Option<String>,
    /// `-c`.
    pub context: Option<String>,
    /// `--on-change`.
    pub on_change: Option<OnChange>,
    /// How progress is shown; `None` decides by what the stream is.
    pub style: Option<progress::Style>,
    /// Of what no progress is shown.
    pub quiet: Quiet,
}

/// `--quiet-build`, `--quiet-pull`: of what only the end is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quiet {
    /// Builds.
    pub build: bool,
    /// Pulls.
    pub pull: bool,
}

/// Why a verb ends without having done what it was asked for.
#[derive(Debug)]
pub enum Stop {
    /// Wrong usage, or a compose file that can't be understood.
    Usage(Vec<Diagnostic>),
    /// No engine answers.
    Unreachable(Box<Diagnostic>),
    /// It failed.
    Failed(Vec<Diagnostic>),
    /// The user interrupted it.
    Interrupted,
    /// A command inside a container ended with that exit code, which is passed on.
    Code(u8),
    /// Nobody reads standard output any more.
    Closed,
}

impl Stop {
    /// A failure with one diagnostic.
    pub fn failed(diagnostic: impl Into<Diagnostic>) -> Self {
        Stop::Failed(vec![diagnostic.into()])
    }

    /// Wrong usage with one diagnostic.
    pub fn usage(diagnostic: impl Into<Diagnostic>) -> Self {
        Stop::Usage(vec![diagnostic.into()])
    }

    /// What a failed write to standard output means.
    fn from_output(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Stop::Closed;
        }
        Stop::failed(Diagnostic::error(format!("standard output can't be written: {error}")))
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Stop::Closed => 0,
            Stop::Failed(_) => 1,
            Stop::Usage(_) => 2,
            Stop::Unreachable(_) => 3,
            Stop::Interrupted => 130,
            Stop::Code(code) => *code,
        }
    }

    /// What to say on standard error.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Stop::Usage(diagnostics) | Stop::Failed(diagnostics) => diagnostics,
            Stop::Unreachable(diagnostic) => std::slice::from_ref(diagnostic),
            Stop::Interrupted | Stop::Code(_) | Stop::Closed => &[],
        }
    }
}

/// The moment it is.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
