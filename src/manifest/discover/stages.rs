//! The walk over a build's stages: what lies where in the image, and which of it an install step reads.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, folder_of, has_pattern, matches, name_of};
use super::install::{self, Environment, Install};
use super::shell::{self, Command, expand, join};
use crate::build_context::dockerfile::{
    Base, Command as RunCommand, ContextSource, Dockerfile, Instruction, InstructionKind, Resolved, ResolvedStage, Run,
};
use crate::build_context::path::{clean, join as join_context};
use crate::manifest::format::{Ecosystem, ecosystem, kind_of};

/// A file of the context that the build reads, and why it counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Relative to its context.
    pub(super) path: String,
    /// The additional context it comes from; `None` for the main one.
    pub(super) context: Option<String>,
    /// `COPY requirements.txt (Dockerfile:4)`.
    pub(super) because: String,
    /// Read as a requirements file whatever its name, since pip was told to.
    pub(super) requirements: bool,
    /// Somebody named it, so that it counts even while it isn't there; a tool reads its own files only if they are.
    pub(super) named: bool,
}

/// Who reads a file, and how that is told.
#[derive(Clone, Copy)]
enum Reads<'b> {
    /// The instruction that copies it names it.
    Copied,
    /// A command names it; pip's files are requirements whatever they are called.
    Named { because: &'b str, requirements: bool },
    /// A tool looks for it.
    Sought(&'b str),
}

/// What the walk gives.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    /// Folders of the image in which the build puts dependencies.
    pub(super) environments: BTreeSet<String>,
    /// What the built image has of the contexts, in the order in which it was copied.
    copied: Vec<Copied>,
}

/// Something of a context that was copied, or is mounted for one RUN.
#[derive(Debug, Clone)]
struct Copied {
    /// Path or pattern in its context.
    source: String,
    context: Option<String>,
    /// Absolute path in the image.
    target: String,
    /// `COPY requirements.txt (Dockerfile:4)`.
    because: String,
}

/// A stage's state, which later stages on top of it start from.
#[derive(Debug, Clone, Default)]
struct State {
    folder: String,
    copied: Vec<Copied>,
}

/// The walk's working parts.
pub(super) struct Walk<'a> {
    pub(super) dockerfile: &'a Dockerfile,
    /// What the Dockerfile is called in reasons.
    pub(super) name: &'a str,
    /// The main context under `None`, additional ones by name.
    pub(super) contexts: BTreeMap<Option<String>, Context>,
    pub(super) walked: Walked,
}

