//! What changed between two states of manifests: packages added, removed and changed, settings, or only layout.
//!
//! Bytes decide whether something changed; packages and settings decide whether a rebuild is wanted. Everything here is
//! pure.

use std::collections::BTreeMap;
use std::fmt;

use similar::{ChangeTag, TextDiff};

use super::declared::Declared;
use super::format;
use super::text;
use crate::model::{Manifest, ManifestKind, Package, PackageChange, Setting};

/// What a change of one manifest amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Packages or settings differ; either list may be empty, not both.
    Declared {
        /// Sorted as they are shown: added, removed, changed, each by name.
        packages: Vec<PackageChange>,
        /// Settings beside packages, such as an index.
        settings: Vec<SettingChange>,
    },
    /// The bytes differ and nothing that an install reads does: comments, order, layout.
    CommentsOnly,
    /// The bytes differ, and what they mean is not known: no parser for the format, a text that can't be parsed, or no
    /// old text to compare with.
    Changed,
    /// The file is new.
    Appeared {
        /// Every package that it declares, as added.
        packages: Vec<PackageChange>,
    },
    /// The file is gone.
    Disappeared {
        /// Every package that it declared, as removed.
        packages: Vec<PackageChange>,
    },
}

impl Change {
    /// Whether an image built before the change is out of step with it.
    pub fn wants_rebuild(&self) -> bool {
        !matches!(self, Change::CommentsOnly)
    }

    /// The packages of the change.
    pub fn packages(&self) -> &[PackageChange] {
        match self {
            Change::Declared { packages, .. } | Change::Appeared { packages } | Change::Disappeared { packages } => {
                packages
            }
            Change::CommentsOnly | Change::Changed => &[],
        }
    }
}

impl fmt::Display for Change {
    /// On one line: `+ djangorestframework 3.15.2  ~ celery 5.3.6 → 5.4.0`, `comments or order only`, `changed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.packages().iter().map(ToString::to_string).collect();
        match self {
            Change::Declared { settings, .. } => parts.extend(settings.iter().map(ToString::to_string)),
            Change::CommentsOnly => parts.push("comments or order only".to_owned()),
            Change::Changed => parts.push("changed".to_owned()),
            Change::Appeared { .. } => parts.insert(0, "new file".to_owned()),
            Change::Disappeared { .. } => parts.insert(0, "file removed".to_owned()),
        }
        f.write_str(&parts.join("  "))
    }
}

/// A setting that changed: `from` or `to` is `None` when it was added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SettingChange {
    /// What it is called in the file.
    pub key: String,
    /// Its old value.
    pub from: Option<String>,
    /// Its new value.
    pub to: Option<String>,
}

impl fmt::Display for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SettingChange { key, from, to } = self;
        let text = match (from, to) {
            (Some(from), Some(to)) if from == to => format!("~ {key}"),
            (Some(from), Some(to)) => format!("~ {key} {from} → {to}"),
            (None, Some(to)) => format!("+ {key} {to}"),
            (Some(from), None) => format!("- {key} {from}"),
            (None, None) => key.clone(),
        };
        f.write_str(text.trim_end())
    }
}

/// The change of one manifest of which both texts are known. `None` when the bytes are equal; a text is `None` when
/// the file is not there.
pub fn texts(kind: ManifestKind, old: Option<&[u8]>, new: Option<&[u8]>) -> Option<Change> {
    let parse = |bytes: &[u8]| format::parse(kind, bytes).and_then(Result::ok);
    match (old, new) {
        (Some(old), Some(new)) if old == new => None,
        (None, None) => None,
        (Some(old), Some(new)) => Some(match (parse(old), parse(new)) {
            (Some(old), Some(new)) => declared(kind, &old, &new),
            _ => Change::Changed,
        }),
        (None, Some(new)) => {
            Some(Change::Appeared { packages: parse(new).map_or_else(Vec::new, |new| packages(&[], &new.packages)) })
        }
        (Some(old), None) => {
            Some(Change::Disappeared { packages: parse(old).map_or_else(Vec::new, |old| packages(&old.packages, &[])) })
        }
    }
}

