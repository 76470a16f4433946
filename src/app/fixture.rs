//! Named states for tests: the project of the design's screens, at a fixed time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    changes::{ManifestDiff, ServiceChange},
    deps::Answer,
    effect::Effect,
    engine_status::EngineName,
    files::Reading,
    job::JobId,
    keymap::Key,
    message::{EngineReport, Input, Message},
    state::State,
    stats::Usage,
    update::update,
};
use crate::{
    execute::{Event, Outcome, Progress, Verdict},
    logs::{Batch, Resume, Source, Splitter, Stamps, Stream},
    manifest::{
        comparison::{Comparison, Declaration, Difference, Row},
        diff::{Change, DiffLine},
        label::{self, Standing},
    },
    model::{
        Build, BuildEvent, BuildFailure, BuildStep, BuildStepId, ByteSize, Condition, ContainerId, ContainerState,
        Dependency, Diagnostic, Digest, ExitInfo, HealthState, Healthcheck, HealthcheckTest, ImageId, ImageRef,
        MANIFESTS_LABEL, Manifest, ManifestKind, Mount, MountKind, Observed, ObservedContainer, ObservedImage, Package,
        PackageChange, Port, Project, ProjectName, Protocol, PublishedPort, Service, ServiceName, ServiceSources,
        Sources, Timestamp, manifests_label,
    },
    plan::{Action, BuildImage, Cause, Group, GroupId, Operation, Plan, Step, StepId, Subject},
};

/// 2026-11-21 12:04:27 UTC.
pub const NOW: Timestamp = Timestamp(1_795_262_667_000_000_000);

/// So long before [`NOW`].
pub fn ago(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 - i64::try_from(seconds).unwrap() * 1_000_000_000)
}

