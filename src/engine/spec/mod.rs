//! From a [`Service`] to the engine's create request: translation only, equal to what Docker Compose 2.40.3 sends for the same file.
//!
//! Nothing is asked of the engine here; what has to be known of it (its API version, other containers, the image) comes with
//! [`Context`]. The one file that is read is a seccomp profile, since the request carries its content. What an engine of that version
//! can't do is an error that says which can.

mod health;
pub(super) mod labels;
mod mounts;
mod network;
mod resources;

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigIsolationEnum, HostConfigLogConfig,
    PortBinding, RestartPolicy as RestartPolicyBody, RestartPolicyNameEnum,
};
use serde::Serialize;

use crate::model::{Networking, Observed, ObservedContainer, Project, RestartPolicy, Service, ServiceName};

use super::{connect::ApiVersion, container::NewContainer, error::EngineError};

pub(super) use network::extra_endpoints;

/// What has to be known besides project and service.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) api: ApiVersion,
    /// Variables of the docker client's proxies, which the service's own override.
    pub(super) proxies: &'a BTreeMap<String, String>,
    pub(super) new: &'a NewContainer<'a>,
}

/// The body of `/containers/create`.
#[derive(Debug, Serialize)]
pub(super) struct CreateRequest {
    #[serde(flatten)]
    pub(super) body: ContainerCreateBody,
    /// Before API 1.44 the container has one address; bollard's type, which is newer, has no field for it.
    #[serde(rename = "MacAddress", skip_serializing_if = "Option::is_none")]
    pub(super) mac_address: Option<String>,
}

/// An error about a service.
fn refuse(service: &Service, what: &str, help: &str) -> EngineError {
    EngineError::Spec { what: format!("service {}: {what}", service.name), help: help.into() }
}

fn unsupported(service: &Service, what: &str, since: &str) -> EngineError {
    EngineError::Unsupported {
        what: format!("service {}: {what} needs {since} or later", service.name),
        help: format!("update the engine, or leave it out: {what}"),
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    if list.is_empty() { None } else { Some(list) }
}

fn some_map(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    if map.is_empty() { None } else { Some(map.clone().into_iter().collect()) }
}

/// The whole request.
pub(super) fn create_request(context: Context<'_>) -> Result<CreateRequest, EngineError> {
    let NewContainer { project, service, .. } = *context.new;
    let oneoff = context.new.oneoff.as_ref();
    let attach_stdin = oneoff.is_some_and(|oneoff| oneoff.attach_stdin);
    let networks = network::networks(context)?;
    let body = ContainerCreateBody {
        hostname: service.hostname.clone(),
        domainname: service.domainname.clone(),
        user: service.user.clone(),
        exposed_ports: some(exposed_ports(service)),
        tty: Some(service.tty),
        open_stdin: Some(service.stdin_open),
        stdin_once: Some(attach_stdin && service.stdin_open),
        attach_stdin: Some(attach_stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: service.command.clone(),
        image: Some(service.image_name(&project.name).to_string()),
        working_dir: service.working_dir.clone(),
        entrypoint: service.entrypoint.clone(),
        network_disabled: match &service.networking {
            Networking::Mode(mode) => Some(mode == "disabled"),
            _ => None,
        },
        labels: Some(labels::of_container(context.new)?.into_iter().collect()),
        stop_signal: service.stop_signal.clone(),
        env: some(environment(service, context.proxies)),
        healthcheck: health::translate(service, context.api)?,
        stop_timeout: service.stop_grace_period.map(|period| i64::try_from(period.as_secs()).unwrap_or(i64::MAX)),
        networking_config: networks.config,
        host_config: Some(host_config(context, networks.mode)?),
        ..Default::default()
    };
    Ok(CreateRequest { body, mac_address: networks.mac_address })
}

fn host_config(context: Context<'_>, network_mode: String) -> Result<HostConfig, EngineError> {
    let NewContainer { project, service, observed, .. } = *context.new;
    let (security_opt, unconfined) = security_options(project, service)?;
    let (binds, mounts) = mounts::translate(context)?;
    let host = HostConfig {
        auto_remove: Some(context.new.oneoff.as_ref().is_some_and(|oneoff| oneoff.auto_remove)),
        annotations: some_map(&service.annotations),
        binds: some(binds),
        mounts: some(mounts),
        cap_add: some(capabilities(&service.cap_add)),
        cap_drop: some(capabilities(&service.cap_drop)),
        network_mode: Some(network_mode),
        init: service.init,
        ipc_mode: shared(service, service.ipc.as_deref(), "IPC", observed)?,
        pid_mode: shared(service, service.pid.as_deref(), "PID", observed)?,
        cgroupns_mode: service.cgroup.as_deref().map(|mode| cgroup_mode(service, mode)).transpose()?,
        readonly_rootfs: Some(service.read_only),
        restart_policy: restart_policy(service, context.new.oneoff.is_some()),
        shm_size: service.shm_size.map(|size| i64::try_from(size.0).unwrap_or(i64::MAX)),
        sysctls: some_map(&service.sysctls),
        port_bindings: port_bindings(service),
        volumes_from: some(volumes_from(service, observed)?),
        dns: some(service.dns.clone()),
        dns_search: some(service.dns_search.clone()),
        dns_options: some(service.dns_opt.clone()),
        extra_hosts: some(extra_hosts(service)),
        security_opt: some(security_opt),
        storage_opt: some_map(&service.storage_opt),
        userns_mode: service.userns_mode.clone(),
        uts_mode: service.uts.clone(),
        privileged: Some(service.privileged),
        tmpfs: mounts::tmpfs(service),
        isolation: service.isolation.as_deref().map(|name| isolation(service, name)).transpose()?,
        runtime: service.runtime.clone(),
        log_config: service
            .logging
            .as_ref()
            .map(|logging| HostConfigLogConfig { typ: logging.driver.clone(), config: some_map(&logging.options) }),
        group_add: some(service.group_add.clone()),
        links: some(network::links(context.new)),
        // Empty lists, not none: they make every system path visible.
        masked_paths: unconfined.then(Vec::new),
        readonly_paths: unconfined.then(Vec::new),
        ..resources::translate(service)
    };
    Ok(host)
}

/// `NAME=value`, sorted. A variable without a value takes one that the image has away.
fn environment(service: &Service, proxies: &BTreeMap<String, String>) -> Vec<String> {
    let mut variables: BTreeMap<&str, Option<&str>> =
        proxies.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
    variables.extend(service.environment.iter().map(|(name, value)| (name.as_str(), value.as_deref())));
    variables
        .into_iter()
        .map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => name.to_owned(),
        })
        .collect()
}

