//! Builds through the engine's API: BuildKit where the engine has it, else the classic builder.
//!
//! A build is a stream of [`BuildEvent`]s that ends with `Built` or `Failed`. Dropping the stream cancels the build, in the engine
//! too. Nothing is held in memory: BuildKit asks for the files that it lacks, the classic builder gets an archive that is made
//! while it is sent. Knows nothing of Compose beyond the meaning of `build:`; which labels and names an image gets, the caller
//! decides.

mod buildkit;
mod classic;
mod classic_output;
mod credentials;
mod error;
mod failure;
mod filesync;
mod progress;
mod request;
mod secrets;
mod session;
mod solve;
mod ssh;
mod upgrade;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;

use self::error::BuildError;
pub use self::request::BuildRequest;
use self::request::Prepared;
use crate::engine::{Engine, credentials::Credentials, transport::Transport};
use crate::model::{BuildEvent, BuildFailure};

/// Events that wait to be taken; the builder waits when they are full.
const QUEUE: usize = 256;

/// Builds images in one engine. Cloning shares what was found out about it.
#[derive(Clone, Debug)]
pub struct Builder {
    transport: Transport,
    credentials: Credentials,
    /// The engine has no BuildKit.
    classic: Arc<AtomicBool>,
}

impl Builder {
    /// A builder of this engine, with the credentials that it pulls with.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self { transport: engine.transport().clone(), credentials: engine.credentials(), classic: Arc::default() }
    }

    /// Starts a build. Must be called inside a tokio runtime.
    #[must_use]
    pub fn build(&self, request: BuildRequest) -> RunningBuild {
        let (sender, events) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(self.clone(), request, sender));
        RunningBuild { events, ended: false, _task: AbortOnDropHandle::new(task) }
    }
}

/// A build under way: a stream of its events. Dropping it cancels the build.
#[derive(Debug)]
pub struct RunningBuild {
    events: mpsc::Receiver<BuildEvent>,
    ended: bool,
    _task: AbortOnDropHandle<()>,
}

impl Stream for RunningBuild {
    type Item = BuildEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<BuildEvent>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let event = ready!(self.events.poll_recv(cx)).unwrap_or_else(|| {
            let message = "the build ended without a word: this is a bug of devbox".to_owned();
            BuildEvent::Failed(BuildFailure { message, ..BuildFailure::default() })
        });
        self.ended = matches!(event, BuildEvent::Built { .. } | BuildEvent::Failed(_));
        Poll::Ready(Some(event))
    }
}

async fn run(builder: Builder, request: BuildRequest, events: mpsc::Sender<BuildEvent>) {
    let start = Instant::now();
    let last = match builder.run(request, &events).await {
        Ok(image) => BuildEvent::Built { image, took: start.elapsed() },
        Err(failure) => BuildEvent::Failed(failure),
    };
    // Nobody listens any more when this fails.
    let _ = events.send(last).await;
}

impl Builder {
    async fn run(&self, request: BuildRequest, events: &mpsc::Sender<BuildEvent>) -> buildkit::Outcome {
        let asked = request.clone();
        let prepared = match tokio::task::spawn_blocking(move || Prepared::new(&asked)).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(error)) => return Err(failure::of_error(&error)),
            Err(error) => return Err(failure::of_error(&BuildError::Lost(error.to_string()))),
        };
        if !self.classic.load(Ordering::Relaxed) {
            match buildkit::build(self, &request, &prepared, events).await {
                Ok(outcome) => return outcome,
                Err(BuildError::Refused { status, message }) => {
                    tracing::info!(status, message, "the engine has no BuildKit: building with the classic builder");
                    self.classic.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(failure::of_error(&error)),
            }
        }
        match classic::build(self, &request, &prepared, events).await {
            Ok(outcome) => outcome,
            Err(error) => Err(failure::of_error(&error)),
        }
    }
}
