//! Images that are older than their manifests, and guarded replacement.

use std::collections::BTreeMap;

use crate::{
    model::{MANIFESTS_LABEL, Observed, PackageChange, Project, Sources, manifests_label},
    plan::{
        BuildOptions, BuildWhen, Goal, RebuildOptions, RebuildWhat, Resume, Selection, UpOptions, Verb, plan,
        plan_again,
        staleness::tests::sources,
        testing::{check_again, check_steps, container, edit, exited, name, project, running, service},
    },
};

/// web and worker of one build, and a database; the images were built from `a.txt=1`.
fn shop() -> (Project, Observed) {
    let project =
        project([service("web").built(".").needs("db"), service("worker").built(".").needs("db"), service("db")]);
    let mut observed = running(&project);
    for image in observed.images.values_mut() {
        image.labels.insert(MANIFESTS_LABEL.into(), manifests_label(&sources("a.txt=1")));
    }
    (project, observed)
}

fn declared(text: &str) -> Sources {
    Sources { services: ["web", "worker"].map(|service| (name(service), sources(text))).into() }
}

fn rebuild(what: RebuildWhat, names: &str) -> Goal {
    let verb = Verb::Rebuild(RebuildOptions { what, ..RebuildOptions::default() });
    Goal::new(verb, Selection::of(names.split_whitespace().map(name)))
}

#[test]
fn up_starts_an_old_image_and_says_so() {
    let (project, observed) = shop();
    let plan = plan(&project, &observed, &declared("a.txt=2"), &Goal::up()).unwrap();
    assert!(plan.is_empty());
    assert_eq!(
        plan.warnings[0].to_string(),
        "warning: the image of web is older than its manifests\n  a.txt changed\nhelp: `devbox rebuild web`, or `devbox up --build`"
    );
}

#[test]
fn a_plan_shows_what_changed() {
    let (project, observed) = shop();
    let mut sources = declared("a.txt=2");
    for service in sources.services.values_mut() {
        let added = PackageChange::Added { name: "djangorestframework".into(), version: "3.15.2".into() };
        service.changes = BTreeMap::from([("a.txt".to_owned(), vec![added])]);
    }
    let up = Goal::new(Verb::Up(UpOptions { build: BuildWhen::Stale, ..UpOptions::default() }), Selection::All);
    let plan = plan(&project, &observed, &sources, &up).unwrap();
    assert_eq!(
        plan.to_string(),
        "  build     web, worker    a.txt changed: + djangorestframework 3.15.2
  recreate  web            image will change
  recreate  worker         image will change
  keep      db             in step
3 steps. devbox up --build does this."
    );
}

#[test]
fn rebuild_builds_what_changed_and_guards_what_it_replaces() {
    let (project, observed) = shop();
    let plan = plan(&project, &observed, &declared("a.txt=2"), &rebuild(RebuildWhat::Changed, "")).unwrap();
    check_steps(
        &plan,
        "
        #1 [] build shop-web, shop-worker: a.txt changed
        #2 [1] create shop-web-1 as 4fce: image will change
        #3 [2] stop shop-web-1 (4fce)
        #4 [3] rename shop-web-1 (4fce) to 4fce9a1c4fce_shop-web-1_before
        #5 [4] rename shop-web-1 (#2) to shop-web-1
        #6 [5] start shop-web-1 (#2)
        #7 [6] wait for web shop-web-1 (#2) proved
        #8 [7] remove shop-web-1 (4fce)
        #9 [1] create shop-worker-1 as 7591: image will change
        #10 [9] stop shop-worker-1 (7591)
        #11 [10] rename shop-worker-1 (7591) to 7591b5547591_shop-worker-1_before
        #12 [11] rename shop-worker-1 (#9) to shop-worker-1
        #13 [12] start shop-worker-1 (#9)
        #14 [13] wait for worker shop-worker-1 (#9) proved
        #15 [14] remove shop-worker-1 (7591)
        ",
    );
    assert!(plan.groups.iter().filter(|group| group.rollback.is_some()).count() == 2);
}

#[test]
fn rebuild_of_what_did_not_change_does_nothing_unless_it_is_meant() {
    let (project, observed) = shop();
    let unchanged = declared("a.txt=1");
    let rebuilt = |what, names| plan(&project, &observed, &unchanged, &rebuild(what, names)).unwrap();
    assert!(rebuilt(RebuildWhat::Changed, "").is_empty());
    let text = rebuilt(RebuildWhat::Selected, "worker").steps_text();
    assert!(text.starts_with("#1 [] build shop-web, shop-worker: asked for\n"), "{text}");
    assert!(text.contains("create shop-web-1 as 4fce: if its image changes"), "{text}");
    assert!(rebuilt(RebuildWhat::Selected, "db").is_empty());
}

#[test]
fn an_image_that_became_another_is_replaced_after_the_build() {
    let (project, mut observed) = shop();
    for service in ["web", "worker"] {
        let image = project.services[service].image_name(&project.name);
        observed.images.get_mut(&image).unwrap().id = "sha256:new".into();
    }
    let resume = Resume {
        services: Some([name("web"), name("worker")].into()),
        built: ["shop-web", "shop-worker"].map(Into::into).into(),
        next_step: 20,
        next_group: 20,
        ..Resume::default()
    };
    edit(&mut observed, "worker", |container| *container = exited(container.clone(), 1));
    check_again(
        &project,
        &observed,
        &rebuild(RebuildWhat::Changed, ""),
        &resume,
        "
        #20 [] create shop-web-1 as 4fce: shop-web is another image now
        #21 [20] stop shop-web-1 (4fce)
        #22 [21] rename shop-web-1 (4fce) to 4fce9a1c4fce_shop-web-1_before
        #23 [22] rename shop-web-1 (#20) to shop-web-1
        #24 [23] start shop-web-1 (#20)
        #25 [24] wait for web shop-web-1 (#20) proved
        #26 [25] tag shop-web:devbox-before
        #27 [26] remove shop-web-1 (4fce)
        ",
    );
    let (project, observed) = shop();
    let again = plan_again(&project, &observed, &Sources::default(), &rebuild(RebuildWhat::Changed, ""), &resume);
    assert!(again.unwrap().is_empty(), "the build made the same image again");
}

