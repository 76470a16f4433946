//! Files and addresses that the user asks for: a log saved, a page opened.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use crate::{app::log_view::Export, model::Diagnostic};

/// Names that are tried before giving up.
const NAMES: u32 = 100;
/// Programs that open an address, in the order in which they are tried: macOS, Linux, Linux inside Windows.
const OPENERS: [&str; 3] = ["open", "xdg-open", "wslview"];

/// Writes a log into a new file of the working folder; nothing that is there is overwritten.
pub(super) fn save(export: Export) -> Result<String, Arc<Diagnostic>> {
    let text = export.text();
    let lines = text.lines().count();
    for number in 1..=NAMES {
        let name = match number {
            1 => format!("{}.txt", export.name),
            number => format!("{}-{number}.txt", export.name),
        };
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(mut file) => {
                return match file.write_all(text.as_bytes()) {
                    Ok(()) => Ok(format!("saved {lines} lines to {name}")),
                    Err(error) => Err(Arc::new(Diagnostic::error(format!("{name} can't be written: {error}")))),
                };
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                let what = format!("{name} can't be made: {error}");
                return Err(Arc::new(Diagnostic::error(what).help("start devbox in a folder that you can write to")));
            }
        }
    }
    Err(Arc::new(Diagnostic::error(format!("{}.txt and {NAMES} more are there already", export.name))))
}

/// Gives an address to the system's browser, whose output goes nowhere.
pub(super) fn open(address: &str) -> Result<String, Arc<Diagnostic>> {
    let openers = if cfg!(target_os = "macos") { &OPENERS[..1] } else { &OPENERS[1..] };
    for opener in openers {
        let mut command = Command::new(opener);
        command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(mut child) = command.spawn() {
            // Openers hand over and end; waiting for it here leaves no zombie.
            return match child.wait() {
                Ok(status) if status.success() => Ok(format!("opened {address}")),
                _ => Ok(address.to_owned()),
            };
        }
    }
    // No browser here, over ssh for instance: the address is what the user needs.
    Ok(address.to_owned())
}
