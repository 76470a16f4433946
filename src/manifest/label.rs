//! What an image remembers of the manifests it was built from, and whether they are still the same.
//!
//! The label names digests. An image without it was built by something else: it is unknown, never changed. The old texts lie in
//! the state folder, by their digests.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::{self, Change, DiffLine};
use super::fingerprint;
use crate::model::{Digest, Manifest, ManifestKind, PackageChange, ServiceSources, read_manifests_label};

/// How an image stands to the manifests on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The same bytes.
    InStep,
    /// Other bytes: the files that differ, by name. What that means, [`explain`] says.
    Changed(Vec<Difference>),
    /// The image has no label of devbox's, or what it would be built from now can't be told.
    Unknown,
}

/// A manifest that is not what the image was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// As the label and the screen name it.
    pub name: String,
    /// Its format.
    pub kind: ManifestKind,
    /// What the image was built from; `None` when it wasn't there.
    pub from: Option<Digest>,
    /// What is on disk; `None` when it is gone.
    pub to: Option<Digest>,
}

/// Compares an image's label with the manifests on disk.
pub fn compare(label: Option<&str>, sources: &ServiceSources) -> Standing {
    let built = label.filter(|_| !sources.incomplete).and_then(read_manifests_label);
    let Some(built) = built else { return Standing::Unknown };
    let now: BTreeMap<&str, &Manifest> =
        sources.manifests.iter().map(|manifest| (manifest.name.as_str(), manifest)).collect();
    let names: BTreeSet<&str> = built.keys().map(String::as_str).chain(now.keys().copied()).collect();
    let mut differences = Vec::new();
    for name in names {
        let manifest = now.get(name);
        let (from, to) = (built.get(name).copied().flatten(), manifest.and_then(|manifest| manifest.digest));
        // A file that can't be read just now is not known to differ.
        let unreadable = to.is_none() && manifest.is_some_and(|manifest| manifest.problem.is_some());
        if from != to && !unreadable {
            let kind =
                manifest.map_or_else(|| super::kind_of(name).unwrap_or(ManifestKind::Other), |manifest| manifest.kind);
            differences.push(Difference { name: name.to_owned(), kind, from, to });
        }
    }
    if differences.is_empty() { Standing::InStep } else { Standing::Changed(differences) }
}

/// What a difference amounts to, from both texts. `old` is the text of the digest `from`, where it is still kept; without it a
/// change of known files is only known as such.
pub fn explain(difference: &Difference, old: Option<&[u8]>, new: Option<&[u8]>) -> Change {
    let lost = difference.from.is_some() && old.is_none() || difference.to.is_some() && new.is_none();
    match (difference.from, difference.to) {
        (Some(_), Some(_)) if lost => Change::Changed,
        (_, None) if lost => Change::Disappeared { packages: Vec::new() },
        (None, _) if lost => Change::Appeared { packages: Vec::new() },
        // The caller's texts are the ones of the digests, so they differ when those do.
        _ => diff::texts(difference.kind, old, new).unwrap_or(Change::CommentsOnly),
    }
}

/// A manifest that differs from what an image was built from, told as fully as the texts allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestChange {
    /// Which file, and both digests.
    pub difference: Difference,
    /// What the change amounts to.
    pub change: Change,
    /// Both texts line by line; empty where one of them isn't known.
    pub lines: Vec<DiffLine>,
}

