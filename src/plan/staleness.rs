//! Whether an image was built from the manifests that are on disk now.
//!
//! An image remembers in a label what it was built from. An image without the label was built by something else: *unknown*,
//! never *changed*.

use super::ManifestChange;
use crate::model::{MANIFESTS_LABEL, ObservedImage, ServiceSources, read_manifests_label};

/// What an image knows of its manifests, compared with what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staleness {
    /// Built from what is on disk, or from something that declares the same packages.
    InStep,
    /// These are different.
    Changed(Vec<ManifestChange>),
    /// The image doesn't say, or what it would be built from now can't be told.
    Unknown,
}

/// Compares an image with the manifests on disk.
pub fn staleness(image: &ObservedImage, sources: &ServiceSources) -> Staleness {
    if sources.incomplete {
        return Staleness::Unknown;
    }
    let label = image.labels.get(MANIFESTS_LABEL);
    let Some(mut built) = label.and_then(|label| read_manifests_label(label)) else { return Staleness::Unknown };
    let mut changes = Vec::new();
    for manifest in &sources.manifests {
        // A manifest that the image has never heard of, and that isn't there, is no change either.
        if built.remove(&manifest.name).flatten() == manifest.digest {
            continue;
        }
        let packages = match sources.changes.get(&manifest.name) {
            // Comments, order: nothing that an install would see.
            Some(packages) if packages.is_empty() => continue,
            Some(packages) => packages.clone(),
            None => Vec::new(),
        };
        changes.push(ManifestChange { name: manifest.name.clone(), packages, removed: manifest.digest.is_none() });
    }
    let gone = built.into_iter().filter(|(_, digest)| digest.is_some());
    changes.extend(gone.map(|(name, _)| ManifestChange { name, packages: Vec::new(), removed: true }));
    if changes.is_empty() { Staleness::InStep } else { Staleness::Changed(changes) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Digest, Manifest, ManifestKind, PackageChange, manifests_label};

    /// Sources from `name=byte` words; `name=` is a file that isn't there.
    pub(in crate::plan) fn sources(text: &str) -> ServiceSources {
        let manifests = text.split_whitespace().map(|word| {
            let (name, byte) = word.split_once('=').unwrap();
            Manifest {
                path: format!("/shop/{name}").into(),
                name: name.to_owned(),
                kind: ManifestKind::Requirements,
                digest: byte.parse().ok().map(|byte| Digest([byte; 32])),
                packages: None,
                settings: Default::default(),
                problem: None,
                because: String::new(),
                copies: Vec::new(),
            }
        });
        ServiceSources { manifests: manifests.collect(), ..ServiceSources::default() }
    }

    fn image(label: Option<String>) -> ObservedImage {
        ObservedImage {
            id: "sha256:1".into(),
            created: None,
            tagged: None,
            size: Default::default(),
            labels: label.map(|label| (MANIFESTS_LABEL.to_owned(), label)).into_iter().collect(),
            volumes: Vec::new(),
            user: String::new(),
            platform: String::new(),
        }
    }

    fn check(built: &str, now: &str, expected: &str) {
        let said = match staleness(&image(Some(manifests_label(&sources(built)))), &sources(now)) {
            Staleness::InStep => "in step".to_owned(),
            Staleness::Unknown => "unknown".to_owned(),
            Staleness::Changed(changes) => changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn content_decides() {
        check("a.txt=1 b.txt=2", "b.txt=2 a.txt=1", "in step");
        check("a.txt=1 b.txt=2", "a.txt=1 b.txt=3", "b.txt changed");
        check("a.txt=1", "a.txt=", "a.txt is gone");
        check("a.txt=1 b.txt=2", "a.txt=1", "b.txt is gone");
        check("a.txt=1", "a.txt=1 new.txt=2", "new.txt changed");
        check("a.txt=1 b.txt=", "a.txt=1", "in step");
        check("a.txt=1", "a.txt=1 b.txt=", "in step");
    }

    #[test]
    fn packages_decide_where_they_are_known() {
        let built = image(Some(manifests_label(&sources("a.txt=1"))));
        let mut now = sources("a.txt=2");
        now.changes.insert("a.txt".into(), Vec::new());
        assert_eq!(staleness(&built, &now), Staleness::InStep, "a comment");
        let added = PackageChange::Added { name: "redis".into(), version: "5.2.0".into() };
        now.changes.insert("a.txt".into(), vec![added]);
        let Staleness::Changed(changes) = staleness(&built, &now) else { panic!("it changed") };
        assert_eq!(changes[0].to_string(), "a.txt changed: + redis 5.2.0");
    }

    #[test]
    fn an_image_that_does_not_say_is_unknown() {
        assert_eq!(staleness(&image(None), &sources("a.txt=1")), Staleness::Unknown);
        assert_eq!(staleness(&image(Some("forged".into())), &sources("a.txt=1")), Staleness::Unknown);
    }
}
