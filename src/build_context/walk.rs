//! A walk over the context: what the builder is told exists, in the order that its protocol demands.
//!
//! Folders before their entries, entries by the bytes of their names. A folder that is left out is still looked into where a pattern
//! could take back something below it; it is then reported, with its own folders, once such an entry is found. Symbolic links are
//! reported, never followed. Entries that vanish meanwhile are passed over. Memory holds the names of the folders that are open,
//! nothing more.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{File, FileType, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::ContextError;
use super::follow;
use super::path::join;
use super::pattern::{MatchInfo, Patterns};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Dir,
    /// A regular file.
    File,
    /// A symbolic link, and what it points to.
    Symlink(String),
    /// A named pipe.
    Fifo,
    /// A socket; the builder makes an empty file of it.
    Socket,
    /// A device.
    Device {
        /// A block device, else a character device.
        block: bool,
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
}

/// One entry of the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the context's root, with slashes.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, with set-user-id, set-group-id and sticky: `0o7777` at most.
    pub mode: u32,
    /// Bytes of a regular file, 0 for anything else.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: i64,
}

/// Which entries of a context are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    include: Option<Patterns>,
    exclude: Option<Patterns>,
}

impl Filter {
    /// Leaves out what these patterns match.
    #[must_use]
    pub fn excluding(exclude: Patterns) -> Self {
        Self { include: None, exclude: (!exclude.is_empty()).then_some(exclude) }
    }

    /// The filter that the builder asks for: patterns of which one must match, patterns of which none may match, and paths whose
    /// symbolic links are followed, so that what they point to is included as well.
    ///
    /// # Errors
    ///
    /// A pattern cannot be used, or a folder on the way of a link cannot be read.
    pub fn asked(root: &Path, include: &[String], exclude: &[String], follow: &[String]) -> Result<Self, ContextError> {
        let mut wanted = include.to_vec();
        let mut everything = include.is_empty() && follow.is_empty();
        if !follow.is_empty() {
            match follow::targets(root, follow)? {
                Some(targets) => wanted.extend(targets),
                // The root itself is asked for: there is nothing to narrow.
                None => everything = include.is_empty(),
            }
        }
        Ok(Self {
            include: if everything { None } else { Some(Patterns::new(&wanted)?) },
            exclude: if exclude.is_empty() { None } else { Some(Patterns::new(exclude)?) },
        })
    }
}

/// A folder that the walk is in.
struct Level {
    /// Its path within the context; empty for the root.
    path: String,
    /// The same, where it really is.
    real: PathBuf,
    /// Whether `path` says what `real` says: every name on the way is UTF-8.
    is_utf8: bool,
    /// What is still to be looked at, the next one last.
    entries: Vec<(OsString, FileType)>,
    include: MatchInfo,
    exclude: MatchInfo,
    /// It was not reported yet.
    unreported: bool,
}

/// The walk. After an error it ends.
pub struct Walk {
    filter: Filter,
    levels: Vec<Level>,
    ready: VecDeque<Entry>,
    failed: bool,
}

impl Walk {
    /// Starts a walk at a context's root, which may itself be a symbolic link.
    ///
    /// # Errors
    ///
    /// The root is no folder, or cannot be read.
    pub fn new(root: &Path, filter: Filter) -> Result<Self, ContextError> {
        let unreadable = |source| ContextError::Read { path: root.to_owned(), source };
        let resolved = root.canonicalize().map_err(unreadable)?;
        if !resolved.is_dir() {
            return Err(ContextError::NotAFolder { path: root.to_owned() });
        }
        let entries = list(&resolved)?.unwrap_or_default();
        let top = Level {
            path: String::new(),
            real: resolved,
            is_utf8: true,
            entries,
            include: MatchInfo::default(),
            exclude: MatchInfo::default(),
            unreported: false,
        };
        Ok(Self { filter, levels: vec![top], ready: VecDeque::new(), failed: false })
    }

