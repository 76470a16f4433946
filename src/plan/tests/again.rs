//! The rest of a run, planned again.

use crate::{
    model::{Condition, Dependency, Healthcheck},
    plan::{
        BuildWhen, Goal, Recreate, Resume, Selection, StepId, UpOptions, Verb, plan,
        testing::{check_again, container, furnished, name, project, running, service},
    },
};

#[test]
fn only_its_services_are_planned_and_the_others_waited_for() {
    let project = project([
        service("web").built(".").depends("db", Condition::Healthy).needs("cache"),
        service("db").with(|s| s.healthcheck = Some(Healthcheck::default())),
        service("cache"),
    ]);
    let resume = Resume {
        services: Some([name("web")].into()),
        built: ["shop-web".into()].into(),
        next_step: 10,
        next_group: 10,
        ..Resume::default()
    };
    let mut observed = furnished(&project);
    check_again(
        &project,
        &observed,
        &Goal::up(),
        &resume,
        "
        #10 [] create shop-web-1: not there
        #11 [] wait for cache started: needed by web
        #12 [] wait for db healthy: needed by web
        #13 [10,11,12] start shop-web-1 (#10)
        ",
    );
    // Ready or not: what the other part of the run is doing to it can't be seen.
    observed.containers.push(container(&project, "db", 1));
    check_again(
        &project,
        &observed,
        &Goal::up(),
        &resume,
        "
        #10 [] create shop-web-1: not there
        #11 [] wait for cache started: needed by web
        #12 [] wait for db healthy: needed by web
        #13 [10,11,12] start shop-web-1 (#10)
        ",
    );
}

#[test]
fn what_this_run_made_is_not_forced_again() {
    let project = project([service("web"), service("db")]);
    let observed = running(&project);
    let goal = Goal::new(Verb::Up(UpOptions { recreate: Recreate::Force, ..UpOptions::default() }), Selection::All);
    let web = container(&project, "web", 1).id;
    let resume = Resume { touched: [web].into(), next_step: 1, next_group: 1, ..Resume::default() };
    let plan = crate::plan::plan_again(&project, &observed, &Default::default(), &goal, &resume).unwrap();
    assert_eq!(plan.groups.len(), 1);
    assert_eq!(plan.groups[0].subject.to_string(), "db");
}

#[test]
fn a_forecast_ends_with_its_image_step() {
    let restart = Dependency { condition: Condition::Started, restart: true, required: true };
    let project = project([
        service("web").built("."),
        service("worker").built("."),
        service("proxy").with(|s| {
            s.depends_on.insert(name("web"), restart);
        }),
        service("mail").needs("web"),
    ]);
    let observed = running(&project);
    let goal = Goal::new(
        Verb::Up(UpOptions { build: BuildWhen::Always, ..UpOptions::default() }),
        Selection::of([name("web")]),
    );
    let plan = plan(&project, &observed, &Default::default(), &goal).unwrap();
    let services = plan.resting_on(StepId(1));
    assert_eq!(services.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["proxy", "web"]);
    let stay: Vec<_> = plan.steps.iter().filter(|step| !step.operation.belongs_to(&services)).collect();
    assert!(stay.is_empty(), "{stay:?}");
    let resume = Resume {
        services: Some(services),
        built: ["shop-web".into()].into(),
        next_step: 9,
        next_group: 9,
        ..Resume::default()
    };
    check_again(&project, &observed, &goal, &resume, "");
}

#[test]
fn what_was_pulled_in_vain_is_built() {
    let project = project([service("web").built(".").with(|s| s.image = Some("team/web".into()))]);
    let mut observed = furnished(&project);
    let resume = Resume { pulled: ["team/web".into()].into(), next_step: 5, next_group: 5, ..Resume::default() };
    check_again(
        &project,
        &observed,
        &Goal::up(),
        &resume,
        "
        #5 [] create shop-web-1: not there
        #6 [5] start shop-web-1 (#5)
        ",
    );
    observed.images.clear();
    check_again(
        &project,
        &observed,
        &Goal::up(),
        &resume,
        "
        #5 [] build team/web: not there
        #6 [5] create shop-web-1: not there
        #7 [6] start shop-web-1 (#6)
        ",
    );
}
