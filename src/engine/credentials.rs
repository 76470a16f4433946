//! Who we are to a registry: the docker client's `config.json` and its credential helpers, for pulls and builds. Read when
//! needed, kept nowhere, never logged.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::{Value, json};

use super::{connect::read_settings, error::EngineError};

/// Docker Hub's name in the settings.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The registry in an image's name; `None` is Docker Hub (distribution/reference: a host has a dot or a port, or is localhost).
pub(super) fn registry_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    let is_host = first.contains(['.', ':']) || first == "localhost";
    (is_host && !is_docker_hub(first)).then_some(first)
}

fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

/// What the settings call the registry of an image.
pub(super) fn server_of(image: &str) -> &str {
    registry_of(image).unwrap_or(DOCKER_HUB)
}

/// The docker client's settings, as far as they say who we are.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    docker_dir: Option<PathBuf>,
}

impl Credentials {
    /// Those in this folder.
    pub(super) fn of(docker_dir: Option<&Path>) -> Self {
        Self { docker_dir: docker_dir.map(Path::to_owned) }
    }

    /// What is set for a registry, by its name in the settings or its host; nothing where nothing is set.
    ///
    /// # Errors
    ///
    /// The settings can't be read, or a helper failed.
    pub(super) async fn get(&self, server: &str) -> Result<Option<DockerCredential>, EngineError> {
        let Some(folder) = &self.docker_dir else { return Ok(None) };
        let Some(settings) = read_settings(&folder.join("config.json"))? else { return Ok(None) };
        let server = if is_docker_hub(server) { DOCKER_HUB } else { server }.to_owned();
        let asked = server.clone();
        // A helper is a program that may ask a key ring.
        let get = move || docker_credential::get_credential_from_reader(settings.as_slice(), &asked);
        match tokio::task::spawn_blocking(get).await {
            Ok(Ok(credential)) => Ok(Some(credential)),
            Ok(Err(error)) if is_none(&error) => Ok(None),
            Ok(Err(error)) => Err(failed(&server, &error)),
            Err(error) => Err(failed(&server, &error)),
        }
    }

    /// The value of a pull's `X-Registry-Auth`; `None` where nothing is set, which is an anonymous pull.
    ///
    /// # Errors
    ///
    /// As [`Credentials::get`].
    pub(super) async fn header(&self, image: &str) -> Result<Option<String>, EngineError> {
        let server = server_of(image);
        let Some(credential) = self.get(server).await? else { return Ok(None) };
        let mut value = entry(credential);
        value["serveraddress"] = server.into();
        Ok(Some(URL_SAFE.encode(value.to_string())))
    }
}

/// A credential as the engine takes it.
pub(super) fn entry(credential: DockerCredential) -> Value {
    match credential {
        DockerCredential::UsernamePassword(username, password) => json!({ "username": username, "password": password }),
        DockerCredential::IdentityToken(token) => json!({ "identitytoken": token }),
    }
}

/// Nothing is set for that registry; helpers say so in words (docker-credential-helpers, credentials/error.go).
fn is_none(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound => true,
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
            [stdout, stderr].iter().any(|text| text.contains("credentials not found"))
        }
        _ => false,
    }
}

fn failed(server: &str, error: &dyn std::fmt::Display) -> EngineError {
    let error = error.to_string();
    let words: Vec<&str> = error.split_whitespace().collect();
    EngineError::Settings {
        what: format!("the credentials for {server} can't be had: {}", words.join(" ")),
        help: "see `credsStore` and `credHelpers` in the docker client's config.json, or log in again".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_registry() {
        for (image, expected) in [
            ("busybox", None),
            ("team/app:1", None),
            ("docker.io/library/busybox", None),
            ("localhost/app", Some("localhost")),
            ("host:5000/app", Some("host:5000")),
            ("ghcr.io/team/app@sha256:1", Some("ghcr.io")),
        ] {
            assert_eq!(registry_of(image), expected, "{image}");
        }
    }

    async fn check(config: &str, image: &str) -> Result<Option<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let header = Credentials::of(Some(dir.path())).header(image).await.map_err(|error| error.to_string())?;
        Ok(header.map(|header| String::from_utf8(URL_SAFE.decode(header).unwrap()).unwrap()))
    }

    #[tokio::test]
    async fn reads_what_docker_login_writes() {
        let config =
            r#"{"auths":{"host:5000":{"auth":"bWU6c2VjcmV0"},"https://index.docker.io/v1/":{"auth":"aHViOnB3"}}}"#;
        assert_eq!(
            check(config, "host:5000/app").await.unwrap().unwrap(),
            r#"{"username":"me","password":"secret","serveraddress":"host:5000"}"#
        );
        assert!(check(config, "busybox").await.unwrap().unwrap().contains(r#""username":"hub""#));
        assert_eq!(check(config, "ghcr.io/app").await, Ok(None));
        assert_eq!(check("{}", "busybox").await, Ok(None));
        assert_eq!(Credentials::of(Some(Path::new("/nonexistent"))).header("busybox").await, Ok(None));
        let missing = check(r#"{"credHelpers":{"host:5000":"devbox-test-missing"}}"#, "host:5000/app").await;
        assert!(missing.unwrap_err().starts_with("the credentials for host:5000 can't be had"));
    }
}
