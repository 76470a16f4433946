//! How a container is on the network: mode, endpoints with aliases and addresses, links.
//!
//! From API 1.44 on the create request carries all networks; before that only the first, and the others are joined afterwards
//! ([`extra_endpoints`]). The rule for MAC addresses is Compose's: before 1.44 a container has one.

use std::collections::HashMap;

use bollard::models::{EndpointIpamConfig, EndpointSettings, NetworkingConfig};

use crate::{
    engine::{connect::ApiVersion, container::NewContainer, error::EngineError},
    model::{NetworkAttachment, Networking, Observed, ObservedContainer, Service},
};

use super::{Context, network_service, refuse, some, some_map, unsupported};

/// The option by which Docker 28.1 is told an interface's name.
const INTERFACE_OPTION: &str = "com.docker.network.endpoint.ifname";

/// What the request says of networks.
pub(super) struct Networks {
    pub(super) mode: String,
    pub(super) config: Option<NetworkingConfig>,
    pub(super) mac_address: Option<String>,
}

/// A network to be joined after creation.
pub(in crate::engine) struct Extra {
    /// Its name on the engine.
    pub(in crate::engine) network: String,
    pub(in crate::engine) endpoint: EndpointSettings,
}

pub(super) fn networks(context: Context<'_>) -> Result<Networks, EngineError> {
    let NewContainer { project, service, observed, .. } = *context.new;
    let attachments = match &service.networking {
        Networking::Mode(mode) => {
            return Ok(Networks { mode: mode.clone(), config: None, mac_address: container_mac(context, &[]) });
        }
        Networking::Service(name) => {
            let mode = network_service(service, name, observed)?;
            return Ok(Networks { mode, config: None, mac_address: container_mac(context, &[]) });
        }
        Networking::Networks(attachments) => attachments,
    };
    check(service, attachments, context.api)?;
    let Some(first) = attachments.first() else {
        return Ok(Networks { mode: "none".into(), config: None, mac_address: container_mac(context, &[]) });
    };
    let all_at_once = context.api >= ApiVersion::V1_44;
    let taken = if all_at_once { attachments.len() } else { 1 };
    let endpoints: HashMap<String, EndpointSettings> = attachments
        .iter()
        .take(taken)
        .enumerate()
        .map(|(index, attachment)| {
            let mut endpoint = endpoint(context.new, attachment);
            if !all_at_once {
                // It is the container's.
                endpoint.mac_address = None;
            } else if index == 0 && endpoint.mac_address.is_none() {
                endpoint.mac_address = service.mac_address.clone();
            }
            (network_name(context.new, attachment), endpoint)
        })
        .collect();
    debug_assert!(!project.networks.is_empty() || attachments.is_empty(), "networks of a service are the project's");
    Ok(Networks {
        mode: network_name(context.new, first),
        config: Some(NetworkingConfig { endpoints_config: Some(endpoints) }),
        mac_address: container_mac(context, attachments),
    })
}

/// The networks that a create request before API 1.44 can't carry.
pub(in crate::engine) fn extra_endpoints(new: &NewContainer<'_>, api: ApiVersion) -> Vec<Extra> {
    match &new.service.networking {
        Networking::Networks(attachments) if api < ApiVersion::V1_44 => attachments
            .iter()
            .skip(1)
            .map(|attachment| Extra { network: network_name(new, attachment), endpoint: endpoint(new, attachment) })
            .collect(),
        _ => Vec::new(),
    }
}

/// The MAC address of the container as a whole, for engines before API 1.44.
fn container_mac(context: Context<'_>, attachments: &[NetworkAttachment]) -> Option<String> {
    if context.api >= ApiVersion::V1_44 {
        return None;
    }
    attachments.first().and_then(|first| first.mac_address.clone()).or_else(|| context.new.service.mac_address.clone())
}

fn check(service: &Service, attachments: &[NetworkAttachment], api: ApiVersion) -> Result<(), EngineError> {
    if let (Some(wanted), Some(first)) = (&service.mac_address, attachments.first())
        && first.mac_address.as_ref().is_some_and(|address| address != wanted)
    {
        return Err(refuse(
            service,
            &format!("mac_address differs from that of its network {}", first.network),
            "say it once, under the network",
        ));
    }
    if api < ApiVersion::V1_44 && attachments.iter().filter(|one| one.mac_address.is_some()).count() > 1 {
        return Err(unsupported(service, "a mac_address for several networks", "Docker 25"));
    }
    if api < ApiVersion::V1_49 && attachments.iter().any(|one| one.interface_name.is_some()) {
        return Err(unsupported(service, "interface_name", "Docker 28.1"));
    }
    Ok(())
}

fn network_name(new: &NewContainer<'_>, attachment: &NetworkAttachment) -> String {
    match new.project.networks.get(&attachment.network) {
        Some(network) => network.name.clone(),
        None => attachment.network.clone(),
    }
}

fn endpoint(new: &NewContainer<'_>, attachment: &NetworkAttachment) -> EndpointSettings {
    let mut aliases = vec![match &new.oneoff {
        // Compose's number of one-off containers.
        Some(_) => new.name.to_owned(),
        None => new.service.container_name(&new.project.name, new.number),
    }];
    if new.oneoff.as_ref().is_none_or(|oneoff| oneoff.use_aliases) {
        aliases.push(new.service.name.to_string());
        aliases.extend(attachment.aliases.iter().cloned());
    }
    let mut driver_opts = attachment.driver_opts.clone();
    if let Some(name) = &attachment.interface_name {
        driver_opts.insert(INTERFACE_OPTION.into(), name.clone());
    }
    let has_address =
        attachment.ipv4_address.is_some() || attachment.ipv6_address.is_some() || !attachment.link_local_ips.is_empty();
    EndpointSettings {
        aliases: Some(aliases),
        links: some(links(new)),
        ipam_config: has_address.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: some(attachment.link_local_ips.clone()),
        }),
        mac_address: attachment.mac_address.clone(),
        driver_opts: some_map(&driver_opts),
        gw_priority: (attachment.gw_priority != 0).then_some(attachment.gw_priority),
        ..Default::default()
    }
}

/// Legacy links as `container:name`, each container under the three names that Compose gives it.
pub(super) fn links(new: &NewContainer<'_>) -> Vec<String> {
    let NewContainer { project, service, observed, number, .. } = *new;
    let mut links = Vec::new();
    for link in &service.links {
        let (target, alias) = link.split_once(':').unwrap_or((link, link));
        for container in containers_of(observed, target) {
            let name = &container.name;
            links.push(format!("{name}:{alias}"));
            links.push(format!("{name}:{target}-{number}"));
            links.push(format!("{name}:{}-{target}-{number}", project.name));
        }
    }
    if new.oneoff.is_some() && service.labels.get(super::labels::ONEOFF).is_some_and(|value| value == "True") {
        for container in containers_of(observed, service.name.as_str()) {
            let name = &container.name;
            let short = name.strip_prefix(&format!("{}-", project.name)).unwrap_or(name);
            links.extend([format!("{name}:{}", service.name), format!("{name}:{short}"), format!("{name}:{name}")]);
        }
    }
    for link in &service.external_links {
        let (target, alias) = link.split_once(':').unwrap_or((link, link));
        links.push(format!("{target}:{alias}"));
    }
    links
}

fn containers_of<'a>(observed: &'a Observed, service: &'a str) -> impl Iterator<Item = &'a ObservedContainer> {
    observed.containers.iter().filter(move |container| container.service == *service && !container.oneoff)
}
