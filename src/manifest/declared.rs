//! What one manifest declares: packages, the settings an install reads beside them, and the files it includes.
//!
//! This is what every parser returns and what `diff` compares. Comments, order and layout are gone from it, so two
//! texts with equal [`Declared`] want no rebuild. Text from a file is shown with credentials masked.

use std::fmt;

use crate::model::{Package, Setting};

/// The largest manifest that is read as packages, in bytes; a larger one is still fingerprinted, and "changed" is all
/// that is said about it.
pub const MAX_TEXT: usize = 32 * 1024 * 1024;

/// The most packages kept of one manifest. The largest real locks have some ten thousand.
pub const MAX_PACKAGES: usize = 200_000;

/// How one manifest names another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IncludeKind {
    /// `-r other.txt`, or `dynamic = {dependencies = {file = …}}`.
    Requirements,
    /// `-c constraints.txt`.
    Constraints,
    /// `-e ./package`, or a plain path to a project folder.
    Project,
    /// A member of a workspace, or a pattern for several: `packages/*`.
    Member,
}

impl fmt::Display for IncludeKind {
    /// As pip writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IncludeKind::Requirements => "-r",
            IncludeKind::Constraints => "-c",
            IncludeKind::Project => "-e",
            IncludeKind::Member => "workspace member",
        })
    }
}

/// Another file or folder that a manifest reads, relative to its own folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Include {
    /// What kind of file stands there.
    pub kind: IncludeKind,
    /// The path as written, with forward slashes.
    pub path: String,
    /// The line that names it, counted from 1.
    pub line: u32,
}

/// Everything a manifest declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The packages in the order of the file.
    pub packages: Vec<Package>,
    /// The settings in the order of the file.
    pub settings: Vec<Setting>,
    /// The files it includes, in the order of the file.
    pub includes: Vec<Include>,
}

impl Declared {
    /// The settings with the includes among them (`-r base.txt`): an install that reads another file is another install.
    pub fn all_settings(&self) -> Vec<Setting> {
        // Members are listed in a setting already.
        let includes = self.includes.iter().filter(|include| include.kind != IncludeKind::Member);
        let shown = includes.map(|include| Setting { key: include.kind.to_string(), value: include.path.clone() });
        self.settings.iter().cloned().chain(shown).collect()
    }

    /// Adds a package, unless the bound is reached.
    pub(crate) fn package(&mut self, package: Package) {
        if self.packages.len() < MAX_PACKAGES && !package.name.is_empty() {
            self.packages.push(package);
        }
    }

    /// Adds a setting.
    pub(crate) fn setting(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.settings.push(Setting { key: key.into(), value: mask_credentials(&value.into()) });
    }

    /// Adds an include.
    pub(crate) fn include(&mut self, kind: IncludeKind, path: &str, line: u32) {
        self.includes.push(Include { kind, path: path.to_owned(), line });
    }
}

/// Why a manifest can't be read as packages. It is watched all the same, as "changed".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, as a fragment.
    pub what: String,
    /// Line and column, counted from 1; 0 where they aren't known.
    pub line: u32,
    /// The column in characters, counted from 1; 0 where it isn't known.
    pub column: u32,
}

impl ParseError {
    pub(crate) fn new(what: impl Into<String>, line: u32, column: u32) -> ParseError {
        ParseError { what: what.into(), line, column }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 { write!(f, "line {}: {}", self.line, self.what) } else { f.write_str(&self.what) }
    }
}

impl std::error::Error for ParseError {}

/// Replaces `user:password@` in every URL of a text by `***@`: private indexes carry tokens there, and what a manifest
/// says is shown on screen, in plans and in reports. An account without a password (`git@github.com`) stays.
pub(crate) fn mask_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end =
            after.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace()).unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rfind('@') {
            Some(user_end) if authority[..user_end] != *"git" => {
                out.push_str("***");
                out.push_str(&authority[user_end..]);
            }
            _ => out.push_str(authority),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_urls_are_masked_and_nothing_else() {
        let check = |text: &str, expected: &str| assert_eq!(mask_credentials(text), expected);
        check("https://user:token@host/simple", "https://***@host/simple");
        check("https://token@host/simple", "https://***@host/simple");
        check("git+ssh://git@github.com/a/b.git@v1", "git+ssh://git@github.com/a/b.git@v1");
        check("a https://x:y@h b https://z/p@q", "a https://***@h b https://z/p@q");
        check("no url: a@b", "no url: a@b");
        check("://@", "://***@");
    }
}
