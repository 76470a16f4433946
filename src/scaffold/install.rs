//! The instructions that install the packages: with the project's own tool, from its lock where there is one, before the source is copied.
//!
//! Each tool lives in a virtualenv of its own or in the image's Python, never in the project's, so that neither upgrades the other. Where
//! the manifest leads to files of the project itself (`-e .`, a workspace), those are copied first, and that is said.

use crate::{
    manifest::{IncludeKind, edit},
    model::{Diagnostic, Package},
};

use super::{
    Survey, VENV,
    manifests::{Choice, ManifestText, Tool, at, development},
    program::Program,
    python::{PythonVersion, python_of_conda},
};

/// What every install step has: downloads are kept beside the image, not in it.
const CACHE: &str = "RUN --mount=type=cache,target=/root/.cache";

/// The groups and extras that are wanted while developing.
const DEVELOPMENT: [&str; 6] = ["dev", "develop", "development", "local", "test", "tests"];

/// The packages that a project declares, each with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages(Vec<(Package, String)>);

impl Packages {
    /// Those of some manifests. What only builds the project is left out.
    pub fn of<'m>(manifests: impl IntoIterator<Item = &'m ManifestText>) -> Packages {
        let mut all = Vec::new();
        for manifest in manifests {
            for package in manifest.declared.iter().flat_map(|declared| &declared.packages) {
                if package.group != "build-system" {
                    let place = if package.line > 0 {
                        format!("{}:{}", manifest.name, package.line)
                    } else {
                        manifest.name.clone()
                    };
                    all.push((package.clone(), place));
                }
            }
        }
        Packages(all)
    }

    /// Those of a requirements file's text.
    #[cfg(test)]
    pub fn of_requirements(text: &str) -> Packages {
        let manifest =
            ManifestText::read("requirements.txt", crate::model::ManifestKind::Requirements, text.to_owned());
        Packages::of([&manifest])
    }

    /// Each with its place.
    pub fn iter(&self) -> impl Iterator<Item = &(Package, String)> {
        self.0.iter()
    }

    /// Whether a package is declared.
    pub fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Where a package is declared.
    pub fn place(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(package, _)| package.name == name).map(|(_, place)| place.as_str())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether a package is declared with one of these extras.
    pub fn has_extra(&self, name: &str, extras: &[&str]) -> bool {
        let wanted = |package: &Package| package.extras.iter().any(|extra| extras.contains(&extra.as_str()));
        self.0.iter().any(|(package, _)| package.name == name && wanted(package))
    }
}

/// How the packages come into the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Install {
    /// The tool, and from what: `pip, requirements.txt`.
    pub shown: String,
    /// Debian's packages that the project's need to be built or to run.
    pub system: Vec<&'static str>,
    /// Instructions that make the virtualenv and the tool.
    pub tool: Vec<String>,
    /// Files of the project that the packages are read from: the sources of each COPY and its destination.
    pub copies: Vec<(Vec<String>, String)>,
    /// What installs the packages.
    pub steps: Vec<String>,
    /// What installs the project itself, once its source is there.
    pub project: Vec<String>,
    /// The packages can't be installed without the source.
    pub needs_source: bool,
    /// A file of packages that is to be made, since there is none.
    pub new_manifest: bool,
}

/// How the packages are installed, and what is to be said of that.
pub fn install(
    survey: &Survey,
    choice: Option<&Choice<'_>>,
    packages: &Packages,
    program: &Program,
    python: PythonVersion,
) -> (Install, Vec<Diagnostic>) {
    let mut notes = Vec::new();
    let mut install = match choice {
        None => Install {
            shown: "pip, requirements.txt (made, with nothing in it)".to_owned(),
            tool: vec![venv()],
            copies: copies(vec!["requirements.txt".to_owned()]),
            steps: vec![format!("{CACHE} pip install -r requirements.txt")],
            new_manifest: true,
            ..Install::default()
        },
        Some(choice) => of_tool(survey, choice, python, &mut notes),
    };
    if let Some(package) = program.server {
        let step = match choice.map(|choice| choice.tool) {
            Some(Tool::Uv | Tool::Pyproject) => format!("{CACHE} uv pip install {package}"),
            Some(Tool::Conda) => format!("RUN pip install --no-cache-dir {package}"),
            _ => format!("{CACHE} pip install {package}"),
        };
        // uv removes what its lock doesn't name: this comes last.
        let last = if install.project.is_empty() { &mut install.steps } else { &mut install.project };
        last.push(step);
        let manifest = choice.map_or("requirements.txt", |choice| &choice.manifest.name);
        let what =
            format!("{} needs a server, and {manifest} lists none: the Dockerfile installs {package}", program.title);
        notes.push(
            Diagnostic::warning(what).help(format!("`devbox add {package}`, and take that line out of the Dockerfile")),
        );
    }
    install.system = system(packages, choice.is_some_and(|choice| choice.tool == Tool::Conda));
    (install, notes)
}

