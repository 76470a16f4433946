//! The encoded project: profiles applied, env files and label files folded in, what nothing uses left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{
    check,
    disk::NoText,
    encode, ignored,
    interpolate::Environment,
    json::{Json, Object, Section, Text},
    load::{Loader, Tree},
    report::{Failed, Problem},
    schema,
    source::parse_env_file,
    tree::{Map, Node, Span},
};
use crate::model::nearest;

/// Every section in Compose's own shape, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Encoded {
    pub(super) services: Section,
    pub(super) networks: Section,
    pub(super) volumes: Section,
    pub(super) secrets: Section,
    pub(super) configs: Section,
    pub(super) models: Section,
    /// `x-` keys of the top level.
    pub(super) extensions: Object,
    /// The services whose profiles are in force.
    pub(super) enabled: BTreeSet<String>,
    /// The profiles in force.
    pub(super) profiles: Vec<String>,
    /// Per service: the environment and labels with their files folded in.
    pub(super) folded: BTreeMap<String, Folded>,
}

/// What env_file and label_file add up to.
#[derive(Debug, Clone, Default)]
pub(super) struct Folded {
    pub(super) environment: Option<Json>,
    pub(super) labels: Option<Json>,
}

impl Encoded {
    /// The services in force.
    pub(super) fn enabled(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.services.iter().map(|(name, service)| (&**name, service)).filter(|(name, _)| self.enabled.contains(*name))
    }

    /// A service in force.
    pub(super) fn enabled_service(&self, name: &str) -> Option<&Object> {
        self.services.get(name).filter(|_| self.enabled.contains(name))
    }

    /// The networks, volumes, secrets, configs and models that a service of `names` uses.
    pub(super) fn used_by(&self, names: &BTreeSet<String>) -> Used<'_> {
        let mut used = Used::default();
        fn items(value: Option<&Json>) -> impl Iterator<Item = &Json> {
            value.and_then(Json::as_array).into_iter().flatten()
        }
        fn keys(value: Option<&Json>) -> impl Iterator<Item = &str> {
            value.and_then(Json::as_object).into_iter().flat_map(Object::keys)
        }
        fn source(item: &Json) -> Option<&str> {
            item.get("source")?.as_str()
        }
        fn take<'e>(from: &'e Section, keys: impl Iterator<Item = &'e str>, into: &mut BTreeMap<&'e str, &'e Object>) {
            into.extend(keys.filter_map(|key| from.get_key_value(key)).map(|(key, value)| (&**key, value)));
        }
        for service in names.iter().filter_map(|name| self.services.get(name.as_str())) {
            take(&self.networks, keys(service.get("networks")), &mut used.networks);
            take(&self.models, keys(service.get("models")), &mut used.models);
            let is_volume = |mount: &&Json| mount.get("type").and_then(Json::as_str) == Some("volume");
            take(&self.volumes, items(service.get("volumes")).filter(is_volume).filter_map(source), &mut used.volumes);
            let in_build = items(service.get("build").and_then(|build| build.get("secrets")));
            take(&self.secrets, items(service.get("secrets")).chain(in_build).filter_map(source), &mut used.secrets);
            take(&self.configs, items(service.get("configs")).filter_map(source), &mut used.configs);
        }
        used
    }
}

/// Resources that services use, by key.
#[derive(Debug, Default)]
pub(super) struct Used<'e> {
    pub(super) networks: BTreeMap<&'e str, &'e Object>,
    pub(super) volumes: BTreeMap<&'e str, &'e Object>,
    pub(super) secrets: BTreeMap<&'e str, &'e Object>,
    pub(super) configs: BTreeMap<&'e str, &'e Object>,
    pub(super) models: BTreeMap<&'e str, &'e Object>,
}

