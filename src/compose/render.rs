//! `devbox config`: the project as Compose prints it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Loaded, encode, go, hash,
    interpolate::Environment,
    json::{Json, Object, Text},
    project::{Encoded, Folded},
    schema::{self, Section},
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
        let parts = self.printed(services);
        let text = match format {
            Format::Json => go::json(&json_of(&self.rendered, parts).into(), true),
            Format::Yaml => yaml::project(&self.rendered, &parts),
        };
        if text.contains('$') { text.replace('$', "$$") } else { text }
    }

    fn printed(&self, services: &[String]) -> Vec<Part<'_>> {
        let encoded = &self.rendered.encoded;
        let names = self.selected(services);
        let printed = names.iter().filter_map(|name| {
            let (key, service) = encoded.services.get_key_value(name.as_str())?;
            let mut fields = printed_service(service, encoded.folded.get(name)?);
            if !services.is_empty() {
                fields.retain_mut(|(key, value)| *key != "depends_on" || only(value, &names));
            }
            Some((&**key, fields))
        });
        let used = encoded.used_by(&names);
        let mut parts = vec![Part { name: "services", section: &schema::SERVICE, entries: printed.collect() }];
        for (name, section, entries) in [
            ("networks", &schema::NETWORK, used.networks),
            ("volumes", &schema::VOLUME, used.volumes),
            ("secrets", &schema::SECRET, used.secrets),
            ("configs", &schema::CONFIG, used.configs),
            ("models", &schema::MODEL, used.models),
        ] {
            if !entries.is_empty() {
                let entries = entries.into_iter().map(|(key, object)| {
                    (key, object.iter().map(|(key, value)| (key, Cow::Borrowed(value))).collect())
                });
                parts.push(Part { name, section, entries: entries.collect() });
            }
        }
        parts
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
                open.extend(depends_on.into_iter().flat_map(Object::keys));
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

/// A section of the file as it is printed: what is not as it was encoded is made for it.
pub(super) struct Part<'l> {
    pub(super) name: &'static str,
    pub(super) section: &'static Section,
    pub(super) entries: Vec<(&'l str, Fields<'l>)>,
}

/// A struct's fields in order.
pub(super) type Fields<'l> = Vec<(&'l str, Cow<'l, Json>)>;

/// As `config` prints a service: env files and label files folded in and gone.
fn printed_service<'l>(service: &'l Object, folded: &'l Folded) -> Fields<'l> {
    let value = |name: &str| match name {
        "environment" => folded.environment.as_ref(),
        "labels" => folded.labels.as_ref(),
        "env_file" | "label_file" => None,
        name => service.get(name),
    };
    let fields = schema::SERVICE.fields.iter();
    fields.filter_map(|field| Some((field.name, Cow::Borrowed(value(field.name)?)))).collect()
}

/// Leaves only these dependencies; whether there are any.
fn only(depends_on: &mut Cow<'_, Json>, names: &BTreeSet<String>) -> bool {
    let Some(object) = depends_on.to_mut().as_object_mut() else { return true };
    object.retain(|target, _| names.contains(target));
    !object.is_empty()
}

/// Everything by key. Compose's JSON has no models.
fn json_of(rendered: &Rendered, parts: Vec<Part<'_>>) -> Object {
    let object = |fields: Fields<'_>| -> Object {
        fields.into_iter().map(|(key, value)| (Text::copy_of(key), value.into_owned())).collect()
    };
    let parts = parts.into_iter().filter(|part| part.name != "models").map(|part| {
        let entries = part.entries.into_iter().map(|(key, fields)| (Text::copy_of(key), object(fields).into()));
        (part.name.into(), Json::Object(entries.collect()))
    });
    let name = ("name".into(), Json::copy_of(&rendered.name));
    Object::sorted([name].into_iter().chain(parts).chain(rendered.encoded.extensions.clone()).collect())
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