fn exposed_ports(service: &Service) -> Vec<String> {
    let published = service.ports.iter().map(|port| format!("{}/{}", port.target, port.protocol));
    let mut ports: Vec<String> = service.expose.iter().cloned().chain(published).collect();
    ports.sort();
    ports.dedup();
    ports
}

fn port_bindings(service: &Service) -> Option<HashMap<String, Option<Vec<PortBinding>>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &service.ports {
        let binding = PortBinding {
            host_ip: Some(port.host_ip.clone().unwrap_or_default()),
            host_port: Some(port.published.clone().unwrap_or_default()),
        };
        let key = format!("{}/{}", port.target, port.protocol);
        bindings.entry(key).or_default().get_or_insert_default().push(binding);
    }
    if bindings.is_empty() { None } else { Some(bindings) }
}

fn extra_hosts(service: &Service) -> Vec<String> {
    service
        .extra_hosts
        .iter()
        .flat_map(|(host, addresses)| addresses.iter().map(move |address| format!("{host}:{address}")))
        .collect()
}

/// Capabilities as docker's client sends them: upper case, with their prefix, sorted, each once.
fn capabilities(names: &[String]) -> Vec<String> {
    let mut names: Vec<String> = names
        .iter()
        .map(|name| name.to_ascii_uppercase())
        .map(|name| if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn restart_policy(service: &Service, oneoff: bool) -> Option<RestartPolicyBody> {
    let (name, count) = match service.restart {
        // `run`'s containers are not started again.
        _ if oneoff => return None,
        RestartPolicy::No => return None,
        RestartPolicy::Always => (RestartPolicyNameEnum::ALWAYS, None),
        RestartPolicy::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        RestartPolicy::OnFailure { max_retries } => (RestartPolicyNameEnum::ON_FAILURE, max_retries),
    };
    Some(RestartPolicyBody { name: Some(name), maximum_retry_count: count.and_then(|count| i64::try_from(count).ok()) })
}

fn cgroup_mode(service: &Service, mode: &str) -> Result<HostConfigCgroupnsModeEnum, EngineError> {
    match mode {
        "host" => Ok(HostConfigCgroupnsModeEnum::HOST),
        "private" => Ok(HostConfigCgroupnsModeEnum::PRIVATE),
        "" => Ok(HostConfigCgroupnsModeEnum::EMPTY),
        other => Err(refuse(service, &format!("cgroup {other} is unknown"), "it is `host` or `private`")),
    }
}

fn isolation(service: &Service, name: &str) -> Result<HostConfigIsolationEnum, EngineError> {
    match name {
        "" => Ok(HostConfigIsolationEnum::EMPTY),
        "default" => Ok(HostConfigIsolationEnum::DEFAULT),
        "process" => Ok(HostConfigIsolationEnum::PROCESS),
        "hyperv" => Ok(HostConfigIsolationEnum::HYPERV),
        other => {
            Err(refuse(service, &format!("isolation {other} is unknown"), "it is `default`, `process` or `hyperv`"))
        }
    }
}

/// The first container of a service, the one whose namespaces and volumes are shared.
fn first_of<'a>(observed: &'a Observed, service: &str) -> Option<&'a ObservedContainer> {
    observed
        .containers
        .iter()
        .filter(|container| container.service == *service && !container.oneoff)
        // The shortest name first: while a container is made anew another one has its name with something around it.
        .min_by_key(|container| (container.name.len(), &container.name))
}

