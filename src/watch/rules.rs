//! Which raw events matter. Pure: wanted paths in, a verdict on an event out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::manifest::{LookedAt, NewFiles};

/// What kind of thing happened to a path, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// Its content or attributes.
    Content,
    /// It came, went, or changed its name.
    Presence,
}

/// What an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing that is wanted.
    Nothing,
    /// A wanted file may have other content.
    File,
    /// A folder on the way to wanted files came or went: its watch may be dead.
    Folder,
    /// A file came or went that may be a manifest.
    Listing,
}

/// What is wanted of the file system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Interests {
    files: BTreeSet<PathBuf>,
    folders: BTreeMap<PathBuf, BTreeSet<NewFiles>>,
    /// Where symbolic links among the wanted files lead.
    targets: BTreeMap<PathBuf, PathBuf>,
    /// Every folder that must be watched, whether it is there or not.
    watched: BTreeSet<PathBuf>,
}

impl Interests {
    /// Everything that `looked` names. Folders on the way up to the project's own, and the one above it, are watched too, since
    /// a folder that is renamed or removed says so only to its parent.
    pub(super) fn new(directory: &Path, looked: &LookedAt, targets: BTreeMap<PathBuf, PathBuf>) -> Interests {
        let top = directory.parent().unwrap_or(directory);
        let mut watched = BTreeSet::new();
        let parents = looked.files.iter().chain(targets.keys()).filter_map(|file| file.parent());
        for folder in parents.chain(looked.folders.keys().map(PathBuf::as_path)) {
            if folder.starts_with(top) {
                watched.extend(folder.ancestors().take_while(|ancestor| ancestor.starts_with(top)).map(Path::to_owned));
            } else {
                watched.extend(folder.ancestors().take(2).map(Path::to_owned));
            }
        }
        Interests { files: looked.files.clone(), folders: looked.folders.clone(), targets, watched }
    }

    /// The folders to watch, parents before what is in them.
    pub(super) fn watched(&self) -> &BTreeSet<PathBuf> {
        &self.watched
    }

    /// The wanted files.
    pub(super) fn files(&self) -> &BTreeSet<PathBuf> {
        &self.files
    }

    /// The folders whose entries matter.
    pub(super) fn listed(&self) -> impl Iterator<Item = &PathBuf> {
        self.folders.keys()
    }

    /// The wanted file that a path is, itself or as the target of a link.
    pub(super) fn wanted<'p>(&'p self, path: &'p Path) -> &'p Path {
        self.targets.get(path).map_or(path, PathBuf::as_path)
    }

    /// What an event at a path means.
    pub(super) fn judge(&self, path: &Path, happening: Happening) -> Verdict {
        if self.files.contains(path) || self.targets.contains_key(path) {
            return Verdict::File;
        }
        if happening == Happening::Content {
            return Verdict::Nothing;
        }
        if self.watched.contains(path) {
            return Verdict::Folder;
        }
        let sought = path.parent().and_then(|folder| self.folders.get(folder));
        if sought.is_some_and(|sought| sought.iter().any(|new| new.concerns(path))) {
            Verdict::Listing
        } else {
            Verdict::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interests() -> Interests {
        let looked = LookedAt {
            files: ["/p/shop/requirements.txt", "/p/shop/req/base.txt", "/elsewhere/x/Dockerfile"]
                .map(PathBuf::from)
                .into(),
            folders: BTreeMap::from([(
                PathBuf::from("/p/shop"),
                BTreeSet::from([NewFiles::Pattern("*.toml".to_owned())]),
            )]),
        };
        let targets = BTreeMap::from([(PathBuf::from("/real/base.txt"), PathBuf::from("/p/shop/req/base.txt"))]);
        Interests::new(Path::new("/p/shop"), &looked, targets)
    }

    #[test]
    fn folders_up_to_the_one_above_the_project() {
        let watched: Vec<String> = interests().watched().iter().map(|path| path.display().to_string()).collect();
        assert_eq!(watched, ["/", "/elsewhere", "/elsewhere/x", "/p", "/p/shop", "/p/shop/req", "/real"]);
    }

    #[test]
    fn verdicts() {
        let interests = interests();
        let check = |path: &str, happening, expected| {
            assert_eq!(interests.judge(Path::new(path), happening), expected, "{path}")
        };
        check("/p/shop/requirements.txt", Happening::Content, Verdict::File);
        check("/p/shop/requirements.txt", Happening::Presence, Verdict::File);
        check("/real/base.txt", Happening::Content, Verdict::File);
        check("/p/shop/app.py", Happening::Presence, Verdict::Nothing);
        check("/p/shop/.requirements.txt.swp", Happening::Presence, Verdict::Nothing);
        check("/p/shop/req", Happening::Presence, Verdict::Folder);
        check("/p/shop", Happening::Presence, Verdict::Folder);
        check("/p/shop", Happening::Content, Verdict::Nothing);
        check("/p/shop/uv.toml", Happening::Presence, Verdict::Listing);
        check("/p/shop/uv.toml", Happening::Content, Verdict::Nothing);
        check("/p/other/uv.toml", Happening::Presence, Verdict::Nothing);
        assert_eq!(interests.wanted(Path::new("/real/base.txt")), Path::new("/p/shop/req/base.txt"));
    }
}