/// What changed since an image was built, by its label: `None` when the image doesn't say. `old_text` gives the text of a digest
/// where it is still kept; the new ones are read from disk.
pub fn changes_since(
    label: Option<&str>,
    sources: &ServiceSources,
    mut old_text: impl FnMut(Digest) -> Option<Vec<u8>>,
) -> Option<Vec<ManifestChange>> {
    let differences = match compare(label, sources) {
        Standing::Unknown => return None,
        Standing::InStep => return Some(Vec::new()),
        Standing::Changed(differences) => differences,
    };
    let told = differences.into_iter().map(|difference| {
        let old = difference.from.and_then(&mut old_text);
        let manifest = sources.manifests.iter().find(|manifest| manifest.name == difference.name);
        let new = difference.to.and(manifest).and_then(|manifest| fingerprint::read(&manifest.path).ok()??.bytes);
        let change = explain(&difference, old.as_deref(), new.as_deref());
        let lines = match (&old, &new) {
            (Some(old), Some(new)) => diff::lines(old, new),
            _ => Vec::new(),
        };
        ManifestChange { difference, change, lines }
    });
    Some(told.collect())
}

/// The manifests that an image was built from, read as packages again: those that are the same from what is on disk, the others
/// from the old texts.
///
/// # Errors
/// Why they are not known, as a fragment.
pub fn built_from(
    label: Option<&str>,
    sources: &ServiceSources,
    mut old_text: impl FnMut(Digest) -> Option<Vec<u8>>,
) -> Result<Vec<Manifest>, String> {
    let Some(label) = label else { return Err("the image doesn't say what it was built from".to_owned()) };
    let built = read_manifests_label(label).ok_or("the image's label can't be read")?;
    let mut manifests = Vec::new();
    for (name, digest) in built.into_iter().filter_map(|(name, digest)| Some((name, digest?))) {
        let now = sources.manifests.iter().find(|manifest| manifest.name == name);
        if let Some(same) = now.filter(|manifest| manifest.digest == Some(digest)) {
            manifests.push(same.clone());
            continue;
        }
        let kind = now.map(|now| now.kind).or_else(|| super::kind_of(&name)).unwrap_or(ManifestKind::Other);
        if super::ecosystem(kind).is_none() {
            continue;
        }
        let text = old_text(digest).ok_or_else(|| format!("the {name} that the image was built from is not kept"))?;
        let read = super::reader::of_bytes(&text, kind);
        manifests.push(Manifest {
            path: now.map(|now| now.path.clone()).unwrap_or_default(),
            name,
            kind,
            digest: Some(digest),
            packages: read.packages,
            settings: read.settings,
            problem: read.problem,
            because: String::new(),
            copies: Vec::new(),
        });
    }
    Ok(manifests)
}

/// What a plan is told of the changes, by the manifest's name: those that are known to be of packages alone, and, as an empty list,
/// those of comments and order.
pub fn package_changes(told: &[ManifestChange]) -> BTreeMap<String, Vec<PackageChange>> {
    let known = told.iter().filter(|told| match &told.change {
        Change::CommentsOnly => true,
        // Without packages something else is different, and an empty list would deny it.
        change => !change.packages().is_empty(),
    });
    known.map(|told| (told.difference.name.clone(), told.change.packages().to_vec())).collect()
}

