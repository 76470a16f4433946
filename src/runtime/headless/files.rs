//! Files of the project that a verb writes or rewrites, and gives back as they were when what follows fails.
//!
//! All of them or none; a file that is to be new never takes the place of one that came meanwhile.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use crate::model::Diagnostic;

/// What a new file gets.
const MODE: u32 = 0o644;

/// One file's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Absolute.
    pub path: PathBuf,
    /// As it is shown.
    pub name: String,
    /// What it holds; `None` when it isn't there.
    pub before: Option<Vec<u8>>,
    /// What it is to hold.
    pub after: Vec<u8>,
}

/// Files that were written. [`Written::undo`] brings them back.
#[derive(Debug, Default)]
pub struct Written(Vec<FileChange>);

impl Written {
    /// Writes all of them, or none.
    ///
    /// # Errors
    /// One can't be written, or was changed since it was read.
    pub fn write(changes: Vec<FileChange>) -> Result<Written, Diagnostic> {
        let mut written = Written::default();
        for change in changes {
            let result = match read(&change.path) {
                Ok(now) if now == change.before => replace(&change.path, &change.after, now.is_none()),
                Ok(_) => Err(io::Error::other("it was changed meanwhile")),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                let what = format!("{} can't be written: {error}", change.name);
                written.undo();
                return Err(Diagnostic::error(what).help("nothing was changed; mend that and try again"));
            }
            written.0.push(change);
        }
        Ok(written)
    }

    /// Brings every file back, byte for byte. One that somebody changed since stays as it is, and is told.
    pub fn undo(self) -> Vec<Diagnostic> {
        let mut told = Vec::new();
        for change in self.0.into_iter().rev() {
            let changed = read(&change.path).ok().flatten().as_deref() != Some(&change.after[..]);
            let result = match &change.before {
                _ if changed => Err(io::Error::other("it was changed meanwhile")),
                Some(before) => replace(&change.path, before, false),
                None => fs::remove_file(&change.path),
            };
            if let Err(error) = result {
                let what = format!("{} could not be put back as it was: {error}", change.name);
                told.push(Diagnostic::warning(what).help(format!("look at it: `git diff {}`", change.name)));
            }
        }
        told
    }
}

/// A file's bytes; `None` when it isn't there.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file as a whole. Its mode and owner stay; a new one belongs to whom its folder belongs, so that a call by root
/// leaves nothing of root's in a user's project. With `new`, nothing may be there yet.
fn replace(path: &Path, bytes: &[u8], new: bool) -> io::Result<()> {
    // A symbolic link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("/"));
    let like = fs::metadata(&path);
    let mode = like.as_ref().map_or(MODE, |like| like.permissions().mode());
    let owner = like.or_else(|_| fs::metadata(folder))?;
    let temporary = tempfile::Builder::new().prefix(".devbox-").tempfile_in(folder);
    // Its error names the temporary file, which is nobody's concern.
    let mut file = temporary.map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    let mine = file.as_file().metadata()?;
    if (mine.uid(), mine.gid()) != (owner.uid(), owner.gid()) {
        // Only root may give files away; anybody else's file is their own already.
        let _ = chown(file.path(), Some(owner.uid()), Some(owner.gid()));
    }
    let persisted = if new { file.persist_noclobber(&path) } else { file.persist(&path) };
    persisted.map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &Path, before: Option<&str>, after: &str) -> FileChange {
        let bytes = |text: &str| text.as_bytes().to_vec();
        FileChange { path: path.to_owned(), name: "x".into(), before: before.map(bytes), after: bytes(after) }
    }

    #[test]
    fn files_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, lock) = (folder.path().join("a.toml"), folder.path().join("a.lock"));
        fs::write(&manifest, "old\r\n").unwrap();
        fs::set_permissions(&manifest, fs::Permissions::from_mode(0o640)).unwrap();
        let written =
            Written::write(vec![change(&manifest, Some("old\r\n"), "new"), change(&lock, None, "lock")]).unwrap();
        assert_eq!((fs::read(&manifest).unwrap(), fs::read(&lock).unwrap()), (b"new".to_vec(), b"lock".to_vec()));
        assert_eq!(fs::metadata(&manifest).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(written.undo(), []);
        assert_eq!((fs::read(&manifest).unwrap(), lock.exists()), (b"old\r\n".to_vec(), false));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no file of ours stays");
    }

    #[test]
    fn what_somebody_else_wrote_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&first, "1").unwrap();
        fs::write(&second, "edited").unwrap();
        assert!(Written::write(vec![change(&first, Some("1"), "2"), change(&second, Some("1"), "2")]).is_err());
        assert_eq!(fs::read(&first).unwrap(), b"1", "none is written");
        assert!(
            Written::write(vec![change(&folder.path().join("new"), None, "2"), change(&second, None, "2")]).is_err()
        );
        assert!(!folder.path().join("new").exists(), "of new ones neither");
        assert_eq!(fs::read(&second).unwrap(), b"edited");
        std::os::unix::fs::symlink("/nonexistent", folder.path().join("link")).unwrap();
        assert!(Written::write(vec![change(&folder.path().join("link"), None, "2")]).is_err(), "a link is there");
        let written = Written::write(vec![change(&first, Some("1"), "2")]).unwrap();
        fs::write(&first, "mine").unwrap();
        assert_eq!(written.undo().len(), 1);
        assert_eq!(fs::read(&first).unwrap(), b"mine");
    }
}
