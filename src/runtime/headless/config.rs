//! `config`: what the files mean, as Compose prints it.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::json;

use crate::{
    compose::{self, Format, Loaded, Options},
    model::Diagnostic,
};

use super::{Setup, Stop, project};

/// What is printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Show {
    /// The whole project.
    #[default]
    Project,
    /// The names of services.
    Services,
    /// The names of images.
    Images,
    /// The keys of volumes.
    Volumes,
    /// The keys of networks.
    Networks,
    /// All profiles.
    Profiles,
    /// The names of models.
    Models,
    /// Every key that a compose file may have, whatever the project.
    Keys,
    /// The variables that the files use.
    Variables,
    /// What variables are replaced with.
    Environment,
    /// Config hashes of these services, `*` for all.
    Hash(String),
    /// Nothing: checked only.
    Nothing,
}

/// Options of `config`.
#[derive(Debug, Clone, Default)]
pub struct ConfigOptions {
    /// Services; none means all.
    pub services: Vec<String>,
    /// YAML or JSON.
    pub format: Format,
    /// What is printed.
    pub show: Show,
    /// A file instead of standard output.
    pub output: Option<PathBuf>,
    /// Stages to leave out.
    pub load: Options,
}

/// Runs it.
///
/// # Errors
/// What is wrong with the files, a service that is not there, or an output file that can't be written.
pub fn run(setup: &Setup, options: &ConfigOptions) -> Result<(), Stop> {
    if options.show == Show::Keys {
        return print(setup, options, keys(options.format));
    }
    let mut stages = options.load.clone();
    // The variables are what would be replaced.
    stages.interpolate &= options.show != Show::Variables;
    let lists = match &options.show {
        Show::Services | Show::Images | Show::Volumes | Show::Networks | Show::Profiles | Show::Models => true,
        Show::Hash(_) => true,
        Show::Project | Show::Nothing | Show::Environment | Show::Variables | Show::Keys => false,
    };
    stages.env_files &= !lists;
    stages.container_names &= !lists && options.show != Show::Environment;
    let loaded = project::load_with(setup, &options.services, stages)?;
    project::known(&loaded, &options.services)?;
    let printed = print(setup, options, text(&loaded, options)?);
    // The process ends here: taking a large project apart first would only keep whoever waits for it.
    std::mem::forget(loaded);
    printed
}

fn print(setup: &Setup, options: &ConfigOptions, text: String) -> Result<(), Stop> {
    match &options.output {
        Some(path) if !text.is_empty() => std::fs::write(path, text).map_err(|error| {
            let what = format!("{} can't be written: {error}", path.display());
            Stop::failed(Diagnostic::error(what).help("give `-o` a file in a folder that is there"))
        }),
        _ => setup.console.out.write(text),
    }
}

fn text(loaded: &Loaded, options: &ConfigOptions) -> Result<String, Stop> {
    let project = &loaded.project;
    Ok(match &options.show {
        Show::Project => loaded.config(options.format, &options.services),
        Show::Nothing => String::new(),
        Show::Services => lines(project.enabled().map(|service| service.name.to_string())),
        Show::Images => {
            let selected = loaded.selected(&options.services);
            let mut images: Vec<String> = project
                .enabled()
                .filter(|service| selected.contains(service.name.as_str()))
                .map(|service| service.image_name(&project.name).to_string())
                .collect();
            images.sort();
            lines(images.into_iter())
        }
        Show::Volumes => lines(project.volumes.keys().cloned()),
        Show::Networks => lines(project.networks.keys().cloned()),
        Show::Models => lines(loaded.models().into_iter()),
        Show::Keys => keys(options.format),
        Show::Profiles => lines(loaded.all_profiles().into_iter()),
        Show::Environment => lines(loaded.environment().iter().map(|(key, value)| format!("{key}={value}"))),
        Show::Variables => variables(loaded, options.format),
        Show::Hash(which) => {
            let hashes = loaded.hashes();
            let mut text = String::new();
            if which == "*" {
                hashes.iter().for_each(|(name, hash)| _ = writeln!(text, "{name} {hash}"));
                return Ok(text);
            }
            let mut names: Vec<&str> = which.split(',').filter(|name| !name.is_empty()).collect();
            names.sort_unstable();
            for name in names {
                let hash = hashes.get(name).ok_or_else(|| {
                    Stop::usage(project::unknown(name, project.enabled().map(|service| &service.name)))
                })?;
                let _ = writeln!(text, "{name} {hash}");
            }
            text
        }
    })
}

fn keys(format: Format) -> String {
    if format == Format::Yaml {
        return compose::keys_table();
    }
    let keys = compose::keys().into_iter().map(|key| {
        json!({
            "Key": key.path,
            "Accepts": key.accepts,
            "Support": if key.ignored.is_some() { "warned" } else { "supported" },
            "Why": key.ignored.unwrap_or_default(),
        })
    });
    format!("{:#}\n", serde_json::Value::Array(keys.collect()))
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.map(|item| item + "\n").collect()
}

/// With Compose's columns, or its keys.
fn variables(loaded: &Loaded, format: Format) -> String {
    let variables = loaded.variables();
    if format == Format::Json {
        let object: serde_json::Map<String, serde_json::Value> = variables
            .iter()
            .map(|(name, variable)| {
                let value = json!({
                    "Name": name,
                    "DefaultValue": variable.default,
                    "PresenceValue": variable.alternative,
                    "Required": variable.required,
                });
                (name.clone(), value)
            })
            .collect();
        let mut bytes = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, indent);
        let written = serde::Serialize::serialize(&object, &mut serializer).is_ok();
        return if written { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() };
    }
    let width = |minimum: usize, items: &mut dyn Iterator<Item = usize>| items.max().unwrap_or(0).max(minimum - 3) + 3;
    let name = width(20, &mut variables.keys().map(String::len));
    let default = width(20, &mut variables.values().map(|variable| variable.default.len()));
    let mut text = format!("{:name$}{:20}{:default$}ALTERNATE VALUE\n", "NAME", "REQUIRED", "DEFAULT VALUE");
    for (key, variable) in variables {
        let _ = writeln!(
            text,
            "{key:name$}{:20}{:default$}{}",
            variable.required.to_string(),
            variable.default,
            variable.alternative
        );
    }
    text
}
