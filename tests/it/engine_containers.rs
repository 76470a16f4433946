//! Containers, networks, volumes and images on a real engine, through [`Engine`], looked at again through [`Engine::observe`].

use std::{collections::BTreeMap, time::Duration};

use devbox::{
    compose,
    engine::{Created, Detail, Engine, EngineError, EngineKind, NewContainer, OneOff},
    model::{
        ContainerId, ContainerState, HealthState, ImageRef, Observed, ObservedContainer, Project, PublishedPort,
        ServiceName,
    },
};

use crate::support::{engine::connect, project::TestProject, wait::until_async as until};

/// A project on an engine: what there is in the file, and how it is reached.
pub struct Running {
    pub engine: Engine,
    pub project: Project,
    /// Removes everything when dropped.
    _files: TestProject,
}

impl Running {
    /// Loads a compose file under a name of its own, and makes its networks and volumes; `None` where there is no engine.
    pub async fn new(subject: &str, yaml: &str) -> Option<Self> {
        let files = TestProject::new(subject, &[("compose.yaml", yaml)])?;
        let engine = connect().await?;
        let project = compose::load(&compose::Request {
            directory: files.path().to_owned(),
            project_name: Some(files.name.clone()),
            environment: BTreeMap::from([("TOKEN".to_owned(), "sesame".to_owned())]),
            ..Default::default()
        })
        .expect("a project")
        .project;
        for network in project.networks.values() {
            engine.create_network(&project, network).await.expect("a network");
        }
        for volume in project.volumes.values() {
            engine.create_volume(&project, volume).await.expect("a volume");
        }
        Some(Self { engine, project, _files: files })
    }

    pub async fn observe(&self) -> Observed {
        self.engine.observe(&self.project, Detail::Full).await.expect("an observation")
    }

    /// Makes the first container of a service.
    pub async fn create(&self, service: &str) -> Result<Created, EngineError> {
        self.create_as(service, None).await
    }

    pub async fn create_as(&self, service: &str, oneoff: Option<&OneOff>) -> Result<Created, EngineError> {
        let observed = self.observe().await;
        let service = &self.project.services[&ServiceName::new(service).expect("a name")];
        let name = match oneoff {
            Some(oneoff) => format!("{}-{}-run-{}", self.project.name, service.name, &oneoff.slug[..12]),
            None => service.container_name(&self.project.name, 1),
        };
        let none = BTreeMap::new();
        let new = NewContainer {
            project: &self.project,
            service,
            number: 1,
            name: &name,
            observed: &observed,
            replaces: false,
            volumes: &none,
            labels: &none,
            oneoff,
        };
        self.engine.create(&new).await
    }

    /// Makes and starts the first container of a service.
    pub async fn up(&self, service: &str) -> ContainerId {
        let id = self.create(service).await.expect("a container").id;
        let service = &self.project.services[&ServiceName::new(service).expect("a name")];
        self.engine.put_content_files(&self.project, service, &id).await.expect("files in it");
        self.engine.start(&id).await.expect("a start");
        id
    }

    pub async fn container(&self, id: &ContainerId) -> ObservedContainer {
        self.engine.inspect(id).await.expect("a container").container
    }

    pub fn is_podman(&self) -> bool {
        self.engine.info().kind == EngineKind::Podman
    }
}

const SLEEPER: &str = "services: {web: {image: 'busybox:latest', command: [sh, -c, 'trap \"exit 143\" TERM; sleep 600 & wait'], stop_grace_period: 1s}}";

