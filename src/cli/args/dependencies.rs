//! The verbs about dependencies: deps.

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
