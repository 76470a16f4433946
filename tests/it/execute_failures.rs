//! What `up`, `rebuild` and `down` do when something goes wrong, on a real engine: what worked keeps working, the error says why,
//! and a run that was killed is finished by the next.

use std::{
    net::TcpListener,
    process::{Child, Stdio},
};

use bollard::{
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{CreateContainerOptions, RemoveContainerOptions},
};

use crate::support::{
    engine::{block_on, is_podman, runs_healthchecks},
    project::TestProject,
    wait,
};

#[test]
fn an_unhealthy_dependency_is_told_with_its_probe() {
    let file = "
services:
  web: {image: 'busybox:latest', command: sleep 1000, depends_on: {db: {condition: service_healthy}}}
  db:
    image: busybox:latest
    init: true
    command: sleep 1000
    healthcheck: {test: 'echo no luck; exit 5', interval: 1s, timeout: 5s, retries: 2}
";
    let Some(project) = TestProject::new("sick", &[("compose.yaml", file)]).filter(|_| runs_healthchecks()) else {
        return;
    };
    let said = project.fails(1, &["up", "-d"]);
    for words in ["db is unhealthy", "exit code 5, 2 failures in a row", "no luck"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(project.state("web"), "created");
}

#[test]
fn a_dependency_that_fails_is_told_with_its_output() {
    let file = "
services:
  web: {image: 'busybox:latest', command: sleep 1000, depends_on: {migrate: {condition: service_completed_successfully}}}
  other: {image: 'busybox:latest', init: true, command: sleep 1000}
  migrate: {image: 'busybox:latest', command: sh -c 'echo no such table; exit 3'}
";
    let Some(project) = TestProject::new("job", &[("compose.yaml", file)]) else { return };
    let said = project.fails(1, &["up", "-d"]);
    assert!(said.contains("migrate exited with code 3") && said.contains("no such table"), "{said}");
    assert_eq!((project.state("web"), project.state("other")), ("created".to_owned(), "running".to_owned()));
}

const BUILT: &str = "
services:
  web: {build: ., init: true, healthcheck: {test: test -f /healthy, interval: 1s, timeout: 5s, retries: 2}}
  worker: {build: ./worker, init: true}
";
const GOOD: &str = "FROM busybox:latest\nRUN touch /healthy\nCMD [\"sleep\", \"1000\"]\n";
const WORKER: &str = "FROM busybox:latest\nCMD [\"sleep\", \"1000\"]\n";

fn built(subject: &str) -> Option<TestProject> {
    let files = [("compose.yaml", BUILT), ("Dockerfile", GOOD), ("worker/Dockerfile", WORKER)];
    let project = TestProject::new(subject, &files)?;
    project.succeeds(&["up", "-d", "--wait"]);
    Some(project)
}

#[test]
fn a_build_that_fails_leaves_the_container_running() {
    let Some(project) = built("nobuild") else { return };
    let before = project.containers();
    project.write("Dockerfile", "FROM busybox:latest\nRUN echo no such package; exit 9\n");
    for verb in [&["up", "-d", "--build"][..], &["rebuild", "web"]] {
        let said = project.fails(1, verb);
        assert!(said.contains("no such package") && said.contains("Dockerfile:2"), "{verb:?}: {said}");
        assert_eq!(project.containers(), before);
    }
    assert_eq!(project.state("web"), "running");
}

/// Rebuilds `service` from this Dockerfile, which doesn't prove itself, and checks that all is as it was.
fn comes_back(project: &TestProject, service: &str, dockerfile: &str, why: &[&str]) {
    let before = (project.containers(), project.container(service).image);
    let path = if service == "web" { "Dockerfile" } else { "worker/Dockerfile" };
    project.write(path, dockerfile);
    let said = project.fails(1, &["rebuild", service]);
    for words in why {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains(&format!("the new container of {service} did not prove itself")), "{said}");
    assert_eq!((project.containers(), project.container(service).image), before);
    assert_eq!(project.state(service), "running");
}

#[test]
fn the_old_container_comes_back_when_the_new_one_does_not_prove_itself() {
    let Some(project) = built("back") else { return };
    let exits = "FROM busybox:latest\nCMD [\"sh\", \"-c\", \"echo no module; exit 3\"]\n";
    comes_back(&project, "worker", exits, &["worker exited with code 3", "no module"]);
    if runs_healthchecks() {
        comes_back(&project, "web", "FROM busybox:latest\nCMD [\"sleep\", \"1000\"]\n", &["web is unhealthy"]);
    }
    let cannot_start = "FROM busybox:latest\nCMD [\"no-such-program\"]\n";
    // under Podman the program that `init: true` puts in front starts, and says less
    let why: &[&str] = if is_podman() { &["worker exited with code"] } else { &["no-such-program"] };
    comes_back(&project, "worker", cannot_start, why);
    // and a good one takes its place
    let before = project.containers();
    project.write("Dockerfile", &GOOD.replace("1000", "1001"));
    project.succeeds(&["rebuild", "web"]);
    let after = project.containers();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_ne!(after, before);
}

#[test]
fn a_named_volume_over_dependencies_is_renewed_with_the_image_and_no_other_is() {
    let file = "
services: {web: {build: ., init: true, volumes: ['venv:/app/.venv', 'data:/data']}}
volumes: {venv: , data: }
";
    let dockerfile = |version: &str| {
        format!(
            "FROM busybox:latest\nRUN mkdir -p /app/.venv /data; echo {version} | tee /app/.venv/version >/data/version\nCMD [\"sleep\", \"1000\"]\n"
        )
    };
    let files = [("compose.yaml", file), ("Dockerfile", &*dockerfile("one"))];
    let Some(project) = TestProject::new("venv", &files) else { return };
    project.succeeds(&["up", "-d"]);
    let before = project.on_engine();
    let read = || project.succeeds(&["exec", "-T", "web", "cat", "/app/.venv/version", "/data/version"]);
    assert_eq!(read(), "one\none\n");
    // what does not prove itself leaves the old container with the old content
    project.write("Dockerfile", &dockerfile("two").replace("sleep\", \"1000", "false"));
    project.fails(1, &["rebuild", "web"]);
    assert_eq!(read(), "one\none\n");
    project.write("Dockerfile", &dockerfile("three"));
    project.succeeds(&["rebuild", "web"]);
    assert_eq!(read(), "three\none\n");
    assert_eq!(project.on_engine(), before);
    assert!(project.succeeds(&["up", "-d"]).contains("nothing to do"));
}

/// Runs `devbox ARGS` and kills it with SIGKILL as soon as a container's name passes `when`.
fn killed(project: &TestProject, args: &[&str], when: impl Fn(&str) -> bool) {
    let mut command = project.devbox(args);
    let mut child: Child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("devbox runs");
    wait::until("the moment to kill it", || project.containers().keys().any(|name| when(name)).then_some(()));
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

#[test]
fn a_run_that_was_killed_is_finished_by_the_next() {
    let file = "services: {web: {image: 'busybox:latest', stop_grace_period: 3s, command: sh -c 'trap \"\" TERM; sleep 1000', environment: {A: '1'}}}";
    let Some(project) = TestProject::new("killed", &[("compose.yaml", file)]) else { return };
    project.succeeds(&["up", "-d"]);
    let name = format!("{}-web-1", project.name);
    let before = project.containers();
    project.write("compose.yaml", &file.replace("A: '1'", "A: '2'"));
    // the replacement is there, the old one is being stopped
    killed(&project, &["up", "-d"], |one| one.ends_with(&format!("_{name}")));
    let plan = project.succeeds(&["plan"]);
    assert!(plan.contains("recreate  web") || plan.contains("rename"), "{plan}");
    project.succeeds(&["up", "-d"]);
    let after = project.containers();
    assert_eq!(after.keys().collect::<Vec<_>>(), [&name]);
    assert_ne!(after, before);
    assert!(
        project.container("web").config.and_then(|config| config.env).unwrap_or_default().contains(&"A=2".to_owned())
    );
    assert_eq!(project.state("web"), "running");
    assert!(project.succeeds(&["up", "-d"]).contains("nothing to do"));
}

#[test]
fn a_rebuild_that_was_killed_leaves_nothing_behind_after_the_next_up() {
    // Podman's word for a container that was stopped is not one that bollard reads
    let Some(project) = built("kept").filter(|_| !is_podman()) else { return };
    let name = format!("{}-worker-1", project.name);
    project.write("worker/Dockerfile", &WORKER.replace("1000", "1001"));
    // the old container is kept under this name until the new one has proved itself
    killed(&project, &["rebuild", "worker"], |one| one.ends_with(&format!("_{name}_before")));
    project.succeeds(&["up", "-d"]);
    let names: Vec<_> = project.containers().into_keys().collect();
    assert_eq!(names, [format!("{}-web-1", project.name), name]);
    assert_eq!(project.state("worker"), "running");
}

#[test]
fn a_port_that_is_taken_is_told_with_its_owner_and_its_place() {
    let listening = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listening.local_addr().expect("an address").port();
    let file = format!(
        "services:\n  web:\n    image: busybox:latest\n    init: true\n    command: sleep 1000\n    ports: ['127.0.0.1:{port}:80']\n"
    );
    let Some(project) = TestProject::new("port", &[("compose.yaml", &file)]) else { return };
    let said = project.fails(1, &["up", "-d"]);
    let own = std::process::id();
    for words in [
        &format!("port {port} on 127.0.0.1 is taken by"),
        &format!("(process {own})"),
        "compose.yaml:6:",
        "web publishes it",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    drop(listening);
    project.succeeds(&["up", "-d"]);
    let other = TestProject::new("port-b", &[("compose.yaml", &file)]).expect("an engine");
    let said = other.fails(1, &["up", "-d"]);
    assert!(said.contains(&format!("taken by {0}-web-1 (project {0})", project.name)), "{said}");
    assert!(said.contains(&format!("devbox -p {} stop web", project.name)), "{said}");
}

/// A container that is nobody's, on a network or with a volume; gone when dropped.
struct Foreign(TestProject, String);

impl Foreign {
    fn new(project: TestProject, host: HostConfig) -> Foreign {
        let (docker, name) = (project.docker().clone(), format!("{}-foreign", project.name));
        let body = ContainerCreateBody {
            image: Some("busybox:latest".into()),
            cmd: Some(vec!["sleep".into(), "1000".into()]),
            host_config: Some(HostConfig { init: Some(true), ..host }),
            ..Default::default()
        };
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        let made = name.clone();
        block_on(async move {
            docker.create_container(Some(options), body).await.expect("a container");
            docker.start_container(&made, None).await.expect("a start");
        });
        Foreign(project, name)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let (docker, name) = (self.0.docker().clone(), self.1.clone());
        let force = RemoveContainerOptions { force: true, ..Default::default() };
        let _ = block_on(async move { docker.remove_container(&name, Some(force)).await });
    }
}

#[test]
fn what_others_use_is_left_and_they_are_named() {
    let file = "services: {web: {image: 'busybox:latest', init: true, command: sleep 1000, volumes: ['data:/data']}}\nvolumes: {data: }";
    let Some(project) = TestProject::new("used", &[("compose.yaml", file)]) else { return };
    project.succeeds(&["up", "-d"]);
    let (network, volume) = (format!("{}_default", project.name), format!("{}_data", project.name));
    let host = HostConfig {
        network_mode: Some(network.clone()),
        binds: Some(vec![format!("{volume}:/data")]),
        ..Default::default()
    };
    let foreign = Foreign::new(project, host);
    let project = &foreign.0;
    let said = project.fails(1, &["down", "-v", "-y", "-t", "0"]);
    assert!(said.contains(&volume) && said.contains(&foreign.1), "{said}");
    if is_podman() {
        // it lets a network go that containers are on
        return;
    }
    assert!(said.contains(&format!("network {network} is in use")), "{said}");
    assert_eq!(project.on_engine(), [format!("network {network}"), format!("volume {volume}")]);
}

#[test]
fn a_manifest_that_changes_during_its_build_is_told() {
    let dockerfile = "FROM busybox:latest\nCOPY requirements.txt .\nRUN echo begun; sleep 5\n";
    let files = [
        ("compose.yaml", "services: {web: {build: .}}"),
        ("Dockerfile", dockerfile),
        ("requirements.txt", "flask==3.0\n"),
    ];
    let Some(project) = TestProject::new("moved", &files) else { return };
    let mut command = project.devbox(&["build", "--no-cache"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("devbox runs");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("its output"));
    let mut text = String::new();
    while !text.contains("│ begun") {
        assert!(std::io::BufRead::read_line(&mut out, &mut text).expect("a line") > 0, "{text}");
    }
    project.write("requirements.txt", "flask==3.1\n");
    std::io::copy(&mut out, &mut std::io::sink()).expect("its output");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("requirements.txt changed while web was built"), "{said}");
    assert!(project.succeeds(&["plan"]).contains("create"));
    let warned = project.run(&["up", "--dry-run"]);
    let said = String::from_utf8_lossy(&warned.stderr);
    assert!(said.contains("requirements.txt changed: ~ flask 3.0 → 3.1"), "{said}");
}
