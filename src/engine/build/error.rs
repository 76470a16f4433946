//! Why a build could not be asked for, or ended without an image.

use std::path::PathBuf;

use crate::build_context::error::ContextError;

/// What can go wrong in the builder, apart from what the build itself says.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// No connection to the engine.
    #[error("cannot reach the engine: {0}")]
    Connect(std::io::Error),
    /// The connection broke.
    #[error("the connection to the engine broke: {0}")]
    Lost(String),
    /// The engine answered with an error.
    #[error("the engine refused the build (status {status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The context or the Dockerfile cannot be read.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// There is no Dockerfile.
    #[error("there is no {}", path.display())]
    NoDockerfile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The request asks for what this engine's builder, or devbox, cannot do.
    #[error("{what}")]
    Unsupported {
        /// What it is.
        what: String,
        /// What to do instead.
        help: String,
    },
}

impl BuildError {
    pub(super) fn unsupported(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), help: help.into() }
    }
}
