//! What diverged is made anew, and nothing else; what an interrupted run left is put to use or taken away.

use crate::{
    model::{Condition, ContainerState, Dependency, Networking, ObservedMount, Port, Protocol, PublishedPort},
    plan::{
        Goal, Recreate, Selection, UpOptions, Verb,
        leftover::{kept_name, replacement_name},
        testing::{check, container, edit, exited, name, planned, project, running, service},
    },
};

fn up(options: UpOptions) -> Goal {
    Goal::new(Verb::Up(options), Selection::All)
}

/// The causes of all recreates.
#[track_caller]
fn causes(project: &crate::model::Project, observed: &crate::model::Observed, goal: &Goal, expected: &str) {
    let plan = planned(project, observed, goal);
    let causes: Vec<_> =
        plan.visible().map(|group| format!("{} {}: {}", group.action.word(), group.subject, group.cause)).collect();
    assert_eq!(causes.join("\n"), expected);
}

#[test]
fn the_new_one_is_there_before_the_old_one_goes() {
    let project = project([service("web").needs("db"), service("db")]);
    let mut observed = running(&project);
    edit(&mut observed, "web", |container| container.config_hash = Some("other".into()));
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] create shop-web-1 as 4fce: configuration changed
        #2 [1] stop shop-web-1 (4fce)
        #3 [2] remove shop-web-1 (4fce)
        #4 [3] rename shop-web-1 (#1) to shop-web-1
        #5 [4] start shop-web-1 (#1)
        ",
    );
    observed.containers = observed.containers.into_iter().map(|container| exited(container, 0)).collect();
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] start shop-db-1 (b9c7): exited (0)
        #2 [] create shop-web-1 as 4fce: configuration changed
        #3 [1,2] remove shop-web-1 (4fce)
        #4 [3] rename shop-web-1 (#2) to shop-web-1
        #5 [1,4] start shop-web-1 (#2)
        ",
    );
}

#[test]
fn flags_force_and_forbid() {
    let project = project([service("web").needs("db"), service("db")]);
    let observed = running(&project);
    let force = UpOptions { recreate: Recreate::Force, ..UpOptions::default() };
    causes(&project, &observed, &up(force.clone()), "recreate db: --force-recreate\nrecreate web: --force-recreate");
    let only_web = Goal::new(Verb::Up(force), Selection::Services([name("web")].into()));
    causes(&project, &observed, &only_web, "recreate web: --force-recreate");
    let renew = UpOptions { renew_anonymous_volumes: true, ..UpOptions::default() };
    causes(&project, &observed, &up(renew), "recreate db: --force-recreate\nrecreate web: --force-recreate");
    let mut diverged = running(&project);
    edit(&mut diverged, "web", |container| container.config_hash = None);
    let never = UpOptions { recreate: Recreate::Never, ..UpOptions::default() };
    let plan = planned(&project, &diverged, &up(never));
    assert!(plan.is_empty());
    assert_eq!(
        plan.kept.iter().map(|kept| kept.cause.to_string()).collect::<Vec<_>>(),
        ["in step", "diverged, kept by --no-recreate"]
    );
}

#[test]
fn compose_decides_what_diverged() {
    let project = project([service("web").volume("data", "/data")]);
    let change = |change: &dyn Fn(&mut crate::model::ObservedContainer)| {
        let mut observed = running(&project);
        edit(&mut observed, "web", change);
        let plan = planned(&project, &observed, &Goal::up());
        plan.groups.first().map_or_else(|| "kept".to_owned(), |group| group.cause.to_string())
    };
    assert_eq!(change(&|_| {}), "kept");
    assert_eq!(
        change(&|container| {
            container.labels.insert("com.docker.compose.image".into(), "sha256:old".into());
        }),
        "web:1 is another image now"
    );
    assert_eq!(change(&|container| container.networks.clear()), "not on network shop_default");
    assert_eq!(
        change(&|container| {
            container.networks.values_mut().for_each(|id| *id = "id of one that was removed".into());
        }),
        "not on network shop_default"
    );
    assert_eq!(change(&|container| container.mounts.clear()), "without volume shop_data");
    // What only differs in the listing is no reason: Compose doesn't look there.
    assert_eq!(change(&|container| container.image_name = "web:0".into()), "kept");
}

