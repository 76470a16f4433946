//! Waiting for containers: judges every look that the run takes, and says why when it was in vain.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    ready::{Judgement, Trouble, judge, runs_long_enough},
    step::{Reporter, StepError},
    trouble,
};
use crate::{
    engine::Engine,
    execute::{Progress, StepResult},
    model::{ContainerId, Diagnostic, Observed, ObservedContainer, ServiceName},
    plan::Readiness,
};

/// The looks that a run takes while something waits; none before the first.
pub(super) type Looks = watch::Receiver<Option<Arc<Observed>>>;

/// A wait.
pub(super) struct Wait {
    pub(super) service: ServiceName,
    /// The one container that is meant; otherwise all that the service has.
    pub(super) container: Option<ContainerId>,
    pub(super) readiness: Readiness,
    pub(super) timeout: Option<Duration>,
}

impl Wait {
    /// Waits until it holds.
    ///
    /// # Errors
    /// When it can't hold any more, or the time is over.
    pub(super) async fn run(
        self,
        engine: &Engine,
        mut looks: Looks,
        report: &Reporter,
    ) -> Result<StepResult, StepError> {
        let began = Instant::now();
        let health_known = engine.healthchecks_work().await.unwrap_or(true);
        let deadline = self.timeout.map(|timeout| began + timeout);
        looks.mark_unchanged();
        let mut last = String::new();
        loop {
            let look = looks.borrow().clone();
            if let Some(observed) = look {
                let containers = self.containers(&observed);
                match judge(self.readiness, &containers, began.elapsed(), health_known) {
                    Judgement::Ready(state) => return Ok(StepResult::Ready { state }),
                    Judgement::Never(trouble) => return Err(self.failed(engine, trouble, &containers).await.into()),
                    Judgement::Pending(what) if what != last => {
                        report.progress(Progress::Waiting(what.clone())).await;
                        last = what;
                    }
                    Judgement::Pending(_) => {}
                }
            }
            let enough = runs_long_enough(self.readiness).map(|enough| began + enough);
            let next = [enough.filter(|at| *at > Instant::now()), deadline].into_iter().flatten().min();
            let changed = looks.changed();
            let in_time = match next {
                Some(at) => timeout_at(at, changed).await.unwrap_or(Ok(())),
                None => changed.await,
            };
            if in_time.is_err() {
                // the run is over, and with it everything that waits
                return Err(StepError::Cancelled);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(self.timed_out(&last).into());
            }
        }
    }

    fn containers<'a>(&self, observed: &'a Observed) -> Vec<&'a ObservedContainer> {
        let mut containers: Vec<_> = observed
            .containers
            .iter()
            .filter(|container| match &self.container {
                Some(id) => container.id == *id,
                None => container.service == self.service && !container.oneoff,
            })
            .collect();
        containers.sort_by_key(|container| container.number);
        containers
    }

    async fn failed(&self, engine: &Engine, why: Trouble, containers: &[&ObservedContainer]) -> Diagnostic {
        match why {
            Trouble::NoContainer => Diagnostic::error(format!("{} has no container", self.service))
                .help(format!("`devbox up {}` makes one", self.service)),
            Trouble::NoHealthcheck { index } => {
                Diagnostic::error(format!("{} is to be healthy and has no healthcheck", containers[index].service))
                    .help("give it a `healthcheck:`, or depend on it with `condition: service_started`")
            }
            Trouble::Exited { index } => trouble::exited(engine, containers[index]).await,
            Trouble::Unhealthy { index } => trouble::unhealthy(engine, containers[index]).await,
        }
    }

    fn timed_out(&self, last: &str) -> Diagnostic {
        let after = self.timeout.unwrap_or_default().as_secs_f64();
        let seen = if last.is_empty() { String::new() } else { format!(": {last}") };
        Diagnostic::error(format!("{} is not ready after {after} s{seen}", self.service))
            .help("wait longer with `--wait-timeout`, or see `devbox logs`")
    }
}

/// When the next look is due at the latest while something waits: events come sooner, but an engine may lose some.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
