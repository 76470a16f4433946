//! One look at a folder: its entries, its manifests, its Python files, its pinned version of Python.
//!
//! Bounded: so many files, so many bytes of each, so deep. Folders of others (virtualenvs, node_modules, what .gitignore names) are not
//! entered. A file that can't be read is an error if the project can't be understood without it, and passed over otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{ScaffoldError, manifests::ManifestText, source::Source};
use crate::{
    manifest::{Ecosystem, IncludeKind, ecosystem, is_lock, kind_of},
    model::ManifestKind,
};

/// How deep Python files are looked for: `backend/src/shop/web/app.py`.
const MAX_DEPTH: usize = 5;
/// How many Python files are read.
const MAX_SOURCES: usize = 2_000;
/// How many bytes of a Python file are read; what makes a program of it stands at its top or its end, in files of usual size.
const MAX_SOURCE: u64 = 512 * 1024;
/// How many manifests are read, includes among them.
const MAX_MANIFESTS: usize = 100;

/// Folders in which no program of the project is.
const OTHERS: &[&str] = &[
    "__pycache__",
    "node_modules",
    "site-packages",
    "migrations",
    "tests",
    "test",
    "docs",
    "examples",
    "build",
    "dist",
];

/// What a folder has.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Absolute.
    pub folder: PathBuf,
    /// The names in it; those of folders end with a slash.
    pub entries: BTreeSet<String>,
    /// Manifests of Python's, locks not among them, and the files that they include; by their path.
    pub manifests: BTreeMap<String, ManifestText>,
    /// Includes that lead out of the folder, as they are written.
    pub outside: Vec<String>,
    /// Its Python files, by path.
    pub sources: Vec<Source>,
    /// `.python-version` and `runtime.txt`, where they are: name and text.
    pub pins: Vec<(String, String)>,
    /// The first line of poetry.lock, which names Poetry's version.
    pub poetry_lock: Option<String>,
    /// Its virtualenvs: folders with a `pyvenv.cfg`.
    pub virtualenvs: Vec<String>,
}

