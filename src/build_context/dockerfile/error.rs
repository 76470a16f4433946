//! What can be wrong with a Dockerfile.

use super::LineRange;

/// Something in a Dockerfile that the builder refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct DockerfileError {
    /// Where.
    pub lines: LineRange,
    /// What is wrong, as a lower-case fragment.
    pub what: String,
    /// What to do about it, where something can be said.
    pub help: Option<String>,
}

impl DockerfileError {
    pub(super) fn new(lines: LineRange, what: impl Into<String>) -> Self {
        Self { lines, what: what.into(), help: None }
    }

    pub(super) fn at(line: u32, what: impl Into<String>) -> Self {
        Self::new(LineRange::line(line.max(1)), what)
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
