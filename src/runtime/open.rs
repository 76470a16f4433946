//! The dashboard as the command line opens it: the project read, the settings read, a terminal there.

use std::time::SystemTime;

use super::{
    dashboard::{self, DashboardRequest},
    headless::{Setup, Stop, project, run},
    open_ports,
};
use crate::{
    app::effect::Quit,
    compose::{self, Request},
    engine::{ConnectOptions, Environment},
    model::Diagnostic,
    plan::Goal,
    settings::{self, Folders},
};

/// Opens the dashboard and stays until the user leaves it; with a goal it begins with that, for these services.
///
/// # Errors
/// There is no terminal, the compose file can't be understood, or a signal ended it.
pub fn dashboard(setup: &Setup, first: Option<(Goal, &[String])>) -> Result<(), Stop> {
    if !(setup.console.in_tty && setup.console.out.tty) {
        let help = "`devbox up -d` starts the services without it, `devbox --help` lists the verbs";
        return Err(Stop::usage(Diagnostic::error("the dashboard needs a terminal").help(help)));
    }
    let services = first.as_ref().map_or(&[] as &[String], |(_, services)| services);
    let request = Request { services: services.to_vec(), ..setup.request.clone() };
    let read_at = SystemTime::now();
    let loaded = compose::load(&request).map_err(|error| Stop::Usage(error.diagnostics))?;
    project::known(&loaded, services)?;
    let mut warnings = loaded.warnings;
    warnings.extend(open_ports::warnings(&loaded.project, &loaded.places));
    let folders = Folders::of_user().ok();
    let settings = folders.as_ref().map(|folders| settings::load(&folders.config_file())).unwrap_or_default();
    let environment = Environment::new(std::env::vars_os(), rustix::process::getuid().as_raw());
    let ended = dashboard::run(DashboardRequest {
        published: run::published(&loaded.project, &loaded.places),
        project: loaded.project,
        warnings,
        files: loaded.files_read.into_iter().chain(loaded.files_looked_for).collect(),
        load: request,
        read_at,
        connect: ConnectOptions { host: setup.host.clone(), context: setup.context.clone(), environment },
        goal: first.map(|(goal, _)| goal),
        on_change: setup.on_change,
        settings: settings.settings,
        settings_warnings: settings.diagnostics,
        folders,
        colour: setup.console.out.colour,
    })
    .map_err(|diagnostic| Stop::failed(*diagnostic))?;
    match ended.quit {
        Quit::Signalled => Err(Stop::Interrupted),
        Quit::Left | Quit::Stopped if ended.words.is_empty() => Ok(()),
        Quit::Left | Quit::Stopped => setup.console.line(&ended.words),
    }
}
