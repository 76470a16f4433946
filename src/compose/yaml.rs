//! The project as Compose prints it in YAML. Unlike JSON it keeps `x-` keys at every level and models, and leaves out
//! what is empty.
//!
//! What is printed is borrowed from where it stands: a [`Mapping`] says only which of it, and in which order.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{
    encode,
    json::Json,
    render::{Part, Rendered},
    schema::{self, Go, Section},
    tree::{Map, Node},
};

/// The project of these parts, each with the `x-` keys of the tree that it was made of.
pub(super) fn project(rendered: &Rendered, parts: &[Part<'_>]) -> String {
    let name = Json::copy_of(&rendered.name);
    let mut project = Mapping(vec![("name".into(), Printed::Json(&name))]);
    for part in parts {
        let nodes = rendered.root.at(&[part.name]).and_then(Node::map);
        project.0.push((part.name.into(), Printed::Section(part, nodes)));
    }
    project.0.extend(rendered.encoded.extensions.iter().map(|(key, value)| (key.into(), Printed::Json(value))));
    text(&project)
}

/// Any value, laid out as Compose does: lists are indented, long texts stay on their line.
pub(super) fn text(value: &impl Serialize) -> String {
    let options = serde_yaml::ser_options! { compact_list_indent: false, folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    let written = serde_yaml::to_fmt_writer_with_options(&mut text, value, options);
    written.map_or_else(|_| String::new(), |()| text)
}

/// A mapping as it is printed.
struct Mapping<'p>(Vec<(Cow<'p, str>, Printed<'p>)>);

/// A value as it is printed.
enum Printed<'p> {
    /// As it stands.
    Json(&'p Json),
    /// Made for it.
    Made(Json),
    /// Of an `x-` key.
    Extension(&'p Node),
    /// A section of the file, with its nodes: entry by entry, since it may be all of a large file.
    Section(&'p Part<'p>, Option<&'p Map>),
    Mapping(Mapping<'p>),
    List(Vec<Printed<'p>>),
}

impl Serialize for Mapping<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(&**key, value)?;
        }
        map.end()
    }
}

impl Serialize for Printed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Printed::Json(value) => value.serialize(serializer),
            Printed::Made(value) => value.serialize(serializer),
            Printed::Extension(node) => encode::plain(node).serialize(serializer),
            Printed::Section(part, nodes) => {
                let mut map = serializer.serialize_map(Some(part.entries.len()))?;
                for (key, fields) in &part.entries {
                    let fields = fields.iter().map(|(key, value)| (*key, &**value));
                    let node = nodes.and_then(|nodes| nodes.get(key)).and_then(Node::map);
                    map.serialize_entry(key, &structure(fields, part.section, node))?;
                }
                map.end()
            }
            Printed::Mapping(mapping) => mapping.serialize(serializer),
            Printed::List(items) => serializer.collect_seq(items),
        }
    }
}

/// A struct with JSON's conventions turned into YAML's, and with its extensions.
fn structure<'p>(
    fields: impl Iterator<Item = (&'p str, &'p Json)>,
    section: &'static Section,
    map: Option<&'p Map>,
) -> Mapping<'p> {
    let is_untagged = schema::untagged(section);
    let mut mapping = Mapping(Vec::new());
    for (key, value) in fields {
        let key = if is_untagged { Cow::Owned(key.to_ascii_lowercase()) } else { Cow::Borrowed(key) };
        let Some(field) = section.field(&key) else {
            mapping.0.push((key, Printed::Json(value)));
            continue;
        };
        let printed = printed(value, field.go, map.and_then(|map| map.get(field.name)));
        let is_left_out = match (field.go, &printed) {
            (Go::Command, Printed::Json(value)) => value.is_null(),
            (Go::Struct(_), Printed::Mapping(mapping)) => mapping.0.is_empty(),
            _ => false,
        };
        if !is_left_out {
            mapping.0.push((key, printed));
        }
    }
    let extensions = map.into_iter().flat_map(Map::nodes).filter(|(key, _)| key.starts_with("x-"));
    let mut extensions: Vec<_> = extensions.map(|(key, node)| (key.into(), Printed::Extension(node))).collect();
    extensions.sort_by(|a: &(Cow<'_, str>, _), b| a.0.cmp(&b.0));
    mapping.0.extend(extensions);
    mapping
}

/// A value of this type; `node` is what it was made of.
fn printed<'p>(value: &'p Json, go: Go, node: Option<&'p Node>) -> Printed<'p> {
    let object = |value: &'p Json, section: &'static Section, node: Option<&'p Node>| match value {
        Json::Object(object) => Printed::Mapping(structure(object.iter(), section, node.and_then(Node::map))),
        value => Printed::Json(value),
    };
    match (go, value) {
        (Go::Struct(section) | Go::StructSet(section), value) => object(value, section, node),
        (Go::Structs(section), Json::Array(items)) => {
            let nodes = node.and_then(Node::seq).unwrap_or_default();
            Printed::List(items.iter().enumerate().map(|(i, item)| object(item, section, nodes.get(i))).collect())
        }
        (Go::StructDict(section), Json::Object(items)) => {
            let nodes = node.and_then(Node::map);
            let item = |(key, item): (&'p str, &'p Json)| {
                (key.into(), object(item, section, nodes.and_then(|nodes| nodes.get(key))))
            };
            Printed::Mapping(Mapping(items.iter().map(item).collect()))
        }
        (Go::Ulimits, Json::Object(limits)) => {
            Printed::Mapping(Mapping(limits.iter().map(|(name, limit)| (name.into(), ulimit(limit))).collect()))
        }
        (Go::Ssh, Json::Array(keys)) => Printed::List(keys.iter().map(ssh_key).collect()),
        (_, value) => Printed::Json(value),
    }
}

/// Both numbers, also those that are 0.
fn ulimit(limit: &Json) -> Printed<'_> {
    let Json::Object(set) = limit else { return Printed::Json(limit) };
    let mut both = set.clone();
    for key in ["soft", "hard"] {
        if !set.contains_key(key) {
            both.push(key, Json::Int(0));
        }
    }
    Printed::Made(both.into())
}

fn ssh_key(key: &Json) -> Printed<'_> {
    match key.as_str().and_then(|key| key.split_once('=')) {
        Some((id, path)) => Printed::Made(Json::from(format!("{id}: {path}"))),
        None => Printed::Json(key),
    }
}
