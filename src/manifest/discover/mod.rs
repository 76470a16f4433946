//! Whose manifest is it? The files that decide what a service's image build installs, found from its Dockerfile.
//!
//! The stages up to the target are gone through in order. A file counts when it is
//! 1. the Dockerfile;
//! 2. copied under a name that a parser knows, or copied by name before an install step (source code only if a command names it);
//! 3. named by an install step (`pip install -r dev.txt`), or one of its tool's own files in the folder where it runs (`uv.lock`),
//!    when something copied or mounted from the context covers that path;
//! 4. included by one of these (`-r`, `-c`, `-e`, a path dependency), transitively.
//!
//! What .dockerignore leaves out is never sent and never counts. Nothing is run; a command that isn't understood is taken to read
//! every manifest beside it. A file need not exist: one that is missing is listed without a digest, so that its coming is seen.

mod context;
mod install;
mod shell;
mod stages;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use context::{LookedAt, NewFiles};

use context::Context;
use stages::{Found, Walk};

use super::declared::{Include, IncludeKind};
use super::format::kind_of;
use super::reader::{self, Read, Reader};
use super::{fingerprint, text};
use crate::build_context::dockerfile::{BuildInputs, Dockerfile, DockerfileError, Resolved};
use crate::build_context::ignore::{Ignore, candidates};
use crate::build_context::path::{clean, join};
use crate::model::{
    Build, Diagnostic, DockerfileSource, Excerpt, Manifest, ManifestKind, Place, Project, ServiceName, ServiceSources,
    Sources,
};

/// The most manifests of one service. A monorepo with more is followed by its first ones.
const MAX_MANIFESTS: usize = 2_000;

/// What was discovered of one build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovered {
    /// The manifests, read.
    pub sources: ServiceSources,
    /// Where a change may lead to another answer.
    pub looked_at: LookedAt,
    /// Folders of the image in which the build puts dependencies: `/opt/venv`, `/app/.venv`, `/app/node_modules`.
    pub environments: BTreeSet<String>,
    /// Why the Dockerfile or the context can't be read. The Dockerfile is followed all the same.
    pub problem: Option<Diagnostic>,
}

/// The manifests of a project's built services; services that are off included. Equal builds are read once.
pub fn discover_all<'s>(
    services: impl IntoIterator<Item = (&'s ServiceName, &'s Build)>,
    reader: &mut Reader,
) -> BTreeMap<ServiceName, Arc<Discovered>> {
    let mut known: Vec<(&Build, Arc<Discovered>)> = Vec::new();
    let mut all = BTreeMap::new();
    for (name, build) in services {
        let same =
            known.iter().find(|(other, _)| same_files(other, build)).map(|(_, discovered)| Arc::clone(discovered));
        let discovered = same.unwrap_or_else(|| {
            let discovered = Arc::new(discover(build, reader));
            known.push((build, Arc::clone(&discovered)));
            discovered
        });
        all.insert(name.clone(), discovered);
    }
    all
}

/// The built services of a project, for [`discover_all`].
pub fn builds(project: &Project) -> impl Iterator<Item = (&ServiceName, &Build)> {
    project.services.values().filter_map(|service| Some((&service.name, service.build.as_ref()?)))
}

/// The manifests alone.
pub fn sources(discovered: &BTreeMap<ServiceName, Arc<Discovered>>) -> Sources {
    Sources { services: discovered.iter().map(|(name, found)| (name.clone(), found.sources.clone())).collect() }
}

/// Whether two builds read the same files: what only changes the result (tags, caches) is left out.
fn same_files(a: &Build, b: &Build) -> bool {
    let key = |build: &Build| {
        (
            build.context.clone(),
            build.dockerfile.clone(),
            build.target.clone(),
            build.args.clone(),
            build.additional_contexts.clone(),
        )
    };
    key(a) == key(b)
}

/// Finds and reads the manifests of one build. A context that isn't a folder of this machine has none.
pub fn discover(build: &Build, reader: &mut Reader) -> Discovered {
    let mut discovered = walked(build, reader);
    discovered.sources.incomplete = discovered.problem.is_some();
    discovered
}

