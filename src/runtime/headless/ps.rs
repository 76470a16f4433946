//! `ps`: the project's services and their containers, as a table or with Compose's keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    app::age,
    engine::Detail,
    model::{
        ContainerState, HealthState, Observed, ObservedContainer, Project, ProjectName, PublishedPort, Service,
        Timestamp,
    },
};

use super::{
    Setup, Stop,
    console::{Role, Table},
    verbs,
};

/// What `ps` was asked for.
#[derive(Debug, Clone, Default)]
pub struct PsOptions {
    /// Services; none means all.
    pub services: Vec<String>,
    /// One-off containers too, and in JSON the stopped ones.
    pub all: bool,
    /// JSON instead of the table.
    pub json: bool,
    /// Ids only.
    pub quiet: bool,
    /// Service names only.
    pub names: bool,
    /// Containers of services that the file no longer has.
    pub orphans: bool,
    /// Only containers in one of these states.
    pub status: Vec<String>,
    /// Don't shorten anything.
    pub no_trunc: bool,
}

/// Runs it.
///
/// # Errors
/// What is wrong with the files or the engine.
pub async fn run(setup: &Setup, options: &PsOptions) -> Result<(), Stop> {
    let ready = verbs::ready_or_labels(setup, &options.services).await?;
    let observed = verbs::observe(&ready, Detail::Full).await?;
    let now = super::now();
    if options.quiet || options.names {
        let mut seen: Vec<String> = Vec::new();
        for container in select(&ready.project, &observed, options) {
            let line = if options.names { container.service.to_string() } else { container.id.to_string() };
            let running = options.all || !options.status.is_empty() || is_up(container);
            if running && !seen.contains(&line) {
                setup.console.line(&line)?;
                seen.push(line);
            }
        }
        return Ok(());
    }
    if options.json {
        let rows = json(&ready.project, &observed, options, now);
        return rows.iter().try_for_each(|row| setup.console.line(row));
    }
    setup.console.out.write(table(&ready.project, &observed, options, now).render(setup.console.out))
}

fn is_up(container: &ObservedContainer) -> bool {
    !matches!(container.state, ContainerState::Exited | ContainerState::Created | ContainerState::Dead)
}

/// The engine's word for a state.
pub fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "removing",
        ContainerState::Exited => "exited",
        ContainerState::Dead => "dead",
    }
}

/// The containers that are meant, in the order of services, then numbers.
pub fn select<'a>(project: &Project, observed: &'a Observed, options: &PsOptions) -> Vec<&'a ObservedContainer> {
    let mut containers: Vec<&ObservedContainer> = observed
        .containers
        .iter()
        .filter(|container| {
            options.services.is_empty() || options.services.iter().any(|name| container.service == **name)
        })
        .filter(|container| options.all || !container.oneoff)
        .filter(|container| options.orphans || project.services.contains_key(&container.service))
        .filter(|container| match options.status.as_slice() {
            [] => true,
            wanted => wanted.iter().any(|state| state == state_word(container.state)),
        })
        .collect();
    containers
        .sort_by(|a, b| (a.oneoff, &a.service, a.number, &a.name).cmp(&(b.oneoff, &b.service, b.number, &b.name)));
    containers
}

/// The state in a word or two, with its colour: `healthy`, `exited 137`.
fn state(container: &ObservedContainer) -> (String, Role) {
    match (container.state, container.health) {
        (ContainerState::Running, Some(HealthState::Healthy)) => ("healthy".into(), Role::Good),
        (ContainerState::Running, Some(HealthState::Unhealthy)) => ("unhealthy".into(), Role::Failed),
        (ContainerState::Running, Some(HealthState::Starting)) => ("starting".into(), Role::Busy),
        (ContainerState::Running, None) => ("running".into(), Role::Good),
        (ContainerState::Exited, _) => match container.exit {
            Some(exit) if exit.oom_killed => (format!("exited {}, out of memory", exit.code), Role::Failed),
            Some(exit) if exit.code == 0 => ("exited 0".into(), Role::Dim),
            Some(exit) => (format!("exited {}", exit.code), Role::Failed),
            None => ("exited".into(), Role::Dim),
        },
        (ContainerState::Restarting, _) => ("restarting".into(), Role::Failed),
        (ContainerState::Dead, _) => ("dead".into(), Role::Failed),
        (other, _) => (state_word(other).into(), Role::Dim),
    }
}

