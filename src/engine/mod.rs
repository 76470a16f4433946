//! The engine's API: what exists, changes to it, and streams from it. The only folder that imports bollard.
//!
//! [`Engine`] is the one handle: cheap to clone, connected once, used by everybody. Each file below adds the calls of its subject. No type
//! of bollard's is in a public signature; errors are [`EngineError`]; streams are of our own types and end with `None` only when
//! what they follow has ended, with `Err` when the connection is lost. Nothing here decides anything, and nothing is retried
//! that the engine may have begun.

mod archive;
pub mod build;
mod config_file;
mod connect;
mod container;
mod credentials;
mod error;
mod events;
mod http;
mod image;
mod logs;
mod machine;
mod observe;
mod ports;
mod process;
mod pull;
mod resource;
mod session;
mod spec;
mod stats;
mod stream;
pub mod transport;
mod wire;

use std::{path::PathBuf, sync::Arc};

use tokio::sync::OnceCell;

pub use archive::PathStat;
pub use connect::{ApiVersion, Candidate, ConnectOptions, EngineInfo, EngineKind, Environment, Found, candidates};
pub use container::{Created, NewContainer, OneOff};
pub use error::{EngineError, Failure, Tried};
pub use events::{ContainerAction, EngineEvent, EventSubject, EventsOf};
pub use image::{ImageSummary, RemovedImage};
pub use logs::{LogFollower, LogOptions};
pub use machine::Machine;
pub use observe::{ContainerDetail, Detail, Probe, ProjectSummary};
pub use ports::PortOwner;
pub use process::PortProcess;
pub use session::{AttachOptions, ExecOptions, Session, SessionControl, SessionInput, TerminalSize, Waiting};
pub use stats::{Sample, Usage};
pub use stream::OutputStream;

use config_file::ConfigFile;
use credentials::Credentials;
use http::Client;
use transport::Transport;

/// A connected engine. Cloning shares it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    client: Client,
    docker: bollard::Docker,
    info: EngineInfo,
    config: ConfigFile,
    docker_dir: Option<PathBuf>,
    machine: OnceCell<Machine>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Engine").field(&self.0.info).finish()
    }
}

impl Engine {
    /// Finds an engine and connects to it, with one request.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotReachable`] with what was tried; [`EngineError::Settings`] when what the user named can't be used;
    /// [`EngineError::Unsupported`] when the engine is older than Docker 20.10.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, EngineError> {
        let docker_dir = options.environment.docker_dir();
        let config = match &docker_dir {
            Some(folder) => ConfigFile::load(folder)?,
            None => ConfigFile::default(),
        };
        let (client, info) = connect::connect(options, &config).await?;
        let docker = client.bollard_client(http::WORK)?;
        Ok(Self(Arc::new(Inner { client, docker, info, config, docker_dir, machine: OnceCell::new() })))
    }

    /// What it is and where.
    pub fn info(&self) -> &EngineInfo {
        &self.0.info
    }

    /// How to open a connection of one's own to it (builds do).
    pub fn transport(&self) -> &Transport {
        self.0.client.transport()
    }

    /// Who the user is to registries.
    fn credentials(&self) -> Credentials {
        Credentials::of(self.0.docker_dir.as_deref())
    }

    /// Asks whether it is there.
    ///
    /// # Errors
    ///
    /// [`EngineError::Lost`] or [`EngineError::Timeout`] when it isn't.
    pub async fn ping(&self) -> Result<(), EngineError> {
        let request = self.client().request(::http::Method::HEAD, "/_ping")?;
        let limit = std::time::Duration::from_secs(5);
        self.client().send(request, limit, error::Subject::Engine("is it there?")).await.map(drop)
    }

    fn client(&self) -> &Client {
        &self.0.client
    }

    fn docker(&self) -> &bollard::Docker {
        &self.0.docker
    }

    /// The version of the API that requests are made in.
    fn api(&self) -> ApiVersion {
        self.0.info.api_version
    }
}
