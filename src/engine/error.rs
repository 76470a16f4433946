//! What goes wrong between us and the engine, and what to do about it.
//!
//! One enum; [`classify`] turns an engine's answer into one of its kinds, so that nobody else looks at status codes or at an
//! engine's wording. Every kind becomes a [`Diagnostic`] with help.

use std::{path::PathBuf, time::Duration};

use crate::model::{Diagnostic, PublishedPort};

mod answer;

pub(super) use answer::{Subject, classify};

/// One address that was tried, and why it didn't answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// As shown: `unix:///var/run/docker.sock`.
    pub address: String,
    /// Who named it: `DOCKER_HOST`, `context colima`; empty for the usual places.
    pub because: String,
    /// Why it didn't answer.
    pub failure: Failure,
}

/// Why an address doesn't answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// There is no such socket.
    Missing,
    /// It may not be opened by this user.
    Denied,
    /// Nobody listens.
    Refused,
    /// No answer in time.
    TimedOut,
    /// Something else: a name that doesn't resolve, a certificate that isn't trusted, ssh's own words.
    Other(String),
}

impl Failure {
    /// What the system's error means.
    pub(super) fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied, TimedOut};
        match error.kind() {
            NotFound => Self::Missing,
            PermissionDenied => Self::Denied,
            ConnectionRefused => Self::Refused,
            TimedOut => Self::TimedOut,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "not there",
            Self::Denied => "permission denied",
            Self::Refused => "nobody listens (is the engine started?)",
            Self::TimedOut => "no answer in time",
            Self::Other(text) => text,
        })
    }
}

/// What failed between us and the engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No engine answers at any address.
    #[error("no container engine answers")]
    NotReachable {
        /// What was tried, in order.
        tried: Vec<Tried>,
    },
    /// What names an engine can't be used: an unknown context, a malformed address, a certificate that can't be read.
    #[error("{what}")]
    Settings {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
    /// It answered before and doesn't any more, or a stream from it broke off.
    #[error("the engine at {address} went away: {why}")]
    Lost {
        /// Where it was.
        address: String,
        /// The connection's own words.
        why: String,
    },
    /// The engine is there and doesn't answer.
    #[error("the engine did not answer within {after:?} ({what})")]
    Timeout {
        /// What was asked of it.
        what: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// No such container, network, volume or exec.
    #[error("there is no {kind} {name}")]
    NotFound {
        /// `container`, `network`, `volume`.
        kind: &'static str,
        /// Its name or id, as asked for.
        name: String,
    },
    /// The container name is taken.
    #[error("the name {name} is already in use by a container")]
    NameInUse {
        /// The name.
        name: String,
        /// The id of the container that has it, where the engine says so.
        by: Option<String>,
    },
    /// The state of the container doesn't allow it.
    #[error("{message}")]
    Conflict {
        /// The engine's words.
        message: String,
    },
    /// A port to be published is taken.
    #[error("port {} on {} is taken", port.host_port.unwrap_or_default(), shown_ip(&port.host_ip))]
    PortTaken {
        /// Which, as far as the engine says: address, port, protocol; the container's port is 0 where it doesn't say.
        port: PublishedPort,
        /// The engine's words.
        message: String,
    },
    /// The engine doesn't have the image, or its registry doesn't.
    #[error("there is no image {image}")]
    NoSuchImage {
        /// As asked for.
        image: String,
        /// The engine's words.
        message: String,
    },
    /// The registry refuses.
    #[error("image {image} can't be pulled: access denied")]
    PullDenied {
        /// As asked for.
        image: String,
        /// The engine's words.
        message: String,
    },
    /// The registry can't be reached, or not now.
    #[error("image {image} can't be pulled: {message}")]
    Registry {
        /// As asked for.
        image: String,
        /// The engine's words.
        message: String,
        /// Trying again later may help.
        temporary: bool,
    },
    /// A volume can't be removed.
    #[error("volume {volume} is in use")]
    VolumeInUse {
        /// Its name.
        volume: String,
        /// Ids of the containers that use it, where the engine says so.
        by: Vec<String>,
    },
    /// A network can't be removed.
    #[error("network {network} is in use")]
    NetworkInUse {
        /// Its name or id.
        network: String,
        /// Names of the containers that are on it, where the engine says so.
        by: Vec<String>,
    },
    /// This engine can't do it.
    #[error("{what}")]
    Unsupported {
        /// What can't be done.
        what: String,
        /// Which engine can.
        help: String,
    },
    /// The service asks for something that can't be handed to an engine.
    #[error("{what}")]
    Spec {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
    /// A file of this machine can't be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// Any other refusal of the engine's.
    #[error("{message}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// What the engine sent can't be understood.
    #[error("the engine's answer can't be read ({what}): {why}")]
    Protocol {
        /// What was asked of it.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

fn shown_ip(ip: &str) -> &str {
    if ip.is_empty() { "all interfaces" } else { ip }
}

impl EngineError {
    /// The engine itself is gone or hangs: what was asked may be asked again once it is back.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Timeout { .. } | Self::NotReachable { .. })
    }

    /// What it was about is not there. For a removal that is success.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoSuchImage { .. })
    }

    /// What failed, and what to do. The place in the compose file is the caller's to add.
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.to_string());
        match self {
            Self::NotReachable { tried } => not_reachable(diagnostic, tried),
            Self::Settings { help, .. } | Self::Unsupported { help, .. } | Self::Spec { help, .. } => {
                if help.is_empty() { diagnostic } else { diagnostic.help(help) }
            }
            Self::Lost { .. } => diagnostic.help("see whether the engine is running; what was under way may be half done, and `devbox up` goes on from there"),
            Self::Timeout { .. } => diagnostic.help("see whether the engine hangs; its own log may say why"),
            Self::NotFound { .. } | Self::Conflict { .. } => diagnostic.help("it has changed meanwhile; try again"),
            Self::NameInUse { name, .. } => {
                diagnostic.help(format!("remove or rename that container, or set another `container_name` than {name}"))
            }
            Self::PortTaken { message, .. } => diagnostic.note(message).help("stop what uses it, or publish another port"),
            Self::NoSuchImage { message, .. } => {
                diagnostic.note(message).help("see whether name and tag are right; an image of your own needs `build:`")
            }
            Self::PullDenied { image, message } => diagnostic.note(message).help(format!(
                "see whether the name is right; if it is private, log in: `docker login{}`",
                super::credentials::registry_of(image).map(|host| format!(" {host}")).unwrap_or_default()
            )),
            Self::Registry { temporary: true, .. } => diagnostic.help("see whether this machine is online and the registry runs, and try again"),
            Self::Registry { .. } => diagnostic,
            Self::VolumeInUse { by, .. } => in_use(diagnostic, by, "remove the containers that use it first"),
            Self::NetworkInUse { by, .. } => in_use(diagnostic, by, "remove or disconnect the containers that are on it first"),
            Self::Server { message, .. } => match server_help(message) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            },
            Self::File { .. } | Self::Protocol { .. } => diagnostic,
        }
    }
}

