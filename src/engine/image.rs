//! Images: listing, tags, removal. One image by name is [`Engine::image`], with the observation; building and pulling are elsewhere.

use bollard::query_parameters::{RemoveImageOptions, TagImageOptions};

use crate::model::{ByteSize, ImageId, ImageRef, Timestamp};

use super::{
    Engine,
    error::{EngineError, Subject},
    http::escape_image,
    wire,
};

/// An image of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// Its id.
    pub id: ImageId,
    /// Its names, `REPOSITORY:TAG`.
    pub tags: Vec<String>,
    /// When it was built.
    pub created: Timestamp,
    /// Size with all its layers.
    pub size: ByteSize,
    /// Its labels.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// What a removal took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovedImage {
    /// A name.
    Untagged(String),
    /// An image or layer, by its id.
    Deleted(String),
}

impl Engine {
    /// All images with a name.
    ///
    /// # Errors
    ///
    /// Any failure of the listing.
    pub async fn images(&self) -> Result<Vec<ImageSummary>, EngineError> {
        let listed: Vec<wire::ListedImage> = self.client().get("/images/json", Subject::Engine("list images")).await?;
        Ok(listed
            .into_iter()
            .map(|image| ImageSummary {
                id: ImageId::from(super::observe::with_algorithm(image.id)),
                tags: image.repo_tags.into_iter().filter(|tag| tag != "<none>:<none>").collect(),
                created: Timestamp(image.created.saturating_mul(1_000_000_000)),
                size: ByteSize(u64::try_from(image.size).unwrap_or(0)),
                labels: image.labels,
            })
            .collect())
    }

    /// Gives an image another name.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchImage`] when it is not there.
    pub async fn tag_image(&self, image: &ImageId, name: &ImageRef) -> Result<(), EngineError> {
        let (repository, tag) = split(name.as_str());
        let options = TagImageOptions { repo: Some(repository.into()), tag: Some(tag.into()) };
        let result = self.docker().tag_image(image.as_str(), Some(options)).await;
        result.map_err(|error| self.client().bollard(error, Subject::Image(image.as_str())))
    }

    /// Takes a name away, and the image with its last one. One that is gone is no error.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] while a container uses it.
    pub async fn remove_image(&self, name: &str) -> Result<Vec<RemovedImage>, EngineError> {
        match self.docker().remove_image(&escape_image(name), None::<RemoveImageOptions>, None).await {
            Ok(removed) => Ok(removed
                .into_iter()
                .filter_map(|item| match (item.untagged, item.deleted) {
                    (Some(name), _) => Some(RemovedImage::Untagged(name)),
                    (None, Some(id)) => Some(RemovedImage::Deleted(id)),
                    (None, None) => None,
                })
                .collect()),
            Err(error) => match self.client().bollard(error, Subject::Image(name)) {
                error if error.is_not_found() => Ok(Vec::new()),
                error => Err(error),
            },
        }
    }
}

/// Repository and tag of a name; `latest` where there is none. A digest is part of the repository.
pub(super) fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') && !name.contains('@') => (repository, tag),
        _ => (name, if name.contains('@') { "" } else { "latest" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names() {
        for (name, expected) in [
            ("busybox", ("busybox", "latest")),
            ("busybox:1.36", ("busybox", "1.36")),
            ("host:5000/team/app", ("host:5000/team/app", "latest")),
            ("host:5000/team/app:1", ("host:5000/team/app", "1")),
            ("app@sha256:12", ("app@sha256:12", "")),
        ] {
            assert_eq!(split(name), expected);
        }
    }
}
