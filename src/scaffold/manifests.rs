//! Which file declares the project's packages, and which tool installs them.
//!
//! A pyproject.toml that only steers linters declares nothing and is no manifest. Where several declare packages, a lock decides, then
//! the order below; the others are named with the flag that takes them.

use toml_edit::{DocumentMut, Item};

use super::{ScaffoldError, Survey, error::Line};
use crate::{
    manifest::{Declared, ParseError, parse},
    model::ManifestKind,
};

/// Who installs a project's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tool {
    /// uv, from uv.lock where there is one.
    Uv,
    /// Poetry, likewise.
    Poetry,
    /// PDM, likewise.
    Pdm,
    /// Pipenv, likewise.
    Pipenv,
    /// pip, from requirements files.
    Pip,
    /// A pyproject.toml of no particular tool (PEP 621): uv's pip, which reads the packages without building the project.
    Pyproject,
    /// conda's environment.yml.
    Conda,
    /// setup.py or setup.cfg.
    Setuptools,
}

impl Tool {
    /// As its users call it.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Uv => "uv",
            Tool::Poetry => "Poetry",
            Tool::Pdm => "PDM",
            Tool::Pipenv => "Pipenv",
            Tool::Pip | Tool::Setuptools => "pip",
            Tool::Pyproject => "uv pip",
            Tool::Conda => "micromamba",
        }
    }

    /// The file that it pins packages in.
    pub fn lock(self) -> Option<&'static str> {
        match self {
            Tool::Uv => Some("uv.lock"),
            Tool::Poetry => Some("poetry.lock"),
            Tool::Pdm => Some("pdm.lock"),
            Tool::Pipenv => Some("Pipfile.lock"),
            _ => None,
        }
    }
}

/// A manifest, read.
#[derive(Debug, Clone)]
pub struct ManifestText {
    /// Its path in the project.
    pub name: String,
    /// Its format.
    pub kind: ManifestKind,
    /// Its text.
    pub text: String,
    /// What it declares, or why that can't be told.
    pub declared: Result<Declared, ParseError>,
}

impl ManifestText {
    /// Reads one.
    pub fn read(name: &str, kind: ManifestKind, text: String) -> ManifestText {
        let declared = parse(kind, text.as_bytes()).unwrap_or_else(|| Ok(Declared::default()));
        ManifestText { name: name.to_owned(), kind, text, declared }
    }

    /// The value of a setting.
    pub fn setting(&self, key: &str) -> Option<&str> {
        let declared = self.declared.as_ref().ok()?;
        declared.settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str())
    }

    /// The line that holds the first of these words at its start, or anywhere; the first line where none does.
    pub fn line(&self, words: &[&str]) -> Line {
        let found = words.iter().find_map(|word| {
            let line =
                |(number, text): (usize, &str)| text.trim_start().starts_with(word).then_some((number, word.len()));
            self.text.lines().enumerate().find_map(line)
        });
        let (number, _) = found.unwrap_or_default();
        let text = self.text.lines().nth(number).unwrap_or_default();
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        let width = text.trim().chars().count().max(1);
        Line {
            file: self.name.clone(),
            number: count(number + 1),
            text: text.to_owned(),
            mark: (count(indent + 1), count(width)),
        }
    }

    fn broken(&self, error: &ParseError) -> ScaffoldError {
        let number = error.line.max(1);
        let text = self.text.lines().nth(number as usize - 1).unwrap_or_default().to_owned();
        let line = Line { file: self.name.clone(), number, text, mark: (error.column.max(1), 1) };
        ScaffoldError::Manifest { line, what: error.what.clone() }
    }

    /// The document, of one that is TOML.
    pub fn toml(&self) -> Option<DocumentMut> {
        self.text.parse().ok()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Whether a document has something at a path of keys.
pub fn has(document: &DocumentMut, path: &[&str]) -> bool {
    at(document, path).is_some()
}

/// What stands at a path of keys.
pub fn at<'d>(document: &'d DocumentMut, path: &[&str]) -> Option<&'d Item> {
    let mut item = document.as_item();
    for key in path {
        item = item.as_table_like()?.get(key)?;
    }
    Some(item)
}

