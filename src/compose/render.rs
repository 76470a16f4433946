//! `devbox config`: the project as Compose prints it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value as Json;

use super::{
    Loaded,
    encode::{self, Object},
    go, hash,
    interpolate::Environment,
    project::{Encoded, Folded},
    schema,
    template::{Piece, Pieces},
    tree::{Node, Value},
    yaml,
};

/// How the project is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Compose's default.
    #[default]
    Yaml,
    /// Pretty JSON.
    Json,
}

/// A variable that the files use (`config --variables`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variable {
    /// `${NAME:?…}`.
    pub required: bool,
    /// `${NAME:-default}`, unexpanded.
    pub default: String,
    /// `${NAME:+alternative}`, unexpanded.
    pub alternative: String,
}

/// What is kept of a load for printing.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) name: String,
    pub(super) encoded: Encoded,
    pub(super) environment: Environment,
    pub(super) root: Arc<Node>,
    pub(super) interpolated: bool,
}

impl Loaded {
    /// The project as `config` prints it: services in force (of `services`, if any are named, those and what they depend
    /// on), and the resources that these use. Loaded without interpolation: the files' tree, merged and normalised, with its
    /// variables.
    pub fn config(&self, format: Format, services: &[String]) -> String {
        if !self.rendered.interpolated {
            let plain = encode::plain(&self.rendered.root);
            return match format {
                Format::Json => go::json(&plain, true),
                Format::Yaml => yaml::text(&plain),
            };
        }
        let mut object = self.config_object(services);
        let text = match format {
            Format::Json => {
                // Compose's JSON has no models.
                object.shift_remove("models");
                go::json(&Json::Object(sorted(object)), true)
            }
            Format::Yaml => yaml::project(object, &self.rendered.root),
        };
        text.replace('$', "$$")
    }

    fn config_object(&self, services: &[String]) -> Object {
        let encoded = &self.rendered.encoded;
        let names = self.selected(services);
        let used = encoded.used_by(&names);
        let printed = names.iter().filter_map(|name| {
            let mut service = printed_service(encoded.services.get(name)?.as_object()?, encoded.folded.get(name)?);
            if let Some(depends_on) = service.get_mut("depends_on").and_then(Json::as_object_mut)
                && !services.is_empty()
            {
                depends_on.retain(|target, _| names.contains(target));
                if depends_on.is_empty() {
                    service.shift_remove("depends_on");
                }
            }
            Some((name.clone(), Json::Object(service)))
        });
        let mut object = Object::new();
        object.insert("name".into(), Json::from(self.rendered.name.as_str()));
        object.insert("services".into(), Json::Object(printed.collect()));
        for (key, section) in [
            ("networks", used.networks),
            ("volumes", used.volumes),
            ("secrets", used.secrets),
            ("configs", used.configs),
            ("models", used.models),
        ] {
            if !section.is_empty() {
                let section = section.into_iter().map(|(key, value)| (key.to_owned(), value.clone()));
                object.insert(key.into(), Json::Object(section.collect()));
            }
        }
        object.extend(encoded.extensions.iter().map(|(key, value)| (key.clone(), value.clone())));
        object
    }

    /// The services in force among `services` with what they depend on; all, if none is named.
    pub fn selected(&self, services: &[String]) -> BTreeSet<String> {
        let encoded = &self.rendered.encoded;
        if services.is_empty() {
            return encoded.enabled.clone();
        }
        let mut names = BTreeSet::new();
        let mut open: Vec<&str> = services.iter().map(String::as_str).collect();
        while let Some(name) = open.pop() {
            let Some(service) = encoded.enabled_service(name) else { continue };
            if names.insert(name.to_owned()) {
                let depends_on = service.get("depends_on").and_then(Json::as_object);
                open.extend(depends_on.into_iter().flat_map(Object::keys).map(String::as_str));
            }
        }
        names
    }

    /// `config --hash '*'`: the hash of every service in force, by name. With an env_file it differs from the label
    /// that `up` writes ([`Service::config_hash`](crate::model::Service::config_hash)), in Compose too.
    pub fn hashes(&self) -> BTreeMap<String, String> {
        let encoded = &self.rendered.encoded;
        encoded
            .enabled()
            .filter_map(|(name, service)| {
                Some((name.to_owned(), hash::service(service, encoded.folded.get(name)?, hash::Reading::Config)))
            })
            .collect()
    }

    /// `config --environment`: what variables were replaced with, by name.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.rendered.environment
    }

    /// `config --variables`: the variables in the values of a project that was loaded without interpolation, by name.
    pub fn variables(&self) -> BTreeMap<String, Variable> {
        let mut found = BTreeMap::new();
        collect_variables(&self.rendered.root, &mut found);
        found
    }

    /// `config --models`: what the models are, not what the file calls them.
    pub fn models(&self) -> BTreeSet<String> {
        let models = self.rendered.encoded.models.values();
        models.filter_map(|model| model.get("model")?.as_str().map(str::to_owned)).collect()
    }

    /// `config --profiles`: every profile that a service has.
    pub fn all_profiles(&self) -> BTreeSet<String> {
        self.project.services.values().flat_map(|service| service.profiles.iter().cloned()).collect()
    }
}

/// As `config` prints a service: env files and label files folded in and gone.
fn printed_service(service: &Object, folded: &Folded) -> Object {
    hash::ordered(service, &schema::SERVICE, |key, value| match key {
        "environment" => folded.environment.clone(),
        "labels" => folded.labels.clone(),
        "env_file" | "label_file" => None,
        _ => value.cloned(),
    })
}

fn sorted(object: Object) -> Object {
    let mut pairs: Vec<_> = object.into_iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.into_iter().collect()
}

fn collect_variables(node: &Node, found: &mut BTreeMap<String, Variable>) {
    match &node.value {
        Value::Str(text) => variables_of(text, found, 0),
        Value::Seq(items) => items.iter().for_each(|item| collect_variables(item, found)),
        Value::Map(map) => map.nodes().for_each(|(_, child)| collect_variables(child, found)),
        _ => {}
    }
}

fn variables_of(text: &str, found: &mut BTreeMap<String, Variable>, depth: usize) {
    for piece in Pieces::new(text) {
        let Ok(Piece::Variable { name, word }) = piece else { continue };
        let mut variable = Variable::default();
        if let Some((operator, word)) = word {
            match operator.sign {
                '?' => variable.required = true,
                '-' => variable.default = word.to_owned(),
                _ => variable.alternative = word.to_owned(),
            }
            if depth < 20 {
                variables_of(word, found, depth + 1);
            }
        }
        found.insert(name.to_owned(), variable);
    }
}
