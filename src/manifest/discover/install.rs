//! Which commands of a Dockerfile install packages, and what each of them reads.

use super::shell::{Command, join};
use crate::manifest::format::Ecosystem;

/// An install step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Install {
    /// The command as it is named to the user: `pip install -r requirements.txt`.
    pub(super) shown: String,
    /// Whose packages it installs; `None` for the system's, or where a script does something unknown.
    pub(super) ecosystem: Option<Ecosystem>,
    /// Files that it names, as absolute paths of the image.
    pub(super) files: Vec<String>,
    /// Folders of the image in which it reads the manifests of its tool.
    pub(super) projects: Vec<String>,
    /// The names it reads there.
    pub(super) names: &'static [&'static str],
    /// Where it puts packages, when that is a folder of its own: `/app/.venv`, `/app/node_modules`.
    pub(super) environment: Option<String>,
}

const PYTHON_PROJECT: &[&str] = &["pyproject.toml", "setup.py", "setup.cfg"];
const POETRY: &[&str] = &["pyproject.toml", "poetry.lock"];
const UV: &[&str] = &["pyproject.toml", "uv.lock"];
const PDM: &[&str] = &["pyproject.toml", "pdm.lock"];
const PIPENV: &[&str] = &["Pipfile", "Pipfile.lock"];
const NPM: &[&str] = &["package.json", "package-lock.json", "npm-shrinkwrap.json"];
const YARN: &[&str] = &["package.json", "yarn.lock"];
const PNPM: &[&str] = &["package.json", "pnpm-lock.yaml"];
const BUNDLER: &[&str] = &["Gemfile", "Gemfile.lock"];
const GO: &[&str] = &["go.mod", "go.sum"];
const CARGO: &[&str] = &["Cargo.toml", "Cargo.lock"];
const COMPOSER: &[&str] = &["composer.json", "composer.lock"];

/// What the stage's variables say about where tools put packages.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment<'v> {
    variables: Option<&'v std::collections::BTreeMap<String, String>>,
}

impl<'v> Environment<'v> {
    pub(super) fn new(variables: &'v std::collections::BTreeMap<String, String>) -> Self {
        Environment { variables: Some(variables) }
    }

    fn get(&self, name: &str) -> Option<&'v str> {
        self.variables?.get(name).map(String::as_str)
    }

    fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes"))
    }
}

