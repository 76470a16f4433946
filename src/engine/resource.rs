//! Networks and volumes.

use std::collections::HashMap;

use bollard::{
    models::{
        EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest,
        NetworkDisconnectRequest, VolumeCreateRequest,
    },
    query_parameters::RemoveVolumeOptions,
};

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::model::{ContainerId, Network, ObservedNetwork, ObservedVolume, Project, Volume};

use super::{
    ApiVersion, Engine,
    error::{EngineError, Subject},
    http::escape,
    observe::timestamp,
    spec::labels,
    wire,
};

/// The body of `/networks/create`.
#[derive(Serialize)]
struct NetworkRequest {
    #[serde(flatten)]
    body: NetworkCreateRequest,
    /// Before API 1.44 an engine makes a second network of the same name unless it is told not to; bollard's type has no field for it.
    #[serde(rename = "CheckDuplicate", skip_serializing_if = "Option::is_none")]
    check_duplicate: Option<bool>,
}

#[derive(Deserialize)]
struct CreatedNetwork {
    #[serde(rename = "Id")]
    id: String,
}

impl Engine {
    /// Makes a network of the project, with Compose's labels, and returns its id.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when there is one of that name; [`EngineError::Server`] when its addresses overlap with another's.
    pub async fn create_network(&self, project: &Project, network: &Network) -> Result<String, EngineError> {
        let request = NetworkRequest {
            body: network_request(project, network),
            check_duplicate: (self.api() < ApiVersion::V1_44).then_some(true),
        };
        let answer: CreatedNetwork =
            self.client().post("/networks/create", &request, Subject::Network(&network.name)).await?;
        Ok(answer.id)
    }

