//! Versions and locks: the project's own tool works on a copy, and what it wrote is read out.
//!
//! Whatever fails is told in the resolver's own words. Nothing of the project is written here.

use std::collections::BTreeMap;

use super::{draft::Draft, subject::Subject, workshop::Workshop};
use crate::{
    manifest::{
        self,
        edit::{self, Request, Tool},
        kind_of, resolver,
    },
    model::{Diagnostic, ManifestKind},
    runtime::{
        ask::Said,
        headless::{
            Setup, Stop,
            files::{self, FileChange},
        },
    },
};

/// Has the tool resolve, on a copy, and gives the files that change.
///
/// # Errors
/// What the resolver says, or the engine's.
pub(super) async fn resolve(
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
