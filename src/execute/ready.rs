//! What a wait waits for: whether containers, as they were observed, are ready, not yet, or never will be. Pure.

use std::time::Duration;

use crate::{
    model::{Condition, ContainerState, HealthState, ObservedContainer},
    plan::Readiness,
};

/// How long a new container without a healthcheck must run to have proved itself.
const PROVED_AFTER: Duration = Duration::from_secs(10);

/// How long a container without a healthcheck must run to count as running: one that ends at once is not ready. (Compose looks
/// for the first time after half a second.)
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// The time after which running alone is enough, where it is.
pub(super) fn runs_long_enough(readiness: Readiness) -> Option<Duration> {
    match readiness {
        Readiness::Proved { completes: false } => Some(PROVED_AFTER),
        Readiness::RunningOrHealthy => Some(SETTLED_AFTER),
        Readiness::Proved { completes: true } | Readiness::Condition(_) => None,
    }
}

/// What is known of a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It holds; the word says what.
    Ready(&'static str),
    /// Not yet; what was seen.
    Pending(String),
    /// It can't come to hold any more.
    Never(Trouble),
}

/// Why a container will not be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The service has no container.
    NoContainer,
    /// That one ended.
    Exited {
        /// Its place in the list.
        index: usize,
    },
    /// Its probe failed as often as it may.
    Unhealthy {
        /// Its place in the list.
        index: usize,
    },
    /// It is to be healthy and has no healthcheck.
    NoHealthcheck {
        /// Its place in the list.
        index: usize,
    },
}

/// Judges the containers of a wait that has gone on for `waited`. `health_known` is false on an engine that runs no
/// healthchecks: there a container counts as healthy when it runs.
pub(super) fn judge(
    readiness: Readiness,
    containers: &[&ObservedContainer],
    waited: Duration,
    health_known: bool,
) -> Judgement {
    if containers.is_empty() {
        return Judgement::Never(Trouble::NoContainer);
    }
    let mut ready = "";
    for (index, container) in containers.iter().enumerate() {
        match judge_one(readiness, container, waited, health_known) {
            One::Ready(word) => ready = word,
            One::Pending(what) => return Judgement::Pending(what),
            One::Exited => return Judgement::Never(Trouble::Exited { index }),
            One::Unhealthy => return Judgement::Never(Trouble::Unhealthy { index }),
            One::NoHealthcheck => return Judgement::Never(Trouble::NoHealthcheck { index }),
        }
    }
    Judgement::Ready(ready)
}

