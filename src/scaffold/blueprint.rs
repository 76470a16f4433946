//! Everything that is decided of a project: its Python, its packages' tool, its program, its databases, whose files it writes.
//!
//! Pure: from a [`Survey`] and the user's [`Wishes`]. Every choice has its reason; what could have been chosen otherwise is said with the
//! flag that does.

use std::collections::BTreeMap;

use super::{
    Chosen, ScaffoldError, Survey,
    database::{self, Database, Kind},
    existing::Existing,
    install::{self, Install, Packages},
    manifests::{self, Choice, Tool},
    program::{self, Program},
    python::{self, PythonVersion},
};
use crate::model::Diagnostic;

/// Whose files a container writes into the project's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The engine runs without root: inside, these are root's, and outside, the developer's.
    pub mapped: bool,
}

/// What the user said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `--python`.
    pub python: Option<String>,
    /// `--manifest`.
    pub manifest: Option<String>,
    /// `--app`.
    pub app: Option<String>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--with`, with the tag where one is named.
    pub with: Vec<(Kind, Option<String>)>,
    /// `--without`.
    pub without: Vec<Kind>,
}

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The image's Python.
    pub python: Chosen<PythonVersion>,
    /// Its packages come by conda, which brings its own Python.
    pub conda: bool,
    /// How the packages come into the image.
    pub install: Install,
    /// How many are declared.
    pub packages: usize,
    /// The program.
    pub program: Program,
    /// Databases that the packages talk to and that nothing was said of yet.
    pub offered: Vec<Chosen<Kind>>,
    /// Databases that get a service.
    pub databases: Vec<Database>,
    /// Variables of the program.
    pub environment: BTreeMap<String, String>,
    /// Whose files it writes.
    pub owner: Owner,
    /// The folder in the container that the project is mounted over.
    pub folder: String,
    /// The project's virtualenvs, which the container has no use for.
    pub virtualenvs: Vec<String>,
    /// What is there already.
    pub existing: Existing,
    /// What is to be said.
    pub notes: Vec<Diagnostic>,
    declared: Packages,
    variables: Vec<String>,
    localhost: Option<Diagnostic>,
}

/// Decides. Databases that are offered wait for [`Blueprint::agree`].
///
/// # Errors
/// What stands in the way.
pub fn design(survey: &Survey, existing: Existing, wishes: &Wishes, owner: Owner) -> Result<Blueprint, ScaffoldError> {
    if !survey.is_python() && wishes.app.is_none() {
        return Err(ScaffoldError::NoProject { folder: survey.folder.clone() });
    }
    let choice = manifests::choose(survey, wishes.manifest.as_deref())?;
    let declared = Packages::of(counting(survey, choice.as_ref()));
    let (python, mut notes) = python::choose(survey, choice.as_ref(), wishes.python.as_deref())?;
    if let Some(choice) = choice.as_ref().filter(|choice| !choice.others.is_empty() && wishes.manifest.is_none()) {
        let what = format!("{} is taken, and there is {} as well", choice.manifest.name, choice.others.join(", "));
        notes.push(Diagnostic::warning(what).help(format!("`--manifest {}` takes another", choice.others[0])));
    }
    // A port that is published, or exposed, is the one to answer on.
    let fitting = existing.compose.as_ref().and_then(|compose| compose.port);
    let fitting = fitting.or_else(|| existing.dockerfile.as_ref().and_then(|dockerfile| dockerfile.port));
    let wanted = program::Wanted { app: wishes.app.as_deref(), port: wishes.port.or(fitting) };
    let (program, more) = program::find(survey, &declared, &wanted)?;
    notes.extend(more);
    notes.extend(unreachable(survey, &program));
    let (install, more) = install::install(survey, choice.as_ref(), &declared, &program, python.value);
    if existing.dockerfile.is_none() {
        notes.extend(more);
    }
    let mounted = existing.compose.as_ref().and_then(|compose| compose.folder.clone());
    let built = existing.dockerfile.as_ref().and_then(|dockerfile| dockerfile.folder.clone());
    let offers = database::offered(&declared);
    let decided = |kind: Kind| wishes.without.contains(&kind) || wishes.with.iter().any(|(with, _)| *with == kind);
    let databases: Vec<Database> = Kind::ALL
        .into_iter()
        .filter_map(|kind| wishes.with.iter().find(|(with, _)| *with == kind && !wishes.without.contains(with)))
        .map(|(kind, tag)| database::database(*kind, tag.as_deref(), &offers))
        .collect();
    let mut blueprint = Blueprint {
        python,
        conda: choice.as_ref().is_some_and(|choice| choice.tool == Tool::Conda),
        install,
        packages: declared.count(),
        program,
        offered: offers.into_iter().filter(|offer| !decided(offer.value)).collect(),
        databases,
        environment: BTreeMap::new(),
        owner,
        folder: mounted.or(built).unwrap_or_else(|| "/app".to_owned()),
        virtualenvs: survey.virtualenvs.clone(),
        existing,
        notes,
        declared,
        variables: survey.sources.iter().flat_map(|source| source.variables.iter().cloned()).collect(),
        localhost: localhost(survey),
    };
    blueprint.connect();
    Ok(blueprint)
}

/// The manifests whose packages are installed.
fn counting<'s>(survey: &'s Survey, choice: Option<&Choice<'s>>) -> Vec<&'s manifests::ManifestText> {
    match choice {
        None => Vec::new(),
        Some(choice) if choice.tool == Tool::Pip => {
            survey.manifests.values().filter(|manifest| manifest.kind == choice.manifest.kind).collect()
        }
        Some(choice) => vec![choice.manifest],
    }
}

/// A server that listens where nobody comes.
fn unreachable(survey: &Survey, program: &Program) -> Option<Diagnostic> {
    let runs = |path: &str| program.command.iter().any(|word| word == path);
    let source = survey.sources.iter().find(|source| runs(&source.path))?;
    let server = source.server.as_ref().filter(|server| server.loopback)?;
    let what =
        format!("{}:{} listens on 127.0.0.1, which nobody outside of the container reaches", source.path, server.line);
    Some(Diagnostic::warning(what).help("listen on 0.0.0.0: the compose file publishes the port on this machine only"))
}

/// Source that looks for a database where the container has none.
fn localhost(survey: &Survey) -> Option<Diagnostic> {
    let (source, (line, _)) = survey.sources.iter().find_map(|source| Some((source, source.localhost.as_ref()?)))?;
    let what = format!("{}:{line} looks for a database at localhost, which is the container itself", source.path);
    Some(Diagnostic::warning(what))
}

impl Blueprint {
    /// Adds the services of these databases.
    pub fn agree(&mut self, kinds: &[Kind]) {
        let agreed = self.offered.iter().filter(|offer| kinds.contains(&offer.value));
        self.databases.extend(agreed.map(|offer| database::database(offer.value, None, &self.offered)));
        self.databases.sort_by_key(|database| database.kind);
        self.offered.clear();
        self.connect();
    }

    /// Sets the program's variables, and says what is missing for them to be of use.
    fn connect(&mut self) {
        self.environment =
            database::environment(&self.databases, self.variables.iter().map(String::as_str), &self.declared);
    }

    /// What is to be said of the databases, once they are known.
    pub fn database_notes(&self) -> Vec<Diagnostic> {
        let mut notes: Vec<Diagnostic> = Vec::new();
        for database in self.databases.iter().filter(|database| !database.driver) {
            let what = format!("no driver of {} is listed", database.kind.title());
            notes.push(Diagnostic::warning(what).help(format!("`devbox add '{}'`", database.kind.driver())));
        }
        if let Some(note) = self.localhost.clone().filter(|_| !self.databases.is_empty()) {
            let names: Vec<&str> = self.environment.keys().map(String::as_str).collect();
            notes.push(note.help(format!("take the address from the environment, which has {}", names.join(", "))));
        }
        notes
    }

    /// The name of the service that runs the program.
    pub fn service(&self) -> &str {
        let existing = self.existing.compose.as_ref().and_then(|compose| compose.service.as_deref());
        existing.unwrap_or(if self.program.port.is_some() { "web" } else { "app" })
    }
}
