//! devbox turns a compose file into running containers and keeps them in step with it while you edit.
//!
//! 1. [`compose`] reads the files and yields a `Project`: what **should** exist.
//! 2. [`engine`] asks the container engine and yields an `Observed`: what **does** exist.
//! 3. [`manifest`] reads what dependencies the files on disk declare: `Sources`, per service.
//! 4. [`plan`] compares them and yields a `Plan`: steps, each with the reason for it. Pure; printable (`devbox plan`).
//! 5. [`execute`] carries a plan out, step by step, and reports each one.
//! 6. [`app`] holds the whole `State`. One function changes it: `update(&mut State, Message, now) -> Vec<Effect>`.
//! 7. [`ui`] draws a `&State`. [`runtime`] owns every task and the terminal.
//!
//! Who decides: **what to do** is `plan`; **when, and for which services** is `app::job`; **doing it** is `execute`.
//! Reading order for a newcomer: this file, `model/`, `plan/mod.rs`, `app/message.rs`, `app/effect.rs`, `runtime/dashboard.rs`.
//!
//! # Layers
//!
//! From the bottom up; a folder imports only what its line names, all of it higher in this list. `tests/it/layers.rs`
//! reads the `use` lines and fails when one points the other way.
//!
//! | folder | owns | imports |
//! | --- | --- | --- |
//! | [`model`] | the nouns: plain data, no I/O | nothing |
//! | [`compose`] | text -> `Project`; the only folder that knows Compose's YAML | model |
//! | [`settings`] | config.toml, state and cache folders | model |
//! | [`build_context`] | what the builder is sent: .dockerignore, walk, tar, Dockerfile reader | model |
//! | [`manifest`] | declared dependencies: discovery, parsers, diff, edit | model, build_context |
//! | [`scaffold`] | a new project's Dockerfile, compose file and .dockerignore, as text | model, compose, build_context, manifest |
//! | [`logs`] | lines: split, colours, levels, store, filter, search | model |
//! | [`plan`] | the difference, as data | model |
//! | [`engine`] | the engine's API; the only folder that imports bollard | model, build_context, logs |
//! | [`watch`] | files that changed; the only folder that imports notify | model, build_context, manifest |
//! | [`execute`] | carrying a plan out | model, settings, plan, engine, build_context, manifest, logs |
//! | [`app`] | the program's state and its one update function; no I/O | the above, for types and pure functions |
//! | [`ui`] | state -> frame | app and lower, for types |
//! | [`runtime`] | tokio, the channels, the terminal; the dashboard loop and the verbs without a screen | all above |
//! | [`cli`] | argv -> command | runtime and below |

pub mod app;
pub mod build_context;
pub mod cli;
pub mod compose;
pub mod engine;
pub mod execute;
pub mod logs;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod runtime;
pub mod scaffold;
pub mod settings;
pub mod ui;
pub mod watch;
