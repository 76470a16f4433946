//! Building and pulling, with their progress as reports. Dropping either ends it in the engine too.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use super::{
    Progress, PullProgress, StepResult, manifests,
    step::{Means, Reporter, StepError},
};
use crate::{
    engine::{
        Engine,
        build::{BuildRequest, Builder},
    },
    model::{BuildEvent, ImageRef, LayerState, MANIFESTS_LABEL, PullEvent, manifests_label},
    plan::BuildImage,
};

/// Builds an image under all its names.
///
/// # Errors
/// The builder's own, with the failing instruction's place in the Dockerfile.
pub(super) async fn build(means: &Means, mut image: BuildImage, report: &Reporter) -> Result<StepResult, StepError> {
    // as the file says it: the builder's is changed by flags, and by the images of other services
    let declared = image.services.first().and_then(|service| means.project.services.get(service));
    let Some(declared) = declared.and_then(|service| service.build.as_ref()) else { return Ok(StepResult::Unneeded) };
    let manifests = manifests::read(declared, means.texts.as_ref()).await;
    if let Some(label) = image.labels.get_mut(MANIFESTS_LABEL) {
        *label = manifests_label(&manifests);
    }
    let built = build_once(means, image.clone(), report).await?;
    let now = manifests::read(declared, means.texts.as_ref()).await;
    if let Some(moved) = manifests::moved(&image, &manifests, &now) {
        report.warn(moved).await;
    }
    Ok(built)
}

async fn build_once(means: &Means, image: BuildImage, report: &Reporter) -> Result<StepResult, StepError> {
    let Means { engine, project, .. } = means;
    let name = image.tags.first().cloned().unwrap_or_else(|| ImageRef::from(""));
    let before = engine.image(&name).await?.map(|image| image.id);
    let mut build = *image.build;
    if build.platforms.is_empty() {
        build.platforms.extend(image.platform);
    }
    let secrets = build
        .secrets
        .iter()
        .filter_map(|secret| Some((secret.id.clone(), project.secrets.get(&secret.source)?.clone())))
        .collect();
    let request = BuildRequest {
        names: image.tags.iter().map(ToString::to_string).collect(),
        labels: image.labels,
        secrets,
        build,
    };
    let mut events = Builder::new(engine).build(request);
    let mut ended = Err(StepError::Cancelled);
    while let Some(event) = events.next().await {
        match &event {
            BuildEvent::Built { image, .. } => {
                ended = Ok(StepResult::Image { name: name.clone(), changed: before.as_ref() != Some(image) });
            }
            BuildEvent::Failed(failure) => ended = Err(failure.diagnostic(name.as_str()).into()),
            _ => {}
        }
        report.progress(Progress::Build(event)).await;
    }
    ended
}

/// Pulls an image.
///
/// # Errors
/// The registry's or the engine's.
pub(super) async fn pull(
    engine: &Engine,
    image: &ImageRef,
    platform: Option<&str>,
    report: &Reporter,
) -> Result<StepResult, StepError> {
    let mut events = engine.pull(image, platform);
    let mut layers: BTreeMap<String, (u64, u64, bool)> = BTreeMap::new();
    let mut changed = true;
    while let Some(event) = events.next().await {
        match event? {
            PullEvent::Layer { id, state } => {
                let (_, total, _) = layers.get(&id).copied().unwrap_or_default();
                let layer = match state {
                    LayerState::Waiting | LayerState::Retrying => (0, total, false),
                    LayerState::Downloading { current, total } => (current, total, false),
                    LayerState::Downloaded | LayerState::Extracting { .. } => (total, total, false),
                    LayerState::Done | LayerState::AlreadyThere => (total, total, true),
                };
                layers.insert(id, layer);
                report.progress(Progress::Pull(progress(&layers))).await;
            }
            PullEvent::Done { up_to_date, .. } => changed = !up_to_date,
        }
    }
    Ok(StepResult::Image { name: image.clone(), changed })
}

fn progress(layers: &BTreeMap<String, (u64, u64, bool)>) -> PullProgress {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    PullProgress {
        layers_done: count(layers.values().filter(|(_, _, done)| *done).count()),
        layers: count(layers.len()),
        bytes: layers.values().map(|(bytes, _, _)| bytes).sum(),
        total: layers.values().map(|(_, total, _)| total).sum(),
    }
}
