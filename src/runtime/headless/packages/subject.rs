//! Which service, which manifest of it, and which other services go along.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    manifest::{
        Discovered, Reader, discover, discover_all,
        edit::target::{self, Target},
    },
    model::{Diagnostic, DockerfileSource, Project, ServiceName},
    runtime::headless::Stop,
};

/// What a change is about.
pub struct Subject {
    /// The service in whose image the tool works.
    pub service: ServiceName,
    /// The folder of its build context.
    pub root: PathBuf,
    /// Its Dockerfile.
    pub dockerfile: Option<PathBuf>,
    /// Its manifests that can be edited, the one that counts first.
    pub targets: Vec<Target>,
    /// What its build reads.
    pub discovered: Arc<Discovered>,
    all: Vec<(ServiceName, Arc<Discovered>)>,
}

impl Subject {
    /// The services whose builds read one of these files.
    pub fn affected(&self, files: &[&Path]) -> BTreeSet<ServiceName> {
        let reads = |found: &Discovered| {
            found.sources.manifests.iter().any(|manifest| files.contains(&manifest.path.as_path()))
        };
        let mut names: BTreeSet<ServiceName> =
            self.all.iter().filter(|(_, found)| reads(found)).map(|(name, _)| name.clone()).collect();
        names.insert(self.service.clone());
        names
    }

    /// A file's path in the copy that a tool works on; none for one outside of the build context.
    pub fn inside(&self, path: &Path) -> Option<String> {
        Some(path.strip_prefix(&self.root).ok()?.to_string_lossy().into_owned())
    }

    /// The target that was named with `--manifest`, or the first.
    ///
    /// # Errors
    /// No such manifest.
    pub fn named(&self, manifest: Option<&Path>, directory: &Path) -> Result<Option<Target>, Stop> {
        let Some(manifest) = manifest else { return Ok(None) };
        let path = directory.join(manifest);
        let path = path.canonicalize().unwrap_or(path);
        let found = self.targets.iter().find(|target| target.path == path || Path::new(&target.name) == manifest);
        match found {
            Some(target) => Ok(Some(target.clone())),
            None => {
                let names: Vec<&str> = self.targets.iter().map(|target| target.name.as_str()).collect();
                let what = format!("{} is no manifest of {} that can be edited", manifest.display(), self.service);
                Err(Stop::usage(Diagnostic::error(what).help(format!("there are {}", names.join(", ")))))
            }
        }
    }
}

/// Finds it: the service that was named, or the only one whose manifests can be edited.
///
/// # Errors
/// None, or several that differ.
pub fn choose(project: &Project, named: Option<&str>) -> Result<Subject, Stop> {
    let found = discover_all(discover::builds(project), &mut Reader::new());
    let all: Vec<(ServiceName, Arc<Discovered>)> = found.into_iter().collect();
    let mut subjects: Vec<Subject> = Vec::new();
    for (name, discovered) in &all {
        let service = project.services.get(name);
        let Some(build) = service.and_then(|service| service.build.as_ref()) else { continue };
        let wanted = named.map_or_else(|| service.is_some_and(|service| service.enabled), |wanted| *name == wanted);
        if !wanted {
            continue;
        }
        let root = PathBuf::from(&build.context);
        let targets = target::targets(&discovered.sources, &root);
        let dockerfile = match &build.dockerfile {
            DockerfileSource::File(file) => Some(root.join(file)),
            DockerfileSource::Inline(_) => None,
        };
        subjects.push(Subject {
            service: name.clone(),
            root,
            dockerfile,
            targets,
            discovered: Arc::clone(discovered),
            all: all.clone(),
        });
    }
    if named.is_none() {
        subjects.retain(|subject| !subject.targets.is_empty());
        // Services that share the manifest are one choice.
        let mut seen: Vec<PathBuf> = Vec::new();
        subjects.retain(|subject| {
            let first = subject.targets.first().map(|target| target.path.clone()).unwrap_or_default();
            let new = !seen.contains(&first);
            seen.push(first);
            new
        });
    }
    let names: Vec<String> = subjects.iter().map(|subject| subject.service.to_string()).collect();
    match (subjects.len(), subjects.pop()) {
        (1, Some(only)) => Ok(only),
        (_, None) => {
            let what = match named {
                Some(name) => format!("{name} is not built here, so it has no manifests"),
                None => "no service here has a manifest that can be edited".to_owned(),
            };
            Err(Stop::usage(Diagnostic::error(what).help("`devbox deps` lists what each service's build reads")))
        }
        _ => {
            let what = Diagnostic::error(format!("which service? {} have manifests of their own", names.join(", ")));
            Err(Stop::usage(what.help(format!("`--service {}`", names.first().map_or("SERVICE", String::as_str)))))
        }
    }
}
