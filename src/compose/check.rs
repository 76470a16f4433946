//! The project as it will be used: references to what is not there, values that contradict each other, circles.

use std::collections::HashMap;

use super::{
    Options,
    json::{Json, Object, Text},
    project::Encoded,
    report::{Problem, Report},
    tree::{Node, Span},
};
use crate::model::nearest;

/// The place of the last step that is written; of a key, the key's.
pub(super) fn key_span(root: &Node, path: &[&str]) -> Span {
    let mut node = root;
    let mut span = root.span;
    for step in path {
        let next = match node.map() {
            Some(map) => match map.entry(step) {
                Some(entry) => {
                    if entry.key.line > 0 {
                        span = entry.key;
                    }
                    &entry.node
                }
                None => return span,
            },
            None => match node.at(&[step]) {
                Some(item) => {
                    if item.span.line > 0 {
                        span = item.span;
                    }
                    item
                }
                None => return span,
            },
        };
        node = next;
    }
    span
}

/// The place of the value at `path`, or as much of it as is written.
fn value_span(root: &Node, path: &[&str]) -> Span {
    match root.at(path) {
        Some(node) if node.span.line > 0 => node.span,
        _ => key_span(root, path),
    }
}

/// Rules on the project as it will be used.
pub(super) fn consistency(project: &Encoded, root: &Node, options: &Options, report: &mut Report) {
    let mut checker = Checker { project, root, report };
    for (name, service) in project.enabled() {
        checker.sources(name, service);
        checker.references(name, service);
        checker.dependencies(name, service);
        checker.sizes(name, service);
        checker.mounts(name, service);
    }
    if options.container_names {
        checker.container_names();
    }
    for (name, secret) in project.secrets.iter().map(|(name, secret)| (&**name, secret)) {
        let has = |key: &str| secret.get(key).is_some();
        if !has("external") && !has("file") && !has("environment") {
            let span = key_span(root, &["secrets", name]);
            let problem = Problem::new(format!("`secrets.{name}` doesn't say where it comes from")).at(span);
            checker.report.error(problem.label("expected `file` or `environment`"));
        }
    }
    checker.circles();
}

struct Checker<'c> {
    project: &'c Encoded,
    root: &'c Node,
    report: &'c mut Report,
}

fn text<'j>(object: &'j Object, key: &str) -> &'j str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn object<'j>(object: &'j Object, key: &str) -> Option<&'j Object> {
    object.get(key).and_then(Json::as_object)
}

fn list<'j>(object: &'j Object, key: &str) -> &'j [Json] {
    object.get(key).and_then(Json::as_array).unwrap_or_default()
}