/// The texts of manifests as they are on disk, with their digests: what is kept when an image is built from them. Files that
/// changed since `sources` was read are left out, since no label will name them.
pub fn texts(sources: &ServiceSources) -> impl Iterator<Item = (Digest, Vec<u8>)> {
    sources.manifests.iter().filter_map(|manifest| {
        let content = fingerprint::read(&manifest.path).ok()??;
        (Some(content.digest) == manifest.digest).then_some((content.digest, content.bytes?))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{manifest::fingerprint::of_bytes, model::manifests_label};

    fn sources(files: &[(&str, Option<&str>)]) -> ServiceSources {
        let manifests = files.iter().map(|(name, text)| Manifest {
            path: format!("/c/{name}").into(),
            name: (*name).to_owned(),
            kind: ManifestKind::Requirements,
            digest: text.map(|text| of_bytes(text.as_bytes())),
            packages: None,
            settings: Arc::default(),
            problem: None,
            because: String::new(),
            copies: Vec::new(),
        });
        ServiceSources { manifests: manifests.collect(), ..ServiceSources::default() }
    }

    #[test]
    fn an_image_remembers_what_it_was_built_from() {
        let built = sources(&[("a.txt", Some("a")), ("gone.txt", Some("g")), ("missing.txt", None)]);
        let label = manifests_label(&built);
        assert_eq!(label.matches("sha256:").count(), 2);
        assert_eq!(compare(Some(&label), &built), Standing::InStep);
        let now = sources(&[("a.txt", Some("b")), ("new.txt", Some("n")), ("gone.txt", None)]);
        let Standing::Changed(differences) = compare(Some(&label), &now) else { panic!("changed") };
        let shown: Vec<_> = differences.iter().map(|d| (d.name.as_str(), d.from.is_some(), d.to.is_some())).collect();
        assert_eq!(shown, [("a.txt", true, true), ("gone.txt", true, false), ("new.txt", false, true)]);
        assert_eq!(explain(&differences[0], Some(b"x==1"), Some(b"x==2")).to_string(), "~ x 1 → 2");
        assert_eq!(explain(&differences[0], None, Some(b"x==2")), Change::Changed);
        assert_eq!(explain(&differences[1], None, None).to_string(), "file removed");
        assert_eq!(explain(&differences[2], None, Some(b"x==2")).to_string(), "new file  + x 2");
    }

    #[test]
    fn what_changed_since_an_image_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let at = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let mut sources = sources(&[("a.txt", Some(text))]);
            sources.manifests[0].path.clone_from(&path);
            sources
        };
        let built = at("x==1\n");
        let label = manifests_label(&built);
        let kept: BTreeMap<Digest, Vec<u8>> = texts(&built).collect();
        assert_eq!(kept.len(), 1);
        let now = at("x==2\n");
        let told = changes_since(Some(&label), &now, |digest| kept.get(&digest).cloned()).unwrap();
        assert_eq!(told[0].change.to_string(), "~ x 1 → 2");
        let added = PackageChange::Changed { name: "x".into(), from: "1".into(), to: "2".into() };
        assert_eq!(package_changes(&told), BTreeMap::from([("a.txt".to_owned(), vec![added])]));
        assert_eq!(told[0].lines, [DiffLine::Removed("x==1".to_owned()), DiffLine::Added("x==2".to_owned())]);
        let forgotten = changes_since(Some(&label), &now, |_| None).unwrap();
        assert_eq!((&forgotten[0].change, forgotten[0].lines.len()), (&Change::Changed, 0));
        assert_eq!(package_changes(&forgotten), BTreeMap::new(), "only known as changed");
        let comment = changes_since(Some(&label), &at("# why\nx==1\n"), |digest| kept.get(&digest).cloned()).unwrap();
        assert_eq!(package_changes(&comment), BTreeMap::from([("a.txt".to_owned(), Vec::new())]));
        assert_eq!(changes_since(Some(&label), &at("x==1\n"), |_| None), Some(Vec::new()));
        assert_eq!(changes_since(None, &now, |_| None), None);
        assert_eq!(texts(&built).count(), 1);
        at("x==3\n");
        assert_eq!(texts(&built).count(), 0, "changed meanwhile");
    }

    #[test]
    fn other_labels_are_unknown() {
        let now = sources(&[("a.txt", Some("a"))]);
        for label in [None, Some(""), Some("{"), Some("[]"), Some("{\"a\": 1}"), Some("{\"a\": \"sha256:xyz\"}")] {
            assert_eq!(compare(label, &now), Standing::Unknown, "{label:?}");
        }
        assert_eq!(compare(Some("{}"), &sources(&[])), Standing::InStep);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_called_changed() {
        let mut now = sources(&[("a.txt", Some("a"))]);
        let label = manifests_label(&now);
        now.manifests[0].digest = None;
        now.manifests[0].problem = Some("cannot be read".to_owned());
        assert_eq!(compare(Some(&label), &now), Standing::InStep);
    }
}