/// The manifest that counts, and those that were passed over.
#[derive(Debug, Clone)]
pub struct Choice<'s> {
    /// The one that counts.
    pub manifest: &'s ManifestText,
    /// Who installs from it.
    pub tool: Tool,
    /// Whether the tool's lock is there.
    pub locked: bool,
    /// Others that declare packages as well.
    pub others: Vec<&'s str>,
}

/// Finds the manifest that counts; `None` where nothing declares packages.
///
/// # Errors
/// `named` is none, or the one that counts can't be understood.
pub fn choose<'s>(survey: &'s Survey, named: Option<&str>) -> Result<Option<Choice<'s>>, ScaffoldError> {
    let mut found: Vec<(u8, &ManifestText, Tool)> = survey
        .manifests
        .values()
        .filter_map(|manifest| tool(survey, manifest).map(|(rank, tool)| (rank, manifest, tool)))
        .collect();
    found.sort_by_key(|(rank, ..)| *rank);
    let chosen = match named.map(|named| (named, named.strip_prefix("./").unwrap_or(named))) {
        Some((named, name)) => match found.iter().find(|(_, manifest, _)| manifest.name == name) {
            Some(found) => Some(*found),
            None => {
                let found = found.iter().map(|(_, manifest, _)| manifest.name.clone()).collect();
                return Err(ScaffoldError::NoSuchManifest { named: named.to_owned(), found });
            }
        },
        None => found.first().copied(),
    };
    let Some((rank, manifest, tool)) = chosen else { return Ok(None) };
    if let Err(error) = &manifest.declared {
        return Err(manifest.broken(error));
    }
    let locked = tool.lock().is_some_and(|lock| survey.has(lock));
    // Requirements files belong together; another kind of manifest is another choice.
    let mut others: Vec<&str> = Vec::new();
    let mut kinds = vec![manifest.kind];
    for (other_rank, other, _) in &found {
        if !kinds.contains(&other.kind) && (*other_rank < SPARE || rank >= SPARE) {
            kinds.push(other.kind);
            others.push(&other.name);
        }
    }
    Ok(Some(Choice { manifest, tool, locked, others }))
}

/// From this rank on a manifest says nothing of its own when another one is there.
const SPARE: u8 = 50;

/// Whether a file declares the project's packages, who installs them, and its place in the order.
fn tool(survey: &Survey, manifest: &ManifestText) -> Option<(u8, Tool)> {
    let top = !manifest.name.contains('/');
    match manifest.kind {
        ManifestKind::Pyproject if top => pyproject(survey, manifest),
        ManifestKind::Pipfile if top => Some((if survey.has("Pipfile.lock") { 4 } else { 11 }, Tool::Pipenv)),
        ManifestKind::Requirements => requirements_rank(&manifest.name).map(|rank| (rank, Tool::Pip)),
        ManifestKind::CondaEnvironment if top => Some((40, Tool::Conda)),
        ManifestKind::SetupPy | ManifestKind::SetupCfg if top => {
            let declares = manifest.declared.as_ref().map_or(true, |declared| !declared.packages.is_empty());
            declares.then_some((SPARE, Tool::Setuptools))
        }
        _ => None,
    }
}

fn pyproject(survey: &Survey, manifest: &ManifestText) -> Option<(u8, Tool)> {
    let Some(document) = manifest.toml() else {
        // It can't be read; if it is what counts, that is to be said.
        return Some((10, Tool::Pyproject));
    };
    let project = has(&document, &["project"]);
    let poetry = has(&document, &["tool", "poetry", "dependencies"]) || project && has(&document, &["tool", "poetry"]);
    if !project && !poetry && !has(&document, &["dependency-groups"]) {
        return None;
    }
    let by_lock =
        [Tool::Uv, Tool::Poetry, Tool::Pdm].into_iter().find(|tool| tool.lock().is_some_and(|lock| survey.has(lock)));
    if let Some(tool) = by_lock {
        return Some((1, tool));
    }
    // Packages that a setuptools project reads from another file are that file's.
    let dynamic = at(&document, &["project", "dynamic"]).and_then(Item::as_array);
    let elsewhere = dynamic.is_some_and(|list| list.iter().any(|name| name.as_str() == Some("dependencies")));
    let declares = manifest
        .declared
        .as_ref()
        .map_or(true, |declared| declared.packages.iter().any(|package| package.group != "build-system"));
    let rank = if elsewhere || !declares { 30 } else { 10 };
    let by_table = if poetry {
        Tool::Poetry
    } else if has(&document, &["tool", "uv"]) {
        Tool::Uv
    } else if has(&document, &["tool", "pdm"]) {
        Tool::Pdm
    } else {
        Tool::Pyproject
    };
    Some((rank, by_table))
}

