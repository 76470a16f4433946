//! One build of a Dockerfile: which stages it uses, and what they take from the context.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{self, Mode};
use super::{Copy, Dockerfile, DockerfileError, Instruction, InstructionKind, LineRange, Run, Stage};
use crate::build_context::path::within_root;

/// What a build gives to its Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInputs {
    /// The stage that is built; none for the last.
    pub target: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The names of additional contexts: each takes the place of a stage or an image of that name.
    pub contexts: BTreeSet<String>,
}

/// What a build of a Dockerfile uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The stage that is built, as an index into [`Dockerfile::stages`].
    pub target: usize,
    /// The stages that the target needs, itself included, in the file's order.
    pub stages: Vec<ResolvedStage>,
}

impl Resolved {
    /// Everything that the build takes from the main context, in the file's order.
    pub fn sources(&self) -> impl Iterator<Item = &ContextSource> {
        self.stages.iter().flat_map(|stage| &stage.sources)
    }
}

/// A stage that a build uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedStage {
    /// Its index in [`Dockerfile::stages`].
    pub index: usize,
    /// What it starts from.
    pub base: Base,
    /// What it takes from the main context.
    pub sources: Vec<ContextSource>,
    /// Its `ARG` and `ENV` variables as they are at its end.
    pub variables: BTreeMap<String, String>,
}

/// What a stage starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// An earlier stage, by its index.
    Stage(usize),
    /// An image, its name evaluated.
    Image(String),
    /// A named context, which replaces the stage or the image of that name.
    Context(String),
    /// Nothing.
    Scratch,
}

/// Which instruction takes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// `COPY`.
    Copy,
    /// `ADD`.
    Add,
    /// `RUN --mount=type=bind`.
    Mount,
}

/// A path that an instruction takes from the main context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextSource {
    /// The instruction's index in its stage.
    pub instruction: usize,
    /// The instruction's lines.
    pub lines: LineRange,
    /// Which instruction.
    pub kind: SourceKind,
    /// The path, evaluated, relative to the context's root, `.` for all of it. It can be a pattern (`requirements*.txt`).
    pub path: String,
    /// Variables that only the base image could have set: they were taken as empty.
    pub unknown: Vec<String>,
    /// `--exclude` patterns.
    pub excludes: Vec<String>,
    /// Where it goes, evaluated; for a mount, where it is mounted.
    pub destination: String,
}

/// A stage's variables while its instructions are gone through.
#[derive(Clone, Default)]
struct Variables {
    known: BTreeMap<String, String>,
    /// The base is an image that may have set more.
    open: bool,
}

impl Dockerfile {
    /// Finds out what one build of this file uses.
    ///
    /// # Errors
    ///
    /// There is no such target or stage, stages need each other in a circle, or a text cannot be evaluated.
    pub fn resolve(&self, inputs: &BuildInputs) -> Result<Resolved, DockerfileError> {
        let globals = self.global_args(inputs)?;
        let bases = self.bases(inputs, &globals)?;
        let target = self.target(inputs.target.as_deref())?;
        let mut used = BTreeSet::new();
        self.reach(target, &bases, &mut used, &mut Vec::new())?;
        let mut variables: BTreeMap<usize, Variables> = BTreeMap::new();
        let mut stages = Vec::new();
        for index in used {
            let base = bases[index].clone();
            let mut own = match &base {
                Base::Stage(earlier) => variables.get(earlier).cloned().unwrap_or_default(),
                Base::Scratch => Variables::default(),
                Base::Image(_) | Base::Context(_) => Variables { known: BTreeMap::new(), open: true },
            };
            let sources = match base {
                // The context stands in for the whole stage.
                Base::Context(ref name) if self.stages[index].name.as_ref() == Some(name) => Vec::new(),
                _ => self.walk_stage(&self.stages[index], inputs, &globals, &mut own)?,
            };
            stages.push(ResolvedStage { index, base, sources, variables: own.known.clone() });
            variables.insert(index, own);
        }
        Ok(Resolved { target, stages })
    }

    fn evaluate(&self, text: &str, known: &BTreeMap<String, String>) -> Result<String, String> {
        words::expand(text, Mode::evaluate(self.directives.escape), &mut |name| known.get(name).cloned())
    }

