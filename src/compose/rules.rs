//! Rules on the merged tree, before it is normalised: keys that exclude each other, and those that need each other.

use std::net::IpAddr;

use super::{
    check::key_span,
    report::{Problem, Report},
    tree::{Map, Node},
};

/// Checks all of them.
pub(super) fn rules(root: &Node, report: &mut Report) {
    external_volumes(root, report);
    content_sources(root, report);
    for (name, service) in entries(root, "services") {
        service_rules(name, service, report);
    }
}

fn external_volumes(root: &Node, report: &mut Report) {
    for (name, volume) in entries(root, "volumes") {
        let Some(map) = volume.map() else { continue };
        if map.get("external").is_some_and(|external| external.value.to_string() == "true") {
            for (key, entry) in map.iter() {
                if !matches!(&**key, "name" | "external") && !key.starts_with("x-") {
                    report.error(
                        Problem::new(format!("`volumes.{name}` is external and has `{key}`"))
                            .at(entry.key)
                            .help(format!("an external volume exists already: remove `{key}` or `external`")),
                    );
                }
            }
        }
    }
}

fn content_sources(root: &Node, report: &mut Report) {
    for (section, keys) in [("configs", &["file", "environment", "content"][..]), ("secrets", &["file", "environment"])]
    {
        for (name, resource) in entries(root, section) {
            let Some(map) = resource.map() else { continue };
            let present: Vec<&str> = keys.iter().copied().filter(|key| map.contains(key)).collect();
            let list = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            match present.as_slice() {
                [] if !map.contains("driver") && !map.contains("external") => report.error(
                    Problem::new(format!("`{section}.{name}` doesn't say where it comes from"))
                        .at(key_span(root, &[section, name]))
                        .label(format!("expected one of {list}")),
                ),
                [_, second, ..] => report.error(
                    Problem::new(format!("`{section}.{name}` comes from two places: `{}`", present.join("` and `")))
                        .at(map.key_span(second).unwrap_or(resource.span))
                        .help(format!("keep one of {list}")),
                ),
                _ => {}
            }
        }
    }
}

fn service_rules(name: &str, service: &Node, report: &mut Report) {
    for port in service.at(&["ports"]).and_then(Node::seq).into_iter().flatten() {
        if let Some(ip) = port.at(&["host_ip"])
            && ip.str().is_none_or(|ip| ip.parse::<IpAddr>().is_err())
        {
            report.error(
                Problem::new(format!("`{}` is not an IP address", ip.value))
                    .at(ip.span)
                    .label("expected an address such as 127.0.0.1"),
            );
        }
    }
    for rule in service.at(&["develop", "watch"]).and_then(Node::seq).into_iter().flatten() {
        if let Some(path) = rule.at(&["path"]).filter(|path| path.str() == Some("")) {
            report.error(Problem::new(format!("a watch rule of `{name}` has an empty path")).at(path.span));
        }
    }
    let reserved = service.at(&["deploy", "resources", "reservations", "devices"]);
    for request in [service.at(&["gpus"]), reserved].into_iter().flatten().filter_map(Node::seq).flatten() {
        if let Some(map) = request.map()
            && map.contains("count")
            && map.contains("device_ids")
        {
            report.error(
                Problem::new(format!("a device request of `{name}` has both `count` and `device_ids`"))
                    .at(map.key_span("count").unwrap_or(request.span))
                    .help("keep one of them"),
            );
        }
    }
    for volume in service.at(&["volumes"]).and_then(Node::seq).into_iter().flatten() {
        if volume.at(&["type"]).and_then(Node::str) == Some("bind") && volume.at(&["source"]).is_none() {
            report.error(
                Problem::new(format!("a bind mount of `{name}` has no source"))
                    .at(volume.span)
                    .label("expected `source:`"),
            );
        }
    }
}

fn entries<'n>(root: &'n Node, section: &str) -> impl Iterator<Item = (&'n str, &'n Node)> {
    root.at(&[section]).and_then(Node::map).into_iter().flat_map(Map::nodes)
}