    /// Looks at the next name; nothing when the walk is over.
    fn step(&mut self) -> Result<Option<()>, ContextError> {
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        let Some((name, file_type)) = level.entries.pop() else {
            self.levels.pop();
            return Ok(Some(()));
        };
        let path = join(&level.path, &name.to_string_lossy());
        let real = level.real.join(&name);
        let is_utf8 = level.is_utf8 && name.to_str().is_some();
        let is_dir = file_type.is_dir();
        let mut wanted = true;
        let mut include = MatchInfo::default();
        let mut exclude = MatchInfo::default();
        if let Some(patterns) = &self.filter.include {
            let (matched, info) = patterns.matches_under(&path, &level.include);
            if !matched && (!is_dir || !patterns.may_include_below(&path)) {
                return Ok(Some(()));
            }
            (wanted, include) = (matched, info);
        }
        if let Some(patterns) = &self.filter.exclude {
            let (matched, info) = patterns.matches_under(&path, &level.exclude);
            if matched && (!is_dir || !patterns.may_reinclude_below(&path)) {
                return Ok(Some(()));
            }
            (wanted, exclude) = (wanted && !matched, info);
        }
        if wanted {
            if !is_utf8 {
                return Err(ContextError::NotUtf8 { path: real });
            }
            let Some(entry) = entry(&real, path.clone())? else { return Ok(Some(())) };
            self.report_folders()?;
            self.ready.push_back(entry);
        }
        if is_dir {
            match list(&real) {
                Ok(Some(entries)) => {
                    self.levels.push(Level { path, real, is_utf8, entries, include, exclude, unreported: !wanted });
                }
                Ok(None) => {}
                Err(ContextError::Read { source, .. }) if !wanted && source.kind() == ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(()))
    }

    /// Reports the folders above an entry that were left out so far.
    fn report_folders(&mut self) -> Result<(), ContextError> {
        for level in self.levels.iter_mut().filter(|level| level.unreported) {
            level.unreported = false;
            self.ready.extend(entry(&level.real, level.path.clone())?);
        }
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<Entry, ContextError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.failed {
            match self.step() {
                Ok(Some(())) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// Opens a regular file of the context for reading. Neither a link nor a pipe that took its place meanwhile is opened.
///
/// # Errors
///
/// The system's own, also for what is no regular file any more.
pub fn open(root: &Path, path: &str) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(root.join(path))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(ErrorKind::InvalidInput.into()) }
}

/// A folder's names, the first one last; nothing when it is gone.
fn list(folder: &Path) -> Result<Option<Vec<(OsString, FileType)>>, ContextError> {
    let unreadable = |source| ContextError::Read { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        match entry.file_type() {
            Ok(file_type) => names.push((entry.file_name(), file_type)),
            Err(error) if is_gone(&error) => {}
            Err(source) => return Err(ContextError::Read { path: entry.path(), source }),
        }
    }
    names.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    Ok(Some(names))
}

/// Looks at one entry; nothing when it is gone.
fn entry(real: &Path, path: String) -> Result<Option<Entry>, ContextError> {
    let unreadable = |source| ContextError::Read { path: real.to_owned(), source };
    let meta = match std::fs::symlink_metadata(real) {
        Ok(meta) => meta,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let kind = match kind(&meta) {
        EntryKind::Symlink(_) => {
            let target = match std::fs::read_link(real) {
                Ok(target) => target,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(unreadable(error)),
            };
            match target.into_os_string().into_string() {
                Ok(target) => EntryKind::Symlink(target),
                Err(_) => return Err(ContextError::NotUtf8 { path: real.to_owned() }),
            }
        }
        kind => kind,
    };
    Ok(Some(Entry {
        path,
        size: if kind == EntryKind::File { meta.len() } else { 0 },
        kind,
        mode: meta.mode() & 0o7777,
        modified: meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()),
    }))
}

fn kind(meta: &Metadata) -> EntryKind {
    let file_type = meta.file_type();
    if file_type.is_dir() {
        EntryKind::Dir
    } else if file_type.is_symlink() {
        EntryKind::Symlink(String::new())
    } else if file_type.is_fifo() {
        EntryKind::Fifo
    } else if file_type.is_socket() {
        EntryKind::Socket
    } else if file_type.is_block_device() || file_type.is_char_device() {
        let device = meta.rdev();
        EntryKind::Device {
            block: file_type.is_block_device(),
            major: rustix::fs::major(device),
            minor: rustix::fs::minor(device),
        }
    } else {
        EntryKind::File
    }
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    /// A context with these files; a name with `->` is a symbolic link, one that ends in `/` a folder.
    fn context(entries: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for entry in entries {
            let (name, target) = entry.split_once("->").map_or((*entry, None), |(name, target)| (name, Some(target)));
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match target {
                Some(target) => symlink(target, path).unwrap(),
                None if name.ends_with('/') => std::fs::create_dir_all(path).unwrap(),
                None => std::fs::write(path, name).unwrap(),
            }
        }
        dir
    }

    fn paths(root: &Path, filter: Filter) -> Vec<String> {
        Walk::new(root, filter).unwrap().map(|entry| entry.unwrap().path).collect()
    }

    #[track_caller]
    fn excluded(entries: &[&str], patterns: &[&str], expected: &[&str]) {
        let dir = context(entries);
        assert_eq!(paths(dir.path(), Filter::excluding(Patterns::new(patterns).unwrap())), expected);
    }

    #[track_caller]
    fn followed(entries: &[&str], follow: &[&str], expected: &[&str]) {
        let dir = context(entries);
        let follow: Vec<String> = follow.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(paths(dir.path(), Filter::asked(dir.path(), &[], &[], &follow).unwrap()), expected);
    }

    #[test]
    fn in_the_order_of_the_protocol() {
        excluded(&["b", "a.x", "a/c", "a-b"], &[], &["a", "a/c", "a-b", "a.x", "b"]);
    }

    #[test]
    fn folders_of_what_is_taken_back_are_reported() {
        excluded(
            &["a/b/c/keep", "a/b/other", "a/z", "x"],
            &["a", "!a/b/c/keep"],
            &["a", "a/b", "a/b/c", "a/b/c/keep", "x"],
        );
        excluded(&["a/x.md", "b/y"], &["*", "!**/*.md"], &["a", "a/x.md"]);
        excluded(&["src/a", "src/b/c", "y"], &["*", "!src"], &["src", "src/a", "src/b", "src/b/c"]);
    }

    #[test]
    fn only_what_is_asked_for() {
        followed(&["Dockerfile", "a/b", ".dockerignore"], &["Dockerfile", "Dockerfile.dockerignore"], &["Dockerfile"]);
        followed(&["a/b/c", "a/d", "e"], &["a/b", "nothing"], &["a", "a/b", "a/b/c"]);
        followed(&["x/req.txt", "y/req.txt", "y/z"], &["*/req.txt"], &["x", "x/req.txt", "y", "y/req.txt"]);
        followed(&["a", "b/c"], &["."], &["a", "b", "b/c"]);
    }

    #[test]
    fn links_on_the_way_are_followed() {
        followed(&["link->real", "real/f", "real/g"], &["link/f"], &["link", "real", "real/f"]);
        followed(&["a->b", "b->c", "c"], &["a"], &["a", "b", "c"]);
        followed(&["out->../../etc", "etc/passwd"], &["out/passwd"], &["etc", "etc/passwd", "out"]);
        followed(&["d/l->/abs", "abs/x"], &["d/l/x"], &["abs", "abs/x", "d", "d/l"]);
        followed(&["l1->t1", "t1", "x"], &["l*"], &["l1", "t1"]);
        followed(&["loop->loop/x", "y"], &["loop/a"], &["loop"]);
    }

    #[test]
    fn names_that_the_protocol_cannot_carry() {
        use std::os::unix::ffi::OsStrExt;
        let dir = context(&["a"]);
        std::fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"b\xff")), "").unwrap();
        let last = Walk::new(dir.path(), Filter::default()).unwrap().last().unwrap();
        assert!(matches!(last, Err(ContextError::NotUtf8 { .. })));
        let filter = Filter::excluding(Patterns::new(["b?"]).unwrap());
        assert_eq!(paths(dir.path(), filter), ["a"]);
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_not_opened() {
        let dir = context(&["real", "link->real"]);
        assert!(open(dir.path(), "real").is_ok());
        assert!(open(dir.path(), "link").is_err());
        assert!(open(dir.path(), ".").is_err());
    }

    proptest! {
        #[test]
        fn sorted_with_every_folder_before_its_entries(
            names in proptest::collection::vec("[a-c]{1,2}(/[a-c.]{1,2}){0,3}", 1..12),
            patterns in proptest::collection::vec("!?(\\*\\*/)?[a-c*?]{1,2}(/[a-c*]{1,2})?", 0..4),
        ) {
            let dir = tempfile::tempdir().unwrap();
            for name in &names {
                let path = dir.path().join(name);
                let _ = std::fs::create_dir_all(path.parent().unwrap()).and_then(|()| std::fs::write(path, ""));
            }
            if let Ok(patterns) = Patterns::new(&patterns) {
                let found = paths(dir.path(), Filter::excluding(patterns.clone()));
                let mut sorted = found.clone();
                sorted.sort_by(|a, b| a.split('/').cmp(b.split('/')));
                prop_assert_eq!(&found, &sorted);
                for path in paths(dir.path(), Filter::default()) {
                    let reported = found.contains(&path);
                    // Whatever is not left out is there, with the folders above it.
                    prop_assert!(reported || patterns.matches(&path));
                    let parent = crate::build_context::path::parent(&path);
                    prop_assert!(!reported || parent.is_empty() || found.iter().any(|other| other == parent));
                }
            }
        }
    }
}