#[test]
fn a_stopped_container_is_made_anew_when_its_network_is_another_one() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    observed.containers = observed.containers.into_iter().map(|container| exited(container, 0)).collect();
    edit(&mut observed, "web", |container| container.networks.clear());
    check(&project, &observed, &Goal::up(), "#1 [] start shop-web-1 (4fce): exited (0)");
    edit(&mut observed, "web", |container| drop(container.networks.insert("shop_default".into(), "gone".into())));
    causes(&project, &observed, &Goal::up(), "recreate web: not on network shop_default");
}

#[test]
fn an_image_without_a_name_any_more_is_nothing_new() {
    let project = project([service("web").with(|s| s.pull_policy = Some(crate::model::PullPolicy::Never))]);
    let mut observed = running(&project);
    observed.images.clear();
    // The label names an image, and the name means none: Compose recreates, and so fails for want of the image. So be it.
    causes(&project, &observed, &Goal::up(), "recreate web: web:1 is another image now");
}

#[test]
fn what_differs_is_said() {
    let project = project([service("web").with(|s| {
        s.environment.insert("DEBUG".into(), Some("1".into()));
        s.labels.insert("tier".into(), "front".into());
        s.command = Some(vec!["serve".into()]);
        s.ports = vec![Port {
            target: 80,
            published: Some("8080".into()),
            host_ip: None,
            protocol: Protocol::Tcp,
            mode: None,
            name: None,
            app_protocol: None,
        }];
    })]);
    let mut observed = running(&project);
    edit(&mut observed, "web", |container| {
        container.config_hash = Some("other".into());
        container.labels.insert("tier".into(), "back".into());
        container.labels.insert("gone".into(), "1".into());
        container.ports = vec![PublishedPort {
            host_ip: "0.0.0.0".into(),
            host_port: Some(8000),
            container_port: 80,
            protocol: "tcp".into(),
        }];
        container.mounts.push(ObservedMount {
            kind: "bind".into(),
            volume: None,
            source: "/src".into(),
            target: "/app".into(),
            writable: true,
        });
    });
    causes(
        &project,
        &observed,
        &Goal::up(),
        "recreate web: labels changed: gone, tier; ports changed; volumes changed",
    );
    let id = observed.containers[0].id.clone();
    let config = crate::model::ContainerConfig {
        environment: vec!["DEBUG=0".into(), "PATH=/bin".into()],
        command: vec!["entry".into(), "serve".into()],
        ..Default::default()
    };
    observed.configs.insert(id.clone(), config);
    edit(&mut observed, "web", |container| {
        container.labels.insert("tier".into(), "front".into());
        container.labels.remove("gone");
        container.ports.clear();
        container.mounts.clear();
    });
    causes(&project, &observed, &Goal::up(), "recreate web: environment changed: DEBUG");
    let config = observed.configs.get_mut(&id).unwrap();
    config.environment.push("GONE=1".into());
    config.restart = "always".into();
    config.image = Some(crate::model::ImageConfig {
        environment: vec!["PATH=/sbin".into()],
        entrypoint: vec!["entry".into()],
        ..Default::default()
    });
    causes(&project, &observed, &Goal::up(), "recreate web: environment changed: DEBUG, GONE; restart changed");
    observed.configs.get_mut(&id).unwrap().image.as_mut().unwrap().entrypoint = vec!["other".into()];
    let all = "recreate web: environment changed: DEBUG, GONE; entrypoint changed; restart changed";
    causes(&project, &observed, &Goal::up(), all);
}

