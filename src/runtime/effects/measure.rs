//! What containers use: one stream of the engine for each that is shown, gathered into one message a second.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until},
};

use super::{Sender, connected};
use crate::{
    app::{message::Message, stats::Usage},
    engine::Engine,
    model::ContainerId,
};

/// The engine's own pace, so that a message has about one sample of each.
const PACE: Duration = Duration::from_secs(1);
/// Samples that wait to be gathered.
const SAMPLES: usize = 256;

/// The streams.
pub(super) struct Meters {
    sender: Sender,
    engine: watch::Receiver<Option<Engine>>,
    samples: mpsc::Sender<(ContainerId, Usage)>,
    tasks: JoinSet<()>,
    running: HashMap<ContainerId, AbortHandle>,
}

impl Meters {
    pub fn start(tasks: &mut JoinSet<()>, sender: &Sender, engine: watch::Receiver<Option<Engine>>) -> Self {
        let (samples, received) = mpsc::channel(SAMPLES);
        tasks.spawn(sender.contained("gathering figures", gather(received, sender.clone())));
        Self { sender: sender.clone(), engine, samples, tasks: JoinSet::new(), running: HashMap::new() }
    }

    /// Measures these containers and no others.
    pub fn set(&mut self, wanted: BTreeSet<ContainerId>) {
        self.running.retain(|container, handle| {
            let keep = wanted.contains(container) && !handle.is_finished();
            if !keep {
                handle.abort();
            }
            keep
        });
        while self.tasks.try_join_next().is_some() {}
        for container in wanted {
            if self.running.contains_key(&container) {
                continue;
            }
            let meter = measure(self.engine.clone(), container.clone(), self.samples.clone());
            let handle = self.tasks.spawn(self.sender.contained("a container's figures", meter));
            self.running.insert(container, handle);
        }
    }
}

async fn measure(
    engine: watch::Receiver<Option<Engine>>,
    container: ContainerId,
    samples: mpsc::Sender<(ContainerId, Usage)>,
) {
    let Some(engine) = connected(engine).await else { return };
    let Ok(mut stream) = engine.stats(&container).await else { return };
    while let Some(Ok(usage)) = stream.next().await {
        // The first sample of a stream has nothing to be compared with.
        let Some(cpu) = usage.cpu else { continue };
        if samples.send((container.clone(), Usage { cpu, memory: usage.memory })).await.is_err() {
            return;
        }
    }
}

/// Nothing wakes while no sample comes.
async fn gather(mut samples: mpsc::Receiver<(ContainerId, Usage)>, sender: Sender) {
    let mut last = Instant::now() - PACE;
    while let Some(first) = samples.recv().await {
        sleep_until(last + PACE).await;
        let mut gathered = HashMap::from([first]);
        while let Ok((container, usage)) = samples.try_recv() {
            gathered.insert(container, usage);
        }
        last = Instant::now();
        sender.send(Message::Stats(gathered.into_iter().collect())).await;
    }
}