/// A service's name.
pub fn name(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

fn built(service: &str) -> Service {
    let build = Build::new("/home/ada/shop");
    let source = MountKind::Bind { source: "/home/ada/shop".into(), options: Default::default() };
    let mount = Mount { kind: source, target: "/app".into(), read_only: false, consistency: None };
    Service { build: Some(build), mounts: vec![mount], ..Service::empty(name(service)) }
}

/// web and worker of one build, db with a healthcheck, cache, and docs behind a profile.
pub fn project() -> Project {
    let need = |condition| Dependency { condition, restart: false, required: true };
    let needs = BTreeMap::from([(name("db"), need(Condition::Healthy)), (name("cache"), need(Condition::Started))]);
    let port = Port {
        target: 8000,
        published: Some("8000".into()),
        host_ip: Some("127.0.0.1".into()),
        protocol: Protocol::Tcp,
        mode: None,
        name: None,
        app_protocol: None,
    };
    let web = Service { ports: vec![port], depends_on: needs.clone(), stdin_open: true, tty: true, ..built("web") };
    let worker = Service { depends_on: needs, ..built("worker") };
    let probe = HealthcheckTest::Shell("pg_isready -U shop".into());
    let healthcheck = Some(Healthcheck { test: Some(probe), retries: Some(5), ..Healthcheck::default() });
    let db = Service { image: Some("postgres:15".into()), healthcheck, ..Service::empty(name("db")) };
    let cache = Service { image: Some("redis:7".into()), ..Service::empty(name("cache")) };
    let docs = Service { enabled: false, profiles: vec!["docs".into()], ..built("docs") };
    let services = [web, worker, db, cache, docs].into_iter().map(|service| (service.name.clone(), service)).collect();
    Project {
        name: ProjectName::new("shop").unwrap(),
        directory: "/home/ada/shop".into(),
        files: vec!["/home/ada/shop/docker-compose.yaml".into()],
        env_files: Vec::new(),
        profiles: Vec::new(),
        services,
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        secrets: BTreeMap::new(),
        configs: BTreeMap::new(),
    }
}

/// The same with another port of web and a service more.
pub fn edited() -> Project {
    let mut project = project();
    let web = project.services.get_mut(&name("web")).unwrap();
    web.environment.insert("DEBUG".into(), Some("1".into()));
    let mail = Service { image: Some("mailpit:1".into()), ..Service::empty(name("mail")) };
    project.services.insert(mail.name.clone(), mail);
    project
}

/// The compose files were read and are right.
pub fn loaded(project: Project) -> Message {
    let result = Ok(Arc::new(project));
    Message::Loaded(Box::new(Reading { result, warnings: Vec::new(), files: Default::default() }))
}

/// A container that has run for so many seconds.
pub fn container(service: &str, seconds: u64) -> ObservedContainer {
    ObservedContainer {
        id: ContainerId::from(format!("{service}-1-id")),
        name: format!("shop-{service}-1"),
        service: name(service),
        number: 1,
        oneoff: false,
        state: ContainerState::Running,
        health: None,
        exit: None,
        created: ago(seconds + 1),
        started: Some(ago(seconds)),
        finished: None,
        restarts: 0,
        image: ImageId::from("sha256:1"),
        image_name: format!("shop-{service}"),
        config_hash: None,
        labels: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        networks: BTreeMap::new(),
        tty: false,
        log_driver: "json-file".into(),
        command: String::new(),
    }
}

/// Built by devbox from [`sources`].
fn image(days: u64) -> ObservedImage {
    let label = manifests_label(&sources().services[&name("web")]);
    ObservedImage {
        id: ImageId::from("sha256:1"),
        created: Some(ago(days * 86_400)),
        tagged: None,
        size: ByteSize(200 << 20),
        labels: [(MANIFESTS_LABEL.to_owned(), label)].into(),
        volumes: Vec::new(),
        user: String::new(),
        platform: "linux/amd64".into(),
    }
}

/// Everything runs.
pub fn observed() -> Observed {
    let mut web = container("web", 120);
    web.ports = vec![PublishedPort {
        host_ip: "127.0.0.1".into(),
        host_port: Some(8000),
        container_port: 8000,
        protocol: "tcp".into(),
    }];
    let mut db = container("db", 124);
    db.health = Some(HealthState::Healthy);
    let images = [("shop-web", 3), ("shop-worker", 3), ("postgres:15", 40), ("redis:7", 20)];
    Observed {
        containers: vec![web, container("worker", 121), db, container("cache", 124)],
        images: images.into_iter().map(|(name, days)| (ImageRef::from(name), image(days))).collect(),
        ..Observed::default()
    }
}

/// What requirements.txt declares.
pub fn sources() -> Sources {
    let packages = vec![Package::new("django", "5.1.3", 1), Package::new("djangorestframewrok", "3.15.2", 7)];
    let manifest = Manifest {
        path: "/home/ada/shop/requirements.txt".into(),
        name: "requirements.txt".into(),
        kind: ManifestKind::Requirements,
        digest: Some(Digest([1; 32])),
        packages: Some(Arc::new(packages)),
        settings: Arc::default(),
        problem: None,
        because: "COPY requirements.txt (Dockerfile:4)".into(),
        copies: Vec::new(),
    };
    let sources = ServiceSources { manifests: vec![manifest], ..ServiceSources::default() };
    Sources { services: [name("web"), name("worker")].map(|name| (name, sources.clone())).into() }
}

/// A state before anything was heard, on a terminal of this size.
pub fn empty(columns: u16, rows: u16) -> State {
    let mut state = State::new(Arc::new(project()), NOW);
    state.view.cursor = Some(name("web"));
    send(&mut state, Message::Input(Input::Resized(columns, rows)));
    state
}

/// Sends a message at [`NOW`].
pub fn send(state: &mut State, message: Message) -> Vec<Effect> {
    update(state, message, NOW)
}

/// Presses keys, by their names.
pub fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    let press = |key: &str| send(state, Message::Input(Input::Key(key.parse::<Key>().unwrap())));
    keys.split_whitespace().flat_map(press).collect()
}

/// The engine answers and everything runs.
pub fn steady(columns: u16, rows: u16) -> State {
    let mut state = empty(columns, rows);
    let engine = EngineName { product: "docker 28.5".into(), place: "unix".into() };
    send(&mut state, Message::Sources(Arc::new(sources())));
    send(&mut state, Message::Engine(EngineReport::Connected(engine)));
    send(&mut state, Message::Engine(EngineReport::Observed(Arc::new(observed()))));
    let usage = [("web", 3.1, 88), ("worker", 1.2, 74), ("db", 0.6, 140), ("cache", 0.2, 11)];
    let sample = |(service, cpu, mega): (&str, f64, u64)| {
        (ContainerId::from(format!("{service}-1-id")), Usage { cpu, memory: ByteSize(mega << 20) })
    };
    send(&mut state, Message::Stats(usage.into_iter().map(sample).collect()));
    send(&mut state, log());
    state
}

/// Lines of a service, so many seconds ago.
pub fn lines(service: &str, lines: &[(u64, &str)]) -> Batch {
    let source = Source { service: name(service), replica: 1 };
    let mut splitter = Splitter::new(source, Stamps::Absent, Resume::new());
    for (seconds, line) in lines {
        splitter.push(Stream::Stdout, format!("{line}\n").as_bytes(), ago(*seconds));
    }
    splitter.take().unwrap()
}

