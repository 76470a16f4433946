//! What decides where an engine is looked for.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// The variables and folders of the user that devbox runs for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// The home folder.
    home: Option<PathBuf>,
    /// The user's number, for `/run/user/…`.
    uid: u32,
}

impl Environment {
    /// From a process's variables. Those that aren't UTF-8 are left out.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, uid: u32) -> Self {
        let variables: BTreeMap<_, _> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = variables.get("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        Self { variables, home, uid }
    }

    /// A variable's value; an empty one counts as none.
    pub(in crate::engine) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn home(&self) -> Option<&PathBuf> {
        self.home.as_ref()
    }

    /// `$XDG_RUNTIME_DIR`, or where it usually is.
    pub(super) fn runtime_dir(&self) -> PathBuf {
        self.get("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from(format!("/run/user/{}", self.uid)), PathBuf::from)
    }

    /// The docker client's folder: `$DOCKER_CONFIG` or `~/.docker`.
    pub(in crate::engine) fn docker_dir(&self) -> Option<PathBuf> {
        self.get("DOCKER_CONFIG").map(PathBuf::from).or_else(|| self.home.as_ref().map(|home| home.join(".docker")))
    }
}

/// What the user says about the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// `-H`, `--host`: an address.
    pub host: Option<String>,
    /// `-c`, `--context`: a context of the docker client.
    pub context: Option<String>,
    /// The rest.
    pub environment: Environment,
}
