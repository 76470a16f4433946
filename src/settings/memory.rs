//! What is remembered of one project: small facts, one file a project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::SettingsError;
use super::folders::{Folders, read_bounded, write_private};
use crate::model::{Digest, ProjectName, ServiceName};

/// The largest file of this kind, in bytes.
const MAX_MEMORY: u64 = 4 * 1024 * 1024;

/// The changes that the user closed: per service the digests that were on disk then, by the manifest's name. Another edit
/// has other digests, and asks again.
pub type Ignored = BTreeMap<ServiceName, BTreeMap<String, Digest>>;

/// What is remembered of one project. Unknown fields of a newer devbox are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Closed changes.
    pub ignored: Ignored,
    /// Notices of a service that the user closed, by their words.
    pub closed: BTreeMap<ServiceName, BTreeSet<String>>,
    /// Palette entries used last, most recent first.
    pub recent: Vec<String>,
}

/// The file's form. Digests are text there.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    directory: PathBuf,
    ignored: BTreeMap<String, BTreeMap<String, String>>,
    closed: BTreeMap<String, BTreeSet<String>>,
    recent: Vec<String>,
}

/// The file that remembers one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    path: PathBuf,
    directory: PathBuf,
}

impl Memory {
    /// The memory of a project, told apart from others by its name and its folder.
    pub fn of(folders: &Folders, project: &ProjectName, directory: &Path) -> Memory {
        let digest = Sha256::digest(directory.as_os_str().as_encoded_bytes());
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Memory {
            path: folders.state.join("projects").join(format!("{project}-{short}.json")),
            directory: directory.to_owned(),
        }
    }

    /// Reads it. A project that nothing is known of has the default.
    ///
    /// # Errors
    /// The file can't be read, or isn't what devbox wrote.
    pub fn load(&self) -> Result<Remembered, SettingsError> {
        let Some(bytes) = read_bounded(&self.path, MAX_MEMORY)? else { return Ok(Remembered::default()) };
        let damaged = |what: String| SettingsError::Damaged { path: self.path.clone(), what };
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let ignored = stored.ignored.into_iter().filter_map(|(service, digests)| {
            let digests = digests.into_iter().filter_map(|(name, digest)| Some((name, digest.parse().ok()?)));
            Some((ServiceName::new(&service).ok()?, digests.collect()))
        });
        let closed = stored.closed.into_iter();
        let closed = closed.filter_map(|(service, all)| Some((ServiceName::new(&service).ok()?, all)));
        Ok(Remembered { ignored: ignored.collect(), closed: closed.collect(), recent: stored.recent })
    }

    /// Writes it as a whole.
    ///
    /// # Errors
    /// The state folder can't be written.
    pub fn save(&self, remembered: &Remembered) -> Result<(), SettingsError> {
        let ignored = remembered.ignored.iter().map(|(service, digests)| {
            (service.to_string(), digests.iter().map(|(name, digest)| (name.clone(), digest.to_string())).collect())
        });
        let closed = remembered.closed.iter().map(|(service, all)| (service.to_string(), all.clone()));
        let stored = Stored {
            directory: self.directory.clone(),
            ignored: ignored.collect(),
            closed: closed.collect(),
            recent: remembered.recent.clone(),
        };
        let bytes = serde_json::to_vec_pretty(&stored)
            .map_err(|error| SettingsError::Damaged { path: self.path.clone(), what: error.to_string() })?;
        write_private(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_remembered_per_project_and_folder() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::below(root.path());
        let name = ProjectName::new("shop").unwrap();
        let memory = Memory::of(&folders, &name, Path::new("/a"));
        assert_eq!(memory.load().unwrap(), Remembered::default());
        let now = BTreeMap::from([("requirements.txt".to_owned(), Digest([7; 32]))]);
        let remembered = Remembered {
            ignored: BTreeMap::from([(ServiceName::new("web").unwrap(), now.clone())]),
            closed: BTreeMap::from([(ServiceName::new("web").unwrap(), ["runs as root".to_owned()].into())]),
            recent: vec!["rebuild".to_owned()],
        };
        memory.save(&remembered).unwrap();
        assert_eq!(memory.load().unwrap(), remembered);
        assert_eq!(Memory::of(&folders, &name, Path::new("/b")).load().unwrap(), Remembered::default());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        let memory = Memory::of(&Folders::below(root.path()), &ProjectName::new("x").unwrap(), Path::new("/a"));
        write_private(&memory.path, b"{").unwrap();
        let error = memory.load().unwrap_err();
        assert!(matches!(error, SettingsError::Damaged { .. }));
    }
}
