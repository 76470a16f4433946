//! What to do about a value or a key that the specification refuses.

use std::sync::Arc;

use super::{
    schema::{self, Extra, Go, Schema, Section},
    tree::{Map, Node, Value},
};
use crate::model::nearest;

/// Words that people use for a key, by section; other tools' names for it, mostly.
const OTHER_WORDS: &[(&str, &[(&str, &str)])] = &[
    (
        "service",
        &[
            ("cap", "cap_add"),
            ("capabilities", "cap_add"),
            ("cmd", "command"),
            ("cpu", "cpus"),
            ("cpu_limit", "cpus"),
            ("depends", "depends_on"),
            ("env", "environment"),
            ("envs", "environment"),
            ("health", "healthcheck"),
            ("host", "hostname"),
            ("hosts", "extra_hosts"),
            ("limits", "deploy.resources.limits"),
            ("memory", "mem_limit"),
            ("memory_limit", "mem_limit"),
            ("name", "container_name"),
            ("needs", "depends_on"),
            ("requires", "depends_on"),
            ("restart_policy", "restart"),
            ("run", "command"),
            ("timeout", "stop_grace_period"),
            ("variables", "environment"),
            ("workdir", "working_dir"),
        ],
    ),
    ("build", &[("env", "args"), ("file", "dockerfile"), ("path", "context"), ("stage", "target")]),
    ("healthcheck", &[("cmd", "test"), ("command", "test"), ("start_delay", "start_period")]),
    ("logging", &[("opts", "options")]),
    ("limits", &[("cpu", "cpus"), ("mem", "memory")]),
    ("reservations", &[("cpu", "cpus"), ("mem", "memory")]),
    ("network", &[("opts", "driver_opts"), ("options", "driver_opts"), ("subnet", "ipam.config[].subnet")]),
    ("volume", &[("opts", "driver_opts"), ("options", "driver_opts")]),
    ("ports", &[("container", "target"), ("host", "published"), ("port", "target")]),
    ("volumes", &[("destination", "target"), ("dst", "target"), ("mode", "read_only"), ("src", "source")]),
];

/// For a key that `section`, at `path`, doesn't have.
pub(super) fn unknown_key(name: &str, value: &Node, path: &[Arc<str>], section: &'static Section) -> Option<String> {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    if section.field(&lower).is_some() {
        return Some(format!("did you mean `{lower}`?"));
    }
    if let Some(word) = other_word(&lower, path, section) {
        return Some(format!("did you mean `{word}`?"));
    }
    if let Some(near) = nearest(&lower, section.fields.iter().map(|field| field.name)) {
        return Some(format!("did you mean `{near}`?"));
    }
    if path.is_empty() {
        if schema::SERVICE.field(name).is_some() {
            return Some(format!("`{name}` belongs to a service: services: NAME: {name}:"));
        }
        if is_service(value) {
            return Some(format!("is `{name}` a service? services stand below `services:`, indented"));
        }
    }
    if let Some(owner) = owner_of(name, section) {
        return Some(format!("`{name}` belongs under `{owner}`"));
    }
    if path.len() == 2 && schema::TOP.field(name).is_some() {
        return Some(format!("`{name}` belongs to the top of the file: check the indentation"));
    }
    (section.extra == Extra::Extensions).then(|| format!("remove it, or call it `x-{name}` to have it ignored"))
}

