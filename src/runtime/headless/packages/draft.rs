//! The edit as far as it is known before anything is resolved: which manifest, and its text with what is added and taken out.
//!
//! Reads files and writes none.

use std::collections::BTreeMap;

use super::{Options, What, subject::Subject};
use crate::{
    manifest::edit::{
        self, Addition, EditError, Request,
        target::{self, Target},
    },
    model::Diagnostic,
    runtime::headless::{
        Stop,
        files::{self, FileChange},
    },
};

/// The edit as far as it is known before anything is resolved.
pub(super) struct Draft {
    pub target: Target,
    /// The manifest as it is.
    before: String,
    /// What is added.
    pub requests: Vec<Request>,
    /// The manifest with what is taken out; for the others, as it is.
    text: String,
    /// With the packages for development.
    pub dev: bool,
    /// Everything at its newest.
    pub upgrade: bool,
}

fn refused(error: EditError) -> Stop {
    Stop::failed(Diagnostic::error(error.what).help(error.help))
}

fn text_of(target: &Target) -> Result<String, Stop> {
    let unreadable = |why: String| Stop::failed(Diagnostic::error(format!("{} can't be read: {why}", target.name)));
    let bytes = std::fs::read(&target.path).map_err(|error| unreadable(error.to_string()))?;
    // Another encoding would not come back byte for byte.
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))
}

/// Makes it.
///
/// # Errors
/// There is no such manifest, it can't be read or edited, or what was typed is no package.
pub(super) fn draft(options: &Options, subject: &Subject, named: Option<Target>) -> Result<Draft, Stop> {
    let service = subject.service.as_str();
    let to_edit = || match &named {
        Some(target) => Ok(target.clone()),
        None => target::to_add(&subject.targets, options.dev, service).map_err(refused),
    };
    match &options.what {
        What::Add(packages) => {
            let target = to_edit()?;
            let requests: Result<Vec<Request>, EditError> =
                packages.iter().map(|package| Request::parse(target.tool.ecosystem(), package)).collect();
            let requests = requests.map_err(|error| Stop::usage(Diagnostic::error(error.what).help(error.help)))?;
            let text = text_of(&target)?;
            let dev = options.dev;
            Ok(Draft { target, before: text.clone(), requests, text, dev, upgrade: false })
        }
        What::Remove(packages) => removal(options, subject, named, packages),
        What::Lock(upgrade) => {
            let target = to_edit()?;
            if target.lock.is_none() {
                let what = Diagnostic::error(format!("{} has no lock file beside it", target.name));
                return Err(Stop::failed(what.help(
                    "make the first one with the project's own tool: uv lock, poetry lock, pdm lock, pipenv lock",
                )));
            }
            let text = text_of(&target)?;
            Ok(Draft { target, before: text.clone(), requests: Vec::new(), text, dev: false, upgrade: *upgrade })
        }
    }
}

/// Takes packages out of the first manifest that declares the first of them; all must be in there.
fn removal(options: &Options, subject: &Subject, named: Option<Target>, packages: &[String]) -> Result<Draft, Stop> {
    let targets = named.map_or_else(|| subject.targets.clone(), |target| vec![target]);
    for target in &targets {
        let before = text_of(target)?;
        let mut text = before.clone();
        let mut missing = None;
        for package in packages {
            let request = Request::parse(target.tool.ecosystem(), package);
            let name = request.map_err(|error| Stop::usage(Diagnostic::error(error.what).help(error.help)))?.name;
            match edit::remove(target.kind, &text, &name, options.dev).map_err(refused)? {
                Some(new) => text = new,
                None => {
                    missing = Some(name);
                    break;
                }
            }
        }
        match missing {
            None => {
                let (target, requests) = (target.clone(), Vec::new());
                return Ok(Draft { target, before, requests, text, dev: options.dev, upgrade: false });
            }
            Some(name) if text != before => {
                let what = Diagnostic::error(format!("{} does not declare {name}", target.name));
                return Err(Stop::failed(what.help("remove packages of different manifests one by one")));
            }
            Some(_) => {}
        }
    }
    let what = Diagnostic::error(format!("no manifest of {} declares {}", subject.service, packages.join(", ")));
    Err(Stop::failed(what.help(format!("`devbox deps {}` says who asks for a package", subject.service))))
}

impl Draft {
    /// Whether somebody has to resolve: there is a lock, or a version to be found.
    pub fn needs_tool(&self) -> bool {
        self.target.lock.is_some() || !self.requests.is_empty()
    }

    /// The manifest's new text, with the versions that are known.
    pub fn manifest(&self, versions: &BTreeMap<String, String>) -> Result<String, Stop> {
        self.requests.iter().try_fold(self.text.clone(), |text, request| {
            let version = versions.get(&request.name).map(String::as_str);
            let addition = Addition { request, version, dev: self.dev, tool: self.target.tool };
            edit::add(self.target.kind, &text, addition).map_err(refused)
        })
    }

    /// The files that change.
    pub fn changes(
        &self,
        subject: &Subject,
        versions: &BTreeMap<String, String>,
        lock: Option<String>,
    ) -> Result<Vec<FileChange>, Stop> {
        let manifest = FileChange {
            path: self.target.path.clone(),
            name: self.target.name.clone(),
            before: Some(self.before.clone().into_bytes()),
            after: self.manifest(versions)?.into_bytes(),
        };
        let mut changes = vec![manifest];
        if let (Some(path), Some(text)) = (&self.target.lock, lock) {
            let before = files::read(path).map_err(|error| {
                Stop::failed(Diagnostic::error(format!("{} can't be read: {error}", path.display())))
            })?;
            let name = subject.inside(path).unwrap_or_else(|| path.display().to_string());
            changes.push(FileChange { path: path.clone(), name, before, after: text.into_bytes() });
        }
        changes.retain(|change| change.before.as_deref() != Some(&change.after[..]));
        Ok(changes)
    }
}