fn walked(build: &Build, reader: &mut Reader) -> Discovered {
    let mut discovered = Discovered::default();
    let root = PathBuf::from(&build.context);
    if !root.is_absolute() {
        return discovered;
    }
    let (manifest, text, dockerfile) = read_dockerfile(build, &root, reader);
    let own_path = matches!(build.dockerfile, DockerfileSource::File(_)).then(|| manifest.path.clone());
    discovered.looked_at.files.insert(manifest.path.clone());
    let ignore_files = candidates(&root, own_path.as_deref());
    discovered.looked_at.files.extend(ignore_files);
    let name = manifest.name.clone();
    discovered.sources.manifests.push(manifest);
    let dockerfile = match dockerfile {
        Ok(dockerfile) => dockerfile,
        Err(problem) => {
            discovered.problem = Some(*problem);
            return discovered;
        }
    };
    match (Ignore::load(&root, own_path.as_deref()), resolve(&dockerfile, build)) {
        (Ok(ignore), Ok(resolved)) => {
            let main = Context { root: root.clone(), ignore, looked: LookedAt::default() };
            let mut walk = Walk {
                dockerfile: &dockerfile,
                name: &name,
                contexts: contexts(main, build),
                walked: stages::Walked::default(),
            };
            walk.run(&resolved);
            discovered.sources.manifests.extend(read_all(&mut walk, reader));
            discovered.environments = walk.walked.environments;
            walk.contexts.values().for_each(|context| discovered.looked_at.extend(&context.looked));
        }
        (Err(error), _) => discovered.problem = Some(Diagnostic::error(error.to_string())),
        (_, Err(error)) => discovered.problem = Some(in_dockerfile(&error, &name, &text)),
    }
    discovered.sources.manifests.sort_by(|a, b| a.path.cmp(&b.path));
    discovered.sources.manifests.dedup_by(|a, b| a.path == b.path);
    discovered
}

/// The Dockerfile as a manifest, its text, and parsed or what is wrong with it.
fn read_dockerfile(
    build: &Build,
    root: &Path,
    reader: &mut Reader,
) -> (Manifest, String, Result<Dockerfile, Box<Diagnostic>>) {
    let because = "builds the image".to_owned();
    let (manifest, source) = match &build.dockerfile {
        DockerfileSource::Inline(text) => {
            let read = reader::of_bytes(text.as_bytes(), ManifestKind::Dockerfile);
            let name = "dockerfile_inline".to_owned();
            (manifest(root.join(&name), name, ManifestKind::Dockerfile, &read, because), Ok(text.clone()))
        }
        DockerfileSource::File(file) => {
            let path = PathBuf::from(clean(&root.join(file).to_string_lossy()));
            let read = reader.read(&path, ManifestKind::Dockerfile);
            let manifest = manifest(path.clone(), name_in(root, &path), ManifestKind::Dockerfile, &read, because);
            let source = match fingerprint::read(&path) {
                Ok(Some(content)) => Ok(text::decode(&content.bytes.unwrap_or_default()).into_owned()),
                Ok(None) => Err(Box::new(
                    Diagnostic::error(format!("there is no Dockerfile at {}", path.display()))
                        .help("create it, or name another with `build: {dockerfile: …}`"),
                )),
                Err(error) => Err(Box::new(Diagnostic::error(format!("{} cannot be read: {error}", path.display())))),
            };
            (manifest, source)
        }
    };
    let wrong = |source: &str, error| Box::new(in_dockerfile(&error, &manifest.name, source));
    let (text, parsed) = match source {
        Ok(source) => {
            let parsed = Dockerfile::parse(&source).map_err(|error| wrong(&source, error));
            (source, parsed)
        }
        Err(problem) => (String::new(), Err(problem)),
    };
    (manifest, text, parsed)
}

/// The error with its line, marked from its first word to its end.
fn in_dockerfile(error: &DockerfileError, name: &str, text: &str) -> Diagnostic {
    let line = text.lines().nth((error.lines.first as usize).saturating_sub(1)).unwrap_or_default().trim_end();
    let indent = line.len() - line.trim_start().len();
    let count = |part: &str| u32::try_from(part.chars().count()).unwrap_or(u32::MAX);
    let place =
        Place { file: Arc::new(PathBuf::from(name)), line: error.lines.first, column: count(&line[..indent]) + 1 };
    let problem = Diagnostic { help: error.help.clone(), ..Diagnostic::error(error.what.clone()).at(place) };
    if line.is_empty() {
        return problem;
    }
    problem.excerpt(Excerpt { text: line.to_owned(), width: count(&line[indent..]).max(1), label: String::new() })
}

