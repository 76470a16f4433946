//! The rows of the service list: what each service does, in words that fit a column. Read from the state, pure.

use super::{age, history::Role, notices, progress::Doing, state::State, stats::Usage};
use crate::model::{ByteSize, ContainerState, ExitInfo, HealthState, ObservedContainer, Port, Service, ServiceName};

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// The service.
    pub name: &'a ServiceName,
    /// How it stands, as the sign before it.
    pub role: Role,
    /// What it does.
    pub state: String,
    /// How what it does stands; differs from `role` when a change waits.
    pub state_role: Role,
    /// Behind the state: its last build failed, or how many errors in its log nobody saw yet.
    pub badge: Option<(String, Role)>,
    /// What its containers use together.
    pub usage: Option<Usage>,
    /// Published ports.
    pub ports: String,
}

/// Every row, in the order of the list: by name, profiles that are off last.
pub fn rows(state: &State) -> Vec<Row<'_>> {
    order(state).into_iter().map(|service| row(state, service)).collect()
}

/// The services in the order of the list.
pub fn order(state: &State) -> Vec<&Service> {
    let mut services: Vec<&Service> = state.project.services.values().collect();
    services.sort_by_key(|service| !service.enabled && state.containers(&service.name).is_empty());
    services
}

/// The row of one service.
pub fn row<'a>(state: &State, service: &'a Service) -> Row<'a> {
    let containers = state.containers(&service.name);
    let (state_role, words) = match state.doing(&service.name) {
        Some(doing) => (Role::Busy, doing_words(state, &doing)),
        None => standing(state, service, &containers),
    };
    let waits = state.changes.waiting(&service.name).is_some() || state.files.waits(&service.name);
    let role = if waits && !matches!(state_role, Role::Failed | Role::Busy) { Role::Wants } else { state_role };
    let samples = containers.iter().filter_map(|container| state.stats.get(&container.id));
    let running = containers.iter().any(|container| container.state == ContainerState::Running);
    let usage = samples.reduce(|sum, usage| Usage {
        cpu: sum.cpu + usage.cpu,
        memory: ByteSize(sum.memory.0.saturating_add(usage.memory.0)),
    });
    let failed = notices::failed_builds(state).any(|run| run.services.contains(&service.name));
    let unseen = state.log_view.unseen_errors(&state.logs, &service.name);
    let badge = match unseen {
        _ if failed => Some(("✗".to_owned(), Role::Failed)),
        0 => None,
        1..1000 => Some((format!("!{unseen}"), Role::Look)),
        _ => Some(("!999+".to_owned(), Role::Look)),
    };
    Row {
        name: &service.name,
        role,
        state: words,
        state_role,
        badge,
        usage: usage.filter(|_| running),
        ports: ports(service, &containers),
    }
}

fn doing_words(state: &State, doing: &Doing) -> String {
    match doing {
        Doing::Builds(step, since) => {
            let run = state.builds.running().find(|run| run.id.1 == *step);
            let position = run.and_then(|run| run.position());
            let at = position.map_or(String::new(), |(number, of)| format!(" {number}/{of}"));
            format!("building{at} {}", age::clock(state.now.since(*since)))
        }
        Doing::WaitsForBuild => "waits for the same build".to_owned(),
        Doing::Step(word, Some(since)) => format!("{word} {}", age::short(state.now.since(*since))),
        Doing::Step(word, None) => word.clone(),
    }
}

/// How a service stands while no job does anything to it.
fn standing(state: &State, service: &Service, containers: &[&ObservedContainer]) -> (Role, String) {
    match containers {
        [] if !service.enabled => (Role::Off, format!("off, profile {}", service.profiles.join(", "))),
        [] if state.observed.is_none() => (Role::Off, String::new()),
        [] if service.scale == 0 => (Role::Off, "off, scaled to 0".to_owned()),
        [] => (Role::Off, "off".to_owned()),
        [container] => one(state, container),
        several => replicas(state, several),
    }
}

fn one(state: &State, container: &ObservedContainer) -> (Role, String) {
    let since = |moment: Option<crate::model::Timestamp>| {
        moment.map_or(String::new(), |moment| format!(" {}", age::short(state.now.since(moment))))
    };
    let (role, word, moment) = match (container.state, container.health) {
        (ContainerState::Running, None) => (Role::Works, "running".to_owned(), container.started),
        (ContainerState::Running, Some(HealthState::Healthy)) => (Role::Works, "healthy".to_owned(), container.started),
        (ContainerState::Running, Some(HealthState::Starting)) => {
            (Role::Busy, "starting".to_owned(), container.started)
        }
        (ContainerState::Running, Some(HealthState::Unhealthy)) => {
            (Role::Failed, "unhealthy".to_owned(), container.started)
        }
        (ContainerState::Paused, _) => (Role::Off, "paused".to_owned(), None),
        (ContainerState::Created, _) => (Role::Off, "created".to_owned(), None),
        (ContainerState::Removing, _) => (Role::Busy, "being removed".to_owned(), None),
        (ContainerState::Dead, _) => (Role::Failed, "dead".to_owned(), container.finished),
        (ContainerState::Restarting, _) => {
            let times = format!("restarting, {} time", ordinal(container.restarts + 1));
            let since = state.loops.get(&container.id).map(|since| age::short(state.now.since(*since)));
            (Role::Failed, since.map_or(times.clone(), |since| format!("{times} in {since}")), None)
        }
        (ContainerState::Exited, _) => match container.exit {
            Some(exit) => {
                let stopped = state.stopped.contains(&container.id);
                let (role, word) = exit_words(exit, stopped);
                (role, word, container.finished)
            }
            None => (Role::Off, "off".to_owned(), container.finished),
        },
    };
    (role, word + &since(moment))
}

