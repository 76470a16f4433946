//! Content decides: the digest of a file's bytes, never its time stamp.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::declared::MAX_TEXT;
use crate::model::Digest;

/// The digest of bytes.
pub fn of_bytes(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// What a file holds: its digest, and its bytes when they aren't more than a parser takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Of all bytes.
    pub digest: Digest,
    /// `None` for a file larger than [`MAX_TEXT`], which is only digested.
    pub bytes: Option<Vec<u8>>,
}

/// The largest file that is digested, in bytes. A change of a larger one is told from its size alone.
const MAX_DIGESTED: u64 = 256 * 1024 * 1024;

/// Reads a regular file. `Ok(None)` when there is none; a pipe, a socket or a device counts as none, since reading one
/// may wait for ever.
///
/// # Errors
/// The file is there and can't be read.
pub fn read(path: &Path) -> io::Result<Option<Content>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() <= MAX_TEXT {
        return Ok(Some(Content { digest: of_bytes(&bytes), bytes: Some(bytes) }));
    }
    let mut digest = Sha256::new_with_prefix(&bytes);
    digest.update(file.metadata()?.len().to_le_bytes());
    io::copy(&mut file.take(MAX_DIGESTED), &mut digest)?;
    Ok(Some(Content { digest: Digest(digest.finalize().into()), bytes: None }))
}

/// A folder on the way that is gone, or is now a file, means the same as a missing file.
fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_and_what_is_no_file_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requirements.txt");
        assert_eq!(read(&path).unwrap(), None);
        assert_eq!(read(folder.path()).unwrap(), None);
        assert_eq!(read(&path.join("below")).unwrap(), None);
        std::fs::write(&path, "django\n").unwrap();
        let first = read(&path).unwrap().unwrap();
        assert_eq!(first.digest, of_bytes(b"django\n"));
        assert_eq!(read(&path.join("below")).unwrap(), None, "a file where a folder was");
        std::fs::write(&path, "redis\n").unwrap();
        assert_ne!(read(&path).unwrap().unwrap(), first);
        std::fs::write(&path, "django\n").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), first, "A, B, A is nothing");
    }
}
