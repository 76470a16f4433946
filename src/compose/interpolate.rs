//! Variables in the values of one file's tree, before anything is merged. Keys are never replaced.
//!
//! A value that a typed key needs (`scale`, `privileged`, …) is turned into that type here, as Compose does; what
//! can't be is refused with its place.

use std::collections::BTreeMap;

use super::{
    go,
    path::{Path, Pattern},
    report::{Problem, Report},
    template::{self, TemplateError, Variables},
    tree::{Node, Span, Value},
};

/// The environment that a file is read with.
pub(super) type Environment = BTreeMap<String, String>;

/// Replaces the variables of every value under `root`.
pub(super) fn interpolate(root: &mut Node, environment: &Environment, report: &mut Report) {
    walk(root, Path::ROOT, environment, report);
}

fn walk(node: &mut Node, path: Path<'_>, environment: &Environment, report: &mut Report) {
    let span = node.span;
    match &mut node.value {
        Value::Str(text) => {
            if text.contains('$') {
                match replace(text, span, environment, report) {
                    Some(replaced) => *text = replaced.into(),
                    None => return,
                }
            }
            if let Some(cast) = cast_of(&path) {
                match cast.apply(text) {
                    Ok((value, old_style)) => {
                        if old_style {
                            let plain = matches!(value, Value::Bool(true));
                            report.warning(
                                Problem::new(format!("`{text}` is a boolean to Compose and a string to YAML 1.2"))
                                    .at(span)
                                    .help(format!("write {plain}")),
                            );
                        }
                        node.value = value;
                    }
                    Err(expected) => report.error(
                        Problem::new(format!("`{path}` must be {expected}, found `{text}`"))
                            .at(span)
                            .label(format!("expected {expected}")),
                    ),
                }
            }
        }
        Value::Seq(items) => {
            for item in items {
                walk(item, path.next("[]"), environment, report);
            }
        }
        Value::Map(map) => {
            for (key, child) in map.nodes_mut() {
                walk(child, path.next(key), environment, report);
            }
        }
        _ => {}
    }
}

/// `text` with its variables replaced; `None` after an error.
pub(super) fn replace(text: &str, span: Span, environment: &Environment, report: &mut Report) -> Option<String> {
    let mut variables = Lookup { environment, unset: Vec::new() };
    let outcome = template::substitute(text, &mut variables);
    for name in variables.unset {
        report.warning(
            Problem::new(format!("the variable {name} is not set: it stands for nothing here"))
                .at(part_of(span, text, variable_in(text, &name)))
                .help(format!("set it in .env, or write ${{{name}:-default}}; a dollar sign itself is written $$")),
        );
    }
    match outcome {
        Ok(replaced) => Some(replaced),
        Err(problem) => {
            let part = match &problem {
                TemplateError::Invalid { at } => text.find(&**at).map(|start| (start, at.len())),
                TemplateError::Required { name, .. } => variable_in(text, name),
                TemplateError::TooDeep => None,
            };
            report.error(template_problem(&problem).at(part_of(span, text, part)));
            None
        }
    }
}

/// Where in a text a variable of this name stands, and how long it is, in bytes.
fn variable_in(text: &str, name: &str) -> Option<(usize, usize)> {
    text.match_indices('$').find_map(|(at, _)| {
        let rest = &text[at..];
        let braced = rest.strip_prefix("${");
        let after = braced.unwrap_or(&rest[1..]).strip_prefix(name)?;
        let is_longer = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let length = match braced {
            Some(_) => rest.find('}').map_or(rest.len(), |end| end + 1),
            None => 1 + name.len(),
        };
        (!is_longer).then_some((at, length))
    })
}

/// The span of a part of a text, where the text stands in the file as it is; else the whole.
fn part_of(span: Span, text: &str, part: Option<(usize, usize)>) -> Span {
    let Some((start, length)) = part else { return span };
    let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let quotes = match span.width.checked_sub(count(text)) {
        Some(quotes @ (0 | 2)) if !text.contains('\n') => quotes,
        _ => return span,
    };
    Span {
        column: span.column + quotes / 2 + count(&text[..start]),
        width: count(&text[start..start + length]),
        ..span
    }
}

fn template_problem(problem: &TemplateError) -> Problem {
    match problem {
        TemplateError::Invalid { at } => {
            let help = match at.strip_prefix("${") {
                Some(name) if !at.contains('}') => format!("close it: ${{{name}}}; "),
                Some(_) => "a name is letters, digits and `_`, without a digit first; ".to_owned(),
                None => String::new(),
            };
            Problem::new(format!("`{at}` is not a variable")).help(help + "a dollar sign itself is written $$")
        }
        TemplateError::Required { name, message } => {
            let what = format!("the variable {name} is required and not set");
            let what = if message.is_empty() { what } else { format!("{what}: {message}") };
            Problem::new(what).help(format!("set {name} in .env or in the environment"))
        }
        TemplateError::TooDeep => Problem::new("defaults of variables are nested too deeply"),
    }
}

