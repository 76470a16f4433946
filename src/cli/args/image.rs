//! The verbs that make images: build, pull, rebuild.

use clap::Args;

/// `devbox build`.
#[derive(Debug, Args)]
pub struct Build {
    /// Services [default: all that have `build`]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Set a build argument
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub build_arg: Vec<String>,
    /// Build every step anew
    #[arg(long)]
    pub no_cache: bool,
    /// Look for newer base images
    #[arg(long)]
    pub pull: bool,
    /// Print nothing but what failed
    #[arg(short, long)]
    pub quiet: bool,
    /// SSH agent or key that steps may use: `default` or ID[=PATH]
    #[arg(long, value_name = "SSH")]
    pub ssh: Vec<String>,
    /// Build the services' dependencies as well
    #[arg(long)]
    pub with_dependencies: bool,
}

/// `devbox pull`.
#[derive(Debug, Args)]
pub struct Pull {
    /// Services [default: all that have `image`]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Leave out services that can be built
    #[arg(long)]
    pub ignore_buildable: bool,
    /// Go on when an image can't be pulled
    #[arg(long)]
    pub ignore_pull_failures: bool,
    /// Pull the services' dependencies as well
    #[arg(long)]
    pub include_deps: bool,
    /// When to pull: missing, always
    #[arg(long, value_name = "WHEN", hide_possible_values = true, value_parser = ["missing", "always"])]
    pub policy: Option<String>,
    /// Print nothing but what failed
    #[arg(short, long)]
    pub quiet: bool,
}

/// `devbox rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// Services [default: all whose dependencies changed]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Look for newer base images and build every step anew
    #[arg(long)]
    pub fresh: bool,
    /// Print nothing but what failed
    #[arg(short, long)]
    pub quiet: bool,
}
