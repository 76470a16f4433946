//! The integration tests, one binary so that it links once. One module a subject.
//!
//! Tests that need an engine take it from [`support::engine`]: where none answers they are skipped on a developer's
//! machine and fail in CI.

// Also for clippy, which then knows that helpers of tests may panic.
#![cfg(test)]

mod build;
mod cli;
mod compose;
mod compose_config;
mod compose_errors;
mod compose_slips;
mod dependencies;
mod develop;
mod engine_containers;
mod engine_faults;
mod engine_requests;
mod engine_streams;
mod every_key;
mod examples;
mod execute;
mod execute_failures;
mod fuzz;
mod init;
mod init_up;
mod inside;
mod layers;
mod manifest;
mod ownership;
mod packages;
mod pty;
mod pull;
mod quiet;
mod support;
mod watch;
