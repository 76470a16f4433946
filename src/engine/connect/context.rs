//! The docker client's contexts: named engines, in `contexts/meta/*/meta.json` of its folder.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::engine::error::EngineError;

/// A settings file has a few kB; one that is longer is none.
const SETTINGS_BYTES: u64 = 4 << 20;

/// The engine that a context names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) skip_verify: bool,
    /// The folder with its certificates, where it has some.
    pub(super) certificates: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    #[serde(default)]
    name: String,
    #[serde(default)]
    endpoints: Endpoints,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_verify: bool,
}

/// The folder of a context: the SHA-256 of its name (docker/cli, cli/context/store).
fn folder(name: &str) -> String {
    Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the context of this name. `because` says who named it.
pub(super) fn load(docker_dir: &Path, name: &str, because: &str) -> Result<Endpoint, EngineError> {
    let folder = folder(name);
    let path = docker_dir.join("contexts/meta").join(&folder).join("meta.json");
    let text = read(&path)?.ok_or_else(|| EngineError::Settings {
        what: format!("there is no context {name} (from {because})"),
        help: match names(docker_dir) {
            names if names.is_empty() => "`docker context ls` lists them; none was found".into(),
            names => format!("there are: default, {}", names.join(", ")),
        },
    })?;
    let broken = |why: String| EngineError::Settings {
        what: format!("context {name} can't be used: {why}"),
        help: format!("see {}", path.display()),
    };
    let meta: Meta = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    let endpoint = meta.endpoints.docker.ok_or_else(|| broken("it names no engine".into()))?;
    let certificates = docker_dir.join("contexts/tls").join(&folder).join("docker");
    Ok(Endpoint {
        host: endpoint.host,
        skip_verify: endpoint.skip_verify,
        certificates: certificates.is_dir().then_some(certificates),
    })
}

/// The names of all contexts, for a message.
fn names(docker_dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(docker_dir.join("contexts/meta")) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .take(100)
        .filter_map(|entry| read(&entry.path().join("meta.json")).ok().flatten())
        .filter_map(|text| serde_json::from_slice::<Meta>(&text).ok())
        .map(|meta| meta.name)
        .collect();
    names.sort();
    names
}

/// A settings file's bytes; `None` where there is none.
pub(in crate::engine) fn read(path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
    let failed = |error: std::io::Error| EngineError::File { path: path.into(), why: error.to_string() };
    match std::fs::metadata(path) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(failed(error)),
        Ok(metadata) if !metadata.is_file() || metadata.len() > SETTINGS_BYTES => {
            Err(EngineError::File { path: path.into(), why: "is not a settings file".into() })
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(failed),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes a context as the docker client does.
    pub(in crate::engine::connect) fn write(docker_dir: &Path, name: &str, host: &str) {
        let meta = docker_dir.join("contexts/meta").join(folder(name));
        std::fs::create_dir_all(&meta).unwrap();
        let text = format!(
            r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
        );
        std::fs::write(meta.join("meta.json"), text).unwrap();
    }

    #[test]
    fn finds_a_context_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "colima", "unix:///x/colima.sock");
        let endpoint = load(dir.path(), "colima", "-c").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.skip_verify), ("unix:///x/colima.sock", false));
        let error = load(dir.path(), "colina", "DOCKER_CONTEXT").unwrap_err().diagnostic().to_string();
        assert_eq!(error, "error: there is no context colina (from DOCKER_CONTEXT)\nhelp: there are: default, colima");
    }

    #[test]
    fn folders_are_named_as_the_docker_client_names_them() {
        assert_eq!(folder("default"), "37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f");
    }
}
