//! Declared, built, installed: one row a package, with what differs and who asked for it.
//!
//! Pure. What is not known (an image without a label, a container that doesn't run) leaves its column empty and makes nothing
//! differ.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::format::{Ecosystem, ecosystem, is_lock};
use super::installed::Installed;
use super::label::Standing;
use super::requirers::Requirers;
use crate::model::{Manifest, Package};

/// How a row's columns differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Declared, and the image was built without it.
    Added,
    /// The image was built with it, and it is declared no more.
    Removed,
    /// The image was built with another version.
    Changed,
    /// Built in, and the container doesn't have it.
    NotInstalled,
    /// The container has a version that what it was built from doesn't allow.
    OtherVersion,
}

impl Difference {
    /// The sign in front of the row.
    pub fn sign(self) -> char {
        match self {
            Difference::Added => '+',
            Difference::Removed => '-',
            Difference::Changed => '~',
            Difference::NotInstalled | Difference::OtherVersion => '!',
        }
    }

    /// In a word or two, for people.
    pub fn words(self) -> &'static str {
        match self {
            Difference::Added => "new",
            Difference::Removed => "removed",
            Difference::Changed => "changed",
            Difference::NotInstalled => "not installed",
            Difference::OtherVersion => "other version",
        }
    }

    /// In one word, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Difference::Added => "added",
            Difference::Removed => "removed",
            Difference::Changed => "changed",
            Difference::NotInstalled => "not-installed",
            Difference::OtherVersion => "other-version",
        }
    }
}

/// Where a package is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// `requirements.txt:3`, or the file alone where its format has no lines.
    pub place: String,
    /// As written: `>=4,<5`, `5.1.3`, empty for any.
    pub version: String,
    /// Its group, empty for the main one.
    pub group: String,
    /// What else decides whether it is installed.
    pub condition: String,
}

/// One package of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name that is compared.
    pub name: String,
    /// By the manifests that people write.
    pub declared: Vec<Declaration>,
    /// By the locks; several versions of one package may be.
    pub locked: BTreeSet<String>,
    /// What the image was built from: the locked versions, or what was declared. `None` where that isn't known.
    pub built: Option<String>,
    /// What the container has; `None` where that isn't known or there is none.
    pub installed: Option<String>,
    /// The packages that ask for it.
    pub asked_by: BTreeSet<String>,
    /// What differs.
    pub difference: Option<Difference>,
}

impl Row {
    /// What is wanted now, in one text.
    pub fn wanted(&self) -> String {
        wanted(&self.locked, &self.declared)
    }

    /// The places that declare it, or the packages that ask for it. More than three say no more than their number.
    pub fn asked_for_by(&self) -> String {
        let place = |declaration: &Declaration| match declaration.group.as_str() {
            "" => declaration.place.clone(),
            group => format!("{} ({group})", declaration.place),
        };
        let mut by: Vec<String> = self.declared.iter().map(place).collect();
        if by.is_empty() {
            by = self.asked_by.iter().cloned().collect();
        }
        match by.len() {
            0..=3 => by.join(", "),
            more => format!("{}, {} and {} more", by[0], by[1], more - 2),
        }
    }
}

/// The packages of one build, and what of them isn't known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// How the image stands to the manifests; `None` when there is no image.
    pub standing: Option<Standing>,
    /// Why it isn't known what the image was built from.
    pub built_unknown: Option<String>,
    /// Why it isn't known what is installed.
    pub installed_unknown: Option<String>,
    /// By ecosystem, then by name.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// Whether the image was built from another content of this manifest; `None` where that isn't known.
    pub fn changed(&self, manifest: &str) -> Option<bool> {
        match self.standing.as_ref()? {
            Standing::Unknown => None,
            Standing::InStep => Some(false),
            Standing::Changed(all) => Some(all.iter().any(|one| one.name == manifest)),
        }
    }
}

/// The rows as a forest, each once, with its depth: what is declared or what nothing among them asks for at the root, what
/// only others ask for below the first of these.
pub fn nested<'r>(rows: &[&'r Row]) -> Vec<(usize, &'r Row)> {
    let mut below: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    let listed: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let is_asked = |row: &Row| row.declared.is_empty() && row.asked_by.iter().any(|by| listed.contains(by.as_str()));
    let (asked, roots): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| is_asked(row));
    for row in &asked {
        for by in &row.asked_by {
            below.entry(by).or_default().push(row);
        }
    }
    let mut shown: Vec<(usize, &Row)> = Vec::new();
    let mut seen = BTreeSet::new();
    // Those that ask for each other in a circle come last.
    for root in roots.iter().chain(&asked) {
        let mut waiting = vec![(0, *root)];
        while let Some((depth, row)) = waiting.pop() {
            if seen.insert(&row.name) {
                shown.push((depth, row));
                waiting.extend(below.get(row.name.as_str()).into_iter().flatten().rev().map(|row| (depth + 1, *row)));
            }
        }
    }
    shown
}

