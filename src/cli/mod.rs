//! argv -> command, with clap; then the call into `runtime`.
//!
//! Owns the command line's words and the exit codes. Never talks to the engine or reads a compose file itself.

mod args;
mod dispatch;
mod goals;
mod refused;

use std::{io::Write, process::ExitCode};

use clap::Parser;

use crate::{model::Diagnostic, runtime::own_log};

/// Wrong usage, or a compose file that can't be understood.
const USAGE: u8 = 2;

/// Runs the program with the process's arguments and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let log_file = cli.global.log_file.as_deref();
    let started = dispatch::setup(&cli.global).and_then(|setup| {
        own_log::start(log_file, dispatch::opens_dashboard(&cli, &setup))?;
        Ok(setup)
    });
    let setup = match started {
        Ok(setup) => setup,
        Err(stop) => {
            stop.diagnostics().iter().for_each(say);
            return ExitCode::from(stop.code());
        }
    };
    tracing::info!("devbox {}", env!("CARGO_PKG_VERSION"));
    match dispatch::run(&cli, &setup) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            stop.diagnostics().iter().for_each(|diagnostic| tracing::error!("{}", diagnostic.what));
            stop.diagnostics().iter().for_each(|diagnostic| setup.console.diagnostic(diagnostic));
            ExitCode::from(stop.code())
        }
    }
}

/// Help and version go to standard output and are no failure; everything else is wrong usage.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    say(&refused::explain(&arguments, error));
    ExitCode::from(USAGE)
}

/// Writes a diagnostic to standard error.
fn say(diagnostic: &Diagnostic) {
    let _ = writeln!(std::io::stderr().lock(), "{diagnostic}");
}
