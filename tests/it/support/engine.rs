//! The engine that tests run against: DOCKER_HOST where it is set, the usual socket otherwise.
//!
//! Tests look at it through bollard, so that what devbox reports is checked against a second opinion.

use std::{future::Future, path::PathBuf};

use bollard::Docker;
use devbox::engine::{ConnectOptions, Engine, EngineKind, Environment};

/// A connection to the engine, or `None` after a word on stderr where there is none and the test is to be skipped.
///
/// # Panics
/// In CI (the variable `CI` is set), where a skipped engine test would hide a failure.
pub fn engine() -> Option<Docker> {
    let connected = Docker::connect_with_defaults().ok().filter(|docker| block_on(docker.ping()).is_ok());
    if connected.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no container engine answers, and CI must not skip engine tests");
        eprintln!("skipped: no container engine answers");
    }
    connected
}

/// The path of that engine's socket; `None` after a word on stderr where it has none on this machine.
pub fn socket() -> Option<PathBuf> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
    let path = host.strip_prefix("unix://").map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        eprintln!("skipped: the engine is not reached by a socket");
    }
    path
}

/// Runs one future to its end, on a runtime and a thread of its own, so that it works inside another runtime and in `drop`.
pub fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Whether the engine is Podman, which wants registries to speak TLS and runs healthchecks with systemd only.
pub fn is_podman() -> bool {
    block_on(async { connect().await.is_some_and(|engine| engine.info().kind == EngineKind::Podman) })
}

/// Whether the engine runs healthchecks.
pub fn runs_healthchecks() -> bool {
    block_on(async {
        match connect().await {
            Some(engine) => engine.healthchecks_work().await.unwrap_or(true),
            None => true,
        }
    })
}

/// devbox's own connection to that engine.
pub async fn connect() -> Option<Engine> {
    engine()?;
    let environment = Environment::new(std::env::vars_os(), 0);
    let options = ConnectOptions { environment, ..Default::default() };
    Some(Engine::connect(&options).await.expect("the engine that bollard reaches"))
}

/// Whether that engine runs healthchecks.
pub fn healthchecks_work() -> bool {
    block_on(async {
        let engine = connect().await.expect("an engine");
        engine.healthchecks_work().await.expect("an answer")
    })
}
