//! The facts of the service under the cursor, for the detail pane: labels and words, read from the state. Pure.

use std::time::Duration;

use super::{age, builds::End, history::Role, notices, progress::condition_word, state::State};
use crate::model::{
    Condition, ContainerState, HealthState, HealthcheckTest, ManifestKind, MountKind, ObservedContainer, ObservedImage,
    RestartPolicy, Service, ServiceName, Timestamp,
};

/// Lines of a probe's output that are shown.
const PROBE_LINES: usize = 8;

/// One line: a label, or none where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// `image`, `deps`, …; empty where the line belongs to the one above.
    pub label: &'static str,
    /// The words.
    pub text: String,
    /// Where colour carries meaning.
    pub role: Option<Role>,
}

struct Facts(Vec<Fact>);

impl Facts {
    /// The first line has the label, the others go below it.
    fn add(&mut self, label: &'static str, role: Option<Role>, lines: impl IntoIterator<Item = String>) {
        for (index, text) in lines.into_iter().enumerate() {
            self.0.push(Fact { label: if index == 0 { label } else { "" }, text, role });
        }
    }
}

/// What is known of the service under the cursor.
pub fn facts(state: &State) -> Vec<Fact> {
    let mut facts = Facts(Vec::new());
    let Some(service) = state.view.cursor.as_ref().and_then(|name| state.project.services.get(name)) else {
        return facts.0;
    };
    let containers = state.containers(&service.name);
    let container = containers.first().copied();
    if container.is_none() && state.observed.is_some() && state.doing(&service.name).is_none() {
        let key = state.keymap.key(super::action::Action::ApplyPlan).map_or("up".to_owned(), |key| key.to_string());
        facts.add("", Some(Role::Off), [format!("{} has never run. {key} starts it.", service.name)]);
    }
    crash(&mut facts, state, &containers);
    health(&mut facts, state, service, &containers);
    image(&mut facts, state, service, container);
    dependencies(&mut facts, state, service);
    last_build(&mut facts, state, service);
    facts.add("ports", None, ports(service, container));
    facts.add("mounts", None, mounts(state, service));
    let known = state.mounts.iter().filter(|(name, _)| *name == service.name);
    facts.add("", Some(Role::Look), known.map(|(_, known)| known.what.clone()));
    facts.add("needs", None, needs(state, service));
    if let Some(container) = container {
        let times = if container.restarts == 1 { "restart" } else { "restarts" };
        facts.add("restart", None, [format!("{}, {} {times}", policy(service.restart), container.restarts)]);
        facts.add("started", None, started(state, container));
    }
    facts.0
}

fn crash(facts: &mut Facts, state: &State, containers: &[&ObservedContainer]) {
    for container in containers.iter().filter(|container| container.state != ContainerState::Running) {
        let Some(exit) = container.exit else { continue };
        let (role, words) = super::rows::exit_words(exit, state.stopped.contains(&container.id));
        if role != Role::Failed {
            continue;
        }
        let ran = match (container.started, container.finished) {
            (Some(started), Some(finished)) => format!(" after {}", age::took(finished.since(started))),
            _ => String::new(),
        };
        facts.add("ended", Some(Role::Failed), [format!("{words}{ran}")]);
        if let Some(service) = state.view.cursor.as_ref() {
            let last = state
                .history
                .newest_first()
                .find(|entry| entry.service.as_ref() == Some(service) && !entry.detail.is_empty());
            let lines = last.into_iter().flat_map(|entry| entry.detail.iter().rev().take(3).rev().cloned());
            facts.add("", None, lines.map(|line| format!("│ {line}")));
        }
    }
}

fn health(facts: &mut Facts, state: &State, service: &Service, containers: &[&ObservedContainer]) {
    for container in containers {
        let probe = state.probes.get(&container.id);
        let (role, standing) = match container.health {
            Some(HealthState::Unhealthy) => (Role::Failed, "unhealthy"),
            Some(HealthState::Starting) => (Role::Busy, "no answer yet"),
            Some(HealthState::Healthy) | None => continue,
        };
        let command = match service.healthcheck.as_ref().and_then(|check| check.test.as_ref()) {
            Some(HealthcheckTest::Command(words)) => words.join(" "),
            Some(HealthcheckTest::Shell(text)) => text.clone(),
            Some(HealthcheckTest::Disabled) | None => "the image's own".to_owned(),
        };
        facts.add("probe", Some(role), [command]);
        let retries = service.healthcheck.as_ref().and_then(|check| check.retries).unwrap_or(3);
        let line = match probe {
            Some(probe) if container.health == Some(HealthState::Starting) => {
                let left = retries.saturating_sub(probe.failures);
                format!("exit code {}, {left} of {retries} tries left", probe.exit_code)
            }
            Some(probe) => format!("exit code {}, failed {} times in a row", probe.exit_code, probe.failures),
            None => standing.to_owned(),
        };
        facts.add("", Some(role), [line]);
        let output = probe.map_or("", |probe| probe.output.as_str());
        let lines: Vec<&str> = output.lines().collect();
        let shown = lines.iter().skip(lines.len().saturating_sub(PROBE_LINES));
        facts.add("", None, shown.map(|line| format!("│ {line}")));
    }
}