/// How a process ended, in words.
pub fn exit_words(exit: ExitInfo, stopped: bool) -> (Role, String) {
    let signal = match exit.code {
        130 => " (interrupted)",
        134 => " (aborted)",
        137 => " (killed)",
        139 => " (segmentation fault)",
        143 => " (terminated)",
        _ => "",
    };
    match exit.code {
        _ if exit.oom_killed => (Role::Failed, "out of memory".to_owned()),
        0 => (Role::Off, "exited 0".to_owned()),
        _ if stopped => (Role::Off, "stopped".to_owned()),
        130 | 143 => (Role::Off, format!("exited {}{signal}", exit.code)),
        code => (Role::Failed, format!("exited {code}{signal}")),
    }
}

fn replicas(state: &State, containers: &[&ObservedContainer]) -> (Role, String) {
    let each: Vec<(Role, String)> = containers.iter().map(|container| one(state, container)).collect();
    let running = containers.iter().filter(|container| container.state == ContainerState::Running).count();
    let worst = each.iter().max_by_key(|(role, _)| match role {
        Role::Failed => 3,
        Role::Busy => 2,
        Role::Works => 1,
        Role::Off | Role::Wants | Role::Look => 0,
    });
    match worst {
        Some((role @ (Role::Failed | Role::Busy), words)) => {
            (*role, format!("{running} of {}, one {words}", containers.len()))
        }
        _ if running == containers.len() => (Role::Works, format!("{running} {}", each[0].1)),
        _ if running == 0 => (Role::Off, each[0].1.clone()),
        _ => (Role::Works, format!("{running} of {} running", containers.len())),
    }
}

/// `1st`, `2nd`, `3rd`, `4th`, `11th`.
fn ordinal(number: u64) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// The published ports: those of its containers, or those that the file wants while there are none.
fn ports(service: &Service, containers: &[&ObservedContainer]) -> String {
    let mut published: Vec<u16> =
        containers.iter().flat_map(|container| &container.ports).filter_map(|port| port.host_port).collect();
    published.sort_unstable();
    published.dedup();
    if !containers.is_empty() {
        return published.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
    }
    wanted_ports(service)
}

/// The ports that the file wants published.
pub fn wanted_ports(service: &Service) -> String {
    let wanted = |port: &Port| port.published.clone();
    service.ports.iter().filter_map(wanted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, time::Duration};

    use crate::app::{
        fixture,
        message::{EngineReport, Message},
        update::update,
    };

    #[test]
    fn ordinals() {
        for (number, text) in
            [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (112, "112th")]
        {
            assert_eq!(ordinal(number), text);
        }
    }

    #[test]
    fn a_crash_loop_says_how_often_and_since_when() {
        let mut state = fixture::steady(120, 40);
        let restarts = |state: &mut State, seconds, restarts| {
            let mut observed = fixture::observed();
            (observed.containers[1].state, observed.containers[1].restarts) = (ContainerState::Restarting, restarts);
            let message = Message::Engine(EngineReport::Observed(Arc::new(observed)));
            update(state, message, fixture::NOW.after(Duration::from_secs(seconds)));
            row(state, &state.project.services["worker"]).state
        };
        assert_eq!(restarts(&mut state, 0, 7), "restarting, 8th time", "nobody saw it begin");
        assert_eq!(restarts(&mut state, 10, 1), "restarting, 2nd time in 0s");
        assert_eq!(restarts(&mut state, 70, 3), "restarting, 4th time in 1m");
        assert_eq!(restarts(&mut state, 80, 1), "restarting, 2nd time in 0s");
    }

    #[test]
    fn an_exit_is_named_by_its_signal() {
        let exit = |code, oom_killed| ExitInfo { code, oom_killed };
        assert_eq!(exit_words(exit(137, false), false), (Role::Failed, "exited 137 (killed)".into()));
        assert_eq!(exit_words(exit(137, false), true), (Role::Off, "stopped".into()));
        assert_eq!(exit_words(exit(137, true), true), (Role::Failed, "out of memory".into()));
        assert_eq!(exit_words(exit(0, false), false), (Role::Off, "exited 0".into()));
        assert_eq!(exit_words(exit(3, false), false), (Role::Failed, "exited 3".into()));
    }
}