impl Loader<'_> {
    fn sections(&mut self, root: &Node) -> Encoded {
        let report = &mut self.report;
        let mut project = Encoded {
            services: encode::section(root, "services", &schema::SERVICE, report),
            networks: encode::section(root, "networks", &schema::NETWORK, report),
            volumes: encode::section(root, "volumes", &schema::VOLUME, report),
            secrets: encode::section(root, "secrets", &schema::SECRET, report),
            configs: encode::section(root, "configs", &schema::CONFIG, report),
            models: encode::section(root, "models", &schema::MODEL, report),
            ..Encoded::default()
        };
        for (key, entry) in root.map().into_iter().flat_map(Map::iter).filter(|(key, _)| key.starts_with("x-")) {
            project.extensions.push(key, encode::plain(&entry.node));
        }
        project
    }

    /// Encodes what can be encoded, errors left aside.
    pub(super) fn encoded_loosely(&mut self, tree: &Tree) -> Encoded {
        let mut project = self.sections(&tree.root);
        // A service that is not there is told of by whoever named it.
        let _ = self.profiles(&mut project, &tree.selection.profiles);
        project
    }

    /// Encodes, checks and folds.
    pub(super) fn encoded(&mut self, tree: &Tree) -> Result<Encoded, Failed> {
        let root = &tree.root;
        let mut project = self.sections(root);
        self.report.checked()?;
        self.profiles(&mut project, &tree.selection.profiles)?;
        ignored::warn(root, &mut self.report);
        if self.request.options.consistency {
            check::consistency(&project, root, &self.request.options, &mut self.report);
            self.report.checked()?;
        }
        scale_is_replicas(&mut project);
        self.fold_files(&mut project, root, &tree.selection.environment)?;
        Ok(project)
    }

    fn profiles(&mut self, project: &mut Encoded, profiles: &[String]) -> Result<(), Failed> {
        let mut active = profiles.to_vec();
        let of = |service: &Object| -> Vec<String> {
            let profiles = service.get("profiles").and_then(Json::as_array).into_iter().flatten();
            profiles.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let in_force = |service: &Object, active: &[String]| {
            let own = of(service);
            own.is_empty() || active.iter().any(|profile| profile == "*" || own.contains(profile))
        };
        let mut more = Vec::new();
        for name in &self.request.services {
            match project.services.get(name.as_str()) {
                Some(service) if in_force(service, &active) => {}
                Some(service) => more.extend(of(service)),
                None => {
                    let near = nearest(name, project.services.keys().map(|name| &**name));
                    let help = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            let names: Vec<&str> = project.services.keys().map(|name| &**name).collect();
                            format!("the services are {}", names.join(", "))
                        }
                    };
                    self.report.error(Problem::new(format!("there is no service `{name}`")).help(help));
                }
            }
        }
        active.extend(more);
        project.enabled = project
            .services
            .iter()
            .filter(|(_, service)| in_force(service, &active))
            .map(|(name, _)| name.to_string())
            .collect();
        project.profiles = active;
        self.report.checked()
    }

    /// Reads the env files and label files of every service; those of a service that is off may be missing.
    fn fold_files(&mut self, project: &mut Encoded, root: &Node, environment: &Environment) -> Result<(), Failed> {
        for (name, service) in &project.services {
            let folded = if project.enabled.contains(&**name) {
                self.fold(name, service, root, environment)
            } else {
                let report = std::mem::take(&mut self.report);
                let folded = self.fold(name, service, root, environment).or(Ok(Folded {
                    environment: service.get("environment").cloned(),
                    labels: service.get("labels").cloned(),
                }));
                self.report = report;
                folded
            };
            if let Ok(folded) = folded {
                project.folded.insert(name.to_string(), folded);
            }
        }
        self.report.checked()
    }

    fn fold(&mut self, name: &str, service: &Object, root: &Node, environment: &Environment) -> Result<Folded, Failed> {
        let mut own = service.get("environment").and_then(Json::as_object).cloned().unwrap_or_default();
        for (key, value) in own.iter_mut() {
            if value.is_null()
                && let Some(found) = environment.get(key)
            {
                *value = Json::copy_of(found);
            }
        }
        let labels = self.fold_labels(name, service, root)?;
        let files = service.get("env_file").and_then(Json::as_array);
        let Some(files) = files.filter(|_| self.request.options.env_files) else {
            return Ok(Folded { environment: some_object(own), labels });
        };
        let set: Environment =
            own.iter().filter_map(|(key, value)| Some((key.to_string(), value.as_str()?.to_owned()))).collect();
        let mut values = set.clone();
        let lookup = |key: &str| environment.get(key).or_else(|| set.get(key)).cloned();
        for (i, file) in files.iter().enumerate() {
            let (path, required, format) = match file {
                Json::String(path) => (&**path, true, self.format_of(name, i, root)),
                file => (
                    file.get("path").and_then(Json::as_str).unwrap_or_default(),
                    false,
                    file.get("format").and_then(Json::as_str).unwrap_or_default().to_owned(),
                ),
            };
            let span = check::key_span(root, &["services", name, "env_file", &i.to_string()]);
            if !matches!(format.as_str(), "" | ".env" | "raw") {
                let problem = Problem::new(format!("`{format}` is not a format of an env file")).at(span);
                return Err(self.report.fail(problem.help("leave `format` out, or write `format: raw`")));
            }
            self.fold_file("env file", path, &format, required, span, &mut values, &lookup)?;
        }
        Ok(Folded { environment: some_object(over(values, own)), labels })
    }

    /// A required entry renders as its path alone; its format is in the tree.
    fn format_of(&self, name: &str, i: usize, root: &Node) -> String {
        let entry = root.at(&["services", name, "env_file", &i.to_string(), "format"]);
        entry.and_then(Node::str).unwrap_or_default().to_owned()
    }

    fn fold_labels(&mut self, name: &str, service: &Object, root: &Node) -> Result<Option<Json>, Failed> {
        let Some(files) = service.get("label_file").and_then(Json::as_array) else {
            return Ok(service.get("labels").cloned());
        };
        let own = service.get("labels").and_then(Json::as_object).cloned().unwrap_or_default();
        let mut labels = Environment::new();
        for (i, file) in files.iter().enumerate() {
            let span = check::key_span(root, &["services", name, "label_file", &i.to_string()]);
            let known = labels.clone();
            let lookup = |key: &str| known.get(key).cloned();
            let mut values = Environment::new();
            let path = file.as_str().unwrap_or_default();
            self.fold_file("label file", path, "", true, span, &mut values, &lookup)?;
            labels.extend(values);
        }
        Ok(some_object(over(labels, own)))
    }

    #[expect(clippy::too_many_arguments, reason = "which file, how to read it, and what to do when it isn't there")]
    fn fold_file(
        &mut self,
        kind: &str,
        path: &str,
        format: &str,
        required: bool,
        span: Span,
        values: &mut Environment,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Failed> {
        let path = PathBuf::from(path);
        match self.disk.text(&path, &mut self.report) {
            Ok(text) => parse_env_file(&text, format, values, lookup, &mut self.report),
            Err(NoText::Missing) if !required => Ok(()),
            Err(NoText::Missing) => {
                let shown = self.disk.shown(&path).display().to_string();
                let problem = Problem::new(format!("{kind} {shown}: there is no such file")).at(span);
                Err(self.report.fail(problem.help(match kind {
                    "env file" => "create it, or say `required: false`",
                    _ => "create it, or take it out of `label_file`",
                })))
            }
            Err(NoText::Other(problem)) => Err(self.report.fail(problem.at(span))),
        }
    }
}

/// What the files say with what the service itself says over it.
fn over(files: Environment, own: Object) -> Object {
    let files = files.into_iter().map(|(key, value)| (Text::from(key), Json::from(value)));
    Object::sorted(files.chain(own).collect())
}

fn some_object(object: Object) -> Option<Json> {
    (!object.is_empty()).then_some(Json::Object(object))
}

/// With both a `scale` and a `deploy`, Compose writes the one into the other.
fn scale_is_replicas(project: &mut Encoded) {
    for name in project.enabled.clone() {
        let Some(service) = project.services.get_mut(name.as_str()) else { continue };
        let Some(scale) = service.get("scale").cloned() else { continue };
        if let Some(deploy) = service.get_mut("deploy").and_then(Json::as_object_mut) {
            // In the struct's order.
            let mut ordered = Object::new();
            for field in schema::deploy_fields() {
                if field == "replicas" {
                    ordered.push(field, scale.clone());
                } else if let Some(value) = deploy.remove(field) {
                    ordered.push(field, value);
                }
            }
            *deploy = ordered;
        }
    }
}