impl Walk<'_> {
    /// Goes through the stages in the file's order.
    pub(super) fn run(&mut self, resolved: &Resolved) {
        let mut states: BTreeMap<usize, State> = BTreeMap::new();
        for stage in &resolved.stages {
            let mut state = match &stage.base {
                Base::Stage(earlier) => states.get(earlier).cloned().unwrap_or_default(),
                _ => State::default(),
            };
            if let Some(whole) = self.dockerfile.stages.get(stage.index) {
                for (index, instruction) in whole.instructions.iter().enumerate() {
                    self.instruction(stage, index, instruction, &mut state);
                }
            }
            self.walked.environments.extend(install::active(&stage.variables));
            states.insert(stage.index, state);
        }
        self.walked.environments.retain(|folder| install::is_own_folder(folder));
        self.walked.copied = states.remove(&resolved.target).unwrap_or_default().copied;
    }

    /// Where the built image has a copy of a file, the last one first. Where a file is copied to a path that may be a folder or
    /// the file's new name, both are named.
    pub(super) fn copies(&self, path: &str, context: &Option<String>) -> Vec<String> {
        let inside = self.contexts.get(context);
        let copied = self.walked.copied.iter().rev().filter(|copied| copied.context == *context);
        copied.flat_map(|copied| inside.map(|inside| lies_at(copied, path, inside)).unwrap_or_default()).collect()
    }

    fn instruction(&mut self, stage: &ResolvedStage, index: usize, instruction: &Instruction, state: &mut State) {
        match &instruction.kind {
            InstructionKind::Workdir(folder) => {
                let folder = expand(&self.dockerfile.unquoted(folder), &stage.variables);
                state.folder = join(&state.folder, &folder);
            }
            InstructionKind::Copy(copy) | InstructionKind::Add(copy) => {
                let before = state.copied.len();
                let own = stage.sources.iter().filter(|source| source.instruction == index);
                state.copied.extend(own.map(|source| self.copied(source, None, &state.folder, instruction)));
                if let Some(from) = copy.from.as_ref().filter(|from| self.contexts.contains_key(&Some((*from).clone())))
                {
                    for source in &copy.sources {
                        let path =
                            clean(expand(&self.dockerfile.unquoted(source), &stage.variables).trim_start_matches('/'));
                        let target = join(
                            &state.folder,
                            &expand(&self.dockerfile.unquoted(&copy.destination), &stage.variables),
                        );
                        let because = self.because(instruction);
                        state.copied.push(Copied { source: path, context: Some(from.clone()), target, because });
                    }
                }
                // A manifest that is copied by its name is one, whatever reads it: a base image's ONBUILD, a task, the container's start.
                for copied in &state.copied[before..] {
                    for path in self.named(copied) {
                        if kind_of(&path).is_some() {
                            self.find(path, copied, Reads::Copied);
                        }
                    }
                }
            }
            InstructionKind::Run(run) => self.run_step(stage, index, instruction, run, state),
            _ => {}
        }
    }

    fn copied(
        &self,
        source: &ContextSource,
        context: Option<String>,
        folder: &str,
        instruction: &Instruction,
    ) -> Copied {
        Copied {
            source: source.path.clone(),
            context,
            target: join(folder, &source.destination),
            because: self.because(instruction),
        }
    }

    /// An instruction as a reason: its first words, and where it stands.
    fn because(&self, instruction: &Instruction) -> String {
        let mut words = instruction.text.split_whitespace();
        let keyword = words.next().unwrap_or_default();
        let plain = words.skip_while(|word| word.starts_with("--"));
        let text = std::iter::once(keyword).chain(plain).collect::<Vec<_>>().join(" ");
        let short: String =
            if text.chars().count() > 48 { text.chars().take(47).chain(['…']).collect() } else { text };
        format!("{short} ({}:{})", self.name, instruction.lines.first)
    }

    /// One RUN: its install steps, and what they read of what was copied until now.
    fn run_step(&mut self, stage: &ResolvedStage, index: usize, instruction: &Instruction, run: &Run, state: &State) {
        let mut commands = match &run.command {
            RunCommand::Shell(script) => shell::commands(script, &state.folder, &stage.variables),
            RunCommand::Exec(words) => vec![Command { words: words.clone(), folder: join(&state.folder, ".") }],
        };
        for heredoc in &run.heredocs {
            commands.extend(shell::commands(&heredoc.content, &state.folder, &stage.variables));
        }
        self.walked.environments.extend(commands.iter().filter_map(install::virtualenv));
        let environment = Environment::new(&stage.variables);
        let installs: Vec<Install> =
            commands.iter().filter_map(|command| install::read(command, &environment)).collect();
        if installs.is_empty() {
            return;
        }
        let mounts = stage.sources.iter().filter(|source| source.instruction == index);
        let mounts: Vec<Copied> = mounts.map(|source| self.copied(source, None, &state.folder, instruction)).collect();
        let ecosystems: BTreeSet<Option<Ecosystem>> = installs.iter().map(|install| install.ecosystem).collect();
        let here: Vec<&Copied> = state.copied.iter().chain(&mounts).collect();
        let script: Vec<&str> = commands.iter().flat_map(|command| &command.words).map(String::as_str).collect();
        for copied in &here {
            self.read_before(copied, &ecosystems, &script);
        }
        for install in &installs {
            let because = format!("{} ({}:{})", install.shown, self.name, instruction.lines.first);
            self.walked.environments.extend(install.environment.clone());
            self.read_by(install, &here, &because);
        }
    }

    /// What was copied by name before an install step: every file, unless it is source code that no command names, and in
    /// folders (other than the whole context) the manifests that this install step's ecosystems know.
    fn read_before(&mut self, copied: &Copied, ecosystems: &BTreeSet<Option<Ecosystem>>, script: &[&str]) {
        for path in self.named(copied) {
            let is_folder = self.contexts.get(&copied.context).is_some_and(|context| context.is_folder(&path));
            if !is_folder {
                let named = script.iter().any(|word| word.ends_with(name_of(&path)));
                if named || kind_of(&path).is_some() || !is_source_code(&path) {
                    self.find(path, copied, Reads::Copied);
                }
            } else if path != "." {
                let below = self
                    .contexts
                    .get_mut(&copied.context)
                    .map(|context| context.manifests_below(&path))
                    .unwrap_or_default();
                for path in below {
                    let known = kind_of(&path).and_then(ecosystem);
                    if ecosystems.contains(&None) || ecosystems.contains(&known) {
                        self.find(path, copied, Reads::Copied);
                    }
                }
            }
        }
    }

    /// What an install step reads by itself: the files it names, and its tool's manifests in its project folders. Where nothing
    /// of that came from the context by name, what it does is unknown: then every manifest beside its folder counts.
    fn read_by(&mut self, install: &Install, here: &[&Copied], because: &str) {
        for file in &install.files {
            if let Some((path, copied)) = self.origin(file, here) {
                let requirements = install.ecosystem == Some(Ecosystem::Python);
                self.find(path, copied, Reads::Named { because, requirements });
            }
        }
        for project in &install.projects {
            if install.names.is_empty()
                && let Some((folder, copied)) = self.origin(project, here)
            {
                let context = self.contexts.get_mut(&copied.context);
                let inside = context.map(|context| context.manifests_in(&folder)).unwrap_or_default();
                inside.into_iter().for_each(|path| self.find(path, copied, Reads::Sought(because)));
            }
            for name in install.names {
                if let Some((path, copied)) = self.origin(&join(project, name), here) {
                    self.find(path, copied, Reads::Sought(because));
                }
            }
        }
    }

    /// Where a path of the image came from: the last thing copied that covers it.
    fn origin<'c>(&self, image_path: &str, here: &[&'c Copied]) -> Option<(String, &'c Copied)> {
        here.iter().rev().find_map(|copied| Some((self.covers(copied, image_path)?, *copied)))
    }

    fn covers(&self, copied: &Copied, image_path: &str) -> Option<String> {
        let context = self.contexts.get(&copied.context)?;
        if image_path == copied.target && !has_pattern(&copied.source) && copied.source != "." {
            return Some(copied.source.clone());
        }
        let below = if copied.target == "/" { image_path } else { image_path.strip_prefix(&copied.target)? };
        let below = if below.is_empty() { "." } else { below.strip_prefix('/')? };
        if has_pattern(&copied.source) {
            let fits = !below.contains('/') && matches(name_of(&copied.source), below);
            return fits.then(|| join_context(folder_of(&copied.source), below));
        }
        if copied.source == "." || context.is_folder(&copied.source) {
            return Some(if below == "." { copied.source.clone() } else { join_context(&copied.source, below) });
        }
        (below == name_of(&copied.source)).then(|| copied.source.clone())
    }

    fn named(&mut self, copied: &Copied) -> Vec<String> {
        self.contexts.get_mut(&copied.context).map(|context| context.named(&copied.source)).unwrap_or_default()
    }

    /// Notes a file, unless the builder isn't sent it. The first reason stays.
    fn find(&mut self, path: String, copied: &Copied, reads: Reads<'_>) {
        let Some(context) = self.contexts.get(&copied.context) else { return };
        if !context.sends(&path) || context.is_folder(&path) {
            return;
        }
        let context = copied.context.clone();
        let (because, requirements, named) = match reads {
            Reads::Copied => (copied.because.as_str(), false, true),
            Reads::Named { because, requirements } => (because, requirements, true),
            Reads::Sought(because) => (because, false, false),
        };
        match self.walked.found.iter_mut().find(|found| found.path == path && found.context == context) {
            Some(found) => {
                found.requirements |= requirements;
                found.named |= named;
            }
            None => {
                let because = because.to_owned();
                self.walked.found.push(Found { path, context, because, requirements, named });
            }
        }
    }
}