#[test]
fn a_close_look_is_wanted_only_where_the_configuration_diverged() {
    let project = project([service("web"), service("db")]);
    let mut observed = running(&project);
    assert!(planned(&project, &observed, &Goal::up()).unexplained().is_empty());
    edit(&mut observed, "web", |container| container.config_hash = Some("other".into()));
    edit(&mut observed, "db", |container| container.networks.clear());
    let web = observed.containers.iter().find(|container| container.service == "web").unwrap().id.clone();
    assert_eq!(planned(&project, &observed, &Goal::up()).unexplained(), std::slice::from_ref(&web));
    observed.configs.insert(web, Default::default());
    assert_eq!(planned(&project, &observed, &Goal::up()).unexplained().len(), 1, "the caller knows what it looked at");
}

#[test]
fn a_service_that_lives_in_anothers_namespace_is_made_anew_with_it() {
    let project = project([service("web"), service("probe").with(|s| s.networking = Networking::Service(name("web")))]);
    let mut observed = running(&project);
    edit(&mut observed, "web", |container| container.config_hash = Some("other".into()));
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] create shop-web-1 as 4fce: configuration changed
        #2 [1] stop shop-web-1 (4fce)
        #3 [2] remove shop-web-1 (4fce)
        #4 [3] rename shop-web-1 (#1) to shop-web-1
        #5 [4] start shop-web-1 (#1)
        #6 [4] create shop-probe-1 as 2a2c: web is replaced
        #7 [5,6] stop shop-probe-1 (2a2c)
        #8 [7] remove shop-probe-1 (2a2c)
        #9 [8] rename shop-probe-1 (#6) to shop-probe-1
        #10 [5,9] start shop-probe-1 (#6)
        ",
    );
}

#[test]
fn a_hash_that_names_a_container_changes_with_it() {
    let project = project([
        service("web"),
        service("probe").with(|s| {
            s.networking = Networking::Service(name("web"));
            s.config_hash.push_container_of(name("web"));
        }),
    ]);
    let mut observed = running(&project);
    let web = container(&project, "web", 1).id;
    let hash = project.services["probe"].config_hash.hex(|_| Some(web.clone()));
    edit(&mut observed, "probe", |container| container.config_hash = hash.clone());
    causes(&project, &observed, &Goal::up(), "");
    edit(&mut observed, "web", |container| container.id = "f".repeat(64).into());
    causes(&project, &observed, &Goal::up(), "recreate probe: configuration changed");
    observed.containers.retain(|container| container.service != "web");
    causes(&project, &observed, &Goal::up(), "create web: not there\nrecreate probe: configuration changed");
}

#[test]
fn who_wants_to_be_restarted_is() {
    let restart = Dependency { condition: Condition::Started, restart: true, required: true };
    let project = project([
        service("db"),
        service("web").with(|s| {
            s.depends_on.insert(name("db"), restart);
        }),
        service("worker").needs("db"),
    ]);
    let mut observed = running(&project);
    edit(&mut observed, "db", |container| container.config_hash = Some("other".into()));
    causes(
        &project,
        &observed,
        &Goal::new(Verb::Up(UpOptions::default()), Selection::Services([name("db")].into())),
        "recreate db: configuration changed\nrestart web: db is replaced",
    );
}

#[test]
fn a_network_of_another_configuration_is_made_anew_with_all_on_it() {
    let project = project([service("web"), service("db")]);
    let mut observed = running(&project);
    observed.networks[0].labels.insert("com.docker.compose.config-hash".into(), "other".into());
    let goal = Goal::new(Verb::Up(UpOptions::default()), Selection::Services([name("web")].into()));
    check(
        &project,
        &observed,
        &goal,
        "
        #1 [] remove network shop_default: configuration changed
        #2 [1] create network shop_default
        #3 [2] create shop-db-1 as b9c7: network shop_default is made anew
        #4 [1,3] remove shop-db-1 (b9c7)
        #5 [4] rename shop-db-1 (#3) to shop-db-1
        #6 [5] start shop-db-1 (#3)
        #7 [2] create shop-web-1 as 4fce: network shop_default is made anew
        #8 [1,7] remove shop-web-1 (4fce)
        #9 [8] rename shop-web-1 (#7) to shop-web-1
        #10 [9] start shop-web-1 (#7)
        ",
    );
    // Compose of before 2.23 wrote no hash.
    observed.networks[0].labels.remove("com.docker.compose.config-hash");
    check(&project, &observed, &Goal::up(), "");
}

