//! What files hold, by which the same bytes are told from others. Bounded: a file that doesn't fit counts as another one each time.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// The largest file whose content is compared, in bytes.
const MAX_CONTENT: u64 = 1024 * 1024;
/// So many bytes are read at the start and for new files at the most.
const MAX_CONTENTS: u64 = 64 * 1024 * 1024;

/// What the files of rebuild rules hold, so that saving the same bytes builds nothing.
#[derive(Debug, Default)]
pub(super) struct Contents {
    known: BTreeMap<PathBuf, u64>,
    bytes: u64,
}

impl Contents {
    /// Reads a file and says whether it holds what it held before.
    pub(super) fn same(&mut self, path: &Path, size: u64) -> bool {
        let is_new = !self.known.contains_key(path);
        if size > MAX_CONTENT || is_new && self.bytes >= MAX_CONTENTS {
            self.known.remove(path);
            return false;
        }
        let Ok(bytes) = std::fs::read(path) else { return false };
        if is_new {
            self.bytes += bytes.len() as u64;
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let hash = hasher.finish();
        self.known.insert(path.to_owned(), hash) == Some(hash)
    }
}
