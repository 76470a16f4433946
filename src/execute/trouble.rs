//! Saying why a container is in trouble: its exit code in words, its last lines, its probe's last output.

use crate::{
    engine::{Engine, LogOptions},
    logs::{Resume, Source},
    model::{Diagnostic, ObservedContainer},
};

/// So many last lines of a container's log tell why it ended.
const LAST_LINES: u64 = 8;

/// It ended when it should run.
pub(super) async fn exited(engine: &Engine, container: &ObservedContainer) -> Diagnostic {
    // the listing has the code in a sentence only, and nothing of a kill for memory
    let detail = engine.inspect(&container.id).await.ok();
    let exit = detail.as_ref().and_then(|detail| detail.container.exit).or(container.exit);
    let how = match exit {
        Some(exit) if exit.oom_killed => "was killed: out of memory".to_owned(),
        Some(exit) => format!("exited with code {}{}", exit.code, signal(exit.code)),
        None => "ended".to_owned(),
    };
    let mut diagnostic = Diagnostic::error(format!("{} {how}", container.service));
    if let Some(error) = detail.map(|detail| detail.error).filter(|error| !error.is_empty()) {
        diagnostic = diagnostic.note(error);
    }
    for line in last_lines(engine, container).await {
        diagnostic = diagnostic.note(line);
    }
    diagnostic.help(format!("`devbox logs {}` shows all of its output", container.service))
}

/// Its healthcheck failed as often as it may.
pub(super) async fn unhealthy(engine: &Engine, container: &ObservedContainer) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(format!("{} is unhealthy", container.service));
    if let Ok(detail) = engine.inspect(&container.id).await {
        let command = detail.probe_command.join(" ");
        if let Some(probe) = detail.probes.last() {
            diagnostic = diagnostic
                .note(format!("probe  {command}"))
                .note(format!("exit code {}, {} failures in a row", probe.exit_code, detail.failing_streak));
            for line in probe.output.lines().rev().take(4).collect::<Vec<_>>().into_iter().rev() {
                diagnostic = diagnostic.note(line);
            }
        }
    }
    diagnostic.help(format!("`devbox logs {}` shows its output; the probe is its `healthcheck:`", container.service))
}

/// The last lines of a container's output, safe to show.
async fn last_lines(engine: &Engine, container: &ObservedContainer) -> Vec<String> {
    let options = LogOptions { tail: Some(LAST_LINES), ..LogOptions::default() };
    let source = Source { service: container.service.clone(), replica: container.number };
    let mut follower = engine.follow_logs(&container.id, source, Resume::default(), options);
    let mut lines = Vec::new();
    // a log that can't be read leaves the message without it; the exit code is the failure, not this
    while let Some(Ok(batch)) = follower.next().await {
        lines.extend(batch.lines.iter().map(|line| line.text.to_owned()));
    }
    lines
}

/// What an exit code above 128 says by convention.
fn signal(code: i64) -> &'static str {
    match code {
        126 => " (can't be run)",
        127 => " (no such command)",
        130 => " (interrupted)",
        134 => " (aborted)",
        137 => " (killed)",
        139 => " (segmentation fault)",
        143 => " (terminated)",
        _ => "",
    }
}
