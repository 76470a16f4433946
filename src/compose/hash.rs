//! Compose's config hashes: sha256 over the JSON of its own structs. They are the labels by which Compose, and devbox,
//! know that a container, network or volume is what the file says.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::model::{ConfigHash, ServiceName};

use super::{
    go,
    json::{Json, Object},
    project::Folded,
    schema::{self, Section},
};

/// Which of Compose's two readings of a service: they differ when it has an `env_file` or a `label_file`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Compose's `up`, hence the label.
    Up,
    /// `config --hash`, which leaves env files unread.
    Config,
}

/// The hash of a service.
pub(super) fn service(service: &Object, folded: &Folded, reading: Reading) -> String {
    hex(&text(&hashed(service, folded, reading)))
}

/// What `up` hashes of a service: containers that it shares a namespace or volumes with stand in it by their ids.
pub(super) fn service_of_up(service: &Object, folded: &Folded) -> ConfigHash {
    let mut fields = hashed(service, folded, Reading::Up);
    for (name, value) in &mut fields {
        match (*name, &**value) {
            ("network_mode" | "ipc" | "pid", Json::String(mode)) => {
                if let Some(target) = mode.strip_prefix("service:") {
                    *value = Cow::Owned(Json::from(format!("container:{MARK}{target}{MARK}")));
                }
            }
            ("volumes_from", Json::Array(froms)) => {
                *value = Cow::Owned(froms.iter().map(volumes_of).collect());
            }
            _ => {}
        }
    }
    let mut hash = ConfigHash::new();
    for (i, piece) in text(&fields).split(MARK).enumerate() {
        match ServiceName::new(piece) {
            Ok(name) if i % 2 == 1 => hash.push_container_of(name),
            _ => hash.push_text(piece),
        }
    }
    hash
}

/// An entry of `volumes_from`, with the id of the container that it means.
fn volumes_of(from: &Json) -> Json {
    let Json::String(text) = from else { return from.clone() };
    let mut parts = text.split(':');
    match (parts.next(), parts.next()) {
        (Some("container"), Some(name)) => Json::copy_of(name),
        (Some(target), _) => Json::from(format!("{MARK}{target}{MARK}")),
        (None, _) => from.clone(),
    }
}

/// Stands around a service's name where its container's id goes: a character that no text contains.
const MARK: char = '\u{fdd0}';

/// What is hashed of a service, in the struct's order: borrowed, since most of it is as it stands in the file.
fn hashed<'s>(service: &'s Object, folded: &'s Folded, reading: Reading) -> Vec<(&'static str, Cow<'s, Json>)> {
    let value = |name: &str| match (name, reading) {
        // What changes without a container having to.
        ("build" | "pull_policy" | "scale" | "depends_on" | "profiles", _) => None,
        ("environment", Reading::Up) => folded.environment.as_ref(),
        ("env_file", Reading::Up) | ("label_file", Reading::Config) => None,
        ("labels", _) => folded.labels.as_ref(),
        (name, _) => service.get(name),
    };
    let without_replicas = |deploy: &'s Json| match deploy {
        Json::Object(object) if object.contains_key("replicas") => {
            let mut object = object.clone();
            object.remove("replicas");
            Cow::Owned(Json::Object(object))
        }
        deploy => Cow::Borrowed(deploy),
    };
    let fields = schema::SERVICE.fields.iter().filter_map(|field| Some((field.name, value(field.name)?)));
    fields
        .map(|(name, value)| (name, if name == "deploy" { without_replicas(value) } else { Cow::Borrowed(value) }))
        .collect()
}

fn text(fields: &[(&str, Cow<'_, Json>)]) -> String {
    go::json_object(fields.iter().map(|(name, value)| (*name, &**value)))
}

/// A section's object with some values changed, in the struct's order.
pub(super) fn ordered(
    object: &Object,
    section: &'static Section,
    change: impl Fn(&str, Option<&Json>) -> Option<Json>,
) -> Object {
    let fields = section.fields.iter();
    fields.filter_map(|field| Some((field.name.into(), change(field.name, object.get(field.name))?))).collect()
}

/// The hash of a network.
pub(super) fn network(network: &Object) -> String {
    digest(&Json::Object(network.clone()))
}

/// The hash of a volume; one without a driver has the local one.
pub(super) fn volume(volume: &Object) -> String {
    digest(&Json::Object(ordered(volume, &schema::VOLUME, |key, value| match (key, value) {
        ("driver", None) => Some(Json::from("local")),
        (_, value) => value.cloned(),
    })))
}

fn digest(value: &Json) -> String {
    hex(&go::json(value, false))
}

fn hex(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
