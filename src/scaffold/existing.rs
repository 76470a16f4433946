//! What is there already, and what a new file must fit: a Dockerfile's folder and port, a compose file's service that builds here.
//!
//! Nothing that is there is ever written over. A file that is there and can't be understood is kept just the same.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    build_context::{
        dockerfile::{Base, BuildInputs, Dockerfile, InstructionKind},
        ignore::Ignore,
    },
    compose,
    manifest::{self, Reader},
    model::{Build, DockerfileSource, MountKind},
};

use super::{COMPOSE_FILE, DOCKERFILE, IGNORE_FILE};

/// A Dockerfile that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExistingDockerfile {
    /// Why it can't be read.
    pub problem: Option<String>,
    /// The folder in which its program runs, if it says so.
    pub folder: Option<String>,
    /// The first port that it exposes.
    pub port: Option<u16>,
    /// It says who runs its program.
    pub has_user: bool,
    /// It starts from an image of Python's.
    pub python: bool,
    /// It takes the developer's ids as arguments, as one that devbox wrote does.
    pub takes_ids: bool,
    /// Folders of dependencies below [`ExistingDockerfile::folder`].
    pub environments: Vec<String>,
}

/// A compose file that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExistingCompose {
    /// Its name.
    pub name: String,
    /// Why it can't be read.
    pub problem: Option<String>,
    /// The service that is built by a Dockerfile in this folder.
    pub service: Option<String>,
    /// The port that it publishes.
    pub port: Option<u16>,
    /// Where it mounts this folder.
    pub folder: Option<String>,
    /// Its build is given the developer's ids.
    pub gives_ids: bool,
}

/// The files that `init` writes, as far as they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Existing {
    /// The Dockerfile.
    pub dockerfile: Option<ExistingDockerfile>,
    /// A compose file, under any of the names by which it is found.
    pub compose: Option<ExistingCompose>,
    /// The ignore file.
    pub ignore: Option<ExistingIgnore>,
    /// A compose file of a folder above.
    pub above: Option<String>,
}

/// An ignore file that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExistingIgnore {
    /// What it lets into the image that doesn't belong there.
    pub lets_in: Vec<String>,
}

impl Existing {
    /// Looks at a folder.
    pub fn of(folder: &Path, environment: &BTreeMap<String, String>) -> Existing {
        let there = |name: &str| fs::symlink_metadata(folder.join(name)).is_ok();
        let compose = compose::FILE_NAMES.iter().copied().find(|name| there(name));
        let above = folder.ancestors().skip(1).find_map(|above| {
            let mut files = compose::FILE_NAMES.iter().map(|name| above.join(name));
            files.find(|file| file.exists()).map(|file| file.display().to_string())
        });
        Existing {
            dockerfile: there(DOCKERFILE).then(|| dockerfile(folder)),
            compose: compose.map(|name| compose_file(folder, name, environment)),
            ignore: there(IGNORE_FILE).then(|| ignore_file(folder)),
            above: above.filter(|_| compose.is_none()),
        }
    }

    /// The compose file's name, the one that is there or the one that is written.
    pub fn compose_name(&self) -> &str {
        self.compose.as_ref().map_or(COMPOSE_FILE, |compose| &compose.name)
    }
}