/// Published ports, those of both address families once: `127.0.0.1:8000→8000`, `:5353→53/udp`.
fn ports(container: &ObservedContainer) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut ports: Vec<&PublishedPort> = container.ports.iter().filter(|port| port.host_port.is_some()).collect();
    ports.sort_by_key(|port| (port.container_port, port.host_port));
    for port in ports {
        let host = match port.host_ip.as_str() {
            "" | "0.0.0.0" | "::" => String::new(),
            ip if ip.contains(':') => format!("[{ip}]"),
            ip => ip.to_owned(),
        };
        let protocol = if port.protocol == "tcp" { String::new() } else { format!("/{}", port.protocol) };
        let text = format!("{host}:{}→{}{protocol}", port.host_port.unwrap_or(0), port.container_port);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(", ")
}

/// The image's name, with its age where it is built here.
fn image(
    project: &Project,
    observed: &Observed,
    service: Option<&Service>,
    container: &ObservedContainer,
    now: Timestamp,
) -> String {
    let name =
        service.map_or_else(|| container.image_name.clone(), |service| service.image_name(&project.name).to_string());
    let built = service.is_some_and(|service| service.build.is_some());
    let created = observed.images.values().find(|image| image.id == container.image).and_then(|image| image.created);
    match created.filter(|_| built) {
        Some(created) => format!("{name} ({})", age::old(now.since(created))),
        None => name,
    }
}

/// The table: every service of the file, also those that never ran and those that are off.
pub fn table(project: &Project, observed: &Observed, options: &PsOptions, now: Timestamp) -> Table {
    let mut table = Table::new(&["SERVICE", "STATE", "AGE", "PORTS", "IMAGE"]);
    let containers = select(project, observed, options);
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for container in containers.iter().filter(|container| !container.oneoff) {
        *count.entry(container.service.as_str()).or_default() += 1;
    }
    let row_of = |container: &ObservedContainer| {
        let service = project.services.get(&container.service);
        let name = if container.oneoff {
            container.name.clone()
        } else if count.get(container.service.as_str()).copied().unwrap_or(0) > 1 {
            format!("{} {}", container.service, container.number)
        } else {
            container.service.to_string()
        };
        let (word, role) = state(container);
        let since = match container.state {
            ContainerState::Running | ContainerState::Paused => container.started,
            ContainerState::Exited | ContainerState::Dead => container.finished,
            _ => None,
        };
        let since = since.unwrap_or(container.created);
        let mut image = image(project, observed, service, container, now);
        if service.is_none() {
            image.push_str(" (not in the file)");
        }
        vec![
            (name, None),
            (word, Some(role)),
            (age::short(now.since(since)), None),
            (ports(container), None),
            (image, None),
        ]
    };
    let listed =
        |service: &Service| options.services.is_empty() || options.services.iter().any(|name| service.name == **name);
    for service in project.services.values().filter(|service| listed(service)) {
        let mine = containers.iter().filter(|container| container.service == service.name && !container.oneoff);
        let mut any = false;
        for container in mine {
            any = true;
            table.row(row_of(container));
        }
        if !any && options.status.is_empty() {
            let (state, why) = if !service.enabled {
                ("off", format!("profile {}", service.profiles.join(", ")))
            } else if observed.containers.iter().any(|container| container.service == service.name && !container.oneoff)
            {
                continue;
            } else {
                ("down", String::new())
            };
            table.row(vec![
                (service.name.to_string(), None),
                (state.to_owned(), Some(Role::Dim)),
                (String::new(), None),
                (String::new(), None),
                (why, Some(Role::Dim)),
            ]);
        }
    }
    for container in
        containers.iter().filter(|container| container.oneoff || !project.services.contains_key(&container.service))
    {
        table.row(row_of(container));
    }
    table
}

/// One object a container, with the keys that Compose's `ps --format json` has. Without `--all`, Compose leaves out what
/// doesn't run.
pub fn json(project: &Project, observed: &Observed, options: &PsOptions, now: Timestamp) -> Vec<Value> {
    select(project, observed, options)
        .into_iter()
        .filter(|container| options.all || !options.status.is_empty() || is_up(container))
        .map(|container| object(&project.name, container, now, options.no_trunc))
        .collect()
}