fn other_word(name: &str, path: &[Arc<str>], section: &'static Section) -> Option<&'static str> {
    // Sections have names of their own, or that of their key.
    let key = path.iter().rev().find(|step| step.parse::<usize>().is_err()).map_or("", |step| step);
    let words = |(of, _): &&(&str, &[(&str, &str)])| *of == section.name || path.len() > 2 && *of == key;
    let (_, words) = OTHER_WORDS.iter().find(words)?;
    words.iter().find(|(word, _)| *word == name).map(|(_, meant)| *meant)
}

/// It has what a service must have.
fn is_service(node: &Node) -> bool {
    node.map().is_some_and(|map| map.contains("image") || map.contains("build"))
}

/// A section that was indented into `services`: it is no service.
pub(super) fn is_displaced(path: &[Arc<str>], map: &Map) -> bool {
    let [parent, name] = path else { return false };
    &**parent == "services"
        && schema::TOP.field(name).is_some()
        && !map.is_empty()
        && map.nodes().all(|(key, _)| schema::SERVICE.field(key).is_none() && !key.starts_with("x-"))
}

/// For a value that is no mapping, where a section is expected.
pub(super) fn no_section(node: &Node, path: &[Arc<str>], section: &'static Section) -> Option<String> {
    let key = path.last().map_or("", |step| step);
    match &node.value {
        Value::Null if section.name == "service" => Some("give it an `image:` or a `build:`, indented below it".into()),
        _ if section.name == "service" && schema::SERVICE.field(key).is_some() => {
            Some(format!("`{key}` belongs to a service: indent it further than the service's name"))
        }
        Value::Seq(_) => Some("leave the dashes out".into()),
        Value::Str(_) if key == "healthcheck" => Some("write `healthcheck: {test: \"…\"}`".into()),
        _ => None,
    }
}

/// For a value of a type that `schema` doesn't accept; `go` is the type that it would become.
pub(super) fn wrong_type(node: &Node, path: &[Arc<str>], schema: &Schema, go: Option<Go>) -> Option<String> {
    let types = schema.types();
    let list_only = types.has(schema::SEQ) && !types.has(schema::MAP);
    match &node.value {
        Value::Int(n) if matches!(go, Some(Go::Duration | Go::DurationSet)) => {
            Some(format!("give it a unit, such as seconds: {n}s"))
        }
        value @ (Value::Int(_) | Value::Float(_) | Value::Bool(_)) if types.has(schema::STR) => {
            Some(format!("quote it: \"{value}\""))
        }
        value @ (Value::Int(_) | Value::Float(_)) if list_only => Some(format!("write it as a list: [\"{value}\"]")),
        Value::Timestamp(text) => Some(format!("quote the date: \"{text}\"")),
        Value::Str(text) if list_only && text.len() < 60 => Some(format!("write it as a list: [\"{text}\"]")),
        Value::Str(text) if types.has(schema::MAP) => {
            let (key, value) = text.split_whitespace().next()?.split_once([':', '='])?;
            Some(format!("put a space behind the colon: `{key}: {value}`"))
        }
        Value::Null if matches!(path, [one] if &**one == "services") => Some("indent the services below it".into()),
        Value::Null if types.has(schema::SEQ) || types.has(schema::MAP) => {
            Some("remove the key, or give it a value".into())
        }
        Value::Map(map) if types.has(schema::STR) && map.len() == 1 => {
            let (key, entry) = map.iter().next()?;
            // In braces the first key doesn't stand where the mapping does.
            let is_block = (entry.key.line, entry.key.column) == (node.span.line, node.span.column);
            let in_list = path.last().is_some_and(|step| step.parse::<usize>().is_ok());
            let variable = in_list && path.iter().any(|step| matches!(&**step, "environment" | "labels" | "args"));
            match &entry.node.value {
                value @ (Value::Str(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_)) if variable => {
                    Some(format!("write `- {key}={value}`, or leave the dash out: `{key}: {value}`"))
                }
                _ if is_block => Some("a `: ` inside a text makes it a mapping: quote the whole text".into()),
                _ => None,
            }
        }
        Value::Map(map) if list_only => {
            let scalar = |node: &Node| !matches!(node.value, Value::Map(_) | Value::Seq(_) | Value::Null);
            match map.nodes().next() {
                Some((key, node)) if scalar(node) => Some(format!("write a list: `- \"{key}:{}\"`", node.value)),
                _ => Some("write a list, each entry behind a dash".into()),
            }
        }
        Value::Seq(items) if types.has(schema::MAP) && !types.has(schema::SEQ) => match items.first()?.str() {
            Some(name) => Some(format!("write a mapping: `{name}:` without the dash")),
            None => Some("leave the dashes out".into()),
        },
        _ => None,
    }
}

/// The section inside `section` that has a key of this name: `dockerfile` of a service belongs under `build`.
fn owner_of(name: &str, section: &'static Section) -> Option<&'static str> {
    fn holds(schema: &Schema, name: &str) -> bool {
        match schema {
            Schema::Object(inner) => inner.field(name).is_some(),
            Schema::OneOf(schemas) => schemas.iter().any(|schema| holds(schema, name)),
            _ => false,
        }
    }
    section.fields.iter().find(|field| holds(&field.schema, name)).map(|field| field.name)
}