fn of_tool(survey: &Survey, choice: &Choice<'_>, python: PythonVersion, notes: &mut Vec<Diagnostic>) -> Install {
    let lock = choice.tool.lock().unwrap_or_default();
    let name = choice.manifest.name.as_str();
    let shown = match (choice.tool.lock(), choice.locked) {
        (Some(lock), true) => format!("{}, {name} and {lock}", choice.tool.name()),
        _ => format!("{}, {name}", choice.tool.name()),
    };
    if choice.tool.lock().is_some() && !choice.locked {
        let what = Diagnostic::warning(format!("there is no {lock}: every build resolves the versions anew"));
        notes.push(what.help(format!(
            "lock with {} and build again; the Dockerfile takes {lock} once it is there",
            choice.tool.name()
        )));
    }
    // The star: a lock that comes later is taken without an edit.
    let with_lock = |star: &str| copies(vec![name.to_owned(), format!("{lock}{star}")]);
    let locked_copies = if choice.locked { with_lock("") } else { with_lock("*") };
    let base = Install { shown, copies: locked_copies, ..Install::default() };
    match choice.tool {
        Tool::Pip => pip(survey, choice, base, notes),
        Tool::Setuptools => Install {
            tool: vec![venv()],
            copies: Vec::new(),
            steps: vec![format!("{CACHE} pip install -e .")],
            needs_source: true,
            ..base
        },
        Tool::Uv => uv(choice, base),
        Tool::Pyproject => pyproject(choice, base),
        Tool::Poetry => {
            let version = survey
                .poetry_lock
                .as_deref()
                .and_then(poetry_version)
                .map_or_else(String::new, |version| format!("=={version}"));
            let root = poetry_root(survey, choice);
            Install {
                tool: own_tool("poetry", &format!("poetry{version}"), ""),
                steps: vec![format!("{CACHE} poetry install --no-interaction --no-root")],
                project: if root {
                    vec![format!("{CACHE} poetry install --no-interaction --only-root")]
                } else {
                    Vec::new()
                },
                ..base
            }
        }
        Tool::Pdm => {
            let project = is_project(choice, "tool.pdm.distribution");
            let verb = if choice.locked { "sync" } else { "install" };
            Install {
                tool: own_tool("pdm", "pdm", ""),
                steps: vec![format!("{CACHE} pdm {verb} --no-self")],
                project: if project { vec![format!("{CACHE} pdm {verb}")] } else { Vec::new() },
                ..base
            }
        }
        Tool::Pipenv => {
            let verb = if choice.locked { "sync" } else { "install" };
            Install {
                tool: own_tool("pipenv", "pipenv", " \\\n    PIPENV_VERBOSITY=-1"),
                steps: vec![format!("{CACHE} pipenv {verb} --dev")],
                ..base
            }
        }
        Tool::Conda => {
            // Without one in the file, nothing would bring a Python.
            let own = python_of_conda(choice).map_or_else(|| format!(" python={python}"), |_| String::new());
            let install = format!("micromamba install --yes --name base --file {name}{own}");
            Install {
                copies: copies(vec![name.to_owned()]),
                steps: vec![format!("RUN {install} && micromamba clean --all --yes")],
                ..base
            }
        }
    }
}

/// The virtualenv, and the variables that put its programs first.
fn venv() -> String {
    format!("RUN python -m venv {VENV}\nENV VIRTUAL_ENV={VENV} \\\n    PATH={VENV}/bin:$PATH")
}

/// A tool in a virtualenv of its own, then the project's. `variables` follow those of the latter.
fn own_tool(program: &str, package: &str, variables: &str) -> Vec<String> {
    vec![
        format!(
            "{CACHE} python -m venv /opt/{program} && /opt/{program}/bin/pip install {package} \\\n    && ln -s /opt/{program}/bin/{program} /usr/local/bin/"
        ),
        format!("{}{variables}", venv()),
    ]
}

