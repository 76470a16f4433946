//! Lists of which a later element replaces an earlier one of the same key: environment by name, mounts by target, …

use std::collections::HashMap;

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
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    for (i, item) in std::mem::take(items).into_iter().enumerate() {
        match index.key(&item) {
            Ok(key) => match seen.get(&key) {
                Some(&at) => kept[at] = item,
                None => {
                    seen.insert(key, kept.len());
                    kept.push(item);
                }
            },
            Err(problem) => {
                report.error(Problem::new(format!("`{path}.{i}` {}", problem.0)).at(item.span).label(problem.1));
                kept.push(item);
            }
        }
    }
    *items = kept;
}

/// What is wrong with an element, and what was expected.
struct Unindexed(String, &'static str);

impl Index {
    fn key(self, node: &Node) -> Result<String, Unindexed> {
        let wrong = |expected: &'static str| {
            Unindexed(
                format!("must be {}, found {}", expected.trim_start_matches("expected "), node.value.kind()),
                expected,
            )
        };
        match self {
            Index::Name => match &node.value {
                Value::Str(text) => Ok(text.split('=').next().unwrap_or_default().to_owned()),
                _ => Err(wrong("expected a string")),
            },
            Index::Mount => match &node.value {
                Value::Map(_) => target(node, "lacks the `target` that it is mounted at"),
                Value::Str(text) => match volume::parse(text) {
                    Ok(volume) => Ok(volume.target),
                    Err(problem) => {
                        Err(Unindexed(format!("is not a volume: {problem}"), "expected SOURCE:TARGET[:MODE]"))
                    }
                },
                _ => Ok(String::new()),
            },
            Index::Device => match &node.value {
                Value::Map(_) => target(node, "lacks the `target` that it is mounted at"),
                Value::Str(text) => {
                    let mut parts = text.split(':');
                    let first = parts.next().unwrap_or_default();
                    Ok(parts.next().unwrap_or(first).to_owned())
                }
                _ => Ok(String::new()),
            },
            Index::File(folder) => match &node.value {
                Value::Str(text) => Ok(format!("{folder}/{text}")),
                Value::Map(map) => match map.get("target") {
                    Some(target) => Ok(target.value.to_string()),
                    None => Ok(format!("{folder}/{}", map.get("source").map_or("", |s| s.str().unwrap_or_default()))),
                },
                _ => Err(wrong("expected a name")),
            },
            Index::Expose => match &node.value {
                Value::Str(_) | Value::Int(_) => Ok(node.value.to_string()),
                _ => Err(wrong("expected a port")),
            },
            Index::Port => match &node.value {
                Value::Int(_) | Value::Str(_) => Ok(node.value.to_string()),
                Value::Map(map) => {
                    let Some(target) = map.get("target") else {
                        return Err(Unindexed("lacks the `target` port".into(), "expected `target:`"));
                    };
                    let text = |key: &str, default: &str| {
                        map.get(key).map_or_else(|| default.to_owned(), |node| node.value.to_string())
                    };
                    // A number and a string are different ports to Compose.
                    let published = map.get("published").map_or("", |node| &node.value.kind()[..3]);
                    Ok(format!(
                        "{}:{published}{}:{}/{}",
                        text("host_ip", "0.0.0.0"),
                        text("published", ""),
                        target.value,
                        text("protocol", "tcp")
                    ))
                }
                _ => Ok(String::new()),
            },
            Index::EnvFile => match &node.value {
                Value::Str(text) => Ok(text.to_string()),
                Value::Map(map) => match map.get("path").and_then(Node::str) {
                    Some(path) => Ok(path.to_owned()),
                    None => Err(Unindexed("lacks its `path`".into(), "expected `path:`")),
                },
                _ => Ok(String::new()),
            },
        }
    }
}

fn target(node: &Node, missing: &str) -> Result<String, Unindexed> {
    match node.at(&["target"]).and_then(Node::str) {
        Some(target) => Ok(target.to_owned()),
        None => Err(Unindexed(missing.into(), "expected `target:`")),
    }
}
