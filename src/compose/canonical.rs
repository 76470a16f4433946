//! Short forms spelled out, and defaults of what is left unsaid: after this a key has one shape only.
//!
//! Works on a file that is checked, and on the base of an `extends` that isn't: what has an unexpected shape is left as
//! it is, for the check to find.

use super::{
    merge::{dependency, into_mapping},
    port,
    report::{Problem, Report},
    tree::{Map, Node, Span, Value},
    volume,
};

/// Spells out every short form.
pub(super) fn canonical(root: &mut Node, report: &mut Report) {
    let Some(root) = root.map_mut() else { return };
    each(root, "services", |_, service| spell_service(service, report));
    for section in ["volumes", "networks", "secrets", "configs"] {
        each(root, section, |name, resource| external(section, name, resource, report));
    }
}

/// Calls `act` on every entry of `root.section`.
pub(super) fn each(root: &mut Map, section: &str, mut act: impl FnMut(&str, &mut Node)) {
    if let Some(entries) = root.get_mut(section).and_then(Node::map_mut) {
        for (name, node) in entries.nodes_mut() {
            act(name, node);
        }
    }
}

fn spell_service(service: &mut Node, report: &mut Report) {
    let Some(service) = service.map_mut() else { return };
    if let Some(build) = service.get_mut("build") {
        if build.str().is_some() {
            wrap(build, "context");
        }
        if let Some(build) = build.map_mut() {
            spell_build(build, report);
        }
    }
    if let Some(node) = service.get_mut("depends_on") {
        spell_depends_on(node);
    }
    spell_env_files(service);
    for key in ["label_file", "dns"] {
        if let Some(node) = service.get_mut(key) {
            listify(node);
        }
    }
    if let Some(node) = service.get_mut("extends")
        && node.str().is_some()
    {
        wrap(node, "service");
    }
    spell_gpus(service);
    for key in ["networks", "models"] {
        if let Some(node) = service.get_mut(key)
            && matches!(node.value, Value::Seq(_))
        {
            let span = node.span;
            let list = std::mem::replace(node, Node::new(Value::Null, span));
            node.value = Value::Map(into_mapping(list, false).unwrap_or_default());
        }
    }
    spell_volumes(service, report);
    for item in items(service, "devices") {
        spell_device(item, report);
    }
    for key in ["secrets", "configs"] {
        for item in items(service, key) {
            if item.str().is_some() {
                wrap(item, "source");
            }
        }
    }
    if let Some(node) = service.get_mut("ports") {
        spell_ports(node, report);
    }
    if let Some(watch) = service.get_mut("develop").and_then(Node::map_mut) {
        for rule in items(watch, "watch") {
            for key in ["ignore", "include"] {
                if let Some(node) = rule.map_mut().and_then(|rule| rule.get_mut(key)) {
                    listify(node);
                }
            }
        }
    }
}

fn spell_env_files(service: &mut Map) {
    if let Some(node) = service.get_mut("env_file") {
        listify(node);
        for entry in node.seq_mut().into_iter().flatten() {
            if entry.str().is_some() {
                wrap(entry, "path");
            }
            let span = entry.span;
            if let Some(entry) = entry.map_mut() {
                entry.set_default("required", Value::Bool(true), span);
            }
        }
    }
}

fn spell_gpus(service: &mut Map) {
    if let Some(node) = service.get_mut("gpus")
        && node.str().is_some()
    {
        let span = node.span;
        wrap(node, "count");
        if let Some(request) = node.map_mut() {
            request.set("count", Node::string("all", span));
        }
        let request = std::mem::replace(node, Node::new(Value::Null, span));
        node.value = Value::Seq(vec![request]);
    }
}

fn spell_volumes(service: &mut Map, report: &mut Report) {
    for item in items(service, "volumes") {
        if let Value::Str(spec) = &item.value {
            match volume::parse(spec) {
                Ok(short) => *item = short.long(item.span),
                Err(problem) => report.error(
                    Problem::new(format!("`{spec}` is not a volume: {problem}"))
                        .at(item.span)
                        .label("expected SOURCE:TARGET[:MODE]"),
                ),
            }
        }
    }
}

