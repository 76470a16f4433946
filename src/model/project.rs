//! A project: what should exist.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Network, ProjectName, Service, ServiceName, Volume};

/// Where a secret's content comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file of the host, absolute.
    File(PathBuf),
    /// A variable of devbox's environment, with its value there.
    Environment {
        /// The variable.
        variable: String,
        /// Its value; `None` when it is not set.
        value: Option<String>,
    },
    /// Kept by a swarm: not to be had from a local engine.
    External {
        /// Its name there.
        name: String,
    },
}

/// Where a config's content comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// A file of the host, absolute.
    File(PathBuf),
    /// A variable of devbox's environment, with its value there.
    Environment {
        /// The variable.
        variable: String,
        /// Its value; `None` when it is not set.
        value: Option<String>,
    },
    /// Written in the compose file.
    Content(String),
    /// Kept by a swarm: not to be had from a local engine.
    External {
        /// Its name there.
        name: String,
    },
}

/// A compose project with everything resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Its name.
    pub name: ProjectName,
    /// The folder that relative paths start from; absolute.
    pub directory: PathBuf,
    /// The compose files, absolute, in the order in which they were merged (Compose's label `config_files`).
    pub files: Vec<PathBuf>,
    /// The env files given on the command line, absolute (Compose's label `environment_file`); empty for the default `.env`.
    pub env_files: Vec<PathBuf>,
    /// The profiles in force.
    pub profiles: Vec<String>,
    /// Every service of the files, also those of profiles that are off.
    pub services: BTreeMap<ServiceName, Service>,
    /// By key; those that an enabled service uses.
    pub networks: BTreeMap<String, Network>,
    /// By key; those that an enabled service uses.
    pub volumes: BTreeMap<String, Volume>,
    /// By key.
    pub secrets: BTreeMap<String, SecretSource>,
    /// By key.
    pub configs: BTreeMap<String, ConfigSource>,
}

impl Project {
    /// The services whose profiles are in force, by name.
    pub fn enabled(&self) -> impl Iterator<Item = &Service> {
        self.services.values().filter(|service| service.enabled)
    }
}
