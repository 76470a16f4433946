//! Small builders for the planner's tests: a project, what is observed of it, and how a plan is compared.

use std::collections::BTreeMap;

use super::{Goal, Plan, Resume, plan, plan_again};
use crate::model::{
    Build, Condition, ContainerState, Dependency, ExitInfo, HealthState, ImageId, Mount, MountKind, Network,
    NetworkAttachment, Networking, Observed, ObservedContainer, ObservedImage, ObservedMount, ObservedNetwork,
    ObservedVolume, Project, ProjectName, Service, ServiceName, Sources, Timestamp, Volume,
};

pub(crate) fn name(text: &str) -> ServiceName {
    ServiceName::new(text).unwrap()
}

/// A service of image `NAME:1` on the default network, whose config hash is that of its name.
pub(crate) fn service(text: &str) -> TestService {
    let mut service = Service::empty(name(text));
    service.image = Some(format!("{text}:1").into());
    service.config_hash.push_text(text);
    service.networking =
        Networking::Networks(vec![NetworkAttachment { network: "default".into(), ..Default::default() }]);
    TestService(service)
}

#[derive(Clone)]
pub(crate) struct TestService(pub Service);

impl TestService {
    pub fn with(mut self, change: impl FnOnce(&mut Service)) -> Self {
        change(&mut self.0);
        self
    }

    /// Depends on these, `started`.
    pub fn needs(self, names: &str) -> Self {
        names.split_whitespace().fold(self, |service, dependency| service.depends(dependency, Condition::Started))
    }

    pub fn depends(self, on: &str, condition: Condition) -> Self {
        self.with(|s| {
            s.depends_on.insert(name(on), Dependency { condition, restart: false, required: true });
        })
    }

    /// Built from a folder, without an image name of its own.
    pub fn built(self, context: &str) -> Self {
        self.with(|s| {
            s.image = None;
            s.build = Some(Build::new(context));
        })
    }

    pub fn profile(self, profile: &str) -> Self {
        self.with(|s| {
            s.profiles = vec![profile.to_owned()];
            s.enabled = false;
        })
    }

    pub fn volume(self, key: &str, target: &str) -> Self {
        let source = (!key.is_empty()).then(|| key.to_owned());
        self.with(|s| {
            s.mounts.push(Mount {
                kind: MountKind::Volume { source, nocopy: false, subpath: None, labels: BTreeMap::new() },
                target: target.to_owned(),
                read_only: false,
                consistency: None,
            });
        })
    }
}

/// Project `shop` with the networks and volumes that its services name.
pub(crate) fn project(services: impl IntoIterator<Item = TestService>) -> Project {
    let services: BTreeMap<_, _> = services.into_iter().map(|service| (service.0.name.clone(), service.0)).collect();
    let mut networks = BTreeMap::new();
    let mut volumes = BTreeMap::new();
    for service in services.values() {
        if let Networking::Networks(joined) = &service.networking {
            networks.extend(joined.iter().map(|joined| (joined.network.clone(), network(&joined.network))));
        }
        for mount in &service.mounts {
            if let MountKind::Volume { source: Some(key), .. } = &mount.kind {
                volumes.insert(key.clone(), volume(key));
            }
        }
    }
    Project {
        name: ProjectName::new("shop").unwrap(),
        directory: "/shop".into(),
        files: vec!["/shop/compose.yaml".into()],
        env_files: Vec::new(),
        profiles: Vec::new(),
        services,
        networks,
        volumes,
        secrets: BTreeMap::new(),
        configs: BTreeMap::new(),
    }
}

fn network(key: &str) -> Network {
    Network {
        key: key.to_owned(),
        name: format!("shop_{key}"),
        external: false,
        driver: None,
        driver_opts: BTreeMap::new(),
        internal: false,
        attachable: false,
        enable_ipv4: None,
        enable_ipv6: None,
        ipam_driver: None,
        ipam_options: BTreeMap::new(),
        ipam: Vec::new(),
        labels: BTreeMap::new(),
        config_hash: format!("net-{key}"),
    }
}

fn volume(key: &str) -> Volume {
    Volume {
        key: key.to_owned(),
        name: format!("shop_{key}"),
        external: false,
        driver: None,
        driver_opts: BTreeMap::new(),
        labels: BTreeMap::new(),
        config_hash: format!("vol-{key}"),
    }
}

/// Sixty-four digits that differ from name to name in the first four (FNV-1a).
pub(crate) fn id_of(name: &str) -> String {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}").repeat(8)
}

pub(crate) fn image_id(image: &str) -> ImageId {
    format!("sha256:{}", id_of(image)).into()
}