fn spell_build(build: &mut Map, report: &mut Report) {
    for item in items(build, "secrets") {
        if item.str().is_some() {
            wrap(item, "source");
        }
    }
    for key in ["provenance", "sbom"] {
        if let Some(node) = build.get_mut(key)
            && !matches!(node.value, Value::Str(_))
        {
            node.value = Value::Str(node.value.to_string().into());
        }
    }
    if let Some(node) = build.get_mut("additional_contexts") {
        let mut map = Map::new();
        for item in node.seq().into_iter().flatten() {
            match item.str().and_then(|text| text.split_once('=')) {
                Some((name, value)) => map.insert(name, item.span, Node::string(value, item.span)),
                None => report.error(
                    Problem::new(format!("`{}` is not an additional context", item.value))
                        .at(item.span)
                        .label("expected NAME=VALUE"),
                ),
            }
        }
        if node.seq().is_some() {
            node.value = Value::Map(map);
        }
    }
    if let Some(node) = build.get_mut("ssh") {
        let mut map = Map::new();
        for item in node.seq().into_iter().flatten() {
            match item.str().map(|text| (text, text.split_once('='))) {
                Some((_, Some((id, path)))) => map.insert(id, item.span, Node::string(path, item.span)),
                Some(("default", None)) => map.insert("default", item.span, Node::new(Value::Null, item.span)),
                _ => report.error(
                    Problem::new(format!("`{}` is not an SSH key", item.value))
                        .at(item.span)
                        .label("expected `default` or ID=PATH"),
                ),
            }
        }
        if node.seq().is_some() {
            node.value = Value::Map(map);
        }
    }
}

fn spell_depends_on(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => {
            for (_, entry) in map.nodes_mut() {
                let span = entry.span;
                if let Some(entry) = entry.map_mut() {
                    entry.set_default("condition", Value::Str("service_started".into()), span);
                    entry.set_default("required", Value::Bool(true), span);
                }
            }
        }
        Value::Seq(items) => {
            let mut map = Map::new();
            for item in items {
                if let Value::Str(name) = &item.value {
                    map.insert(name.clone(), item.span, dependency(item.span));
                }
            }
            node.value = Value::Map(map);
        }
        _ => {}
    }
}

fn spell_device(node: &mut Node, report: &mut Report) {
    let Some(text) = node.str() else { return };
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, "", "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => {
            report.error(
                Problem::new(format!("`{text}` is not a device"))
                    .at(node.span)
                    .label("expected SOURCE[:TARGET[:PERMISSIONS]]"),
            );
            return;
        }
    };
    let mut map = Map::new();
    map.set("source", Node::string(source, node.span));
    map.set("target", Node::string(if target.is_empty() { source } else { target }, node.span));
    map.set("permissions", Node::string(permissions, node.span));
    node.value = Value::Map(map);
}

/// One port that is none leaves the whole list as it is.
fn spell_ports(node: &mut Node, report: &mut Report) {
    let Some(entries) = node.seq_mut() else { return };
    let mut ports = Vec::with_capacity(entries.len());
    let mut failed = false;
    for entry in entries.iter() {
        let spec = match &entry.value {
            Value::Int(n) => n.to_string(),
            Value::Str(text) => text.to_string(),
            Value::Map(_) => {
                ports.push(entry.clone());
                continue;
            }
            value => {
                failed = true;
                report.error(
                    Problem::new(format!("`{value}` is not a port"))
                        .at(entry.span)
                        .label("expected a port")
                        .help("quote ports: \"8000:8000\""),
                );
                continue;
            }
        };
        match port::parse(&spec) {
            Ok(short) => ports.extend(short.iter().map(|port| port.long(entry.span))),
            Err(problem) => {
                failed = true;
                report.error(
                    Problem::new(format!("`{spec}` is not a port: {problem}"))
                        .at(entry.span)
                        .label("expected [[IP:]HOST:]CONTAINER[/PROTOCOL]"),
                );
            }
        }
    }
    if !failed {
        *entries = ports;
    }
}

