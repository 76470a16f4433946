//! A command in a container whose output is wanted, not shown.
//!
//! Bounded in time and in bytes; the command reads nothing. Used where a container is asked something: nothing is changed in it
//! unless the command changes it.

use std::time::Duration;

use futures_util::StreamExt;

use crate::{
    engine::{Engine, EngineError, ExecOptions, OutputStream},
    model::ContainerId,
};

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Its exit code; `None` when it took too long and was left.
    pub code: Option<i64>,
}

impl Said {
    /// It ended well.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Both streams, line by line: first what it said of itself, then what went wrong.
    pub fn lines(&self) -> Vec<&str> {
        self.out.lines().chain(self.err.lines()).collect()
    }

    /// The last line that says something, of standard error rather than of standard output.
    pub fn last_line(&self) -> String {
        let last = |text: &'_ str| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
        last(&self.err).or_else(|| last(&self.out)).unwrap_or_default()
    }
}

/// Runs a command to its end. `limit` bounds each of its streams in bytes; what is beyond is dropped.
///
/// # Errors
/// The container doesn't run, or the connection is lost.
pub async fn ask(
    engine: &Engine,
    container: &ContainerId,
    options: &ExecOptions,
    (limit, patience): (usize, Duration),
) -> Result<Said, EngineError> {
    let mut session = engine.exec(container, options).await?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let read = async {
        while let Some(piece) = session.output.next().await {
            let (stream, bytes) = piece?;
            let kept: &mut Vec<u8> = if stream == OutputStream::Stderr { &mut err } else { &mut out };
            kept.extend_from_slice(&bytes[..bytes.len().min(limit.saturating_sub(kept.len()))]);
        }
        session.control.exit_code().await
    };
    let code = match tokio::time::timeout(patience, read).await {
        Ok(code) => Some(code?),
        Err(_) => None,
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Said { out: text(out), err: text(err), code })
}
