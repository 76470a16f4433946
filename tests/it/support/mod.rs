//! What several integration tests need: an engine, projects that clean up after themselves, waiting for a state, the
//! binary in a terminal, a registry, and a daemon that misbehaves on demand.

pub mod engine;
pub mod fake_daemon;
pub mod http;
pub mod project;
pub mod proxy;
pub mod registry;
pub mod terminal;
pub mod wait;