/// What the services wrote in the last seconds.
pub fn log() -> Message {
    Message::Lines(vec![
        lines("db", &[(8, "2026-11-21 12:04:19.104 UTC [27] LOG:  checkpoint complete: wrote 12 buffers")]),
        lines(
            "worker",
            &[
                (6, "[2026-11-21 12:04:21,207: INFO/MainProcess] Task shop.mail[4f2] received"),
                (6, "[2026-11-21 12:04:21,209: ERROR/MainProcess] Task shop.mail[4f2] raised unexpected"),
                (6, "Traceback (most recent call last):"),
                (6, "  File \"/app/shop/mail.py\", line 14, in send"),
                (6, "    connection.open()"),
                (6, "ConnectionRefusedError: [Errno 111] Connection refused"),
            ],
        ),
        lines(
            "web",
            &[
                (9, "\x1b[32mGET / 200\x1b[0m 3 ms"),
                (8, "GET /basket 200 12 ms"),
                (5, "GET /cart 200 8 ms"),
                (4, "{\"level\":\"warning\",\"msg\":\"slow query\",\"took\":\"1.2s\",\"table\":\"basket\"}"),
                (3, "GET /static/site.css 304 1 ms"),
            ],
        ),
        lines("cache", &[(2, "1:M 21 Nov 2026 12:04:25.000 * Background saving terminated with success")]),
    ])
}

/// Another listing than [`observed`].
pub fn with_observed(state: &mut State, change: impl FnOnce(&mut Observed)) -> Vec<Effect> {
    let mut now = observed();
    change(&mut now);
    send(state, Message::Engine(EngineReport::Observed(Arc::new(now))))
}

/// web and worker wait for the same change.
pub fn change() -> BTreeMap<ServiceName, ServiceChange> {
    let packages = vec![
        PackageChange::Added { name: "djangorestframework".into(), version: "3.15.2".into() },
        PackageChange::Changed { name: "celery".into(), from: "5.3.6".into(), to: "5.4.0".into() },
    ];
    let lines = vec![
        DiffLine::Same("django==5.1.3".into()),
        DiffLine::Removed("celery==5.3.6".into()),
        DiffLine::Added("celery==5.4.0".into()),
        DiffLine::Added("djangorestframework==3.15.2".into()),
    ];
    let manifest = ManifestDiff {
        name: "requirements.txt".into(),
        digest: Some(Digest([2; 32])),
        change: Change::Declared { packages, settings: Vec::new() },
        lines: Arc::new(lines),
    };
    let change = ServiceChange { since: ago(12), manifests: vec![manifest] };
    [name("web"), name("worker")].map(|name| (name, change.clone())).into()
}

/// The packages of web: the image was built before [`change`], and somebody removed one by hand.
pub fn comparison() -> Comparison {
    let row = |name: &str, declared: &str, built: &str, installed: &str, by: &[&str], difference| Row {
        name: name.into(),
        declared: (!declared.is_empty())
            .then(|| Declaration {
                place: "requirements.txt:1".into(),
                version: declared.into(),
                group: String::new(),
                condition: String::new(),
            })
            .into_iter()
            .collect(),
        locked: BTreeSet::new(),
        built: (!built.is_empty()).then(|| built.to_owned()),
        installed: (!installed.is_empty()).then(|| installed.to_owned()),
        asked_by: by.iter().map(|by| (*by).to_owned()).collect(),
        difference,
    };
    Comparison {
        standing: Some(Standing::Changed(vec![label::Difference {
            name: "requirements.txt".into(),
            kind: ManifestKind::Requirements,
            from: Some(Digest([1; 32])),
            to: Some(Digest([2; 32])),
        }])),
        built_unknown: None,
        installed_unknown: None,
        rows: vec![
            row("amqp", "", "", "5.3.1", &["kombu"], None),
            row("async-timeout", "", "", "5.0.1", &["redis"], None),
            row("celery", "5.4.0", "5.3.6", "5.3.6", &[], Some(Difference::Changed)),
            row("django", "5.1.3", "5.1.3", "5.1.3", &[], None),
            row("djangorestframework", "3.15.2", "", "", &[], Some(Difference::Added)),
            row("gunicorn", "23.0.0", "23.0.0", "", &[], Some(Difference::NotInstalled)),
            row("kombu", "", "", "5.4.2", &["celery"], None),
            row("pip", "", "", "24.0", &[], None),
            row("redis", "5.2.0", "5.2.0", "5.2.0", &[], None),
            row("tzdata", "", "", "2024.2", &["celery", "kombu"], None),
        ],
    }
}

/// The Deps tab is open and what it asked is answered.
pub fn answered(state: &mut State, answer: Answer) {
    let asked = press(state, "3").into_iter().find_map(|effect| match effect {
        Effect::Compare(question) => Some(question),
        _ => None,
    });
    send(state, Message::Compared(asked.expect("the tab asks"), answer));
}