#[test]
fn volumes_over_dependencies_are_renewed_with_the_image() {
    let project = project([service("web").built(".").volume("", "/app/node_modules").volume("", "/data")]);
    let mut observed = running(&project);
    observed.images.values_mut().for_each(|image| image.id = "sha256:new".into());
    let resume = Resume { built: ["shop-web".into()].into(), ..Resume::default() };
    let goal = rebuild(RebuildWhat::Changed, "");
    let text = plan_again(&project, &observed, &Sources::default(), &goal, &resume).unwrap().steps_text();
    assert!(text.contains("create shop-web-1 as 4fce, f00d at /data: shop-web"), "{text}");
    assert!(text.contains("remove shop-web-1 (4fce) with its volumes"), "{text}");
}

#[test]
fn named_volumes_over_dependencies_are_renewed_when_the_new_container_has_proved_itself() {
    let project = project([service("web").built(".").volume("venv", "/app/.venv").volume("data", "/data")]);
    let mut observed = running(&project);
    observed.images.values_mut().for_each(|image| image.id = "sha256:new".into());
    let resume = Resume { built: ["shop-web".into()].into(), next_step: 1, next_group: 1, ..Resume::default() };
    let goal = rebuild(RebuildWhat::Changed, "");
    check_again(
        &project,
        &observed,
        &goal,
        &resume,
        "
        #1 [] create shop-web-1 as 4fce, without venv: shop-web is another image now
        #2 [1] stop shop-web-1 (4fce)
        #3 [2] rename shop-web-1 (4fce) to 4fce9a1c4fce_shop-web-1_before
        #4 [3] rename shop-web-1 (#1) to shop-web-1
        #5 [4] start shop-web-1 (#1)
        #6 [5] wait for web shop-web-1 (#1) proved
        #7 [6] tag shop-web:devbox-before
        #8 [7] remove shop-web-1 (4fce)
        #9 [5,8] renew volume shop_venv: /app/.venv of web comes from the image
        #10 [9] create shop-web-1 as 4fce: volume shop_venv is renewed
        #11 [10] stop shop-web-1 (#1)
        #12 [11] remove shop-web-1 (#1) with its volumes
        #13 [12] rename shop-web-1 (#10) to shop-web-1
        #14 [13] start shop-web-1 (#10)
        ",
    );
    let renewed = |project: &Project, observed: &Observed| {
        let plan = plan_again(project, observed, &Sources::default(), &goal, &resume).unwrap();
        plan.steps_text().contains("renew volume") && plan.warnings.is_empty()
    };
    assert!(renewed(&project, &observed));
    // a volume of data, another's, one that is filled otherwise, or one that somebody else has is never renewed
    let mut others = observed.clone();
    others.volumes.iter_mut().for_each(|volume| drop(volume.labels.remove("com.docker.compose.project")));
    assert!(!renewed(&project, &others));
    let mut external = project.clone();
    external.volumes.get_mut("venv").unwrap().external = true;
    assert!(!renewed(&external, &observed));
    let mut bound = project.clone();
    bound.volumes.get_mut("venv").unwrap().driver_opts.insert("o".into(), "bind".into());
    assert!(!renewed(&bound, &observed));
    let mut used = observed.clone();
    let mut run = used.containers[0].clone();
    (run.id, run.name, run.oneoff) = ("1".into(), "shop-web-run-1".into(), true);
    used.containers.push(run);
    assert!(!renewed(&project, &used), "and that is said");
    let mut elsewhere = project.clone();
    let mut backup = elsewhere.services[&name("web")].clone();
    (backup.name, backup.mounts[0].target) = (name("backup"), "/backup".into());
    elsewhere.services.insert(name("backup"), backup);
    assert!(!renewed(&elsewhere, &observed));
    // a run that was interrupted before the volume was renewed is gone on with
    let mut half = running(&project);
    half.containers[0].mounts[0].volume = Some("f00d".repeat(16));
    let again = plan(&project, &half, &Sources::default(), &Goal::up()).unwrap().steps_text();
    assert!(again.contains("create shop-web-1 as 4fce, without venv: without volume shop_venv"), "{again}");
    assert!(again.contains("renew volume shop_venv"), "{again}");
}

#[test]
fn a_build_carries_its_labels_and_wishes() {
    let (project, observed) = shop();
    let options = BuildOptions {
        no_cache: true,
        args: [("A".to_owned(), Some("1".to_owned()))].into(),
        ..BuildOptions::default()
    };
    let goal = Goal::new(Verb::Build(options), Selection::Services([name("worker")].into()));
    let plan = plan(&project, &observed, &declared("a.txt=2"), &goal).unwrap();
    let [step] = plan.steps.as_slice() else { panic!("one step") };
    let crate::plan::Operation::Build(build) = &step.operation else { panic!("a build") };
    assert_eq!(build.tags, ["shop-worker"]);
    assert_eq!(build.labels["com.docker.compose.service"], "web", "the first of all with this build");
    assert_eq!(build.labels[MANIFESTS_LABEL], manifests_label(&sources("a.txt=2")));
    assert!(build.build.no_cache && build.build.args.contains_key("A"));
    assert_eq!(container(&project, "web", 1).service, "web");
}
