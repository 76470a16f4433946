//! The programs that are compared: this devbox, and Compose where it is named.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// A program under measurement: its name in the table and the words that it begins with.
#[derive(Debug, Clone)]
pub struct Tool {
    /// `devbox`, `Compose`.
    pub name: &'static str,
    /// Program and first arguments.
    pub words: Vec<String>,
}

impl Tool {
    /// This devbox.
    #[must_use]
    pub fn devbox() -> Self {
        Self { name: "devbox", words: vec![env!("CARGO_BIN_EXE_devbox").to_owned()] }
    }

    /// The Compose that `DEVBOX_COMPOSE` names (`docker compose`, or a path); without it a line says that it is left out.
    #[must_use]
    pub fn compose() -> Option<Self> {
        let words: Vec<String> =
            std::env::var("DEVBOX_COMPOSE").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            println!("DEVBOX_COMPOSE names no Compose (`docker compose`, for instance): measured without it\n");
            return None;
        }
        Some(Self { name: "Compose", words })
    }

    /// `TOOL ARGS` in a folder.
    #[must_use]
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}
