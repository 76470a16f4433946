//! Lists of which a later element replaces an earlier one of the same key: environment by name, mounts by target, …

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    path::{Path, Pattern},
    report::{Problem, Report},
    tree::{Node, Value},
    volume,
};

/// What the key of an element is.
#[derive(Debug, Clone, Copy)]
enum Index {
    /// The part before `=`.
    Name,
    /// A mount's target.
    Mount,
    /// A device's target.
    Device,
    /// The target of a secret or config, below this folder if it has none.
    File(&'static str),
    Expose,
    Port,
    EnvFile,
}

const RULES: &[(Pattern, Index)] = &[
    (&["networks", "*", "labels"], Index::Name),
    (&["networks", "*", "ipam", "options"], Index::Name),
    (&["services", "*", "annotations"], Index::Name),
    (&["services", "*", "build", "args"], Index::Name),
    (&["services", "*", "build", "additional_contexts"], Index::Name),
    (&["services", "*", "build", "platform"], Index::Name),
    (&["services", "*", "build", "tags"], Index::Name),
    (&["services", "*", "build", "labels"], Index::Name),
    (&["services", "*", "cap_add"], Index::Name),
    (&["services", "*", "cap_drop"], Index::Name),
    (&["services", "*", "devices"], Index::Device),
    (&["services", "*", "configs"], Index::File("")),
    (&["services", "*", "deploy", "labels"], Index::Name),
    (&["services", "*", "dns"], Index::Name),
    (&["services", "*", "dns_opt"], Index::Name),
    (&["services", "*", "dns_search"], Index::Name),
    (&["services", "*", "environment"], Index::Name),
    (&["services", "*", "env_file"], Index::EnvFile),
    (&["services", "*", "expose"], Index::Expose),
    (&["services", "*", "labels"], Index::Name),
    (&["services", "*", "links"], Index::Name),
    (&["services", "*", "networks", "*", "aliases"], Index::Name),
    (&["services", "*", "networks", "*", "link_local_ips"], Index::Name),
    (&["services", "*", "ports"], Index::Port),
    (&["services", "*", "profiles"], Index::Name),
    (&["services", "*", "secrets"], Index::File("/run/secrets")),
    (&["services", "*", "sysctls"], Index::Name),
    (&["services", "*", "tmpfs"], Index::Name),
    (&["services", "*", "volumes"], Index::Mount),
];

/// Removes what is redefined, all over the tree.
pub(super) fn enforce(root: &mut Node, report: &mut Report) {
    walk(root, &Path::ROOT, report);
}

fn walk(node: &mut Node, path: &Path<'_>, report: &mut Report) {
    match &mut node.value {
        // No rule reaches deeper.
        Value::Map(map) if path.depth() < 5 => {
            for (key, child) in map.nodes_mut() {
                walk(child, &path.next(key), report);
            }
        }
        Value::Seq(items) => {
            if let Some(index) = path.find(RULES) {
                dedup(items, index, path, report);
            }
        }
        _ => {}
    }
}

fn dedup(items: &mut Vec<Node>, index: Index, path: &Path<'_>, report: &mut Report) {
    // Where each goes: nearly always where it stands.
    let mut places: Vec<usize> = Vec::with_capacity(items.len());
    let mut seen: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    let mut kept = 0;
    for (i, item) in items.iter().enumerate() {
        let place = match index.key(item) {
            Ok(key) => *seen.entry(key).or_insert(kept),
            Err(problem) => {
                report.error(Problem::new(format!("`{path}.{i}` {}", problem.0)).at(item.span).label(problem.1));
                kept
            }
        };
        kept = kept.max(place + 1);
        places.push(place);
    }
    if kept < items.len() {
        let mut unique: Vec<Node> = Vec::with_capacity(kept);
        for (item, place) in std::mem::take(items).into_iter().zip(places) {
            match unique.get_mut(place) {
                Some(earlier) => *earlier = item,
                None => unique.push(item),
            }
        }
        *items = unique;
    }
}

/// What is wrong with an element, and what was expected.
struct Unindexed(String, &'static str);

impl Index {
    fn key(self, node: &Node) -> Result<Cow<'_, str>, Unindexed> {
        let wrong = |expected: &'static str| {
            Unindexed(
                format!("must be {}, found {}", expected.trim_start_matches("expected "), node.value.kind()),
                expected,
            )
        };
        match self {
            Index::Name => match &node.value {
                Value::Str(text) => Ok(text.split('=').next().unwrap_or_default().into()),
                _ => Err(wrong("expected a string")),
            },
            Index::Mount => match &node.value {
                Value::Map(_) => target(node, "lacks the `target` that it is mounted at"),
                Value::Str(text) => match volume::parse(text) {
                    Ok(volume) => Ok(volume.target.into()),
                    Err(problem) => {
                        Err(Unindexed(format!("is not a volume: {problem}"), "expected SOURCE:TARGET[:MODE]"))
                    }
                },
                _ => Ok("".into()),
            },
            Index::Device => match &node.value {
                Value::Map(_) => target(node, "lacks the `target` that it is mounted at"),
                Value::Str(text) => {
                    let mut parts = text.split(':');
                    let first = parts.next().unwrap_or_default();
                    Ok(parts.next().unwrap_or(first).into())
                }
                _ => Ok("".into()),
            },
            Index::File(folder) => match &node.value {
                Value::Str(text) => Ok(format!("{folder}/{text}").into()),
                Value::Map(map) => match map.get("target") {
                    Some(target) => Ok(text(target)),
                    None => {
                        let source = map.get("source").and_then(Node::str).unwrap_or_default();
                        Ok(format!("{folder}/{source}").into())
                    }
                },
                _ => Err(wrong("expected a name")),
            },
            Index::Expose => match &node.value {
                Value::Str(_) | Value::Int(_) => Ok(text(node)),
                _ => Err(wrong("expected a port")),
            },
            Index::Port => match &node.value {
                Value::Int(_) | Value::Str(_) => Ok(text(node)),
                Value::Map(map) => {
                    let Some(target) = map.get("target") else {
                        return Err(Unindexed("lacks the `target` port".into(), "expected `target:`"));
                    };
                    let part = |key: &str, default: &'static str| map.get(key).map_or(default.into(), text);
                    // A number and a string are different ports to Compose.
                    let published = map.get("published").map_or("", |node| &node.value.kind()[..3]);
                    Ok(format!(
                        "{}:{published}{}:{}/{}",
                        part("host_ip", "0.0.0.0"),
                        part("published", ""),
                        target.value,
                        part("protocol", "tcp")
                    )
                    .into())
                }
                _ => Ok("".into()),
            },
            Index::EnvFile => match &node.value {
                Value::Str(text) => Ok((&**text).into()),
                Value::Map(map) => match map.get("path").and_then(Node::str) {
                    Some(path) => Ok(path.into()),
                    None => Err(Unindexed("lacks its `path`".into(), "expected `path:`")),
                },
                _ => Ok("".into()),
            },
        }
    }
}

fn text(node: &Node) -> Cow<'_, str> {
    node.str().map_or_else(|| node.value.to_string().into(), Cow::Borrowed)
}

fn target<'n>(node: &'n Node, missing: &str) -> Result<Cow<'n, str>, Unindexed> {
    match node.at(&["target"]).and_then(Node::str) {
        Some(target) => Ok(target.into()),
        None => Err(Unindexed(missing.into(), "expected `target:`")),
    }
}
