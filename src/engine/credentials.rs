//! Who we are to a registry: the docker client's `config.json` and its credential helpers. Read when needed, kept nowhere, never logged.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::json;

use super::{connect::read_settings, error::EngineError};

/// Docker Hub's name in the settings.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The registry in an image's name; `None` is Docker Hub (distribution/reference: a host has a dot or a port, or is localhost).
pub(super) fn registry_of(image: &str) -> Option<&str> {
    let (first, _) = image.split_once('/')?;
    let is_host = first.contains(['.', ':']) || first == "localhost";
    (is_host && !matches!(first, "docker.io" | "index.docker.io")).then_some(first)
}

/// The value of a pull's `X-Registry-Auth`; `None` where nothing is set, which is an anonymous pull.
pub(super) async fn header(docker_dir: Option<&Path>, image: &str) -> Result<Option<String>, EngineError> {
    let Some(folder) = docker_dir else { return Ok(None) };
    let Some(settings) = read_settings(&folder.join("config.json"))? else { return Ok(None) };
    let server = registry_of(image).unwrap_or(DOCKER_HUB).to_owned();
    let asked = server.clone();
    // A helper is a program that may ask a key ring.
    let credential =
        tokio::task::spawn_blocking(move || docker_credential::get_credential_from_reader(settings.as_slice(), &asked))
            .await
            .map_err(|error| failed(&server, &error))?;
    let value = match credential {
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            json!({ "username": username, "password": password, "serveraddress": server })
        }
        Ok(DockerCredential::IdentityToken(token)) => json!({ "identitytoken": token, "serveraddress": server }),
        Err(error) if is_none(&error) => return Ok(None),
        Err(error) => return Err(failed(&server, &error)),
    };
    Ok(Some(URL_SAFE.encode(value.to_string())))
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
    EngineError::Settings {
        what: format!("the credentials for {server} can't be had: {error}"),
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
        let header = header(Some(dir.path()), image).await.map_err(|error| error.to_string())?;
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
        assert_eq!(header(Some(Path::new("/nonexistent")), "busybox").await, Ok(None));
        let missing = check(r#"{"credHelpers":{"host:5000":"devbox-test-missing"}}"#, "host:5000/app").await;
        assert!(missing.unwrap_err().starts_with("the credentials for host:5000 can't be had"));
    }
}