    /// The arguments before the first `FROM`, and those that the builder sets by itself.
    fn global_args(&self, inputs: &BuildInputs) -> Result<BTreeMap<String, String>, DockerfileError> {
        let mut globals = platform_args();
        for (name, value) in &inputs.args {
            if let Some(known) = globals.get_mut(name) {
                known.clone_from(value);
            }
        }
        for instruction in &self.args {
            let InstructionKind::Arg(args) = &instruction.kind else { continue };
            for (name, default) in args {
                let value = match (inputs.args.get(name), default) {
                    (Some(given), _) => given.clone(),
                    (None, Some(default)) => self
                        .evaluate(default, &globals)
                        .map_err(|what| DockerfileError::new(instruction.lines, what))?,
                    (None, None) => continue,
                };
                globals.insert(name.clone(), value);
            }
        }
        Ok(globals)
    }

    fn bases(&self, inputs: &BuildInputs, globals: &BTreeMap<String, String>) -> Result<Vec<Base>, DockerfileError> {
        let mut bases = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let refused = |what: String| DockerfileError::new(stage.lines, what);
            let from = self.evaluate(&stage.from, globals).map_err(refused)?;
            let earlier = self.stages[..index].iter().rposition(|other| other.name.as_ref() == Some(&from));
            bases.push(match (&stage.name, earlier) {
                (Some(name), _) if inputs.contexts.contains(name) => Base::Context(name.clone()),
                _ if from.is_empty() => {
                    return Err(refused(format!("`{}` gives no base image", stage.from))
                        .with_help("give the ARG a default value, or pass it as a build argument"));
                }
                (_, Some(earlier)) => Base::Stage(earlier),
                _ if from == "scratch" => Base::Scratch,
                _ if inputs.contexts.contains(short_name(&from)) => Base::Context(short_name(&from).to_owned()),
                _ => Base::Image(from),
            });
        }
        Ok(bases)
    }

    fn target(&self, wanted: Option<&str>) -> Result<usize, DockerfileError> {
        let Some(wanted) = wanted else { return Ok(self.stages.len() - 1) };
        self.find_stage(wanted).ok_or_else(|| {
            let names: Vec<&str> = self.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
            let error = DockerfileError::at(1, format!("there is no stage `{wanted}`"));
            if names.is_empty() {
                error.with_help("no stage of this Dockerfile has a name: write `FROM … AS name`")
            } else {
                error.with_help(format!("its stages are {}", names.join(", ")))
            }
        })
    }

    /// A stage by its name, or by its number from 0.
    fn find_stage(&self, wanted: &str) -> Option<usize> {
        let name = wanted.to_lowercase();
        let by_name = self.stages.iter().rposition(|stage| stage.name.as_ref() == Some(&name));
        by_name.or_else(|| wanted.parse().ok().filter(|index| *index < self.stages.len()))
    }

    /// Adds a stage and all that it needs; `path` holds the stages whose needs are being looked at.
    fn reach(
        &self,
        index: usize,
        bases: &[Base],
        used: &mut BTreeSet<usize>,
        path: &mut Vec<usize>,
    ) -> Result<(), DockerfileError> {
        let stage = &self.stages[index];
        if path.contains(&index) {
            let what = format!("the stage `{}` needs itself", stage.name.as_deref().unwrap_or("without a name"));
            return Err(DockerfileError::new(stage.lines, what));
        }
        if used.contains(&index) {
            return Ok(());
        }
        path.push(index);
        let replaced = matches!(&bases[index], Base::Context(name) if stage.name.as_ref() == Some(name));
        let base = if let Base::Stage(earlier) = bases[index] { Some(earlier) } else { None };
        let copied = stage.instructions.iter().flat_map(origins).filter_map(|from| self.find_stage(from));
        for needed in base.into_iter().chain(copied).filter(|_| !replaced) {
            self.reach(needed, bases, used, path)?;
        }
        path.pop();
        used.insert(index);
        Ok(())
    }

    /// Goes through a stage's instructions: keeps its variables, collects what it takes from the context.
    fn walk_stage(
        &self,
        stage: &Stage,
        inputs: &BuildInputs,
        globals: &BTreeMap<String, String>,
        variables: &mut Variables,
    ) -> Result<Vec<ContextSource>, DockerfileError> {
        let mut sources = Vec::new();
        for (index, instruction) in stage.instructions.iter().enumerate() {
            let refused = |what: String| DockerfileError::new(instruction.lines, what);
            match &instruction.kind {
                InstructionKind::Arg(args) => {
                    for (name, default) in args {
                        let value = match (inputs.args.get(name), default) {
                            (Some(given), _) => Some(given.clone()),
                            (None, Some(default)) => Some(self.evaluate(default, &variables.known).map_err(refused)?),
                            (None, None) => globals.get(name).cloned(),
                        };
                        variables.known.extend(value.map(|value| (name.clone(), value)));
                    }
                }
                InstructionKind::Env(pairs) => {
                    // All values of one instruction see the variables as they were before it.
                    let before = variables.known.clone();
                    for (name, value) in pairs {
                        let value = self.evaluate(value, &before).map_err(refused)?;
                        variables.known.insert(name.clone(), value);
                    }
                }
                InstructionKind::Copy(copy) => {
                    self.copied(instruction, index, SourceKind::Copy, copy, variables, &mut sources)?;
                }
                InstructionKind::Add(copy) => {
                    self.copied(instruction, index, SourceKind::Add, copy, variables, &mut sources)?;
                }
                InstructionKind::Run(run) => self.mounted(instruction, index, run, variables, &mut sources)?,
                _ => {}
            }
        }
        Ok(sources)
    }

    fn copied(
        &self,
        instruction: &Instruction,
        index: usize,
        kind: SourceKind,
        copy: &Copy,
        variables: &Variables,
        sources: &mut Vec<ContextSource>,
    ) -> Result<(), DockerfileError> {
        if copy.from.is_some() {
            return Ok(());
        }
        let destination = self.path(&copy.destination, variables, instruction)?.0;
        for source in &copy.sources {
            let (text, unknown) = self.path(source, variables, instruction)?;
            if kind == SourceKind::Add && is_remote(&text) {
                continue;
            }
            sources.push(ContextSource {
                instruction: index,
                lines: instruction.lines,
                kind,
                path: within_root(&text),
                unknown,
                excludes: copy.excludes.clone(),
                destination: destination.clone(),
            });
        }
        Ok(())
    }

    fn mounted(
        &self,
        instruction: &Instruction,
        index: usize,
        run: &Run,
        variables: &Variables,
        sources: &mut Vec<ContextSource>,
    ) -> Result<(), DockerfileError> {
        let from_context =
            |mount: &&super::Mount| mount.kind == "bind" && mount.option(&["from"]).is_none_or(str::is_empty);
        for mount in run.mounts.iter().filter(from_context) {
            let source = mount.option(&["source", "src"]).unwrap_or(".");
            let (text, unknown) = self.path(source, variables, instruction)?;
            let target = mount.option(&["target", "dst", "destination"]).unwrap_or_default();
            sources.push(ContextSource {
                instruction: index,
                lines: instruction.lines,
                kind: SourceKind::Mount,
                path: within_root(&text),
                unknown,
                excludes: Vec::new(),
                destination: self.path(target, variables, instruction)?.0,
            });
        }
        Ok(())
    }

    /// A path with its variables replaced, and the names of those that only the base image could know.
    fn path(
        &self,
        text: &str,
        variables: &Variables,
        instruction: &Instruction,
    ) -> Result<(String, Vec<String>), DockerfileError> {
        let mut unknown = Vec::new();
        let evaluated = words::expand(text, Mode::evaluate(self.directives.escape), &mut |name| {
            let value = variables.known.get(name).cloned();
            if value.is_none() && variables.open && !unknown.iter().any(|seen| seen == name) {
                unknown.push(name.to_owned());
            }
            value
        });
        match evaluated {
            Ok(path) => Ok((path, unknown)),
            Err(_) if !unknown.is_empty() => Ok((text.to_owned(), unknown)),
            Err(what) => Err(DockerfileError::new(instruction.lines, what)),
        }
    }
}

/// The stages, images and contexts that an instruction copies or mounts from.
fn origins(instruction: &Instruction) -> Vec<&str> {
    match &instruction.kind {
        InstructionKind::Copy(copy) | InstructionKind::Add(copy) => copy.from.as_deref().into_iter().collect(),
        InstructionKind::Run(run) => run.mounts.iter().filter_map(|mount| mount.option(&["from"])).collect(),
        _ => Vec::new(),
    }
}

/// What `ADD` fetches instead of taking it from the context.
fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"].iter().any(|prefix| source.starts_with(prefix))
}

/// An image's name as a named context would be called: without Docker Hub's prefixes and `:latest`.
fn short_name(image: &str) -> &str {
    let name = image.strip_suffix(":latest").unwrap_or(image);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// The arguments that the builder sets from the platform. The engine's may differ from this machine's where it is remote; a build
/// argument then says so.
fn platform_args() -> BTreeMap<String, String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    ["BUILD", "TARGET"]
        .into_iter()
        .flat_map(|side| {
            [("PLATFORM", format!("linux/{arch}")), ("OS", "linux".to_owned()), ("ARCH", arch.to_owned())]
                .map(|(name, value)| (format!("{side}{name}"), value))
        })
        .collect()
}
