//! The verbs that change containers which exist: down, start, stop, restart, pause, unpause, kill, rm.

use clap::Args;

/// Services, and nothing else.
#[derive(Debug, Args)]
pub struct Services {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

/// `devbox down`.
#[derive(Debug, Args)]
pub struct Down {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Remove the project's volumes too, after a question that names them
    #[arg(short, long)]
    pub volumes: bool,
    /// Answer yes to every question
    #[arg(short, long)]
    pub yes: bool,
    /// Remove containers of services that the file no longer has
    #[arg(long)]
    pub remove_orphans: bool,
    /// Remove images: `local` those without a name of their own, `all` every one
    #[arg(long, value_name = "WHICH", hide_possible_values = true, value_parser = ["local", "all"])]
    pub rmi: Option<String>,
    /// Seconds that a stop may take before the kill
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Print the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `devbox start`.
#[derive(Debug, Args)]
pub struct Start {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

/// `devbox stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Seconds that a stop may take before the kill
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

/// `devbox restart`.
#[derive(Debug, Args)]
pub struct Restart {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Leave services that depend on these alone
    #[arg(long)]
    pub no_deps: bool,
    /// Seconds that a stop may take before the kill
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

/// `devbox kill`.
#[derive(Debug, Args)]
pub struct Kill {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// The signal
    #[arg(short, long, value_name = "SIGNAL", default_value = "SIGKILL")]
    pub signal: String,
    /// Kill containers of services that the file no longer has, too
    #[arg(long)]
    pub remove_orphans: bool,
}

/// `devbox rm`.
#[derive(Debug, Args)]
pub struct Rm {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Don't ask
    #[arg(short, long, visible_short_alias = 'y', visible_alias = "yes")]
    pub force: bool,
    /// Stop the containers first
    #[arg(short, long)]
    pub stop: bool,
    /// Remove their anonymous volumes as well
    #[arg(short, long)]
    pub volumes: bool,
}