/// A name as one word of a shell.
fn shell_word(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain { name.to_owned() } else { edit::tool::word(name) }
}

/// One COPY a folder, so that each file keeps its path.
fn copies(files: Vec<String>) -> Vec<(Vec<String>, String)> {
    let mut by_folder: Vec<(Vec<String>, String)> = Vec::new();
    for file in files {
        let folder = file.rsplit_once('/').map_or("./".to_owned(), |(folder, _)| format!("{folder}/"));
        match by_folder.iter_mut().find(|(_, known)| *known == folder) {
            Some((files, _)) => files.push(file),
            None => by_folder.push((vec![file], folder)),
        }
    }
    by_folder
}

fn pip(survey: &Survey, choice: &Choice<'_>, base: Install, notes: &mut Vec<Diagnostic>) -> Install {
    let main = choice.manifest;
    let mut installed = vec![main.name.as_str()];
    if let Some(more) = development(survey, &main.name) {
        // One that includes the other installs both.
        if closure(survey, &more.name).contains(&main.name) {
            installed = vec![more.name.as_str()];
        } else {
            installed.push(more.name.as_str());
        }
    }
    let mut files: Vec<String> = Vec::new();
    for name in &installed {
        files.extend(closure(survey, name));
    }
    files.sort();
    files.dedup();
    let shown = format!("pip, {}", installed.join(" and "));
    let of_project = files.iter().filter_map(|file| survey.manifests.get(file)).find_map(|manifest| {
        let include =
            manifest.declared.as_ref().ok()?.includes.iter().find(|include| include.kind == IncludeKind::Project)?;
        Some(format!("`{}` in {}:{}", include.path, manifest.name, include.line))
    });
    if let Some(place) = &of_project {
        notes.push(
            Diagnostic::warning(format!(
                "{place} installs source of the project, so every edit of it installs all packages anew"
            ))
            .help("move the packages into a file that names no folder, and install that first"),
        );
    }
    for outside in &survey.outside {
        let what = format!("{outside} lies outside of this folder, where the build can't read it");
        notes.push(Diagnostic::warning(what).help("run `devbox init` in the folder that has both, or copy the file"));
    }
    let arguments: Vec<String> = installed.iter().map(|name| format!("-r {}", shell_word(name))).collect();
    Install {
        shown,
        tool: vec![venv()],
        copies: if of_project.is_some() { Vec::new() } else { copies(files) },
        steps: vec![format!("{CACHE} pip install {}", arguments.join(" "))],
        needs_source: of_project.is_some(),
        ..base
    }
}

/// A requirements file and all that it includes, by their names.
fn closure(survey: &Survey, name: &str) -> Vec<String> {
    let mut open = vec![name.to_owned()];
    let mut found: Vec<String> = Vec::new();
    while let Some(name) = open.pop() {
        let Some(manifest) = survey.manifests.get(&name).filter(|_| !found.contains(&name)) else { continue };
        for include in manifest.declared.iter().flat_map(|declared| &declared.includes) {
            if matches!(include.kind, IncludeKind::Requirements | IncludeKind::Constraints) {
                open.extend(super::survey::beside(&name, &include.path));
            }
        }
        found.push(name);
    }
    found.sort();
    found
}

fn uv(choice: &Choice<'_>, base: Install) -> Install {
    let workspace = choice.manifest.setting("tool.uv.workspace.members").is_some();
    // Whether a lock is up to date can't be told without the members' own files.
    let flag = match (choice.locked, workspace) {
        (true, false) => " --locked",
        (true, true) => " --frozen",
        (false, _) => "",
    };
    let none = if workspace { "--no-install-workspace" } else { "--no-install-project" };
    let project = workspace || is_project(choice, "tool.uv.package");
    Install {
        tool: vec![
            format!("{CACHE} pip install uv"),
            format!(
                "ENV UV_PROJECT_ENVIRONMENT={VENV} \\\n    UV_PYTHON_DOWNLOADS=never \\\n    UV_LINK_MODE=copy \\\n    \
                 VIRTUAL_ENV={VENV} \\\n    PATH={VENV}/bin:$PATH"
            ),
        ],
        needs_source: workspace && !choice.locked,
        steps: vec![format!("{CACHE} uv sync{flag} {none}")],
        project: if project { vec![format!("{CACHE} uv sync{flag}")] } else { Vec::new() },
        ..base
    }
}

