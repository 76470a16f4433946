//! `init`: a Dockerfile, a compose file and a .dockerignore for the project in a folder; in an empty one, a project as well.
//!
//! Looks, decides (both are [`scaffold`]'s), asks which databases are wanted, writes, and says what it did and why. Nothing that is there
//! is written over. Either all files are written or none; what a new project needs of Python itself runs in a container.

mod question;
mod start;
mod telling;

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    model::Diagnostic,
    scaffold::{
        self, Blueprint, COMPOSE_FILE, DOCKERFILE, IGNORE_FILE, Owner, ScaffoldError, Survey, Wishes, compose_file,
        dockerfile,
        existing::Existing,
        ignore_file,
        template::{self, Template},
    },
};

use super::{
    Setup, Stop,
    files::{FileChange, Written},
    run,
};

/// How long an engine may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// What `init` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What was said of the project.
    pub wishes: Wishes,
    /// The new project to start.
    pub template: Option<Template>,
    /// Every question is answered with yes.
    pub yes: bool,
    /// Nothing is written.
    pub dry_run: bool,
    /// Facts for programs.
    pub json: bool,
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Its name.
    name: String,
    /// Its text, where it is new.
    text: Option<String>,
    /// Why it is not new, or what is to be known of it.
    remark: String,
}

/// Everything that was decided.
pub(super) struct Decided {
    blueprint: Blueprint,
    files: Vec<Outcome>,
    template: Option<Template>,
}

/// Runs it.
///
/// # Errors
/// What stands in the way, or what failed; nothing is written then.
pub async fn init(setup: &Setup, options: &Options) -> Result<(), Stop> {
    let folder = folder(setup)?;
    let owner = owner(setup, &folder).await;
    let (mut decided, survey) = decide(setup, options, &folder, owner)?;
    let agreed = question::databases(setup, options, &decided.blueprint)?;
    decided.blueprint.agree(&agreed);
    decided.files = files(&decided.blueprint, decided.template, &survey);
    let new: Vec<FileChange> = decided.files.iter().filter_map(|file| change(&folder, file)).collect();
    if options.dry_run {
        return telling::proposed(setup, options, &decided, &folder);
    }
    if new.is_empty() {
        return telling::nothing(setup, options, &decided, &folder);
    }
    let written = Written::write(new).map_err(Stop::failed)?;
    if let Some(command) = decided.template.and_then(Template::command) {
        let started = start::in_a_container(setup, &folder, &decided, command).await;
        if let Err(stop) = started {
            written.undo().iter().for_each(|problem| setup.console.diagnostic(problem));
            return Err(stop);
        }
    }
    telling::done(setup, options, &decided, &folder)
}

/// The folder that is meant.
fn folder(setup: &Setup) -> Result<PathBuf, Stop> {
    let request = &setup.request;
    if let Some(file) = request.files.first() {
        let what = format!("`-f {}` names a compose file, and init writes {COMPOSE_FILE}", file.display());
        return Err(Stop::usage(Diagnostic::error(what).help("leave -f out")));
    }
    let folder = match &request.project_directory {
        Some(directory) => request.directory.join(directory),
        None => request.directory.clone(),
    };
    folder.canonicalize().map_err(|source| usage(ScaffoldError::Read { path: folder, source }))
}

fn usage(error: ScaffoldError) -> Stop {
    match &error {
        ScaffoldError::Read { .. } => Stop::failed(error),
        _ => Stop::usage(error),
    }
}

/// Whom the container's files are to belong to: the caller, or whom the folder belongs to where root calls for somebody else. An engine
/// without root gives what its root writes to the caller, and nothing else.
async fn owner(setup: &Setup, folder: &Path) -> Owner {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if uid == 0 {
        let meta = std::fs::metadata(folder);
        return meta.map_or(Owner { uid, gid, mapped: false }, |meta| Owner {
            uid: meta.uid(),
            gid: meta.gid(),
            mapped: false,
        });
    }
    let rootless = async { Some(run::connect(setup).await.ok()?.machine().await.ok()?.rootless) };
    // No engine needs to be there yet.
    match tokio::time::timeout(PATIENCE, rootless).await {
        Ok(Some(true)) => Owner { uid: 0, gid: 0, mapped: true },
        _ => Owner { uid, gid, mapped: false },
    }
}