impl Survey {
    /// Looks at a folder.
    ///
    /// # Errors
    /// It, or a manifest in it, can't be read.
    pub fn of(folder: &Path) -> Result<Survey, ScaffoldError> {
        let mut survey = Survey { folder: folder.to_owned(), ..Survey::default() };
        let unreadable = |source| ScaffoldError::Read { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(unreadable)?.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Links count as what they lead to; one that leads nowhere is there all the same.
            let is_folder = fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir());
            if is_folder && entry.path().join("pyvenv.cfg").exists() {
                survey.virtualenvs.push(name.clone());
            }
            survey.entries.insert(if is_folder { format!("{name}/") } else { name });
        }
        survey.virtualenvs.sort();
        survey.read_manifests()?;
        for name in [".python-version", "runtime.txt"] {
            if survey.has(name) {
                survey.pins.push((name.to_owned(), survey.text(name)?));
            }
        }
        if survey.has("poetry.lock") {
            survey.poetry_lock = survey.text("poetry.lock")?.lines().next().map(str::to_owned);
        }
        survey.read_sources();
        Ok(survey)
    }

    /// Whether a file of that name is in it.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains(name)
    }

    /// Whether there is anything of Python in it.
    pub fn is_python(&self) -> bool {
        !self.manifests.is_empty() || !self.sources.is_empty()
    }

    /// Whether it has nothing that a project would be made of: hidden files, a readme and a licence may be there, and what `init` writes.
    pub fn is_empty(&self) -> bool {
        let aside = |name: &str| {
            let upper = name.to_ascii_uppercase();
            name.starts_with('.')
                || upper.starts_with("README")
                || upper.starts_with("LICEN")
                || matches!(name, super::DOCKERFILE | super::COMPOSE_FILE)
        };
        self.entries.iter().all(|name| aside(name))
    }

    /// Whether a path of the project is a Python package: a folder with an `__init__.py`.
    pub fn is_package(&self, folder: &str) -> bool {
        let init = format!("{folder}/__init__.py");
        self.sources.iter().any(|source| source.path == init)
    }

    fn text(&self, name: &str) -> Result<String, ScaffoldError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(source) => Err(ScaffoldError::Read { path, source }),
        }
    }

    fn read_manifests(&mut self) -> Result<(), ScaffoldError> {
        let mut wanted: Vec<(String, ManifestKind)> = Vec::new();
        let in_folder = fs::read_dir(self.folder.join("requirements")).into_iter().flatten().flatten();
        let in_folder = in_folder.filter_map(|entry| Some(format!("requirements/{}", entry.file_name().to_str()?)));
        let mut names: Vec<String> = self.entries.iter().cloned().chain(in_folder).collect();
        names.sort();
        for name in names {
            if let Some(kind) = kind_of(&name)
                && ecosystem(kind) == Some(Ecosystem::Python)
                && !is_lock(kind)
            {
                wanted.push((name, kind));
            }
        }
        while let Some((name, kind)) = wanted.pop() {
            if self.manifests.contains_key(&name) || self.manifests.len() >= MAX_MANIFESTS {
                continue;
            }
            let path = self.folder.join(&name);
            let text = match fs::read(&path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                // An include that isn't there is pip's to report, with its own words.
                Err(error) if error.kind() == io::ErrorKind::NotFound || path.is_dir() => continue,
                Err(source) => return Err(ScaffoldError::Read { path, source }),
            };
            let manifest = ManifestText::read(&name, kind, text);
            for include in manifest.declared.iter().flat_map(|declared| &declared.includes) {
                if !matches!(include.kind, IncludeKind::Requirements | IncludeKind::Constraints) {
                    continue;
                }
                match beside(&name, &include.path) {
                    Some(path) => wanted.push((path, ManifestKind::Requirements)),
                    None => self.outside.push(format!("{} ({name}:{})", include.path, include.line)),
                }
            }
            self.manifests.insert(name, manifest);
        }
        Ok(())
    }

    fn read_sources(&mut self) {
        let root = self.folder.clone();
        let walk = ignore::WalkBuilder::new(&root)
            .max_depth(Some(MAX_DEPTH))
            .parents(false)
            .git_global(false)
            .require_git(false)
            .sort_by_file_name(Ord::cmp)
            .filter_entry(|entry| {
                let name = entry.file_name().to_string_lossy();
                entry.depth() == 0 || !OTHERS.contains(&&*name) && !entry.path().join("pyvenv.cfg").exists()
            })
            .build();
        for entry in walk.flatten() {
            let is_python = entry.path().extension().is_some_and(|extension| extension == "py");
            if !is_python || !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Some(path) = entry.path().strip_prefix(&root).ok().and_then(Path::to_str) else { continue };
            let name = path.rsplit('/').next().unwrap_or(path);
            if name.starts_with("test_") || matches!(name, "setup.py" | "conftest.py" | "noxfile.py") {
                continue;
            }
            let Ok(text) = start_of(entry.path()) else { continue };
            self.sources.push(Source::read(path, &text));
            if self.sources.len() >= MAX_SOURCES {
                break;
            }
        }
        self.sources.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

fn start_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, MAX_SOURCE), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A path that a file names relative to itself, relative to the project's folder; none when it leads out of it.
pub(super) fn beside(file: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains("://") {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(files: &[(&str, &str)]) -> (tempfile::TempDir, Survey) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let survey = Survey::of(folder.path()).unwrap();
        (folder, survey)
    }

    #[test]
    fn a_folder_is_looked_at_without_what_others_put_there() {
        let (_folder, survey) = survey(&[
            ("app.py", "from flask import Flask\napp = Flask(__name__)\n"),
            ("shop/__init__.py", ""),
            ("shop/views.py", ""),
            ("env/pyvenv.cfg", ""),
            ("env/lib/python3.13/x.py", ""),
            ("tests/test_app.py", ""),
            (".gitignore", "generated/\n"),
            ("generated/app.py", "app = Flask(__name__)\n"),
            ("requirements/dev.txt", "-r base.txt\n-c ../constraints.txt\n-r ../../out.txt\n"),
            ("requirements/base.txt", "flask\n-r more.list\n"),
            ("requirements/more.list", "humanize\n"),
            ("constraints.txt", "flask<4\n"),
            ("package.json", "{}"),
            (".python-version", "3.12.4\n"),
        ]);
        let paths: Vec<&str> = survey.sources.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(paths, ["app.py", "shop/__init__.py", "shop/views.py"]);
        let manifests: Vec<&str> = survey.manifests.keys().map(String::as_str).collect();
        assert_eq!(
            manifests,
            ["constraints.txt", "requirements/base.txt", "requirements/dev.txt", "requirements/more.list"]
        );
        assert_eq!(survey.outside, ["../../out.txt (requirements/dev.txt:3)"]);
        assert_eq!((survey.virtualenvs.as_slice(), survey.pins.len()), (&["env".to_owned()][..], 1));
        assert!(survey.is_package("shop") && !survey.is_empty() && survey.is_python());
    }

    #[test]
    fn an_empty_folder_may_have_a_readme_and_a_repository() {
        let (_folder, empty) = survey(&[(".git/HEAD", ""), ("README.md", ""), ("LICENSE", "")]);
        assert!(empty.is_empty() && !empty.is_python());
        let (_folder, other) = survey(&[("package.json", "{}")]);
        assert!(!other.is_empty() && !other.is_python());
    }
}
