//! Compose's encoded structs -> the model. One file per section; short and long syntax have long become one.

mod build;
mod fields;
mod mount;
mod resources;
mod service;

use std::{borrow::Cow, collections::BTreeMap};

use crate::model::{
    ConfigSource, IpamPool, Network, OnChange, Project, ProjectName, SecretSource, Service, ServiceName, Volume,
};

use super::{
    check, hash,
    interpolate::Environment,
    json::{Json, Object},
    load::Tree,
    project::Encoded,
    report::{Failed, Problem, Report},
    source::is_stdin,
    tree::Node,
};
use fields::Fields;

/// The project of the model.
pub(super) fn project(tree: &Tree, encoded: &Encoded, report: &mut Report) -> Result<Project, Failed> {
    let selection = &tree.selection;
    let name = match ProjectName::new(&tree.name) {
        Ok(name) => name,
        Err(error) => return Err(report.fail(Problem::new(error.to_string()))),
    };
    let used = encoded.used_by(&encoded.enabled);
    let mut project = Project {
        name,
        directory: selection.directory.clone(),
        files: selection.files.iter().filter(|file| !is_stdin(file)).cloned().collect(),
        env_files: selection.env_files.clone(),
        profiles: encoded.profiles.clone(),
        services: BTreeMap::new(),
        networks: used.networks.iter().map(|(key, value)| ((*key).to_owned(), network(key, value))).collect(),
        volumes: used.volumes.iter().map(|(key, value)| ((*key).to_owned(), volume(key, value))).collect(),
        secrets: encoded
            .secrets
            .iter()
            .filter_map(|(key, value)| Some((key.to_string(), secret(value, &selection.environment)?)))
            .collect(),
        configs: encoded
            .configs
            .iter()
            .filter_map(|(key, value)| Some((key.to_string(), config(value, &selection.environment)?)))
            .collect(),
    };
    // One by one: a collection would hold all of them a second time.
    project.services.extend(
        encoded
            .services
            .iter()
            .filter_map(|(key, service)| service_of(key, service, encoded, &tree.root, report))
            .map(|service| (service.name.clone(), service)),
    );
    // As written, where nothing says otherwise.
    project.profiles.dedup();
    report.checked()?;
    Ok(project)
}

fn service_of(key: &str, object: &Object, encoded: &Encoded, root: &Node, report: &mut Report) -> Option<Service> {
    let folded = encoded.folded.get(key).map_or_else(Cow::default, Cow::Borrowed);
    let Ok(name) = ServiceName::new(key) else { return None };
    let mut service = service::service(name, Fields::from(object), &folded);
    service.enabled = encoded.enabled.contains(key);
    service.config_hash = hash::service_of_up(object, &folded);
    service.on_change = on_change(key, root, report);
    if let Some(restart) = object.get("restart").and_then(Json::as_str)
        && service::restart_policy(restart).is_none()
    {
        let span = check::key_span(root, &["services", key, "restart"]);
        report.warning(
            Problem::new(format!("`{restart}` is not a restart policy: service `{key}` is not restarted"))
                .at(span)
                .help("write no, always, unless-stopped or on-failure[:N]"),
        );
    }
    Some(service)
}

/// `x-devbox: {on_change: …}` of a service.
fn on_change(service: &str, root: &Node, report: &mut Report) -> Option<OnChange> {
    let node = root.at(&["services", service, "x-devbox", "on_change"])?;
    match node.str() {
        Some("ask") => Some(OnChange::Ask),
        Some("rebuild") => Some(OnChange::Rebuild),
        Some("ignore") => Some(OnChange::Ignore),
        _ => {
            report.warning(
                Problem::new(format!("`on_change` of `{service}` can't be `{}`", node.value))
                    .at(node.span)
                    .label("expected ask, rebuild or ignore"),
            );
            None
        }
    }
}

fn network(key: &str, value: &Object) -> Network {
    let fields = Fields::from(value);
    let ipam = fields.section("ipam");
    let pool = |pool: Fields<'_>| IpamPool {
        subnet: pool.string("subnet"),
        gateway: pool.string("gateway"),
        ip_range: pool.string("ip_range"),
        aux_addresses: pool.strings_by_key("aux_addresses"),
    };
    Network {
        key: key.to_owned(),
        name: fields.text("name"),
        external: fields.flag("external"),
        driver: fields.string("driver"),
        driver_opts: fields.strings_by_key("driver_opts"),
        internal: fields.flag("internal"),
        attachable: fields.flag("attachable"),
        enable_ipv4: fields.optional_flag("enable_ipv4"),
        enable_ipv6: fields.optional_flag("enable_ipv6"),
        ipam_driver: ipam.and_then(|ipam| ipam.string("driver")),
        // Compose drops them, so that they reach no engine.
        ipam_options: Default::default(),
        ipam: ipam.map(|ipam| ipam.structs("config").map(pool).collect()).unwrap_or_default(),
        labels: fields.strings_by_key("labels"),
        config_hash: hash::network(value),
    }
}

fn volume(key: &str, value: &Object) -> Volume {
    let fields = Fields::from(value);
    Volume {
        key: key.to_owned(),
        name: fields.text("name"),
        external: fields.flag("external"),
        driver: fields.string("driver"),
        driver_opts: fields.strings_by_key("driver_opts"),
        labels: fields.strings_by_key("labels"),
        config_hash: hash::volume(value),
    }
}

fn secret(value: &Object, environment: &Environment) -> Option<SecretSource> {
    let fields = Fields::from(value);
    if fields.flag("external") {
        return Some(SecretSource::External { name: fields.text("name") });
    }
    if let Some(file) = fields.string("file") {
        return Some(SecretSource::File(file.into()));
    }
    let variable = fields.string("environment")?;
    let value = environment.get(&variable).cloned();
    Some(SecretSource::Environment { variable, value })
}

fn config(value: &Object, environment: &Environment) -> Option<ConfigSource> {
    let fields = Fields::from(value);
    if fields.flag("external") {
        return Some(ConfigSource::External { name: fields.text("name") });
    }
    if let Some(file) = fields.string("file") {
        return Some(ConfigSource::File(file.into()));
    }
    if let Some(variable) = fields.string("environment") {
        let value = environment.get(&variable).cloned();
        return Some(ConfigSource::Environment { variable, value });
    }
    Some(ConfigSource::Content(fields.text("content")))
}
