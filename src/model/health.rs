//! A service's healthcheck (Compose specification, healthcheck).

use std::time::Duration;

/// What the engine runs to learn whether a container is healthy. `None` fields are the engine's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Healthcheck {
    /// The probe; `None` keeps the image's own.
    pub test: Option<HealthcheckTest>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// How long one probe may take.
    pub timeout: Option<Duration>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<u64>,
    /// Time after the start in which failures don't count.
    pub start_period: Option<Duration>,
    /// Time between probes during the start period.
    pub start_interval: Option<Duration>,
}

/// The probe itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthcheckTest {
    /// `disable: true` or `["NONE"]`: no healthcheck, not even the image's.
    Disabled,
    /// `["CMD", …]`: an argument vector.
    Command(Vec<String>),
    /// A string or `["CMD-SHELL", …]`: for the container's shell.
    Shell(String),
}