fn decide(setup: &Setup, options: &Options, folder: &Path, owner: Owner) -> Result<(Decided, Survey), Stop> {
    let mut survey = Survey::of(folder).map_err(usage)?;
    let existing = Existing::of(folder, &setup.request.environment);
    let template = match options.template {
        None => survey.is_empty().then(Template::default),
        Some(template) => match occupied(&survey, template) {
            Some(found) => {
                let template = template.name().to_owned();
                return Err(usage(ScaffoldError::Occupied { template, found }));
            }
            None => Some(template),
        },
    };
    if let Some(template) = template {
        let files = template.files(&drivers(options));
        survey = template.survey(&survey, &files);
    }
    let blueprint = scaffold::design(&survey, existing, &options.wishes, owner).map_err(usage)?;
    Ok((Decided { blueprint, files: Vec::new(), template }, survey))
}

/// What stands where a new project would: one that is there, or a file of a name that the new one needs.
fn occupied(survey: &Survey, template: Template) -> Option<String> {
    let needed = template.files(&[]).into_iter().map(|(name, _)| name).find(|name| survey.has(name));
    let python = survey.manifests.keys().next().or_else(|| survey.sources.first().map(|source| &source.path));
    needed.map(str::to_owned).or_else(|| python.cloned())
}

/// The drivers of the databases that a new project is to have.
fn drivers(options: &Options) -> Vec<&'static str> {
    let wishes = &options.wishes;
    let wanted = wishes.with.iter().filter(|(kind, _)| !wishes.without.contains(kind));
    wanted.map(|(kind, _)| kind.driver()).collect()
}

/// All files that `init` is about, with what becomes of each.
fn files(blueprint: &Blueprint, template: Option<Template>, survey: &Survey) -> Vec<Outcome> {
    let existing = &blueprint.existing;
    let new = |name: &str, text: String| Outcome { name: name.to_owned(), text: Some(text), remark: String::new() };
    let kept = |name: &str, remark: String| Outcome { name: name.to_owned(), text: None, remark };
    let mut files = Vec::new();
    if let Some(template) = template {
        let made = survey.manifests.values().map(|manifest| (manifest.name.as_str(), manifest.text.as_str()));
        let mut own: Vec<(&str, String)> = template.files(&[]);
        for (name, text) in &mut own {
            if let Some((_, made)) = made.clone().find(|(made, _)| made == name) {
                *text = made.to_owned();
            }
        }
        files.extend(own.into_iter().map(|(name, text)| new(name, text)));
    }
    if blueprint.install.new_manifest && existing.dockerfile.is_none() && template.is_none() {
        files.push(new("requirements.txt", template::NO_PACKAGES.to_owned()));
    }
    files.push(match &existing.dockerfile {
        None => new(DOCKERFILE, dockerfile::text(blueprint)),
        Some(dockerfile) => {
            let problem = dockerfile.problem.as_ref();
            kept(DOCKERFILE, problem.map(|problem| format!("it can't be read: {problem}")).unwrap_or_default())
        }
    });
    files.push(match &existing.compose {
        None => new(COMPOSE_FILE, compose_file::text(blueprint)),
        Some(compose) => kept(
            &compose.name,
            match (&compose.service, &compose.problem) {
                (Some(service), _) => format!("its {service} is built by {DOCKERFILE}"),
                (None, Some(problem)) => format!("it can't be read: {problem}"),
                (None, None) => format!("nothing in it is built by {DOCKERFILE} here"),
            },
        ),
    });
    files.push(match &existing.ignore {
        None => new(IGNORE_FILE, ignore_file::text(blueprint)),
        Some(ignore) if ignore.lets_in.is_empty() => kept(IGNORE_FILE, String::new()),
        Some(ignore) => kept(IGNORE_FILE, format!("it lets {} into the image", ignore.lets_in.join(", "))),
    });
    files
}

fn change(folder: &Path, file: &Outcome) -> Option<FileChange> {
    let after = file.text.clone()?.into_bytes();
    Some(FileChange { path: folder.join(&file.name), name: file.name.clone(), before: None, after })
}
