//! Old manifests that the state folder doesn't have, read back from a container that was made of their image.
//!
//! An image's label names digests, and only the text of one makes a change tellable as packages. Where the Dockerfile copies a
//! manifest into the image, a container has that text. What is read counts only if it has the digest: a mount over the path, or
//! somebody's edit inside, can't pass for what the image was built from. Nothing is asked while nothing differs.

use crate::{
    engine::{Engine, EngineError},
    manifest::{
        fingerprint,
        label::{self, Standing},
        mounts,
    },
    model::{
        Diagnostic, Digest, MANIFESTS_LABEL, Manifest, Observed, ObservedContainer, ObservedImage, Project,
        ServiceSources, Sources,
    },
    settings::Texts,
};

/// The largest manifest that is read back, in bytes.
const MOST: u64 = 4 * 1024 * 1024;

/// Reads back what is missing of what every service's image was built from, and keeps it.
pub async fn recall_all(engine: &Engine, project: &Project, observed: &Observed, sources: &Sources, texts: &Texts) {
    for (name, declared) in &sources.services {
        let Some(service) = project.services.get(name) else { continue };
        if let Some(image) = observed.images.get(&service.image_name(&project.name)) {
            recall(engine, observed, image, declared, texts).await;
        }
    }
}

/// Reads back what is missing of what one image was built from. What can't be had stays unknown.
pub async fn recall(
    engine: &Engine,
    observed: &Observed,
    image: &ObservedImage,
    declared: &ServiceSources,
    texts: &Texts,
) {
    let value = image.labels.get(MANIFESTS_LABEL).map(String::as_str);
    let Standing::Changed(differences) = label::compare(value, declared) else { return };
    for difference in differences {
        let Some(digest) = difference.from else { continue };
        let manifest = declared.manifests.iter().find(|manifest| manifest.name == difference.name);
        if let Some(manifest) = manifest.filter(|_| texts.get(digest).ok().flatten().is_none()) {
            keep(engine, observed, (image, manifest, digest), texts).await;
        }
    }
}

async fn keep(
    engine: &Engine,
    observed: &Observed,
    (image, manifest, digest): (&ObservedImage, &Manifest, Digest),
    texts: &Texts,
) {
    for container in observed.containers.iter().filter(|container| container.image == image.id) {
        for path in manifest.copies.iter().filter(|path| !is_covered(container, path)) {
            match engine.read_file(&container.id, path, MOST).await {
                Ok(Some(text)) if fingerprint::of_bytes(&text) == digest => {
                    if let Err(error) = texts.keep(digest, &text) {
                        tracing::warn!("{}", Diagnostic::from(&error).what);
                    }
                    return;
                }
                Ok(_) | Err(EngineError::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!("{path} of {} can't be read back: {}", container.name, Diagnostic::from(error).what);
                    return;
                }
            }
        }
    }
}

/// A mount hides what the image has there.
fn is_covered(container: &ObservedContainer, path: &str) -> bool {
    container.mounts.iter().any(|mount| mounts::inside(path, mount.target.trim_end_matches('/')))
}
