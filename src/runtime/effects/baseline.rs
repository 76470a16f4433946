//! What the manifests were when this session first saw them, for images that don't tell what they were built from.
//!
//! Such an image is *unknown*, and a change that is made while the dashboard runs is still to be seen. A baseline is never older
//! than its image: it moves when another unknown image takes the name. Only the session remembers it.

use std::collections::BTreeMap;

use crate::{
    manifest::label,
    model::{
        Digest, ImageId, MANIFESTS_LABEL, ObservedImage, ServiceName, ServiceSources, Sources, manifests_label,
        read_manifests_label,
    },
};

/// The baselines of every service that is built.
#[derive(Debug, Clone, Default)]
pub(super) struct Baselines(BTreeMap<ServiceName, Baseline>);

#[derive(Debug, Clone)]
struct Baseline {
    /// The image whose baseline this is; `None` before one was seen.
    image: Option<ImageId>,
    /// As an image's label says it.
    label: String,
    texts: BTreeMap<Digest, Vec<u8>>,
}

impl Baseline {
    fn of(image: Option<ImageId>, sources: &ServiceSources) -> Self {
        Self { image, label: manifests_label(sources), texts: label::texts(sources).collect() }
    }
}

impl Baselines {
    /// Takes in services that were not there before, and forgets those that are gone. Reads their manifests.
    pub fn see(&mut self, sources: &Sources) {
        self.0.retain(|name, _| sources.services.contains_key(name));
        for (name, sources) in &sources.services {
            self.0.entry(name.clone()).or_insert_with(|| Baseline::of(None, sources));
        }
    }

    /// Takes in what the engine has now for a service, nothing being one answer too.
    pub fn follow(&mut self, name: &ServiceName, image: Option<&ObservedImage>, sources: &ServiceSources) {
        let Some(baseline) = self.0.get_mut(name) else { return };
        let id = image.map(|image| &image.id);
        let moves = match (image, &baseline.image) {
            // One that is made of what is on disk now may appear at any moment.
            (None, _) => baseline.label != manifests_label(sources),
            (Some(image), Some(known)) => image.id != *known && own_label(image).is_none(),
            (Some(_), None) => false,
        };
        if moves {
            *baseline = Baseline::of(id.cloned(), sources);
        } else if image.is_none() || baseline.image.is_none() {
            baseline.image = id.cloned();
        }
    }

    /// The label to compare a service's image by: its own, or the baseline.
    pub fn label<'a>(&'a self, name: &ServiceName, image: &'a ObservedImage) -> Option<&'a str> {
        own_label(image).or_else(|| self.0.get(name).map(|baseline| baseline.label.as_str()))
    }

    /// The text of a digest that a service's baseline names.
    pub fn text(&self, name: &ServiceName, digest: Digest) -> Option<Vec<u8>> {
        self.0.get(name)?.texts.get(&digest).cloned()
    }
}

/// What the image itself tells.
fn own_label(image: &ObservedImage) -> Option<&str> {
    let label = image.labels.get(MANIFESTS_LABEL)?;
    read_manifests_label(label).map(|_| label.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        manifest::fingerprint,
        model::{Manifest, ManifestKind},
    };

    fn web() -> ServiceName {
        ServiceName::new("web").unwrap()
    }

    fn image(id: &str, label: Option<String>) -> ObservedImage {
        ObservedImage {
            id: id.into(),
            created: None,
            tagged: None,
            size: Default::default(),
            labels: label.map(|label| (MANIFESTS_LABEL.to_owned(), label)).into_iter().collect(),
            volumes: Vec::new(),
            user: String::new(),
            platform: String::new(),
        }
    }

    /// A project's one manifest, and what is told of it.
    struct Disk(tempfile::TempDir, Baselines);

    impl Disk {
        fn write(&mut self, text: &str) -> Sources {
            let path = self.0.path().join("requirements.txt");
            std::fs::write(&path, text).unwrap();
            let manifest = Manifest {
                path,
                name: "requirements.txt".into(),
                kind: ManifestKind::Requirements,
                digest: Some(fingerprint::of_bytes(text.as_bytes())),
                packages: None,
                settings: Default::default(),
                problem: None,
                because: String::new(),
                copies: Vec::new(),
            };
            let sources = ServiceSources { manifests: vec![manifest], ..ServiceSources::default() };
            let sources = Sources { services: [(web(), sources)].into() };
            self.1.see(&sources);
            sources
        }

        /// Looks at the engine and compares, as the task does.
        fn check(&mut self, image: Option<&ObservedImage>, sources: &Sources, expected: &str) {
            let sources = &sources.services[&web()];
            self.1.follow(&web(), image, sources);
            let Some(image) = image else { return };
            let told = label::changes_since(self.1.label(&web(), image), sources, |digest| self.1.text(&web(), digest));
            let said: Vec<String> = told.unwrap().iter().map(|told| told.change.to_string()).collect();
            assert_eq!(said.join("; "), expected);
        }
    }

    fn disk() -> Disk {
        Disk(tempfile::tempdir().unwrap(), Baselines::default())
    }

    #[test]
    fn an_edit_shows_against_what_was_first_seen_until_the_image_is_rebuilt() {
        let mut disk = disk();
        let first = disk.write("django==5.1\n");
        let (old, new) = (image("sha256:1", None), image("sha256:2", None));
        disk.check(Some(&old), &first, "");
        let edited = disk.write("django==5.1\nredis==5.2.0\n");
        disk.check(Some(&old), &edited, "+ redis 5.2.0");
        disk.check(Some(&old), &edited, "+ redis 5.2.0");
        disk.check(Some(&new), &edited, "");
        let again = disk.write("redis==5.2.0\n");
        disk.check(Some(&new), &again, "- django 5.1");
    }

    #[test]
    fn an_edit_before_the_engine_answers_shows_too() {
        let mut disk = disk();
        disk.write("django==5.1\n");
        let edited = disk.write("redis==5.2.0\ndjango==5.1\n");
        disk.check(Some(&image("sha256:1", None)), &edited, "+ redis 5.2.0");
    }

    #[test]
    fn an_image_that_appears_was_built_from_what_is_there() {
        let mut disk = disk();
        let first = disk.write("django==5.1\n");
        disk.check(None, &first, "");
        let edited = disk.write("redis==5.2.0\n");
        disk.check(None, &edited, "");
        disk.check(Some(&image("sha256:1", None)), &edited, "");
    }

    #[test]
    fn an_image_that_tells_is_believed_and_going_back_forgets_nothing() {
        let mut disk = disk();
        let first = disk.write("django==5.1\n");
        let old = image("sha256:1", None);
        disk.check(Some(&old), &first, "");
        let edited = disk.write("django==5.1\nredis==5.2.0\n");
        let told = image("sha256:2", Some(manifests_label(&edited.services[&web()])));
        disk.check(Some(&told), &edited, "");
        disk.check(Some(&old), &edited, "+ redis 5.2.0");
    }
}
