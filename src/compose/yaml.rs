//! The project as Compose prints it in YAML. Unlike JSON it keeps `x-` keys at every level and models, and leaves out
//! what is empty.

use serde_json::Value as Json;

use super::{
    encode::{self, Object},
    schema::{self, Go, Section},
    tree::{Map, Node},
};

/// The sections of a file, as they are printed.
const SECTIONS: &[(&str, &Section)] = &[
    ("services", &schema::SERVICE),
    ("networks", &schema::NETWORK),
    ("volumes", &schema::VOLUME),
    ("secrets", &schema::SECRET),
    ("configs", &schema::CONFIG),
    ("models", &schema::MODEL),
];

/// `object` is the project as JSON, `root` the tree that it was made of.
pub(super) fn project(mut object: Object, root: &Node) -> String {
    for (name, section) in SECTIONS {
        for (key, value) in object.get_mut(*name).and_then(Json::as_object_mut).into_iter().flatten() {
            if let Some(value) = value.as_object_mut() {
                tidy(value, section, root.at(&[name, key]).and_then(Node::map));
            }
        }
    }
    text(&Json::Object(object))
}

/// Any value, laid out as Compose does: lists are indented, long texts stay on their line.
pub(super) fn text(value: &Json) -> String {
    let options = serde_yaml::ser_options! { compact_list_indent: false, folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    let written = serde_yaml::to_fmt_writer_with_options(&mut text, value, options);
    written.map_or_else(|_| String::new(), |()| text)
}

/// Turns JSON's conventions into YAML's, and adds the extensions.
fn tidy(object: &mut Object, section: &'static Section, map: Option<&Map>) {
    if schema::untagged(section) {
        *object = std::mem::take(object).into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect();
    }
    let child = |key: &str| map.and_then(|map| map.get(key));
    for field in section.fields {
        let Some(value) = object.get_mut(field.name) else { continue };
        let node = child(field.name);
        match (field.go, value) {
            (Go::Struct(inner) | Go::StructSet(inner), Json::Object(value)) => {
                tidy(value, inner, node.and_then(Node::map))
            }
            (Go::Structs(inner), Json::Array(items)) => {
                let nodes = node.and_then(Node::seq).unwrap_or_default();
                for (i, item) in items.iter_mut().enumerate() {
                    if let Some(item) = item.as_object_mut() {
                        tidy(item, inner, nodes.get(i).and_then(Node::map));
                    }
                }
            }
            (Go::StructDict(inner), Json::Object(items)) => {
                for (key, item) in items.iter_mut() {
                    if let Some(item) = item.as_object_mut() {
                        tidy(item, inner, node.and_then(|node| node.at(&[key])).and_then(Node::map));
                    }
                }
            }
            (Go::Ulimits, Json::Object(limits)) => {
                for (_, limit) in limits.iter_mut() {
                    if let Some(limit) = limit.as_object_mut() {
                        for key in ["soft", "hard"] {
                            limit.entry(key).or_insert(Json::from(0));
                        }
                    }
                }
            }
            (Go::Ssh, Json::Array(keys)) => {
                for key in keys {
                    if let Some((id, path)) = key.as_str().and_then(|key| key.split_once('=')) {
                        *key = Json::from(format!("{id}: {path}"));
                    }
                }
            }
            _ => {}
        }
    }
    object.retain(|key, value| match section.field(key).map(|field| field.go) {
        Some(Go::Command) => !value.is_null(),
        Some(Go::Struct(_)) => value.as_object().is_none_or(|object| !object.is_empty()),
        _ => true,
    });
    let mut extensions: Vec<_> =
        map.into_iter().flat_map(Map::nodes).filter(|(key, _)| key.starts_with("x-")).collect();
    extensions.sort_by_key(|(key, _)| *key);
    for (key, node) in extensions {
        object.insert(key.to_owned(), encode::plain(node));
    }
}
