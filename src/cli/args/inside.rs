//! The verbs that go into a container: exec, run, shell, attach, watch.

use clap::Args;

/// `devbox exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Service
    pub service: String,
    /// Command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// In the background
    #[arg(short, long)]
    pub detach: bool,
    /// Set a variable
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,
    /// The container of that number
    #[arg(long, value_name = "NUM")]
    pub index: Option<u32>,
    /// No terminal for the command
    #[arg(short = 'T', long = "no-tty", alias = "no-TTY")]
    pub no_tty: bool,
    /// With extended privileges
    #[arg(long)]
    pub privileged: bool,
    /// As this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// In this folder of the container
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    // Compose's `-it` out of habit: both are the default here.
    #[arg(short, long, hide = true)]
    interactive: bool,
    #[arg(short, long, hide = true)]
    tty: bool,
}

/// `devbox run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Service
    pub service: String,
    /// Command and its arguments [default: the service's own]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// Build the image first
    #[arg(long)]
    pub build: bool,
    /// In the background; prints the container's name
    #[arg(short, long)]
    pub detach: bool,
    /// Entrypoint instead of the image's
    #[arg(long, value_name = "COMMAND")]
    pub entrypoint: Option<String>,
    /// Set a variable
    #[arg(short, long, value_name = "KEY[=VALUE]")]
    pub env: Vec<String>,
    /// Add a label
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,
    /// Name of the container
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// No terminal for the command
    #[arg(short = 'T', long = "no-TTY", alias = "no-tty")]
    pub no_tty: bool,
    /// Don't start what the service depends on
    #[arg(long)]
    pub no_deps: bool,
    /// Publish a port: [[IP:]HOST:]CONTAINER
    #[arg(short, long, value_name = "PORT")]
    pub publish: Vec<String>,
    /// Publish the service's own ports
    #[arg(short = 'P', long, conflicts_with = "publish")]
    pub service_ports: bool,
    /// Pull the image first: always, missing, never
    #[arg(long, value_name = "WHEN", hide_possible_values = true, value_parser = ["always", "missing", "never"])]
    pub pull: Option<String>,
    /// Print nothing of devbox's own
    #[arg(short, long)]
    pub quiet: bool,
    /// Don't print the progress of builds
    #[arg(long)]
    pub quiet_build: bool,
    /// Don't print the progress of pulls
    #[arg(long)]
    pub quiet_pull: bool,
    /// Remove containers of services that the file no longer has
    #[arg(long)]
    pub remove_orphans: bool,
    /// Remove the container when it exits
    #[arg(long)]
    pub rm: bool,
    /// Answer to the service's network names
    #[arg(long)]
    pub use_aliases: bool,
    /// As this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Mount a volume or a folder: SOURCE:TARGET[:ro]
    #[arg(short, long, value_name = "VOLUME")]
    pub volume: Vec<String>,
    /// In this folder of the container
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Keep standard input open
    #[arg(short, long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
          require_equals = true, default_missing_value = "true", hide = true)]
    pub interactive: bool,
    #[arg(short, long, hide = true)]
    tty: bool,
}

/// `devbox shell`.
#[derive(Debug, Args)]
pub struct Shell {
    /// Service [default: the only one, or the first that is built]
    pub service: Option<String>,
    /// The container of that number
    #[arg(long, value_name = "NUM")]
    pub index: Option<u32>,
    /// As this user
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// In this folder of the container
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
}

/// `devbox watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Services [default: all that have rules]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Don't build and start the services first
    #[arg(long)]
    pub no_up: bool,
    /// Don't print what is built
    #[arg(long)]
    pub quiet: bool,
    /// Remove images that a rebuild leaves without a name
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
          require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub prune: bool,
}

/// `devbox attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// Service
    pub service: String,
    /// The container of that number
    #[arg(long, value_name = "NUM")]
    pub index: Option<u32>,
    /// Keys that detach [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub detach_keys: Option<String>,
    /// Send no input
    #[arg(long)]
    pub no_stdin: bool,
    /// Pass signals on to the process
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
          default_missing_value = "true", hide_default_value = true, hide_possible_values = true)]
    pub sig_proxy: bool,
}
