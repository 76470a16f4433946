//! A change of dependencies, and what a service wants done about one.

use std::fmt;

/// What a change of a service's manifests does (`x-devbox: on_change`, `--on-change`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChange {
    /// Shows it and waits for a key.
    #[default]
    Ask,
    /// Rebuilds at once.
    Rebuild,
    /// Nothing.
    Ignore,
}

/// One package's change. Versions are as declared: `5.1.3`, `>=2`, empty where none is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PackageChange {
    /// `+ name version`.
    Added {
        /// The package.
        name: String,
        /// What is declared now.
        version: String,
    },
    /// `- name version`.
    Removed {
        /// The package.
        name: String,
        /// What was declared.
        version: String,
    },
    /// `~ name from → to`.
    Changed {
        /// The package.
        name: String,
        /// What was declared.
        from: String,
        /// What is declared now.
        to: String,
    },
}

impl fmt::Display for PackageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            PackageChange::Added { name, version } => format!("+ {name} {version}"),
            PackageChange::Removed { name, version } => format!("- {name} {version}"),
            PackageChange::Changed { name, from, to } => {
                let any = |version: &String| if version.is_empty() { "any".to_owned() } else { version.clone() };
                format!("~ {name} {} → {}", any(from), any(to))
            }
        };
        f.write_str(text.trim_end())
    }
}
