//! Containers as the engine tells of them: a line of a listing, or one in full.

use std::{collections::BTreeMap, time::Duration};

use crate::model::{
    ContainerId, ContainerState, ExitInfo, HealthState, ImageId, ObservedContainer, ObservedMount, PublishedPort,
    ServiceName, Timestamp,
};

use super::{
    super::{
        Engine,
        error::{EngineError, Subject},
        http::escape,
        spec::labels,
        wire,
    },
    moment::timestamp,
};

/// Of a probe's output; engines keep 4096 bytes themselves.
const PROBE_OUTPUT: usize = 8192;

/// One run of a healthcheck's probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// When it began.
    pub started: Option<Timestamp>,
    /// How long it took.
    pub took: Duration,
    /// How it ended; 0 is healthy.
    pub exit_code: i64,
    /// What it printed, bounded. Untrusted text.
    pub output: String,
}

/// A container in full.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerDetail {
    /// What a listing tells, and the rest of it.
    pub container: ObservedContainer,
    /// The engine's words when its start failed; empty otherwise.
    pub error: String,
    /// Number of its first process on the engine's machine; `None` while it doesn't run.
    pub pid: Option<i64>,
    /// Standard input is open, so that one can attach to it.
    pub stdin_open: bool,
    /// Program and arguments.
    pub command: Vec<String>,
    /// `NAME=value`, the image's own included.
    pub environment: Vec<String>,
    /// Who runs it; empty is the image's.
    pub user: String,
    /// Where.
    pub working_dir: String,
    /// `no`, `always`, `on-failure`, `unless-stopped`.
    pub restart_policy: String,
    /// The probe's command.
    pub probe_command: Vec<String>,
    /// Failures in a row that make it unhealthy.
    pub probe_retries: u64,
    /// Time between probes.
    pub probe_interval: Duration,
    /// Failures in a row so far.
    pub failing_streak: u64,
    /// The last runs, oldest first; engines keep five.
    pub probes: Vec<Probe>,
    /// Its address on each of its networks.
    pub addresses: BTreeMap<String, String>,
}

impl Engine {
    /// One container in full, by name or id.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when it is not there.
    pub async fn inspect(&self, container: &ContainerId) -> Result<ContainerDetail, EngineError> {
        let path = format!("/containers/{}/json", escape(container.as_str()));
        let subject = Subject::Container(container.as_str());
        let inspected: wire::InspectedContainer = self.client().get(&path, subject).await?;
        Ok(from_inspection(inspected))
    }
}

/// A container of a listing; `None` for one that has no service: not one of Compose's.
pub(super) fn from_listing(listed: wire::ListedContainer) -> Option<ObservedContainer> {
    let service = ServiceName::new(listed.labels.get(labels::SERVICE)?).ok()?;
    let state = state(&listed.state);
    Some(ObservedContainer {
        name: name(listed.names.first().map_or("", String::as_str)),
        number: number(&listed.labels),
        oneoff: oneoff(&listed.labels),
        service,
        state,
        health: health_in_status(&listed.status),
        exit: exit_in_status(state, &listed.status),
        created: Timestamp(listed.created.saturating_mul(1_000_000_000)),
        started: None,
        finished: None,
        restarts: 0,
        image: ImageId::from(listed.image_id),
        image_name: listed.image,
        command: listed.command,
        config_hash: listed.labels.get(labels::CONFIG_HASH).cloned(),
        ports: ports(listed.ports),
        mounts: listed.mounts.into_iter().map(mount).collect(),
        networks: networks(&listed.network_settings),
        tty: false,
        log_driver: String::new(),
        labels: listed.labels,
        id: ContainerId::from(listed.id),
    })
}