fn resolve(dockerfile: &Dockerfile, build: &Build) -> Result<Resolved, DockerfileError> {
    dockerfile.resolve(&BuildInputs {
        target: build.target.clone(),
        args: build.args.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
        contexts: build.additional_contexts.keys().cloned().collect(),
    })
}

/// The main context and those additional ones that are folders of this machine.
fn contexts(main: Context, build: &Build) -> BTreeMap<Option<String>, Context> {
    let local = build.additional_contexts.iter().filter(|(_, place)| place.starts_with('/'));
    let additional = local.map(|(name, place)| {
        let root = PathBuf::from(place);
        // An additional context has a .dockerignore of its own.
        let ignore = Ignore::load(&root, None).unwrap_or_default();
        (Some(name.clone()), Context { root, ignore, looked: LookedAt::default() })
    });
    additional.chain([(None, main)]).collect()
}

/// Reads what was found, and what that includes in turn.
fn read_all(walk: &mut Walk<'_>, reader: &mut Reader) -> Vec<Manifest> {
    let main = walk.contexts.get(&None).map(|context| context.root.clone()).unwrap_or_default();
    let mut open: VecDeque<Found> = std::mem::take(&mut walk.walked.found).into();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut manifests = Vec::new();
    while let Some(Found { path, context, because, requirements, named }) = open.pop_front() {
        let Some(inside) = walk.contexts.get_mut(&context) else { continue };
        let host = inside.host(&path);
        if manifests.len() >= MAX_MANIFESTS || !seen.insert(host.clone()) {
            continue;
        }
        inside.looked.files.insert(host.clone());
        let kind = kind_of(&path).or(requirements.then_some(ManifestKind::Requirements)).unwrap_or(ManifestKind::Other);
        let read = reader.read(&host, kind);
        for include in &read.includes {
            let because = format!("{} {} ({path}:{})", include.kind, include.path, include.line);
            open.extend(included(include, &path, inside).into_iter().map(|path| {
                let named = matches!(include.kind, IncludeKind::Requirements | IncludeKind::Constraints);
                Found { path, context: context.clone(), because: because.clone(), requirements: named, named }
            }));
        }
        // A name that no parser knows may stand for a folder, and is listed only when it turns out to be a file.
        let counts_while_missing = named && kind != ManifestKind::Other;
        if read.digest.is_some() || read.problem.is_some() || counts_while_missing {
            let copies = walk.copies(&path, &context);
            let name = name_in(&main, &host);
            manifests.push(Manifest { copies, ..manifest(host, name, kind, &read, because) });
        }
    }
    manifests
}

/// The files that an include names, as paths of the context; those outside of it aren't sent.
fn included(include: &Include, from: &str, context: &mut Context) -> Vec<String> {
    if include.path.contains("://") || include.path.starts_with('/') || include.path.contains('$') {
        return Vec::new();
    }
    let path = clean(&join(context::folder_of(from), &include.path));
    let of_project =
        |folder: &str, names: &[&str]| -> Vec<String> { names.iter().map(|name| clean(&join(folder, name))).collect() };
    let files = match include.kind {
        IncludeKind::Requirements | IncludeKind::Constraints => vec![path],
        IncludeKind::Project => of_project(&path, &["pyproject.toml", "setup.py", "setup.cfg"]),
        IncludeKind::Member if path.starts_with("..") => Vec::new(),
        // A member has a manifest of its workspace's own kind.
        IncludeKind::Member => {
            let folders = context.named(&path);
            folders.iter().flat_map(|folder| of_project(folder, &[context::name_of(from)])).collect()
        }
    };
    files.into_iter().filter(|path| context.sends(path)).collect()
}

fn manifest(path: PathBuf, name: String, kind: ManifestKind, read: &Read, because: String) -> Manifest {
    Manifest {
        path,
        name,
        kind,
        digest: read.digest,
        packages: read.packages.clone(),
        settings: Arc::clone(&read.settings),
        problem: read.problem.clone(),
        because,
        copies: Vec::new(),
    }
}

/// How a file is shown: relative to the build context where it is inside, otherwise by the shortest way from there.
fn name_in(root: &Path, path: &Path) -> String {
    if let Ok(inside) = path.strip_prefix(root) {
        return inside.to_string_lossy().into_owned();
    }
    let mut up = String::new();
    for ancestor in root.ancestors().skip(1) {
        up.push_str("../");
        if let (Ok(below), true) = (path.strip_prefix(ancestor), ancestor.parent().is_some()) {
            return format!("{up}{}", below.display());
        }
    }
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
