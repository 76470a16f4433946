//! devbox's own log: where its events go.
//!
//! Under the dashboard they wait in tui-logger's buffer for the overlay that draws them, bounded; they go to a file where one is
//! asked for. No thread is started for it: whoever draws takes the records out, and an idle devbox stays idle. A verb without a
//! screen keeps none of them: its whole run is shorter than the buffer and the time zones that records need take to set up.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, sync::Mutex};

use tokio::sync::Notify;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::{Context, SubscriberExt},
    registry,
};

use super::headless::Stop;
use crate::model::Diagnostic;

/// Told of every event: the overlay draws when there is more to draw.
static WRITTEN: Notify = Notify::const_new();

/// Waits for the next event; one that came since the last time counts.
pub async fn written() {
    WRITTEN.notified().await;
}

/// Tells that there is another event, after it was kept.
struct Telling;

impl<S: tracing::Subscriber> Layer<S> for Telling {
    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        WRITTEN.notify_one();
    }
}

/// Keeps the process's events from now on: ours from `debug` on, of libraries only what warns. `overlay` says whether somebody
/// may look at them on the screen. A file is continued, and made for this user alone.
///
/// # Errors
/// The file can't be written.
pub fn start(file: Option<&Path>, overlay: bool) -> Result<(), Stop> {
    let opened = file.map(|path| {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        file.map_err(|error| {
            let what = format!("--log-file: {} can't be written: {error}", path.display());
            Stop::usage(Diagnostic::error(what).help("name a file in a folder that is there and that you may write to"))
        })
    });
    let to_file = opened.transpose()?.map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file)));
    if to_file.is_none() && !overlay {
        return Ok(());
    }
    let to_overlay = overlay.then(|| {
        tui_logger::set_default_level(tui_logger::LevelFilter::Debug);
        tui_logger::TuiTracingSubscriberLayer
    });
    let events = Targets::new().with_default(LevelFilter::WARN).with_target("devbox", LevelFilter::DEBUG);
    let log = registry().with(events).with(to_overlay.map(|overlay| overlay.and_then(Telling))).with(to_file);
    // Somebody who listens already, as a test may, goes on listening.
    let _ = tracing::subscriber::set_global_default(log);
    Ok(())
}