/// Where in the image something that was copied puts a file of its context.
fn lies_at(copied: &Copied, path: &str, context: &Context) -> Vec<String> {
    let below = |rest: &str| vec![join(&copied.target, rest)];
    if has_pattern(&copied.source) {
        let fits = folder_of(&copied.source) == folder_of(path) && matches(name_of(&copied.source), name_of(path));
        return if fits { below(name_of(path)) } else { Vec::new() };
    }
    if copied.source == "." {
        return below(path);
    }
    if copied.source == path {
        let inside = join(&copied.target, name_of(path));
        let renamed = copied.target.clone();
        return if name_of(&renamed) == name_of(path) { vec![renamed, inside] } else { vec![inside, renamed] };
    }
    let rest = path.strip_prefix(&copied.source).and_then(|rest| rest.strip_prefix('/'));
    rest.filter(|_| context.is_folder(&copied.source)).map(below).unwrap_or_default()
}

/// Code and pages change all day and are no dependencies; such a file counts only where an install step names it.
fn is_source_code(path: &str) -> bool {
    let extension = name_of(path).rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(
        extension,
        "py" | "pyi"
            | "js"
            | "mjs"
            | "cjs"
            | "ts"
            | "tsx"
            | "jsx"
            | "vue"
            | "svelte"
            | "rb"
            | "go"
            | "rs"
            | "php"
            | "java"
            | "kt"
            | "c"
            | "h"
            | "cpp"
            | "css"
            | "scss"
            | "html"
            | "md"
            | "rst"
            | "sql"
            | "po"
            | "mo"
            | "png"
            | "jpg"
            | "svg"
            | "ico"
    )
}