fn wanted(locked: &BTreeSet<String>, declared: &[Declaration]) -> String {
    if !locked.is_empty() {
        return locked.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    }
    let versions: BTreeSet<&str> = declared
        .iter()
        .map(|declaration| if declaration.version.is_empty() { "any" } else { &declaration.version })
        .collect();
    versions.into_iter().collect::<Vec<_>>().join(" ")
}

/// What is compared, of one ecosystem.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'c> {
    /// Whose packages.
    pub ecosystem: Ecosystem,
    /// As they are on disk.
    pub now: &'c [Manifest],
    /// As they were when the image was built; `None` where that isn't known.
    pub built: Option<&'c [Manifest]>,
    /// In the container; `None` where that isn't known.
    pub installed: Option<&'c Installed>,
    /// From locks.
    pub requirers: &'c Requirers,
}

#[derive(Default)]
struct Side {
    declared: Vec<Declaration>,
    locked: BTreeSet<String>,
}

fn side(ecosystem_: Ecosystem, manifests: &[Manifest]) -> BTreeMap<&str, Side> {
    let mut side: BTreeMap<&str, Side> = BTreeMap::new();
    for manifest in manifests.iter().filter(|manifest| ecosystem(manifest.kind) == Some(ecosystem_)) {
        for package in manifest.packages.iter().flat_map(|packages| packages.iter()) {
            let entry = side.entry(&package.name).or_default();
            if is_lock(manifest.kind) {
                entry.locked.insert(package.version.clone());
            } else {
                entry.declared.push(declaration(manifest, package));
            }
        }
    }
    side
}

fn declaration(manifest: &Manifest, package: &Package) -> Declaration {
    let place = match package.line {
        0 => manifest.name.clone(),
        line => format!("{}:{line}", manifest.name),
    };
    Declaration {
        place,
        version: package.version.clone(),
        group: package.group.clone(),
        condition: package.detail.clone(),
    }
}

/// The rows, by name. What is installed and neither declared nor asked for by anything that is stays in, without a difference:
/// the base image or the Dockerfile brought it.
pub fn rows(compared: Compared<'_>) -> Vec<Row> {
    let now = side(compared.ecosystem, compared.now);
    let built = compared.built.map(|built| side(compared.ecosystem, built));
    let mut requirers = compared.requirers.clone();
    for (name, package) in compared.installed.into_iter().flatten() {
        for needed in &package.requires {
            requirers.entry(needed.clone()).or_default().insert(name.clone());
        }
    }
    let names: BTreeSet<&str> = now
        .keys()
        .copied()
        .chain(built.iter().flat_map(|built| built.keys().copied()))
        .chain(compared.installed.into_iter().flat_map(|installed| installed.keys().map(String::as_str)))
        .collect();
    let nothing = Side::default();
    let row = |name: &str| {
        let side = now.get(name).unwrap_or(&nothing);
        let then = built.as_ref().map(|built| built.get(name).unwrap_or(&nothing));
        let has = compared.installed.map(|installed| installed.get(name).map(|package| package.version.as_str()));
        Row {
            name: name.to_owned(),
            declared: side.declared.clone(),
            locked: side.locked.clone(),
            built: then.map(|then| wanted(&then.locked, &then.declared)).filter(|built| !built.is_empty()),
            installed: has.flatten().map(str::to_owned),
            asked_by: requirers.get(name).cloned().unwrap_or_default(),
            difference: difference(compared.ecosystem, side, then, has),
        }
    };
    names.into_iter().map(row).collect()
}

/// What a rebuild would change comes first; what the container lacks of what its image was built from comes after.
fn difference(
    ecosystem: Ecosystem,
    now: &Side,
    then: Option<&Side>,
    installed: Option<Option<&str>>,
) -> Option<Difference> {
    let text = |side: &Side| wanted(&side.locked, &side.declared);
    if let Some(then) = then {
        match (text(then), text(now)) {
            (then, now) if then == now => {}
            (then, _) if then.is_empty() => return Some(Difference::Added),
            (_, now) if now.is_empty() => return Some(Difference::Removed),
            _ => return Some(Difference::Changed),
        }
    }
    let basis = then.unwrap_or(now);
    match installed? {
        None => {
            let certain = |declaration: &Declaration| declaration.group.is_empty() && declaration.condition.is_empty();
            basis.declared.iter().any(certain).then_some(Difference::NotInstalled)
        }
        Some(version) => {
            let fits = if basis.locked.is_empty() {
                basis.declared.iter().all(|declaration| satisfies(ecosystem, version, &declaration.version))
            } else {
                basis.locked.iter().any(|locked| satisfies(ecosystem, version, locked))
            };
            (!fits).then_some(Difference::OtherVersion)
        }
    }
}

