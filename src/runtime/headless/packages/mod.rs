//! `add`, `remove`, `lock`: a manifest edited, its lock written by the project's own tool, the image rebuilt; or nothing changed.
//!
//! The tool works on a copy, in a container of the service's image. The project's files are written only when it is content, and
//! come back byte for byte when the build or the new container fails. `subject` says which service and manifest are meant, `draft`
//! edits the text, `workshop` is the container, `resolve` has the tool work in it.

mod draft;
mod resolve;
pub(super) mod subject;
mod workshop;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    manifest::{
        diff::{self, DiffLine},
        edit::target::Target,
        is_lock, kind_of,
    },
    model::ManifestKind,
    plan::{Goal, RebuildOptions, RebuildWhat, Selection, Verb},
};

use super::{
    Setup, Stop,
    console::Role,
    files::{FileChange, Written},
    run::{self, Job, Signals},
    verbs,
};
use draft::draft;
use resolve::resolve;
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
