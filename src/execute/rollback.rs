//! The way back to the container that a guarded recreate replaced.

use super::step::Means;
use crate::{engine::EngineError, model::ContainerId, plan::Rollback};

/// Brings the old container back: takes the new one away, gives the image and the old one their names back, starts it.
/// Each part that is so already is skipped, so that it does not matter how far the recreate had come.
///
/// # Errors
/// The first refusal of the engine's; what was done until then stays done.
pub(super) async fn roll_back(
    means: &Means,
    rollback: &Rollback,
    new: Option<ContainerId>,
    old: &ContainerId,
) -> Result<(), EngineError> {
    let engine = &means.engine;
    if let Some(new) = &new {
        engine.remove(new, true, true).await?;
    }
    if let Some((image, name)) = &rollback.image {
        engine.tag_image(image, name).await?;
    }
    let detail = engine.inspect(old).await?;
    if detail.container.name != rollback.old.name {
        engine.rename(old, &rollback.old.name).await?;
    }
    if rollback.start && detail.pid.is_none() {
        engine.start(old).await?;
    }
    Ok(())
}
