//! The encoded project: profiles applied, env files and label files folded in, what nothing uses left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value as Json;

use super::{
    check,
    disk::NoText,
    encode::{self, Object},
    ignored,
    interpolate::Environment,
    load::{Loader, Tree},
    report::{Failed, Problem},
    schema,
    source::parse_env_file,
    tree::{Node, Span},
};
use crate::model::nearest;

/// Every section in Compose's own shape, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Encoded {
    pub(super) services: Object,
    pub(super) networks: Object,
    pub(super) volumes: Object,
    pub(super) secrets: Object,
    pub(super) configs: Object,
    pub(super) models: Object,
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
        let in_force = |(name, _): &(&String, &Json)| self.enabled.contains(*name);
        self.services.iter().filter(in_force).filter_map(|(name, service)| Some((name.as_str(), service.as_object()?)))
    }

    /// A service in force.
    pub(super) fn enabled_service(&self, name: &str) -> Option<&Object> {
        self.services.get(name).filter(|_| self.enabled.contains(name)).and_then(Json::as_object)
    }

    /// The networks, volumes, secrets, configs and models that a service of `names` uses.
    pub(super) fn used_by(&self, names: &BTreeSet<String>) -> Used<'_> {
        let mut used = Used::default();
        let sources = |value: Option<&'_ Json>| -> Vec<String> {
            let items = value.and_then(Json::as_array).into_iter().flatten();
            items.filter_map(|item| item.get("source")?.as_str().map(str::to_owned)).collect()
        };
        let keys = |value: Option<&'_ Json>| -> Vec<String> {
            value.and_then(Json::as_object).into_iter().flat_map(Object::keys).cloned().collect()
        };
        fn take<'e>(from: &'e Object, keys: Vec<String>, into: &mut BTreeMap<&'e str, &'e Json>) {
            into.extend(
                keys.iter().filter_map(|key| from.get_key_value(key)).map(|(key, value)| (key.as_str(), value)),
            );
        }
        for service in names.iter().filter_map(|name| self.services.get(name)) {
            take(&self.networks, keys(service.get("networks")), &mut used.networks);
            take(&self.models, keys(service.get("models")), &mut used.models);
            let volumes = service.get("volumes").and_then(Json::as_array).into_iter().flatten();
            let named = volumes.filter(|mount| mount.get("type").and_then(Json::as_str) == Some("volume"));
            let named = named.filter_map(|mount| mount.get("source")?.as_str().map(str::to_owned)).collect();
            take(&self.volumes, named, &mut used.volumes);
            take(&self.secrets, sources(service.get("secrets")), &mut used.secrets);
            take(
                &self.secrets,
                sources(service.get("build").and_then(|build| build.get("secrets"))),
                &mut used.secrets,
            );
            take(&self.configs, sources(service.get("configs")), &mut used.configs);
        }
        used
    }
}

