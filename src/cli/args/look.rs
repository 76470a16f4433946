//! The verbs that only look: ps, logs, config, plan, completion, version.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What a verb prints facts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs; Compose's keys where Compose has the command.
    Json,
}

/// `devbox ps`.
#[derive(Debug, Args)]
pub struct Ps {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Containers that are stopped or made by run, too
    #[arg(short, long)]
    pub all: bool,
    /// table, or json with one object a line
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub format: Format,
    /// Leave out containers of services that the file no longer has
    #[arg(long = "orphans", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", hide_default_value = true, hide_possible_values = true)]
    pub orphans: bool,
    /// Print container ids only
    #[arg(short, long)]
    pub quiet: bool,
    /// Print service names only
    #[arg(long = "services")]
    pub names: bool,
    /// Only containers in this state: running, exited, paused, restarting, created, removing, dead
    #[arg(long, value_name = "STATE",
          hide_possible_values = true, value_parser = ["paused", "restarting", "removing", "running", "dead", "created", "exited"])]
    pub status: Vec<String>,
    /// status=STATE
    #[arg(long, value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Don't shorten anything
    #[arg(long)]
    pub no_trunc: bool,
}

/// `devbox logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Go on as lines come
    #[arg(short, long)]
    pub follow: bool,
    /// Lines from the end of each log, or `all`
    #[arg(short = 'n', long, value_name = "LINES", default_value = "all", value_parser = tail, hide_default_value = true)]
    pub tail: Tail,
    /// Not before: 2026-01-02T13:23:37Z, or 42m for 42 minutes ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Not after: 2026-01-02T13:23:37Z, or 42m for 42 minutes ago
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Full time stamps
    #[arg(short, long)]
    pub timestamps: bool,
    /// No colours
    #[arg(long)]
    pub no_color: bool,
    /// No service names
    #[arg(long)]
    pub no_log_prefix: bool,
    /// Only the container of that number
    #[arg(long, value_name = "NUM")]
    pub index: Option<u32>,
}

/// `--tail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Everything that the engine kept.
    All,
    /// So many lines of each container.
    Lines(u64),
}

fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" | "-1" => Ok(Tail::All),
        number => number.parse().map(Tail::Lines).map_err(|_| "must be a number or `all`".to_owned()),
    }
}

/// `devbox config`.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of Compose's")]
pub struct Config {
    /// Services, with what they depend on [default: all]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// yaml or json
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, value_parser = ["yaml", "json"])]
    pub format: Option<String>,
    /// Print service names
    #[arg(long = "services")]
    pub names: bool,
    /// Print image names
    #[arg(long)]
    pub images: bool,
    /// Print volume names
    #[arg(long)]
    pub volumes: bool,
    /// Print network names
    #[arg(long)]
    pub networks: bool,
    /// Print profile names
    #[arg(long)]
    pub profiles: bool,
    /// Print model names
    #[arg(long)]
    pub models: bool,
    /// Print the variables that the files use, with their defaults
    #[arg(long)]
    pub variables: bool,
    /// Print the environment that variables are taken from
    #[arg(long)]
    pub environment: bool,
    /// Print the config hash of services: NAME,NAME or '*'
    #[arg(long, value_name = "SERVICES")]
    pub hash: Option<String>,
    /// Print every key of a compose file, what it accepts, and what devbox does with it
    #[arg(long)]
    pub keys: bool,
    /// Check only
    #[arg(short, long)]
    pub quiet: bool,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Leave ${…} as written
    #[arg(long)]
    pub no_interpolate: bool,
    /// Leave short forms and defaults as written
    #[arg(long)]
    pub no_normalize: bool,
    /// Leave relative paths as written
    #[arg(long)]
    pub no_path_resolution: bool,
    /// Don't check that references between sections hold
    #[arg(long)]
    pub no_consistency: bool,
    /// Leave env_file as written
    #[arg(long)]
    pub no_env_resolution: bool,
}

/// `devbox plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Services [default: all whose profile is on]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// As up --build would do it
    #[arg(long)]
    pub build: bool,
    /// Leave the services' dependencies alone
    #[arg(long)]
    pub no_deps: bool,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true, hide_possible_values = true, value_parser = ["text", "json"])]
    pub format: String,
}

/// `devbox completion`.
#[derive(Debug, Args)]
pub struct Completion {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: clap_complete::Shell,
}

/// `devbox version`.
#[derive(Debug, Args)]
pub struct Version {
    /// pretty or json
    #[arg(short, long, value_name = "FORMAT", default_value = "pretty", hide_default_value = true,
          hide_possible_values = true, value_parser = ["pretty", "json"])]
    pub format: String,
    /// Print devbox's version number only
    #[arg(long)]
    pub short: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_is_a_number_or_all() {
        for (text, expected) in [
            ("all", Some(Tail::All)),
            ("-1", Some(Tail::All)),
            ("0", Some(Tail::Lines(0))),
            ("10", Some(Tail::Lines(10))),
            ("x", None),
        ] {
            assert_eq!(tail(text).ok(), expected, "{text}");
        }
    }
}
