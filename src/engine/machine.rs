//! The machine that the engine runs on, asked for once and only when somebody wants to know: the answer takes an engine up to 0.2 s.

use serde::Deserialize;

use super::{
    Engine, EngineKind,
    error::{EngineError, Subject},
};

/// The engine's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `amd64`, `arm64`, as images name it.
    pub architecture: String,
    /// Its system: `Debian GNU/Linux 12`.
    pub system: String,
    /// Processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// 1 or 2; 0 where it isn't said.
    pub cgroup_version: u8,
    /// Containers run without root on that machine.
    pub rootless: bool,
    /// A file that a container writes into a folder of the host has the same numbers of user and group there: no user namespace and
    /// no virtual machine's file sharing lies between.
    pub keeps_owners: bool,
    /// Healthchecks are run. Podman has systemd's timers run them, and without systemd they stay `starting` for good.
    pub healthchecks_work: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    operating_system: String,
    #[serde(rename = "NCPU", default)]
    cpus: u32,
    #[serde(default)]
    mem_total: u64,
    #[serde(default)]
    cgroup_version: String,
    #[serde(default)]
    cgroup_driver: String,
    #[serde(default, deserialize_with = "super::wire::nullable")]
    security_options: Vec<String>,
}

impl Engine {
    /// Asks for it, the first time.
    ///
    /// # Errors
    ///
    /// Any failure of the request.
    pub async fn machine(&self) -> Result<&Machine, EngineError> {
        self.0
            .machine
            .get_or_try_init(|| async {
                let info: Info = self.client().get("/info", Subject::Engine("describe the machine")).await?;
                let secured = |by: &str| info.security_options.iter().any(|option| option.contains(by));
                Ok(Machine {
                    architecture: match info.architecture.as_str() {
                        "x86_64" => "amd64".into(),
                        "aarch64" => "arm64".into(),
                        other => other.into(),
                    },
                    cpus: info.cpus,
                    memory: info.mem_total,
                    cgroup_version: info.cgroup_version.trim_start_matches('v').parse().unwrap_or(0),
                    rootless: secured("rootless"),
                    keeps_owners: !secured("rootless")
                        && !secured("name=userns")
                        && info.operating_system != "Docker Desktop"
                        && cfg!(target_os = "linux"),
                    system: info.operating_system,
                    // It manages cgroups through systemd wherever there is one.
                    healthchecks_work: self.info().kind != EngineKind::Podman || info.cgroup_driver == "systemd",
                })
            })
            .await
    }

    /// Whether healthchecks are run; only Podman is asked.
    ///
    /// # Errors
    ///
    /// Any failure of the request.
    pub async fn healthchecks_work(&self) -> Result<bool, EngineError> {
        match self.info().kind {
            EngineKind::Podman => Ok(self.machine().await?.healthchecks_work),
            EngineKind::Docker | EngineKind::Other(_) => Ok(true),
        }
    }
}