fn from_inspection(inspected: wire::InspectedContainer) -> ContainerDetail {
    let state_name = state(&inspected.state.status);
    let health = inspected.state.health.or(inspected.state.healthcheck);
    let ended = matches!(state_name, ContainerState::Exited | ContainerState::Dead | ContainerState::Restarting);
    let labels_of = inspected.config.labels;
    let service = labels_of.get(labels::SERVICE).and_then(|name| ServiceName::new(name).ok());
    let command: Vec<_> = inspected.config.entrypoint.into_iter().chain(inspected.config.cmd).collect();
    let container = ObservedContainer {
        name: name(&inspected.name),
        number: number(&labels_of),
        oneoff: oneoff(&labels_of),
        // A container that isn't of a project can be inspected too; it has no service to be named after.
        service: service.unwrap_or_else(nameless),
        state: state_name,
        health: health.as_ref().and_then(|health| health_state(&health.status)),
        exit: ended.then_some(ExitInfo { code: inspected.state.exit_code, oom_killed: inspected.state.oom_killed }),
        created: timestamp(&inspected.created).unwrap_or_default(),
        started: timestamp(&inspected.state.started_at),
        finished: timestamp(&inspected.state.finished_at),
        restarts: inspected.restart_count,
        image: ImageId::from(inspected.image),
        image_name: inspected.config.image,
        command: command.join(" "),
        config_hash: labels_of.get(labels::CONFIG_HASH).cloned(),
        ports: inspected_ports(&inspected.network_settings.ports),
        mounts: inspected.mounts.into_iter().map(mount).collect(),
        networks: networks(&inspected.network_settings),
        tty: inspected.config.tty,
        log_driver: inspected.host_config.log_config.kind,
        labels: labels_of,
        id: ContainerId::from(inspected.id),
    };
    let probe = inspected.config.healthcheck;
    ContainerDetail {
        container,
        error: inspected.state.error,
        pid: Some(inspected.state.pid).filter(|pid| *pid > 0),
        stdin_open: inspected.config.open_stdin,
        command,
        environment: inspected.config.env,
        user: inspected.config.user,
        working_dir: inspected.config.working_dir,
        restart_policy: inspected.host_config.restart_policy.name,
        probe_retries: probe.as_ref().map_or(0, |probe| if probe.retries == 0 { 3 } else { probe.retries }),
        probe_interval: Duration::from_nanos(
            probe.as_ref().map_or(0, |probe| if probe.interval == 0 { 30_000_000_000 } else { probe.interval }),
        ),
        probe_command: probe.map(|probe| probe.test).unwrap_or_default(),
        failing_streak: health.as_ref().map_or(0, |health| health.failing_streak),
        probes: health.map(|health| health.log.into_iter().map(probe_run).collect()).unwrap_or_default(),
        addresses: inspected
            .network_settings
            .networks
            .into_iter()
            .map(|(name, endpoint)| (name, endpoint.ip_address))
            .collect(),
    }
}

#[expect(clippy::expect_used, reason = "a constant that follows the rule of names")]
fn nameless() -> ServiceName {
    ServiceName::new("-").expect("a valid name")
}

fn probe_run(run: wire::HealthRun) -> Probe {
    let (started, ended) = (timestamp(&run.start), timestamp(&run.end));
    let took = match (started, ended) {
        (Some(started), Some(ended)) => ended.since(started),
        _ => Duration::ZERO,
    };
    let mut output = run.output;
    if output.len() > PROBE_OUTPUT {
        let end = (0..=PROBE_OUTPUT).rev().find(|end| output.is_char_boundary(*end)).unwrap_or(0);
        output.truncate(end);
    }
    Probe { started, took, exit_code: run.exit_code, output }
}

fn name(with_slash: &str) -> String {
    with_slash.strip_prefix('/').unwrap_or(with_slash).to_owned()
}

