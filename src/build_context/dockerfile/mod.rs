//! The Dockerfile, read: what its instructions are, where they stand, which stages a build uses and what it copies.
//!
//! Pure: text in, data out; nothing is run or fetched. It reads what BuildKit's own frontend reads. A `# syntax=` line can name a
//! frontend that knows more, so flags that are not known here are kept, not refused. Values stay as they are written, quotes and
//! variables included; [`Dockerfile::resolve`] evaluates them for one build.

mod error;
mod instruction;
mod lines;
mod resolve;
mod words;

use std::fmt;
use std::path::Path;

pub use error::DockerfileError;
pub use resolve::{Base, BuildInputs, ContextSource, Resolved, ResolvedStage, SourceKind};

use super::error::ContextError;

/// Lines of the file, counted from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineRange {
    /// The first line.
    pub first: u32,
    /// The last line; the same as `first` where one line is meant.
    pub last: u32,
}

impl LineRange {
    /// One line.
    #[must_use]
    pub fn line(line: u32) -> Self {
        Self { first: line, last: line }
    }
}

impl fmt::Display for LineRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

/// The largest Dockerfile that is read.
const MAX_BYTES: u64 = 1024 * 1024;

/// A Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// The `# name=value` lines at its top.
    pub directives: Directives,
    /// The `ARG` instructions before the first `FROM`.
    pub args: Vec<Instruction>,
    /// Its stages in the file's order; never empty.
    pub stages: Vec<Stage>,
}

/// Parser directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// The frontend image that the file asks for.
    pub syntax: Option<String>,
    /// The escape and line continuation character, `\` or `` ` ``.
    pub escape: char,
    /// Where `escape` was set.
    pub escape_line: Option<u32>,
    /// Options of the builder's own checks.
    pub check: Option<String>,
}

impl Default for Directives {
    fn default() -> Self {
        Self { syntax: None, escape: '\\', escape_line: None, check: None }
    }
}

/// A `FROM` and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name, in lower case; none for a stage without `AS`.
    pub name: Option<String>,
    /// What it starts from, as written: an image, an earlier stage's name, or `scratch`.
    pub from: String,
    /// `--platform`, as written.
    pub platform: Option<String>,
    /// The lines of its `FROM`.
    pub lines: LineRange,
    /// Its `FROM`, as written.
    pub text: String,
    /// Its instructions in their order.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it says.
    pub kind: InstructionKind,
    /// Its lines, here-documents included.
    pub lines: LineRange,
    /// It as written, continuation lines joined, here-documents left out.
    pub text: String,
    /// Its `--name=value` flags in their order.
    pub flags: Vec<Flag>,
}

impl Instruction {
    /// The value of a flag; the last, where it is repeated. A flag without a value is empty.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|flag| flag.name == name).map(|flag| flag.value.as_deref().unwrap_or(""))
    }
}

/// `--name=value` or `--name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Without the dashes.
    pub name: String,
    /// Behind the `=`.
    pub value: Option<String>,
}

/// What an instruction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstructionKind {
    /// `RUN`.
    Run(Run),
    /// `COPY`.
    Copy(Copy),
    /// `ADD`.
    Add(Copy),
    /// `ARG`: names, and the defaults of those that have one.
    Arg(Vec<(String, Option<String>)>),
    /// `ENV`: names and values.
    Env(Vec<(String, String)>),
    /// `LABEL`: names and values.
    Label(Vec<(String, String)>),
    /// `WORKDIR`.
    Workdir(String),
    /// `USER`.
    User(String),
    /// `CMD`.
    Cmd(Command),
    /// `ENTRYPOINT`.
    Entrypoint(Command),
    /// `SHELL`.
    Shell(Vec<String>),
    /// `EXPOSE`.
    Expose(Vec<String>),
    /// `VOLUME`.
    Volume(Vec<String>),
    /// `STOPSIGNAL`.
    StopSignal(String),
    /// `HEALTHCHECK CMD …`; none for `HEALTHCHECK NONE`.
    Healthcheck(Option<Command>),
    /// `ONBUILD`: for whoever builds from this image.
    Onbuild(Box<Instruction>),
    /// `MAINTAINER`.
    Maintainer(String),
}

impl InstructionKind {
    /// Whether the builder counts it among a stage's steps. (`FROM` counts as well, unless it names another stage or `scratch`.)
    #[must_use]
    pub fn is_step(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Copy(_) | Self::Add(_) | Self::Workdir(_))
    }
}

/// A command in one of its two forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A line for the shell.
    Shell(String),
    /// A list, run as it is.
    Exec(Vec<String>),
}

/// A `RUN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What it runs.
    pub command: Command,
    /// Its `--mount` flags.
    pub mounts: Vec<Mount>,
    /// Its here-documents: the script itself, or files that the command reads.
    pub heredocs: Vec<Heredoc>,
}

