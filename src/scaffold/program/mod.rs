//! Which program the project is, and the command that runs it while developing: reached from outside of the container, reloading.
//!
//! Django by its `manage.py`, the other frameworks by an application object or a factory in a module, then a server that a script starts
//! itself, then a script. Of several the one nearest to the top under the most usual name is taken, and the others are named.

mod candidate;
mod command;
mod framework;
#[cfg(test)]
mod tests;

use super::{ScaffoldError, Survey, install::Packages, source::Application};
use crate::model::Diagnostic;

use candidate::{Candidate, CandidateKind, ambiguous, candidates, reason};
use command::{program, words};
pub use framework::Framework;

/// The program that a container runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// What it is: `Django`, `http.server`, `a script`.
    pub title: String,
    /// Its framework.
    pub framework: Option<Framework>,
    /// How it was recognised.
    pub because: String,
    /// Runs it while developing.
    pub command: Vec<String>,
    /// Runs it as an image would elsewhere, where the project has a server for that.
    pub production: Option<Vec<String>>,
    /// The port that it answers on over HTTP.
    pub port: Option<u16>,
    /// The folder that its modules are imported from, where that isn't the project's own.
    pub root: Option<String>,
    /// A server's package that it needs and nothing declares.
    pub server: Option<&'static str>,
    /// It starts itself again when its source changes.
    pub reloads: bool,
}

/// What the user said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted<'w> {
    /// `--app`: a file or a module, and an object in it.
    pub app: Option<&'w str>,
    /// `--port`.
    pub port: Option<u16>,
}

/// Finds the program, and what is to be said of the choice.
///
/// # Errors
/// `--app` names a file that isn't there.
pub fn find(
    survey: &Survey,
    packages: &Packages,
    wanted: &Wanted<'_>,
) -> Result<(Program, Vec<Diagnostic>), ScaffoldError> {
    let found = candidates(survey, packages);
    let mut notes = Vec::new();
    let program = match wanted.app {
        Some(named) => asked(survey, packages, wanted, named, &found)?,
        None => match found.first() {
            None => nothing(wanted.port),
            Some(first) => {
                ambiguous(first, &found, &mut notes);
                let because = reason(first, packages);
                program(survey, packages, *first, wanted.port, because)
            }
        },
    };
    let listed = Framework::ALL.into_iter().find(|framework| packages.has(framework.module()));
    if let (None, None, Some(framework)) = (program.framework, wanted.app, listed) {
        let what = format!("{} is listed, but no application of it was found", framework.name());
        notes.push(Diagnostic::warning(what).help("`--app FILE:NAME` names it"));
    }
    Ok((program, notes))
}

/// What `--app` names: a file or a module, with or without an object in it.
fn asked(
    survey: &Survey,
    packages: &Packages,
    wanted: &Wanted<'_>,
    named: &str,
    found: &[Candidate<'_>],
) -> Result<Program, ScaffoldError> {
    let (file, object) = named.split_once(':').map_or((named, None), |(file, object)| (file, Some(object)));
    let file = file.strip_prefix("./").unwrap_or(file);
    let dotted = file.replace('.', "/");
    let paths = [file.to_owned(), format!("{dotted}.py"), format!("{dotted}/__init__.py"), format!("src/{dotted}.py")];
    let Some(source) = paths.iter().find_map(|path| survey.sources.iter().find(|source| source.path == *path)) else {
        let mut found: Vec<String> = found.iter().map(Candidate::name).collect();
        found.truncate(6);
        return Err(ScaffoldError::NoSuchApp { named: named.to_owned(), missing: file.to_owned(), found });
    };
    let because = "--app".to_owned();
    let object = object.map(|object| object.trim_end_matches("()"));
    let own = found.iter().filter(|candidate| candidate.source.path == source.path);
    let mut own = own.filter(|candidate| match (candidate.kind, object) {
        (CandidateKind::Application(_, app), Some(object)) => app.name == object,
        (_, object) => object.is_none(),
    });
    if let Some(candidate) = own.next() {
        return Ok(program(survey, packages, *candidate, wanted.port, because));
    }
    let framework = source
        .imported_framework()
        .or_else(|| Framework::ALL.into_iter().find(|framework| packages.has(framework.module())));
    let kind = match (object, framework) {
        (Some(object), Some(framework)) => {
            let app = Application { framework: Some(framework), name: object.to_owned(), factory: false, line: 1 };
            return Ok(program(
                survey,
                packages,
                Candidate { source, kind: CandidateKind::Application(framework, &app) },
                wanted.port,
                because,
            ));
        }
        _ => CandidateKind::Script,
    };
    Ok(program(survey, packages, Candidate { source, kind }, wanted.port, because))
}

/// Nothing that could be run: a container that waits for a shell.
fn nothing(port: Option<u16>) -> Program {
    Program {
        title: "no program".to_owned(),
        because: "no application and no script was found; --app FILE names one".to_owned(),
        command: words(["sleep", "infinity"]),
        port,
        ..Program::default()
    }
}
