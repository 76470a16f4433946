//! The builder asks who we are to the registries of base images and caches.

use std::sync::atomic::{AtomicBool, Ordering};

use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use docker_credential::DockerCredential;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use crate::{engine::credentials::Credentials, model::BuildEvent};

/// The service. It gives what is configured and fetches no tokens: the builder does that itself then.
pub(super) struct AuthService {
    /// The user's.
    pub(super) credentials: Credentials,
    /// Takes a warning where credentials are configured and cannot be had.
    pub(super) events: mpsc::Sender<BuildEvent>,
    /// The warning was given; the builder asks again and again.
    pub(super) warned: AtomicBool,
}

/// What is configured for a registry; nothing where nothing is.
///
/// # Errors
///
/// Why what is configured cannot be had, in words. The build then goes on without it, since most images need none; what the
/// registry says to that is shown.
pub(super) async fn credential(credentials: &Credentials, server: &str) -> Result<Option<DockerCredential>, String> {
    credentials.get(server).await.map_err(|error| format!("{error}, so none are used"))
}

#[tonic::async_trait]
impl Auth for AuthService {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        let answer = match credential(&self.credentials, &request.get_ref().host).await {
            Ok(Some(DockerCredential::UsernamePassword(username, secret))) => CredentialsResponse { username, secret },
            Ok(Some(DockerCredential::IdentityToken(secret))) => {
                CredentialsResponse { username: String::new(), secret }
            }
            Ok(None) => CredentialsResponse::default(),
            Err(warning) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    // Nobody listens any more when this fails.
                    let _ = self.events.send(BuildEvent::Warning(warning)).await;
                }
                CredentialsResponse::default()
            }
        };
        Ok(Response::new(answer))
    }

    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the builder"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the builder"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("tokens are fetched by the builder"))
    }
}