/// A `--mount` of a `RUN`: `type=bind,source=…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `bind` (also where no type is given), `cache`, `tmpfs`, `secret` or `ssh`.
    pub kind: String,
    /// Its options in lower case; those without `=` have an empty value.
    pub options: Vec<(String, String)>,
}

impl Mount {
    /// The first value given under one of these names.
    #[must_use]
    pub fn option(&self, names: &[&str]) -> Option<&str> {
        self.options.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }
}

/// A `COPY` or an `ADD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Its sources as written, without here-documents.
    pub sources: Vec<String>,
    /// Files whose content stands in the Dockerfile.
    pub heredocs: Vec<Heredoc>,
    /// Where to.
    pub destination: String,
    /// `--from`: a stage, an image or a named context; none for the build's main context.
    pub from: Option<String>,
    /// `--exclude` patterns.
    pub excludes: Vec<String>,
}

/// A here-document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Its variables are replaced, since the word was not quoted.
    pub expand: bool,
    /// `<<-`: leading tabs are no part of it.
    pub strip_tabs: bool,
    /// Its lines as written.
    pub content: String,
}

impl Dockerfile {
    /// Reads a Dockerfile's text.
    ///
    /// # Errors
    ///
    /// The first thing that the builder would refuse, with its line.
    pub fn parse(text: &str) -> Result<Self, DockerfileError> {
        let (directives, logical) = lines::read(text)?;
        let mut args = Vec::new();
        let mut stages: Vec<Stage> = Vec::new();
        for line in logical {
            if let Some(stage) = instruction::from(&line, directives.escape)? {
                stages.push(stage);
                continue;
            }
            let instruction = instruction::parse(&line, directives.escape)?;
            match (stages.last_mut(), &instruction.kind) {
                (Some(stage), _) => stage.instructions.push(instruction),
                (None, InstructionKind::Arg(_)) => args.push(instruction),
                (None, _) => {
                    let what = "the first instruction must be FROM; only ARG may stand before it";
                    return Err(DockerfileError::new(instruction.lines, what));
                }
            }
        }
        if stages.is_empty() {
            let what = if args.is_empty() { "the file has no instructions" } else { "the file has no FROM" };
            return Err(DockerfileError::at(1, what));
        }
        Ok(Self { directives, args, stages })
    }

    /// A Dockerfile's text.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is none, or is larger than any Dockerfile.
    pub fn text(path: &Path) -> Result<String, ContextError> {
        let unreadable = |source| ContextError::Read { path: path.to_owned(), source };
        let meta = std::fs::metadata(path).map_err(unreadable)?;
        if !meta.is_file() {
            return Err(ContextError::NotAFile { path: path.to_owned() });
        }
        if meta.len() > MAX_BYTES {
            return Err(ContextError::TooLarge { path: path.to_owned(), limit: MAX_BYTES });
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A value without its quotes and escapes; variables stay as they are written. A value that cannot be read stays whole.
    #[must_use]
    pub fn unquoted(&self, value: &str) -> String {
        let mode = words::Mode { keep_unset: true, ..words::Mode::evaluate(self.directives.escape) };
        words::expand(value, mode, &mut |_| None).unwrap_or_else(|_| value.to_owned())
    }

    /// Every instruction's lines and text, `FROM` and the arguments before it included, in the file's order.
    pub fn all_texts(&self) -> impl Iterator<Item = (LineRange, &str)> {
        let stages = self.stages.iter().flat_map(|stage| {
            let instructions = stage.instructions.iter().map(|i| (i.lines, i.text.as_str()));
            std::iter::once((stage.lines, stage.text.as_str())).chain(instructions)
        });
        self.args.iter().map(|i| (i.lines, i.text.as_str())).chain(stages)
    }

    /// The lines of the step that the builder calls `[stage number/total]`; `stage` is absent where the file has one stage.
    #[must_use]
    pub fn step_lines(&self, stage: Option<&str>, number: u32) -> Option<LineRange> {
        let stage = match stage {
            None => self.stages.first().filter(|_| self.stages.len() == 1)?,
            Some(name) => self.stages.iter().enumerate().rev().find_map(|(index, stage)| {
                let matches = match &stage.name {
                    Some(own) => own == name,
                    None => name.strip_prefix("stage-").is_some_and(|number| number == index.to_string()),
                };
                matches.then_some(stage)
            })?,
        };
        let own_base = stage.from != "scratch"
            && !self
                .stages
                .iter()
                .take_while(|other| other.lines != stage.lines)
                .any(|other| other.name.as_ref() == Some(&stage.from));
        let steps = own_base.then_some(stage.lines).into_iter().chain(
            stage
                .instructions
                .iter()
                .filter(|instruction| instruction.kind.is_step())
                .map(|instruction| instruction.lines),
        );
        steps.clone().nth(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests;
