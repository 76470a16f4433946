//! The normalised tree as Compose's structs would be marshalled: every value in its type, keys in the structs' order,
//! empty ones left out. What is rendered, hashed and decoded into the model.
//!
//! A value that has the right kind but no meaning (`10x` for a duration) is refused here, with its place.

mod collections;

use std::sync::Arc;

use super::{
    go,
    json::{self, Json, Object, Text},
    path::Path,
    report::{Problem, Report},
    schema::{Go, Section, untagged},
    shell_words,
    tree::{Map, Node, Value},
};

/// Encodes a section of the file: `services`, `networks`, …
pub(super) fn section(
    root: &Node,
    name: &'static str,
    section: &'static Section,
    report: &mut Report,
) -> json::Section {
    let parent = Path::ROOT.next(name);
    let mut encoder = Encoder { report };
    let empty = Map::new();
    // In the keys' order, so that errors are.
    sorted(root.at(&[name]).and_then(Node::map).unwrap_or(&empty))
        .into_iter()
        .map(|(key, node)| {
            let map = node.map().unwrap_or(&empty);
            (key.into(), encoder.structure(map, section, &parent.next(key)))
        })
        .collect()
}

/// A value that has no type of its own: an `x-` key's.
pub(super) fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::Int(*n),
        Value::Big(n) => Json::Big(*n),
        Value::Float(x) => float(*x).unwrap_or(Json::Null),
        Value::Str(text) | Value::Timestamp(text) => Json::from(text),
        Value::Seq(items) => Json::Array(items.iter().map(plain).collect()),
        Value::Map(map) => Json::Object(sorted(map).into_iter().map(|(key, node)| (key.into(), plain(node))).collect()),
    }
}

/// Encodes one section's entry.
struct Encoder<'r> {
    report: &'r mut Report,
}