/// `service:NAME` becomes that service's container; anything else stays as it is.
fn shared(
    service: &Service,
    mode: Option<&str>,
    what: &str,
    observed: &Observed,
) -> Result<Option<String>, EngineError> {
    match mode.map(|mode| (mode, mode.strip_prefix("service:"))) {
        None => Ok(None),
        Some((mode, None)) => Ok(Some(mode.to_owned())),
        Some((_, Some(name))) => container_of(service, name, &format!("share its {what} namespace"), observed)
            .map(|container| Some(format!("container:{}", container.id))),
    }
}

fn container_of<'a>(
    service: &Service,
    name: &str,
    purpose: &str,
    observed: &'a Observed,
) -> Result<&'a ObservedContainer, EngineError> {
    first_of(observed, name).ok_or_else(|| {
        refuse(service, &format!("{name} has no container to {purpose}"), &format!("bring {name} up first"))
    })
}

fn network_service(service: &Service, name: &ServiceName, observed: &Observed) -> Result<String, EngineError> {
    container_of(service, name.as_str(), "share its network", observed)
        .map(|container| format!("container:{}", container.id))
}

fn volumes_from(service: &Service, observed: &Observed) -> Result<Vec<String>, EngineError> {
    service
        .volumes_from
        .iter()
        .map(|entry| {
            let mut words = entry.split(':');
            match (words.next(), words.next()) {
                (Some("container"), Some(name)) => Ok(name.to_owned()),
                (Some(name), _) => {
                    container_of(service, name, "share its volumes", observed).map(|found| found.id.to_string())
                }
                (None, _) => Ok(entry.clone()),
            }
        })
        .collect()
}

/// Security options with seccomp profiles read in, and whether system paths are to be unconfined.
fn security_options(project: &Project, service: &Service) -> Result<(Vec<String>, bool), EngineError> {
    let mut options = Vec::new();
    let mut unconfined = false;
    for option in &service.security_opt {
        if option == "systempaths=unconfined" {
            unconfined = true;
            continue;
        }
        let (key, value) = match option.split_once('=').or_else(|| option.split_once(':')) {
            Some(pair) => pair,
            None if option == "no-new-privileges" => (option.as_str(), ""),
            None => {
                return Err(refuse(
                    service,
                    &format!("security_opt {option:?} is not valid"),
                    "options look like `no-new-privileges`, `apparmor=PROFILE` or `seccomp=FILE`",
                ));
            }
        };
        if key == "seccomp" && !matches!(value, "unconfined" | "builtin") {
            options.push(format!("seccomp={}", seccomp(&project.directory.join(value))?));
        } else {
            options.push(option.clone());
        }
    }
    Ok((options, unconfined))
}

/// A profile's JSON, compact.
fn seccomp(path: &std::path::Path) -> Result<String, EngineError> {
    let failed = |why: String| EngineError::File { path: path.into(), why };
    let text = std::fs::read(path).map_err(|error| failed(format!("the seccomp profile can't be read: {error}")))?;
    let profile: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| failed(format!("the seccomp profile is not JSON: {error}")))?;
    Ok(profile.to_string())
}
