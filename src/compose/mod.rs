//! Text -> [`Project`]: the only folder that knows Compose's YAML.
//!
//! [`load`] takes everything it needs in a [`Request`] (no globals, the environment and standard input included) and
//! reads files only through [`disk`]. A pipeline, one stage a file:
//!
//! 1. [`source`]: which files, which environment, which name;
//! 2. [`document`]: YAML -> a [`tree`] in which every node knows file, line and column ([`scalar`]: go-yaml's types);
//! 3. [`interpolate`]: variables ([`template`], which [`dotenv`] shares), per file;
//! 4. [`reset`], [`extends`], [`include`], [`merge`], [`unique`]: files and services over each other, one table row a key;
//! 5. [`validate`] against [`schema`], the tables of every key; [`advice`] on what to do, [`syntax`] on what isn't even YAML;
//! 6. [`canonical`] ([`port`], [`volume`], [`shell_words`]), [`resolve_paths`], [`normalize`]: one shape, nothing implied;
//! 7. [`encode`]: Compose's own structs as [`json`], which [`render`] ([`yaml`]) prints, [`hash`] hashes and [`decode`] turns into the model;
//! 8. [`project`] applies profiles and folds env files in; [`check`] looks at the whole, after [`rules`]; [`ignored`] names what does nothing;
//! 9. [`keys`] lists what the tables know.
//!
//! What is wrong is gathered in a [`report`] with its place, several errors of one load together. The reference for
//! every rule is Docker Compose 2.40 (compose-go 2.9); where the specification says otherwise, `assets/compose-differences.md` has it.

mod advice;
mod canonical;
mod check;
mod decode;
mod disk;
mod document;
mod dotenv;
mod encode;
mod extends;
mod go;
mod hash;
mod ignored;
mod include;
mod interpolate;
mod json;
mod keys;
mod load;
mod merge;
mod normalize;
mod path;
mod places;
mod port;
mod project;
mod render;
mod report;
mod reset;
mod resolve_paths;
mod rules;
mod scalar;
mod schema;
mod shell_words;
mod source;
mod syntax;
mod template;
mod tree;
mod unique;
mod validate;
mod volume;
mod yaml;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use crate::model::{Diagnostic, Project};

pub use keys::{Key, keys, keys_table};
pub use places::Places;
pub use render::{Format, Variable};
pub use shell_words::split as shell_words;
pub use source::FILES as FILE_NAMES;

/// What to load, and with what.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The current folder, absolute.
    pub directory: PathBuf,
    /// `-f`, in order; `-` is [`Request::stdin`]. Without any they are looked for.
    pub files: Vec<PathBuf>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// `--env-file`.
    pub env_files: Vec<PathBuf>,
    /// `--project-directory`.
    pub project_directory: Option<PathBuf>,
    /// The process's environment, COMPOSE_* and HOME included.
    pub environment: BTreeMap<String, String>,
    /// Standard input, if a file is `-`.
    pub stdin: Option<String>,
    /// Services named on the command line: their profiles are in force.
    pub services: Vec<String>,
    /// What to leave out; nothing, unless `config` is asked to.
    pub options: Options,
}

/// The stages that `config` can leave out, or does for some of what it prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Off: `--no-interpolate`, for [`Loaded::config`] and [`Loaded::variables`]; [`Loaded::project`] is then but a sketch.
    pub interpolate: bool,
    /// Off: `--no-normalize`.
    pub normalize: bool,
    /// Off: `--no-path-resolution`.
    pub resolve_paths: bool,
    /// Off: `--no-consistency`.
    pub consistency: bool,
    /// Off: env files stay unread, so that a missing one is no mistake. What lists names and hashes doesn't need them.
    pub env_files: bool,
    /// Off: two services may have the same `container_name`, which no engine would take.
    pub container_names: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            interpolate: true,
            normalize: true,
            resolve_paths: true,
            consistency: true,
            env_files: true,
            container_names: true,
        }
    }
}

/// A project, and what there is to say of the load.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What should exist.
    pub project: Project,
    /// Where it is written.
    pub places: Places,
    /// What is odd, and what is ignored.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read: compose files, included and extended ones, env files. A change of one wants a reload.
    pub files_read: Vec<PathBuf>,
    /// Files that would have been read if they had been there. So does the appearance of one.
    pub files_looked_for: Vec<PathBuf>,
    rendered: render::Rendered,
}

/// Why there is no project.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", render_all(.diagnostics))]
pub struct LoadError {
    /// What is wrong; at least one, several where several were found.
    pub diagnostics: Vec<Diagnostic>,
    /// What is odd besides.
    pub warnings: Vec<Diagnostic>,
    /// As in [`Loaded`]: mending one of these wants another try.
    pub files_read: Vec<PathBuf>,
    /// As in [`Loaded`].
    pub files_looked_for: Vec<PathBuf>,
}

fn render_all(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Loads a project.
///
/// # Errors
///
/// Files that can't be read, that are not YAML, that the specification refuses, or that contradict each other.
pub fn load(request: &Request) -> Result<Loaded, Box<LoadError>> {
    let mut loader = load::Loader {
        request,
        disk: disk::Disk::new(&request.directory),
        report: report::Report::default(),
        bases: HashMap::new(),
        scopes: 0,
    };
    let outcome = finish(&mut loader);
    let load::Loader { disk, report, .. } = loader;
    let (diagnostics, warnings) = report.into_diagnostics();
    match outcome {
        Ok((project, places, rendered)) => {
            Ok(Loaded { project, places, warnings, files_read: disk.read, files_looked_for: disk.looked_for, rendered })
        }
        Err(report::Failed) => {
            Err(Box::new(LoadError { diagnostics, warnings, files_read: disk.read, files_looked_for: disk.looked_for }))
        }
    }
}

fn finish(loader: &mut load::Loader<'_>) -> Result<(Project, Places, render::Rendered), report::Failed> {
    let tree = loader.tree()?;
    let (encoded, project) = if loader.request.options.interpolate {
        let encoded = loader.encoded(&tree)?;
        let project = decode::project(&tree, &encoded, &mut loader.report)?;
        (encoded, project)
    } else {
        // With variables still in it, many a value has no type yet: what can be read of it is enough for a list.
        let report = std::mem::take(&mut loader.report);
        let encoded = loader.encoded_loosely(&tree);
        let project = decode::project(&tree, &encoded, &mut report::Report::default());
        loader.report = report;
        (encoded, project?)
    };
    let root = Arc::new(tree.root);
    let places = Places::new(root.clone(), loader.report.files());
    let environment = tree.selection.environment;
    let interpolated = loader.request.options.interpolate;
    let rendered = render::Rendered { name: tree.name, encoded, environment, root, interpolated };
    Ok((project, places, rendered))
}
