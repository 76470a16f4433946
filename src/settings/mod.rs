//! What belongs to the user rather than to a project: config.toml, and what devbox remembers between two starts.
//!
//! `config` reads `config.toml`; `folders` says where it, the state and the cache lie (XDG); `memory` keeps what is remembered per project;
//! `texts` keeps old manifests' texts, so that a change made while devbox was not running can be shown as packages.
//!
//! Whatever is written here is private to the user (folders 0700, files 0600), replaced as a whole, and bounded. Nothing here is needed
//! to work: a broken config gives defaults and says so, and without a state folder devbox only remembers less.

mod config;
mod decode;
mod error;
mod folders;
mod memory;
mod texts;

pub use config::{Loaded, Settings, load};
pub use error::SettingsError;
pub use folders::Folders;
pub use memory::{Ignored, Memory, Remembered};
pub use texts::Texts;