/// The change between two states of one manifest as they were read. `None` when the digests are equal.
pub fn manifests(old: &Manifest, new: &Manifest) -> Option<Change> {
    let known = |manifest: &Manifest| manifest.packages.as_deref().cloned();
    match (old.digest, new.digest) {
        (None, None) => None,
        (Some(before), Some(after)) if before == after => None,
        (Some(_), Some(_)) => Some(match (known(old), known(new)) {
            (Some(before), Some(after)) => split(packages(&before, &after), settings(&old.settings, &new.settings)),
            _ => Change::Changed,
        }),
        (None, Some(_)) => Some(Change::Appeared { packages: packages(&[], &known(new).unwrap_or_default()) }),
        (Some(_), None) => Some(Change::Disappeared { packages: packages(&known(old).unwrap_or_default(), &[]) }),
    }
}

/// The change between two parsed texts whose bytes differ.
pub fn declared(kind: ManifestKind, old: &Declared, new: &Declared) -> Change {
    split(packages(&old.packages, &new.packages), settings_of(kind, &old.all_settings(), &new.all_settings()))
}

/// In a Dockerfile the order counts too.
fn settings_of(kind: ManifestKind, old: &[Setting], new: &[Setting]) -> Vec<SettingChange> {
    let changes = settings(old, new);
    if changes.is_empty() && kind == ManifestKind::Dockerfile && old != new {
        let same = Some(String::new());
        return vec![SettingChange { key: "order of instructions".to_owned(), from: same.clone(), to: same }];
    }
    changes
}

fn split(packages: Vec<PackageChange>, settings: Vec<SettingChange>) -> Change {
    if packages.is_empty() && settings.is_empty() {
        Change::CommentsOnly
    } else {
        Change::Declared { packages, settings }
    }
}

/// The packages that differ. A name may stand several times (markers, groups, several versions in a lock): what both
/// sides have alike is taken out first, and what is left is compared as a whole.
pub fn packages(old: &[Package], new: &[Package]) -> Vec<PackageChange> {
    let mut by_name: BTreeMap<&str, (Vec<&Package>, Vec<&Package>)> = BTreeMap::new();
    for package in old {
        by_name.entry(&package.name).or_default().0.push(package);
    }
    for package in new {
        by_name.entry(&package.name).or_default().1.push(package);
    }
    let mut changes = Vec::new();
    for (mut before, mut after) in by_name.into_values() {
        cancel(&mut before, &mut after, |a, b| {
            Package { line: 0, ..(*a).clone() } == Package { line: 0, ..(*b).clone() }
        });
        match (before.as_slice(), after.as_slice()) {
            ([], []) => {}
            ([], added) => changes.extend(
                added.iter().map(|p| PackageChange::Added { name: p.display_name(), version: p.version.clone() }),
            ),
            (removed, []) => changes.extend(
                removed.iter().map(|p| PackageChange::Removed { name: p.display_name(), version: p.version.clone() }),
            ),
            (before, after) => changes.push(changed(before, after)),
        }
    }
    changes.sort_by_key(|change| match change {
        PackageChange::Added { name, .. } => (0, name.clone()),
        PackageChange::Removed { name, .. } => (1, name.clone()),
        PackageChange::Changed { name, .. } => (2, name.clone()),
    });
    changes.dedup();
    changes
}

/// Takes out of both lists what they have in common, as often as both have it.
fn cancel<T>(before: &mut Vec<T>, after: &mut Vec<T>, same: impl Fn(&T, &T) -> bool) {
    before.retain(|old| match after.iter().position(|new| same(old, new)) {
        Some(at) => {
            after.remove(at);
            false
        }
        None => true,
    });
}

/// Versions alone where they differ; otherwise with what else differs, so that no change reads `5 → 5`.
fn changed(before: &[&Package], after: &[&Package]) -> PackageChange {
    let name = after.first().map_or_else(String::new, |package| {
        let extras_kept = before.iter().all(|old| old.extras == package.extras);
        if extras_kept { package.display_name() } else { package.name.clone() }
    });
    let versions = |list: &[&Package]| join(list.iter().map(|package| package.version.clone()));
    let full = |list: &[&Package]| join(list.iter().map(|package| describe(package)));
    let (from, to) = (versions(before), versions(after));
    if from == to {
        PackageChange::Changed { name, from: full(before), to: full(after) }
    } else {
        PackageChange::Changed { name, from, to }
    }
}