fn image(facts: &mut Facts, state: &State, service: &Service, container: Option<&ObservedContainer>) {
    let name = service.image_name(&state.project.name);
    let known = state.observed.as_ref().and_then(|observed| observed.images.get(&name));
    let missing = if service.build.is_some() { "never built" } else { "not pulled yet" };
    let kept = state.builds.latest(&service.name).is_some_and(|run| matches!(run.end, End::Failed(..)));
    let (role, text) = match known {
        None if state.observed.is_none() => (None, name.to_string()),
        None => (None, format!("{name}, {missing}")),
        Some(image) => {
            let (role, age) = image_age(state, image);
            let kept = if kept { " (kept)" } else { "" };
            (role, format!("{name}{age}{kept}"))
        }
    };
    facts.add("image", role, [text]);
    if let (Some(image), Some(container)) = (known, container)
        && image.id != container.image
        && state.doing(&service.name).is_none()
    {
        facts.add("", Some(Role::Look), ["another one than it runs: up replaces it".to_owned()]);
    }
}

/// `, 3 days old`, and whether that is old.
pub(super) fn image_age(state: &State, image: &ObservedImage) -> (Option<Role>, String) {
    let Some(created) = image.created.filter(|created| created.0 > 0) else { return (None, String::new()) };
    let age = state.now.since(created);
    let old = age > Duration::from_secs(u64::from(state.image_age_days) * 86_400);
    (old.then_some(Role::Look), format!(", {}", age::old(age)))
}

/// Which services the key rebuilds for the change that waits.
pub(super) fn rebuilds(state: &State, service: &ServiceName) -> Option<String> {
    let groups = state.changes.groups();
    let group = groups.iter().find(|group| group.services.contains(&service))?;
    let key = state.keymap.key(super::action::Action::Rebuild)?;
    let names: Vec<&str> = group.services.iter().map(|name| name.as_str()).collect();
    Some(format!("{key} rebuilds {}", names.join(" and ")))
}

fn dependencies(facts: &mut Facts, state: &State, service: &Service) {
    let Some(sources) = state.sources.services.get(&service.name).filter(|sources| !sources.manifests.is_empty())
    else {
        return;
    };
    let packages: usize =
        sources.manifests.iter().filter_map(|manifest| manifest.packages.as_ref()).map(|all| all.len()).sum();
    match state.changes.of(&service.name) {
        Some(change) => {
            let closed = state.changes.waiting(&service.name).is_none();
            let word = if !change.wants_rebuild() {
                " changed, no package did"
            } else if closed {
                " changed, ignored"
            } else {
                " changed"
            };
            let role = if closed { Role::Off } else { Role::Wants };
            facts.add("deps", Some(role), [format!("{}{word}", change.names())]);
            facts.add("", Some(role), notices::described(change));
            facts.add("", None, rebuilds(state, &service.name));
        }
        None => {
            let declared = sources.manifests.iter().filter(|manifest| manifest.packages.is_some());
            let (builds, lists): (Vec<_>, Vec<_>) =
                declared.partition(|manifest| manifest.kind == ManifestKind::Dockerfile);
            // That the Dockerfile is in step too goes without saying where there is more to say.
            let named = if lists.is_empty() { builds } else { lists };
            let names: Vec<&str> = named.iter().map(|manifest| manifest.name.as_str()).collect();
            if !names.is_empty() {
                let (role, word) = if !state.has_image(&service.name) {
                    (None, "")
                } else if state.is_image_unknown(&service.name) {
                    (Some(Role::Off), ", not known what the image has")
                } else {
                    (None, " in step")
                };
                facts.add("deps", role, [format!("{}{word}", names.join(", "))]);
                facts.add("", None, [format!("{packages} {}", if packages == 1 { "package" } else { "packages" })]);
            }
        }
    }
    for manifest in sources.manifests.iter().filter(|manifest| manifest.problem.is_some()) {
        let problem = manifest.problem.as_deref().unwrap_or_default();
        facts.add("", Some(Role::Look), [format!("{}: {problem}", manifest.name)]);
    }
}

fn last_build(facts: &mut Facts, state: &State, service: &Service) {
    let Some(run) = state.builds.latest(&service.name) else { return };
    let took = run.took.map(age::took).unwrap_or_default();
    let (role, text) = match &run.end {
        End::Running => return,
        End::Built => (None, format!("built in {took}")),
        End::Cancelled => (None, format!("cancelled after {took}")),
        End::Failed(..) => {
            let at = run.failed_step().and_then(|step| step.step.number);
            let at = at.map_or(String::new(), |(number, of)| format!(", step {number} of {of}"));
            (Some(Role::Failed), format!("failed after {took}{at}"))
        }
    };
    facts.add("build", role, [text]);
}