/// Reads a command as an install step; `None` when it is none.
pub(super) fn read(command: &Command, environment: &Environment<'_>) -> Option<Install> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let (tool, arguments) = tool(&words)?;
    let shown = shown(&words);
    let verb = arguments.iter().copied().find(|word| !word.starts_with('-'));
    let at = |folder: &str| join(&command.folder, folder);
    let project = at(option(
        &arguments,
        &["--project", "--directory", "--prefix", "--dir", "--cwd", "--working-dir", "--manifest-path", "-C", "-d"],
    )
    .unwrap_or("."));
    let base = Install { shown, projects: vec![project.clone()], ..Install::default() };
    let python = Some(Ecosystem::Python);
    let node = |names| {
        let modules = Some(join(&project, "node_modules"));
        Some(Install { ecosystem: Some(Ecosystem::Node), names, environment: modules, ..base.clone() })
    };
    match (tool, verb) {
        ("pip" | "uv pip", Some("install" | "sync" | "wheel" | "download")) | ("pip-sync", _) => {
            Some(Install { ecosystem: python, ..pip(&arguments, command, base) })
        }
        ("uv", Some("sync" | "run" | "export")) => {
            let folder = environment.get("UV_PROJECT_ENVIRONMENT").unwrap_or(".venv");
            Some(Install { ecosystem: python, names: UV, environment: Some(join(&project, folder)), ..base })
        }
        ("poetry", Some("install" | "sync" | "export")) => {
            let inside = environment.is_set("POETRY_VIRTUALENVS_IN_PROJECT");
            Some(Install {
                ecosystem: python,
                names: POETRY,
                environment: inside.then(|| join(&project, ".venv")),
                ..base
            })
        }
        ("pdm", Some("install" | "sync" | "export")) => {
            // One that is active is taken: https://pdm-project.org/en/latest/usage/venv/
            let active = environment.get("VIRTUAL_ENV").filter(|_| !environment.is_set("PDM_IGNORE_ACTIVE_VENV"));
            let folder = join(&project, active.unwrap_or(".venv"));
            Some(Install { ecosystem: python, names: PDM, environment: Some(folder), ..base })
        }
        ("pipenv", Some("install" | "sync" | "requirements")) => {
            let inside = environment.is_set("PIPENV_VENV_IN_PROJECT");
            Some(Install {
                ecosystem: python,
                names: PIPENV,
                environment: inside.then(|| join(&project, ".venv")),
                ..base
            })
        }
        ("python", _) if arguments.iter().any(|word| word.ends_with("setup.py")) => {
            Some(Install { ecosystem: python, names: PYTHON_PROJECT, ..base })
        }
        ("conda" | "mamba" | "micromamba", Some("env" | "install" | "create" | "update")) => {
            let files = options(&arguments, &["-f", "--file"]);
            let files =
                if files.is_empty() { vec![at("environment.yml")] } else { files.into_iter().map(at).collect() };
            Some(Install { ecosystem: python, files, projects: Vec::new(), ..base })
        }
        ("npm", Some("ci" | "install" | "i" | "clean-install")) => node(NPM),
        ("yarn", None | Some("install" | "workspaces")) => node(YARN),
        ("pnpm", Some("install" | "i" | "fetch" | "deploy")) => node(PNPM),
        ("bundle" | "bundler", None | Some("install")) => {
            Some(Install { ecosystem: Some(Ecosystem::Ruby), names: BUNDLER, ..base })
        }
        ("go", Some("mod" | "build" | "install" | "get" | "work")) => {
            Some(Install { ecosystem: Some(Ecosystem::Go), names: GO, ..base })
        }
        ("cargo", Some("build" | "fetch" | "install" | "chef" | "vendor")) => {
            Some(Install { ecosystem: Some(Ecosystem::Rust), names: CARGO, ..base })
        }
        ("composer", Some("install" | "update" | "i")) => {
            Some(Install { ecosystem: Some(Ecosystem::Php), names: COMPOSER, ..base })
        }
        ("apt-get" | "apt" | "aptitude" | "dnf" | "microdnf" | "yum" | "zypper", Some("install"))
        | ("apk", Some("add")) => Some(Install { files: mentioned(&words, command), projects: Vec::new(), ..base }),
        _ if looks_like_install(&words) => Some(Install { files: mentioned(&words, command), ..base }),
        _ => None,
    }
}

/// The folder of a virtualenv that a command makes: `python -m venv /opt/venv`, `virtualenv x`, `uv venv`.
pub(super) fn virtualenv(command: &Command) -> Option<String> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let (tool, arguments) = tool(&words)?;
    let plain: Vec<&str> = arguments.iter().copied().filter(|word| !word.starts_with('-')).collect();
    let folder = match (tool, plain.as_slice()) {
        ("venv" | "virtualenv", [.., folder]) => folder,
        ("uv", ["venv"]) => ".venv",
        ("uv", ["venv", .., folder]) => folder,
        _ => return None,
    };
    Some(join(&command.folder, folder))
}

/// The virtualenvs that a stage's variables name: `VIRTUAL_ENV`, and those whose programs come first in `PATH`.
pub(super) fn active(variables: &std::collections::BTreeMap<String, String>) -> Vec<String> {
    let path = variables.get("PATH").into_iter().flat_map(|path| path.split(':'));
    let on_path = path
        .filter_map(|folder| folder.strip_suffix("/bin"))
        .filter(|folder| matches!(folder.rsplit('/').next(), Some(".venv" | "venv" | "env" | "virtualenv")));
    variables.get("VIRTUAL_ENV").map(String::as_str).into_iter().chain(on_path).map(str::to_owned).collect()
}

/// Whether a folder holds dependencies and nothing else; tools can be told to install into the system's own folders.
pub(super) fn is_own_folder(folder: &str) -> bool {
    folder.starts_with('/')
        && !matches!(folder, "/" | "/usr" | "/usr/local" | "/opt" | "/root" | "/home" | "/app" | "/srv")
}

