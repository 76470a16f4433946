//! A later file (or the extending service) over an earlier one. One row of [`RULES`] per key that is merged in its own
//! way; everything else: mappings key by key, lists one behind the other, scalars replaced, null overrides nothing.

use super::{
    path::{Path, Pattern},
    report::{Failed, Problem, Report},
    tree::{Map, Node, Span, Value},
};

/// How a key is merged.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Both sides become lists of `key=value`, one behind the other; who wins is settled by `unique`.
    Sequence,
    /// As `Sequence`, without what is there already.
    Hosts,
    /// The later value wins whole, null too.
    Replace,
    Build,
    DependsOn,
    /// Options are merged when both speak of the same driver.
    Logging,
    /// A list of names is a mapping of names to nothing.
    Names,
    /// By subnet.
    IpamConfig,
}

const RULES: &[(Pattern, Rule)] = &[
    (&["networks", "*", "ipam", "config"], Rule::IpamConfig),
    (&["networks", "*", "labels"], Rule::Sequence),
    (&["volumes", "*", "labels"], Rule::Sequence),
    (&["services", "*", "annotations"], Rule::Sequence),
    (&["services", "*", "build"], Rule::Build),
    (&["services", "*", "build", "args"], Rule::Sequence),
    (&["services", "*", "build", "additional_contexts"], Rule::Sequence),
    (&["services", "*", "build", "extra_hosts"], Rule::Hosts),
    (&["services", "*", "build", "labels"], Rule::Sequence),
    (&["services", "*", "command"], Rule::Replace),
    (&["services", "*", "depends_on"], Rule::DependsOn),
    (&["services", "*", "deploy", "labels"], Rule::Sequence),
    (&["services", "*", "dns"], Rule::Sequence),
    (&["services", "*", "dns_opt"], Rule::Sequence),
    (&["services", "*", "dns_search"], Rule::Sequence),
    (&["services", "*", "entrypoint"], Rule::Replace),
    (&["services", "*", "env_file"], Rule::Sequence),
    (&["services", "*", "label_file"], Rule::Sequence),
    (&["services", "*", "environment"], Rule::Sequence),
    (&["services", "*", "extra_hosts"], Rule::Hosts),
    (&["services", "*", "healthcheck", "test"], Rule::Replace),
    (&["services", "*", "labels"], Rule::Sequence),
    (&["services", "*", "logging"], Rule::Logging),
    (&["services", "*", "models"], Rule::Names),
    (&["services", "*", "networks"], Rule::Names),
    (&["services", "*", "sysctls"], Rule::Sequence),
    (&["services", "*", "tmpfs"], Rule::Sequence),
    (&["services", "*", "ulimits", "*"], Rule::Replace),
];

/// `over` over `base`, both whole files.
pub(super) fn merge(base: Node, over: Node, report: &mut Report) -> Result<Node, Failed> {
    merge_nodes(base, over, &Path::ROOT, report)
}

/// The extending service over the one it extends.
pub(super) fn merge_service(base: Node, over: Node, name: &str, report: &mut Report) -> Result<Node, Failed> {
    merge_nodes(base, over, &Path::ROOT.next("services").next(name), report)
}

fn merge_nodes(base: Node, over: Node, path: &Path<'_>, report: &mut Report) -> Result<Node, Failed> {
    if let Some(rule) = path.find(RULES) {
        return merge_by_rule(base, over, rule, path, report);
    }
    let span = base.span;
    match (base.value, over.value) {
        (value, Value::Null) => Ok(Node::new(value, span)),
        (Value::Map(base), Value::Map(other)) => {
            Ok(Node::new(Value::Map(merge_maps(base, other, path, report)?), span))
        }
        (Value::Seq(mut items), Value::Seq(more)) => {
            items.extend(more);
            Ok(Node::new(Value::Seq(items), span))
        }
        (base @ (Value::Map(_) | Value::Seq(_)), other) => Err(report.fail(
            Problem::new(format!("`{path}` is {} here and {} in what it is merged with", other.kind(), base.kind()))
                .at(over.span)
                .label(format!("expected {}", base.kind()))
                .note_at("merged with", span),
        )),
        (_, value) => Ok(Node::new(value, over.span)),
    }
}

fn merge_maps(mut base: Map, over: Map, path: &Path<'_>, report: &mut Report) -> Result<Map, Failed> {
    for (key, entry) in over.into_entries() {
        match base.get_mut(&key) {
            None => base.insert(key, entry.key, entry.node),
            Some(slot) => {
                let before = std::mem::replace(slot, Node::new(Value::Null, entry.node.span));
                let merged = merge_nodes(before, entry.node, &path.next(&key), report)?;
                if let Some(slot) = base.get_mut(&key) {
                    *slot = merged;
                }
            }
        }
    }
    Ok(base)
}

