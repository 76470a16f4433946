//! Runs as reports, and the lines they amount to.

use std::sync::Arc;

use super::*;
use crate::{
    model::{BuildEvent, BuildStep, BuildStepId, ContainerId, Diagnostic, ImageRef, Port, ProjectName, Protocol},
    plan::{BuildImage, ContainerRef, CreateContainer, GroupId, Readiness, Target},
};

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

fn project() -> Project {
    let mut web = Service::empty(service("web"));
    web.ports.push(Port {
        target: 8000,
        published: Some("8000".into()),
        host_ip: Some("127.0.0.1".into()),
        protocol: Protocol::Tcp,
        mode: None,
        name: None,
        app_protocol: None,
    });
    Project {
        name: ProjectName::new("shop").unwrap(),
        directory: "/shop".into(),
        files: Vec::new(),
        env_files: Vec::new(),
        profiles: Vec::new(),
        services: [web, Service::empty(service("db"))].map(|service| (service.name.clone(), service)).into(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        secrets: BTreeMap::new(),
        configs: BTreeMap::new(),
    }
}

fn target(name: &str) -> Target {
    Target {
        service: service(name),
        number: 1,
        name: format!("shop-{name}-1"),
        container: ContainerRef::Existing(ContainerId::from("0")),
    }
}

/// Network, image of web, db with a wait, web after both.
fn plan(cause: Cause) -> Plan {
    let mut plan =
        Plan { goal: crate::plan::Goal::up(), steps: vec![], groups: vec![], kept: vec![], warnings: vec![] };
    let container =
        |name: &str| Subject::Container { service: service(name), number: 1, name: format!("shop-{name}-1") };
    let groups = [
        (Action::Create, Subject::Network("shop_default".into()), Cause::Missing),
        (Action::Build, Subject::Image(ImageRef::from("shop-web"), vec![service("web")]), Cause::Missing),
        (Action::Create, container("db"), Cause::Missing),
        (Action::Recreate, container("web"), cause),
    ];
    for (index, (action, subject, cause)) in groups.into_iter().enumerate() {
        plan.groups.push(Group { id: GroupId(index as u32), action, subject, cause, rollback: None });
    }
    let create = |name: &str| {
        Operation::Create(CreateContainer {
            service: service(name),
            number: 1,
            name: format!("shop-{name}-1"),
            temporary_name: None,
            replaces: None,
            anonymous: Default::default(),
            oneoff: None,
        })
    };
    let wait = Operation::Wait {
        service: service("db"),
        target: None,
        readiness: Readiness::Condition(crate::model::Condition::Healthy),
        optional: false,
        timeout: None,
    };
    let build = Operation::Build(BuildImage {
        services: vec![service("web")],
        tags: vec!["shop-web".into()],
        build: Box::new(crate::model::Build::new("/shop")),
        labels: BTreeMap::new(),
        platform: None,
    });
    let network = Operation::CreateNetwork { key: "default".into(), name: "shop_default".into() };
    for (group, operation, needs) in [
        (0, network, vec![]),
        (1, build, vec![]),
        (2, create("db"), vec![0]),
        (2, Operation::Start(target("db")), vec![2]),
        (2, wait, vec![3]),
        (3, create("web"), vec![1, 4]),
        (3, Operation::Start(target("web")), vec![5]),
    ] {
        let id = StepId(plan.steps.len() as u32);
        let needs = needs.into_iter().map(StepId).collect();
        plan.steps.push(Step { id, group: GroupId(group), operation, needs, after: Vec::new() });
    }
    plan
}

fn done(step: u32, millis: u64, result: StepResult) -> Event {
    Event::Done { step: StepId(step), took: Duration::from_millis(millis), result }
}

fn check(events: &[Event], expected: &str) {
    let (mut board, now) = (Board::new(&project()), Instant::now());
    events.iter().for_each(|event| board.apply(event, now));
    let rows: Vec<String> = board
        .open()
        .into_iter()
        .map(|index| board.row(index, now + Duration::from_secs(7)))
        .map(|row| format!("{} {}{} {}", row.mark.sign(), row.subject, row.words, row.detail).trim_end().to_owned())
        .collect();
    assert_eq!(rows.join("\n"), expected);
}

#[test]
fn a_run_in_the_middle_says_what_is_done_and_what_waits() {
    let instruction =
        BuildStep { id: BuildStepId(0), number: Some((4, 6)), stage: None, text: "RUN pip install".into() };
    check(
        &[
            Event::Planned(Arc::new(plan(Cause::ImageWillChange))),
            Event::Started(StepId(0)),
            done(0, 3, StepResult::Done),
            Event::Started(StepId(1)),
            Event::Progress(StepId(1), Progress::Build(BuildEvent::Step(instruction))),
            Event::Progress(StepId(1), Progress::Build(BuildEvent::Started(BuildStepId(0)))),
            Event::Started(StepId(2)),
        ],
        "✓ network  shop_default  created\n\
         ◐ image    web           building 4/6 RUN pip install  0:07\n\
         ◐ db       creating  0:07\n\
         · web      waits for image, db",
    );
}

#[test]
fn a_run_that_ended_well_says_how_long_and_why() {
    let mut events = vec![Event::Planned(Arc::new(plan(Cause::ImageWillChange)))];
    events.extend([
        done(0, 3, StepResult::Done),
        done(1, 14_200, StepResult::Image { name: "shop-web".into(), changed: true }),
        done(2, 1, StepResult::Done),
        done(3, 1, StepResult::Done),
        done(4, 2_100, StepResult::Ready { state: "healthy" }),
        done(5, 1, StepResult::Done),
        done(6, 1, StepResult::Done),
    ]);
    check(
        &events,
        "✓ network  shop_default  created\n\
         ✓ image    web           built in 14.2 s\n\
         ✓ db       healthy after 2.1 s\n\
         ✓ web      recreated http://127.0.0.1:8000  (image will change)",
    );
}

#[test]
fn a_failure_names_what_was_left_out() {
    check(
        &[
            Event::Planned(Arc::new(plan(Cause::Requested))),
            done(0, 3, StepResult::Already),
            Event::Failed {
                step: StepId(1),
                took: Duration::from_millis(4_100),
                diagnostic: Arc::new(Diagnostic::error("no")),
            },
            done(2, 1, StepResult::Done),
            done(3, 1, StepResult::Done),
            done(4, 20, StepResult::Ready { state: "healthy" }),
            Event::Skipped { step: StepId(5), because: Some(StepId(1)) },
            Event::Skipped { step: StepId(6), because: Some(StepId(1)) },
        ],
        "✓ network  shop_default  created\n\
         ✗ image    web           failed after 4.1 s\n\
         ✓ db       healthy\n\
         ○ web      left out, since image web failed",
    );
}

#[test]
fn a_line_that_was_told_of_is_open_again_when_steps_are_added() {
    let (mut board, now) = (Board::new(&project()), Instant::now());
    let whole = plan(Cause::Requested);
    let mut first = whole.clone();
    first.steps.truncate(2);
    board.apply(&Event::Planned(Arc::new(first)), now);
    board.apply(&done(0, 1, StepResult::Done), now);
    assert!(board.is_final(0) && !board.is_final(1));
    board.tell(0);
    assert_eq!(board.open(), [1]);
    board.apply(&Event::Planned(Arc::new(whole)), now);
    assert_eq!(board.open(), [1, 2, 3]);
    assert!(!board.is_final(2));
}