/// The program that does the work, and its arguments: `python3.11 -m pip install` is pip's.
fn tool<'w>(words: &[&'w str]) -> Option<(&'w str, Vec<&'w str>)> {
    let (first, rest) = words.split_first()?;
    let name = first.rsplit('/').next().unwrap_or(first);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match (stem, rest) {
        ("python" | "pypy", rest) => match rest.iter().position(|word| *word == "-m") {
            Some(at) if at + 1 < rest.len() => Some((rest[at + 1], rest[at + 2..].to_vec())),
            _ => Some(("python", rest.to_vec())),
        },
        ("pip", rest) => Some(("pip", rest.to_vec())),
        ("uv", ["pip", rest @ ..]) => Some(("uv pip", rest.to_vec())),
        ("corepack", [program, rest @ ..]) if matches!(*program, "yarn" | "pnpm" | "npm") => {
            Some((program, rest.to_vec()))
        }
        ("xargs", rest) => {
            let start = rest.iter().position(|word| !word.starts_with('-'))?;
            tool(&rest[start..])
        }
        ("sh" | "bash" | "ash", [script, ..]) if !script.starts_with('-') => Some((script, rest[1..].to_vec())),
        _ => Some((name, rest.to_vec())),
    }
}

/// pip's own reading: `-r`, `-c` and `-e` name files and folders, a path is a project, everything else a package.
fn pip(arguments: &[&str], command: &Command, base: Install) -> Install {
    let at = |path: &str| join(&command.folder, path);
    let mut files: Vec<String> = options(
        arguments,
        &["-r", "--requirement", "-c", "--constraint", "--constraints", "--requirements", "--overrides"],
    )
    .into_iter()
    .map(at)
    .collect();
    let mut projects: Vec<String> =
        options(arguments, &["-e", "--editable"]).into_iter().map(|path| at(without_extras(path))).collect();
    for word in arguments.iter().filter(|word| !word.starts_with('-') && !word.contains("://")) {
        if matches!(*word, "." | "..")
            || word.starts_with("./")
            || word.starts_with("../")
            || word.starts_with('/')
            || word.starts_with(".[")
        {
            projects.push(at(without_extras(word)));
        } else if word.ends_with(".txt") || word.ends_with("pyproject.toml") {
            // `uv pip sync requirements.txt`, `pip-sync dev.txt`, `uv pip install -r pyproject.toml`.
            files.push(at(word));
        }
    }
    projects.retain(|project| !files.contains(project));
    projects.dedup();
    files.dedup();
    Install { files, projects, names: PYTHON_PROJECT, ..base }
}

fn without_extras(path: &str) -> &str {
    path.split('[').next().filter(|path| !path.is_empty()).unwrap_or(".")
}

/// The first value of one of these options.
fn option<'w>(arguments: &[&'w str], names: &[&str]) -> Option<&'w str> {
    options(arguments, names).first().copied()
}

/// The values of these options: `-r x`, `-rx`, `--requirement x`, `--requirement=x`.
fn options<'w>(arguments: &[&'w str], names: &[&str]) -> Vec<&'w str> {
    let mut values = Vec::new();
    for (index, word) in arguments.iter().enumerate() {
        for name in names {
            match word.strip_prefix(name) {
                Some("") => values.extend(arguments.get(index + 1)),
                Some(rest) if name.starts_with("--") => values.extend(rest.strip_prefix('=')),
                Some(rest) => values.push(rest),
                None => continue,
            }
        }
    }
    values
}

/// Words that look like paths: a list of packages that a system's package manager is given, or a script.
fn mentioned(words: &[&str], command: &Command) -> Vec<String> {
    let paths = words
        .iter()
        .filter(|word| !word.starts_with('-') && (word.contains('/') || word.contains('.')) && !word.contains("://"));
    paths.map(|word| join(&command.folder, word)).collect()
}

/// A script or task of the project's own whose name says that it installs.
fn looks_like_install(words: &[&str]) -> bool {
    let runner = matches!(
        words.first(),
        Some(&("make" | "just" | "task" | "sh" | "bash" | "ash" | "source" | "." | "inv" | "invoke"))
    );
    let script = words.first().is_some_and(|word| word.contains('/') || word.ends_with(".sh"));
    let says = |word: &&str| {
        ["install", "deps", "dependencies", "requirements", "setup", "bootstrap"].iter().any(|part| word.contains(part))
    };
    (runner || script) && words.iter().take(3).any(says)
}