fn object(project: &ProjectName, container: &ObservedContainer, now: Timestamp, whole: bool) -> Value {
    let mut ports: Vec<&PublishedPort> = container.ports.iter().collect();
    ports.sort();
    let publishers: Vec<Value> = ports
        .iter()
        .map(|port| {
            json!({
                "URL": port.host_ip,
                "TargetPort": port.container_port,
                "PublishedPort": port.host_port.unwrap_or(0),
                "Protocol": port.protocol,
            })
        })
        .collect();
    let labels: Vec<String> = container.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mounts: Vec<&str> =
        container.mounts.iter().map(|mount| mount.volume.as_deref().unwrap_or(&mount.source)).collect();
    let health = match container.health {
        Some(HealthState::Healthy) => "healthy",
        Some(HealthState::Unhealthy) => "unhealthy",
        Some(HealthState::Starting) => "starting",
        None => "",
    };
    let running = matches!(container.state, ContainerState::Running | ContainerState::Paused);
    let id = if whole { container.id.as_str() } else { container.id.short() };
    json!({
        "Command": command(&container.command, whole),
        "CreatedAt": utc(container.created),
        "ExitCode": container.exit.map_or(0, |exit| exit.code),
        "Health": if running { health } else { "" },
        "ID": id,
        "Image": container.image_name,
        "Labels": labels.join(","),
        "LocalVolumes": container.mounts.iter().filter(|mount| mount.volume.is_some()).count().to_string(),
        "Mounts": mounts.iter().map(|mount| short(mount, 15, whole)).collect::<Vec<_>>().join(","),
        "Name": container.name,
        "Names": container.name,
        "Networks": container.networks.keys().cloned().collect::<Vec<_>>().join(","),
        "Ports": ports.iter().map(|port| port_text(port)).collect::<Vec<_>>().join(", "),
        "Project": project.as_str(),
        "Publishers": publishers,
        "RunningFor": format!("{} ago", duration(now, container.created)),
        "Service": container.service.as_str(),
        "Size": "0B",
        "State": state_word(container.state),
        "Status": status(container, now),
    })
}

/// As the docker command line shows one: quoted, at most 20 characters.
fn command(command: &str, whole: bool) -> String {
    format!("\"{}\"", short(command, 20, whole))
}

fn short(text: &str, limit: usize, whole: bool) -> String {
    if whole || text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// `2026-11-21 11:58:38 +0000 UTC`, as Go prints a time.
fn utc(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_second(time.0.div_euclid(1_000_000_000)).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}

/// `127.0.0.1:8000->8000/tcp`, `5432/tcp`.
fn port_text(port: &PublishedPort) -> String {
    match port.host_port {
        Some(host) => {
            let ip = if port.host_ip.contains(':') { format!("[{}]", port.host_ip) } else { port.host_ip.clone() };
            format!("{ip}:{host}->{}/{}", port.container_port, port.protocol)
        }
        None => format!("{}/{}", port.container_port, port.protocol),
    }
}

/// `Up 2 seconds (healthy)`, `Exited (0) 3 hours ago`: the engine's own words.
fn status(container: &ObservedContainer, now: Timestamp) -> String {
    let health = match container.health {
        Some(HealthState::Healthy) => " (healthy)",
        Some(HealthState::Unhealthy) => " (unhealthy)",
        Some(HealthState::Starting) => " (health: starting)",
        None => "",
    };
    let started = container.started.unwrap_or(container.created);
    match container.state {
        ContainerState::Running => format!("Up {}{health}", duration(now, started)),
        ContainerState::Paused => format!("Up {} (Paused)", duration(now, started)),
        ContainerState::Exited => format!(
            "Exited ({}) {} ago",
            container.exit.map_or(0, |exit| exit.code),
            duration(now, container.finished.unwrap_or(container.created))
        ),
        ContainerState::Restarting => format!(
            "Restarting ({}) {} ago",
            container.exit.map_or(0, |exit| exit.code),
            duration(now, container.finished.unwrap_or(container.created))
        ),
        ContainerState::Created => "Created".to_owned(),
        ContainerState::Removing => "Removal In Progress".to_owned(),
        ContainerState::Dead => "Dead".to_owned(),
    }
}

/// The time between two moments in the words of Docker's `HumanDuration` (docker/go-units, duration.go).
fn duration(now: Timestamp, from: Timestamp) -> String {
    let seconds = now.since(from).as_secs();
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".into(),
        (1, ..) => "1 second".into(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".into(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".into(),
        (.., ..48) => format!("{hours} hours"),
        (.., ..336) => format!("{} days", hours / 24),
        (.., ..1440) => format!("{} weeks", hours / 24 / 7),
        (.., ..17_520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_dockers_words() {
        for (seconds, expected) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (86_400, "24 hours"),
            (172_800, "2 days"),
            (15 * 86_400, "2 weeks"),
            (70 * 86_400, "2 months"),
        ] {
            assert_eq!(duration(Timestamp(seconds * 1_000_000_000), Timestamp(0)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_command_is_cut_as_docker_cuts_it() {
        assert_eq!(command("flask --app app run --debug", false), "\"flask --app app run…\"");
        assert_eq!(command("redis-server", false), "\"redis-server\"");
    }
}
