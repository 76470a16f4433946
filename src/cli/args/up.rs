//! `up`.

use clap::Args;

/// `devbox up`.
#[derive(Debug, Default, Args)]
pub struct Up {
    /// Services [default: all whose profile is on]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
    /// Start in the background and return
    #[arg(short, long)]
    pub detach: bool,
    /// Build images before starting
    #[arg(long, conflicts_with = "no_build")]
    pub build: bool,
    /// Never build, even what is missing
    #[arg(long)]
    pub no_build: bool,
    /// Pull images first: always, missing, never
    #[arg(long, value_name = "WHEN", hide_possible_values = true, value_parser = ["always", "missing", "never"])]
    pub pull: Option<String>,
    /// Leave the services' dependencies alone
    #[arg(long)]
    pub no_deps: bool,
    /// Recreate containers even if nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    pub force_recreate: bool,
    /// Leave existing containers as they are
    #[arg(long)]
    pub no_recreate: bool,
    /// Recreate the dependencies as well
    #[arg(long, conflicts_with = "no_recreate")]
    pub always_recreate_deps: bool,
    /// Create containers, start none
    #[arg(long, conflicts_with = "wait")]
    pub no_start: bool,
    /// Wait until services run or are healthy; implies -d
    #[arg(long)]
    pub wait: bool,
    /// Give up waiting after so many seconds
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    pub wait_timeout: Option<u64>,
    /// Remove containers of services that the file no longer has
    #[arg(long)]
    pub remove_orphans: bool,
    /// Number of containers of a service
    #[arg(long, value_name = "SERVICE=NUM", value_parser = scale)]
    pub scale: Vec<(String, u32)>,
    /// Seconds that a stop may take before the kill
    #[arg(short, long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// New anonymous volumes instead of the previous containers' ones
    #[arg(short = 'V', long)]
    pub renew_anon_volumes: bool,
    /// Stop everything when a container exits
    #[arg(long, conflicts_with = "detach")]
    pub abort_on_container_exit: bool,
    /// Stop everything when a container exits with an error
    #[arg(long, conflicts_with = "detach")]
    pub abort_on_container_failure: bool,
    /// Exit with this service's exit code; implies --abort-on-container-exit
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    pub exit_code_from: Option<String>,
    /// Stream the logs of these services only
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    pub attach: Vec<String>,
    /// Stream the logs of all but these services
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    pub no_attach: Vec<String>,
    /// Stream the dependencies' logs as well
    #[arg(long, conflicts_with_all = ["detach", "attach"])]
    pub attach_dependencies: bool,
    /// Carry out develop.watch beside the logs; the dashboard always does
    #[arg(short, long, conflicts_with_all = ["detach", "wait"])]
    pub watch: bool,
    /// Print logs without colours
    #[arg(long)]
    pub no_color: bool,
    /// Print logs without the service's name
    #[arg(long)]
    pub no_log_prefix: bool,
    /// Print logs with their full time stamp
    #[arg(long)]
    pub timestamps: bool,
    /// Don't print the progress of builds
    #[arg(long)]
    pub quiet_build: bool,
    /// Don't print the progress of pulls
    #[arg(long)]
    pub quiet_pull: bool,
    /// Answer yes to every question
    #[arg(short, long)]
    pub yes: bool,
    /// Print the plan and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: text or json
    #[arg(long, value_name = "FORMAT", requires = "dry_run", hide_possible_values = true, value_parser = ["text", "json"])]
    pub format: Option<String>,
}

/// `SERVICE=NUM`.
fn scale(text: &str) -> Result<(String, u32), String> {
    text.split_once('=')
        .and_then(|(service, number)| Some((service.to_owned(), number.parse().ok()?)))
        .filter(|(service, _)| !service.is_empty())
        .ok_or_else(|| "must be SERVICE=NUM".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_a_service_and_a_number() {
        for (text, expected) in [("web=3", Some(("web".to_owned(), 3))), ("web", None), ("=2", None), ("web=-1", None)]
        {
            assert_eq!(scale(text).ok(), expected, "{text}");
        }
    }
}