fn merge_by_rule(base: Node, over: Node, rule: Rule, path: &Path<'_>, report: &mut Report) -> Result<Node, Failed> {
    let span = base.span;
    let over_span = over.span;
    let mappings = |base: Option<Map>, over: Option<Map>, report: &mut Report| {
        let merged = match (base, over) {
            (Some(base), Some(over)) => merge_maps(base, over, path, report)?,
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Map::new(),
        };
        Ok(Node::new(Value::Map(merged), span))
    };
    match rule {
        Rule::Replace => Ok(over),
        Rule::Sequence => {
            let mut items = into_sequence(base);
            items.extend(into_sequence(over));
            Ok(Node::new(Value::Seq(items), span))
        }
        Rule::Hosts => {
            let mut items = into_sequence(base);
            let more: Vec<Node> =
                into_sequence(over).into_iter().filter(|item| !items.iter().any(|known| known.same(item))).collect();
            items.extend(more);
            Ok(Node::new(Value::Seq(items), span))
        }
        Rule::Build => {
            let long = |node: Node| match node.value {
                Value::Str(_) => {
                    let mut map = Map::new();
                    map.set("context", node);
                    Some(map)
                }
                Value::Map(map) => Some(map),
                _ => None,
            };
            mappings(long(base), long(over), report)
        }
        Rule::DependsOn => mappings(into_mapping(base, true), into_mapping(over, true), report),
        Rule::Names => mappings(into_mapping(base, false), into_mapping(over, false), report),
        Rule::Logging => match (base.value, over.value) {
            (Value::Map(base), Value::Map(over)) => {
                let same = match (base.get("driver"), over.get("driver")) {
                    (Some(a), Some(b)) => a.same(b),
                    _ => true,
                };
                if same { mappings(Some(base), Some(over), report) } else { Ok(Node::new(Value::Map(over), over_span)) }
            }
            (base, Value::Null) => Ok(Node::new(base, span)),
            (_, over) => Ok(Node::new(over, over_span)),
        },
        Rule::IpamConfig => merge_ipam(base, over, path, report),
    }
}

/// A mapping as `key=value` strings in the keys' order, a scalar as a list of one.
fn into_sequence(node: Node) -> Vec<Node> {
    let span = node.span;
    match node.value {
        Value::Seq(items) => items,
        Value::Str(_) => vec![node],
        Value::Map(map) => {
            let mut items = Vec::new();
            for (key, entry) in map.into_entries() {
                let span = entry.key;
                match entry.node.value {
                    Value::Null => items.push(Node::string(key, span)),
                    Value::Seq(values) => {
                        items.extend(values.iter().map(|v| Node::string(format!("{key}={}", v.value), v.span)));
                    }
                    value => items.push(Node::string(format!("{key}={value}"), span)),
                }
            }
            items.sort_by(|a, b| a.str().cmp(&b.str()));
            items
        }
        Value::Null => Vec::new(),
        value => vec![Node::new(value, span)],
    }
}

/// A list of names as a mapping: to nothing, or to what depends_on's short form stands for.
pub(super) fn into_mapping(node: Node, dependencies: bool) -> Option<Map> {
    match node.value {
        Value::Map(map) => Some(map),
        Value::Seq(items) => {
            let mut map = Map::new();
            for item in items {
                if let Value::Str(name) = &item.value {
                    let value = if dependencies { dependency(item.span) } else { Node::new(Value::Null, item.span) };
                    map.insert(name.clone(), item.span, value);
                } else {
                    // Not a name: left for the check against the specification to find.
                    map.insert(item.value.to_string(), item.span, item);
                }
            }
            Some(map)
        }
        _ => None,
    }
}

/// What `- db` in depends_on stands for.
pub(super) fn dependency(span: Span) -> Node {
    let mut map = Map::new();
    map.set("condition", Node::string("service_started", span));
    map.set("required", Node::new(Value::Bool(true), span));
    Node::new(Value::Map(map), span)
}

/// Pools of the same subnet are merged, others stand side by side.
fn merge_ipam(base: Node, over: Node, path: &Path<'_>, report: &mut Report) -> Result<Node, Failed> {
    let span = base.span;
    let (Value::Seq(pools), Value::Seq(overrides)) = (base.value, over.value) else {
        return Err(
            report.fail(Problem::new(format!("`{path}` must be a list")).at(over.span).label("expected a list"))
        );
    };
    let subnet = |map: &Map| map.get("subnet").map(|node| node.value.to_string());
    let mut merged: Vec<Map> = Vec::new();
    for pool in pools {
        let Some(mut pool) = into_mapping(pool, false) else { continue };
        for over in &overrides {
            let Some(over) = into_mapping(over.clone(), false) else { continue };
            let known = merged.iter().position(|known| subnet(known) == subnet(&over));
            if subnet(&over) != subnet(&pool) && known.is_none() {
                merged.push(over);
                continue;
            }
            pool = merge_maps(pool, over, path, report)?;
            match merged.iter().position(|known| subnet(known) == subnet(&pool)) {
                Some(i) => merged[i] = pool.clone(),
                None => merged.push(pool.clone()),
            }
        }
    }
    Ok(Node::new(Value::Seq(merged.into_iter().map(|map| Node::new(Value::Map(map), span)).collect()), span))
}