fn describe(package: &Package) -> String {
    let extras = if package.extras.is_empty() { String::new() } else { format!("[{}]", package.extras.join(",")) };
    let group = if package.group.is_empty() { String::new() } else { format!("in {}", package.group) };
    let parts = [package.version.as_str(), &extras, &package.detail, &group];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn join(versions: impl Iterator<Item = String>) -> String {
    let mut unique: Vec<String> = Vec::new();
    for version in versions {
        if !unique.contains(&version) {
            unique.push(version);
        }
    }
    unique.join(", ")
}

/// The settings that differ, by key, in the new file's order.
pub fn settings(old: &[Setting], new: &[Setting]) -> Vec<SettingChange> {
    let (mut before, mut after): (Vec<&Setting>, Vec<&Setting>) = (old.iter().collect(), new.iter().collect());
    cancel(&mut before, &mut after, |a, b| a == b);
    let mut changes = Vec::new();
    for setting in after {
        let at = before.iter().position(|old| old.key == setting.key);
        let from = at.map(|at| before.remove(at).value.clone());
        changes.push(SettingChange { key: setting.key.clone(), from, to: Some(setting.value.clone()) });
    }
    changes.extend(before.into_iter().map(|old| SettingChange {
        key: old.key.clone(),
        from: Some(old.value.clone()),
        to: None,
    }));
    changes
}

/// Several files' package changes as one list, as a notice shows it. A manifest and its lock often tell the same change;
/// then the lock's exact versions stay, and packages that only a lock names come last.
pub fn merged<'c>(changes: impl IntoIterator<Item = (ManifestKind, &'c Change)>) -> Vec<PackageChange> {
    let (mut locks, mut direct): (Vec<&PackageChange>, Vec<&PackageChange>) = (Vec::new(), Vec::new());
    for (kind, change) in changes {
        if format::is_lock(kind) { locks.extend(change.packages()) } else { direct.extend(change.packages()) }
    }
    let mut list: Vec<PackageChange> = Vec::new();
    for change in &direct {
        let exact = locks.iter().find(|lock| {
            bare(lock) == bare(change) && std::mem::discriminant(**lock) == std::mem::discriminant(*change)
        });
        list.push((*exact.unwrap_or(change)).clone());
    }
    list.extend(locks.into_iter().filter(|lock| !direct.iter().any(|change| bare(change) == bare(lock))).cloned());
    let mut unique = Vec::new();
    for change in list {
        if !unique.contains(&change) {
            unique.push(change);
        }
    }
    unique
}

/// The name without extras.
fn bare(change: &PackageChange) -> &str {
    let (PackageChange::Added { name, .. } | PackageChange::Removed { name, .. } | PackageChange::Changed { name, .. }) =
        change;
    name.split('[').next().unwrap_or(name)
}

/// The most lines of a text diff; a lock that was written anew has tens of thousands.
const MAX_DIFF_LINES: usize = 2_000;

/// One line of a text diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffLine {
    /// In both texts.
    Same(String),
    /// Only in the old one.
    Removed(String),
    /// Only in the new one.
    Added(String),
    /// Lines between two hunks, or beyond the bound, were left out.
    Gap,
}

