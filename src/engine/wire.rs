//! What the engine sends, as far as it is read here: listings and inspections, decoded into as little as is needed.
//!
//! Not bollard's types, because these are on the path of every look at the engine: they skip what nobody reads, and an engine's word that
//! isn't known (Podman has some) is text here and not an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `null` as the default value: Go's empty slices and maps are `null`.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// An entry of `/containers/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedContainer {
    pub(super) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) command: String,
    #[serde(default, rename = "ImageID")]
    pub(super) image_id: String,
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ports: Vec<ListedPort>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mounts: Vec<MountPoint>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) network_settings: Networks,
}

#[derive(Deserialize)]
pub(super) struct ListedPort {
    #[serde(rename = "IP", default)]
    pub(super) ip: String,
    #[serde(rename = "PrivatePort", default)]
    pub(super) private_port: u16,
    #[serde(rename = "PublicPort", default)]
    pub(super) public_port: u16,
    #[serde(rename = "Type", default)]
    pub(super) protocol: String,
}

#[derive(Deserialize)]
pub(super) struct MountPoint {
    #[serde(rename = "Type", default)]
    pub(super) kind: String,
    #[serde(rename = "Name", default)]
    pub(super) name: String,
    #[serde(rename = "Source", default)]
    pub(super) source: String,
    #[serde(rename = "Destination", default)]
    pub(super) destination: String,
    #[serde(rename = "RW", default)]
    pub(super) writable: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Networks {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) networks: BTreeMap<String, Endpoint>,
    /// Inspections only.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ports: BTreeMap<String, Option<Vec<Binding>>>,
}

#[derive(Deserialize, Default)]
pub(super) struct Endpoint {
    #[serde(rename = "NetworkID", default)]
    pub(super) network_id: String,
    #[serde(rename = "IPAddress", default)]
    pub(super) ip_address: String,
}

#[derive(Deserialize)]
pub(super) struct Binding {
    #[serde(rename = "HostIp", default)]
    pub(super) host_ip: String,
    #[serde(rename = "HostPort", default)]
    pub(super) host_port: String,
}

/// `/containers/ID/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedContainer {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) created: String,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) restart_count: u64,
    pub(super) state: State,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) config: Config,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) host_config: HostConfig,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mounts: Vec<MountPoint>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) network_settings: Networks,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    #[serde(default)]
    pub(super) status: String,
    #[serde(rename = "OOMKilled", default)]
    pub(super) oom_killed: bool,
    #[serde(default)]
    pub(super) pid: i64,
    #[serde(default)]
    pub(super) exit_code: i64,
    #[serde(default)]
    pub(super) error: String,
    #[serde(default)]
    pub(super) started_at: String,
    #[serde(default)]
    pub(super) finished_at: String,
    #[serde(default)]
    pub(super) health: Option<Health>,
    /// Podman's word for `Health`.
    #[serde(default)]
    pub(super) healthcheck: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Health {
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) failing_streak: u64,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) log: Vec<HealthRun>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HealthRun {
    #[serde(default)]
    pub(super) start: String,
    #[serde(default)]
    pub(super) end: String,
    #[serde(default)]
    pub(super) exit_code: i64,
    #[serde(default)]
    pub(super) output: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Config {
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) tty: bool,
    #[serde(default)]
    pub(super) open_stdin: bool,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) cmd: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) entrypoint: Vec<String>,
    #[serde(default)]
    pub(super) user: String,
    #[serde(default)]
    pub(super) working_dir: String,
    #[serde(default)]
    pub(super) healthcheck: Option<HealthTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HealthTest {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) test: Vec<String>,
    #[serde(default)]
    pub(super) retries: u64,
    /// Nanoseconds.
    #[serde(default)]
    pub(super) interval: u64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostConfig {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) log_config: LogConfig,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) restart_policy: RestartPolicy,
}

#[derive(Deserialize, Default)]
pub(super) struct LogConfig {
    #[serde(rename = "Type", default)]
    pub(super) kind: String,
}

#[derive(Deserialize, Default)]
pub(super) struct RestartPolicy {
    #[serde(rename = "Name", default)]
    pub(super) name: String,
}

/// An entry of `/networks`, and `/networks/ID`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkResource {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
    /// The containers on it by id; `/networks/ID` only.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) containers: BTreeMap<String, NetworkMember>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NetworkMember {
    #[serde(default)]
    pub(super) name: String,
}

/// `/volumes`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VolumeList {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) volumes: Vec<VolumeResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VolumeResource {
    pub(super) name: String,
    #[serde(default)]
    pub(super) driver: String,
    #[serde(default)]
    pub(super) created_at: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
}

/// `/images/NAME/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedImage {
    pub(super) id: String,
    #[serde(default)]
    pub(super) created: Option<String>,
    #[serde(default)]
    pub(super) size: i64,
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) variant: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) metadata: ImageMetadata,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) config: ImageConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImageMetadata {
    #[serde(default)]
    pub(super) last_tag_time: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImageConfig {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) env: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) cmd: Vec<String>,
    #[serde(default)]
    pub(super) user: String,
    #[serde(default)]
    pub(super) working_dir: String,
    #[serde(default)]
    pub(super) healthcheck: Option<HealthTest>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) volumes: BTreeMap<String, serde::de::IgnoredAny>,
}

/// An entry of `/images/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedImage {
    pub(super) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) repo_tags: Vec<String>,
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default)]
    pub(super) size: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: BTreeMap<String, String>,
}