/// `external: {name: x}`, the old way to say `name: x` and `external: true`.
fn external(section: &str, name: &str, resource: &mut Node, report: &mut Report) {
    let Some(resource) = resource.map_mut() else { return };
    let Some(external) = resource.get_mut("external") else { return };
    let span = external.span;
    if !matches!(external.value, Value::Map(_)) {
        return;
    }
    let Value::Map(old) = std::mem::replace(&mut external.value, Value::Bool(true)) else { return };
    let Some(old_name) = old.get("name") else { return };
    report.warning(
        Problem::new(format!("`{section}.{name}.external.name` is deprecated"))
            .at(span)
            .help("write `name:` beside `external: true`"),
    );
    match resource.get("name") {
        Some(new_name) if !new_name.same(old_name) => report.error(
            Problem::new(format!("`{section}.{name}` has two names"))
                .at(old_name.span)
                .note_at("the other is at", new_name.span)
                .help("keep `name:`"),
        ),
        Some(_) => {}
        None => resource.set("name", old_name.clone()),
    }
}

fn items<'m>(map: &'m mut Map, key: &str) -> impl Iterator<Item = &'m mut Node> {
    map.get_mut(key).and_then(Node::seq_mut).into_iter().flatten()
}

/// `x` becomes `{key: x}`.
fn wrap(node: &mut Node, key: &str) {
    let span = node.span;
    let inner = std::mem::replace(node, Node::new(Value::Null, span));
    let mut map = Map::new();
    map.set(key, inner);
    node.value = Value::Map(map);
}

/// `x` becomes `[x]`.
fn listify(node: &mut Node) {
    if node.str().is_some() {
        let inner = node.clone();
        node.value = Value::Seq(vec![inner]);
    }
}

/// Drops empty name servers, which a variable without a value leaves behind.
pub(super) fn omit_empty(root: &mut Node) {
    let Some(root) = root.map_mut() else { return };
    each(root, "services", |_, service| {
        if let Some(dns) = service.map_mut().and_then(|service| service.get_mut("dns")).and_then(Node::seq_mut) {
            dns.retain(|server| !server.is_null() && server.str() != Some(""));
        }
    });
}

/// Fills in what Compose fills in once all files are merged.
pub(super) fn defaults(root: &mut Node) {
    let Some(root) = root.map_mut() else { return };
    each(root, "services", |_, service| {
        let Some(service) = service.map_mut() else { return };
        if let Some(build) = service.get_mut("build") {
            let span = build.span;
            if let Some(build) = build.map_mut() {
                build.set_default("context", Value::Str(".".into()), span);
            }
        }
        for secret in items(service, "secrets") {
            let span = secret.span;
            if let Some(secret) = secret.map_mut() {
                let source = secret.get("source").map_or("<nil>".into(), |source| source.value.to_string());
                secret.set_default("target", Value::Str(format!("/run/secrets/{source}").into()), span);
            }
        }
        for port in items(service, "ports") {
            let span = port.span;
            if let Some(port) = port.map_mut() {
                port.set_default("protocol", Value::Str("tcp".into()), span);
                port.set_default("mode", Value::Str("ingress".into()), span);
            }
        }
        for request in items(service, "gpus") {
            all_devices(request);
        }
        let reservations = ["resources", "reservations"];
        let deploy = service.get_mut("deploy").and_then(Node::map_mut);
        let found =
            reservations.iter().try_fold(deploy, |map, step| map.map(|map| map.get_mut(step).and_then(Node::map_mut)));
        if let Some(Some(reservations)) = found {
            for request in items(reservations, "devices") {
                all_devices(request);
            }
        }
    });
}

fn all_devices(request: &mut Node) {
    let span: Span = request.span;
    if let Some(request) = request.map_mut()
        && !request.contains("count")
        && !request.contains("device_ids")
    {
        request.set("count", Node::string("all", span));
    }
}
