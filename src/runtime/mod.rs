//! The shell around everything: tokio, the channels, the terminal.
//!
//! [`dashboard`] is the screen's loop, `effects` its tasks; [`headless`] has the verbs without a screen; what both ask of a
//! container is beside them. Nothing below this folder starts a runtime or writes to the terminal.

mod ask;
pub mod dashboard;
mod dependencies;
mod develop;
mod effects;
pub mod headless;
pub mod open;
mod open_ports;
pub mod own_log;
mod ownership;
pub mod session;
mod shell;
pub mod signals;
pub mod terminal;