/// Without a tool of its own: uv's pip reads the packages of a pyproject.toml, which pip can't without building the project.
fn pyproject(choice: &Choice<'_>, base: Install) -> Install {
    let document = choice.manifest.toml();
    let names = |path: &[&str]| {
        let table = document.as_ref().and_then(|document| at(document, path)).and_then(|item| item.as_table_like());
        let names: Vec<String> =
            table.into_iter().flat_map(|table| table.iter()).map(|(name, _)| name.to_owned()).collect();
        names.into_iter().filter(|name| DEVELOPMENT.contains(&name.as_str())).collect::<Vec<String>>()
    };
    let mut arguments = String::new();
    names(&["project", "optional-dependencies"])
        .iter()
        .for_each(|name| arguments.push_str(&format!(" --extra {name}")));
    names(&["dependency-groups"]).iter().for_each(|name| arguments.push_str(&format!(" --group {name}")));
    let project = is_project(choice, "");
    // A version that comes from the repository isn't known in the image, which has no .git.
    let from_repository = choice.manifest.declared.as_ref().is_ok_and(|declared| {
        let scm = |package: &Package| matches!(package.name.as_str(), "setuptools-scm" | "hatch-vcs" | "pdm-backend");
        declared.packages.iter().any(|package| package.group == "build-system" && scm(package))
    });
    let version = if from_repository { "SETUPTOOLS_SCM_PRETEND_VERSION=0 PDM_BUILD_SCM_VERSION=0 " } else { "" };
    Install {
        tool: vec![
            format!("{CACHE} pip install uv && uv venv --seed {VENV}"),
            format!("ENV UV_LINK_MODE=copy \\\n    VIRTUAL_ENV={VENV} \\\n    PATH={VENV}/bin:$PATH"),
        ],
        copies: copies(vec![choice.manifest.name.clone()]),
        steps: vec![format!("{CACHE} uv pip install -r {}{arguments}", choice.manifest.name)],
        project: if project { vec![format!("{CACHE} {version}uv pip install --no-deps -e .")] } else { Vec::new() },
        ..base
    }
}

/// Whether the project is a package that is installed itself: its own word, or that it says how it is built.
fn is_project(choice: &Choice<'_>, setting: &str) -> bool {
    match choice.manifest.setting(setting) {
        Some(word) => word == "true",
        None => {
            let declared = choice.manifest.declared.as_ref().ok();
            declared.is_some_and(|declared| {
                declared.settings.iter().any(|setting| setting.key.starts_with("build-system."))
            })
        }
    }
}

/// Whether Poetry would install the project itself: it takes any for a package, and fails where there is no folder of that name.
fn poetry_root(survey: &Survey, choice: &Choice<'_>) -> bool {
    let manifest = choice.manifest;
    if manifest.setting("tool.poetry.package-mode") == Some("false") {
        return false;
    }
    let name = manifest.setting("project.name").or_else(|| manifest.setting("tool.poetry.name")).unwrap_or_default();
    let name = name.to_lowercase().replace(['-', '.'], "_");
    let folder =
        survey.is_package(&name) || survey.is_package(&format!("src/{name}")) || survey.has(&format!("{name}.py"));
    folder || manifest.setting("tool.poetry.packages").is_some()
}

/// `# This file is automatically @generated by Poetry 2.1.3 and should not be changed by hand.`
fn poetry_version(line: &str) -> Option<&str> {
    let version = line.split_once("by Poetry ")?.1.split_whitespace().next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// Debian's packages that Python's are built with, or load when they run.
fn system(packages: &Packages, conda: bool) -> Vec<&'static str> {
    let mut needed: Vec<&'static str> = Vec::new();
    let from_git =
        packages.iter().any(|(package, _)| package.version.contains("git+") || package.version.contains(".git"));
    if from_git {
        needed.push("git");
    }
    if conda {
        return needed;
    }
    let built_psycopg = packages.has_extra("psycopg", &["c"]) || packages.has("psycopg-c") || packages.has("psycopg2");
    if built_psycopg {
        needed.extend(["gcc", "libc6-dev", "libpq-dev"]);
    } else if packages.has("psycopg") && !packages.has_extra("psycopg", &["binary"]) && !packages.has("psycopg-binary")
    {
        needed.push("libpq5");
    }
    if packages.has("mysqlclient") {
        needed.extend(["default-libmysqlclient-dev", "gcc", "libc6-dev", "pkg-config"]);
    }
    needed.sort_unstable();
    needed.dedup();
    needed
}
