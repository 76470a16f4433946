//! `freeze`: what is installed, pinned, as `pip freeze` prints it.

use crate::{
    engine::Detail,
    manifest::Ecosystem,
    model::Diagnostic,
    runtime::{
        dependencies,
        headless::{
            Setup, Stop,
            packages::{Workshop, subject},
            run::{self, Signals},
            verbs,
        },
    },
};

/// What installs packages and is left out, as pip does.
const INSTALLERS: &[&str] = &["pip", "setuptools", "wheel", "distribute"];

/// Asks the running container, or one of its own where none runs.
///
/// # Errors
/// What is wrong with the files or the engine, or why the container can't tell.
pub async fn freeze(setup: &Setup, service: Option<&str>) -> Result<(), Stop> {
    let named: Vec<String> = service.map(str::to_owned).into_iter().collect();
    let ready = verbs::ready(setup, &named).await?;
    let subject = subject::choose(&ready.project, service)?;
    let Some(ecosystem) = dependencies::ecosystems(&subject.discovered.sources).into_iter().next() else {
        let what = Diagnostic::error(format!("{} has no manifests that name packages", subject.service));
        return Err(Stop::failed(what.help("`devbox deps` lists what each service's build reads")));
    };
    let observed = verbs::observe(&ready, Detail::Listing).await?;
    let running = dependencies::running(&observed, &subject.service);
    let answer = match running {
        Some(container) => {
            dependencies::installed_in(&ready.engine, &container.id, &subject.discovered, ecosystem).await
        }
        None => {
            let mut signals = Signals::listen()?;
            let workshop = Workshop::open(setup, &ready, &subject.service, &mut signals).await?;
            let answer =
                dependencies::installed_in(&ready.engine, workshop.container(), &subject.discovered, ecosystem).await;
            workshop.close().await?;
            answer
        }
    };
    let installed = answer.map_err(run::stop)?.map_err(|why| {
        Stop::failed(Diagnostic::error(format!("what is installed in {} is not known: {why}", subject.service)))
    })?;
    let sign = if ecosystem == Ecosystem::Python { "==" } else { "@" };
    let mut lines = String::new();
    for (name, package) in installed.iter().filter(|(name, _)| !INSTALLERS.contains(&name.as_str())) {
        let name = if ecosystem == Ecosystem::Python { &package.display_name } else { name };
        let line = match package.source.as_str() {
            "" => format!("{name}{sign}{}\n", package.version),
            source => format!("{name} {source}\n"),
        };
        lines.push_str(&line);
    }
    setup.console.out.write(lines)
}
