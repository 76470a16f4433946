//! `deps`: which manifests each built service has and why, and its packages as declared, built and installed.
//!
//! Services with the same build are one group. Nothing is installed and nothing changed for asking; what can't be known (no
//! engine, no container, an image that something else built) leaves its column empty and is said.

mod freeze;
mod show;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    engine::{Detail, Engine},
    manifest::{Discovered, Reader, comparison::Comparison, discover, discover_all},
    model::{Diagnostic, ImageRef, Observed, ServiceName, ServiceSources, Severity},
    runtime::dependencies::{self, Subject},
};

use super::{Setup, Stop, project, run};

pub use freeze::freeze;

/// The services of one build.
struct Group {
    services: Vec<ServiceName>,
    image: ImageRef,
    sources: ServiceSources,
    problem: Option<Diagnostic>,
    comparison: Comparison,
}

/// Runs it. Services that are named show every package, otherwise those that differ.
///
/// # Errors
/// What is wrong with the files, or a service that is not there or not built.
pub async fn run(setup: &Setup, services: &[String], json: bool) -> Result<(), Stop> {
    let loaded = project::load(setup, services)?;
    project::known(&loaded, services)?;
    let project = &loaded.project;
    for name in services {
        if project.services.get(name.as_str()).is_some_and(|service| service.build.is_none()) {
            let what = Diagnostic::error(format!("{name} is not built here, so it has no manifests"));
            return Err(Stop::usage(what.help("`devbox deps` lists the services that are")));
        }
    }
    let found = discover_all(discover::builds(project), &mut Reader::new());
    let engine = match run::connect(setup).await {
        Ok(engine) => Some(engine),
        Err(stop) => {
            stop.diagnostics().iter().for_each(|problem| {
                setup.console.diagnostic(&Diagnostic { severity: Severity::Warning, ..problem.clone() });
            });
            None
        }
    };
    let observed = match &engine {
        Some(engine) => engine.observe(project, Detail::Listing).await.map_err(run::stop)?,
        None => Observed::default(),
    };
    let mut groups = Vec::new();
    for (discovered, names) in grouped(&found, services) {
        let Some(service) = names.first().and_then(|name| project.services.get(name)) else { continue };
        let image = service.image_name(&project.name);
        groups.push(group(engine.as_ref(), &observed, &discovered, names, image).await?);
    }
    if json {
        return setup.console.line(show::json(&groups));
    }
    for problem in groups.iter().filter_map(|group| group.problem.clone()) {
        setup.console.diagnostic(&Diagnostic { severity: Severity::Warning, ..problem });
    }
    if groups.is_empty() {
        return setup.console.line(format!("{}: no service is built here.", project.name));
    }
    setup.console.out.write(show::text(&groups, !services.is_empty(), setup.console.out))
}

/// Services with the same build together, those alone that are wanted.
fn grouped(
    found: &BTreeMap<ServiceName, Arc<Discovered>>,
    wanted: &[String],
) -> Vec<(Arc<Discovered>, Vec<ServiceName>)> {
    let mut groups: Vec<(Arc<Discovered>, Vec<ServiceName>)> = Vec::new();
    for (name, discovered) in found {
        match groups.iter_mut().find(|(other, _)| Arc::ptr_eq(other, discovered)) {
            Some((_, names)) => names.push(name.clone()),
            None => groups.push((Arc::clone(discovered), vec![name.clone()])),
        }
    }
    groups.retain(|(_, names)| {
        wanted.is_empty() || names.iter().any(|name| wanted.iter().any(|one| name == one.as_str()))
    });
    groups
}

async fn group(
    engine: Option<&Engine>,
    observed: &Observed,
    discovered: &Discovered,
    services: Vec<ServiceName>,
    image: ImageRef,
) -> Result<Group, Stop> {
    let texts = run::texts();
    let subject = Subject { discovered, services: &services, image: &image, engine, observed, texts: texts.as_ref() };
    let comparison = dependencies::compare(subject).await.map_err(run::stop)?;
    let (sources, problem) = (discovered.sources.clone(), discovered.problem.clone());
    Ok(Group { services, image, sources, problem, comparison })
}
