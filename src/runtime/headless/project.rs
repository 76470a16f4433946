//! The project that a verb is about: read from its files, with what is to say of them said once.

use std::io::Read;

use crate::{
    compose::{self, LoadError, Loaded, Request},
    model::{Diagnostic, ProjectName, ServiceName, nearest},
};

use super::{Setup, Stop};

/// A compose file on standard input may have so many bytes.
const STDIN_LIMIT: u64 = 16 << 20;

/// The process's environment, as variables of a compose file see it.
pub fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .map(|(key, value)| (key.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

/// Loads the project. Services that are named are in force whatever their profiles. Warnings go to standard error.
///
/// # Errors
/// What is wrong with the files, as wrong usage.
pub fn load(setup: &Setup, services: &[String]) -> Result<Loaded, Stop> {
    load_with(setup, services, compose::Options::default())
}

/// Likewise, leaving out stages.
///
/// # Errors
/// As [`load`].
pub fn load_with(setup: &Setup, services: &[String], options: compose::Options) -> Result<Loaded, Stop> {
    told(setup, try_load(setup, services, options)?)
}

fn try_load(
    setup: &Setup,
    services: &[String],
    options: compose::Options,
) -> Result<Result<Loaded, Box<LoadError>>, Stop> {
    let mut request = Request { services: services.to_vec(), options, ..setup.request.clone() };
    if request.files.iter().any(|file| file.as_os_str() == "-") {
        request.stdin = Some(stdin()?);
    }
    Ok(compose::load(&request))
}

/// Says what there is to say of a load.
fn told(setup: &Setup, result: Result<Loaded, Box<LoadError>>) -> Result<Loaded, Stop> {
    let warnings = match &result {
        Ok(loaded) => &loaded.warnings,
        Err(error) => &error.warnings,
    };
    warnings.iter().for_each(|warning| setup.console.diagnostic(warning));
    result.map_err(|error| Stop::Usage(error.diagnostics))
}

/// A project, or only the name of one.
pub enum Known {
    /// It was read from its files.
    Loaded(Box<Loaded>),
    /// `-p` or COMPOSE_PROJECT_NAME named it, and there is no file.
    Named(ProjectName),
}

/// Loads the project, or gives its name where only that is known.
///
/// # Errors
/// As [`load`]; a file that is there and wrong is an error to be told, not a reason to do without it.
pub fn load_or_name(setup: &Setup, services: &[String]) -> Result<Known, Stop> {
    let result = try_load(setup, services, compose::Options::default())?;
    let request = &setup.request;
    let set = |key: &str| request.environment.get(key).filter(|value| !value.is_empty());
    if let Err(error) = &result
        && let Some(name) = request.project_name.as_ref().or_else(|| set("COMPOSE_PROJECT_NAME"))
        && request.files.is_empty()
        && set("COMPOSE_FILE").is_none()
    {
        let yaml = |extension: &std::ffi::OsStr| extension == "yaml" || extension == "yml";
        if !error.files_read.iter().any(|file| file.extension().is_some_and(yaml))
            && let Ok(name) = ProjectName::new(name)
        {
            return Ok(Known::Named(name));
        }
    }
    told(setup, result).map(|loaded| Known::Loaded(Box::new(loaded)))
}

fn stdin() -> Result<String, Stop> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(STDIN_LIMIT + 1).read_to_end(&mut bytes);
    let problem = match read {
        Err(error) => Diagnostic::error(format!("standard input can't be read: {error}")),
        Ok(_) if bytes.len() as u64 > STDIN_LIMIT => {
            Diagnostic::error(format!("the compose file on standard input is larger than {} MiB", STDIN_LIMIT >> 20))
        }
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(_) => Diagnostic::error("the compose file on standard input is not UTF-8"),
        },
    };
    Err(Stop::usage(problem.help("`-f FILE` reads a file instead")))
}

/// Whether every service that was named is in the project.
///
/// # Errors
/// The first that isn't, with one of a similar name.
pub fn known(loaded: &Loaded, services: &[String]) -> Result<(), Stop> {
    for name in services {
        if !loaded.project.services.contains_key(name.as_str()) {
            return Err(Stop::usage(unknown(name, loaded.project.services.keys())));
        }
    }
    Ok(())
}

/// What to say of a service that is not there.
pub fn unknown<'a>(name: &str, services: impl Iterator<Item = &'a ServiceName>) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no service `{name}`"));
    let all: Vec<&str> = services.map(ServiceName::as_str).collect();
    match nearest(name, all.iter().copied()) {
        Some(similar) => diagnostic.help(format!("did you mean `{similar}`?")),
        None if all.is_empty() => diagnostic.help("the compose file has no services"),
        None => diagnostic.help(format!("there are {}", all.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_service_is_recognised() {
        let names = ["web", "worker", "db"].map(|name| ServiceName::new(name).unwrap());
        for (name, help) in [
            ("wbe", "did you mean `web`?"),
            ("workers", "did you mean `worker`?"),
            ("cache", "there are web, worker, db"),
        ] {
            assert_eq!(unknown(name, names.iter()).help.as_deref(), Some(help), "{name}");
        }
    }
}
