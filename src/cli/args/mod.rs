//! The command line as types: what the user may type, and the help that goes with it.
//!
//! The verbs and flags that Docker Compose has keep its names and meaning. Flags of Compose's that are not built are not
//! here but in [`super::refused`]. Global flags stand before the verb, as in Compose: behind it, `-f` and `-p` mean
//! other things.

pub mod change;
pub mod dependencies;
pub mod image;
pub mod init;
pub mod inside;
pub mod look;
pub mod up;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::model::OnChange;

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Ansi {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Nowhere.
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Progress {
    /// `tty` on a terminal, `plain` elsewhere.
    #[default]
    Auto,
    /// Lines that are rewritten in place.
    Tty,
    /// Each line once.
    Plain,
    /// Nothing but what failed.
    Quiet,
}

/// What the user typed.
#[derive(Debug, Parser)]
#[command(
    name = "devbox",
    version,
    about = "Your project's containers in one terminal: reads docker-compose.yaml, drives the engine, rebuilds on one key",
    long_about = None,
    after_help = "Without a command, devbox opens the dashboard and starts nothing.\n\
        \n\
        Exit codes: 0 done, 1 failed, 2 wrong usage or compose file, 3 engine not reachable, 130 interrupted;\n\
         run, exec and shell pass on the command's.",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// The flags before the verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb; none opens the dashboard.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// The flags that every verb has. They stand before it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Global {
    /// Compose file; several are merged in order, `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<String>,
    /// Project name
    #[arg(short = 'p', long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Profile to enable; may be repeated
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
    /// File with variables, instead of .env; may be repeated
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<String>,
    /// Folder that relative paths start from [default: that of the first compose file]
    #[arg(long, value_name = "DIR")]
    pub project_directory: Option<PathBuf>,
    /// Address of the engine: unix:///path, tcp://host:port
    #[arg(short = 'H', long, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// Docker context to take the engine's address from
    #[arg(short = 'c', long, value_name = "NAME")]
    pub context: Option<String>,
    /// What a change of dependencies does, for all services: ask, rebuild, ignore
    #[arg(long, value_name = "WHAT", hide_possible_values = true, value_parser = ["ask", "rebuild", "ignore"])]
    pub on_change: Option<String>,
    /// Write devbox's own log to a file
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// No colours (as NO_COLOR in the environment)
    #[arg(long)]
    pub no_color: bool,
    /// When colours are used: auto, always, never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true, hide_possible_values = true)]
    pub ansi: Ansi,
    /// How progress is shown: auto, tty, plain, quiet
    #[arg(long, value_name = "HOW", default_value = "auto", hide_default_value = true, hide_possible_values = true)]
    pub progress: Progress,
}

impl Global {
    /// `--on-change`, typed.
    pub fn on_change(&self) -> Option<OnChange> {
        match self.on_change.as_deref()? {
            "rebuild" => Some(OnChange::Rebuild),
            "ignore" => Some(OnChange::Ignore),
            _ => Some(OnChange::Ask),
        }
    }
}

/// The verbs, in the order in which help lists them.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write Dockerfile, docker-compose.yaml and .dockerignore for the project here, or start one
    Init(init::Init),
    /// Create and start what is missing, recreate what changed, open the dashboard
    Up(up::Up),
    /// Stop and remove containers and networks; volumes stay
    Down(change::Down),
    /// Start containers that exist
    Start(change::Start),
    /// Stop containers
    Stop(change::Stop),
    /// Stop and start containers
    Restart(change::Restart),
    /// Freeze containers
    Pause(change::Services),
    /// Let frozen containers go on
    Unpause(change::Services),
    /// Send containers a signal, SIGKILL unless told otherwise
    Kill(change::Kill),
    /// Remove containers that are stopped
    Rm(change::Rm),
    /// Build images
    Build(image::Build),
    /// Pull images
    Pull(image::Pull),
    /// Build images whose dependencies changed and replace their containers
    Rebuild(image::Rebuild),
    /// Bring files into containers, rebuild or restart as they change, as develop.watch says
    Watch(inside::Watch),
    /// Add packages: edit the manifest, lock, rebuild
    Add(dependencies::Add),
    /// Remove packages: edit the manifest, lock, rebuild
    Remove(dependencies::Remove),
    /// Write the lock again with the project's own tool, and rebuild
    Lock(dependencies::Lock),
    /// Print what is installed, pinned
    Freeze(dependencies::Freeze),
    /// Show which manifests each service has, and its packages: declared, built, installed
    Deps(dependencies::Deps),
    /// List the project's services and containers
    Ps(look::Ps),
    /// Show logs, merged by time
    Logs(look::Logs),
    /// Run a command in a running container
    Exec(inside::Exec),
    /// Run a command in a container of its own
    Run(inside::Run),
    /// Open a shell in a running container
    Shell(inside::Shell),
    /// Attach to a service's own process
    Attach(inside::Attach),
    /// Show what the compose file means
    Config(look::Config),
    /// Show what up would do, and why
    Plan(look::Plan),
    /// Print a shell's completion script
    Completion(look::Completion),
    /// Show devbox's and the engine's versions
    Version(look::Version),
}
