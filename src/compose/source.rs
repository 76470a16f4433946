//! Which files, which environment, which profiles, which name: from the command line, the environment and the folders,
//! in Compose's order of precedence.

use std::path::{Component, Path, PathBuf};

use super::{
    Request,
    disk::{Disk, NoText, Text},
    dotenv,
    interpolate::Environment,
    report::{Failed, Problem, Report},
    tree::Span,
};
use crate::model::nearest;

/// Names that are looked for, in order of preference.
pub const FILES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of what is merged over it.
const OVERRIDES: &[&str] =
    &["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// What to load.
#[derive(Debug)]
pub(super) struct Selection {
    /// `-` is standard input.
    pub(super) files: Vec<PathBuf>,
    /// The project's folder, absolute.
    pub(super) directory: PathBuf,
    /// For interpolation: the process's, then what env files add.
    pub(super) environment: Environment,
    /// Given, not found.
    pub(super) env_files: Vec<PathBuf>,
    pub(super) profiles: Vec<String>,
    /// From the command line or the environment; checked.
    pub(super) name: Option<String>,
}

/// Finds out what to load.
pub(super) fn select(request: &Request, disk: &mut Disk, report: &mut Report) -> Result<Selection, Failed> {
    let cwd = normal(&request.directory);
    let project_directory = request
        .project_directory
        .as_deref()
        .filter(|path| !path.as_os_str().is_empty())
        .map(|path| absolute(&cwd, path));
    let mut files: Vec<PathBuf> = request.files.iter().map(|path| absolute_or_stdin(&cwd, path)).collect();
    let mut environment = request.environment.clone();
    environment.entry("PWD".into()).or_insert_with(|| cwd.to_string_lossy().into_owned());
    let given: Vec<PathBuf> = if request.env_files.is_empty() {
        let listed = request.environment.get("COMPOSE_ENV_FILES").map_or("", String::as_str);
        listed.split(',').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
    } else {
        request.env_files.clone()
    };
    let env_files: Vec<PathBuf> = given.iter().map(|path| absolute(&cwd, path)).collect();
    let use_default = env_files.is_empty() && default_env_file_enabled(request, report)?;

    // The `.env` beside the first file, or of the current folder, may say which files to load.
    let mut last_env_files = env_files.clone();
    let folder = directory_of(project_directory.as_deref(), &files, &cwd);
    merge_env_files(&mut last_env_files, use_default, &folder, &mut environment, disk, report)?;
    if files.is_empty()
        && let Some(list) = environment.get("COMPOSE_FILE").cloned()
    {
        let separator = environment.get("COMPOSE_PATH_SEPARATOR").filter(|s| !s.is_empty()).map_or(":", String::as_str);
        files = list.split(separator).map(|path| absolute_or_stdin(&cwd, Path::new(path))).collect();
        for file in &files {
            if !is_stdin(file) && !disk.exists(file) {
                return Err(report.fail(no_file_named(file, disk).note("named by COMPOSE_FILE")));
            }
        }
    }
    if files.is_empty() {
        files = discover(project_directory.as_deref().unwrap_or(&cwd), disk, report);
    }
    // And the project's own `.env`, which may be another folder's.
    let directory = directory_of(project_directory.as_deref(), &files, &cwd);
    merge_env_files(&mut last_env_files, use_default, &directory, &mut environment, disk, report)?;

    if files.is_empty() {
        let list = "docker-compose.yaml, docker-compose.yml, compose.yaml or compose.yml";
        return Err(report.fail(
            Problem::new("no compose file found")
                .note(format!(
                    "looked for {list} in {} and above",
                    project_directory.as_deref().unwrap_or(&cwd).display()
                ))
                .help("change to the project's folder, or name the file with -f; `devbox init` writes one"),
        ));
    }
    let profiles = if request.profiles.is_empty() {
        let listed = environment.get("COMPOSE_PROFILES").map_or("", String::as_str);
        listed.split(',').map(str::trim).filter(|profile| !profile.is_empty()).map(str::to_owned).collect()
    } else {
        request.profiles.clone()
    };
    let name = project_name(request, &environment, report)?;
    Ok(Selection { files, directory, environment, env_files, profiles, name })
}

fn default_env_file_enabled(request: &Request, report: &mut Report) -> Result<bool, Failed> {
    match request.environment.get("COMPOSE_DISABLE_ENV_FILE").map(String::as_str) {
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(true),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(false),
        Some(other) => Err(report.fail(
            Problem::new(format!("COMPOSE_DISABLE_ENV_FILE is `{other}`")).help("set it to true or false, or unset it"),
        )),
    }
}

fn project_name(request: &Request, environment: &Environment, report: &mut Report) -> Result<Option<String>, Failed> {
    let given = request.project_name.as_ref().filter(|name| !name.is_empty()).map(|name| (name, "-p"));
    let from_environment = || {
        environment
            .get("COMPOSE_PROJECT_NAME")
            .filter(|name| !name.is_empty())
            .map(|name| (name, "COMPOSE_PROJECT_NAME"))
    };
    let Some((name, origin)) = given.or_else(from_environment) else { return Ok(None) };
    if *name == normalize_name(name) {
        return Ok(Some(name.clone()));
    }
    Err(report.fail(
        Problem::new(format!("`{name}` can't be a project's name"))
            .note(format!("given with {origin}"))
            .help(format!("use lower-case letters, digits, `-` and `_`: `{}`", normalize_name(name))),
    ))
}

/// Compose's rule for a name that a file or a folder gives: lower case, and what doesn't belong left out.
pub(super) fn normalize_name(name: &str) -> String {
    let kept: String = name.to_lowercase().chars().filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')).collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// For a path that something else was written as, in a file or on the command line.
pub(super) fn no_file_named(path: &Path, disk: &Disk) -> Problem {
    let shown = disk.shown(path);
    let problem = Problem::new(format!("{}: there is no such file", shown.display()));
    let text = shown.to_string_lossy();
    // A path that was a URL before it was made one.
    if ["oci:/", "https:/", "http:/", "git@", "ssh:/", "git:/"].iter().any(|scheme| text.contains(scheme)) {
        return problem.help("devbox reads files of this machine only: get a copy, and name that");
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(folder) = path.parent() else { return problem };
    match nearest(&name, disk.names(folder).iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if !folder.is_dir() => problem.help(format!("there is no folder {} either", folder.display())),
        None => problem.help(format!("it is looked for in {}", folder.display())),
    }
}

/// Compose files of other machines, which Compose fetches: refused, as a fetch while loading would be.
pub(super) fn refuse_remote(text: &str, span: Span, report: &mut Report) -> Result<(), Failed> {
    let schemes = ["oci://", "https://", "http://", "git://", "ssh://", "git@"];
    if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(());
    }
    let problem = Problem::new(format!("`{text}` is on another machine, and devbox fetches no compose files"));
    Err(report.fail(problem.at(span).help("get a copy, and write its path here")))
}

fn directory_of(project_directory: Option<&Path>, files: &[PathBuf], cwd: &Path) -> PathBuf {
    match (project_directory, files.iter().find(|file| !is_stdin(file))) {
        (Some(directory), _) => directory.to_path_buf(),
        (None, Some(file)) => file.parent().unwrap_or(file).to_path_buf(),
        (None, None) => cwd.to_path_buf(),
    }
}

/// The files of the nearest folder, upwards, that has one.
fn discover(from: &Path, disk: &mut Disk, report: &mut Report) -> Vec<PathBuf> {
    for folder in from.ancestors() {
        let mut found = |names: &[&str], kind: &str, report: &mut Report| {
            let candidates: Vec<PathBuf> =
                names.iter().map(|name| folder.join(name)).filter(|path| disk.exists(path)).collect();
            if let [first, _, ..] = candidates.as_slice() {
                let names = candidates.iter().map(|path| disk.shown(path).display().to_string()).collect::<Vec<_>>();
                report.warning(
                    Problem::new(format!("several {kind}s: {}", names.join(", ")))
                        .note(format!("using {}", disk.shown(first).display())),
                );
            }
            candidates.into_iter().next()
        };
        if let Some(file) = found(FILES, "compose file", report) {
            return std::iter::once(file).chain(found(OVERRIDES, "override file", report)).collect();
        }
    }
    Vec::new()
}

/// Adds the variables of the env files that aren't set yet. `files` becomes the default one where that is wanted and there.
fn merge_env_files(
    files: &mut Vec<PathBuf>,
    use_default: bool,
    folder: &Path,
    environment: &mut Environment,
    disk: &mut Disk,
    report: &mut Report,
) -> Result<(), Failed> {
    if use_default {
        let default = folder.join(".env");
        if disk.exists(&default) && !default.is_dir() {
            *files = vec![default];
        }
    }
    let values = read_env_files(files, environment, disk, report)?;
    for (name, value) in values {
        environment.entry(name).or_insert(value);
    }
    Ok(())
}

/// The variables that these files set, later ones over earlier ones; all of the files must be there.
pub(super) fn read_env_files(
    files: &[PathBuf],
    environment: &Environment,
    disk: &mut Disk,
    report: &mut Report,
) -> Result<Environment, Failed> {
    let mut values = Environment::new();
    for path in files {
        match disk.text(path, report) {
            Ok(text) => {
                let lookup = |name: &str| environment.get(name).cloned();
                parse_env_file(&text, "", &mut values, &lookup, report)?;
            }
            Err(NoText::Missing) => {
                let problem = Problem::new(format!("env file {}: there is no such file", disk.shown(path).display()));
                return Err(report.fail(problem.help("create it, or name another with --env-file")));
            }
            Err(NoText::Other(problem)) => return Err(report.fail(problem)),
        }
    }
    Ok(values)
}

/// Reads one env file of the given format into `values`.
pub(super) fn parse_env_file(
    text: &Text,
    format: &str,
    values: &mut Environment,
    lookup: dotenv::Lookup<'_>,
    report: &mut Report,
) -> Result<(), Failed> {
    let mut unset = Vec::new();
    let outcome = if format == "raw" {
        dotenv::parse_raw(&text.text, values, lookup)
    } else {
        dotenv::parse(&text.text, values, lookup, &mut unset)
    };
    for name in unset {
        let line = text.text.lines().position(|line| line.contains(&name)).map_or(0, |at| at + 1);
        let span = Span { file: text.id, line: u32::try_from(line).unwrap_or(0), column: 1, width: u32::MAX };
        report.warning(Problem::new(format!("the variable {name} is not set: it stands for nothing here")).at(span));
    }
    outcome.map_err(|error| {
        let span = Span { file: text.id, line: error.line, column: 1, width: u32::MAX };
        let problem = Problem::new(error.what).at(span);
        report.fail(match error.help {
            Some(help) => problem.help(help),
            None => problem,
        })
    })
}

fn absolute_or_stdin(cwd: &Path, path: &Path) -> PathBuf {
    if is_stdin(path) { path.to_path_buf() } else { absolute(cwd, path) }
}

/// Go's `filepath.Abs`.
pub(super) fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    normal(&cwd.join(path))
}

/// Without `.` and `..`, symbolic links left alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (name, expected) in [("My.App", "myapp"), ("_x-1", "x-1"), ("Ünï", "n"), ("", "")] {
            assert_eq!(normalize_name(name), expected);
        }
    }
}
