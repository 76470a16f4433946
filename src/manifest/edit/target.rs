//! Which manifest of a service is edited, and which tool writes the lock beside it.

use std::path::{Path, PathBuf};

use super::compiled::{self, Compiled, Origin};
use super::{EditError, Tool, pyproject};
use crate::manifest::fingerprint;
use crate::manifest::format::{is_lock, kind_of};
use crate::model::{Manifest, ManifestKind, ServiceSources};

/// A manifest to edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The manifest, absolute.
    pub path: PathBuf,
    /// As it is shown.
    pub name: String,
    /// Its format.
    pub kind: ManifestKind,
    /// The lock that goes with it, absolute; it may be that of a workspace, in a folder above.
    pub lock: Option<PathBuf>,
    /// Who resolves.
    pub tool: Tool,
    /// The folder in which the tool works, absolute.
    pub folder: PathBuf,
    /// How the lock is made, where it says so itself.
    pub compiled: Option<Compiled>,
}

/// The locks that may lie beside a manifest, each tool's.
fn locks(kind: ManifestKind) -> &'static [&'static str] {
    match kind {
        ManifestKind::Pyproject => &["uv.lock", "poetry.lock", "pdm.lock"],
        ManifestKind::Pipfile => &["Pipfile.lock"],
        ManifestKind::PackageJson => &["package-lock.json", "pnpm-lock.yaml", "yarn.lock"],
        _ => &[],
    }
}

/// The targets of a service, the one that counts first: one with a lock, then the order of what installs usually read. `root` is the
/// folder of the build context, above which no lock is looked for.
pub fn targets(sources: &ServiceSources, root: &Path) -> Vec<Target> {
    let mut targets: Vec<Target> = sources
        .manifests
        .iter()
        .filter_map(|manifest| {
            compiled(manifest, root).unwrap_or_else(|| is_written(manifest).then(|| target(manifest, sources, root)))
        })
        .collect();
    // The source of a compiled file may be copied as well: it counts with its lock.
    let sources_of_locks: Vec<PathBuf> =
        targets.iter().filter(|target| target.compiled.is_some()).map(|target| target.path.clone()).collect();
    targets.retain(|target| target.compiled.is_some() || !sources_of_locks.contains(&target.path));
    let rank = |target: &Target| {
        let kind = match target.kind {
            ManifestKind::Requirements => 0,
            ManifestKind::Pyproject | ManifestKind::Pipfile => 1,
            _ => 2,
        };
        // Of several files beside each other, the outermost and shortest name is the main one.
        let for_dev = for_development(&target.name);
        (target.lock.is_none(), kind, for_dev, target.path.components().count(), target.name.len())
    };
    targets.sort_by_key(rank);
    targets
}

/// A requirements file that is made from another: that other one, with it as the lock. `Some(None)` when how it is made isn't
/// understood, `None` when people write it.
fn compiled(manifest: &Manifest, root: &Path) -> Option<Option<Target>> {
    if manifest.kind != ManifestKind::Requirements {
        return None;
    }
    let bytes = fingerprint::read(&manifest.path).ok().flatten()?.bytes?;
    let compiled = match compiled::origin(&String::from_utf8_lossy(&bytes)) {
        Origin::Written => return None,
        Origin::Unknown => return Some(None),
        Origin::Compiled(compiled) => compiled,
    };
    let folders = manifest.path.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    let found = folders.map(|folder| (folder, folder.join(&compiled.source))).find(|(_, source)| source.is_file());
    let target = found.map(|(folder, path)| Target {
        name: path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned(),
        kind: kind_of(&path.to_string_lossy()).unwrap_or(ManifestKind::Requirements),
        lock: Some(manifest.path.clone()),
        tool: compiled.tool,
        folder: folder.to_owned(),
        compiled: Some(compiled),
        path,
    });
    Some(target)
}

/// A manifest that people write and that can be edited.
fn is_written(manifest: &Manifest) -> bool {
    let text = || fingerprint::read(&manifest.path).ok().flatten().and_then(|content| content.bytes);
    manifest.digest.is_some()
        && !is_lock(manifest.kind)
        && match manifest.kind {
            // A constraint installs nothing.
            ManifestKind::Requirements => {
                !manifest.because.starts_with("-c ") && !manifest.name.contains("constraints")
            }
            ManifestKind::Pipfile | ManifestKind::PackageJson | ManifestKind::CondaEnvironment => true,
            ManifestKind::Pyproject => text().is_some_and(|text| pyproject::declares(&String::from_utf8_lossy(&text))),
            _ => false,
        }
}