#[test]
fn a_volume_of_another_configuration_is_kept_and_said_so() {
    let project = project([service("db").volume("data", "/data")]);
    let mut observed = running(&project);
    observed.volumes[0].labels.insert("com.docker.compose.config-hash".into(), "other".into());
    let plan = planned(&project, &observed, &Goal::up());
    assert!(plan.is_empty());
    assert_eq!(plan.warnings[0].what, "volume shop_data was made with another configuration, and is kept");
}

#[test]
fn an_interrupted_recreate_is_finished() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    let old = observed.containers[0].clone();
    let mut new = container(&project, "web", 1);
    new.id = "e".repeat(64).into();
    new.name = replacement_name(&old.id, &old.name);
    new.state = ContainerState::Created;

    // The old one diverged and runs still: its replacement is used.
    edit(&mut observed, "web", |container| container.config_hash = Some("other".into()));
    observed.containers.push(new.clone());
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] stop shop-web-1 (4fce): configuration changed
        #2 [1] remove shop-web-1 (4fce)
        #3 [2] rename shop-web-1 (eeee) to shop-web-1
        #4 [3] start shop-web-1 (eeee)
        ",
    );
    // The file went back meanwhile: the old one is right, and the replacement goes.
    observed.containers[0] = old.clone();
    check(
        &project,
        &observed,
        &Goal::up(),
        "#1 [] remove 4fce9a1c4fce_shop-web-1 (eeee): left by an interrupted recreate",
    );
    // The old one is gone: the replacement takes its name.
    observed.containers.remove(0);
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] rename 4fce9a1c4fce_shop-web-1 (eeee) to shop-web-1: left by an interrupted recreate
        #2 [1] start shop-web-1 (eeee)
        ",
    );
    // Another one has the name already.
    let mut other = old.clone();
    other.id = "a".repeat(64).into();
    observed.containers.push(other);
    check(
        &project,
        &observed,
        &Goal::up(),
        "#1 [] remove 4fce9a1c4fce_shop-web-1 (eeee): left by an interrupted recreate",
    );
}

#[test]
fn a_kept_container_goes_or_comes_back() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    let mut kept = exited(container(&project, "web", 1), 137);
    kept.id = "e".repeat(64).into();
    kept.name = kept_name(&kept.id, "shop-web-1");
    observed.containers.push(kept);
    check(
        &project,
        &observed,
        &Goal::up(),
        "#1 [] remove eeeeeeeeeeee_shop-web-1_before (eeee): left by an interrupted recreate",
    );
    observed.containers.remove(0);
    check(
        &project,
        &observed,
        &Goal::up(),
        "
        #1 [] rename eeeeeeeeeeee_shop-web-1_before (eeee) to shop-web-1: left by an interrupted recreate
        #2 [1] start shop-web-1 (eeee)
        ",
    );
}

#[test]
fn a_dead_container_is_replaced() {
    let project = project([service("web")]);
    let mut observed = running(&project);
    edit(&mut observed, "web", |container| container.state = ContainerState::Dead);
    causes(&project, &observed, &Goal::up(), "recreate web: dead");
}

#[test]
fn anonymous_volumes_go_on() {
    let project = project([service("web").volume("", "/cache")]);
    let mut observed = running(&project);
    edit(&mut observed, "web", |container| container.config_hash = Some("other".into()));
    let text = planned(&project, &observed, &Goal::up()).steps_text();
    assert_eq!(text.lines().next().unwrap(), "#1 [] create shop-web-1 as 4fce, f00d at /cache: configuration changed");
}