fn ports(service: &Service, container: Option<&ObservedContainer>) -> Vec<String> {
    let observed = container.into_iter().flat_map(|container| &container.ports);
    let mut lines: Vec<String> = observed
        .filter_map(|port| {
            let host = if port.host_ip.is_empty() { "0.0.0.0" } else { port.host_ip.as_str() };
            let suffix = if port.protocol == "tcp" { String::new() } else { format!("/{}", port.protocol) };
            Some(format!("{host}:{} → {}{suffix}", port.host_port?, port.container_port))
        })
        .collect();
    if container.is_none() {
        let wanted = |port: &crate::model::Port| {
            let host = port.host_ip.as_deref().unwrap_or("0.0.0.0");
            format!("{host}:{} → {}", port.published.as_deref().unwrap_or("any"), port.target)
        };
        lines = service.ports.iter().map(wanted).collect();
    }
    lines.sort();
    lines.dedup();
    lines
}

fn mounts(state: &State, service: &Service) -> Vec<String> {
    let line = |mount: &crate::model::Mount| {
        let source = match &mount.kind {
            MountKind::Bind { source, .. } => match source.strip_prefix(&state.project.directory) {
                Ok(inside) if inside.as_os_str().is_empty() => "./".to_owned(),
                Ok(inside) => format!("./{}", inside.display()),
                Err(_) => source.display().to_string(),
            },
            MountKind::Volume { source, .. } => source.clone().unwrap_or_else(|| "(anonymous)".to_owned()),
            MountKind::Tmpfs { .. } => "tmpfs".to_owned(),
            MountKind::Other { kind, source, .. } => source.clone().unwrap_or_else(|| kind.clone()),
        };
        let read_only = if mount.read_only { ", read-only" } else { "" };
        format!("{source} → {}{read_only}", mount.target)
    };
    service.mounts.iter().map(line).collect()
}

fn needs(state: &State, service: &Service) -> Option<String> {
    let need = |(name, dependency): (&ServiceName, &crate::model::Dependency)| {
        let containers = state.containers(name);
        let holds = !containers.is_empty()
            && containers.iter().all(|container| match dependency.condition {
                Condition::Started => container.state == ContainerState::Running,
                Condition::Healthy => container.health == Some(HealthState::Healthy),
                Condition::CompletedSuccessfully => container.exit.is_some_and(|exit| exit.code == 0),
            });
        format!("{name} {}{}", condition_word(dependency.condition), if holds { " ✓" } else { "" })
    };
    (!service.depends_on.is_empty()).then(|| service.depends_on.iter().map(need).collect::<Vec<_>>().join(", "))
}

fn policy(policy: RestartPolicy) -> String {
    match policy {
        RestartPolicy::No => "no".to_owned(),
        RestartPolicy::Always => "always".to_owned(),
        RestartPolicy::UnlessStopped => "unless stopped".to_owned(),
        RestartPolicy::OnFailure { max_retries: None } => "on failure".to_owned(),
        RestartPolicy::OnFailure { max_retries: Some(times) } => format!("on failure, {times} times"),
    }
}

fn started(state: &State, container: &ObservedContainer) -> Option<String> {
    let started = container.started?;
    let mut text = clock(state, started);
    if container.state == ContainerState::Running
        && container.restarts > 0
        && let Some(exit) = container.exit
    {
        text.push_str(&format!(", exit code {} before", exit.code));
    }
    Some(text)
}

/// A moment as a clock shows it in the user's zone: `12:02:27`; with the day when it was another one.
pub fn clock(state: &State, at: Timestamp) -> String {
    let zoned = |at: Timestamp| {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        stamp.to_zoned(state.zone.clone())
    };
    let (then, now) = (zoned(at), zoned(state.now));
    let time = then.time();
    let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    if then.date() == now.date() { clock } else { format!("{} {clock}", then.date()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{fixture, message::Message};

    fn check(state: &State, role: Option<Role>, expected: &str) {
        let facts = facts(state);
        let deps = facts.iter().find(|fact| fact.label == "deps").unwrap();
        assert_eq!((deps.role, deps.text.as_str()), (role, expected));
    }

    #[test]
    fn dependencies_are_in_step_only_with_an_image_that_tells() {
        let mut state = fixture::steady(120, 40);
        check(&state, None, "requirements.txt in step");
        fixture::with_observed(&mut state, |observed| {
            observed.images.values_mut().for_each(|image| image.labels.clear());
        });
        check(&state, Some(Role::Off), "requirements.txt, not known what the image has");
        fixture::send(&mut state, Message::Changes(fixture::change()));
        check(&state, Some(Role::Wants), "requirements.txt changed");
    }
}
