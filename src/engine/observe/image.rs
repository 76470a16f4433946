//! Images by their names, as far as a project needs to know of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, future, stream};

use crate::model::{ByteSize, ImageId, ImageRef, ObservedImage};

use super::{
    super::{
        Engine,
        error::{EngineError, Subject},
        http::escape_image,
        wire,
    },
    CONCURRENT,
    moment::timestamp,
};

impl Engine {
    /// Those of these images that the engine has.
    ///
    /// # Errors
    ///
    /// Any failure but that an image is not there.
    pub async fn images_named(
        &self,
        names: BTreeSet<ImageRef>,
    ) -> Result<BTreeMap<ImageRef, ObservedImage>, EngineError> {
        stream::iter(names)
            .map(|name| async move { Ok(self.image(&name).await?.map(|image| (name, image))) })
            .buffer_unordered(CONCURRENT)
            .try_filter_map(future::ok)
            .try_collect()
            .await
    }

    /// An image by its name or id; `None` where the engine has none.
    ///
    /// # Errors
    ///
    /// Any failure but that it is not there.
    pub async fn image(&self, name: &ImageRef) -> Result<Option<ObservedImage>, EngineError> {
        let path = format!("/images/{}/json", escape_image(name.as_str()));
        match self.client().get::<wire::InspectedImage>(&path, Subject::Image(name.as_str())).await {
            Ok(image) => Ok(Some(from_image(image))),
            Err(EngineError::NoSuchImage { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn from_image(image: wire::InspectedImage) -> ObservedImage {
    let mut platform = format!("{}/{}", image.os, image.architecture);
    if !image.variant.is_empty() {
        platform = format!("{platform}/{}", image.variant);
    }
    ObservedImage {
        id: ImageId::from(with_algorithm(image.id)),
        created: image.created.as_deref().and_then(timestamp),
        tagged: image.metadata.last_tag_time.as_deref().and_then(timestamp),
        size: ByteSize(u64::try_from(image.size).unwrap_or(0)),
        labels: image.config.labels,
        volumes: image.config.volumes.into_keys().collect(),
        user: image.config.user,
        platform,
    }
}

/// Podman leaves `sha256:` out in some places.
pub(in crate::engine) fn with_algorithm(id: String) -> String {
    if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) { format!("sha256:{id}") } else { id }
}
