//! How the connection to the engine stands, as a state machine fed by `runtime`.

use std::sync::Arc;

use crate::model::{Diagnostic, Timestamp};

/// Which engine answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineName {
    /// Kind and version: `docker 28.5`.
    pub product: String,
    /// How it is reached: `unix`, `tcp`, or the context's name.
    pub place: String,
}

/// How the connection stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EngineStatus {
    /// Nothing was heard yet.
    #[default]
    Connecting,
    /// It answers.
    Connected(EngineName),
    /// It doesn't.
    Lost {
        /// Since when.
        since: Timestamp,
        /// When it is tried again.
        retry_at: Timestamp,
        /// What it said last.
        why: Arc<Diagnostic>,
    },
}

impl EngineStatus {
    /// Whether it doesn't answer.
    pub fn is_lost(&self) -> bool {
        matches!(self, EngineStatus::Lost { .. })
    }

    /// Whether it answers.
    pub fn is_connected(&self) -> bool {
        matches!(self, EngineStatus::Connected(_))
    }
}