impl Checker<'_> {
    fn error(&mut self, what: String, path: &[&str], help: &str) {
        let problem = Problem::new(what).at(key_span(self.root, path));
        self.report.error(if help.is_empty() { problem } else { problem.help(help) });
    }

    fn sources(&mut self, name: &str, service: &Object) {
        let here = &["services", name][..];
        let Some(build) = object(service, "build") else {
            if text(service, "image").is_empty() && !service.contains_key("provider") {
                self.error(
                    format!("service `{name}` has neither an image nor a build"),
                    here,
                    "say `image: NAME` or `build: FOLDER`",
                );
            }
            return;
        };
        if !text(build, "dockerfile").is_empty() && !text(build, "dockerfile_inline").is_empty() {
            self.error(
                format!("the build of `{name}` has both `dockerfile` and `dockerfile_inline`"),
                &["services", name, "build", "dockerfile_inline"],
                "keep one of them",
            );
        }
        for (context, value) in object(build, "additional_contexts").into_iter().flat_map(Object::iter) {
            let Some(target) = value.as_str().and_then(|value| value.strip_prefix("service:")) else { continue };
            let path = ["services", name, "build", "additional_contexts", context];
            match self.project.enabled_service(target) {
                None => self.unknown("service", target, &path, format!("additional context `{context}` of `{name}`")),
                Some(service) if !service.contains_key("build") => self.error(
                    format!("additional context `{context}` of `{name}` is service `{target}`, which has no build"),
                    &path,
                    "",
                ),
                Some(_) => {}
            }
        }
        let platform = text(service, "platform");
        let platforms = list(build, "platforms");
        if !platform.is_empty() && !platforms.is_empty() && !platforms.iter().any(|p| p.as_str() == Some(platform)) {
            self.error(
                format!("service `{name}` runs on {platform}, which its build's `platforms` lacks"),
                &["services", name, "build", "platforms"],
                "add it there, or change `platform`",
            );
        }
    }

    fn references(&mut self, name: &str, service: &Object) {
        let networks = object(service, "networks");
        if !text(service, "network_mode").is_empty() && networks.is_some() {
            self.error(
                format!("service `{name}` has both `network_mode` and `networks`"),
                &["services", name, "network_mode"],
                "keep one of them",
            );
        }
        for network in networks.into_iter().flat_map(Object::keys) {
            if !self.project.networks.contains_key(network) {
                self.unknown("network", network, &["services", name, "networks", network], format!("service `{name}`"));
            }
        }
        for model in object(service, "models").into_iter().flat_map(Object::keys) {
            if !self.project.models.contains_key(model) {
                self.unknown("model", model, &["services", name, "models", model], format!("service `{name}`"));
            }
        }
        for (i, mount) in list(service, "volumes").iter().enumerate() {
            let Some(mount) = mount.as_object() else { continue };
            let source = text(mount, "source");
            if text(mount, "type") == "volume" && !source.is_empty() && !self.project.volumes.contains_key(source) {
                let path = ["services", name, "volumes", &i.to_string()];
                self.unknown("volume", source, &path, format!("service `{name}`"));
            }
        }
        let build_secrets = object(service, "build").map_or(&[][..], |build| list(build, "secrets"));
        for (kind, items, known, path) in [
            ("secret", list(service, "secrets"), &self.project.secrets, &["secrets"][..]),
            ("config", list(service, "configs"), &self.project.configs, &["configs"]),
            ("secret", build_secrets, &self.project.secrets, &["build", "secrets"]),
        ] {
            for (i, item) in items.iter().enumerate() {
                let source = item.as_object().map_or("", |item| text(item, "source"));
                if !known.contains_key(source) {
                    let i = i.to_string();
                    let mut full = vec!["services", name];
                    full.extend(path);
                    full.push(&i);
                    self.unknown(kind, source, &full, format!("service `{name}`"));
                }
            }
        }
        if let Some(first) = object(service, "healthcheck").and_then(|health| list(health, "test").first())
            && !matches!(first.as_str(), Some("CMD" | "CMD-SHELL" | "NONE"))
        {
            let path = ["services", name, "healthcheck", "test"];
            self.report.error(
                Problem::new(format!("the healthcheck of `{name}` must start with CMD, CMD-SHELL or NONE"))
                    .at(value_span(self.root, &path))
                    .help("write `test: [\"CMD\", …]`, or the command as one text"),
            );
        }
        for (i, rule) in object(service, "develop").map_or(&[][..], |d| list(d, "watch")).iter().enumerate() {
            let Some(rule) = rule.as_object() else { continue };
            let action = text(rule, "action");
            if text(rule, "target").is_empty() && !matches!(action, "rebuild" | "restart") {
                self.error(
                    format!("a watch rule of `{name}` says {action} and not where to"),
                    &["services", name, "develop", "watch", &i.to_string(), "action"],
                    "add `target:`",
                );
            }
        }
    }

    fn unknown(&mut self, kind: &str, wanted: &str, path: &[&str], who: String) {
        let names: Vec<&Text> = match kind {
            "service" => self.project.services.keys().collect(),
            "network" => self.project.networks.keys().collect(),
            "volume" => self.project.volumes.keys().collect(),
            "secret" => self.project.secrets.keys().collect(),
            "config" => self.project.configs.keys().collect(),
            _ => self.project.models.keys().collect(),
        };
        let help = match nearest(wanted, names.iter().map(|name| &***name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let value = match kind {
                    "secret" | "config" => format!("{{file: ./{wanted}}}"),
                    "service" => "{image: NAME}".into(),
                    "model" => "{model: NAME}".into(),
                    _ => "{}".to_owned(),
                };
                format!("declare it at the top of the file: `{kind}s: {{{wanted}: {value}}}`")
            }
        };
        let verb = if kind == "service" { "names" } else { "uses" };
        let problem = Problem::new(format!("{who} {verb} {kind} `{wanted}`, which is not defined"));
        self.report.error(problem.at(value_span(self.root, path)).help(help));
    }

    fn dependencies(&mut self, name: &str, service: &Object) {
        let shared = text(service, "network_mode").strip_prefix("service:");
        for (target, dependency) in object(service, "depends_on").into_iter().flat_map(Object::iter) {
            // Whose network is shared is looked for below, by its own name.
            if self.project.enabled_service(target).is_some() || shared == Some(target) {
                continue;
            }
            let path = ["services", name, "depends_on", target];
            let required = dependency.get("required").and_then(Json::as_bool).unwrap_or(true);
            match self.project.services.get(target) {
                Some(_) if !required => {}
                Some(disabled) => {
                    let profiles: Vec<&str> = list(disabled, "profiles").iter().filter_map(Json::as_str).collect();
                    self.error(
                        format!("service `{name}` depends on `{target}`, whose profile is off"),
                        &path,
                        &format!("add --profile {}, or `required: false`", profiles.first().unwrap_or(&"NAME")),
                    );
                }
                None => {
                    let near = nearest(target, self.project.services.keys().map(|name| &**name));
                    let help = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
                    self.error(format!("service `{name}` depends on `{target}`, which is not defined"), &path, &help);
                }
            }
        }
        if let Some(target) = shared
            && self.project.enabled_service(target).is_none()
        {
            let path = ["services", name, "network_mode"];
            self.unknown("service", target, &path, format!("`network_mode` of service `{name}`"));
        }
    }

    fn sizes(&mut self, name: &str, service: &Object) {
        let number = |object: &Object, key: &str| object.get(key).and_then(Json::as_f64);
        let deploy = object(service, "deploy");
        let scale = number(service, "scale");
        let replicas = deploy.and_then(|deploy| number(deploy, "replicas"));
        if let (Some(scale), Some(replicas)) = (scale, replicas)
            && scale != replicas
        {
            self.error(
                format!("service `{name}` has `scale` {scale} and `deploy.replicas` {replicas}"),
                &["services", name, "scale"],
                "keep one of them",
            );
        }
        for (value, path) in [(scale, &["scale"][..]), (replicas, &["deploy", "replicas"])] {
            if value.is_some_and(|value| value < 0.0) {
                let path = [&["services", name], path].concat();
                self.error(format!("`{}` can't be negative", path.join(".")), &path, "0 is none");
            }
        }
        let count = scale.or(replicas).unwrap_or(1.0);
        if count > 1.0 && !text(service, "container_name").is_empty() {
            self.error(
                format!("service `{name}` has a `container_name` and {count} containers"),
                &["services", name, "container_name"],
                "names are unique: remove `container_name`, or run one container",
            );
        }
        let resources = deploy.and_then(|deploy| object(deploy, "resources"));
        for (key, part, part_key) in [
            ("cpus", "limits", "cpus"),
            ("mem_limit", "limits", "memory"),
            ("mem_reservation", "reservations", "memory"),
            ("pids_limit", "limits", "pids"),
        ] {
            let Some(value) = service.get(key) else { continue };
            let Some(part_object) = resources.and_then(|resources| object(resources, part)) else { continue };
            if part_object.get(part_key) != Some(value) {
                self.error(
                    format!("service `{name}` has `{key}` and another `deploy.resources.{part}.{part_key}`"),
                    &["services", name, key],
                    "keep one of them",
                );
            }
        }
    }

    fn mounts(&mut self, name: &str, service: &Object) {
        let mut mounted: HashMap<&str, [String; 2]> = HashMap::new();
        let tmpfs = list(service, "tmpfs")
            .iter()
            .enumerate()
            .map(|(i, item)| ("tmpfs", i, item.as_str().unwrap_or_default().split(':').next().unwrap_or_default()));
        let volumes = list(service, "volumes")
            .iter()
            .enumerate()
            .map(|(i, item)| ("volumes", i, item.as_object().map_or("", |mount| text(mount, "target"))));
        for (key, i, target) in tmpfs.chain(volumes) {
            let place = [key.to_owned(), i.to_string()];
            if let Some([other_key, other_i]) = mounted.get(target) {
                let span = value_span(self.root, &["services", name, key, &place[1]]);
                let other = value_span(self.root, &["services", name, other_key, other_i]);
                self.report.error(
                    Problem::new(format!("service `{name}` mounts two things at {target}"))
                        .at(span)
                        .note_at("the other is at", other),
                );
            }
            mounted.insert(target, place);
        }
    }

    fn container_names(&mut self) {
        let mut taken: HashMap<&str, &str> = HashMap::new();
        let project = self.project;
        for (name, service) in project.enabled() {
            let container = text(service, "container_name");
            if container.is_empty() {
                continue;
            }
            if let Some(other) = taken.insert(container, name) {
                self.error(
                    format!("services `{other}` and `{name}` have the same `container_name`: {container}"),
                    &["services", name, "container_name"],
                    "names are unique: change one of them",
                );
            }
        }
    }

    /// Reports the first circle of depends_on, by name.
    fn circles(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            Open,
            Done,
        }
        let project = self.project;
        let mut states: HashMap<&str, State> = HashMap::new();
        for (start, _) in project.enabled() {
            if states.contains_key(start) {
                continue;
            }
            let targets = |name: &str| -> Vec<&str> {
                let depends_on = project.enabled_service(name).and_then(|service| object(service, "depends_on"));
                depends_on.into_iter().flat_map(Object::keys).collect()
            };
            let mut stack = vec![(start, targets(start))];
            states.insert(start, State::Open);
            while let Some((name, rest)) = stack.last_mut() {
                let name = *name;
                let Some(next) = rest.pop() else {
                    states.insert(name, State::Done);
                    stack.pop();
                    continue;
                };
                match states.get(next) {
                    Some(State::Done) => {}
                    Some(State::Open) => {
                        let from = stack.iter().position(|(open, _)| *open == next).unwrap_or(0);
                        let mut circle: Vec<&str> = stack[from..].iter().map(|(name, _)| *name).collect();
                        circle.push(next);
                        return self.error(
                            format!("services depend on each other in a circle: {}", circle.join(" → ")),
                            &["services", name, "depends_on", next],
                            "remove one of these dependencies",
                        );
                    }
                    None if project.enabled_service(next).is_some() => {
                        states.insert(next, State::Open);
                        stack.push((next, targets(next)));
                    }
                    None => {}
                }
            }
        }
    }
}
