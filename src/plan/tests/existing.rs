//! The verbs about containers that are there.

use crate::{
    model::{Condition, ContainerState, Dependency, ObservedContainer},
    plan::{
        DownOptions, Goal, RemoveImages, RemoveOptions, Selection, Verb,
        testing::{check, container, edit, exited, image_id, name, planned, project, running, service},
    },
};

fn of(verb: Verb, names: &str) -> Goal {
    Goal::new(verb, Selection::of(names.split_whitespace().map(name)))
}

fn shop() -> crate::model::Project {
    project([service("web").needs("app"), service("app").needs("db"), service("db").volume("data", "/data")])
}

fn orphan(project: &crate::model::Project) -> ObservedContainer {
    let mut orphan = container(project, "web", 1);
    orphan.service = name("old");
    orphan.name = "shop-old-1".into();
    orphan.id = "e".repeat(64).into();
    orphan
}

#[test]
fn dependents_stop_first_also_across_a_gap() {
    let project = shop();
    let mut observed = running(&project);
    check(
        &project,
        &observed,
        &of(Verb::Stop { timeout: None }, ""),
        "
        #1 [] stop shop-web-1 (4fce): asked for
        #2 [; 1] stop shop-app-1 (47e6): asked for
        #3 [; 2] stop shop-db-1 (b9c7): asked for
        ",
    );
    observed.containers.retain(|container| container.service != "app");
    check(
        &project,
        &observed,
        &of(Verb::Stop { timeout: None }, ""),
        "
        #1 [] stop shop-web-1 (4fce): asked for
        #2 [; 1] stop shop-db-1 (b9c7): asked for
        ",
    );
    check(&project, &observed, &of(Verb::Stop { timeout: None }, "db"), "#1 [] stop shop-db-1 (b9c7): asked for");
}

#[test]
fn down_leaves_nothing_but_volumes() {
    let project =
        project([service("web").needs("db"), service("db").volume("data", "/data"), service("docs").profile("docs")]);
    let mut observed = running(&project);
    observed.containers.push(exited(container(&project, "docs", 1), 0));
    check(
        &project,
        &observed,
        &of(Verb::Down(DownOptions::default()), ""),
        "
        #1 [] stop shop-web-1 (4fce): asked for
        #2 [1] remove shop-web-1 (4fce)
        #3 [] remove shop-docs-1 (afa3): asked for
        #4 [; 2] stop shop-db-1 (b9c7): asked for
        #5 [4] remove shop-db-1 (b9c7)
        #6 [2,3,5] remove network shop_default: asked for
        ",
    );
    let all = DownOptions { volumes: true, images: Some(RemoveImages::All), ..DownOptions::default() };
    let plan = planned(&project, &observed, &of(Verb::Down(all), ""));
    let lost: Vec<_> = plan.deletes_data().map(|step| step.operation.to_string()).collect();
    assert_eq!(
        lost,
        [
            "remove shop-web-1 (4fce) with its volumes",
            "remove shop-docs-1 (afa3) with its volumes",
            "remove shop-db-1 (b9c7) with its volumes",
            "remove volume shop_data"
        ]
    );
    assert!(plan.steps_text().contains("remove image db:1"));
}

#[test]
fn down_of_one_service_leaves_the_network_to_the_others() {
    let project = project([service("web"), service("db")]);
    let observed = running(&project);
    check(
        &project,
        &observed,
        &of(Verb::Down(DownOptions::default()), "web"),
        "
        #1 [] stop shop-web-1 (4fce): asked for
        #2 [1] remove shop-web-1 (4fce)
        ",
    );
}

#[test]
fn orphans_are_named_or_removed() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    observed.containers.push(orphan(&project));
    let plan = planned(&project, &observed, &Goal::up());
    assert!(plan.is_empty());
    assert_eq!(plan.warnings[0].what, "a container's service is not in this file: shop-old-1");
    let down = |remove_orphans| of(Verb::Down(DownOptions { remove_orphans, ..DownOptions::default() }), "");
    let plan = planned(&project, &observed, &down(false));
    assert!(!plan.steps_text().contains("network"), "an orphan is on it still");
    check(
        &project,
        &observed,
        &down(true),
        "
        #1 [] stop shop-web-1 (4fce): asked for
        #2 [1] remove shop-web-1 (4fce)
        #3 [] stop shop-old-1 (eeee): its service is not in the file
        #4 [3] remove shop-old-1 (eeee)
        #5 [2,4] remove network shop_default: asked for
        ",
    );
}

#[test]
fn down_removes_local_images_only() {
    let project = project([service("web").built("."), service("db")]);
    let observed = running(&project);
    let down = Verb::Down(DownOptions { images: Some(RemoveImages::Local), ..DownOptions::default() });
    let text = planned(&project, &observed, &of(down, "")).steps_text();
    assert!(text.contains("remove image shop-web") && !text.contains("remove image db:1"), "{text}");
}

#[test]
fn start_starts_what_is_there_in_order() {
    let project = shop();
    let mut observed = running(&project);
    observed.containers = observed.containers.into_iter().map(|container| exited(container, 0)).collect();
    // Diverged or not: start makes nothing anew.
    edit(&mut observed, "db", |container| container.config_hash = None);
    check(
        &project,
        &observed,
        &of(Verb::Start { wait: false, wait_timeout: None }, "app"),
        "
        #1 [] start shop-db-1 (b9c7): exited (0)
        #2 [1] start shop-app-1 (47e6): exited (0)
        ",
    );
    observed.containers.clear();
    let refused = crate::plan::plan(
        &project,
        &observed,
        &Default::default(),
        &of(Verb::Start { wait: false, wait_timeout: None }, "app"),
    );
    assert_eq!(refused.unwrap_err().to_string(), "app has no container");
}

#[test]
fn restart_takes_those_along_that_want_it() {
    let restart = |condition| Dependency { condition, restart: true, required: true };
    let project = project([
        service("db"),
        service("web").with(|s| {
            s.depends_on.insert(name("db"), restart(Condition::Healthy));
        }),
        service("worker").needs("db"),
    ]);
    let observed = running(&project);
    let goal = |no_deps| of(Verb::Restart { timeout: None, no_deps }, "db");
    check(
        &project,
        &observed,
        &goal(false),
        "
        #1 [] restart shop-db-1 (b9c7): asked for
        #2 [1] wait for db healthy: needed by web
        #3 [2; 1] restart shop-web-1 (4fce): db is replaced
        ",
    );
    check(&project, &observed, &goal(true), "#1 [] restart shop-db-1 (b9c7): asked for");
}

#[test]
fn kill_rm_pause_and_unpause_take_what_they_can() {
    let project = project([service("web"), service("db")]);
    let mut observed = running(&project);
    edit(&mut observed, "db", |container| *container = exited(container.clone(), 0));
    let kill = Verb::Kill { signal: "HUP".into(), remove_orphans: false };
    check(&project, &observed, &of(kill, ""), "#1 [] kill shop-web-1 (4fce) with HUP: asked for");
    check(
        &project,
        &observed,
        &of(Verb::Remove(RemoveOptions::default()), ""),
        "#1 [] remove shop-db-1 (b9c7): asked for",
    );
    check(&project, &observed, &of(Verb::Pause, ""), "#1 [] pause shop-web-1 (4fce): asked for");
    check(&project, &observed, &of(Verb::Unpause, ""), "");
    edit(&mut observed, "web", |container| container.state = ContainerState::Paused);
    check(&project, &observed, &of(Verb::Unpause, ""), "#1 [] unpause shop-web-1 (4fce): asked for");
    assert_eq!(image_id("web:1"), observed.containers[1].image);
}
