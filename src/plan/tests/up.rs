//! `up` and `run` from nothing or from part of it.

use crate::{
    model::{Condition, ContainerState, HealthState, Healthcheck, MountKind, Observed, PullPolicy, Timestamp},
    plan::{
        BuildWhen, Goal, PlanError, PullWhen, RunOptions, Selection, UpOptions, Verb, plan,
        testing::{check, container, edit, exited, furnished, name, planned, project, running, service},
    },
};

fn up(options: UpOptions) -> Goal {
    Goal::new(Verb::Up(options), Selection::All)
}

fn up_of(names: &str) -> Goal {
    Goal::new(Verb::Up(UpOptions::default()), Selection::of(names.split_whitespace().map(name)))
}

#[test]
fn from_nothing() {
    let project = project([service("web").built(".").needs("db"), service("db").volume("data", "/db")]);
    check(
        &project,
        &Observed::default(),
        &Goal::up(),
        "
        #1 [] pull db:1: not there
        #2 [] build shop-web: not there
        #3 [] create network shop_default: not there
        #4 [] create volume shop_data: not there
        #5 [1,3,4] create shop-db-1: not there
        #6 [5] start shop-db-1 (#5)
        #7 [2,3] create shop-web-1: not there
        #8 [6,7] start shop-web-1 (#7)
        ",
    );
}

#[test]
fn nothing_to_do_is_nothing_done() {
    let project = project([service("web").built(".").needs("db"), service("db").volume("data", "/db")]);
    check(&project, &running(&project), &Goal::up(), "");
}

#[test]
fn what_was_stopped_is_started_in_order() {
    let project = project([service("web").needs("db"), service("db")]);
    let mut observed = running(&project);
    observed.containers = observed.containers.into_iter().map(|container| exited(container, 137)).collect();
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] start shop-db-1 (b9c7): exited (137)
        #2 [1] start shop-web-1 (4fce): exited (137)
        ",
    );
}

#[test]
fn a_frozen_container_is_thawed() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    edit(&mut observed, "web", |container| container.state = ContainerState::Paused);
    check(&project, &observed, &Goal::up(), "#1 [] unpause shop-web-1 (4fce): paused");
}

#[test]
fn conditions_are_waited_for_once() {
    let project = project([
        service("web").depends("db", Condition::Healthy).depends("migrate", Condition::CompletedSuccessfully),
        service("worker").depends("db", Condition::Healthy),
        service("migrate").depends("db", Condition::Healthy),
        service("db").with(|s| s.healthcheck = Some(Healthcheck::default())),
    ]);
    check(
        &project,
        &furnished(&project),
        &Goal::up(),
        "
        #1 [] create shop-db-1: not there
        #2 [1] start shop-db-1 (#1)
        #3 [] create shop-migrate-1: not there
        #4 [2] wait for db healthy: needed by migrate, web, worker
        #5 [3,4] start shop-migrate-1 (#3)
        #6 [] create shop-web-1: not there
        #7 [5] wait for migrate completed: needed by web
        #8 [4,6,7] start shop-web-1 (#6)
        #9 [] create shop-worker-1: not there
        #10 [4,9] start shop-worker-1 (#9)
        ",
    );
}

#[test]
fn what_is_ready_is_not_waited_for() {
    let project = project([
        service("web").depends("db", Condition::Healthy),
        service("db").with(|s| s.healthcheck = Some(Healthcheck::default())),
    ]);
    let mut observed = furnished(&project);
    observed.containers.push(container(&project, "db", 1));
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] create shop-web-1: not there
        #2 [1] start shop-web-1 (#1)
        ",
    );
    edit(&mut observed, "db", |container| container.health = Some(HealthState::Starting));
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] create shop-web-1: not there
        #2 [] wait for db healthy: needed by web
        #3 [1,2] start shop-web-1 (#1)
        ",
    );
}

#[test]
fn an_optional_dependency_may_fail() {
    let project = project([
        service("web")
            .depends("db", Condition::Healthy)
            .needs("cache")
            .with(|s| s.depends_on.values_mut().for_each(|dependency| dependency.required = false)),
        service("db"),
        service("cache"),
        service("docs").profile("docs"),
    ]);
    check(
        &project,
        &furnished(&project),
        &Goal::up(),
        "
        #1 [] create shop-cache-1: not there
        #2 [1] start shop-cache-1 (#1)
        #3 [] create shop-db-1: not there
        #4 [3] start shop-db-1 (#3)
        #5 [] create shop-web-1: not there
        #6 [; 4] wait for db healthy, optional: needed by web
        #7 [5,6; 2] start shop-web-1 (#5)
        ",
    );
}

