//! A build through BuildKit: a session for what the builder asks, a call that builds, and a stream that tells how far it is.

use std::time::Instant;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{ListWorkersRequest, SolveRequest, SolveResponse, StatusRequest};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tonic::transport::{Channel, Endpoint, Uri};

use super::Builder;
use super::error::BuildError;
use super::failure::{self, Said};
use super::progress::{PATIENCE, Progress};
use super::request::{BuildRequest, Prepared};
use super::session::{Offer, Session, random_id};
use super::solve::{HOST_GATEWAY, Solve};
use super::upgrade::upgrade;
use super::{secrets, ssh};
use crate::engine::transport::Transport;
use crate::model::{BuildEvent, BuildFailure, ImageId};

/// The longest status message that is read: output of all steps between two of them.
const MAX_MESSAGE: usize = 16 << 20;

/// How long the status stream may go on after the build has ended.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// How a build ended.
pub(super) type Outcome = Result<ImageId, BuildFailure>;

/// Builds. Events go out as they come; the last one is the caller's to send.
///
/// # Errors
///
/// There was no build: the request cannot be put into BuildKit's words, or the engine has no BuildKit (`Refused`).
pub(super) async fn build(
    builder: &Builder,
    request: &BuildRequest,
    prepared: &Prepared,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<Outcome, BuildError> {
    secrets::check(&request.secrets)?;
    let id = random_id();
    let mut solve = Solve::new(request, prepared, id.clone())?;
    let offer = Offer {
        sources: solve.sources,
        secrets: request.secrets.clone(),
        agents: ssh::agents(&request.build.ssh)?,
        shared_key: solve.shared_key,
        credentials: builder.credentials.clone(),
    };
    for warning in solve.warnings {
        let _ = events.send(BuildEvent::Warning(warning)).await;
    }
    let mut session = Session::open(&builder.transport, offer, events).await?;
    let mut control = control(&builder.transport, &session.id).await?;
    solve.request.session = session.id.clone();
    if let Some(hosts) = solve.request.frontend_attrs.get_mut("add-hosts").filter(|hosts| hosts.contains(HOST_GATEWAY))
    {
        *hosts = hosts.replace(HOST_GATEWAY, &host_gateway(&mut control).await?);
    }
    let mut progress = Progress::new(prepared.dockerfile.clone());
    let result = follow(control, solve.request, &mut progress, events).await;
    let answer = match result {
        Ok(answer) => answer,
        Err(status) => {
            let own = session.failures.try_recv().ok();
            return Ok(Err(failure::of_build(Said::read(&status, &progress), own, request, prepared)));
        }
    };
    // Every exporter of the engine gives the image's id as the digest of what it exported.
    let id = ["containerimage.digest", "containerimage.config.digest"]
        .iter()
        .find_map(|key| answer.exporter_response.get(*key))
        .ok_or_else(|| BuildError::Lost("the engine did not say which image it built".to_owned()))?;
    Ok(Ok(ImageId::from(id.as_str())))
}

async fn control(transport: &Transport, session: &str) -> Result<ControlClient<Channel>, BuildError> {
    let io = upgrade(transport, "/grpc", &[("X-Docker-Expose-Session-Uuid", session.to_owned())]).await?;
    let mut once = Some(io);
    let connector = tower::service_fn(move |_: Uri| {
        let io = once.take().ok_or_else(|| std::io::Error::other("the connection to the engine broke"));
        async move { io }
    });
    let channel = Endpoint::from_static("http://docker")
        .connect_with_connector(connector)
        .await
        .map_err(|error| BuildError::Lost(error.to_string()))?;
    Ok(ControlClient::new(channel).max_decoding_message_size(MAX_MESSAGE))
}

/// Asks for the build and passes its status on until both have ended.
async fn follow(
    mut control: ControlClient<Channel>,
    request: SolveRequest,
    progress: &mut Progress,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<SolveResponse, tonic::Status> {
    let mut status_client = control.clone();
    let status_request = StatusRequest { r#ref: request.r#ref.clone() };
    let told = async {
        let mut messages = match status_client.status(status_request).await {
            Ok(response) => response.into_inner(),
            // The build itself says what is wrong.
            Err(_) => return,
        };
        let mut tick = interval(PATIENCE);
        loop {
            let news = tokio::select! {
                message = messages.message() => match message {
                    Ok(Some(message)) => progress.take(message, Instant::now()),
                    Ok(None) | Err(_) => break,
                },
                _ = tick.tick() => progress.reveal(Instant::now()),
            };
            for event in news {
                // Nobody listens any more: the build is about to be dropped.
                if events.send(event).await.is_err() {
                    return;
                }
            }
        }
    };
    let answer = {
        tokio::pin!(told);
        let mut telling = true;
        let built = control.solve(request);
        tokio::pin!(built);
        let answer = loop {
            tokio::select! {
                answer = &mut built => break answer,
                () = &mut told, if telling => telling = false,
            }
        };
        if telling {
            // What is still under way belongs to this build; a stream that does not end is left.
            let _ = timeout(LAST_WORDS, told).await;
        }
        answer
    };
    for event in progress.finish() {
        let _ = events.send(event).await;
    }
    answer.map(tonic::Response::into_inner)
}

/// The address under which containers reach the engine's machine.
async fn host_gateway(control: &mut ControlClient<Channel>) -> Result<String, BuildError> {
    let workers = control.list_workers(ListWorkersRequest::default()).await;
    let workers = workers.map_err(|status| BuildError::Lost(status.message().to_owned()))?.into_inner();
    let label = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";
    workers.record.iter().find_map(|worker| worker.labels.get(label)).filter(|ip| !ip.is_empty()).cloned().ok_or_else(
        || {
            let what = "this engine's builder does not know `host-gateway`";
            BuildError::unsupported(what, "write the address itself under `build.extra_hosts`, or update the engine")
        },
    )
}
