//! A volume of the project (Compose specification, volumes).

use std::collections::BTreeMap;

/// A named volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its key in the compose file.
    pub key: String,
    /// Its name on the engine: PROJECT_key unless `name` says otherwise.
    pub name: String,
    /// Made by somebody else: looked up, never created or removed.
    pub external: bool,
    /// `None` is the engine's default.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The user's labels, without Compose's own.
    pub labels: BTreeMap<String, String>,
    /// Compose's config hash, the value of `com.docker.compose.config-hash` on the volume.
    pub config_hash: String,
}