fn number(labels_of: &BTreeMap<String, String>) -> u32 {
    labels_of.get(labels::NUMBER).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn oneoff(labels_of: &BTreeMap<String, String>) -> bool {
    labels_of.get(labels::ONEOFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn mount(mount: wire::MountPoint) -> ObservedMount {
    ObservedMount {
        volume: (mount.kind == "volume").then_some(mount.name),
        kind: mount.kind,
        source: mount.source,
        target: mount.destination,
        writable: mount.writable,
    }
}

fn networks(settings: &wire::Networks) -> BTreeMap<String, String> {
    settings.networks.iter().map(|(name, endpoint)| (name.clone(), endpoint.network_id.clone())).collect()
}

fn ports(listed: Vec<wire::ListedPort>) -> Vec<PublishedPort> {
    let mut ports: Vec<PublishedPort> = listed
        .into_iter()
        .map(|port| PublishedPort {
            host_ip: port.ip,
            host_port: Some(port.public_port).filter(|port| *port != 0),
            container_port: port.private_port,
            protocol: port.protocol,
        })
        .collect();
    ports.sort();
    ports.dedup();
    ports
}

fn inspected_ports(ports_of: &BTreeMap<String, Option<Vec<wire::Binding>>>) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for (port, bindings) in ports_of {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let Ok(container_port) = number.parse() else { continue };
        let protocol = protocol.to_owned();
        match bindings.as_deref() {
            None | Some([]) => {
                ports.push(PublishedPort { host_ip: String::new(), host_port: None, container_port, protocol });
            }
            Some(bindings) => ports.extend(bindings.iter().map(|binding| PublishedPort {
                host_ip: binding.host_ip.clone(),
                host_port: binding.host_port.parse().ok(),
                container_port,
                protocol: protocol.clone(),
            })),
        }
    }
    ports.sort();
    ports.dedup();
    ports
}

/// The engine's word for a state; Podman's words besides.
fn state(word: &str) -> ContainerState {
    match word {
        "running" | "stopping" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "removing" => ContainerState::Removing,
        "exited" | "stopped" => ContainerState::Exited,
        "dead" => ContainerState::Dead,
        _ => ContainerState::Created,
    }
}

pub(in crate::engine) fn health_state(word: &str) -> Option<HealthState> {
    match word {
        "starting" => Some(HealthState::Starting),
        "healthy" => Some(HealthState::Healthy),
        "unhealthy" => Some(HealthState::Unhealthy),
        _ => None,
    }
}

/// The health in a listing's `Up 2 minutes (healthy)`.
fn health_in_status(status: &str) -> Option<HealthState> {
    let (_, inside) = status.strip_suffix(')')?.rsplit_once('(')?;
    health_state(inside.strip_prefix("health: ").unwrap_or(inside))
}

/// The exit code in a listing's `Exited (137) 3 hours ago`, `Restarting (1) 2 seconds ago`. Podman says nothing there for 0.
fn exit_in_status(state: ContainerState, status: &str) -> Option<ExitInfo> {
    if !matches!(state, ContainerState::Exited | ContainerState::Dead | ContainerState::Restarting) {
        return None;
    }
    let code =
        status.split_once('(').and_then(|(_, rest)| rest.split_once(')')).and_then(|(code, _)| code.parse().ok());
    Some(ExitInfo { code: code.unwrap_or(0), oom_killed: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_status_of_a_listing() {
        let check = |word, status, health, code: Option<i64>| {
            let state = state(word);
            assert_eq!(health_in_status(status), health, "{status}");
            assert_eq!(exit_in_status(state, status).map(|exit| exit.code), code, "{status}");
        };
        check("running", "Up 2 minutes", None, None);
        check("running", "Up 2 minutes (healthy)", Some(HealthState::Healthy), None);
        check("running", "Up 2 minutes (unhealthy)", Some(HealthState::Unhealthy), None);
        check("running", "Up 2 seconds (health: starting)", Some(HealthState::Starting), None);
        check("paused", "Up 2 minutes (Paused)", None, None);
        check("exited", "Exited (137) 3 hours ago", None, Some(137));
        check("restarting", "Restarting (1) 2 seconds ago", None, Some(1));
        check("created", "Created", None, None);
    }

    #[test]
    fn a_listing_of_podman_is_read() {
        let text = r#"[{"Id":"ab","Names":["/p-web-1"],"Image":"docker.io/library/busybox:latest","ImageID":"sha256:1","Created":5,
            "Ports":null,"Labels":{"com.docker.compose.service":"web","com.docker.compose.container-number":"1"},"State":"stopping",
            "Status":"Up","NetworkSettings":{"Networks":{"n":{"NetworkID":"n1"}}},"Mounts":null}]"#;
        let listed: Vec<wire::ListedContainer> = serde_json::from_str(text).unwrap();
        let container = from_listing(listed.into_iter().next().unwrap()).unwrap();
        assert_eq!(
            (container.name.as_str(), container.number, container.state),
            ("p-web-1", 1, ContainerState::Running)
        );
        assert_eq!(container.networks["n"], "n1");
    }
}