    /// A network by name or id; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Any failure but that it is not there.
    pub async fn network(&self, name: &str) -> Result<Option<ObservedNetwork>, EngineError> {
        let path = format!("/networks/{}", escape(name));
        match self.client().get::<wire::NetworkResource>(&path, Subject::Network(name)).await {
            // The engine also finds ids that begin so.
            Ok(network) if network.name == name || network.id == name => {
                Ok(Some(ObservedNetwork { id: network.id, name: network.name, labels: network.labels }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a network, by name or id; one that is gone is no error.
    ///
    /// # Errors
    ///
    /// [`EngineError::NetworkInUse`] while containers are on it.
    pub async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        match self.docker().remove_network(&escape(name)).await {
            Ok(()) => Ok(()),
            Err(error) => match self.client().bollard(error, Subject::Network(name)) {
                error if error.is_not_found() => Ok(()),
                EngineError::NetworkInUse { network, by } => Err(self.who_is_on(network, by).await),
                error => Err(error),
            },
        }
    }

    /// The same refusal with the network's name and the names of the containers on it, which not every engine tells.
    async fn who_is_on(&self, network: String, by: Vec<String>) -> EngineError {
        let path = format!("/networks/{}", escape(&network));
        match self.client().get::<wire::NetworkResource>(&path, Subject::Network(&network)).await {
            Ok(found) => {
                let members = found.containers.into_values().map(|member| member.name).collect();
                EngineError::NetworkInUse { network: found.name, by: if by.is_empty() { members } else { by } }
            }
            Err(_) => EngineError::NetworkInUse { network, by },
        }
    }

    /// Puts a container on a network, under these further names.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when either is gone.
    pub async fn connect_network(
        &self,
        network: &str,
        container: &ContainerId,
        aliases: &[String],
    ) -> Result<(), EngineError> {
        let endpoint = EndpointSettings { aliases: Some(aliases.to_vec()), ..Default::default() };
        self.join(network, container, endpoint).await
    }

    pub(super) async fn join(
        &self,
        network: &str,
        container: &ContainerId,
        endpoint: EndpointSettings,
    ) -> Result<(), EngineError> {
        let request = NetworkConnectRequest {
            container: container.to_string(),
            endpoint_config: Some(EndpointSettings {
                // Podman wants it to be there.
                ipam_config: endpoint.ipam_config.or_else(|| Some(EndpointIpamConfig::default())),
                ..endpoint
            }),
        };
        let result = self.docker().connect_network(&escape(network), request).await;
        result.map_err(|error| self.client().bollard(error, Subject::Network(network)))
    }

    /// Takes a container off a network; when it isn't on it, that is no error.
    ///
    /// # Errors
    ///
    /// Any failure but that either is gone.
    pub async fn disconnect_network(&self, network: &str, container: &ContainerId) -> Result<(), EngineError> {
        let request = NetworkDisconnectRequest { container: container.to_string(), force: Some(true) };
        match self.docker().disconnect_network(&escape(network), request).await {
            Ok(()) => Ok(()),
            Err(error) => match self.client().bollard(error, Subject::Network(network)) {
                error if error.is_not_found() => Ok(()),
                EngineError::Server { message, .. } | EngineError::Conflict { message }
                    if message.contains("is not connected") =>
                {
                    Ok(())
                }
                error => Err(error),
            },
        }
    }

    /// Makes a volume of the project, with Compose's labels.
    ///
    /// # Errors
    ///
    /// [`EngineError::Server`] when its driver refuses. One of that name that is there already is left as it is, by the engine.
    pub async fn create_volume(&self, project: &Project, volume: &Volume) -> Result<(), EngineError> {
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            driver: volume.driver.clone(),
            driver_opts: filled(volume.driver_opts.clone().into_iter().collect()),
            labels: Some(labels::of_volume(project, volume).into_iter().collect()),
            ..Default::default()
        };
        let subject = Subject::Volume(&volume.name);
        self.client().post::<_, IgnoredAny>("/volumes/create", &request, subject).await.map(drop)
    }

    /// A volume by name; `None` where there is none.
    ///
    /// # Errors
    ///
    /// Any failure but that it is not there.
    pub async fn volume(&self, name: &str) -> Result<Option<ObservedVolume>, EngineError> {
        let path = format!("/volumes/{}", escape(name));
        match self.client().get::<wire::VolumeResource>(&path, Subject::Volume(name)).await {
            Ok(volume) => Ok(Some(ObservedVolume {
                name: volume.name,
                driver: volume.driver,
                created: timestamp(&volume.created_at),
                labels: volume.labels,
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a volume **with its data**; one that is gone is no error.
    ///
    /// # Errors
    ///
    /// [`EngineError::VolumeInUse`] while containers have it, stopped ones included.
    pub async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        match self.docker().remove_volume(&escape(name), None::<RemoveVolumeOptions>).await {
            Ok(()) => Ok(()),
            Err(error) => match self.client().bollard(error, Subject::Volume(name)) {
                error if error.is_not_found() => Ok(()),
                EngineError::VolumeInUse { volume, by } => {
                    let by = self.who_has(&volume).await.unwrap_or(by);
                    Err(EngineError::VolumeInUse { volume, by })
                }
                error => Err(error),
            },
        }
    }

    /// The names of the containers that have a volume: engines tell ids.
    async fn who_has(&self, volume: &str) -> Option<Vec<String>> {
        let filter = escape(&serde_json::json!({ "volume": [volume] }).to_string());
        let path = format!("/containers/json?all=1&filters={filter}");
        let listed: Vec<wire::ListedContainer> =
            self.client().get(&path, Subject::Engine("list containers")).await.ok()?;
        let names = listed.into_iter().filter_map(|container| container.names.into_iter().next());
        Some(names.map(|name| name.trim_start_matches('/').to_owned()).collect())
    }
}

fn filled(map: HashMap<String, String>) -> Option<HashMap<String, String>> {
    if map.is_empty() { None } else { Some(map) }
}

fn network_request(project: &Project, network: &Network) -> NetworkCreateRequest {
    let pools: Vec<IpamConfig> = network
        .ipam
        .iter()
        .map(|pool| IpamConfig {
            subnet: pool.subnet.clone(),
            ip_range: pool.ip_range.clone(),
            gateway: pool.gateway.clone(),
            auxiliary_addresses: filled(pool.aux_addresses.clone().into_iter().collect()),
        })
        .collect();
    let ipam = (network.ipam_driver.is_some() || !pools.is_empty()).then(|| Ipam {
        driver: network.ipam_driver.clone(),
        config: (!pools.is_empty()).then_some(pools),
        // Compose 2.40.3 doesn't hand the options on.
        options: None,
    });
    NetworkCreateRequest {
        name: network.name.clone(),
        driver: network.driver.clone(),
        options: filled(network.driver_opts.clone().into_iter().collect()),
        internal: Some(network.internal),
        attachable: Some(network.attachable),
        enable_ipv4: network.enable_ipv4,
        enable_ipv6: network.enable_ipv6,
        ipam,
        labels: Some(labels::of_network(project, network).into_iter().collect()),
        ..Default::default()
    }
}
