//! Where the user's files lie: the XDG base directories, on every system.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use etcetera::base_strategy::Xdg;

use super::error::SettingsError;

/// The three folders. None of them need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// `config.toml` and themes: `~/.config/devbox`.
    pub config: PathBuf,
    /// What is remembered: `~/.local/state/devbox`.
    pub state: PathBuf,
    /// What can be made again: `~/.cache/devbox`.
    pub cache: PathBuf,
}

impl Folders {
    /// The user's folders, from `XDG_CONFIG_HOME`, `XDG_STATE_HOME`, `XDG_CACHE_HOME` and `HOME`.
    ///
    /// # Errors
    /// No home folder is known.
    pub fn of_user() -> Result<Folders, SettingsError> {
        let xdg = Xdg::new().map_err(|_| SettingsError::NoHome)?;
        let state = xdg.state_dir().unwrap_or_else(|| xdg.home_dir().join(".local/state"));
        Ok(Folders {
            config: xdg.config_dir().join("devbox"),
            state: state.join("devbox"),
            cache: xdg.cache_dir().join("devbox"),
        })
    }

    /// All three below one folder, for tests.
    pub fn below(root: &Path) -> Folders {
        Folders { config: root.join("config"), state: root.join("state"), cache: root.join("cache") }
    }

    /// The user's config file.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}

/// Makes a folder that only the user can enter. Folders above it that are missing are made likewise; one that is there
/// already is made private if it is open to others.
pub(super) fn private_folder(path: &Path) -> Result<(), SettingsError> {
    let failed = |source| SettingsError::Write { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Writes a file that only the user can read, as a whole: a reader sees the old content or the new, also after a crash.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), SettingsError> {
    let failed = |source| SettingsError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    private_folder(folder)?;
    // The temporary file is made with mode 0600 and keeps it.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_data().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads a file of at most `limit` bytes; `None` when there is none.
pub(super) fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, SettingsError> {
    let failed = |source| SettingsError::Read { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    if !metadata.is_file() {
        return Err(failed(io::Error::other("not a regular file")));
    }
    if metadata.len() > limit {
        return Err(failed(io::Error::other(format!("larger than {limit} bytes"))));
    }
    fs::read(path).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_private_and_replaced_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/file");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn an_open_folder_is_closed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("open");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        private_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn reading_is_bounded() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        assert!(read_bounded(&path, 3).unwrap().is_none());
        fs::write(&path, "four").unwrap();
        assert!(read_bounded(&path, 3).is_err());
        assert!(read_bounded(root.path(), 3).is_err());
        assert_eq!(read_bounded(&path, 4).unwrap().as_deref(), Some(b"four".as_slice()));
    }
}
