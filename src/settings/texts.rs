//! Old texts of manifests, by their digest, so that a change made while devbox was not running shows as packages.
//!
//! The image's label says which digests it was built from; the text of a digest is looked up here. Private, compressed by nothing,
//! bounded: the texts not asked for longest go first.

use std::fs::{self, FileTimes, OpenOptions};
use std::path::PathBuf;
use std::time::SystemTime;

use super::error::SettingsError;
use super::folders::{Folders, read_bounded, write_private};
use crate::model::Digest;

/// The largest text that is kept, in bytes. A larger manifest's change is shown as "changed".
const MAX_TEXT: u64 = 16 * 1024 * 1024;

/// How much is kept of all projects together, in bytes.
const MAX_TOTAL: u64 = 128 * 1024 * 1024;

/// The store of old texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    folder: PathBuf,
    total: u64,
}

impl Texts {
    /// The user's store.
    pub fn of(folders: &Folders) -> Texts {
        Texts { folder: folders.state.join("manifests"), total: MAX_TOTAL }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(digest.to_string().trim_start_matches("sha256:"))
    }

    /// Keeps a text under its digest. One that is too large is not kept.
    ///
    /// # Errors
    /// The state folder can't be written.
    pub fn keep(&self, digest: Digest, text: &[u8]) -> Result<(), SettingsError> {
        let path = self.path(digest);
        if text.len() as u64 > MAX_TEXT {
            return Ok(());
        }
        if path.is_file() {
            self.touch(digest);
            return Ok(());
        }
        write_private(&path, text)?;
        self.make_room()
    }

    /// The text of a digest, if it is still kept.
    ///
    /// # Errors
    /// It is there and can't be read.
    pub fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>, SettingsError> {
        let text = read_bounded(&self.path(digest), MAX_TEXT)?;
        if text.is_some() {
            self.touch(digest);
        }
        Ok(text)
    }

    /// Marks a text as wanted just now. The mark only orders what goes first, so failing to set it loses nothing.
    fn touch(&self, digest: Digest) {
        if let Ok(file) = OpenOptions::new().append(true).open(self.path(digest)) {
            let _ = file.set_times(FileTimes::new().set_modified(SystemTime::now()));
        }
    }

    /// Removes the texts not wanted longest until the rest fits.
    fn make_room(&self) -> Result<(), SettingsError> {
        let failed = |source| SettingsError::Read { path: self.folder.clone(), source };
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)?.flatten() {
            if let Ok(metadata) = entry.metadata() {
                kept.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()));
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in kept {
            if total <= self.total {
                break;
            }
            // Another devbox may have removed it first.
            let _ = fs::remove_file(path);
            total -= size;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_digest_and_bounded() {
        let root = tempfile::tempdir().unwrap();
        let texts = Texts { total: 25, ..Texts::of(&Folders::below(root.path())) };
        let digest = |n: u8| Digest([n; 32]);
        assert_eq!(texts.get(digest(1)).unwrap(), None);
        texts.keep(digest(1), b"0123456789").unwrap();
        let old = |n: u8, age: u64| {
            let file = OpenOptions::new().append(true).open(texts.path(digest(n))).unwrap();
            file.set_times(FileTimes::new().set_modified(SystemTime::now() - std::time::Duration::from_secs(age)))
                .unwrap();
        };
        old(1, 200);
        texts.keep(digest(2), b"0123456789").unwrap();
        old(2, 100);
        assert_eq!(texts.get(digest(1)).unwrap().as_deref(), Some(b"0123456789".as_slice()), "asking for it keeps it");
        texts.keep(digest(3), b"0123456789").unwrap();
        let kept: Vec<bool> = (1..=3).map(|n| texts.get(digest(n)).unwrap().is_some()).collect();
        assert_eq!(kept, [true, false, true]);
    }
}