#[tokio::test(flavor = "multi_thread")]
async fn a_container_lives_and_ends() {
    let Some(run) = Running::new("life", SLEEPER).await else { return };
    let id = run.up("web").await;
    let observed = run.observe().await;
    let [container] = &observed.containers[..] else { panic!("{:?}", observed.containers) };
    assert_eq!((container.state, container.number, container.oneoff), (ContainerState::Running, 1, false));
    assert_eq!(container.name, format!("{}-web-1", run.project.name));
    assert!(container.started.is_some() && container.finished.is_none() && container.exit.is_none());
    assert!(observed.images.contains_key(&ImageRef::from("busybox:latest")));
    assert_eq!(container.image, observed.images[&ImageRef::from("busybox:latest")].id);
    assert!(container.networks.contains_key(&format!("{}_default", run.project.name)));

    let listed = run.engine.observe(&run.project, Detail::Listing).await.expect("a listing");
    assert_eq!(listed.containers[0].image, container.image);
    assert_eq!(listed.containers[0].networks, container.networks);

    run.engine.start(&id).await.expect("a second start is no error");
    run.engine.pause(&id).await.expect("a pause");
    assert_eq!(run.container(&id).await.state, ContainerState::Paused);
    run.engine.unpause(&id).await.expect("a thaw");
    let waiting = run.engine.wait_for_next_exit(&id).await.expect("a wait");
    run.engine.kill(&id, "SIGTERM").await.expect("a signal");
    assert_eq!(waiting.exit_code().await.expect("an end"), 143);
    let ended = until("its end", async || Some(run.container(&id).await).filter(|one| one.exit.is_some())).await;
    assert_eq!(ended.exit.map(|exit| exit.code), Some(143));
    let listed = run.engine.observe(&run.project, Detail::Listing).await.expect("a listing");
    assert_eq!(listed.containers[0].exit.map(|exit| exit.code), Some(143));

    run.engine.restart(&id, Some(Duration::from_secs(1))).await.expect("a restart");
    assert_eq!(run.container(&id).await.state, ContainerState::Running);
    run.engine.rename(&id, &format!("{}-renamed", run.project.name)).await.expect("another name");
    run.engine.stop(&id, Some(Duration::from_secs(1))).await.expect("a stop");
    run.engine.stop(&id, None).await.expect("a second stop is no error");
    run.engine.remove(&id, true, false).await.expect("a removal");
    run.engine.remove(&id, true, false).await.expect("a second removal is no error");
    assert!(matches!(run.engine.inspect(&id).await, Err(EngineError::NotFound { .. })));
    assert!(matches!(run.engine.start(&id).await, Err(EngineError::NotFound { .. })));
    assert!(run.observe().await.containers.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_a_kind() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sleep, '600'], ports: ['127.0.0.1::80']},
        other: {image: 'busybox:latest', command: [sleep, '600'], container_name: CONTAINER},
        none: {image: 'devbox-no-such-image:1'}, data: {image: 'busybox:latest', volumes: ['vol:/v']}}
volumes: {vol: }";
    let Some(run) = Running::new("refusals", yaml).await else { return };
    let id = run.up("web").await;
    let again = run.create("web").await.expect_err("the name is taken");
    assert!(matches!(&again, EngineError::NameInUse { name, .. } if name.ends_with("-web-1")), "{again:?}");
    let none = run.create("none").await.expect_err("there is no such image");
    assert!(
        matches!(&none, EngineError::NoSuchImage { image, .. } if image.contains("devbox-no-such-image")),
        "{none:?}"
    );
    run.create("data").await.expect("a container");
    let volume = format!("{}_vol", run.project.name);
    let used = run.engine.remove_volume(&volume).await.expect_err("it is in use");
    assert!(matches!(&used, EngineError::VolumeInUse { by, .. } if by.len() == 1), "{used:?}");
    let network = format!("{}_default", run.project.name);
    let used = run.engine.remove_network(&network).await.expect_err("it is in use");
    assert!(matches!(used, EngineError::NetworkInUse { .. }), "{used:?}");
    let twice = run.engine.create_network(&run.project, &run.project.networks["default"]).await;
    assert!(matches!(twice, Err(EngineError::Conflict { .. })), "{twice:?}");
    if !run.is_podman() {
        let running = run.engine.remove(&id, false, false).await;
        assert!(matches!(running, Err(EngineError::Conflict { .. })), "{running:?}");
    }
    run.engine.remove(&id, true, true).await.expect("force removes a running one");
    run.engine.kill(&id, "TERM").await.expect_err("it is gone");
    assert!(run.engine.network("devbox-no-such-network").await.expect("an answer").is_none());
    assert!(run.engine.volume("devbox-no-such-volume").await.expect("an answer").is_none());
    run.engine.remove_network("devbox-no-such-network").await.expect("what is gone is no error");
    run.engine.remove_volume("devbox-no-such-volume").await.expect("what is gone is no error");
    run.engine.remove_image("devbox-no-such-image:1").await.expect("what is gone is no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_with_who_has_it() {
    let Some(first) = Running::new(
        "port-a",
        "services: {web: {image: 'busybox:latest', command: [sleep, '600'], ports: ['127.0.0.1::80']}}",
    )
    .await
    else {
        return;
    };
    let id = first.up("web").await;
    let port = first.container(&id).await.ports[0].host_port.expect("a published port");
    let yaml = format!(
        "services: {{web: {{image: 'busybox:latest', command: [sleep, '600'], ports: ['127.0.0.1:{port}:80']}}}}"
    );
    let second = Running::new("port-b", &yaml).await.expect("an engine");
    // Podman binds when it starts a container, too.
    let id = second.create("web").await.expect("a container").id;
    let error = second.engine.start(&id).await.expect_err("the port is taken");
    let EngineError::PortTaken { port: taken, .. } = &error else { panic!("{error:?}") };
    assert_eq!((taken.host_ip.as_str(), taken.host_port), ("127.0.0.1", Some(port)), "{error:?}");
    let owner = second.engine.port_owner(taken).await.expect("a listing").expect("an owner");
    assert_eq!(owner.container, format!("{}-web-1", first.project.name));
    assert_eq!(owner.project.as_deref(), Some(first.project.name.as_str()));
    let free = PublishedPort { host_port: Some(1), ..taken.clone() };
    assert_eq!(second.engine.port_owner(&free).await.expect("a listing"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_of_secrets_and_configs_is_there_at_the_start() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sh, -c, 'cat /run/secrets/token /etc/app.conf > /tmp/seen; sleep 600'],
        secrets: [token], configs: [{source: app, target: /etc/app.conf, mode: 0o440}]}}