/// Where a requirements file stands among the others; none for constraints, and for what only another one includes.
fn requirements_rank(name: &str) -> Option<u8> {
    Some(match name {
        "requirements.txt" => 20,
        "requirements/requirements.txt" | "requirements/main.txt" | "requirements/base.txt" => 21,
        "requirements/local.txt" | "requirements/dev.txt" | "requirements/development.txt" => 22,
        "requirements-dev.txt" | "dev-requirements.txt" | "requirements_dev.txt" => 23,
        "requirements.in" | "requirements/base.in" => 24,
        "requirements/production.txt" | "requirements/prod.txt" => 25,
        _ => return None,
    })
}

/// The requirements file for development that goes with another one.
pub fn development<'s>(survey: &'s Survey, main: &str) -> Option<&'s ManifestText> {
    const NAMES: [&str; 7] = [
        "requirements-dev.txt",
        "requirements_dev.txt",
        "dev-requirements.txt",
        "requirements/dev.txt",
        "requirements/development.txt",
        "requirements/local.txt",
        "requirements-dev.in",
    ];
    let same_form = |name: &&&str| name.ends_with(".in") == main.ends_with(".in");
    NAMES.iter().filter(same_form).filter(|name| **name != main).find_map(|name| survey.manifests.get(*name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::kind_of;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &str) {
        let mut survey = Survey::default();
        for (name, text) in files {
            survey.entries.insert((*name).to_owned());
            let kind = kind_of(name).unwrap();
            if !crate::manifest::is_lock(kind) {
                survey.manifests.insert((*name).to_owned(), ManifestText::read(name, kind, (*text).to_owned()));
            }
        }
        let shown = match choose(&survey, None) {
            Ok(None) => "-".to_owned(),
            Ok(Some(choice)) => {
                let lock = if choice.locked { " locked" } else { "" };
                format!("{} {}{lock} {}", choice.tool.name(), choice.manifest.name, choice.others.join(" "))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown.trim(), expected, "{files:?}");
    }

    const PROJECT: &str = "[project]\nname = 'x'\ndependencies = ['flask']\n";

    #[test]
    fn a_lock_decides_then_the_tools_table_then_the_order() {
        check(&[("requirements.txt", "flask")], "pip requirements.txt");
        check(&[("requirements/base.txt", ""), ("requirements/dev.txt", "-r base.txt")], "pip requirements/base.txt");
        check(&[("constraints.txt", "flask")], "-");
        check(&[("pyproject.toml", "[tool.ruff]\n"), ("requirements.txt", "")], "pip requirements.txt");
        check(&[("pyproject.toml", PROJECT)], "uv pip pyproject.toml");
        check(&[("pyproject.toml", PROJECT), ("uv.lock", "")], "uv locked".replace("uv", "uv pyproject.toml").as_str());
        check(&[("pyproject.toml", &format!("{PROJECT}[tool.uv]\n"))], "uv pyproject.toml");
        check(&[("pyproject.toml", &format!("{PROJECT}[tool.pdm]\n"))], "PDM pyproject.toml");
        check(&[("pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\n")], "Poetry pyproject.toml");
        check(&[("pyproject.toml", PROJECT), ("poetry.lock", "")], "Poetry pyproject.toml locked");
        check(&[("pyproject.toml", PROJECT), ("requirements.txt", "flask")], "uv pip pyproject.toml requirements.txt");
        check(
            &[("pyproject.toml", "[project]\nname = 'x'\ndynamic = ['dependencies']\n"), ("requirements.txt", "")],
            "pip requirements.txt pyproject.toml",
        );
        check(&[("Pipfile", "[packages]\n"), ("requirements.txt", "")], "Pipenv Pipfile requirements.txt");
        check(&[("environment.yml", "dependencies: [flask]\n")], "micromamba environment.yml");
        check(&[("setup.py", "setup(install_requires=['flask'])\n")], "pip setup.py");
        check(&[("setup.cfg", "[flake8]\n"), ("requirements.txt", "x")], "pip requirements.txt");
        check(&[("pyproject.toml", "[project\n")], "pyproject.toml can't be understood: unclosed table, expected `]`");
    }
}
