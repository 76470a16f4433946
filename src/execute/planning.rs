//! The plan of a run, with all its reasons: as it is carried out, and as `devbox plan` prints it.
//!
//! Beside what a look at the engine tells, a reason may need the packages that changed since an image was built, and the
//! configuration that a diverged container was made from. Both are looked up only where something differs: a run that finds
//! nothing to do asks nothing more.

use std::{collections::BTreeMap, sync::Arc};

use super::{Run, recall::recall_all};
use crate::{
    manifest::label,
    model::{ImageRef, MANIFESTS_LABEL, Observed, ObservedImage, Project, Sources},
    plan::{self, Plan, PlanError, Resume},
    settings::Texts,
};

/// Plans what reaching a run's goal takes, from what was observed.
///
/// # Errors
/// As [`plan::plan`].
pub async fn plan(run: &Run, observed: &mut Observed) -> Result<Plan, PlanError> {
    with_reasons(run, observed, plan::plan).await
}

/// Plans what is left of a run.
///
/// # Errors
/// As [`plan::plan_again`].
pub(super) async fn plan_again(run: &Run, observed: &mut Observed, resume: &Resume) -> Result<Plan, PlanError> {
    let again =
        |project: &_, observed: &_, sources: &_, goal: &_| plan::plan_again(project, observed, sources, goal, resume);
    with_reasons(run, observed, again).await
}

async fn with_reasons(
    run: &Run,
    observed: &mut Observed,
    make: impl Fn(&Project, &Observed, &Sources, &plan::Goal) -> Result<Plan, PlanError>,
) -> Result<Plan, PlanError> {
    let sources = since_built(run, observed).await;
    let plan = make(&run.project, observed, &sources, &run.goal)?;
    let diverged = plan.unexplained();
    if diverged.is_empty() {
        return Ok(plan);
    }
    run.engine.look_closely(&diverged, observed).await;
    make(&run.project, observed, &sources, &run.goal)
}

/// The sources, with what changed since the images were built as packages.
async fn since_built(run: &Run, observed: &Observed) -> Arc<Sources> {
    if run.sources.services.is_empty() {
        return Arc::clone(&run.sources);
    }
    let (sources, project, texts) = (Arc::clone(&run.sources), Arc::clone(&run.project), run.texts.clone());
    let images = observed.images.clone();
    if let Some(texts) = &texts {
        recall_all(&run.engine, &project, observed, &sources, texts).await;
    }
    // manifests that differ are read, which may take its time
    let explained =
        tokio::task::spawn_blocking(move || explained(Sources::clone(&sources), &project, &images, texts.as_ref()));
    explained.await.map_or_else(|_| Arc::clone(&run.sources), Arc::new)
}

fn explained(
    mut sources: Sources,
    project: &Project,
    images: &BTreeMap<ImageRef, ObservedImage>,
    texts: Option<&Texts>,
) -> Sources {
    for (name, declared) in &mut sources.services {
        let service = project.services.get(name);
        let image = service.and_then(|service| images.get(&service.image_name(&project.name)));
        let value = image.and_then(|image| image.labels.get(MANIFESTS_LABEL)).map(String::as_str);
        let old = |digest| texts.and_then(|texts| texts.get(digest).ok().flatten());
        let told = label::changes_since(value, declared, old).unwrap_or_default();
        declared.changes = label::package_changes(&told);
    }
    sources
}