#[test]
fn naming_a_service_enables_it_and_what_it_needs() {
    let project =
        project([service("docs").profile("docs").needs("search"), service("search").profile("search"), service("web")]);
    check(
        &project,
        &furnished(&project),
        &up_of("docs"),
        "
        #1 [] create shop-search-1: not there
        #2 [1] start shop-search-1 (#1)
        #3 [] create shop-docs-1: not there
        #4 [2,3] start shop-docs-1 (#3)
        ",
    );
    let goal = Goal::new(
        Verb::Up(UpOptions { no_deps: true, ..UpOptions::default() }),
        Selection::Services([name("docs")].into()),
    );
    check(&project, &furnished(&project), &goal, "#1 [] create shop-docs-1: not there\n#2 [1] start shop-docs-1 (#1)");
}

#[test]
fn scale_adds_and_takes_away() {
    let project = project([service("web").with(|s| s.scale = 2)]);
    let mut observed = running(&project);
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] create shop-web-2: scale 1 → 2
        #2 [1] start shop-web-2 (#1)
        ",
    );
    observed.containers.push(container(&project, "web", 2));
    observed.containers.push(container(&project, "web", 3));
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] stop shop-web-3 (51ce): scale 3 → 2
        #2 [1] remove shop-web-3 (51ce)
        ",
    );
    let none = up(UpOptions { scale: [(name("web"), 0)].into(), ..UpOptions::default() });
    assert_eq!(planned(&project, &observed, &none).groups.len(), 3);
}

#[test]
fn the_one_that_diverged_goes_first() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    observed.containers.push(container(&project, "web", 2));
    observed.containers[0].config_hash = Some("other".into());
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] stop shop-web-1 (4fce): scale 2 → 1
        #2 [1] remove shop-web-1 (4fce)
        ",
    );
}

#[test]
fn images_are_had_as_the_policy_says() {
    let of = |policy| project([service("web").with(|s| s.pull_policy = Some(policy))]);
    let first = |project: &crate::model::Project, observed: &Observed, goal: &Goal| {
        let text = planned(project, observed, goal).steps_text();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let always = of(PullPolicy::Always);
    assert_eq!(first(&always, &furnished(&always), &Goal::up()), "#1 [] pull web:1: pull_policy is always");
    let never = of(PullPolicy::Never);
    let mut nothing = furnished(&never);
    nothing.images.clear();
    assert_eq!(first(&never, &nothing, &Goal::up()), "#1 [] create shop-web-1: not there");
    let pulled = up(UpOptions { pull: Some(PullWhen::Always), ..UpOptions::default() });
    assert_eq!(first(&never, &nothing, &pulled), "#1 [] pull web:1: asked for");
    let built = project([service("web").built(".").with(|s| s.pull_policy = Some(PullPolicy::Build))]);
    assert_eq!(first(&built, &running(&built), &Goal::up()), "#1 [] build shop-web: pull_policy is build");
    let no_build = up(UpOptions { build: BuildWhen::Never, ..UpOptions::default() });
    assert_eq!(first(&built, &running(&built), &no_build), "");
}

#[test]
fn an_image_is_pulled_again_when_its_time_is_over() {
    let hour = std::time::Duration::from_secs(3600);
    let project = project([service("web").with(|s| s.pull_policy = Some(PullPolicy::Every(12 * hour)))]);
    let after = |hours: u32, tagged| {
        let mut observed = running(&project);
        observed.at = Timestamp(0).after(hours * hour);
        observed.images.values_mut().for_each(|image| image.tagged = tagged);
        planned(&project, &observed, &Goal::up()).steps_text().lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(after(11, Some(Timestamp(0))), "");
    assert_eq!(after(13, Some(Timestamp(0))), "#1 [] pull web:1: pulled longer ago than pull_policy allows");
    assert_eq!(after(13, None), "", "an engine that does not tell");
}

#[test]
fn an_image_that_is_mounted_is_there_before() {
    let image = |s: &mut crate::model::Service| {
        s.mounts.push(crate::model::Mount {
            kind: MountKind::Other { kind: "image".into(), source: Some("assets:1".into()), subpath: None },
            target: "/assets".into(),
            read_only: true,
            consistency: None,
        });
    };
    let project = project([service("web").with(image)]);
    let mut observed = furnished(&project);
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] pull assets:1: not there
        #2 [1] create shop-web-1: not there
        #3 [2] start shop-web-1 (#2)
        ",
    );
    let web = observed.images.values().next().unwrap().clone();
    observed.images.insert("assets:1".into(), web);
    check(&project, &observed, &Goal::up(), "#1 [] create shop-web-1: not there\n#2 [1] start shop-web-1 (#1)");
}