/// The command for people, cut at 60 characters.
fn shown(words: &[&str]) -> String {
    let whole = words.join(" ");
    if whole.chars().count() <= 60 { whole } else { whole.chars().take(59).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::shell::commands;
    use super::*;

    /// `ecosystem files | projects: names | environment`, or `-`.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let variables = BTreeMap::from([("POETRY_VIRTUALENVS_IN_PROJECT".to_owned(), "true".to_owned())]);
        let environment = Environment::new(&variables);
        let shown: Vec<String> = commands(script, "/app", &variables)
            .iter()
            .filter_map(|command| read(command, &environment))
            .map(|i| {
                let ecosystem = i.ecosystem.map_or("?".to_owned(), |e| format!("{e:?}"));
                let names = i.names.first().copied().unwrap_or("-");
                format!(
                    "{ecosystem} {} | {}: {names} | {}",
                    i.files.join(" "),
                    i.projects.join(" "),
                    i.environment.unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(if shown.is_empty() { "-".to_owned() } else { shown.join("; ") }, expected, "{script}");
    }

    #[test]
    fn python() {
        check("pip install --no-cache-dir -r requirements.txt", "Python /app/requirements.txt | : pyproject.toml | ");
        check("python3.11 -m pip install -rbase.txt -c ../c.txt", "Python /app/base.txt /c.txt | : pyproject.toml | ");
        check("pip3 install -e '.[dev]' django==5", "Python  | /app: pyproject.toml | ");
        check("pip install ./libs/shared /srv/x", "Python  | /app/libs/shared /srv/x: pyproject.toml | ");
        check("uv pip install --system -r requirements.txt", "Python /app/requirements.txt | : pyproject.toml | ");
        check("uv sync --frozen --no-dev", "Python  | /app: pyproject.toml | /app/.venv");
        check("poetry install --only main", "Python  | /app: pyproject.toml | /app/.venv");
        check(
            "poetry config virtualenvs.create false && cd svc && poetry install",
            "Python  | /app/svc: pyproject.toml | /app/svc/.venv",
        );
        check("pipenv install --deploy --system", "Python  | /app: Pipfile | ");
        check("conda env create -f env/dev.yml", "Python /app/env/dev.yml | : - | ");
        check("pdm sync --no-self", "Python  | /app: pyproject.toml | /app/.venv");
        let active = BTreeMap::from([("VIRTUAL_ENV".to_owned(), "/opt/venv".to_owned())]);
        let command = &commands("pdm sync", "/app", &active)[0];
        let folder = read(command, &Environment::new(&active)).and_then(|install| install.environment);
        assert_eq!(folder.as_deref(), Some("/opt/venv"));
        check("python setup.py develop", "Python  | /app: pyproject.toml | ");
        check("python manage.py collectstatic", "-");
        check("pip --version", "-");
    }

    #[test]
    fn the_others() {
        check("npm ci --prefix web", "Node  | /app/web: package.json | /app/web/node_modules");
        check("yarn --frozen-lockfile", "Node  | /app: package.json | /app/node_modules");
        check("yarn build", "-");
        check("corepack enable && pnpm i", "Node  | /app: package.json | /app/node_modules");
        check("bundle install", "Ruby  | /app: Gemfile | ");
        check("go mod download", "Go  | /app: go.mod | ");
        check("cargo build --release", "Rust  | /app: Cargo.toml | ");
        check("composer install", "Php  | /app: composer.json | ");
    }

    #[test]
    fn the_systems_and_scripts() {
        check("apt-get update && apt-get install -y gcc", "?  | : - | ");
        check("xargs apt-get install -y < docker/apt.txt", "? /app/docker/apt.txt | : - | ");
        check("./docker/install.sh", "? /docker/install.sh | /app: - | ".replace("/docker", "/app/docker").as_str());
        check("make install", "?  | /app: - | ");
        check("echo install", "-");
    }

    #[test]
    fn virtualenvs() {
        let check = |script: &str, expected: Option<&str>| {
            let found = commands(script, "/app", &BTreeMap::new()).iter().find_map(virtualenv);
            assert_eq!(found.as_deref(), expected, "{script}");
        };
        check("python -m venv /opt/venv", Some("/opt/venv"));
        check("python3 -m venv --copies venv && venv/bin/pip install x", Some("/app/venv"));
        check("uv venv", Some("/app/.venv"));
        check("pip install virtualenv", None);
    }
}
