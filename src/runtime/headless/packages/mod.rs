//! `add`, `remove`, `lock`: a manifest edited, its lock written by the project's own tool, the image rebuilt; or nothing changed.
//!
//! The tool works on a copy, in a container of the service's image. The project's files are written only when it is content, and
//! come back byte for byte when the build or the new container fails. Whatever fails is told in the resolver's own words.

mod files;
pub(super) mod subject;
mod workshop;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    manifest::{
        self, diff,
        diff::DiffLine,
        edit::{self, Addition, EditError, Request, Tool, target, target::Target},
        is_lock, kind_of, resolver,
    },
    model::{Diagnostic, ManifestKind},
    plan::{Goal, RebuildOptions, RebuildWhat, Selection, Verb},
    runtime::ask::Said,
};

use super::{
    Setup, Stop,
    console::Role,
    run::{self, Job, Signals},
    verbs,
};
use files::{FileChange, Written};
use subject::Subject;
pub(super) use workshop::Workshop;

/// What is to be done with packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// These are put in.
    Add(Vec<String>),
    /// These are taken out.
    Remove(Vec<String>),
    /// The lock is made to agree with the manifest; with `true`, with everything at its newest.
    Lock(bool),
}

/// A verb's wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What.
    pub what: What,
    /// The service; the only one when `None`.
    pub service: Option<String>,
    /// Packages for development.
    pub dev: bool,
    /// The manifest, where a service has several.
    pub manifest: Option<PathBuf>,
    /// The files only: no build.
    pub no_build: bool,
    /// Shows the change and does nothing.
    pub dry_run: bool,
}

/// Runs it.
///
/// # Errors
/// What failed; the files are then as they were.
pub async fn run(setup: &Setup, options: &Options) -> Result<(), Stop> {
    let services: Vec<String> = options.service.clone().into_iter().collect();
    let ready = verbs::ready(setup, &services).await?;
    let subject = subject::choose(&ready.project, options.service.as_deref())?;
    let named = subject.named(options.manifest.as_deref(), &setup.request.directory)?;
    let draft = draft(options, &subject, named)?;
    let mut signals = Signals::listen()?;
    let changes = if draft.needs_tool() {
        let workshop = Workshop::open(setup, &ready, &subject.service, &mut signals).await?;
        let resolved = tokio::select! {
            resolved = resolve(setup, &workshop, &subject, &draft) => resolved,
            _ = signals.recv() => Err(Stop::Interrupted),
        };
        let closed = workshop.close().await;
        let changes = resolved?;
        closed?;
        changes
    } else {
        draft.changes(&subject, &BTreeMap::new(), None)?
    };
    if changes.is_empty() {
        return setup.console.line(format!("{}: nothing to change.", draft.target.name));
    }
    setup.console.out.write(shown(setup, &changes))?;
    if options.dry_run {
        return Ok(());
    }
    let paths: Vec<PathBuf> = changes.iter().map(|change| change.path.clone()).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let affected = subject.affected(&paths);
    let written = Written::write(changes).map_err(Stop::failed)?;
    if options.no_build {
        return setup.console.line("`devbox rebuild` builds it in.");
    }
    let rebuild = RebuildOptions { what: RebuildWhat::Selected, ..RebuildOptions::default() };
    let job = Job {
        ready: &ready,
        sources: &std::sync::Arc::new(run::sources(setup, &ready.project)),
        goal: Goal::new(Verb::Rebuild(rebuild), Selection::of(affected)),
        ink: setup.console.out,
        style: run::style(setup, setup.console.out, false),
        hurried: false,
    };
    match run::carry_out(setup, job, &mut signals, |_| {}).await {
        Ok(_) => Ok(()),
        Err(stop) => {
            written.undo().iter().for_each(|problem| setup.console.diagnostic(problem));
            Err(undone(stop, &draft.target))
        }
    }
}

/// A failure, with the word that the files are back.
fn undone(stop: Stop, target: &Target) -> Stop {
    match stop {
        Stop::Failed(mut diagnostics) => {
            if let Some(first) = diagnostics.first_mut() {
                *first = first.clone().note(format!("{} is as it was before", target.name));
            }
            Stop::Failed(diagnostics)
        }
        other => other,
    }
}

