//! A container's log, followed: over a cut, to its end, in batches of finished lines.
//!
//! [`LogFollower`] connects when it is first asked for lines, and again after an error, from where it was; which lines are new is
//! `logs::Resume`'s rule. The bytes are read here and not by bollard, whose `since` has whole seconds only and whose reader takes a
//! terminal's text for frames.

use futures_util::FutureExt;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, timeout_at};

use crate::{
    logs::{Batch, Resume, Source, Splitter, Stamps, Stream},
    model::{ContainerId, Timestamp},
};

use super::{
    Engine,
    error::{EngineError, Subject},
    http::{QUICK, describe, escape},
    observe::now,
    stream::{Demux, OutputStream},
};

/// Batches of one log are so far apart, except for full ones. An engine sends every line by itself: handing each on as it comes
/// costs more than all that is done with it, and nobody sees a difference of a quarter of a frame. A line after a pause doesn't wait.
const APART: Duration = Duration::from_millis(8);

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Wait for more at its end.
    pub follow: bool,
    /// Lines from then on.
    pub since: Option<Timestamp>,
    /// Lines until then.
    pub until: Option<Timestamp>,
    /// The last so many lines only; `None` is all. Without meaning once the log is resumed.
    pub tail: Option<u64>,
}

/// The reader of one start of one container's log.
pub struct LogFollower {
    engine: Engine,
    container: ContainerId,
    options: LogOptions,
    splitter: Splitter,
    state: State,
    /// When the next batch may be handed on that is not full.
    due: Instant,
}

enum State {
    /// Not connected.
    Idle,
    Open {
        body: Incoming,
        /// `None` where there is a terminal.
        demux: Option<Demux>,
        /// It waits for more at the end of the log.
        follows: bool,
    },
    /// The container's process ended, and all was read.
    Ended,
}

impl Engine {
    /// A follower of a container's log. `resume` is where the log was left before, or new.
    pub fn follow_logs(
        &self,
        container: &ContainerId,
        source: Source,
        resume: Resume,
        options: LogOptions,
    ) -> LogFollower {
        LogFollower {
            engine: self.clone(),
            container: container.clone(),
            options,
            splitter: Splitter::new(source, Stamps::Leading, resume),
            state: State::Idle,
            due: Instant::now(),
        }
    }
}

impl LogFollower {
    /// The next lines. `None` when the log has ended: the container's process did, or all was read and nothing is followed. Can be
    /// cancelled without loss.
    ///
    /// After an error the next call connects again and goes on from the last line; when to do that is the caller's to decide.
    /// [`EngineError::Unsupported`] and [`EngineError::NotFound`] stay as they are however often one asks.
    pub async fn next(&mut self) -> Option<Result<Batch, EngineError>> {
        loop {
            // A step that is given up on has lost nothing, and begins again with the next call.
            let step = match self.splitter.has_lines() {
                true => timeout_at(self.due, self.step()).await.unwrap_or(Ok(true)),
                false => self.step().await,
            };
            match step {
                Ok(true) if self.splitter.is_full() || self.due <= Instant::now() => {
                    if let Some(batch) = self.splitter.take() {
                        self.due = Instant::now() + APART;
                        return Some(Ok(batch));
                    }
                }
                Ok(true) => {}
                Ok(false) => return self.splitter.take().map(Ok),
                Err(error) => {
                    self.splitter.cut();
                    self.state = State::Idle;
                    // Whole lines that came before the cut are taken, and won't come again.
                    return Some(match self.splitter.take() {
                        Some(batch) => Ok(batch),
                        None => Err(error),
                    });
                }
            }
        }
    }

    /// Where the log is, for the follower of the container's next start.
    pub fn resume(&self) -> &Resume {
        self.splitter.resume()
    }

