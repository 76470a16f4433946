//! Pulls, with their progress as plain events.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderValue, Method};
use serde::Deserialize;

use crate::model::{ImageRef, LayerState, PullEvent};

use super::{
    Engine,
    error::{EngineError, Subject, classify},
    http::escape,
    image::split,
    stream::json_lines,
};

/// Until a registry has said anything: the engine itself tries several times.
const FIRST_WORD: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    #[serde(default)]
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    progress_detail: Option<Progress>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_detail: Option<ErrorDetail>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize, Default)]
struct Progress {
    #[serde(default)]
    current: u64,
    #[serde(default)]
    total: u64,
}

impl Engine {
    /// Pulls an image, with the credentials of the docker client's settings. The stream ends after [`PullEvent::Done`], or with an error.
    /// Dropping it cancels the pull.
    ///
    /// Errors are [`EngineError::NoSuchImage`], [`EngineError::PullDenied`], [`EngineError::Registry`], or a lost connection.
    pub fn pull(&self, image: &ImageRef, platform: Option<&str>) -> BoxStream<'static, Result<PullEvent, EngineError>> {
        let engine = self.clone();
        let (image, platform) = (image.clone(), platform.map(ToOwned::to_owned));
        async_stream::try_stream! {
            let name = image.as_str();
            let messages = engine.pull_messages(name, platform.as_deref()).await?;
            futures_util::pin_mut!(messages);
            let (mut fetched, mut digest) = (false, None);
            while let Some(message) = messages.next().await {
                let message = message?;
                let failed = message.error_detail.map(|detail| detail.message).or(message.error);
                if let Some(failed) = failed {
                    Err(classify(500, &failed, Subject::Image(name)))?;
                }
                if let Some(found) = message.status.strip_prefix("Digest: ") {
                    digest = Some(found.to_owned());
                }
                fetched |= message.status.contains("Downloaded newer image");
                if let Some(state) = layer_state(&message.status, &message.progress_detail.unwrap_or_default())
                    && !message.id.is_empty()
                {
                    fetched |= state == LayerState::Done;
                    yield PullEvent::Layer { id: message.id, state };
                }
            }
            yield PullEvent::Done { up_to_date: !fetched, digest };
        }
        .boxed()
    }

    async fn pull_messages(
        &self,
        name: &str,
        platform: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Message, EngineError>> + Send + use<>, EngineError> {
        // A digest goes where a tag would; without either the engine would pull every tag.
        let (repository, tag) = name.split_once('@').unwrap_or_else(|| split(name));
        let mut path = format!("/images/create?fromImage={}&tag={}", escape(repository), escape(tag));
        if let Some(platform) = platform {
            path.push_str(&format!("&platform={}", escape(platform)));
        }
        let mut request = self.client().request(Method::POST, &path)?;
        if let Some(header) = self.credentials().header(name).await? {
            let value = HeaderValue::from_str(&header)
                .map_err(|error| EngineError::Protocol { what: "credentials".into(), why: error.to_string() })?;
            request.headers_mut().insert("X-Registry-Auth", value);
        }
        let response = self.client().send(request, FIRST_WORD, Subject::Image(name)).await?;
        Ok(json_lines(self.client().clone(), response, "pull"))
    }
}

/// The state in an engine's word for it (moby, pkg/streamformatter and distribution/xfer).
fn layer_state(status: &str, progress: &Progress) -> Option<LayerState> {
    let Progress { current, total } = *progress;
    match status {
        "Pulling fs layer" | "Waiting" => Some(LayerState::Waiting),
        "Downloading" => Some(LayerState::Downloading { current, total }),
        "Verifying Checksum" | "Download complete" => Some(LayerState::Downloaded),
        "Extracting" => Some(LayerState::Extracting { current, total }),
        "Pull complete" => Some(LayerState::Done),
        "Already exists" => Some(LayerState::AlreadyThere),
        _ if status.starts_with("Retrying in") => Some(LayerState::Retrying),
        _ => None,
    }
}
