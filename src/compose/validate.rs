//! The tree against the specification: unknown keys, wrong types, missing keys; every one with its place and what to do.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    advice, encode, go,
    report::{Problem, Report},
    schema::{self, Extra, Go, Schema, Section, Types},
    tree::{Entry, Map, Node, Span, Value},
};
use crate::model::nearest;

/// Checks a whole file (or the merge of several).
pub(super) fn validate(root: &Node, report: &mut Report) {
    let mut validator = Validator { path: Vec::new(), go: None, report };
    validator.section(root, &schema::TOP, root.span);
}

struct Validator<'r> {
    path: Vec<Arc<str>>,
    /// What the value of the key at hand becomes.
    go: Option<Go>,
    report: &'r mut Report,
}

impl Validator<'_> {
    /// `services.web.ports`, or what the whole file is called.
    fn name(&self) -> String {
        if self.path.is_empty() { "the compose file".into() } else { format!("`{}`", self.path.join(".")) }
    }

    fn node(&mut self, node: &Node, key: Span, schema: &'static Schema) {
        match schema {
            Schema::Any => {}
            Schema::OneOf(schemas) => {
                match schemas.iter().find(|schema| schema.types().has(types_of(node)) || wider(schema, node)) {
                    Some(schema) => self.node(node, key, schema),
                    None => self.wrong_type(node, key, schema),
                }
            }
            Schema::Scalar(types) => {
                if !accepts(*types, node) {
                    self.wrong_type(node, key, schema);
                }
            }
            Schema::Range(least, most) => match &node.value {
                Value::Str(_) => {}
                Value::Int(n) if n < least => self.out_of_range(node, &format!("at least {least}")),
                Value::Int(n) if n > most => self.out_of_range(node, &format!("at most {most}")),
                Value::Int(_) => {}
                Value::Float(x) if x.fract() == 0.0 => {}
                _ => self.wrong_type(node, key, schema),
            },
            Schema::Enum(words) => match node.str() {
                Some(text) if words.contains(&text) => {}
                Some(text) => {
                    let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                    let mut problem = Problem::new(format!("{} can't be `{text}`", self.name()))
                        .at(node.span)
                        .label(format!("expected one of {list}"));
                    let part_of = |word: &&&str| !text.is_empty() && word.contains(text);
                    let meant = words.iter().find(part_of).copied();
                    if let Some(word) = meant.or_else(|| nearest(text, words.iter().copied())) {
                        problem = problem.help(format!("did you mean `{word}`?"));
                    }
                    self.report.error(problem);
                }
                None => self.wrong_type(node, key, schema),
            },
            Schema::Pattern(fits, expected) => match node.str() {
                Some(text) if fits(text) => {}
                Some(text) => self.report.error(
                    Problem::new(format!("{} can't be `{text}`", self.name()))
                        .at(node.span)
                        .label(format!("expected {expected}")),
                ),
                None => self.wrong_type(node, key, schema),
            },
            Schema::List { item, unique } => match &node.value {
                Value::Seq(items) => self.list(items, key, item, *unique),
                _ => self.wrong_type(node, key, schema),
            },
            Schema::Dict { key: fits, strict, value } => match &node.value {
                Value::Map(map) => self.dict(map, *fits, *strict, value),
                _ => self.wrong_type(node, key, schema),
            },
            Schema::Object(section) => self.section(node, section, key),
        }
    }

    fn list(&mut self, items: &[Node], key: Span, schema: &'static Schema, unique: bool) {
        let mut seen: BTreeMap<(bool, Cow<'_, str>), Span> = BTreeMap::new();
        for (i, item) in items.iter().enumerate() {
            self.path.push(i.to_string().into());
            self.node(item, if item.span.line > 0 { item.span } else { key }, schema);
            self.path.pop();
            if unique {
                // A string is another value than the number that looks like it.
                let value = match &item.value {
                    Value::Str(text) => (true, Cow::Borrowed(&**text)),
                    _ => (false, go::json(&encode::plain(item), false).into()),
                };
                if let Some(first) = seen.insert(value, item.span) {
                    self.report.error(
                        Problem::new(format!("{} has `{}` twice", self.name(), item.value))
                            .at(item.span)
                            .note_at("first at", first)
                            .help("remove one of them"),
                    );
                }
            }
        }
    }

    fn dict(&mut self, map: &Map, fits: fn(&str) -> bool, strict: bool, schema: &'static Schema) {
        for (name, entry) in map.iter() {
            if fits(name) {
                self.path.push(name.clone());
                self.node(&entry.node, entry.key, schema);
                self.path.pop();
            } else if strict {
                self.report.error(
                    Problem::new(format!("`{name}` can't be a name in {}", self.name()))
                        .at(entry.key)
                        .label("expected letters, digits, `.`, `_` and `-`"),
                );
            }
        }
    }

    fn section(&mut self, node: &Node, section: &'static Section, key: Span) {
        let map = match &node.value {
            Value::Map(map) => map,
            Value::Null if section.nullable => return,
            _ => return self.wrong_kind(node, key, "a mapping", section),
        };
        if advice::is_displaced(&self.path, map) {
            let name = self.path.last().map_or("", |name| name);
            let problem = Problem::new(format!("`{name}` stands below `services`, and is no service")).at(key);
            return self
                .error(problem, Some("it belongs to the top of the file: indent it as far as `services`".into()));
        }
        for (name, entry) in map.iter() {
            match section.field(name) {
                Some(field) => {
                    self.path.push(name.clone());
                    self.go = Some(field.go);
                    self.node(&entry.node, entry.key, &field.schema);
                    self.path.pop();
                }
                None if section.extra != Extra::None && name.starts_with("x-") => {}
                None if section.extra == Extra::Any => self.report.warning(
                    Problem::new(format!("unknown key `{name}` in {} has no effect", self.name())).at(entry.key),
                ),
                None => self.unknown_key(name, entry, section),
            }
        }
        for required in section.required {
            let is_slip = |key: &str| section.field(key).is_none() && nearest(key, [*required]).is_some();
            if !map.contains(required) && !map.nodes().any(|(key, _)| is_slip(key)) {
                let span = map.iter().next().map_or(node.span, |(_, entry)| entry.key);
                self.report.error(
                    Problem::new(format!("{} lacks `{required}`", self.name()))
                        .at(span)
                        .label(format!("`{required}` is required here")),
                );
            }
        }
    }

    fn unknown_key(&mut self, name: &str, entry: &Entry, section: &'static Section) {
        let problem = match self.path.as_slice() {
            [] => Problem::new(format!("unknown key `{name}` at the top of the file")),
            [kind, key] => Problem::new(format!("unknown key `{name}` in {} `{key}`", kind.trim_end_matches('s'))),
            _ => Problem::new(format!("unknown key `{name}` in {}", self.name())),
        };
        self.error(problem.at(entry.key), advice::unknown_key(name, &entry.node, &self.path, section));
    }

    fn error(&mut self, problem: Problem, help: Option<String>) {
        self.report.error(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn out_of_range(&mut self, node: &Node, expected: &str) {
        self.report.error(
            Problem::new(format!("{} is out of range", self.name()))
                .at(node.span)
                .label(format!("expected {expected}")),
        );
    }

    fn wrong_kind(&mut self, node: &Node, key: Span, expected: &str, section: &'static Section) {
        let problem = self.type_problem(node, key, expected);
        self.error(problem, advice::no_section(node, &self.path, section));
    }

    fn type_problem(&self, node: &Node, key: Span, expected: &str) -> Problem {
        let empty = matches!(node.value, Value::Null);
        let found = if empty { "nothing".into() } else { node.value.kind().to_string() };
        // A key with nothing behind it is shown; what stands behind it is not there.
        let span = if empty || node.span.line == 0 { key } else { node.span };
        Problem::new(format!("{} must be {expected}, found {found}", self.name()))
            .at(span)
            .label(format!("expected {expected}"))
    }

    fn wrong_type(&mut self, node: &Node, key: Span, schema: &Schema) {
        let problem = self.type_problem(node, key, &schema.types().expected());
        self.error(problem, advice::wrong_type(node, &self.path, schema, self.go));
    }
}

fn types_of(node: &Node) -> Types {
    match &node.value {
        Value::Null => schema::NULL,
        Value::Bool(_) => schema::BOOL,
        Value::Int(_) | Value::Big(_) => schema::INT,
        Value::Float(x) if x.fract() == 0.0 => schema::INT,
        Value::Float(_) => schema::NUM,
        Value::Str(_) => schema::STR,
        Value::Seq(_) => schema::SEQ,
        Value::Map(_) => schema::MAP,
        Value::Timestamp(_) => schema::NULL.or(schema::SEQ),
    }
}

fn accepts(types: Types, node: &Node) -> bool {
    types.has(types_of(node))
}

/// A fraction where an integer is wanted still chooses the alternative that speaks of numbers.
fn wider(schema: &Schema, node: &Node) -> bool {
    matches!(node.value, Value::Float(_)) && schema.types().has(schema::INT)
}

/// Warns about what is accepted and read differently elsewhere.
pub(super) fn hints(root: &Node, report: &mut Report) {
    let Some(services) = root.at(&["services"]).and_then(Node::map) else { return };
    for (name, service) in services.nodes() {
        for port in service.at(&["ports"]).and_then(Node::seq).into_iter().flatten() {
            // Without quotes the node is as wide as its text.
            if let Some(text) = port.str()
                && is_base_60(text)
                && port.span.width as usize == text.len()
            {
                report.warning(
                    Problem::new(format!("port {text} of `{name}` is a number in base 60 to YAML 1.1"))
                        .at(port.span)
                        .help(format!("quote it: \"{text}\"")),
                );
            }
        }
        for mount in service.at(&["volumes"]).and_then(Node::seq).into_iter().flatten() {
            mount_hints(name, mount, report);
        }
    }
}

/// What a short mount may say behind its last colon.
const MOUNT_OPTIONS: [&str; 14] = [
    "ro",
    "rw",
    "z",
    "Z",
    "nocopy",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "private",
    "rprivate",
    "cached",
    "delegated",
    "consistent",
];

/// A mount in the short form with an option that nobody knows, or a path inside that the engine won't take.
fn mount_hints(service: &str, mount: &Node, report: &mut Report) {
    let Some(text) = mount.str().filter(|text| !text.contains(['$', '\\'])) else { return };
    let (target, options) = match text.split(':').collect::<Vec<_>>().as_slice() {
        [target] | [_, target] => (*target, ""),
        [_, target, options] => (*target, *options),
        _ => return,
    };
    for option in options.split(',').filter(|option| !option.is_empty() && !MOUNT_OPTIONS.contains(option)) {
        let problem = Problem::new(format!("`{option}` is no option of a mount, and does nothing")).at(mount.span);
        report.warning(match nearest(option, MOUNT_OPTIONS) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("`ro` makes it read-only"),
        });
    }
    if !target.starts_with('/') && !target.is_empty() {
        let what =
            format!("`{service}` mounts something at `{target}`, which is no absolute path: an engine refuses it");
        report.warning(Problem::new(what).at(mount.span).help(format!("write /{}", target.trim_start_matches("./"))));
    }
}

/// `22:22`, `1:30:59`: digits, and every part behind a colon below 60.
fn is_base_60(text: &str) -> bool {
    let mut parts = text.split(':');
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let first = parts.next().is_some_and(digits);
    let rest: Vec<&str> = parts.collect();
    first && !rest.is_empty() && rest.iter().all(|part| digits(part) && part.len() <= 2 && *part < "60")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_60_is_what_yaml_1_1_reads() {
        for (text, expected) in [("22:22", true), ("8000:80", false), ("80", false), ("1:30:5", true), ("a:1", false)] {
            assert_eq!(is_base_60(text), expected, "{text}");
        }
    }
}