impl From<&EngineError> for Diagnostic {
    fn from(error: &EngineError) -> Self {
        error.diagnostic()
    }
}

impl From<EngineError> for Diagnostic {
    fn from(error: EngineError) -> Self {
        error.diagnostic()
    }
}

fn in_use(diagnostic: Diagnostic, by: &[String], help: &str) -> Diagnostic {
    let diagnostic = if by.is_empty() { diagnostic } else { diagnostic.note(format!("used by {}", by.join(", "))) };
    diagnostic.help(help)
}

fn not_reachable(mut diagnostic: Diagnostic, tried: &[Tried]) -> Diagnostic {
    let width = tried.iter().map(|tried| tried.address.chars().count()).max().unwrap_or(0).min(48);
    for (index, one) in tried.iter().enumerate() {
        let margin = if index == 0 { "tried" } else { "" };
        let because = if one.because.is_empty() { String::new() } else { format!(" (from {})", one.because) };
        diagnostic = diagnostic.note(format!("{margin:<5}  {:<width$}  {}{because}", one.address, one.failure));
    }
    let denied = tried.iter().any(|one| one.failure == Failure::Denied);
    let explicit = tried.iter().find(|one| !one.because.is_empty());
    diagnostic.help(match explicit {
        _ if denied => {
            "`sudo usermod -aG docker $USER`, log in again; or start a rootless engine; or set DOCKER_HOST".into()
        }
        Some(one) => format!("start that engine, or change {}", one.because),
        None => {
            "start Docker, Podman or another engine (`sudo systemctl start docker`, `podman system service`), or set \
                 DOCKER_HOST"
                .into()
        }
    })
}

/// Advice on refusals that have no kind of their own. The words looked for are moby's.
fn server_help(message: &str) -> Option<&'static str> {
    const ADVICE: &[(&str, &str)] = &[
        ("bind source path does not exist", "make that folder, or mend the path under `volumes:`"),
        ("mounts denied", "share that folder with the engine's virtual machine (its settings, file sharing)"),
        ("not a directory", "a file can be mounted on a file only: see whether the host path is what you meant"),
        ("non-overlapping ipv4 address pool", "remove networks that nobody uses: `docker network prune`"),
        (
            "all predefined address pools have been fully subnetted",
            "remove networks that nobody uses: `docker network prune`",
        ),
        ("pool overlaps with other one", "choose another subnet under `networks: … ipam:`"),
        (
            "no space left on device",
            "free space where the engine keeps its data: `docker system df`, `docker system prune`",
        ),
        (
            "server gave http response to https client",
            "that registry has no TLS: list it as an insecure registry in the engine's settings",
        ),
        ("exec format error", "the image is for another processor: set `platform:` or build it here"),
        (
            "could not select device driver",
            "the engine has no driver for these devices: install it (for GPUs the NVIDIA container toolkit)",
        ),
        ("alreadyexists: task", "the engine lost track of this container: recreate it (`devbox up --force-recreate`)"),
        ("container-init binary not found", "install catatonit on the engine's machine, or leave `init: true` out"),
        ("executable file not found", "see `command` and `entrypoint`, and whether the image has that program"),
        ("permission denied: unknown", "make the program executable (`chmod +x`)"),
    ];
    let message = message.to_ascii_lowercase();
    ADVICE.iter().find(|(words, _)| message.contains(words)).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_tried_and_what_to_do() {
        let error = EngineError::NotReachable {
            tried: vec![
                Tried {
                    address: "unix:///var/run/docker.sock".into(),
                    because: String::new(),
                    failure: Failure::Denied,
                },
                Tried { address: "unix:///run/x.sock".into(), because: String::new(), failure: Failure::Missing },
            ],
        };
        assert_eq!(
            error.diagnostic().to_string(),
            "error: no container engine answers
  tried  unix:///var/run/docker.sock  permission denied
         unix:///run/x.sock           not there
help: `sudo usermod -aG docker $USER`, log in again; or start a rootless engine; or set DOCKER_HOST"
        );
    }

    #[test]
    fn an_address_that_was_named_is_blamed() {
        let error = EngineError::NotReachable {
            tried: vec![Tried {
                address: "tcp://127.0.0.1:1".into(),
                because: "DOCKER_HOST".into(),
                failure: Failure::Refused,
            }],
        };
        assert!(error.diagnostic().to_string().ends_with("help: start that engine, or change DOCKER_HOST"));
    }
}
