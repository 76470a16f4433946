//! What is implied, said: the default network, names of resources, dependencies that links and shared namespaces
//! imply, the environment's values for variables that are only named.

use super::{
    canonical::each,
    interpolate::Environment,
    tree::{Map, Node, Span, Value},
    volume::clean,
};

/// Namespaces that can be those of another service.
const NAMESPACES: &[&str] = &["network_mode", "ipc", "pid", "uts", "cgroup"];

/// Gives variables that are only named the value that the environment has.
pub(super) fn resolve_environment(root: &mut Node, environment: &Environment) {
    let Some(root) = root.map_mut() else { return };
    each(root, "services", |_, service| {
        let entries = service.map_mut().and_then(|service| service.get_mut("environment")).and_then(Node::seq_mut);
        for entry in entries.into_iter().flatten() {
            if let Some(value) = entry.str().and_then(|name| environment.get(name)) {
                entry.value = Value::Str(format!("{}={value}", entry.value).into());
            }
        }
    });
}

/// Normalises a project of this name.
pub(super) fn normalize(root: &mut Node, name: &str, environment: &Environment) {
    let span = root.span;
    let Some(root) = root.map_mut() else { return };
    root.set("name", Node::string(name, span));
    let uses_default = connect_to_default(root);
    each(root, "services", |_, service| normalize_service(service, environment));
    if uses_default {
        if root.some("networks").is_none() {
            root.set("networks", Node::new(Value::Map(Map::new()), span));
        }
        if let Some(networks) = root.get_mut("networks").and_then(Node::map_mut) {
            networks.set_default("default", Value::Null, Span::default());
        }
    }
    for section in ["networks", "volumes", "configs", "secrets"] {
        each(root, section, |key, resource| {
            let span = resource.span;
            if resource.is_null() {
                resource.value = Value::Map(Map::new());
            }
            let Some(resource) = resource.map_mut() else { return };
            if resource.some("name").is_none() {
                let external = resource.get("external").is_some_and(|external| is_true(&external.value));
                let named = if external { key.to_owned() } else { format!("{name}_{key}") };
                resource.set("name", Node::string(named, span));
            }
        });
    }
}

fn is_true(value: &Value) -> bool {
    matches!(value.to_string().as_str(), "1" | "t" | "T" | "TRUE" | "true" | "True")
}

/// Connects services that name no network to `default`; whether any service uses it.
fn connect_to_default(root: &mut Map) -> bool {
    let mut uses_default = false;
    each(root, "services", |_, service| {
        let span = service.span;
        let Some(service) = service.map_mut() else { return };
        if service.contains("provider") || service.contains("network_mode") {
            return;
        }
        match service.get("networks").and_then(Node::map) {
            Some(networks) if !networks.is_empty() => uses_default |= networks.contains("default"),
            _ => {
                let mut networks = Map::new();
                networks.set("default", Node::new(Value::Null, span));
                service.set("networks", Node::new(Value::Map(networks), span));
                uses_default = true;
            }
        }
    });
    uses_default
}

fn normalize_service(service: &mut Node, environment: &Environment) {
    let span = service.span;
    let Some(service) = service.map_mut() else { return };
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.str() == Some("if_not_present")
    {
        policy.value = Value::Str("missing".into());
    }
    if let Some(build) = service.get_mut("build") {
        let span = build.span;
        if let Some(build) = build.map_mut() {
            if build.some("context").is_none() {
                build.set("context", Node::string(".", span));
            }
            if build.some("dockerfile").is_none() && build.some("dockerfile_inline").is_none() {
                build.set("dockerfile", Node::string("Dockerfile", span));
            }
            if let Some(args) = build.get_mut("args") {
                give_values(args, environment, false);
            }
        }
    }
    if let Some(variables) = service.get_mut("environment") {
        give_values(variables, environment, true);
    }
    for volume in service.get_mut("volumes").and_then(Node::seq_mut).into_iter().flatten() {
        if let Some(target) = volume.map_mut().and_then(|volume| volume.get_mut("target"))
            && let Value::Str(text) = &target.value
        {
            target.value = Value::Str(clean(text).into());
        }
    }
    imply_dependencies(service, span);
}

/// Variables and build arguments that are only named.
fn give_values(node: &mut Node, environment: &Environment, keep_unset: bool) {
    match &mut node.value {
        Value::Seq(items) => items.retain_mut(|item| match item.str() {
            Some(text) if !text.contains('=') => match environment.get(text) {
                Some(value) => {
                    item.value = Value::Str(format!("{text}={value}").into());
                    true
                }
                None => keep_unset,
            },
            _ => true,
        }),
        Value::Map(map) => map.retain(|key, value| {
            if !value.is_null() {
                return true;
            }
            match environment.get(key) {
                Some(found) => {
                    value.value = Value::Str(found.as_str().into());
                    true
                }
                None => keep_unset,
            }
        }),
        _ => {}
    }
}

fn imply_dependencies(service: &mut Map, span: Span) {
    let mut implied: Vec<(String, bool, Span)> = Vec::new();
    for link in service.get("links").and_then(Node::seq).into_iter().flatten() {
        if let Some(text) = link.str() {
            let target = match text.split(':').collect::<Vec<_>>().as_slice() {
                [target, _] => (*target).to_owned(),
                _ => text.to_owned(),
            };
            implied.push((target, true, link.span));
        }
    }
    for namespace in NAMESPACES {
        if let Some(node) = service.get(namespace)
            && let Some(target) = node.str().and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((target.to_owned(), true, node.span));
        }
    }
    for from in service.get("volumes_from").and_then(Node::seq).into_iter().flatten() {
        if let Some(text) = from.str().filter(|text| !text.starts_with("container:")) {
            implied.push((text.split(':').next().unwrap_or_default().to_owned(), false, from.span));
        }
    }
    if implied.is_empty() {
        return;
    }
    if service.get("depends_on").and_then(Node::map).is_none() {
        service.set("depends_on", Node::new(Value::Map(Map::new()), span));
    }
    let Some(depends_on) = service.get_mut("depends_on").and_then(Node::map_mut) else { return };
    for (target, restart, span) in implied {
        if !depends_on.contains(&target) {
            let mut entry = Map::new();
            entry.set("condition", Node::string("service_started", span));
            entry.set("restart", Node::new(Value::Bool(restart), span));
            entry.set("required", Node::new(Value::Bool(true), span));
            depends_on.insert(target, span, Node::new(Value::Map(entry), span));
        }
    }
}
