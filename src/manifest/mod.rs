//! Dependencies: which files declare a service's packages, what they declare, and what changed.
//!
//! `discover` finds the files that a service's image build reads; `format` names each one's format and reads it as packages;
//! `diff` tells two states of a file apart; `fingerprint` says whether there are two states at all. `comparison` lays declared, built
//! and installed side by side; `edit` adds and removes packages in a text's own style. A file that no parser knows
//! or that can't be parsed is still followed, as "changed".
//!
//! Never runs anything, never asks an index, never looks at time stamps. Reading is bounded, and whatever comes out for the screen has
//! the credentials of its URLs masked.

pub mod comparison;
mod declared;
pub mod diff;
pub mod discover;
mod dockerfile;
pub mod edit;
pub mod fingerprint;
mod format;
mod go;
pub mod installed;
mod json;
pub mod label;
pub mod mounts;
mod node;
mod php;
mod python;
mod reader;
pub mod requirers;
pub mod resolver;
mod ruby;
mod rust;
mod text;
mod toml;

pub use declared::{Declared, Include, IncludeKind, MAX_PACKAGES, MAX_TEXT, ParseError};
pub use discover::{Discovered, LookedAt, NewFiles, discover, discover_all};
pub use format::{Ecosystem, ecosystem, is_lock, kind_of, parse};
pub use reader::Reader;