/// The two texts line by line with three lines around each change, bounded. Credentials in URLs are masked.
pub fn lines(old: &[u8], new: &[u8]) -> Vec<DiffLine> {
    let (old, new) = (text::decode(old), text::decode(new));
    let diff =
        TextDiff::configure().timeout(std::time::Duration::from_millis(200)).diff_lines(old.as_ref(), new.as_ref());
    let mut shown = Vec::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            shown.push(DiffLine::Gap);
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            if shown.len() >= MAX_DIFF_LINES {
                shown.push(DiffLine::Gap);
                return shown;
            }
            let line = super::declared::mask_credentials(change.value().trim_end_matches(['\n', '\r']));
            shown.push(match change.tag() {
                ChangeTag::Equal => DiffLine::Same(line),
                ChangeTag::Delete => DiffLine::Removed(line),
                ChangeTag::Insert => DiffLine::Added(line),
            });
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(kind: ManifestKind, old: &str, new: &str, expected: &str) {
        let change = texts(kind, Some(old.as_bytes()), Some(new.as_bytes()));
        assert_eq!(change.map_or("nothing".to_owned(), |change| change.to_string()), expected);
    }

    #[test]
    fn requirements() {
        let kind = ManifestKind::Requirements;
        check(kind, "a==1\n", "a==1\n", "nothing");
        check(kind, "a==1\nb\n", "# hello\nb\n\na==1", "comments or order only");
        check(
            kind,
            "celery==5.3.6\n",
            "celery==5.4.0\ndjangorestframework==3.15.2\n",
            "+ djangorestframework 3.15.2  ~ celery 5.3.6 → 5.4.0",
        );
        check(kind, "six\n", "", "- six");
        check(kind, "a\n", "a>=2\n", "~ a any → >=2");
        check(kind, "psycopg==3\n", "psycopg[binary]==3\n", "~ psycopg 3 → 3 [binary]");
        check(kind, "psycopg[binary]==3\n", "psycopg[binary]==4\n", "~ psycopg[binary] 3 → 4");
        check(kind, "a==1 ; os_name == 'nt'\na==2\n", "a==2\n", "- a 1");
        check(kind, "a==1 ; os_name == 'nt'\na==2\n", "a==3 ; os_name == 'nt'\na==4\n", "~ a 1, 2 → 3, 4");
        check(kind, "a==1\n", "-i https://x\na==1\n", "+ index-url https://x");
        check(kind, "-r a.txt\n", "-r b.txt\n", "~ -r a.txt → b.txt");
        check(kind, "a --hash=sha256:x\n", "a --hash=sha256:y\n", "~ a hashes fe8eb9 → hashes 5ddc8e");
    }

    #[test]
    fn what_no_parser_reads_is_changed() {
        check(ManifestKind::Pyproject, "a = 1", "a = = 1", "changed");
        check(ManifestKind::Other, "a", "b", "changed");
        check(ManifestKind::Pyproject, "[tool.black]\na=1", "[tool.black]\na=2", "comments or order only");
    }

    #[test]
    fn files_that_come_and_go() {
        let show = |old: Option<&str>, new: Option<&str>| {
            let change = texts(ManifestKind::Requirements, old.map(str::as_bytes), new.map(str::as_bytes));
            change.map(|change| (change.to_string(), change.wants_rebuild()))
        };
        assert_eq!(show(None, Some("a==1")), Some(("new file  + a 1".to_owned(), true)));
        assert_eq!(show(Some("a==1"), None), Some(("file removed  - a 1".to_owned(), true)));
        assert_eq!(show(None, None), None);
    }

    #[test]
    fn a_lock_makes_its_manifest_exact() {
        let pyproject = texts(
            ManifestKind::Pyproject,
            Some(b"[project]\ndependencies=[]"),
            Some(b"[project]\ndependencies=['httpx>=0.27']"),
        )
        .unwrap();
        let lock = texts(
            ManifestKind::UvLock,
            Some(b""),
            Some(b"[[package]]\nname='anyio'\nversion='4'\n[[package]]\nname='httpx'\nversion='0.27.2'\n"),
        )
        .unwrap();
        let shown: Vec<String> = merged([(ManifestKind::Pyproject, &pyproject), (ManifestKind::UvLock, &lock)])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["+ httpx 0.27.2", "+ anyio 4"]);
    }

    #[test]
    fn text_diffs_mask_credentials_and_end() {
        let shown = lines(b"a\n-i https://u:p@h/\n", b"a\n-i https://u:q@h/\n");
        assert_eq!(shown[1], DiffLine::Removed("-i https://***@h/".to_owned()));
        let many = "x\n".repeat(10_000);
        assert!(lines(b"", many.as_bytes()).len() <= MAX_DIFF_LINES + 1);
    }

    fn package() -> impl Strategy<Value = Package> {
        ("[a-c]", "[12]?", prop_oneof![Just(String::new()), Just("dev".to_owned())], 0u32..9)
            .prop_map(|(name, version, group, line)| Package { name, version, group, line, ..Package::default() })
    }

    proptest! {
        #[test]
        fn equal_lists_in_any_order_have_no_difference(mut list in proptest::collection::vec(package(), 0..12), seed in any::<u64>()) {
            let before = list.clone();
            let length = list.len().max(1);
            list.rotate_left(usize::try_from(seed % length as u64).unwrap() % length);
            prop_assert_eq!(packages(&before, &list), []);
        }

        #[test]
        fn a_difference_is_bounded_and_turns_round(old in proptest::collection::vec(package(), 0..12), new in proptest::collection::vec(package(), 0..12)) {
            let (there, back) = (packages(&old, &new), packages(&new, &old));
            prop_assert!(there.len() <= old.len() + new.len());
            prop_assert_eq!(there.is_empty(), back.is_empty());
            let added = |list: &[PackageChange]| list.iter().filter(|change| matches!(change, PackageChange::Added { .. })).count();
            let removed = |list: &[PackageChange]| list.iter().filter(|change| matches!(change, PackageChange::Removed { .. })).count();
            prop_assert_eq!((added(&there), removed(&there)), (removed(&back), added(&back)));
        }
    }
}
