//! The files of one context as the builder sees them: without what .dockerignore leaves out, and noting what was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::build_context::ignore::Ignore;
use crate::build_context::path::{file_name, join, parent};
use crate::manifest::format::kind_of;

/// The most entries of one folder that are looked at, and the most files taken of one COPY.
const MAX_ENTRIES: usize = 10_000;

/// How deep a copied folder is searched for manifests.
const MAX_DEPTH: usize = 6;

/// What a new file in a folder must be called to change what was discovered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NewFiles {
    /// A name that a parser knows (`requirements-dev.txt`), or any folder.
    Manifests,
    /// A name that matches a pattern of a COPY: `*.txt`.
    Pattern(String),
}

impl NewFiles {
    /// Whether an entry of that name could change what was discovered.
    pub fn concerns(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
        match self {
            NewFiles::Manifests => kind_of(&path.to_string_lossy()).is_some() || path.extension().is_none(),
            NewFiles::Pattern(pattern) => matches(pattern, name),
        }
    }
}

/// What discovery looked at: where a change may lead to another answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// Files that were read, or found missing.
    pub files: BTreeSet<PathBuf>,
    /// Folders that were listed, with what was sought in them.
    pub folders: BTreeMap<PathBuf, BTreeSet<NewFiles>>,
}

impl LookedAt {
    /// Adds what another discovery looked at.
    pub fn extend(&mut self, other: &LookedAt) {
        self.files.extend(other.files.iter().cloned());
        for (folder, sought) in &other.folders {
            self.folders.entry(folder.clone()).or_default().extend(sought.iter().cloned());
        }
    }

    fn listed(&mut self, folder: PathBuf, sought: NewFiles) {
        self.folders.entry(folder).or_default().insert(sought);
    }
}

/// A context folder.
pub(super) struct Context {
    /// Absolute.
    pub(super) root: PathBuf,
    /// What is left out.
    pub(super) ignore: Ignore,
    /// What was looked at in it.
    pub(super) looked: LookedAt,
}

impl Context {
    /// The host's path of a path in the context.
    pub(super) fn host(&self, path: &str) -> PathBuf {
        if path == "." { self.root.clone() } else { self.root.join(path) }
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.host(path).is_dir()
    }

    /// Whether the builder is sent the file. A file that isn't there yet counts when nothing would leave it out.
    pub(super) fn sends(&self, path: &str) -> bool {
        path != ".." && !path.starts_with("../") && !self.ignore.excludes(path)
    }

    /// The files that a COPY source names: itself, or what its pattern matches now. Folders come back as they are.
    pub(super) fn named(&mut self, source: &str) -> Vec<String> {
        if !has_pattern(source) {
            return vec![source.to_owned()];
        }
        let mut found = vec![String::new()];
        for part in source.split('/') {
            let mut next = Vec::new();
            for folder in &found {
                if !has_pattern(part) {
                    next.push(join(folder, part));
                    continue;
                }
                let host = self.host(if folder.is_empty() { "." } else { folder });
                self.looked.listed(host.clone(), NewFiles::Pattern(part.to_owned()));
                next.extend(
                    entries(&host)
                        .into_iter()
                        .filter(|(name, _)| matches(part, name))
                        .map(|(name, _)| join(folder, &name)),
                );
            }
            found = next;
            found.truncate(MAX_ENTRIES);
        }
        found.retain(|path| self.host(path).exists());
        found
    }

    /// The manifests by name in a folder, its subfolders included.
    pub(super) fn manifests_below(&mut self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![(folder.to_owned(), 0)];
        while let Some((folder, depth)) = open.pop() {
            let host = self.host(&folder);
            self.looked.listed(host.clone(), NewFiles::Manifests);
            for (name, is_folder) in entries(&host) {
                let path = join(&folder, &name);
                if is_folder {
                    let left_out = self.ignore.excludes(&path) && !self.ignore.patterns.may_reinclude_below(&path);
                    if depth + 1 < MAX_DEPTH && !never_entered(&name) && !left_out {
                        open.push((path, depth + 1));
                    }
                } else if kind_of(&path).is_some() {
                    found.push(path);
                }
            }
            if found.len() >= MAX_ENTRIES {
                break;
            }
        }
        found.sort();
        found
    }

