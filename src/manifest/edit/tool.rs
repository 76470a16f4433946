//! The tools that write locks, and the commands by which they do: what is changed is what the manifest says, nothing is upgraded.

use super::Request;
use crate::manifest::format::Ecosystem;
use crate::model::ManifestKind;

/// Who resolves a project's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tool {
    /// Writes uv.lock.
    Uv,
    /// Writes poetry.lock.
    Poetry,
    /// Writes pdm.lock.
    Pdm,
    /// Writes Pipfile.lock.
    Pipenv,
    /// Writes package-lock.json.
    Npm,
    /// Writes pnpm-lock.yaml.
    Pnpm,
    /// Writes yarn.lock, in one of two formats.
    Yarn,
    /// Writes a requirements file from another, as pip-tools' program.
    PipCompile,
    /// Likewise, as a part of uv.
    UvPipCompile,
    /// Writes no lock.
    Pip,
}

/// Variables of an image that keep a tool from writing its lock, or send it elsewhere.
pub const UNSET: &[&str] =
    &["UV_FROZEN", "UV_LOCKED", "UV_NO_SYNC", "UV_PROJECT", "PIPENV_PIPFILE", "POETRY_VIRTUALENVS_PATH", "NODE_ENV"];

impl Tool {
    /// The tool that writes a lock.
    pub fn of_lock(kind: ManifestKind) -> Option<Tool> {
        Some(match kind {
            ManifestKind::UvLock => Tool::Uv,
            ManifestKind::PoetryLock => Tool::Poetry,
            ManifestKind::PdmLock => Tool::Pdm,
            ManifestKind::PipfileLock => Tool::Pipenv,
            ManifestKind::PackageLock => Tool::Npm,
            ManifestKind::PnpmLock => Tool::Pnpm,
            ManifestKind::YarnLock => Tool::Yarn,
            _ => return None,
        })
    }

    /// The program.
    pub fn program(self) -> &'static str {
        match self {
            Tool::PipCompile => "pip-compile",
            Tool::Uv | Tool::UvPipCompile => "uv",
            Tool::Poetry => "poetry",
            Tool::Pdm => "pdm",
            Tool::Pipenv => "pipenv",
            Tool::Npm => "npm",
            Tool::Pnpm => "pnpm",
            Tool::Yarn => "yarn",
            Tool::Pip => "pip",
        }
    }

    /// The name under which the index has it.
    pub fn distribution(self) -> &'static str {
        if self == Tool::PipCompile { "pip-tools" } else { self.program() }
    }

    /// The ecosystem it works for.
    pub fn ecosystem(self) -> Ecosystem {
        match self {
            Tool::Npm | Tool::Pnpm | Tool::Yarn => Ecosystem::Node,
            _ => Ecosystem::Python,
        }
    }

    /// The shell command that makes the lock agree with the manifest; `None` for pip, and where the lock itself says it. Pipenv has none that leaves the other packages
    /// alone but for what is `added`.
    pub fn lock(self, added: &[Request], dev: bool) -> Option<String> {
        Some(match self {
            Tool::Uv => "uv lock".to_owned(),
            // Before its second version, Poetry upgraded everything unless told not to.
            Tool::Poetry => "if poetry lock --help 2>/dev/null | grep -q -e --no-update; then poetry lock --no-update --no-interaction --no-ansi; else poetry lock --no-interaction --no-ansi; fi".to_owned(),
            Tool::Pdm => "pdm lock --update-reuse".to_owned(),
            Tool::Pipenv if added.is_empty() => "pipenv lock".to_owned(),
            Tool::Pipenv => {
                let words: Vec<String> = added.iter().map(|request| word(&format!("{}{}", request.label, request.range))).collect();
                let dev = if dev { " --dev" } else { "" };
                format!(
                    "if [ -e Pipfile.lock ] && pipenv upgrade --help >/dev/null 2>&1; then pipenv upgrade{dev} {}; else pipenv lock; fi",
                    words.join(" ")
                )
            }
            Tool::Npm => "npm install --package-lock-only --ignore-scripts --no-audit --no-fund".to_owned(),
            Tool::Pnpm => "pnpm install --lockfile-only --ignore-scripts".to_owned(),
            // The first version has no way but to install; from the second on there is one.
            Tool::Yarn => yarn("install --ignore-scripts --non-interactive --no-progress", "install --mode=update-lockfile"),
            Tool::PipCompile | Tool::UvPipCompile | Tool::Pip => return None,
        })
    }

    /// The shell command that makes the lock anew, with everything at its newest.
    pub fn upgrade(self) -> Option<String> {
        let command = match self {
            Tool::Uv => "uv lock --upgrade",
            Tool::Poetry => {
                "if poetry lock --help 2>/dev/null | grep -q -e --regenerate; then poetry lock --regenerate --no-interaction --no-ansi; else poetry lock --no-interaction --no-ansi; fi"
            }
            Tool::Pdm => "pdm lock",
            Tool::Pipenv => "pipenv lock",
            Tool::Npm => "npm update --package-lock-only --ignore-scripts --no-audit --no-fund",
            Tool::Pnpm => "pnpm update --lockfile-only --ignore-scripts",
            Tool::Yarn => {
                return Some(yarn(
                    "upgrade --ignore-scripts --non-interactive --no-progress",
                    "up -R '*' --mode=update-lockfile",
                ));
            }
            Tool::PipCompile | Tool::UvPipCompile | Tool::Pip => return None,
        };
        Some(command.to_owned())
    }
}

/// A command of the first yarn, or of those after it; whichever is there.
fn yarn(classic: &str, modern: &str) -> String {
    format!(
        "case $(yarn --version) in 1.*) yarn {classic} ;; *) YARN_ENABLE_IMMUTABLE_INSTALLS=false yarn {modern} ;; esac"
    )
}

/// A text as one word of a shell.
pub fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_one_word() {
        assert_eq!(word("a>=1"), "'a>=1'");
        assert_eq!(word("it's"), r"'it'\''s'");
    }

    #[test]
    fn pipenv_upgrades_only_what_is_added() {
        let added = [Request::parse(Ecosystem::Python, "psycopg[binary]>=3").unwrap()];
        let command = Tool::Pipenv.lock(&added, true).unwrap();
        assert!(command.contains("pipenv upgrade --dev 'psycopg[binary]>=3';"), "{command}");
        assert_eq!(Tool::Pipenv.lock(&[], false).as_deref(), Some("pipenv lock"));
        assert_eq!(Tool::Pip.lock(&added, false), None);
    }

    #[test]
    fn yarn_is_asked_which_it_is() {
        let command = Tool::Yarn.lock(&[], false).unwrap();
        assert!(command.starts_with("case $(yarn --version) in 1.*) yarn install --ignore-scripts"), "{command}");
        assert!(command.contains("yarn install --mode=update-lockfile"), "{command}");
    }
}
