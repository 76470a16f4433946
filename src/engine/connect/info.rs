//! What an engine says about itself in the headers of its first answer.

use std::{fmt, str::FromStr};

use http::HeaderMap;

use crate::engine::transport::Transport;

use super::candidates::{Candidate, Found};

/// A version of the Engine API: `1.51`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// 1 so far.
    pub major: u32,
    /// Of that.
    pub minor: u32,
}

impl ApiVersion {
    /// Docker 23: a terminal's size at the start of a command.
    pub(in crate::engine) const V1_42: Self = Self { major: 1, minor: 42 };
    /// Docker 25 and later: several networks, start intervals and endpoint MAC addresses at creation.
    pub(in crate::engine) const V1_44: Self = Self { major: 1, minor: 44 };
    /// Docker 26: folders of volumes.
    pub(in crate::engine) const V1_45: Self = Self { major: 1, minor: 45 };
    /// Docker 28: images as mounts.
    pub(in crate::engine) const V1_48: Self = Self { major: 1, minor: 48 };
    /// Docker 28.1: names of interfaces.
    pub(in crate::engine) const V1_49: Self = Self { major: 1, minor: 49 };
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self { major: major.parse().map_err(|_| ())?, minor: minor.parse().map_err(|_| ())? })
    }
}

/// Whose engine it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineKind {
    /// Docker Engine, also inside Desktop, Colima, OrbStack, Rancher Desktop.
    Docker,
    /// Podman's service.
    Podman,
    /// Something else that speaks the API, as it calls itself.
    Other(String),
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Other(name) => name,
        })
    }
}

/// The engine that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Whose.
    pub kind: EngineKind,
    /// Its own version: `28.5.2`.
    pub version: String,
    /// The newest API version that it offers.
    pub api_version: ApiVersion,
    /// Its address: `unix:///var/run/docker.sock`.
    pub address: String,
    /// How it is reached, in a word: `unix`, `tcp`, `tls`, `ssh`.
    pub carrier: &'static str,
    /// Who named it.
    pub found: Found,
    /// Of its containers: `linux`, `windows`.
    pub os: String,
    /// It can build with BuildKit.
    pub has_buildkit: bool,
}

impl EngineInfo {
    /// `docker 28.5`: kind and version without the patch level.
    pub fn title(&self) -> String {
        let mut parts = self.version.split('.');
        match (parts.next(), parts.next()) {
            (Some(major), Some(minor)) if !major.is_empty() => format!("{} {major}.{minor}", self.kind),
            _ => self.kind.to_string(),
        }
    }

    /// As the header shows it: `docker 28.5 · unix`, with the context where one was chosen.
    pub fn header(&self) -> String {
        match &self.found {
            Found::Context { name, .. } => format!("{} · {} · {name}", self.title(), self.carrier),
            Found::Usual(product) if !matches!(*product, "Docker" | "Podman") => {
                format!("{} · {} · {product}", self.title(), self.carrier)
            }
            _ => format!("{} · {}", self.title(), self.carrier),
        }
    }
}

/// Reads the headers of `/_ping`; `None` where they are not an engine's.
pub(super) fn read(candidate: &Candidate, headers: &HeaderMap) -> Option<EngineInfo> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let api_version: ApiVersion = header("Api-Version").parse().ok()?;
    // `Docker/28.5.2 (linux)`, `Libpod/4.3.1 (linux)`.
    let server = header("Server").split_whitespace().next().unwrap_or_default();
    let (name, version) = server.split_once('/').unwrap_or((server, ""));
    let kind = match name {
        _ if headers.contains_key("Libpod-Api-Version") => EngineKind::Podman,
        "Docker" => EngineKind::Docker,
        "" => EngineKind::Other("engine".into()),
        name => EngineKind::Other(name.to_ascii_lowercase()),
    };
    // Distributions put a `+dfsg1` behind it.
    let version = version.split(['+', '-']).next().unwrap_or_default().to_owned();
    let os = match header("Ostype") {
        "" => "linux",
        os => os,
    };
    // Engines before 23 offer BuildKit without saying so here: they name the builder that clients should prefer.
    let has_buildkit = kind != EngineKind::Podman && os == "linux";
    Some(EngineInfo {
        version,
        api_version,
        address: candidate.address.clone(),
        carrier: match candidate.transport {
            Transport::Unix(_) => "unix",
            Transport::Tcp(_) => "tcp",
            Transport::Tls(..) => "tls",
            Transport::Ssh(_) => "ssh",
        },
        found: candidate.found.clone(),
        os: os.into(),
        has_buildkit,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(found: Found, headers: &[(&'static str, &str)]) -> Option<EngineInfo> {
        let candidate =
            Candidate { found, address: "unix:///x.sock".into(), transport: Transport::Unix("/x.sock".into()) };
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        read(&candidate, &headers)
    }

    #[test]
    fn tells_engines_apart() {
        let docker = info(
            Found::Usual("Docker"),
            &[("api-version", "1.51"), ("server", "Docker/28.5.2+dfsg4 (linux)"), ("ostype", "linux")],
        )
        .unwrap();
        assert_eq!((docker.header().as_str(), docker.version.as_str()), ("docker 28.5 · unix", "28.5.2"));
        assert!(docker.has_buildkit);
        let podman = info(
            Found::Context { name: "box".into(), by: "-c" },
            &[("api-version", "1.41"), ("server", "Libpod/4.3.1 (linux)"), ("libpod-api-version", "4.3.1")],
        )
        .unwrap();
        assert_eq!(podman.header(), "podman 4.3 · unix · box");
        assert!(!podman.has_buildkit);
        assert_eq!(info(Found::Flag, &[("server", "nginx")]), None);
    }
}