    /// The manifests by name in a folder alone.
    pub(super) fn manifests_in(&mut self, folder: &str) -> Vec<String> {
        let host = self.host(folder);
        self.looked.listed(host.clone(), NewFiles::Manifests);
        let files = entries(&host).into_iter().filter(|(_, is_folder)| !is_folder).map(|(name, _)| join(folder, &name));
        files.filter(|path| kind_of(path).is_some()).collect()
    }
}

/// Folders full of other people's manifests, or of none.
fn never_entered(name: &str) -> bool {
    matches!(
        name,
        "node_modules"
            | ".git"
            | ".hg"
            | ".venv"
            | "venv"
            | "__pycache__"
            | "site-packages"
            | "target"
            | "vendor"
            | ".tox"
            | ".nox"
            | ".mypy_cache"
    )
}

/// The entries of a folder, sorted: name, and whether it is a folder itself. A folder that can't be read has none.
fn entries(folder: &Path) -> Vec<(String, bool)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<(String, bool)> = entries
        .flatten()
        .take(MAX_ENTRIES)
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.file_type().ok()?.is_dir())))
        .collect();
    names.sort();
    names
}

/// Whether a COPY source has wildcards (Go's `filepath.Match`).
pub(super) fn has_pattern(source: &str) -> bool {
    source.contains(['*', '?', '['])
}

/// Matches one part of a path against one part of a pattern: `*`, `?`, `[a-z]`, `[^a]` and `\` as in Go's `filepath.Match`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The usual two-pointer match: on a mismatch, the last `*` takes one character more.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => {
                if let Some(length) = one(&pattern[p..], name[n]) {
                    p += length;
                    n += 1;
                    continue;
                }
            }
            None => {}
        }
        let Some((at, taken)) = star else { return false };
        star = Some((at, taken + 1));
        (p, n) = (at + 1, taken + 1);
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How many characters of the pattern match this one character; `None` when they don't.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', literal, ..] => (*literal == c).then_some(2),
        ['[', rest @ ..] => {
            let end = rest.iter().skip(1).position(|c| *c == ']')? + 1;
            let (negated, set) = match &rest[..end] {
                ['^', set @ ..] => (true, set),
                set => (false, set),
            };
            let mut inside = false;
            let mut at = 0;
            while at < set.len() {
                if set.get(at + 1) == Some(&'-') && at + 2 < set.len() {
                    inside |= (set[at]..=set[at + 2]).contains(&c);
                    at += 3;
                } else {
                    inside |= set[at] == c;
                    at += 1;
                }
            }
            (inside != negated).then_some(end + 2)
        }
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// The folder of a path in the context, `.` for the root.
pub(super) fn folder_of(path: &str) -> &str {
    match parent(path) {
        "" => ".",
        folder => folder,
    }
}

/// The last part of a path in the context.
pub(super) fn name_of(path: &str) -> &str {
    file_name(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_as_in_go() {
        let check = |pattern: &str, name: &str, expected: bool| {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}")
        };
        check("requirements*.txt", "requirements-dev.txt", true);
        check("requirements*.txt", "requirements.txt", true);
        check("requirements*.txt", "requirements.in", false);
        check("*", "x", true);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("[a-c]x", "bx", true);
        check("[^a-c]x", "bx", false);
        check("\\*", "*", true);
        check("[", "[", false);
        check("*a*b*", "xxaxxbxx", true);
        check("", "", true);
    }

    proptest::proptest! {
        #[test]
        fn matching_never_panics_or_hangs(pattern in "[a-c*?\\[\\]\\\\^-]{0,20}", name in "[a-c]{0,40}") {
            matches(&pattern, &name);
        }
    }
}