/// All of a project's networks, volumes and images, and no containers.
pub(crate) fn furnished(project: &Project) -> Observed {
    let mut observed = Observed::default();
    for service in project.services.values() {
        let image = service.image_name(&project.name);
        observed.images.insert(
            image.clone(),
            ObservedImage {
                id: image_id(image.as_str()),
                created: None,
                tagged: None,
                size: Default::default(),
                labels: BTreeMap::new(),
                volumes: Vec::new(),
                user: String::new(),
                platform: "linux/amd64".into(),
            },
        );
    }
    for network in project.networks.values() {
        observed.networks.push(ObservedNetwork {
            id: format!("id-{}", network.name),
            name: network.name.clone(),
            labels: [
                ("com.docker.compose.project", "shop"),
                ("com.docker.compose.network", &network.key),
                ("com.docker.compose.config-hash", &network.config_hash),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        });
    }
    for volume in project.volumes.values() {
        observed.volumes.push(ObservedVolume {
            name: volume.name.clone(),
            driver: "local".into(),
            labels: [
                ("com.docker.compose.project", "shop"),
                ("com.docker.compose.volume", &volume.key),
                ("com.docker.compose.config-hash", &volume.config_hash),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
            created: None,
        });
    }
    observed
}

/// Everything there, and one container of every enabled service, as wanted and running.
pub(crate) fn running(project: &Project) -> Observed {
    let mut observed = furnished(project);
    for service in project.services.values().filter(|service| service.enabled) {
        let made = container(project, service.name.as_str(), 1);
        observed.containers.push(made);
    }
    observed
}

/// A running container as the project wants it.
pub(crate) fn container(project: &Project, of: &str, number: u32) -> ObservedContainer {
    let service = &project.services[&name(of)];
    let container_name = service.container_name(&project.name, number);
    let image = service.image_name(&project.name);
    let mut labels: BTreeMap<String, String> = service.labels.clone();
    labels.insert("com.docker.compose.image".into(), image_id(image.as_str()).to_string());
    let networks = match &service.networking {
        Networking::Networks(joined) => joined
            .iter()
            .map(|joined| (format!("shop_{}", joined.network), format!("id-shop_{}", joined.network)))
            .collect(),
        _ => BTreeMap::new(),
    };
    let mounts = service.mounts.iter().filter_map(|mount| match &mount.kind {
        MountKind::Volume { source, .. } => Some(ObservedMount {
            kind: "volume".into(),
            volume: Some(source.as_ref().map_or_else(|| "f00d".repeat(16), |key| format!("shop_{key}"))),
            source: "/var/lib/docker/volumes".into(),
            target: mount.target.clone(),
            writable: true,
        }),
        _ => None,
    });
    ObservedContainer {
        id: id_of(&container_name).into(),
        command: String::new(),
        name: container_name,
        service: service.name.clone(),
        number,
        oneoff: false,
        state: ContainerState::Running,
        health: service.healthcheck.as_ref().map(|_| HealthState::Healthy),
        exit: None,
        created: Timestamp(i64::from(number)),
        started: None,
        finished: None,
        restarts: 0,
        image: image_id(image.as_str()),
        image_name: image.to_string(),
        config_hash: service.config_hash.hex(|_| None),
        labels,
        ports: Vec::new(),
        mounts: mounts.collect(),
        networks,
        tty: false,
        log_driver: String::new(),
    }
}

pub(crate) fn exited(mut container: ObservedContainer, code: i64) -> ObservedContainer {
    container.state = ContainerState::Exited;
    container.health = None;
    container.exit = Some(ExitInfo { code, oom_killed: false });
    container
}

/// The containers of a service.
pub(crate) fn edit(observed: &mut Observed, of: &str, change: impl Fn(&mut ObservedContainer)) {
    observed.containers.iter_mut().filter(|container| container.service == of).for_each(change);
}

pub(crate) fn planned(project: &Project, observed: &Observed, goal: &Goal) -> Plan {
    plan(project, observed, &Sources::default(), goal).unwrap()
}

/// Compares a plan's steps, one a line, with what is expected; indentation doesn't count.
#[track_caller]
pub(crate) fn check_steps(plan: &Plan, expected: &str) {
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let steps = plan.steps_text();
    let steps: Vec<_> = steps.lines().collect();
    assert_eq!(steps, expected, "\n{}\n", steps.join("\n"));
}

/// Plans and compares the steps.
#[track_caller]
pub(crate) fn check(project: &Project, observed: &Observed, goal: &Goal, expected: &str) {
    check_steps(&planned(project, observed, goal), expected);
}

/// Plans the rest of a run and compares the steps.
#[track_caller]
pub(crate) fn check_again(project: &Project, observed: &Observed, goal: &Goal, resume: &Resume, expected: &str) {
    check_steps(&plan_again(project, observed, &Sources::default(), goal, resume).unwrap(), expected);
}