secrets: {token: {environment: TOKEN}}
configs: {app: {content: ' and content'}}";
    let Some(run) = Running::new("content", yaml).await else { return };
    let id = run.up("web").await;
    let seen = until("the file", async || {
        use futures_util::TryStreamExt;
        let (stat, bytes) = run.engine.get_archive(&id, "/tmp/seen").await.ok()?;
        assert!(!stat.is_dir() && stat.name == "seen");
        let bytes: Vec<u8> = bytes
            .try_fold(Vec::new(), async |mut all, piece| {
                all.extend(piece);
                Ok(all)
            })
            .await
            .ok()?;
        let text = String::from_utf8_lossy(&bytes[512..]).trim_end_matches('\0').to_owned();
        Some(text).filter(|text| text.contains("content"))
    })
    .await;
    assert_eq!(seen, "sesame and content");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_with_the_probes_output() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sleep, '600'],
        healthcheck: {test: 'echo no luck; exit 3', interval: 1s, timeout: 5s, retries: 2}}}";
    let Some(run) = Running::new("health", yaml).await else { return };
    let id = run.up("web").await;
    if !run.engine.healthchecks_work().await.expect("an answer") {
        return;
    }
    let detail = until("unhealthy", async || {
        let detail = run.engine.inspect(&id).await.expect("a container");
        Some(detail).filter(|detail| detail.container.health == Some(HealthState::Unhealthy))
    })
    .await;
    let probe = detail.probes.last().expect("a probe");
    assert_eq!((probe.exit_code, probe.output.trim()), (3, "no luck"));
    assert!(detail.failing_streak >= 2 && detail.probe_retries == 2);
    assert_eq!(detail.probe_interval, Duration::from_secs(1));
    assert_eq!(detail.probe_command, ["CMD-SHELL", "echo no luck; exit 3"]);
    let listed = run.engine.observe(&run.project, Detail::Listing).await.expect("a listing");
    assert_eq!(listed.containers[0].health, Some(HealthState::Unhealthy));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_takes_over_anonymous_volumes() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sleep, '600'], volumes: [/data], networks: [a, b]}}
networks: {a: , b: }";
    let Some(run) = Running::new("replace", yaml).await else { return };
    let id = run.up("web").await;
    let old = run.container(&id).await;
    assert_eq!(old.networks.len(), 2, "{:?}", old.networks);
    let volume = old.mounts[0].volume.clone().expect("a volume");
    let observed = run.observe().await;
    let service = &run.project.services[&old.service];
    let name = format!("{}_{}", id.short(), old.name);
    let volumes = BTreeMap::from([("/data".to_owned(), volume.clone())]);
    let created = run
        .engine
        .create(&NewContainer {
            project: &run.project,
            service,
            number: 1,
            name: &name,
            observed: &observed,
            replaces: true,
            volumes: &volumes,
            labels: &BTreeMap::new(),
            oneoff: None,
        })
        .await
        .expect("a replacement");
    run.engine.remove(&id, false, true).await.expect("a removal");
    run.engine.rename(&created.id, &old.name).await.expect("its name");
    run.engine.start(&created.id).await.expect("a start");
    let new = run.container(&created.id).await;
    assert_eq!(new.mounts[0].volume, Some(volume));
    assert_eq!(new.labels["com.docker.compose.replace"], "web-1");
    assert_eq!(new.config_hash, old.config_hash);
    // Leaves the volume without an owner otherwise.
    run.engine.remove(&created.id, true, true).await.expect("a removal");
    run.engine.remove_volume(new.mounts[0].volume.as_ref().expect("a volume")).await.expect("a removal");
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_listed() {
    let Some(run) = Running::new("list", SLEEPER).await else { return };
    run.up("web").await;
    let projects = run.engine.projects().await.expect("a listing");
    let ours = projects.iter().find(|project| project.name == run.project.name.as_str()).expect("our project");
    assert_eq!(ours.states, BTreeMap::from([("running".to_owned(), 1)]));
    assert!(ours.files.ends_with("compose.yaml"));
    let by_name = run.engine.observe_name(&run.project.name, Detail::Listing).await.expect("an observation");
    assert_eq!((by_name.containers.len(), by_name.networks.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_says_what_it_is() {
    let Some(engine) = connect().await else { return };
    let info = engine.info();
    assert!(!info.version.is_empty() && info.header().contains(" · "), "{info:?}");
    engine.ping().await.expect("an answer");
    let machine = engine.machine().await.expect("a description");
    assert!(machine.cpus > 0 && machine.memory > 0 && !machine.architecture.is_empty(), "{machine:?}");
}