/// A job that rebuilds web and worker has begun, at its build step.
pub fn building(state: &mut State) -> JobId {
    let effects = press(state, "b");
    let Some(Effect::Start { job, .. }) = effects.into_iter().find(|effect| matches!(effect, Effect::Start { .. }))
    else {
        panic!("b starts no job");
    };
    let services = vec![name("web"), name("worker")];
    let build = BuildImage {
        services: services.clone(),
        tags: vec!["shop-web".into(), "shop-worker".into()],
        build: Box::new(project().services[&name("web")].build.clone().unwrap()),
        labels: BTreeMap::new(),
        platform: None,
    };
    let step = Step {
        id: StepId(1),
        group: GroupId(1),
        operation: Operation::Build(build),
        needs: Vec::new(),
        after: Vec::new(),
    };
    let group = Group {
        id: GroupId(1),
        action: Action::Build,
        subject: Subject::Image("shop-web".into(), services),
        cause: Cause::Requested,
        rollback: None,
    };
    let plan = Plan {
        goal: crate::plan::Goal::up(),
        steps: vec![step],
        groups: vec![group],
        kept: Vec::new(),
        warnings: Vec::new(),
    };
    send(state, Message::Job(job.id, Event::Planned(Arc::new(plan))));
    send(state, Message::Job(job.id, Event::Started(StepId(1))));
    let texts = [
        "FROM python:3.11-slim",
        "WORKDIR /app",
        "COPY requirements/ requirements/",
        "RUN pip install -r requirements/dev.txt",
        "COPY . .",
    ];
    for (index, text) in texts.into_iter().enumerate() {
        let id = u32::try_from(index).unwrap();
        let step = BuildStep { id: BuildStepId(id), number: Some((id + 1, 5)), stage: None, text: text.into() };
        say(state, job.id, BuildEvent::Step(step));
    }
    say(state, job.id, BuildEvent::Cached(BuildStepId(0)));
    say(state, job.id, BuildEvent::Cached(BuildStepId(1)));
    say(state, job.id, BuildEvent::Started(BuildStepId(2)));
    say(state, job.id, BuildEvent::Done(BuildStepId(2), Duration::from_millis(100)));
    say(state, job.id, BuildEvent::Started(BuildStepId(3)));
    let output = ["Collecting django==5.1.3", "  Downloading Django-5.1.3-py3-none-any.whl (8.3 MB)"];
    say(state, job.id, BuildEvent::Output(BuildStepId(3), output.map(str::to_owned).into()));
    job.id
}

/// The builder says something.
pub fn say(state: &mut State, job: JobId, event: BuildEvent) {
    send(state, Message::Job(job, Event::Progress(StepId(1), Progress::Build(event))));
}

/// The build that [`building`] began fails in pip.
pub fn build_fails(state: &mut State, job: JobId) {
    let output = [
        "ERROR: Could not find a version that satisfies the requirement djangorestframewrok==3.15.2",
        "ERROR: No matching distribution found for djangorestframewrok==3.15.2",
    ];
    say(state, job, BuildEvent::Output(BuildStepId(3), output.map(str::to_owned).into()));
    say(state, job, BuildEvent::StepFailed(BuildStepId(3), Duration::from_millis(3900)));
    say(
        state,
        job,
        BuildEvent::Failed(BuildFailure {
            step: Some(BuildStepId(3)),
            dockerfile: Some("Dockerfile".into()),
            lines: Some((6, 6)),
            excerpt: None,
            exit_code: Some(1),
            help: None,
            message: "process did not complete successfully: exit code: 1".into(),
            output: output.map(str::to_owned).into(),
        }),
    );
    let diagnostic = Arc::new(Diagnostic::error("the build of web, worker failed"));
    let failed = Event::Failed { step: StepId(1), took: Duration::from_millis(4000), diagnostic };
    send(state, Message::Job(job, failed));
    finish(state, job, Verdict::Failed);
}

/// A job ends.
pub fn finish(state: &mut State, job: JobId, verdict: Verdict) -> Vec<Effect> {
    let outcome = Outcome {
        verdict,
        took: Duration::from_millis(4100),
        done: 1,
        failures: Vec::new(),
        rolled_back: Vec::new(),
        containers: Vec::new(),
    };
    send(state, Message::Job(job, Event::Finished(outcome)))
}

/// worker was killed three seconds ago.
pub fn crashed(observed: &mut Observed) {
    let worker = &mut observed.containers[1];
    worker.state = ContainerState::Exited;
    worker.exit = Some(ExitInfo { code: 137, oom_killed: false });
    worker.finished = Some(ago(3));
}

/// db is unhealthy.
pub fn unhealthy(observed: &mut Observed) {
    observed.containers[2].health = Some(HealthState::Unhealthy);
}
