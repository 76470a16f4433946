//! `post_start` and `pre_stop`: commands that run inside a container beside its own.

use futures_util::StreamExt;

use super::{
    Progress,
    step::{Reporter, StepError},
};
use crate::{
    engine::{Engine, ExecOptions},
    model::{ContainerId, Diagnostic, Hook, ServiceName},
};

/// So many lines of a failed hook's output are shown.
const LAST_LINES: usize = 8;

/// Runs hooks one after the other.
///
/// # Errors
/// The first that doesn't end with 0.
pub(super) async fn run(
    engine: &Engine,
    container: &ContainerId,
    service: &ServiceName,
    kind: &str,
    hooks: &[Hook],
    report: &Reporter,
) -> Result<(), StepError> {
    for hook in hooks {
        let options = ExecOptions {
            command: hook.command.clone(),
            user: hook.user.clone(),
            working_dir: hook.working_dir.clone(),
            environment: hook
                .environment
                .iter()
                .map(|(name, value)| value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}")))
                .collect(),
            privileged: hook.privileged,
            terminal: None,
            stdin: false,
        };
        let mut session = engine.exec(container, &options).await?;
        let mut lines: Vec<String> = Vec::new();
        while let Some(chunk) = session.output.next().await {
            let (_, bytes) = chunk?;
            let text = String::from_utf8_lossy(&bytes);
            let new: Vec<_> = text.lines().map(crate::logs::ansi::plain).collect();
            lines.extend(new.iter().cloned());
            lines.drain(..lines.len().saturating_sub(LAST_LINES));
            report.progress(Progress::Hook(new)).await;
        }
        let code = session.control.exit_code().await?;
        if code != 0 {
            let command = hook.command.join(" ");
            let mut diagnostic =
                Diagnostic::error(format!("{kind} hook of {service} exited with code {code}: {command}"));
            for line in lines {
                diagnostic = diagnostic.note(line);
            }
            return Err(diagnostic.into());
        }
    }
    Ok(())
}
