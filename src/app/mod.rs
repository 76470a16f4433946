//! The program's state, and the one function that changes it. No I/O, no clock, no tasks, no handles.
//!
//! [`update::update`] takes a [`message::Message`] and the time, changes the [`state::State`], and returns
//! [`effect::Effect`]s, which `runtime` carries out. Everything else here is a part of the state, or a pure reading of it
//! that `ui` draws (`rows`, `facts`, `notices`, `geometry`). Nothing here reads a clock, a file or the environment.

pub mod action;
pub mod age;
pub mod available;
pub mod build_text;
pub mod builds;
pub mod changes;
pub mod deps;
pub mod deps_text;
pub mod develop;
pub mod effect;
pub mod engine_status;
pub mod facts;
pub mod files;
#[cfg(test)]
pub(crate) mod fixture;
pub mod geometry;
pub mod history;
pub mod job;
pub mod keymap;
pub mod log_view;
pub mod message;
pub mod notices;
pub mod overlay;
pub mod palette;
pub mod progress;
pub mod rows;
pub mod state;
pub mod stats;
pub mod tabs;
pub mod update;
pub mod verdict;
pub mod view;
