//! Waiting for a state, with a deadline: tests never sleep for a fixed time.

use std::time::{Duration, Instant};

/// How long anything may take on a loaded machine before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks `probe` until it answers `Some`, and gives that answer.
///
/// # Panics
/// When [`PATIENCE`] has passed; the message names `what` was waited for.
pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Likewise, for a probe that is awaited.
///
/// # Panics
/// When [`PATIENCE`] has passed; the message names `what` was waited for.
pub async fn until_async<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