#[test]
fn an_image_that_can_be_built_is_looked_for_first() {
    let project = project([service("web").built(".").with(|s| s.image = Some("team/web:1".into()))]);
    let mut observed = furnished(&project);
    observed.images.clear();
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] pull team/web:1, optional: not there
        #2 [; 1] build team/web:1: not there
        #3 [2] create shop-web-1: not there
        #4 [3] start shop-web-1 (#3)
        ",
    );
}

#[test]
fn services_with_one_build_are_built_once() {
    let project = project([service("web").built("."), service("worker").built("."), service("docs").built("./docs")]);
    let mut observed = furnished(&project);
    observed.images.clear();
    let plan = planned(&project, &observed, &up(UpOptions { no_start: true, ..UpOptions::default() }));
    let builds: Vec<_> = plan.steps_text().lines().filter(|line| line.contains("] build")).map(str::to_owned).collect();
    assert_eq!(builds, ["#1 [] build shop-docs: not there", "#2 [] build shop-web, shop-worker: not there"]);
}

#[test]
fn an_image_that_a_build_uses_is_built_first() {
    let project = project([
        service("app").built("app").with(|s| {
            s.build.as_mut().unwrap().additional_contexts.insert("base".into(), "service:base".into());
        }),
        service("base").built("base").profile("build"),
    ]);
    let mut observed = furnished(&project);
    observed.images.clear();
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] build shop-base: not there
        #2 [1] build shop-app: not there
        #3 [2] create shop-app-1: not there
        #4 [3] start shop-app-1 (#3)
        ",
    );
}

#[test]
fn run_makes_one_container_more() {
    let project = project([service("web").depends("db", Condition::Healthy), service("db")]);
    let options = RunOptions { slug: "0123456789abcdef".into(), ..RunOptions::default() };
    let goal = Goal::new(Verb::Run(options), Selection::Services([name("web")].into()));
    check(
        &project,
        &furnished(&project),
        &goal,
        "
        #1 [] create shop-db-1: not there
        #2 [1] start shop-db-1 (#1)
        #3 [2] wait for db healthy: needed by web
        #4 [3] create shop-web-run-0123456789ab: asked for
        ",
    );
    let detached = RunOptions { slug: "0".repeat(64), no_deps: true, detach: true, ..RunOptions::default() };
    let goal = Goal::new(Verb::Run(detached), Selection::Services([name("web")].into()));
    check(
        &project,
        &furnished(&project),
        &goal,
        "
        #1 [] create shop-web-run-000000000000: asked for
        #2 [1] start shop-web-run-000000000000 (#1)
        ",
    );
}

#[test]
fn wait_ends_with_what_can_be_reached() {
    let project = project([service("web").depends("migrate", Condition::CompletedSuccessfully), service("migrate")]);
    check(
        &project,
        &furnished(&project),
        &up(UpOptions { wait: true, ..UpOptions::default() }),
        "
        #1 [] create shop-migrate-1: not there
        #2 [1] start shop-migrate-1 (#1)
        #3 [] create shop-web-1: not there
        #4 [2] wait for migrate completed: needed by web
        #5 [3,4] start shop-web-1 (#3)
        #6 [5] wait for web running or healthy: asked for
        ",
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let refused = |project: &crate::model::Project, observed: &Observed, goal: &Goal| {
        plan(project, observed, &Default::default(), goal).unwrap_err().to_string()
    };
    let web = project([service("web")]);
    assert_eq!(refused(&web, &Observed::default(), &up_of("wbe")), "no service wbe in this project");
    let mut external = project([service("web").volume("data", "/data")]);
    external.networks.get_mut("default").unwrap().external = true;
    let gone = refused(&external, &Observed::default(), &Goal::up());
    assert_eq!(gone, "network shop_default is external and not there");
    external.networks.get_mut("default").unwrap().external = false;
    external.volumes.get_mut("data").unwrap().external = true;
    let gone = refused(&external, &Observed::default(), &Goal::up());
    assert_eq!(gone, "volume shop_data is external and not there");
    let mut foreign = furnished(&web);
    foreign.networks[0].labels.clear();
    let not_ours = refused(&web, &foreign, &Goal::up());
    assert_eq!(not_ours, "network shop_default is there, but is not this project's");
    let scaled = project([service("web").with(|s| {
        s.container_name = Some("it".into());
        s.scale = 2;
    })]);
    let refusal = refused(&scaled, &Observed::default(), &Goal::up());
    assert_eq!(refusal, "web has a container_name (it) and so can't have 2 containers");
    let twice = project(["a", "b"].map(|text| service(text).with(|s| s.container_name = Some("it".into()))));
    assert!(matches!(
        plan(&twice, &Observed::default(), &Default::default(), &Goal::up()),
        Err(PlanError::SameName { .. })
    ));
}
