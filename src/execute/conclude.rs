//! How a run ends: one more look, what crashed meanwhile, and the outcome.

use std::{collections::BTreeSet, sync::Arc};

use tokio::time::Instant;

use super::{
    event::{Event, Outcome, RunContainer, Verdict},
    run::Runner,
    trouble,
    walk::StepState,
};
use crate::{
    engine::Detail,
    model::{ContainerState, Severity},
    plan::{self, Verb},
};

impl Runner {
    /// Looks once more before anything is said to be done: what was started may be gone already.
    pub async fn finish(mut self, began: Instant, nothing: bool, cancelled: bool) -> Outcome {
        if !nothing
            && self.run.goal.verb.is_about_containers()
            && let Ok(observed) = self.means.engine.observe(&self.means.project, Detail::Listing).await
        {
            self.observed = Arc::new(observed);
        }
        if matches!(self.run.goal.verb, Verb::Up(_) | Verb::Start { .. } | Verb::Restart { .. } | Verb::Rebuild(_)) {
            self.name_crashed().await;
        }
        let verdict = match () {
            () if cancelled => Verdict::Cancelled,
            () if !self.failures.is_empty() => Verdict::Failed,
            () if nothing => Verdict::NothingToDo,
            () => Verdict::Done,
        };
        Outcome {
            verdict,
            took: began.elapsed(),
            done: self.walk.count(StepState::Done),
            failures: std::mem::take(&mut self.failures),
            rolled_back: std::mem::take(&mut self.rolled_back),
            containers: self.containers(),
        }
    }

    /// Tells of containers that this run started and that have failed since: a warning, or a failure where the goal was that
    /// they run.
    async fn name_crashed(&mut self) {
        let waited = matches!(&self.run.goal.verb, Verb::Up(options) if options.wait);
        for container in &Arc::clone(&self.observed).containers {
            let failed = container.exit.is_some_and(|exit| exit.code != 0);
            let ended = matches!(container.state, ContainerState::Exited | ContainerState::Dead);
            if self.started.contains(&container.id) && ended && failed {
                let mut crashed = trouble::exited(&self.means.engine, container).await;
                if waited {
                    if self.failures.iter().all(|(_, known)| **known != crashed) {
                        self.failures.push((None, Arc::new(crashed)));
                    }
                    continue;
                }
                crashed.severity = Severity::Warning;
                crashed.what.push_str(" right after its start");
                self.report(Event::Warning(Arc::new(crashed))).await;
            }
        }
    }

    fn containers(&self) -> Vec<RunContainer> {
        let scope = plan::scope(&self.means.project, &self.run.goal);
        let made: BTreeSet<_> = self.made.values().collect();
        let oneoff = matches!(self.run.goal.verb, Verb::Run(_));
        let meant = self.observed.containers.iter().filter(|container| {
            if oneoff {
                made.contains(&container.id) && container.oneoff
            } else {
                scope.contains(&container.service) && !container.oneoff
            }
        });
        meant
            .map(|container| RunContainer {
                id: container.id.clone(),
                name: container.name.clone(),
                service: container.service.clone(),
                number: container.number,
                started: self.started.contains(&container.id),
                health: container.health,
                exit: container.exit,
            })
            .collect()
    }
}
