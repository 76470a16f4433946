//! Compose's config hashes: sha256 over the JSON of its own structs. They are the labels by which Compose, and devbox,
//! know that a container, network or volume is what the file says.

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::model::{ConfigHash, ServiceName};

use super::{
    encode::Object,
    go,
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
    digest(&service_json(service, folded, reading))
}

/// What `up` hashes of a service: containers that it shares a namespace or volumes with stand in it by their ids.
pub(super) fn service_of_up(service: &Object, folded: &Folded) -> ConfigHash {
    let mut json = service_json(service, folded, Reading::Up);
    if let Some(object) = json.as_object_mut() {
        for key in ["network_mode", "ipc", "pid"] {
            if let Some(Json::String(mode)) = object.get_mut(key)
                && let Some(target) = mode.strip_prefix("service:")
            {
                *mode = format!("container:{MARK}{target}{MARK}");
            }
        }
        for from in object.get_mut("volumes_from").and_then(Json::as_array_mut).into_iter().flatten() {
            let Json::String(text) = from else { continue };
            let mut parts = text.split(':');
            *text = match (parts.next(), parts.next()) {
                (Some("container"), Some(name)) => name.to_owned(),
                (Some(target), _) => format!("{MARK}{target}{MARK}"),
                (None, _) => continue,
            };
        }
    }
    let text = go::json(&json, false);
    let mut hash = ConfigHash::new();
    for (i, piece) in text.split(MARK).enumerate() {
        match ServiceName::new(piece) {
            Ok(name) if i % 2 == 1 => hash.push_container_of(name),
            _ => hash.push_text(piece),
        }
    }
    hash
}

/// Stands around a service's name where its container's id goes: a character that no text contains.
const MARK: char = '\u{fdd0}';

fn service_json(service: &Object, folded: &Folded, reading: Reading) -> Json {
    let mut object = ordered(service, &schema::SERVICE, |key, value| match (key, reading) {
        // What changes without a container having to.
        ("build" | "pull_policy" | "scale" | "depends_on" | "profiles", _) => None,
        ("environment", Reading::Up) => folded.environment.clone(),
        ("env_file", Reading::Up) | ("label_file", Reading::Config) => None,
        ("labels", _) => folded.labels.clone(),
        _ => value.cloned(),
    });
    if let Some(deploy) = object.get_mut("deploy").and_then(Json::as_object_mut) {
        deploy.shift_remove("replicas");
    }
    Json::Object(object)
}

/// A section's object with some values changed, in the struct's order.
pub(super) fn ordered(
    object: &Object,
    section: &'static Section,
    change: impl Fn(&str, Option<&Json>) -> Option<Json>,
) -> Object {
    let fields = section.fields.iter();
    fields.filter_map(|field| Some((field.name.to_owned(), change(field.name, object.get(field.name))?))).collect()
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
    let hash = Sha256::digest(go::json(value, false).as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
