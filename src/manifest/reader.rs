//! Reads manifests and remembers what they said, so that one changed file costs one file's reading.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::declared::Include;
use super::{fingerprint, format};
use crate::model::{Digest, ManifestKind, Package, Setting};

/// What was read of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Read {
    pub(crate) digest: Option<Digest>,
    pub(crate) packages: Option<Arc<Vec<Package>>>,
    pub(crate) settings: Arc<Vec<Setting>>,
    pub(crate) includes: Vec<Include>,
    pub(crate) problem: Option<String>,
}

/// The files that were read. Whoever watches them says which to [`forget`](Reader::forget); a forgotten file is read again, and parsed
/// again only if its bytes are others.
#[derive(Debug, Default)]
pub struct Reader {
    files: HashMap<(PathBuf, ManifestKind), Known>,
}

#[derive(Debug)]
struct Known {
    read: Arc<Read>,
    current: bool,
}

impl Reader {
    /// A reader that knows nothing.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Reads a file again when it is next asked for.
    pub fn forget(&mut self, path: &Path) {
        self.files.iter_mut().filter(|((known, _), _)| known == path).for_each(|(_, known)| known.current = false);
    }

    /// Reads every file again when it is next asked for. Files that weren't asked for since the last time are dropped.
    pub fn forget_all(&mut self) {
        self.files.retain(|_, known| std::mem::take(&mut known.current));
    }

    pub(crate) fn read(&mut self, path: &Path, kind: ManifestKind) -> Arc<Read> {
        let key = (path.to_owned(), kind);
        let known = self.files.get(&key);
        if let Some(known) = known.filter(|known| known.current) {
            return Arc::clone(&known.read);
        }
        let read = read(path, kind, known.map(|known| &known.read));
        self.files.insert(key, Known { read: Arc::clone(&read), current: true });
        read
    }
}

/// Reads a file; what is known of the same bytes is taken over.
fn read(path: &Path, kind: ManifestKind, known: Option<&Arc<Read>>) -> Arc<Read> {
    let read = match fingerprint::read(path) {
        Ok(None) => Read::default(),
        Ok(Some(content)) => {
            if let Some(known) = known.filter(|known| known.digest == Some(content.digest)) {
                return Arc::clone(known);
            }
            match content.bytes {
                Some(bytes) => of_bytes(&bytes, kind),
                None => {
                    let problem = Some("too large to be read as packages".to_owned());
                    Read { digest: Some(content.digest), problem, ..Read::default() }
                }
            }
        }
        Err(error) => Read { problem: Some(format!("cannot be read: {error}")), ..Read::default() },
    };
    Arc::new(read)
}

/// What bytes of a format say.
pub(crate) fn of_bytes(bytes: &[u8], kind: ManifestKind) -> Read {
    let digest = Some(fingerprint::of_bytes(bytes));
    match format::parse(kind, bytes) {
        None => Read { digest, ..Read::default() },
        Some(Err(error)) => Read { digest, problem: Some(error.to_string()), ..Read::default() },
        Some(Ok(declared)) => Read {
            digest,
            settings: Arc::new(declared.all_settings()),
            packages: Some(Arc::new(declared.packages)),
            includes: declared.includes,
            problem: None,
        },
    }
}
