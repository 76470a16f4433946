//! `deps`: which manifests each built service has and why, and its packages as declared, built and installed.
//!
//! Services with the same build are one group. Nothing is installed and nothing changed for asking; what can't be known (no
//! engine, no container, an image that something else built) leaves its column empty and is said.

mod freeze;
mod show;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    engine::{Detail, Engine, ExecOptions},
    manifest::{
        Discovered, Ecosystem, Reader,
        comparison::{self, Compared, Row},
        discover, discover_all, ecosystem, fingerprint, installed,
        label::{self, Standing},
        requirers::{self, Requirers},
    },
    model::{
        ContainerId, ContainerState, Diagnostic, ImageRef, MANIFESTS_LABEL, ManifestKind, Observed, ObservedContainer,
        ServiceName, ServiceSources, Severity,
    },
};

use super::{Setup, Stop, ask, project, run};

pub use freeze::freeze;

/// How long a container may take to tell what is installed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The services of one build.
struct Group {
    services: Vec<ServiceName>,
    image: ImageRef,
    sources: ServiceSources,
    problem: Option<Diagnostic>,
    /// How the image stands to the manifests; `None` when it isn't known or there is no image.
    standing: Option<Standing>,
    /// Why the column is empty.
    built_unknown: Option<String>,
    installed_unknown: Option<String>,
    rows: Vec<Row>,
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
    let sources = discovered.sources.clone();
    let found = observed.images.get(&image);
    let value = found.and_then(|image| image.labels.get(MANIFESTS_LABEL)).map(String::as_str);
    let texts = run::texts();
    let old = |digest| texts.as_ref().and_then(|texts| texts.get(digest).ok().flatten());
    let built = match (engine, found) {
        (None, _) => Err("no container engine answers".to_owned()),
        (_, None) => Err(format!("there is no image {image} yet")),
        _ => label::built_from(value, &sources, old),
    };
    let running = services.iter().find_map(|name| {
        let mine = |container: &&ObservedContainer| container.service == *name && !container.oneoff;
        observed.containers.iter().filter(mine).find(|container| container.state == ContainerState::Running)
    });
    let mut rows = Vec::new();
    let mut installed_unknown = None;
    for ecosystem in ecosystems(&sources) {
        let answer = match (engine, running) {
            (Some(engine), Some(container)) => installed_in(engine, &container.id, discovered, ecosystem).await?,
            (Some(_), None) => Err(format!("{} does not run", names(&services))),
            (None, _) => Err("no container engine answers".to_owned()),
        };
        rows.extend(comparison::rows(Compared {
            ecosystem,
            now: &sources.manifests,
            built: built.as_deref().ok(),
            installed: answer.as_ref().ok(),
            requirers: &requirers_of(&sources, ecosystem),
        }));
        installed_unknown = installed_unknown.or(answer.err());
    }
    let standing = found.map(|_| label::compare(value, &sources));
    let problem = discovered.problem.clone();
    Ok(Group { services, image, sources, problem, standing, built_unknown: built.err(), installed_unknown, rows })
}

fn names(services: &[ServiceName]) -> String {
    services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", ")
}

/// Whose packages a service's manifests name, in the order of its manifests.
fn ecosystems(sources: &ServiceSources) -> Vec<Ecosystem> {
    let mut all: Vec<Ecosystem> = Vec::new();
    for found in sources.manifests.iter().filter_map(|manifest| ecosystem(manifest.kind)) {
        if !all.contains(&found) {
            all.push(found);
        }
    }
    all
}

/// The tool of the project that may keep its environment where only it knows.
fn tool(sources: &ServiceSources) -> &'static str {
    let has = |kinds: &[ManifestKind]| sources.manifests.iter().any(|manifest| kinds.contains(&manifest.kind));
    if has(&[ManifestKind::PoetryLock]) {
        "poetry"
    } else if has(&[ManifestKind::Pipfile, ManifestKind::PipfileLock]) {
        "pipenv"
    } else {
        ""
    }
}

/// What a container has, or why that isn't known.
async fn installed_in(
    engine: &Engine,
    container: &ContainerId,
    discovered: &Discovered,
    ecosystem: Ecosystem,
) -> Result<Result<installed::Installed, String>, Stop> {
    let environments = discovered.environments.iter().map(String::as_str);
    let Some(command) = installed::question(ecosystem, tool(&discovered.sources), environments) else {
        return Ok(Err(format!("programs of {} don't tell", ecosystem_name(ecosystem))));
    };
    let options = ExecOptions { command, ..ExecOptions::default() };
    let said = ask::ask(engine, container, &options, (installed::MAX_ANSWER, PATIENCE)).await.map_err(run::stop)?;
    Ok(match said.code {
        Some(0) => installed::answer(ecosystem, &said.out),
        Some(_) => Err(format!("the container can't tell: {}", said.last_line())),
        None => Err(format!("the container didn't tell within {} s", PATIENCE.as_secs())),
    })
}

fn ecosystem_name(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::Python => "Python",
        Ecosystem::Node => "Node",
        Ecosystem::Ruby => "Ruby",
        Ecosystem::Go => "Go",
        Ecosystem::Rust => "Rust",
        Ecosystem::Php => "PHP",
    }
}

/// Who asks for what, from the locks on disk.
fn requirers_of(sources: &ServiceSources, of: Ecosystem) -> Requirers {
    let mut all = Requirers::new();
    for manifest in sources.manifests.iter().filter(|manifest| ecosystem(manifest.kind) == Some(of)) {
        let content = fingerprint::read(&manifest.path).ok().flatten();
        let Some(bytes) = content.and_then(|content| content.bytes) else { continue };
        for (name, by) in requirers::of_lock(manifest.kind, &bytes) {
            all.entry(name).or_default().extend(by);
        }
    }
    all
}
