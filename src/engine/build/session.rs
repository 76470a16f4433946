//! The session: a connection over which the builder calls this program, for files, secrets, agents and credentials.
//!
//! It lives as long as the [`Session`] value. Dropping that closes the connection, upon which the builder ends the build.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use hyper_util::rt::TokioExecutor;
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::credentials::AuthService;
use super::error::BuildError;
use super::filesync::{FileSyncService, Source};
use super::secrets::SecretService;
use super::ssh::SshService;
use super::upgrade::upgrade;
use crate::build_context::error::ContextError;
use crate::engine::credentials::Credentials;
use crate::engine::transport::Transport;
use crate::model::{BuildEvent, SecretSource};

/// What a session offers to the builder.
pub(super) struct Offer {
    /// Folders by the names under which they are asked for.
    pub(super) sources: BTreeMap<String, Source>,
    /// Secrets by id.
    pub(super) secrets: BTreeMap<String, SecretSource>,
    /// Agents' sockets by id.
    pub(super) agents: BTreeMap<String, PathBuf>,
    /// What tells the builder that a folder is the one that it already has most of.
    pub(super) shared_key: String,
    /// Who the user is to registries.
    pub(super) credentials: Credentials,
}

/// An open session.
pub(super) struct Session {
    /// Its id, which the build is asked for with.
    pub(super) id: String,
    /// The first thing that went wrong in reading the context.
    pub(super) failures: mpsc::Receiver<ContextError>,
    _connection: AbortOnDropHandle<()>,
}

impl Session {
    /// Opens a session. Warnings of its services go to `events`.
    ///
    /// # Errors
    ///
    /// `Refused` when the engine has no sessions.
    pub(super) async fn open(
        transport: &Transport,
        offer: Offer,
        events: &mpsc::Sender<BuildEvent>,
    ) -> Result<Self, BuildError> {
        let id = random_id();
        let (failed, failures) = mpsc::channel(1);
        let (credentials, told) = (offer.credentials, events.clone());
        let auth = AuthService { credentials, events: told, warned: AtomicBool::new(false) };
        let mut headers = vec![
            ("X-Docker-Expose-Session-Uuid", id.clone()),
            ("X-Docker-Expose-Session-Name", "devbox".to_owned()),
            ("X-Docker-Expose-Session-Sharedkey", offer.shared_key),
        ];
        let mut methods = vec![
            "/grpc.health.v1.Health/Check",
            "/moby.filesync.v1.FileSync/DiffCopy",
            "/moby.filesync.v1.Auth/Credentials",
            "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        ];
        if !offer.agents.is_empty() {
            methods.extend(["/moby.sshforward.v1.SSH/CheckAgent", "/moby.sshforward.v1.SSH/ForwardAgent"]);
        }
        headers.extend(methods.into_iter().map(|method| ("X-Docker-Expose-Session-Grpc-Method", method.to_owned())));
        let io = upgrade(transport, "/session", &headers).await?;
        let routes = Routes::new(HealthServer::new(Alive))
            .add_service(FileSyncServer::new(FileSyncService { sources: offer.sources, failures: failed }))
            .add_service(SecretsServer::new(SecretService(offer.secrets)))
            .add_service(SshServer::new(SshService(offer.agents)))
            .add_service(AuthServer::new(auth));
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, TowerToHyperService::new(routes.prepare()));
        let served = async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the build session ended");
            }
        };
        Ok(Self { id, failures, _connection: AbortOnDropHandle::new(tokio::spawn(served)) })
    }
}

/// An id that nobody guesses: whoever knows it could ask the session for its secrets.
pub(super) fn random_id() -> String {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hasher keys come from the system's random source, new ones for each `RandomState` of a thread.
    let part = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

/// The builder asks now and then whether anybody is there.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        // 1 is SERVING.
        Ok(Response::new(HealthCheckResponse { status: 1 }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("only Check is answered"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only Check is answered"))
    }
}
