//! Followers: one task for each container, which reads its log start after start.
//!
//! A container that is started again goes on in the same log, so its follower goes on from where it was; a cut connection
//! likewise, as soon as the engine is back. A container that is gone ends its own stream, so its last words are still read.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use super::{Sender, connected, now};
use crate::{
    app::{effect::Follow, message::Message},
    engine::{Engine, EngineError, LogOptions},
    logs::{Resume, Source},
    model::{ContainerId, Diagnostic, Timestamp},
};

/// Lines that are read of a log that was there before devbox.
const BACKLOG: u64 = 5_000;
/// Between two attempts to read a log that fails although the engine is there.
const RETRY: Duration = Duration::from_secs(2);

/// The followers.
pub(super) struct Followers {
    sender: Sender,
    engine: watch::Receiver<Option<Engine>>,
    tasks: JoinSet<()>,
    running: HashMap<ContainerId, (watch::Sender<Option<Timestamp>>, AbortHandle)>,
    began: Timestamp,
}

impl Followers {
    pub fn new(sender: Sender, engine: watch::Receiver<Option<Engine>>) -> Self {
        Self { sender, engine, tasks: JoinSet::new(), running: HashMap::new(), began: now() }
    }

    /// Follows these starts and no others. A follower that is no longer wanted ends with its stream.
    pub fn set(&mut self, wanted: BTreeSet<Follow>) {
        let known: BTreeSet<&ContainerId> = wanted.iter().map(|follow| &follow.container).collect();
        self.running.retain(|container, (_, handle)| known.contains(container) && !handle.is_finished());
        while self.tasks.try_join_next().is_some() {}
        for follow in wanted {
            match self.running.get(&follow.container) {
                Some((started, _)) => {
                    started.send_if_modified(|last| std::mem::replace(last, follow.started) != follow.started);
                }
                None => {
                    let (started, starts) = watch::channel(follow.started);
                    let container = follow.container.clone();
                    let reader = Reader {
                        sender: self.sender.clone(),
                        engine: self.engine.clone(),
                        source: Source { service: follow.service, replica: follow.number },
                        container: follow.container,
                        starts,
                        tail: (follow.started < Some(self.began)).then_some(BACKLOG),
                    };
                    let handle = self.tasks.spawn(self.sender.contained("a log's follower", reader.run()));
                    self.running.insert(container, (started, handle));
                }
            }
        }
    }
}

struct Reader {
    sender: Sender,
    engine: watch::Receiver<Option<Engine>>,
    source: Source,
    container: ContainerId,
    starts: watch::Receiver<Option<Timestamp>>,
    tail: Option<u64>,
}

/// Why one reading ended.
enum End {
    /// The process ended.
    Ended,
    /// The connection broke.
    Cut,
    /// It can't be read, now or ever.
    Failed(EngineError),
    /// The dashboard is gone.
    Closed,
}

impl Reader {
    async fn run(mut self) {
        let mut resume = Resume::new();
        loop {
            let Some(engine) = connected(self.engine.clone()).await else { return };
            self.starts.mark_unchanged();
            match self.read(&engine, &mut resume).await {
                // The next start of the same container, if there is one.
                End::Ended => {
                    if self.starts.changed().await.is_err() {
                        return;
                    }
                }
                End::Cut => {
                    // The connection's own task notices too; until then there is nothing to read from.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                End::Failed(error) if error.is_not_found() => return,
                End::Failed(error @ EngineError::Unsupported { .. }) => {
                    self.sender.send(Message::Warned(Arc::new(Diagnostic::from(error)))).await;
                    return;
                }
                End::Failed(error) => {
                    tracing::warn!("the log of {}: {}", self.source.service, Diagnostic::from(error));
                    tokio::time::sleep(RETRY).await;
                }
                End::Closed => return,
            }
        }
    }

    async fn read(&self, engine: &Engine, resume: &mut Resume) -> End {
        let options = LogOptions { follow: true, tail: self.tail, ..LogOptions::default() };
        resume.reconnect();
        let mut follower = engine.follow_logs(&self.container, self.source.clone(), resume.clone(), options);
        let end = loop {
            match follower.next().await {
                Some(Ok(batch)) => {
                    if self.sender.lines.send(batch).await.is_err() {
                        break End::Closed;
                    }
                }
                None => break End::Ended,
                Some(Err(error)) if error.is_lost() => break End::Cut,
                Some(Err(error)) => break End::Failed(error),
            }
        };
        *resume = follower.resume().clone();
        end
    }
}
