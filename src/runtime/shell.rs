//! A shell in a container, or the container's own process, on the user's terminal while the dashboard stands aside.

use std::io::Write;

use super::{
    ownership,
    session::{self, JoinError},
};
use crate::{
    app::effect::Session,
    engine::{self, AttachOptions, Engine, ExecOptions, SessionControl, TerminalSize},
    model::{Diagnostic, Project},
};

/// The first of these that the image has.
const SHELL: &str = "for shell in bash ash sh; do command -v $shell >/dev/null 2>&1 && exec $shell; done; exec sh";

/// Runs a session to its end.
///
/// # Errors
/// The engine is gone, or the container has no shell.
pub(super) async fn run(engine: &Engine, session: Session, project: &Project) -> Result<(), Diagnostic> {
    match session {
        Session::Shell { service, container } => {
            let described = project.services.get(&service);
            hint(&format!("a shell in {service}; `exit` goes back to devbox"));
            let user = ownership::of_container(engine, &container, described).await?;
            let given = described.into_iter().flat_map(|service| service.environment.keys().map(String::as_str));
            let home = user.as_ref().and_then(|_| ownership::home(given));
            let environment = terminal_type().into_iter().chain(home.map(|(key, value)| format!("{key}={value}")));
            let options = ExecOptions {
                user,
                environment: environment.collect(),
                command: ["sh", "-c", SHELL].map(str::to_owned).into(),
                terminal: Some(session::terminal_size().unwrap_or(TerminalSize { rows: 24, columns: 80 })),
                stdin: true,
                ..ExecOptions::default()
            };
            let control = join(engine.exec(&container, &options).await?, true).await?;
            match control.exit_code().await {
                // What a runtime says when the program is not in the image.
                Ok(126 | 127) => Err(Diagnostic::error(format!("{service} has no shell"))
                    .help("attach to its own process with `a`, or use an image with a shell")),
                _ => Ok(()),
            }
        }
        Session::Attach { service, container, tty, recent } => {
            let leave = if tty { "Ctrl-P Ctrl-Q goes back to devbox" } else { "Ctrl-C goes back to devbox" };
            hint(&format!("attached to {service}; {leave}"));
            recent.iter().for_each(|line| hint(line));
            let options = AttachOptions { terminal: tty, stdin: true, detach_keys: None };
            let ended = join(engine.attach(&container, &options).await?, tty).await;
            // Whoever detaches does so in the middle of a line, and the shell's own screen comes back one day.
            hint("");
            ended.map(drop)
        }
    }
}

async fn join(session: engine::Session, tty: bool) -> Result<SessionControl, Diagnostic> {
    session::join(session, true, tty).await.map_err(|error| match error {
        JoinError::Engine(error) => error.into(),
        error @ JoinError::Output(_) => Diagnostic::error(error.to_string()),
    })
}

/// Programs inside draw for the terminal that is outside.
fn terminal_type() -> Vec<String> {
    std::env::var("TERM").ok().map(|term| format!("TERM={term}")).into_iter().collect()
}

fn hint(words: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{words}");
}
