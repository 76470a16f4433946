//! The manifests of a build, read when it begins and again when it has ended, so that the image's label never lies: it names
//! what was there when the build began, and a file that changed meanwhile is reported.

use crate::{
    manifest::{Reader, discover, label},
    model::{Build, Diagnostic, ServiceSources},
    plan::BuildImage,
    settings::Texts,
};

/// What a build's manifests are now; their texts are kept, so that a later change of them shows as packages.
pub(super) async fn read(build: &Build, texts: Option<&Texts>) -> ServiceSources {
    let (build, texts) = (build.clone(), texts.cloned());
    let read = tokio::task::spawn_blocking(move || {
        let sources = discover(&build, &mut Reader::new()).sources;
        if let Some(texts) = texts {
            keep(&sources, &texts);
        }
        sources
    });
    read.await.unwrap_or_default()
}

fn keep(sources: &ServiceSources, texts: &Texts) {
    for (digest, text) in label::texts(sources) {
        if let Err(error) = texts.keep(digest, &text) {
            tracing::warn!("{}", Diagnostic::from(&error).what);
            return;
        }
    }
}

/// Says which manifests changed while an image was built.
pub(super) fn moved(image: &BuildImage, before: &ServiceSources, after: &ServiceSources) -> Option<Diagnostic> {
    let value = crate::model::manifests_label(before);
    let label::Standing::Changed(differences) = label::compare(Some(&value), after) else { return None };
    let names: Vec<_> = differences.iter().map(|difference| difference.name.as_str()).collect();
    let services: Vec<_> = image.services.iter().map(|service| service.as_str()).collect();
    let what = format!("{} changed while {} was built", names.join(", "), services.join(", "));
    Some(
        Diagnostic::warning(what)
            .note("the image may have been built from either")
            .help(format!("`devbox rebuild {}` builds it again", services.join(" "))),
    )
}
