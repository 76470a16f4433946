//! What a new project needs of Python itself, run in a container of its own image: nothing of Python is needed on this machine.

use std::path::Path;

use crate::{
    model::Diagnostic,
    plan::RunOptions,
    runtime::headless::{Setup, Stop, inside},
    scaffold::{COMPOSE_FILE, template},
};

use super::Decided;

/// Runs the template's command in the folder, then fits what it made to the databases.
///
/// # Errors
/// The engine's, the build's, or that the command failed.
pub async fn in_a_container(setup: &Setup, folder: &Path, decided: &Decided, command: Vec<String>) -> Result<(), Stop> {
    let shown = command.join(" ");
    let mut setup = setup.clone();
    setup.request.files = vec![folder.join(decided.blueprint.existing.compose_name())];
    let wanted = inside::Run {
        service: decided.blueprint.service().to_owned(),
        options: RunOptions { command, remove: true, no_deps: true, ..RunOptions::default() },
        no_tty: true,
        ..inside::Run::default()
    };
    match inside::run(&setup, wanted).await {
        Err(Stop::Code(code)) => {
            let what = Diagnostic::error(format!("`{shown}` failed in the container (exit code {code})"));
            return Err(Stop::failed(what.help("what it printed says why; no file was left")));
        }
        other => other?,
    }
    let path = folder.join(template::DJANGO_SETTINGS);
    let kinds: Vec<_> = decided.blueprint.databases.iter().map(|database| database.kind).collect();
    let Ok(settings) = std::fs::read_to_string(&path) else { return Ok(()) };
    match template::django_settings(&settings, &kinds) {
        Ok(None) => {}
        Ok(Some(text)) => {
            let written = std::fs::write(&path, text);
            written.map_err(|error| {
                let what = Diagnostic::error(format!("{} can't be written: {error}", template::DJANGO_SETTINGS));
                Stop::failed(what.help("check who may write there"))
            })?;
        }
        Err(()) => {
            let what = format!("{} has another form than is known: it still names SQLite", template::DJANGO_SETTINGS);
            let help = format!("take the address from the environment, as {COMPOSE_FILE} sets it");
            setup.console.diagnostic(&Diagnostic::warning(what).help(help));
        }
    }
    Ok(())
}
