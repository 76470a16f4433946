//! Why no project can be set up in a folder.

use std::{io, path::PathBuf, sync::Arc};

use crate::model::{Diagnostic, Excerpt, Place};

/// A line of a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The file, relative to the project's folder.
    pub file: String,
    /// Counted from 1.
    pub number: u32,
    /// Its text.
    pub text: String,
    /// The part that is meant: its first column, counted from 1 in characters, and how many characters it has.
    pub mark: (u32, u32),
}

impl Line {
    /// `pyproject.toml:5`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.number)
    }

    /// Puts it into a diagnostic, with a word behind the mark.
    #[must_use]
    pub fn on(&self, diagnostic: Diagnostic, label: &str) -> Diagnostic {
        let (column, width) = self.mark;
        let place = Place { file: Arc::new(PathBuf::from(&self.file)), line: self.number, column };
        diagnostic.at(place).excerpt(Excerpt { text: self.text.clone(), width, label: label.to_owned() })
    }
}

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The folder or a file of it can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest that counts isn't of its format.
    #[error("{} can't be understood: {what}", line.file)]
    Manifest {
        /// Where.
        line: Line,
        /// Why.
        what: String,
    },
    /// There is nothing of Python in it, and it isn't empty either.
    #[error("there is no Python project in {}", folder.display())]
    NoProject {
        /// Which folder.
        folder: PathBuf,
    },
    /// A new project was asked for where one is.
    #[error("`--template {template}` starts a new project, and there is one: {found}")]
    Occupied {
        /// The template's name.
        template: String,
        /// What is there.
        found: String,
    },
    /// `--manifest` names none.
    #[error("{named} is no manifest of this folder")]
    NoSuchManifest {
        /// As typed.
        named: String,
        /// Those that are there.
        found: Vec<String>,
    },
    /// `--app` names no file.
    #[error("`--app {named}`: there is no {missing}")]
    NoSuchApp {
        /// As typed.
        named: String,
        /// The file that was looked for.
        missing: String,
        /// Programs that are there.
        found: Vec<String>,
    },
    /// `--python` is no version of Python.
    #[error("`{text}` is no version of Python that an image exists for")]
    NotAVersion {
        /// As typed, or as written.
        text: String,
        /// Where it is written, if it isn't typed.
        line: Option<Line>,
    },
    /// A version that the project's own manifest rules out.
    #[error("Python {version} is ruled out by the project: it wants {range}")]
    VersionExcluded {
        /// The version.
        version: String,
        /// Where the version is written, if it wasn't typed.
        asked: Option<String>,
        /// What is wanted.
        range: String,
        /// Where that is written.
        line: Line,
        /// A version that would do.
        fitting: Option<String>,
    },
    /// No version that is known fits.
    #[error("no version of Python that devbox knows fits {range}")]
    NoVersionFits {
        /// What is wanted.
        range: String,
        /// Where that is written.
        line: Line,
    },
}

impl From<ScaffoldError> for Diagnostic {
    fn from(error: ScaffoldError) -> Self {
        let what = Diagnostic::error(error.to_string());
        match error {
            ScaffoldError::Read { .. } => what.help("check who may read it"),
            ScaffoldError::Manifest { line, what: label } => {
                let what = Diagnostic::error(format!("{} can't be understood", line.file));
                line.on(what, &label).help("mend that, or name another manifest with `--manifest FILE`")
            }
            ScaffoldError::NoProject { .. } => what
                .note("looked for requirements.txt, pyproject.toml, Pipfile, environment.yml, setup.py and for Python files")
                .help("`devbox init --template flask` starts a new one here; fastapi, django and script are there, too"),
            ScaffoldError::Occupied { .. } => what.help("leave `--template` out, or start in an empty folder"),
            ScaffoldError::NoSuchManifest { found, .. } => what.help(match found.as_slice() {
                [] => "there is none; leave `--manifest` out".to_owned(),
                found => format!("there are {}", found.join(", ")),
            }),
            ScaffoldError::NoSuchApp { found, .. } => what.help(match found.as_slice() {
                [] => "`--app FILE`, or `--app FILE:NAME` for an application object".to_owned(),
                found => format!("programs here: {}", found.join(", ")),
            }),
            ScaffoldError::NotAVersion { line, .. } => {
                let what = what.help("`--python 3.13`, or with a patch level `--python 3.13.2`");
                match line {
                    Some(line) => line.on(what, ""),
                    None => what,
                }
            }
            ScaffoldError::VersionExcluded { asked, line, fitting, version, .. } => {
                let what = line.on(what, "");
                let what = match asked {
                    Some(place) => what.note(format!("{version} is asked for in {place}")),
                    None => what,
                };
                match fitting {
                    Some(fitting) => what.help(format!("`--python {fitting}` fits")),
                    None => what.help("widen the range, or leave `--python` out"),
                }
            }
            ScaffoldError::NoVersionFits { line, .. } => {
                line.on(what, "").help("`--python 3.N` names the version of the image")
            }
        }
    }
}