/// Resources that services use, by key.
#[derive(Debug, Default)]
pub(super) struct Used<'e> {
    pub(super) networks: BTreeMap<&'e str, &'e Json>,
    pub(super) volumes: BTreeMap<&'e str, &'e Json>,
    pub(super) secrets: BTreeMap<&'e str, &'e Json>,
    pub(super) configs: BTreeMap<&'e str, &'e Json>,
    pub(super) models: BTreeMap<&'e str, &'e Json>,
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
        for (key, node) in root.map().into_iter().flat_map(|map| map.nodes()) {
            if key.starts_with("x-") {
                project.extensions.insert(key.to_owned(), encode::plain(node));
            }
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
            check::consistency(&project, root, &mut self.report);
            self.report.checked()?;
        }
        scale_is_replicas(&mut project);
        self.fold_files(&mut project, root, &tree.selection.environment)?;
        Ok(project)
    }

    fn profiles(&mut self, project: &mut Encoded, profiles: &[String]) -> Result<(), Failed> {
        let mut active = profiles.to_vec();
        let of = |service: &Json| -> Vec<String> {
            let profiles = service.get("profiles").and_then(Json::as_array).into_iter().flatten();
            profiles.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let in_force = |service: &Json, active: &[String]| {
            let own = of(service);
            own.is_empty() || active.iter().any(|profile| profile == "*" || own.contains(profile))
        };
        let mut more = Vec::new();
        for name in &self.request.services {
            match project.services.get(name) {
                Some(service) if in_force(service, &active) => {}
                Some(service) => more.extend(of(service)),
                None => {
                    let near = nearest(name, project.services.keys().map(String::as_str));
                    let help = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            let names: Vec<&str> = project.services.keys().map(String::as_str).collect();
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
            .map(|(name, _)| name.clone())
            .collect();
        project.profiles = active;
        self.report.checked()
    }

    /// Reads the env files and label files of every service; those of a service that is off may be missing.
    fn fold_files(&mut self, project: &mut Encoded, root: &Node, environment: &Environment) -> Result<(), Failed> {
        for (name, service) in &project.services {
            let Some(service) = service.as_object() else { continue };
            let folded = if project.enabled.contains(name) {
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
                project.folded.insert(name.clone(), folded);
            }
        }
        self.report.checked()
    }

    fn fold(&mut self, name: &str, service: &Object, root: &Node, environment: &Environment) -> Result<Folded, Failed> {
        let mut own = service.get("environment").and_then(Json::as_object).cloned().unwrap_or_default();
        for (key, value) in &mut own {
            if value.is_null()
                && let Some(found) = environment.get(key)
            {
                *value = Json::from(found.as_str());
            }
        }
        let set: Environment =
            own.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        let mut values = set.clone();
        let lookup = |key: &str| environment.get(key).or_else(|| set.get(key)).cloned();
        let files = service.get("env_file").and_then(Json::as_array);
        for (i, file) in files.into_iter().flatten().enumerate() {
            let (path, required, format) = match file {
                Json::String(path) => (path.as_str(), true, self.format_of(name, i, root)),
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
        let labels = self.fold_labels(name, service, root)?;
        let mut all: BTreeMap<String, Json> = values.into_iter().map(|(key, value)| (key, Json::from(value))).collect();
        all.extend(own);
        Ok(Folded { environment: (!all.is_empty()).then(|| Json::Object(all.into_iter().collect())), labels })
    }

    /// A required entry renders as its path alone; its format is in the tree.
    fn format_of(&self, name: &str, i: usize, root: &Node) -> String {
        let entry = root.at(&["services", name, "env_file", &i.to_string(), "format"]);
        entry.and_then(Node::str).unwrap_or_default().to_owned()
    }

    fn fold_labels(&mut self, name: &str, service: &Object, root: &Node) -> Result<Option<Json>, Failed> {
        let own = service.get("labels").and_then(Json::as_object);
        let mut labels = Environment::new();
        let files = service.get("label_file").and_then(Json::as_array);
        for (i, file) in files.into_iter().flatten().enumerate() {
            let span = check::key_span(root, &["services", name, "label_file", &i.to_string()]);
            let known = labels.clone();
            let lookup = |key: &str| known.get(key).cloned();
            let mut values = Environment::new();
            let path = file.as_str().unwrap_or_default();
            self.fold_file("label file", path, "", true, span, &mut values, &lookup)?;
            labels.extend(values);
        }
        let mut all: BTreeMap<String, Json> = labels.into_iter().map(|(key, value)| (key, Json::from(value))).collect();
        all.extend(own.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        Ok((!all.is_empty()).then(|| Json::Object(all.into_iter().collect())))
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
                Err(self.report.fail(match kind {
                    "env file" => problem.help("create it, or say `required: false`"),
                    _ => problem,
                }))
            }
            Err(NoText::Other(problem)) => Err(self.report.fail(problem.at(span))),
        }
    }
}

/// With both a `scale` and a `deploy`, Compose writes the one into the other.
fn scale_is_replicas(project: &mut Encoded) {
    for name in project.enabled.clone() {
        let Some(service) = project.services.get_mut(&name).and_then(Json::as_object_mut) else { continue };
        let Some(scale) = service.get("scale").cloned() else { continue };
        if let Some(deploy) = service.get_mut("deploy").and_then(Json::as_object_mut) {
            // In the struct's order.
            let mut ordered = Object::new();
            for field in schema::deploy_fields() {
                if field == "replicas" {
                    ordered.insert(field.to_owned(), scale.clone());
                } else if let Some(value) = deploy.remove(field) {
                    ordered.insert(field.to_owned(), value);
                }
            }
            *deploy = ordered;
        }
    }
}
