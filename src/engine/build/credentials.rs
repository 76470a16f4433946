//! The user's registry credentials, for base images and caches: `~/.docker/config.json` and the helpers that it names.

use std::sync::atomic::{AtomicBool, Ordering};

use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use crate::model::BuildEvent;

/// How Docker Hub is called in the configuration.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The service. It gives what is configured and fetches no tokens: the builder does that itself then.
pub(super) struct AuthService {
    /// Takes a warning where credentials are configured and cannot be had.
    pub(super) events: mpsc::Sender<BuildEvent>,
    /// The warning was given; the builder asks again and again.
    pub(super) warned: AtomicBool,
}

/// The key of the registry that an image's name points to.
pub(super) fn registry_key(image: &str) -> String {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => HUB_KEY.to_owned(),
            host => host.to_owned(),
        },
        _ => HUB_KEY.to_owned(),
    }
}

/// What is configured for a registry; nothing where nothing is.
///
/// # Errors
///
/// Why what is configured cannot be had, in words: the helper failed, the file is broken. The build then goes on without it, since
/// most images need none; what the registry says to that is shown.
pub(super) async fn credential(host: &str) -> Result<Option<DockerCredential>, String> {
    let key = match host {
        "registry-1.docker.io" | "index.docker.io" | "docker.io" => HUB_KEY.to_owned(),
        other => other.to_owned(),
    };
    // A helper is a process that is waited for.
    match tokio::task::spawn_blocking(move || docker_credential::get_credential(&key)).await {
        Ok(Ok(credential)) => Ok(Some(credential)),
        Ok(Err(error)) if is_none(&error) => Ok(None),
        Ok(Err(error)) => Err(warning(host, &error)),
        Err(error) => Err(warning(host, &error)),
    }
}

fn warning(host: &str, error: &dyn std::fmt::Display) -> String {
    let error = error.to_string();
    let words: Vec<&str> = error.split_whitespace().collect();
    format!("the credentials for {host} cannot be had, so none are used: {}", words.join(" "))
}

/// Nothing is configured. Helpers say so in words.
fn is_none(error: &CredentialRetrievalError) -> bool {
    use CredentialRetrievalError as Error;
    match error {
        Error::NoCredentialConfigured | Error::ConfigNotFound => true,
        // The file is not there, or not readable: docker's own client goes on without it, too.
        Error::ConfigReadError => true,
        Error::HelperFailure { stdout, stderr, .. } => {
            [stdout, stderr].iter().any(|s| s.contains("credentials not found"))
        }
        _ => false,
    }
}

#[tonic::async_trait]
impl Auth for AuthService {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        let answer = match credential(&request.get_ref().host).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_images_registry() {
        for (image, key) in [
            ("busybox", HUB_KEY),
            ("team/app:1", HUB_KEY),
            ("docker.io/library/x", HUB_KEY),
            ("localhost/x", "localhost"),
            ("r.example.com:5000/a/b", "r.example.com:5000"),
        ] {
            assert_eq!(registry_key(image), key, "{image}");
        }
    }
}
