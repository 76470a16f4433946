//! Project creation: from a folder with Python in it to a Dockerfile, a compose file and a .dockerignore that fit.
//!
//! 1. [`survey`] looks at the folder once: what it declares ([`manifests`]), what its programs are ([`source`]), and which of the files
//!    that would be written are there already ([`existing`]). Reading is bounded and nothing is run.
//! 2. [`blueprint`] decides, from the survey and the user's wishes: [`python`], [`install`], [`program`], [`database`]. Pure. Every choice
//!    keeps its reason, and every doubt the flag that decides otherwise.
//! 3. [`dockerfile`], [`compose_file`] and [`ignore_file`] write it down as text. [`template`] has the files of a new project.
//!
//! Never writes a file, never asks the user or the engine. What is written keeps to one layout: the virtualenv at [`VENV`], outside of
//! the folder that the project is mounted over; a user with the developer's ids; everything installed before the source is copied.

pub mod blueprint;
pub mod compose_file;
pub mod database;
pub mod dockerfile;
pub mod error;
pub mod existing;
pub mod ignore_file;
pub mod install;
pub mod manifests;
pub mod program;
pub mod python;
pub mod source;
pub mod survey;
pub mod template;

pub use blueprint::{Blueprint, Owner, Wishes, design};
pub use error::ScaffoldError;
pub use survey::Survey;

/// Where the container's virtualenv lies.
pub const VENV: &str = "/opt/venv";

/// The name of the Dockerfile.
pub const DOCKERFILE: &str = "Dockerfile";

/// The name of the compose file that is written.
pub const COMPOSE_FILE: &str = "docker-compose.yaml";

/// The name of the ignore file.
pub const IGNORE_FILE: &str = ".dockerignore";

/// A choice, and why it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<T> {
    /// What.
    pub value: T,
    /// Where it comes from: `requires-python in pyproject.toml:5`.
    pub because: String,
}

impl<T> Chosen<T> {
    /// A choice with its reason.
    pub fn new(value: T, because: impl Into<String>) -> Self {
        Self { value, because: because.into() }
    }
}