struct Lookup<'e> {
    environment: &'e Environment,
    unset: Vec<String>,
}

impl Variables for Lookup<'_> {
    fn value(&mut self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn unset(&mut self, name: &str) {
        self.unset.push(name.to_owned());
    }
}

/// What a string at a typed key becomes.
#[derive(Debug, Clone, Copy)]
enum Cast {
    Int,
    Float,
    Float32,
    Bool,
}

impl Cast {
    /// The value, and whether it is a boolean in YAML 1.1's style; or what was expected.
    fn apply(self, text: &str) -> Result<(Value, bool), &'static str> {
        match self {
            Cast::Int => go::parse_int(text).map(|n| (Value::Int(n), false)).ok_or("an integer"),
            Cast::Float => go::parse_float(text).map(|x| (Value::Float(x), false)).ok_or("a number"),
            Cast::Float32 => go::parse_float(text).map(|x| (Value::Float(go::float32(x)), false)).ok_or("a number"),
            Cast::Bool => go::parse_bool(text).map(|(b, old)| (Value::Bool(b), old)).ok_or("a boolean"),
        }
    }
}

/// The keys that Compose types at this stage; `*` is any key.
const CASTS: &[(Pattern, Cast)] = &[
    (&["services", "*", "cpu_count"], Cast::Int),
    (&["services", "*", "cpu_percent"], Cast::Float),
    (&["services", "*", "cpu_period"], Cast::Int),
    (&["services", "*", "cpu_quota"], Cast::Int),
    (&["services", "*", "cpu_rt_period"], Cast::Int),
    (&["services", "*", "cpu_rt_runtime"], Cast::Int),
    (&["services", "*", "cpus"], Cast::Float32),
    (&["services", "*", "cpu_shares"], Cast::Int),
    (&["services", "*", "init"], Cast::Bool),
    (&["services", "*", "deploy", "replicas"], Cast::Int),
    (&["services", "*", "deploy", "update_config", "parallelism"], Cast::Int),
    (&["services", "*", "deploy", "update_config", "max_failure_ratio"], Cast::Float),
    (&["services", "*", "deploy", "rollback_config", "parallelism"], Cast::Int),
    (&["services", "*", "deploy", "rollback_config", "max_failure_ratio"], Cast::Float),
    (&["services", "*", "deploy", "restart_policy", "max_attempts"], Cast::Int),
    (&["services", "*", "deploy", "placement", "max_replicas_per_node"], Cast::Int),
    (&["services", "*", "healthcheck", "retries"], Cast::Int),
    (&["services", "*", "healthcheck", "disable"], Cast::Bool),
    (&["services", "*", "oom_kill_disable"], Cast::Bool),
    (&["services", "*", "oom_score_adj"], Cast::Int),
    (&["services", "*", "pids_limit"], Cast::Int),
    (&["services", "*", "ports", "[]", "target"], Cast::Int),
    (&["services", "*", "privileged"], Cast::Bool),
    (&["services", "*", "read_only"], Cast::Bool),
    (&["services", "*", "scale"], Cast::Int),
    (&["services", "*", "stdin_open"], Cast::Bool),
    (&["services", "*", "tty"], Cast::Bool),
    (&["services", "*", "ulimits", "*"], Cast::Int),
    (&["services", "*", "ulimits", "*", "hard"], Cast::Int),
    (&["services", "*", "ulimits", "*", "soft"], Cast::Int),
    (&["services", "*", "volumes", "[]", "read_only"], Cast::Bool),
    (&["services", "*", "volumes", "[]", "volume", "nocopy"], Cast::Bool),
    (&["networks", "*", "external"], Cast::Bool),
    (&["networks", "*", "internal"], Cast::Bool),
    (&["networks", "*", "attachable"], Cast::Bool),
    (&["networks", "*", "enable_ipv4"], Cast::Bool),
    (&["networks", "*", "enable_ipv6"], Cast::Bool),
    (&["volumes", "*", "external"], Cast::Bool),
    (&["secrets", "*", "external"], Cast::Bool),
    (&["configs", "*", "external"], Cast::Bool),
];

fn cast_of(path: &Path<'_>) -> Option<Cast> {
    if matches!(path.depth(), 3..=5) { path.find(CASTS) } else { None }
}
