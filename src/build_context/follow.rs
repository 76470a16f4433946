//! Paths that the builder wants followed: a path through a symbolic link needs the link and what it points to.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::error::ContextError;
use super::path::{clean, file_name, join, parent, within_root};
use super::pattern::Patterns;

/// How many links one path may lead through; the kernel's own bound.
const MAX_LINKS: usize = 40;

/// How many paths are followed in all; more are taken as they are.
const MAX_PATHS: usize = 10_000;

/// The include patterns that hold these paths and everything that links on their way point to; nothing when the root itself is
/// among them. Targets outside the context count from its root, as inside the builder.
///
/// # Errors
///
/// A folder on the way exists and cannot be read.
pub(super) fn targets(root: &Path, paths: &[String]) -> Result<Option<Vec<String>>, ContextError> {
    let mut follower = Follower { root, found: BTreeSet::new(), seen: BTreeSet::new() };
    for path in paths {
        follower.follow(&within_root(path), 0)?;
    }
    if follower.found.contains(".") {
        return Ok(None);
    }
    // What stands below another path is held by that one.
    let mut kept: Vec<String> = Vec::new();
    for path in follower.found {
        if !kept.last().is_some_and(|last| path.strip_prefix(last.as_str()).is_some_and(|rest| rest.starts_with('/'))) {
            kept.push(path);
        }
    }
    Ok(Some(kept))
}

struct Follower<'a> {
    root: &'a Path,
    found: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Follower<'_> {
    fn follow(&mut self, path: &str, links: usize) -> Result<(), ContextError> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        if links > MAX_LINKS || self.seen.len() > MAX_PATHS {
            self.found.insert(path.to_owned());
            return Ok(());
        }
        let mut current = String::new();
        let mut rest = path;
        while !rest.is_empty() {
            let (part, behind) = rest.split_once('/').unwrap_or((rest, ""));
            current = join(&current, part);
            rest = behind;
            let targets = self.links(&current)?;
            if !targets.is_empty() {
                self.found.insert(current);
                for target in targets {
                    self.follow(&within_root(&format!("{target}/{rest}")), links + 1)?;
                }
                return Ok(());
            }
        }
        self.found.insert(if current.is_empty() { ".".to_owned() } else { current });
        Ok(())
    }

    /// What the path points to, if it is a link; where its last part is a pattern, what all matching links point to.
    fn links(&self, path: &str) -> Result<Vec<String>, ContextError> {
        let name = file_name(path);
        if !has_wildcard(name) {
            return Ok(self.link(path)?.into_iter().collect());
        }
        let Ok(pattern) = Patterns::new([name]) else { return Ok(Vec::new()) };
        let folder = self.root.join(parent(path));
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(source) => return Err(ContextError::Read { path: folder, source }),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| pattern.matches(name))
            .collect();
        names.sort_unstable();
        let mut targets = Vec::new();
        for name in names {
            targets.extend(self.link(&join(parent(path), &name))?);
        }
        Ok(targets)
    }

    /// What a link points to, from the context's root.
    fn link(&self, path: &str) -> Result<Option<String>, ContextError> {
        let real = self.root.join(path);
        match std::fs::read_link(&real) {
            Ok(target) => {
                let target = target.to_string_lossy().into_owned();
                Ok(Some(if target.starts_with('/') {
                    clean(&target)
                } else {
                    clean(&format!("/{}/{target}", parent(path)))
                }))
            }
            // It exists and is no link.
            Err(error) if error.kind() == ErrorKind::InvalidInput || is_missing(&error) => Ok(None),
            Err(source) => Err(ContextError::Read { path: real, source }),
        }
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

fn has_wildcard(name: &str) -> bool {
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}
