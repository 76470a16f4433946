//! Networks of a project and how a service joins them (Compose specification, networks).

use std::collections::BTreeMap;

/// A network of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its key in the compose file.
    pub key: String,
    /// Its name on the engine: PROJECT_key unless `name` says otherwise.
    pub name: String,
    /// Made by somebody else: looked up, never created or removed.
    pub external: bool,
    /// `None` is the engine's default.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// No way out.
    pub internal: bool,
    /// Containers outside the project may join.
    pub attachable: bool,
    /// `None` is the engine's default.
    pub enable_ipv4: Option<bool>,
    /// `None` is the engine's default.
    pub enable_ipv6: Option<bool>,
    /// The address management's driver.
    pub ipam_driver: Option<String>,
    /// Options of the address management's driver.
    pub ipam_options: BTreeMap<String, String>,
    /// Address pools.
    pub ipam: Vec<IpamPool>,
    /// The user's labels, without Compose's own.
    pub labels: BTreeMap<String, String>,
    /// Compose's config hash, the value of `com.docker.compose.config-hash` on the network.
    pub config_hash: String,
}

/// One address pool of a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpamPool {
    /// CIDR.
    pub subnet: Option<String>,
    /// Address.
    pub gateway: Option<String>,
    /// CIDR.
    pub ip_range: Option<String>,
    /// Reserved addresses by name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// How a service's containers are on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networking {
    /// Members of these networks of the project, in the order in which they are to be joined: the first is the one that the
    /// container is created with (highest priority first, then by key, as Compose orders them).
    Networks(Vec<NetworkAttachment>),
    /// `network_mode: none | host | bridge | container:ID`, as written.
    Mode(String),
    /// `network_mode: service:NAME`: the network of that service's container.
    Service(super::ServiceName),
}

/// One network of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkAttachment {
    /// Key in the project's networks.
    pub network: String,
    /// Names beside the service's own.
    pub aliases: Vec<String>,
    /// Fixed address.
    pub ipv4_address: Option<String>,
    /// Fixed address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// Fixed address.
    pub mac_address: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Higher is joined first.
    pub priority: i64,
    /// Higher wins the default route.
    pub gw_priority: i64,
    /// Name of the interface inside the container.
    pub interface_name: Option<String>,
}