fn target(manifest: &Manifest, sources: &ServiceSources, root: &Path) -> Target {
    let folders = manifest.path.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    let lock = folders.flat_map(|folder| locks(manifest.kind).iter().map(move |name| folder.join(name))).find(|lock| {
        sources.manifests.iter().any(|other| other.path == *lock && other.digest.is_some()) || lock.is_file()
    });
    let tool = lock.as_deref().and_then(|lock| Tool::of_lock(kind_of(&lock.to_string_lossy())?)).unwrap_or(
        match manifest.kind {
            ManifestKind::Pipfile => Tool::Pipenv,
            ManifestKind::PackageJson => Tool::Npm,
            _ => Tool::Pip,
        },
    );
    let folder = manifest.path.parent().unwrap_or(root).to_owned();
    let (path, name) = (manifest.path.clone(), manifest.name.clone());
    Target { path, name, kind: manifest.kind, lock, tool, folder, compiled: None }
}

/// `requirements-dev.txt`, `requirements/test.txt`: what only people who work on the project install.
fn for_development(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let mut words = file.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| {
        matches!(
            word,
            "dev" | "develop" | "development" | "test" | "tests" | "testing" | "lint" | "local" | "ci" | "docs"
        )
    })
}

/// The one to add to.
///
/// # Errors
/// There is none.
pub fn to_add(targets: &[Target], dev: bool, service: &str) -> Result<Target, EditError> {
    let first = targets.first().ok_or_else(|| {
        EditError::new(
            format!("{service} has no manifest that can be edited"),
            format!("`devbox deps {service}` lists what its build reads; devbox edits requirements files, pyproject.toml, Pipfile, environment.yml and package.json"),
        )
    })?;
    if first.kind != ManifestKind::Requirements {
        return Ok(first.clone());
    }
    // Requirements files have a file for each purpose.
    let purpose =
        targets.iter().find(|target| target.kind == ManifestKind::Requirements && for_development(&target.name) == dev);
    purpose.cloned().ok_or_else(|| match dev {
        true => EditError::new(
            format!("{service} has no requirements file for development"),
            "have the Dockerfile install one, requirements-dev.txt for instance, or leave out --dev",
        ),
        false => EditError::new(
            format!("{service} has requirements files for development only"),
            "`--dev` adds to them; `--manifest FILE` names one",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Reader, discover};
    use crate::model::Build;

    fn found(files: &[(&str, &str)], build: impl Fn(&Path) -> Build) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let sources = discover(&build(folder.path()), &mut Reader::new()).sources;
        let targets = targets(&sources, folder.path());
        let shown = |target: &Target| {
            let lock = target.lock.as_deref().and_then(Path::file_name).map(|lock| lock.to_string_lossy().into_owned());
            format!("{} {} {}", target.name, target.tool.program(), lock.unwrap_or_else(|| "-".to_owned()))
        };
        let chosen = |dev| to_add(&targets, dev, "web").map_or_else(|error| error.what, |target| shown(&target));
        vec![chosen(false), chosen(true)]
    }

    fn build(folder: &Path) -> Build {
        Build::new(folder.to_string_lossy())
    }

    #[test]
    fn the_manifest_that_the_build_reads_is_edited() {
        let pip = "FROM x\nCOPY requirements/ requirements/\nRUN pip install -r requirements/dev.txt\n";
        assert_eq!(
            found(
                &[
                    ("Dockerfile", pip),
                    ("requirements/base.txt", "django\n"),
                    ("requirements/dev.txt", "-r base.txt\npytest\n")
                ],
                build
            ),
            ["requirements/base.txt pip -", "requirements/dev.txt pip -"]
        );
        let uv = "FROM x\nCOPY pyproject.toml uv.lock ./\nRUN uv sync\n";
        let project = "[project]\nname = 'shop'\n";
        assert_eq!(
            found(&[("Dockerfile", uv), ("pyproject.toml", project), ("uv.lock", "version = 1\n")], build),
            ["pyproject.toml uv uv.lock", "pyproject.toml uv uv.lock"]
        );
        let compiled = "# This file is autogenerated by pip-compile\n#    pip-compile base.in\nx==1\n";
        let files = [("Dockerfile", pip), ("requirements/base.txt", compiled), ("requirements/base.in", "x\n")];
        assert_eq!(
            found(&[&files[..], &[("requirements/dev.txt", "-r base.txt\npytest\n")]].concat(), build),
            ["requirements/base.in pip-compile base.txt", "requirements/dev.txt pip -"]
        );
        let both = "FROM x\nCOPY . .\nRUN pip install -r requirements.txt\n";
        assert_eq!(
            found(&[("Dockerfile", both), ("requirements.txt", "x\n"), ("pyproject.toml", "[tool.ruff]\n")], build),
            ["requirements.txt pip -", "web has no requirements file for development"]
        );
        assert_eq!(found(&[("Dockerfile", "FROM x\n")], build)[0], "web has no manifest that can be edited");
    }
}