enum One {
    Ready(&'static str),
    Pending(String),
    Exited,
    Unhealthy,
    NoHealthcheck,
}

fn judge_one(readiness: Readiness, container: &ObservedContainer, waited: Duration, health_known: bool) -> One {
    use ContainerState::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
    let code = container.exit.map_or(0, |exit| exit.code);
    match (readiness, container.state) {
        (_, Created) => One::Pending("not started yet".into()),
        (Readiness::Condition(Condition::Started), Running | Paused | Restarting | Exited) => One::Ready("started"),
        (Readiness::Condition(Condition::CompletedSuccessfully), Exited) if code == 0 => One::Ready("completed"),
        (Readiness::Condition(Condition::CompletedSuccessfully), Running | Paused | Restarting) => {
            One::Pending("running".into())
        }
        (Readiness::Proved { completes: true } | Readiness::RunningOrHealthy, Exited) if code == 0 => {
            One::Ready("completed")
        }
        (Readiness::Proved { .. }, Restarting) | (_, Exited | Dead | Removing) => One::Exited,
        (_, Restarting) => One::Pending("restarting".into()),
        (_, Running | Paused) => match container.health.filter(|_| health_known) {
            Some(HealthState::Healthy) => One::Ready("healthy"),
            Some(HealthState::Unhealthy) => One::Unhealthy,
            Some(HealthState::Starting) => One::Pending("starting".into()),
            None => running(readiness, waited, health_known),
        },
    }
}

/// A container that runs and whose health is not known.
fn running(readiness: Readiness, waited: Duration, health_known: bool) -> One {
    match readiness {
        Readiness::Condition(Condition::Healthy) if health_known => One::NoHealthcheck,
        Readiness::Proved { completes: true } => One::Pending("running".into()),
        readiness if runs_long_enough(readiness).is_some_and(|enough| waited < enough) => {
            One::Pending(format!("running for {} s", waited.as_secs()))
        }
        _ => One::Ready("running"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ExitInfo,
        plan::testing::{container, project, service},
    };

    fn with(change: impl FnOnce(&mut ObservedContainer)) -> ObservedContainer {
        let project = project([service("web")]);
        let mut container = container(&project, "web", 1);
        container.state = ContainerState::Running;
        container.health = None;
        change(&mut container);
        container
    }

    fn exited(code: i64) -> ObservedContainer {
        with(|container| {
            container.state = ContainerState::Exited;
            container.exit = Some(ExitInfo { code, oom_killed: false });
        })
    }

    fn health(state: HealthState) -> ObservedContainer {
        with(|container| container.health = Some(state))
    }

    fn check(readiness: Readiness, container: &ObservedContainer, seconds: u64, expected: &str) {
        let word = match judge(readiness, &[container], Duration::from_secs(seconds), true) {
            Judgement::Ready(word) => format!("ready: {word}"),
            Judgement::Pending(what) => format!("pending: {what}"),
            Judgement::Never(trouble) => format!("never: {trouble:?}"),
        };
        assert!(word.starts_with(expected), "{word}, expected {expected}");
    }

    #[test]
    fn conditions_of_depends_on() {
        use Condition::{CompletedSuccessfully, Healthy, Started};
        check(Readiness::Condition(Started), &with(|_| {}), 0, "ready: started");
        check(Readiness::Condition(Healthy), &health(HealthState::Healthy), 0, "ready: healthy");
        check(Readiness::Condition(Healthy), &health(HealthState::Starting), 0, "pending: starting");
        check(Readiness::Condition(Healthy), &health(HealthState::Unhealthy), 0, "never: Unhealthy");
        check(Readiness::Condition(Healthy), &with(|_| {}), 0, "never: NoHealthcheck");
        check(Readiness::Condition(Healthy), &exited(0), 0, "never: Exited");
        check(Readiness::Condition(CompletedSuccessfully), &with(|_| {}), 0, "pending: running");
        check(Readiness::Condition(CompletedSuccessfully), &exited(0), 0, "ready: completed");
        check(Readiness::Condition(CompletedSuccessfully), &exited(3), 0, "never: Exited");
    }

    #[test]
    fn a_new_container_proves_itself() {
        let proved = Readiness::Proved { completes: false };
        check(proved, &with(|_| {}), 9, "pending: running for 9 s");
        check(proved, &with(|_| {}), 10, "ready: running");
        check(proved, &health(HealthState::Healthy), 0, "ready: healthy");
        check(proved, &exited(0), 0, "never: Exited");
        check(proved, &with(|container| container.state = ContainerState::Restarting), 0, "never: Exited");
        check(Readiness::Proved { completes: true }, &exited(0), 0, "ready: completed");
        check(Readiness::Proved { completes: true }, &exited(1), 0, "never: Exited");
    }

    #[test]
    fn waiting_for_everything_takes_a_job_that_is_done() {
        check(Readiness::RunningOrHealthy, &with(|_| {}), 0, "pending: running for 0 s");
        check(Readiness::RunningOrHealthy, &with(|_| {}), 1, "ready: running");
        check(Readiness::RunningOrHealthy, &exited(0), 0, "ready: completed");
        check(Readiness::RunningOrHealthy, &exited(1), 0, "never: Exited");
        check(Readiness::RunningOrHealthy, &health(HealthState::Starting), 0, "pending: starting");
    }

    #[test]
    fn an_engine_without_healthchecks_is_taken_at_its_word() {
        let starting = health(HealthState::Starting);
        let judgement = judge(Readiness::Condition(Condition::Healthy), &[&starting], Duration::ZERO, false);
        assert_eq!(judgement, Judgement::Ready("running"));
        assert_eq!(
            judge(Readiness::RunningOrHealthy, &[], Duration::ZERO, true),
            Judgement::Never(Trouble::NoContainer)
        );
    }
}