fn dockerfile(folder: &Path) -> ExistingDockerfile {
    let mut found = ExistingDockerfile::default();
    let text = Dockerfile::text(&folder.join(DOCKERFILE)).map_err(|error| error.to_string());
    let read = text.and_then(|text| {
        let dockerfile = Dockerfile::parse(&text).map_err(|error| error.to_string())?;
        let resolved = dockerfile.resolve(&BuildInputs::default()).map_err(|error| error.to_string())?;
        Ok((dockerfile, resolved))
    });
    let (dockerfile, resolved) = match read {
        Ok(read) => read,
        Err(problem) => return ExistingDockerfile { problem: Some(problem), ..found },
    };
    // From the image that the last stage begins with to its end.
    let mut chain = Vec::new();
    let mut next = Some(resolved.target);
    while let Some(stage) = next.and_then(|index| resolved.stages.iter().find(|stage| stage.index == index)) {
        chain.push(stage);
        next = match &stage.base {
            Base::Stage(earlier) => Some(*earlier),
            Base::Image(image) => {
                let name = image.rsplit('/').next().unwrap_or(image);
                found.python = name.starts_with("python") || name.contains("uv:python");
                None
            }
            Base::Context(_) | Base::Scratch => None,
        };
    }
    for stage in chain.into_iter().rev() {
        let value = |text: &str| {
            let mut value = dockerfile.unquoted(text);
            for (name, known) in &stage.variables {
                value = value.replace(&format!("${{{name}}}"), known).replace(&format!("${name}"), known);
            }
            value
        };
        for instruction in &dockerfile.stages[stage.index].instructions {
            match &instruction.kind {
                InstructionKind::Workdir(path) => {
                    let path = value(path);
                    let whole = match &found.folder {
                        Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
                        _ => path,
                    };
                    found.folder = (whole.starts_with('/') && !whole.contains('$')).then_some(whole);
                }
                InstructionKind::Expose(ports) => {
                    let port = |text: &String| value(text).split('/').next().and_then(|port| port.parse().ok());
                    found.port = found.port.or_else(|| ports.iter().find_map(port));
                }
                InstructionKind::User(_) => found.has_user = true,
                InstructionKind::Arg(arguments) => {
                    found.takes_ids |= arguments.iter().any(|(name, _)| name == "USER_UID");
                }
                _ => {}
            }
        }
    }
    let inside = found.folder.clone().filter(|folder| folder != "/");
    let discovered = manifest::discover(&Build::new(folder.to_string_lossy()), &mut Reader::new());
    let below = |path: &String| inside.as_ref().is_some_and(|folder| path.starts_with(&format!("{folder}/")));
    found.environments = discovered.environments.into_iter().filter(below).collect();
    found
}

fn compose_file(folder: &Path, name: &str, environment: &BTreeMap<String, String>) -> ExistingCompose {
    let mut found = ExistingCompose { name: name.to_owned(), ..ExistingCompose::default() };
    let request = compose::Request {
        directory: folder.to_owned(),
        files: vec![folder.join(name)],
        environment: environment.clone(),
        ..compose::Request::default()
    };
    let project = match compose::load(&request) {
        Ok(loaded) => loaded.project,
        Err(error) => {
            found.problem = error.diagnostics.first().map(|diagnostic| diagnostic.what.clone());
            return found;
        }
    };
    let here = |path: &Path| path == folder;
    for service in project.services.values() {
        let Some(build) = &service.build else { continue };
        let by_file = matches!(&build.dockerfile, DockerfileSource::File(file)
            if Path::new(&build.context).join(file) == folder.join(DOCKERFILE));
        if !here(Path::new(&build.context)) || !by_file {
            continue;
        }
        let mount = service.mounts.iter().find(|mount| match &mount.kind {
            MountKind::Bind { source, .. } => here(source),
            _ => false,
        });
        found.service = Some(service.name.to_string());
        found.port = service.ports.first().map(|port| port.target);
        found.folder = mount.map(|mount| mount.target.clone());
        found.gives_ids = build.args.contains_key("USER_UID");
        break;
    }
    found
}

fn ignore_file(folder: &Path) -> ExistingIgnore {
    let Ok(ignore) = Ignore::load(folder, None) else { return ExistingIgnore::default() };
    let there = |name: &&str| fs::symlink_metadata(folder.join(name)).is_ok();
    let let_in = [".git", ".venv", "venv", ".env", "node_modules"].into_iter().filter(there);
    ExistingIgnore { lets_in: let_in.filter(|name| !ignore.excludes(name)).map(str::to_owned).collect() }
}