impl Encoder<'_> {
    fn structure(&mut self, map: &Map, section: &'static Section, path: &Path<'_>) -> Object {
        let mut object = Object::new();
        let bare = untagged(section);
        let mut nodes: Vec<Option<&Node>> = vec![None; section.fields.len()];
        for (key, node) in map.nodes().filter(|(_, node)| !node.is_null()) {
            if let Some(at) = section.position(key) {
                nodes[at] = Some(node);
            }
        }
        for (field, node) in section.fields.iter().zip(nodes) {
            let value = node.and_then(|node| self.value(node, field.go, &path.next(field.name)));
            if let Some(value) = value.or_else(|| self.unset(field.go, path, bare)) {
                let key = if bare { capitalised(field.name).into() } else { Text::from(field.name) };
                object.push(key, value);
            }
        }
        object
    }

    /// What stands for a key that isn't set, or is set to what its type leaves out.
    fn unset(&mut self, go: Go, path: &Path<'_>, bare: bool) -> Option<Json> {
        match go {
            Go::Command => Some(Json::Null),
            Go::BoolAlways => Some(Json::Bool(false)),
            Go::UintAlways => Some(Json::Int(0)),
            Go::BytesAlways => Some(Json::from("0")),
            Go::Struct(section) => Some(Json::Object(self.structure(&Map::new(), section, path))),
            Go::Str if bare => Some(Json::from("")),
            _ => None,
        }
    }

    /// The value of a key that is set; `None` when its type leaves it out.
    fn value(&mut self, node: &Node, go: Go, path: &Path<'_>) -> Option<Json> {
        match go {
            Go::Absent => None,
            Go::Str => match &node.value {
                Value::Str(text) => (!text.is_empty()).then(|| Json::from(text)),
                Value::Int(n) => Some(Json::from(n.to_string())),
                _ => self.wrong(node, path, "a string"),
            },
            Go::Bool => self.boolean(node, path).filter(|b| *b).map(Json::Bool),
            Go::BoolAlways | Go::BoolSet => self.boolean(node, path).map(Json::Bool),
            Go::Int => self.integer(node, path, true).filter(|n| *n != 0).map(Json::from),
            Go::IntSet => self.integer(node, path, true).map(Json::from),
            Go::Uint => self.unsigned(node, path).filter(|n| *n != 0).map(Json::from),
            Go::UintSet | Go::UintAlways => self.unsigned(node, path).map(Json::from),
            Go::Float => self.float(node, path).filter(|x| *x != 0.0).and_then(float),
            Go::Cpus => self.float(node, path).filter(|x| *x != 0.0).and_then(float),
            Go::Bytes => self.bytes(node, path).filter(|n| *n != 0).map(|n| Json::from(n.to_string())),
            Go::BytesAlways => self.bytes(node, path).map(|n| Json::from(n.to_string())),
            Go::Duration => self.duration(node, path).filter(|n| *n != 0).map(|n| Json::from(go::duration(n))),
            Go::DurationSet => self.duration(node, path).map(|n| Json::from(go::duration(n))),
            Go::Strings => self.strings(node, path, false),
            Go::NumberStrings => self.strings(node, path, true),
            Go::Command => self.command(node, path),
            Go::HealthTest => match &node.value {
                Value::Str(text) => Some(Json::from(vec![Text::from("CMD-SHELL"), text.into()])),
                _ => self.strings(node, path, false),
            },
            Go::Labels | Go::Mapping | Go::Options => self.mapping(node, path, |value| match value {
                Value::Null => Json::from(""),
                value => string(value),
            }),
            Go::Environment => self.environment(node, path),
            Go::MultiOptions => self.mapping(node, path, |value| match value {
                Value::Seq(items) => items.iter().map(|item| string(&item.value)).collect(),
                value => Json::from(vec![string(value)]),
            }),
            Go::Hosts => self.hosts(node, path),
            Go::Ulimits => self.ulimits(node, path),
            Go::FileMode => self.file_mode(node, path),
            Go::DeviceCount => self.device_count(node, path),
            Go::EnvFiles => self.env_files(node, path),
            Go::Ssh => self.ssh(node),
            Go::Struct(section) | Go::StructSet(section) => match node.map() {
                Some(map) => Some(Json::Object(self.structure(map, section, path))),
                None => self.wrong(node, path, "a mapping"),
            },
            Go::Structs(section) => match node.seq() {
                Some([]) => None,
                Some(items) => {
                    let items = items.iter().enumerate().filter_map(|(i, item)| {
                        let step = i.to_string();
                        let path = path.next(&step);
                        match item.map() {
                            Some(map) => Some(Json::Object(self.structure(map, section, &path))),
                            None => self.wrong(item, &path, "a mapping"),
                        }
                    });
                    Some(Json::Array(items.collect()))
                }
                None => self.wrong(node, path, "a list"),
            },
            Go::StructDict(section) => {
                let items = sorted(node.map()?).into_iter().map(|(key, item)| {
                    let encoded = match item.map() {
                        Some(fields) => Json::Object(self.structure(fields, section, &path.next(key))),
                        None => Json::Null,
                    };
                    (key.into(), encoded)
                });
                some_object(items.collect())
            }
        }
    }

    fn wrong<T>(&mut self, node: &Node, path: &Path<'_>, expected: &str) -> Option<T> {
        self.report.error(
            Problem::new(format!("`{path}` must be {expected}, found {}", node.value.kind()))
                .at(node.span)
                .label(format!("expected {expected}")),
        );
        None
    }

    fn meaningless<T>(&mut self, node: &Node, path: &Path<'_>, problem: &str, expected: &str) -> Option<T> {
        self.report
            .error(Problem::new(format!("`{path}`: {problem}")).at(node.span).label(format!("expected {expected}")));
        None
    }

    fn boolean(&mut self, node: &Node, path: &Path<'_>) -> Option<bool> {
        match &node.value {
            Value::Bool(b) => Some(*b),
            Value::Str(text) => match go::parse_bool(text) {
                Some((b, _)) => Some(b),
                None => self.meaningless(node, path, &format!("`{text}` is not a boolean"), "true or false"),
            },
            _ => self.wrong(node, path, "a boolean"),
        }
    }

    fn integer(&mut self, node: &Node, path: &Path<'_>, from_string: bool) -> Option<i64> {
        match &node.value {
            Value::Int(n) => Some(*n),
            // Go cuts the fraction off.
            Value::Float(x) => Some(*x as i64),
            Value::Str(text) if from_string => match go::parse_int(text) {
                Some(n) => Some(n),
                None => self.meaningless(node, path, &format!("`{text}` is not an integer"), "an integer"),
            },
            _ => self.wrong(node, path, "an integer"),
        }
    }

    fn unsigned(&mut self, node: &Node, path: &Path<'_>) -> Option<u64> {
        if let Value::Big(n) = node.value {
            return Some(n);
        }
        let n = self.integer(node, path, false)?;
        match u64::try_from(n) {
            Ok(n) => Some(n),
            Err(_) => self.meaningless(node, path, &format!("{n} is negative"), "0 or more"),
        }
    }

    fn float(&mut self, node: &Node, path: &Path<'_>) -> Option<f64> {
        match &node.value {
            Value::Int(n) => Some(go::float32(*n as f64)),
            Value::Float(x) => Some(go::float32(*x)),
            Value::Str(text) => match go::parse_float(text) {
                Some(x) => Some(go::float32(x)),
                None => self.meaningless(node, path, &format!("`{text}` is not a number"), "a number"),
            },
            _ => self.wrong(node, path, "a number"),
        }
    }

    fn bytes(&mut self, node: &Node, path: &Path<'_>) -> Option<i64> {
        match &node.value {
            Value::Int(n) => Some(*n),
            Value::Str(text) => match go::parse_bytes(text) {
                Ok(n) => Some(n),
                Err(problem) => self.meaningless(node, path, &problem, "a size such as 512m or 1g"),
            },
            // Compose takes a fraction for nothing.
            _ => None,
        }
    }

    fn duration(&mut self, node: &Node, path: &Path<'_>) -> Option<i64> {
        match go::parse_duration(&node.value.to_string()) {
            Ok(nanos) => Some(nanos),
            Err(problem) => self.meaningless(node, path, &problem, "a time such as 10s or 1m30s"),
        }
    }

    fn strings(&mut self, node: &Node, path: &Path<'_>, numbers: bool) -> Option<Json> {
        let items = match &node.value {
            Value::Str(_) => std::slice::from_ref(node),
            Value::Seq(items) => items,
            _ => return self.wrong(node, path, "a list"),
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Str(text) => texts.push(Json::from(text)),
                Value::Int(n) => texts.push(Json::from(n.to_string())),
                value if numbers => texts.push(string(value)),
                _ => return self.wrong(item, path, "a list of strings"),
            }
        }
        (!texts.is_empty()).then_some(Json::Array(texts))
    }

    fn command(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        match &node.value {
            Value::Str(text) => match shell_words::split(text) {
                Some(words) => Some(Json::from(words)),
                None => self.meaningless(node, path, "a quote or a bracket is not closed", "a command line"),
            },
            Value::Seq(items) if items.is_empty() => Some(Json::Array(Vec::new())),
            _ => self.strings(node, path, false),
        }
    }

    fn mapping(&mut self, node: &Node, path: &Path<'_>, value_of: impl Fn(&Value) -> Json) -> Option<Json> {
        let pairs: Vec<(Text, Json)> = match &node.value {
            Value::Map(map) => map.iter().map(|(key, entry)| (key.into(), value_of(&entry.node.value))).collect(),
            Value::Seq(items) => items
                .iter()
                .map(|item| {
                    let text = text(&item.value);
                    let (key, value) = text.split_once('=').unwrap_or((&text, ""));
                    (Text::copy_of(key), Json::copy_of(value))
                })
                .collect(),
            _ => return self.wrong(node, path, "a mapping"),
        };
        some_object(Object::sorted(pairs))
    }

    fn environment(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let mut pairs: Vec<(Text, Json)> = Vec::new();
        match &node.value {
            Value::Map(map) => pairs.extend(map.iter().map(|(key, entry)| {
                let value = match &entry.node.value {
                    Value::Null => Json::Null,
                    value => string(value),
                };
                (key.into(), value)
            })),
            Value::Seq(items) => {
                for item in items {
                    let text = text(&item.value);
                    let (key, value) = match text.split_once('=') {
                        Some((key, value)) => (key, Json::copy_of(value)),
                        None => (&*text, Json::Null),
                    };
                    if key.ends_with(char::is_whitespace) {
                        return self.meaningless(
                            item,
                            path,
                            &format!("the name `{key}` ends in a space"),
                            "NAME=VALUE without spaces around the equals sign",
                        );
                    }
                    pairs.push((Text::copy_of(key), value));
                }
            }
            _ => return self.wrong(node, path, "a mapping"),
        }
        some_object(Object::sorted(pairs))
    }
}

/// A whole number without its `.0`, as Go prints it.
fn float(x: f64) -> Option<Json> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if x.fract() == 0.0 && x.abs() < EXACT {
        Some(Json::Int(x as i64))
    } else {
        x.is_finite().then_some(Json::Float(x))
    }
}

/// A scalar as text, shared if it is one already.
fn text(value: &Value) -> Arc<str> {
    match value {
        Value::Str(text) => text.clone(),
        value => value.to_string().into(),
    }
}

fn string(value: &Value) -> Json {
    Json::from(text(value))
}

fn some_object(object: Object) -> Option<Json> {
    (!object.is_empty()).then_some(Json::Object(object))
}

fn sorted(map: &Map) -> Vec<(&Arc<str>, &Node)> {
    let mut pairs: Vec<_> = map.iter().map(|(key, entry)| (key, &entry.node)).collect();
    pairs.sort_unstable_by_key(|(key, _)| *key);
    pairs
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
}
