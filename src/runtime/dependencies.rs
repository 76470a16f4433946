//! A build's packages as declared, built and installed: asked of disk, image and container.
//!
//! Nothing is installed and nothing changes for asking. What can't be known (no engine, no container, an image that something else
//! built) is an answer too. How it is shown is the caller's matter.

use std::time::Duration;

use super::ask;
use crate::{
    engine::{Engine, EngineError, ExecOptions},
    execute::recall,
    manifest::{
        Discovered, Ecosystem,
        comparison::{self, Compared, Comparison},
        ecosystem, fingerprint,
        installed::{self, Installed},
        label,
        requirers::{self, Requirers},
    },
    model::{
        ContainerId, ContainerState, ImageRef, MANIFESTS_LABEL, ManifestKind, Observed, ObservedContainer, ServiceName,
        ServiceSources,
    },
    settings::Texts,
};

/// How long a container may take to tell what is installed.
const PATIENCE: Duration = Duration::from_secs(30);

/// One build, and where it is asked about.
#[derive(Debug)]
pub(super) struct Subject<'s> {
    /// What its Dockerfile reads.
    pub discovered: &'s Discovered,
    /// The services that are made of it.
    pub services: &'s [ServiceName],
    /// The image of the first of them.
    pub image: &'s ImageRef,
    /// The engine, where one answers.
    pub engine: Option<&'s Engine>,
    /// What exists.
    pub observed: &'s Observed,
    /// Where old manifests are kept.
    pub texts: Option<&'s Texts>,
}

/// Compares. Reads manifests and old texts from disk.
///
/// # Errors
/// The engine was lost meanwhile, or the container went away.
pub(super) async fn compare(subject: Subject<'_>) -> Result<Comparison, EngineError> {
    let Subject { discovered, services, image, engine, observed, texts } = subject;
    let sources = &discovered.sources;
    let found = observed.images.get(image);
    let value = found.and_then(|image| image.labels.get(MANIFESTS_LABEL)).map(String::as_str);
    if let (Some(engine), Some(image), Some(texts)) = (engine, found, texts) {
        recall(engine, observed, image, sources, texts).await;
    }
    let old = |digest| texts.and_then(|texts| texts.get(digest).ok().flatten());
    let built = match (engine, found) {
        (None, _) => Err("no container engine answers".to_owned()),
        (_, None) => Err(format!("there is no image {image} yet")),
        _ => label::built_from(value, sources, old),
    };
    let running = services.iter().find_map(|name| running(observed, name));
    let mut rows = Vec::new();
    let mut installed_unknown = None;
    for ecosystem in ecosystems(sources) {
        let answer = match (engine, running) {
            (Some(engine), Some(container)) => installed_in(engine, &container.id, discovered, ecosystem).await?,
            (Some(_), None) => Err(format!("{} does not run", names(services))),
            (None, _) => Err("no container engine answers".to_owned()),
        };
        rows.extend(comparison::rows(Compared {
            ecosystem,
            now: &sources.manifests,
            built: built.as_deref().ok(),
            installed: answer.as_ref().ok(),
            requirers: &requirers_of(sources, ecosystem),
        }));
        installed_unknown = installed_unknown.or(answer.err());
    }
    let standing = found.map(|_| label::compare(value, sources));
    Ok(Comparison { standing, built_unknown: built.err(), installed_unknown, rows })
}

/// The container of a service that can be asked.
pub(super) fn running<'o>(observed: &'o Observed, service: &ServiceName) -> Option<&'o ObservedContainer> {
    observed.containers.iter().find(|container| {
        container.service == *service && !container.oneoff && container.state == ContainerState::Running
    })
}

/// `web, worker`.
pub(super) fn names(services: &[ServiceName]) -> String {
    services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", ")
}

/// Whose packages a service's manifests name, in the order of its manifests.
pub(super) fn ecosystems(sources: &ServiceSources) -> Vec<Ecosystem> {
    let mut all: Vec<Ecosystem> = Vec::new();
    for found in sources.manifests.iter().filter_map(|manifest| ecosystem(manifest.kind)) {
        if !all.contains(&found) {
            all.push(found);
        }
    }
    all
}

/// What a container has, or why that isn't known.
///
/// # Errors
/// The container doesn't run, or the connection is lost.
pub(super) async fn installed_in(
    engine: &Engine,
    container: &ContainerId,
    discovered: &Discovered,
    ecosystem: Ecosystem,
) -> Result<Result<Installed, String>, EngineError> {
    let environments = discovered.environments.iter().map(String::as_str);
    let Some(command) = installed::question(ecosystem, tool(&discovered.sources), environments) else {
        return Ok(Err(format!("programs of {} don't tell", ecosystem_name(ecosystem))));
    };
    let options = ExecOptions { command, ..ExecOptions::default() };
    let said = ask::ask(engine, container, &options, (installed::MAX_ANSWER, PATIENCE)).await?;
    Ok(match said.code {
        Some(0) => installed::answer(ecosystem, &said.out),
        Some(_) => Err(format!("the container can't tell: {}", said.last_line())),
        None => Err(format!("the container didn't tell within {} s", PATIENCE.as_secs())),
    })
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