/// Whether a version is what is declared. What isn't understood (a caret, a source) is taken to be satisfied: a false alarm
/// would cost more than a missed one.
fn satisfies(ecosystem: Ecosystem, version: &str, declared: &str) -> bool {
    if declared.is_empty() || declared == version || declared.starts_with('@') {
        return true;
    }
    if ecosystem != Ecosystem::Python {
        let exact = declared.starts_with(|c: char| c.is_ascii_digit()) && !declared.contains([' ', 'x', '*', '|']);
        return !exact || declared.split('.').count() < 3;
    }
    let Ok(version) = Version::from_str(version) else { return true };
    if let Ok(exact) = Version::from_str(declared) {
        // A local part (`2.1+cpu`) is the index's business.
        return exact == version || exact == version.clone().without_local();
    }
    VersionSpecifiers::from_str(declared).map_or(true, |range| range.contains(&version))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::manifest::installed;
    use crate::manifest::{kind_of, parse};
    use crate::model::ManifestKind;

    fn manifests(files: &[(&str, &str)]) -> Vec<Manifest> {
        let manifest = |(name, text): &(&str, &str)| {
            let kind = kind_of(name).unwrap_or(ManifestKind::Other);
            let declared = parse(kind, text.as_bytes()).unwrap().unwrap();
            Manifest {
                path: (*name).into(),
                name: (*name).to_owned(),
                kind,
                digest: None,
                packages: Some(Arc::new(declared.packages)),
                settings: Arc::default(),
                problem: None,
                because: String::new(),
                copies: Vec::new(),
            }
        };
        files.iter().map(manifest).collect()
    }

    #[track_caller]
    fn check(now: &str, built: Option<&str>, installed: Option<&str>, expected: &[&str]) {
        let now = manifests(&[("requirements.txt", now)]);
        let built = built.map(|built| manifests(&[("requirements.txt", built)]));
        let installed = installed.map(|installed| installed::answer(Ecosystem::Python, installed).unwrap());
        let rows = rows(Compared {
            ecosystem: Ecosystem::Python,
            now: &now,
            built: built.as_deref(),
            installed: installed.as_ref(),
            requirers: &Requirers::new(),
        });
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                let asked: Vec<&str> = row.asked_by.iter().map(String::as_str).collect();
                let sign = row.difference.map_or(' ', Difference::sign);
                format!(
                    "{sign} {} {} {} {} {}",
                    row.name,
                    row.wanted(),
                    text(&row.built),
                    text(&row.installed),
                    asked.join(",")
                )
            })
            .collect();
        assert_eq!(shown, expected);
    }

    const HAS: &str = r#"[{"name": "Django", "version": "5.1.2", "requires": ["asgiref>=3"]}, {"name": "asgiref", "version": "3.8.1"}]"#;

    #[test]
    fn three_columns_and_what_differs() {
        check(
            "django==5.1.3\nredis\nhumanize; python_version<'3'\n",
            Some("django==5.1.2\ncelery==5\nredis\nhumanize; python_version<'3'\n"),
            Some(HAS),
            &[
                "  asgiref  - 3.8.1 django",
                "- celery  5 - ",
                "~ django 5.1.3 5.1.2 5.1.2 ",
                "  humanize any any - ",
                "! redis any any - ",
            ],
        );
    }

    #[test]
    fn what_others_ask_for_stands_below_them_once() {
        let row = |(name, declared, by): (&str, bool, &[&str])| Row {
            name: name.into(),
            declared: declared
                .then(|| Declaration {
                    place: "requirements.txt:1".into(),
                    version: String::new(),
                    group: String::new(),
                    condition: String::new(),
                })
                .into_iter()
                .collect(),
            locked: BTreeSet::new(),
            built: None,
            installed: None,
            asked_by: by.iter().map(|by| (*by).to_owned()).collect(),
            difference: None,
        };
        let rows: Vec<Row> = [
            ("amqp", false, &["kombu"][..]),
            ("celery", true, &[]),
            ("chicken", false, &["egg"]),
            ("egg", false, &["chicken"]),
            ("kombu", false, &["celery"]),
            ("pip", false, &[]),
            ("tzdata", false, &["celery", "kombu"]),
        ]
        .map(row)
        .into();
        let shown: Vec<String> = nested(&rows.iter().collect::<Vec<_>>())
            .into_iter()
            .map(|(depth, row)| format!("{}{}", ".".repeat(depth), row.name))
            .collect();
        assert_eq!(shown, ["celery", ".kombu", "..amqp", "..tzdata", "pip", "chicken", ".egg"]);
    }

    #[test]
    fn what_is_not_known_differs_from_nothing() {
        check("django==5.1.3\n", None, None, &["  django 5.1.3 - - "]);
        check("django==5.1.3\n", Some("django==5.1.3\n"), None, &["  django 5.1.3 5.1.3 - "]);
    }

    #[test]
    fn the_container_is_measured_by_what_it_was_built_from() {
        let rows = |declared: &str, sign: char| {
            let text = format!("django{declared}\n");
            let line = format!("{sign} django {0} {0} 5.1.2 ", declared.trim_start_matches("=="));
            check(&text, Some(&text), Some(HAS), &["  asgiref  - 3.8.1 django", &line]);
        };
        rows("==5.1.3", '!');
        rows(">=5,<5.1", '!');
        rows("~=5.1", ' ');
        rows("==5.1.2", ' ');
    }
}
