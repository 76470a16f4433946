//! What can go wrong with the user's own files.

use std::io;
use std::path::PathBuf;

use crate::model::Diagnostic;

/// A file or folder of the user's that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Neither HOME nor the account's entry names a folder.
    #[error("no home folder is known for this user")]
    NoHome,
    /// Reading failed.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing failed.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A state file is not what devbox wrote.
    #[error("{} is not what devbox wrote there: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

impl From<&SettingsError> for Diagnostic {
    /// A warning: everything works without these files, with less remembered.
    fn from(error: &SettingsError) -> Self {
        let help = match error {
            SettingsError::NoHome => "set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME",
            SettingsError::Read { .. } => "check who may read it",
            SettingsError::Write { .. } => {
                "check who may write there, and the free space; devbox goes on and remembers less"
            }
            SettingsError::Damaged { .. } => "remove the file; devbox starts a new one",
        };
        Diagnostic::warning(error.to_string()).help(help)
    }
}
