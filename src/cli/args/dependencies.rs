//! The verbs about dependencies: deps, add, remove, lock, freeze.

use std::path::PathBuf;

use clap::Args;

use super::look::Format;

/// `devbox deps`.
#[derive(Debug, Args)]
pub struct Deps {
    /// Services whose packages are all listed [default: all services, packages that differ]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// table or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub format: Format,
}

/// Where a change goes, and how far.
#[derive(Debug, Args)]
pub struct Change {
    /// The service [default: the only one that has manifests of its own]
    #[arg(short, long, value_name = "SERVICE")]
    pub service: Option<String>,
    /// The manifest, where the service has several [default: the one that its build installs from]
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Change the files and build nothing
    #[arg(long)]
    pub no_build: bool,
    /// Show the change and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `devbox add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Packages, with a range where one is wanted: humanize, 'django>=5,<6', 'psycopg[binary]'
    #[arg(value_name = "PKG", required = true)]
    pub packages: Vec<String>,
    /// To the packages for development
    #[arg(long)]
    pub dev: bool,
    /// Where and how far.
    #[command(flatten)]
    pub change: Change,
}

/// `devbox remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// Packages
    #[arg(value_name = "PKG", required = true)]
    pub packages: Vec<String>,
    /// From the packages for development only
    #[arg(long)]
    pub dev: bool,
    /// Where and how far.
    #[command(flatten)]
    pub change: Change,
}

/// `devbox lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// Take the newest of everything that the manifest allows
    #[arg(short = 'U', long)]
    pub upgrade: bool,
    /// Where and how far.
    #[command(flatten)]
    pub change: Change,
}

/// `devbox freeze`.
#[derive(Debug, Args)]
pub struct Freeze {
    /// The service [default: the only one that has manifests of its own]
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
}