    /// Waits for bytes and takes all that are there, up to a batch; says whether there may be more.
    async fn step(&mut self) -> Result<bool, EngineError> {
        if matches!(self.state, State::Idle) {
            self.state = self.open(self.options.follow).await?;
        }
        let State::Open { body, demux, follows } = &mut self.state else { return Ok(false) };
        let mut frame = body.frame().await;
        loop {
            match frame {
                None => break,
                Some(Err(error)) => return Err(self.engine.client().lost(describe(&error))),
                Some(Ok(data)) => {
                    if let Ok(data) = data.into_data() {
                        take(&mut self.splitter, demux.as_mut(), &data)?;
                    }
                }
            }
            if self.splitter.is_full() {
                return Ok(true);
            }
            match body.frame().now_or_never() {
                Some(next) => frame = next,
                None => return Ok(true),
            }
        }
        // An engine that is stopped ends the stream in good order, in the middle of a frame where it happens so.
        if demux.as_ref().is_some_and(|demux| !demux.is_at_boundary()) {
            return Err(self.engine.client().lost("it broke off".into()));
        }
        if *follows {
            // Docker 20.10 ends a followed log without its last, unterminated line when the process has just ended (4 of 25 times):
            // what is there is read once more.
            match self.open(false).await {
                Ok(rest) => {
                    self.splitter.cut();
                    self.state = rest;
                    return Ok(true);
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        self.splitter.finish();
        self.state = State::Ended;
        Ok(false)
    }

    async fn open(&self, follow: bool) -> Result<State, EngineError> {
        let subject = Subject::Container(self.container.as_str());
        let detail = self.engine.inspect(&self.container).await?;
        let path = self.path(follow);
        let request = self.engine.client().request(Method::GET, &path)?;
        let response = self.engine.client().send(request, QUICK, subject).await.map_err(|error| match error {
            EngineError::Server { message, .. } if message.contains("does not support reading") => {
                EngineError::Unsupported {
                    what: format!(
                        "the log of {} can't be read: its log driver is {}",
                        detail.container.name, detail.container.log_driver
                    ),
                    help: "use the driver json-file or local under `logging:`, or read it where that driver sends it"
                        .into(),
                }
            }
            other => other,
        })?;
        let demux = (!detail.container.tty).then(Demux::default);
        Ok(State::Open { body: response.into_body(), demux, follows: follow })
    }

    fn path(&self, follow: bool) -> String {
        let LogOptions { since, until, tail, .. } = self.options;
        let mut path = format!(
            "/containers/{}/logs?stdout=1&stderr=1&timestamps=1&follow={}",
            escape(self.container.as_str()),
            u8::from(follow)
        );
        let resumed = self.splitter.resume().since();
        if let Some(since) = resumed.max(since) {
            path.push_str(&format!("&since={}", seconds(since)));
        }
        if let Some(until) = until {
            path.push_str(&format!("&until={}", seconds(until)));
        }
        match tail {
            Some(tail) if resumed.is_none() => path.push_str(&format!("&tail={tail}")),
            _ => {}
        }
        path
    }
}

fn take(splitter: &mut Splitter, demux: Option<&mut Demux>, data: &[u8]) -> Result<(), EngineError> {
    // for lines without a stamp
    let now = now();
    let Some(demux) = demux else {
        splitter.push(Stream::Console, data, now);
        return Ok(());
    };
    demux.push(data).map_err(|why| EngineError::Protocol { what: "a log".into(), why: why.into() })?;
    while let Some((stream, frame)) = demux.pop() {
        let stream = match stream {
            OutputStream::Stdout => Stream::Stdout,
            OutputStream::Stderr => Stream::Stderr,
            OutputStream::Console => Stream::Console,
        };
        splitter.push(stream, &frame, now);
    }
    Ok(())
}

/// As the API wants it: seconds, a point, nine digits.
fn seconds(time: Timestamp) -> String {
    let nanoseconds = time.0.max(0);
    format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nine_digits() {
        assert_eq!(seconds(Timestamp(1_000_000_005)), "1.000000005");
        assert_eq!(seconds(Timestamp(-1)), "0.000000000");
    }
}