/// The edit as far as it is known before anything is resolved.
struct Draft {
    target: Target,
    /// The manifest as it is.
    before: String,
    /// What is added.
    requests: Vec<Request>,
    /// The manifest with what is taken out; for the others, as it is.
    text: String,
    dev: bool,
    upgrade: bool,
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

fn draft(options: &Options, subject: &Subject, named: Option<Target>) -> Result<Draft, Stop> {
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
    fn needs_tool(&self) -> bool {
        self.target.lock.is_some() || !self.requests.is_empty()
    }

    /// The manifest's new text, with the versions that are known.
    fn manifest(&self, versions: &BTreeMap<String, String>) -> Result<String, Stop> {
        self.requests.iter().try_fold(self.text.clone(), |text, request| {
            let version = versions.get(&request.name).map(String::as_str);
            let addition = Addition { request, version, dev: self.dev, tool: self.target.tool };
            edit::add(self.target.kind, &text, addition).map_err(refused)
        })
    }

    /// The files that change.
    fn changes(
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

/// Has the tool resolve, on a copy, and gives the files that change.
async fn resolve(
    setup: &Setup,
    workshop: &Workshop,
    subject: &Subject,
    draft: &Draft,
) -> Result<Vec<FileChange>, Stop> {
    let outside = || {
        let what = format!("{} lies outside of the build context of {}", draft.target.name, subject.service);
        Stop::failed(Diagnostic::error(what).help("edit it by hand, then `devbox rebuild`"))
    };
    let manifest = subject.inside(&draft.target.path).ok_or_else(outside)?;
    let mut over: Vec<(String, Vec<u8>)> = Vec::new();
    let known = subject.discovered.sources.manifests.iter().map(|manifest| &manifest.path);
    for path in known.chain(&draft.target.lock) {
        if let (Some(inside), Ok(Some(bytes))) = (subject.inside(path), files::read(path)) {
            over.push((inside, bytes));
        }
    }
    let first = draft.manifest(&BTreeMap::new())?;
    over.push((manifest.clone(), first.clone().into_bytes()));
    workshop.fill(&subject.root, subject.dockerfile.as_deref(), over).await?;
    let Some(lock) = &draft.target.lock else {
        let versions = versions_by_pip(workshop, subject, draft, &manifest).await?;
        return draft.changes(subject, &versions, None);
    };
    let lock = subject.inside(lock).ok_or_else(outside)?;
    let tool = draft.target.tool;
    workshop.provide(setup, tool, &subject.service).await?;
    let folder = subject.inside(&draft.target.folder).filter(|folder| !folder.is_empty());
    let folder = folder.as_deref().unwrap_or(".");
    let command = match (&draft.target.compiled, draft.upgrade) {
        (Some(compiled), upgrade) => Some(compiled.command(upgrade)),
        (None, true) => tool.upgrade(),
        (None, false) => tool.lock(&draft.requests, draft.dev),
    };
    let command = command.unwrap_or_default();
    let mut text = locked(workshop, tool, folder, &command, &lock).await?;
    let versions = versions_of(&lock, &text);
    let second = draft.manifest(&versions)?;
    if second != first {
        // What the manifest says of the version is in the lock, too.
        workshop.write(&manifest, second.as_bytes()).await?;
        text = locked(workshop, tool, folder, &command, &lock).await?;
    }
    draft.changes(subject, &versions, Some(text))
}

/// Runs the tool, and gives the lock.
async fn locked(workshop: &Workshop, tool: Tool, folder: &str, command: &str, lock: &str) -> Result<String, Stop> {
    let said = workshop.sh(folder, command).await?;
    if !said.succeeded() {
        return Err(failed(tool, &said));
    }
    let missing =
        || Stop::failed(Diagnostic::error(format!("{} wrote no {lock}", tool.program())).note(said.last_line()));
    workshop.read(lock).await?.ok_or_else(missing)
}

/// The tool's failure: the resolver's own sentence first.
fn failed(tool: Tool, said: &Said) -> Stop {
    let lines = said.lines();
    let program = tool.program();
    if said.code.is_none() {
        return Stop::failed(Diagnostic::error(format!("{program} took too long")).note("nothing was changed"));
    }
    let plain = |line: &&str| line.chars().filter(|c| !c.is_control()).collect::<String>();
    let diagnostic = match resolver::failure(&lines) {
        Some(failure) => {
            Diagnostic::error(failure.sentence.clone()).note(format!("{}; nothing was changed", failure.short()))
        }
        None => {
            let last: Vec<String> =
                lines.iter().rev().filter(|line| !line.trim().is_empty()).take(12).map(plain).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
            Diagnostic::error(format!("{program} failed")).note(last).note("nothing was changed")
        }
    };
    Stop::failed(diagnostic)
}

/// The versions that a lock has; of several of one package, the last.
fn versions_of(lock: &str, text: &str) -> BTreeMap<String, String> {
    let kind = kind_of(lock).unwrap_or(ManifestKind::Other);
    let declared = manifest::parse(kind, text.as_bytes()).and_then(Result::ok).unwrap_or_default();
    let exact =
        declared.packages.into_iter().filter(|package| package.version.starts_with(|c: char| c.is_ascii_digit()));
    exact.map(|package| (package.name, package.version)).collect()
}

/// Has pip say what it would install, without a lock; a pip that is too old for that, or none, leaves versions unknown and the
/// build to decide.
async fn versions_by_pip(
    workshop: &Workshop,
    subject: &Subject,
    draft: &Draft,
    manifest: &str,
) -> Result<BTreeMap<String, String>, Stop> {
    if draft.target.tool.ecosystem() != manifest::Ecosystem::Python {
        return Ok(BTreeMap::new());
    }
    let wanted = match draft.target.kind {
        ManifestKind::Requirements => format!("-r {}", edit::tool::word(manifest)),
        _ => draft
            .requests
            .iter()
            .map(|request| edit::tool::word(&format!("{} {}", request.label, request.range)))
            .collect::<Vec<_>>()
            .join(" "),
    };
    let environments = subject.discovered.environments.iter();
    let pythons: Vec<String> = environments.map(|folder| edit::tool::word(&format!("{folder}/bin/python"))).collect();
    let script = format!(
        "for python in {} python python3; do\n\
         command -v \"$python\" >/dev/null 2>&1 && exec \"$python\" -m pip install --dry-run --quiet --ignore-installed --no-color --report - {wanted}\n\
         done; exit 127",
        pythons.join(" ")
    );
    let said = workshop.sh(".", &script).await?;
    if !said.succeeded() {
        let lines = said.lines();
        return match resolver::failure(&lines) {
            Some(_) => Err(failed(Tool::Pip, &said)),
            None => Ok(BTreeMap::new()),
        };
    }
    Ok(reported(&said.out))
}

/// Names and versions of pip's installation report.
fn reported(report: &str) -> BTreeMap<String, String> {
    let start = report.find('{').unwrap_or(report.len());
    let report: serde_json::Value = serde_json::from_str(&report[start..]).unwrap_or_default();
    let mut versions = BTreeMap::new();
    for item in report["install"].as_array().into_iter().flatten() {
        if let (Some(name), Some(version)) = (item["metadata"]["name"].as_str(), item["metadata"]["version"].as_str())
            && let Ok(request) = Request::parse(manifest::Ecosystem::Python, name)
        {
            versions.insert(request.name, version.to_owned());
        }
    }
    versions
}

/// The change: packages of every file, lines of those that people write.
fn shown(setup: &Setup, changes: &[FileChange]) -> String {
    let ink = setup.console.out;
    let mut text = String::new();
    for change in changes {
        let kind = kind_of(&change.name).unwrap_or(ManifestKind::Requirements);
        let what = diff::texts(kind, change.before.as_deref(), Some(&change.after)).map(|what| what.to_string());
        let what = what.unwrap_or_default();
        let _ = writeln!(text, "{}  {what}", ink.paint(Role::Wants, &change.name));
        if is_lock(kind) {
            continue;
        }
        for line in diff::lines(change.before.as_deref().unwrap_or_default(), &change.after) {
            let _ = match line {
                DiffLine::Same(line) => writeln!(text, "    {line}"),
                DiffLine::Added(line) => writeln!(text, "  {}", ink.paint(Role::Good, format!("+ {line}"))),
                DiffLine::Removed(line) => writeln!(text, "  {}", ink.paint(Role::Failed, format!("- {line}"))),
                DiffLine::Gap => writeln!(text, "    …"),
            };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_report_is_read() {
        let report = r#"{"version": "1", "install": [{"metadata": {"name": "Humanize", "version": "4.17.0"}}, {"metadata": {}}]}"#;
        assert_eq!(reported(report), BTreeMap::from([("humanize".to_owned(), "4.17.0".to_owned())]));
        assert_eq!(reported("no report"), BTreeMap::new());
    }

    #[test]
    fn a_locks_versions_are_found() {
        let lock = "[[package]]\nname = \"Humanize\"\nversion = \"4.17.0\"\n";
        assert_eq!(versions_of("x/uv.lock", lock)["humanize"], "4.17.0");
    }
}
