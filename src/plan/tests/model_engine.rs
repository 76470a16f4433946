//! An engine in memory that refuses what a real one refuses, and the property that a plan carried out on it leaves nothing
//! to do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::{
    model::{
        Condition, ContainerId, ContainerState, HealthState, Healthcheck, ImageRef, MANIFESTS_LABEL, Networking,
        Observed, ObservedContainer, ObservedMount, ObservedNetwork, ObservedVolume, Project, ServiceName, Sources,
    },
    plan::{
        BuildWhen, ContainerRef, CreateContainer, DownOptions, Goal, Operation, Plan, RebuildOptions, RebuildWhat,
        Recreate, Resume, Selection, Step, StepId, Target, UpOptions, Verb,
        leftover::{kept_name, replacement_name},
        plan, plan_again,
        staleness::tests::sources,
        testing::{container, edit, exited, furnished, name, project, service},
    },
};

/// What exists, and what a real engine keeps beside it.
struct ModelEngine<'a> {
    project: &'a Project,
    observed: Observed,
    made: BTreeMap<StepId, ContainerId>,
    next: u32,
}

impl ModelEngine<'_> {
    fn id(&mut self) -> String {
        self.next += 1;
        format!("{:08x}", 0xabc0_0000_u32 + self.next).repeat(8)
    }

    fn resolve(&self, target: &Target) -> ContainerId {
        match &target.container {
            ContainerRef::Existing(id) => id.clone(),
            ContainerRef::Made(step) => self.made[step].clone(),
        }
    }

    fn get(&mut self, target: &Target) -> &mut ObservedContainer {
        let id = self.resolve(target);
        let found = self.observed.containers.iter_mut().find(|container| container.id == id);
        found.unwrap_or_else(|| panic!("no such container: {target}"))
    }

    fn named(&self, name: &str) -> bool {
        self.observed.containers.iter().any(|container| container.name == name)
    }

    fn create(&mut self, create: &CreateContainer) -> ContainerId {
        let service = &self.project.services[&create.service];
        let made_as = create.temporary_name.as_ref().unwrap_or(&create.name);
        assert!(!self.named(made_as), "name in use: {made_as}");
        let image = service.image_name(&self.project.name);
        let image = self.observed.images.get(&image).unwrap_or_else(|| panic!("no such image: {image}")).clone();
        let mut made = container(self.project, create.service.as_str(), create.number);
        made.id = self.id().into();
        made.name.clone_from(made_as);
        made.state = ContainerState::Created;
        made.health = None;
        made.image = image.id.clone();
        made.labels.insert("com.docker.compose.image".into(), image.id.to_string());
        made.config_hash = service.config_hash.hex(|name| {
            let of = self.observed.containers.iter().filter(|container| container.service == *name);
            let first = of.min_by_key(|container| (container.name.len(), &container.name));
            Some(first.unwrap_or_else(|| panic!("{name} has no container to share")).id.clone())
        });
        made.networks = match &service.networking {
            Networking::Networks(joined) => joined
                .iter()
                .map(|joined| {
                    let name = &self.project.networks[&joined.network].name;
                    let network = self.observed.networks.iter().find(|network| network.name == *name);
                    (name.clone(), network.unwrap_or_else(|| panic!("no such network: {name}")).id.clone())
                })
                .collect(),
            _ => BTreeMap::new(),
        };
        for mount in &mut made.mounts {
            let named = create.anonymous.iter().map(|key| &self.project.volumes[key].name);
            if mount.volume.as_ref().is_some_and(|volume| named.clone().any(|name| name == volume)) {
                mount.volume = Some("f00d".repeat(16));
            }
            let carried = create.replaces.as_ref().and_then(|replaced| replaced.volumes.get(&mount.target));
            if let Some(carried) = carried {
                mount.volume = Some(carried.clone());
            }
        }
        let id = made.id.clone();
        self.observed.containers.push(made);
        id
    }

    /// Does what the operation says.
    fn apply(&mut self, step: StepId, operation: &Operation) {
        match operation {
            Operation::CreateNetwork { key, name } => {
                if self.observed.networks.iter().all(|network| network.name != *name) {
                    let wanted = &self.project.networks[key];
                    let id = self.id();
                    let labels = labels("network", key, &wanted.config_hash);
                    self.observed.networks.push(ObservedNetwork { id, name: name.clone(), labels });
                }
            }
            Operation::RemoveNetwork { name, id, containers } => {
                // Gone already is well: planned again, a step may be in the run twice.
                if self.observed.networks.iter().all(|network| network.id != *id) {
                    return;
                }
                for target in containers {
                    let mut stopped = exited(self.get(target).clone(), 137);
                    stopped.networks.remove(name);
                    *self.get(target) = stopped;
                }
                let on_it = self.observed.containers.iter().find(|container| container.networks.contains_key(name));
                assert!(on_it.is_none(), "{on_it:?} is on {name} still");
                self.observed.networks.retain(|network| network.id != *id);
            }
            Operation::CreateVolume { key, name } => {
                if self.observed.volumes.iter().all(|volume| volume.name != *name) {
                    let labels = labels("volume", key, &self.project.volumes[key].config_hash);
                    let volume = ObservedVolume { name: name.clone(), driver: "local".into(), labels, created: None };
                    self.observed.volumes.push(volume);
                }
            }
            Operation::RemoveVolume { name } => {
                let used = |mount: &ObservedMount| mount.volume.as_ref() == Some(name);
                let in_use = self.observed.containers.iter().any(|container| container.mounts.iter().any(used));
                assert!(!in_use, "volume {name} is in use");
                self.observed.volumes.retain(|volume| volume.name != *name);
            }
            Operation::RenewVolume { name, .. } => {
                let used = |mount: &ObservedMount| mount.volume.as_ref() == Some(name);
                let in_use = self.observed.containers.iter().any(|container| container.mounts.iter().any(used));
                assert!(!in_use, "volume {name} is in use");
            }
            Operation::RemoveImage { name } => drop(self.observed.images.remove(name)),
            Operation::TagImage { .. } | Operation::Wait { .. } => {}
            // What is in a container is nothing that a plan looks at.
            Operation::Sync { target, .. } | Operation::Exec { target, .. } => drop(self.get(target)),
            Operation::Build(build) => {
                let id = self.id();
                for tag in &build.tags {
                    self.have(tag, &id);
                    self.observed.images.get_mut(tag).unwrap().labels = build.labels.clone();
                }
            }
            Operation::Pull { image, .. } => {
                if !self.observed.images.contains_key(image) {
                    let id = self.id();
                    self.have(image, &id);
                }
            }
            Operation::Create(create) => {
                let id = self.create(create);
                self.made.insert(step, id);
            }
            Operation::Start(target) | Operation::Unpause(target) | Operation::Restart { target, .. } => {
                let needs: Vec<String> = self.get(target).networks.values().cloned().collect();
                for id in needs {
                    let there = self.observed.networks.iter().any(|network| network.id == id);
                    assert!(there, "{target} wants a network that is gone");
                }
                let healthy = self.project.services.get(&target.service).is_some_and(|s| s.healthcheck.is_some());
                let container = self.get(target);
                container.state = ContainerState::Running;
                container.exit = None;
                container.health = healthy.then_some(HealthState::Healthy);
            }
            Operation::Pause(target) => self.get(target).state = ContainerState::Paused,
            Operation::Stop { target, .. } | Operation::Kill { target, .. } => {
                let stopped = exited(self.get(target).clone(), 137);
                *self.get(target) = stopped;
            }
            Operation::Remove { target, .. } => {
                let id = self.get(target).id.clone();
                self.observed.containers.retain(|container| container.id != id);
            }
            Operation::Rename { target, name } => {
                assert!(!self.named(name), "name in use: {name}");
                self.get(target).name.clone_from(name);
            }
        }
    }

    fn have(&mut self, image: &ImageRef, id: &str) {
        let any = furnished(self.project).images.into_values().next().unwrap();
        let made = crate::model::ObservedImage { id: format!("sha256:{id}").into(), ..any };
        self.observed.images.insert(image.clone(), made);
    }

    /// Carries a goal out, one step after the other, planned again after images as a run does it.
    fn reach(&mut self, sources: &Sources, goal: &Goal) -> Plan {
        let mut plan = plan(self.project, &self.observed, sources, goal).unwrap();
        let first = plan.clone();
        let mut done = BTreeSet::new();
        let mut resume = Resume::default();
        while let Some(at) = plan.steps.iter().position(|step| {
            !done.contains(&step.id) && step.needs.iter().chain(&step.after).all(|need| done.contains(need))
        }) {
            let step = plan.steps[at].clone();
            self.apply(step.id, &step.operation);
            done.insert(step.id);
            match &step.operation {
                Operation::Build(build) => resume.built.extend(build.tags.iter().cloned()),
                Operation::Pull { image, .. } => drop(resume.pulled.insert(image.clone())),
                Operation::Create(_) => drop(resume.touched.insert(self.made[&step.id].clone())),
                _ => {}
            }
            let services = plan.resting_on(step.id);
            if services.is_empty() {
                continue;
            }
            let goes = |step: &Step| !done.contains(&step.id) && step.operation.belongs_to(&services);
            let (dropped, stays): (Vec<_>, Vec<_>) = plan.steps.drain(..).partition(goes);
            plan.steps = stays;
            resume.services = Some(services);
            let last =
                plan.steps.iter().map(|step| step.id.0).chain(dropped.iter().map(|step| step.id.0)).max().unwrap();
            resume.next_step = resume.next_step.max(last + 1);
            let mut new = plan_again(self.project, &self.observed, sources, goal, &resume).unwrap();
            for step in &mut new.steps {
                let Operation::Wait { service, target: None, .. } = &step.operation else { continue };
                step.needs
                    .extend(plan.steps.iter().filter(|other| owner(other) == Some(service)).map(|other| other.id));
            }
            // What came after a dropped step comes after the new steps of its service.
            for step in &mut plan.steps {
                for needs in [&mut step.needs, &mut step.after] {
                    for old in dropped.iter().filter(|old| needs.contains(&old.id)).collect::<Vec<_>>() {
                        needs.retain(|need| *need != old.id);
                        needs.extend(new.steps.iter().filter(|new| owner(new) == owner(old)).map(|new| new.id));
                    }
                }
            }
            plan.steps.extend(new.steps);
            plan.groups.extend(new.groups);
        }
        let left: Vec<_> = plan.steps.iter().filter(|step| !done.contains(&step.id)).collect();
        assert!(left.is_empty(), "never begun: {left:?}");
        first
    }
}

/// The service whose containers a step changes.
fn owner(step: &Step) -> Option<&ServiceName> {
    match &step.operation {
        Operation::Wait { target: None, .. } => None,
        operation => operation.service(),
    }
}

fn labels(kind: &str, key: &str, hash: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("com.docker.compose.project".to_owned(), "shop".to_owned()),
        (format!("com.docker.compose.{kind}"), key.to_owned()),
        ("com.docker.compose.config-hash".to_owned(), hash.to_owned()),
    ])
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What a generated service is like; `needs` are services before it, so that there are no circles.
#[derive(Debug, Clone)]
struct Shape {
    needs: Vec<(usize, bool, bool)>,
    built: bool,
    shares: bool,
    volume: bool,
    scale: u32,
    enabled: bool,
}

fn shape() -> impl Strategy<Value = Shape> {
    let needs = prop::collection::vec((0..NAMES.len(), any::<bool>(), any::<bool>()), 0..3);
    (needs, any::<bool>(), prop::bool::weighted(0.2), any::<bool>(), 0..3u32, prop::bool::weighted(0.8)).prop_map(
        |(needs, built, shares, volume, scale, enabled)| Shape { needs, built, shares, volume, scale, enabled },
    )
}

fn project_of(shapes: &[Shape]) -> Project {
    project(shapes.iter().enumerate().map(|(index, shape)| {
        let mut made = service(NAMES[index]).with(|s| {
            s.scale = shape.scale;
            s.enabled = shape.enabled;
            s.healthcheck = (index % 2 == 0).then(Healthcheck::default);
        });
        for (need, healthy, restart) in shape.needs.iter().filter(|(need, ..)| *need < index) {
            // A service without a healthcheck never turns healthy.
            let condition = if *healthy && need % 2 == 0 { Condition::Healthy } else { Condition::Started };
            made = made.depends(NAMES[*need], condition).with(|s| {
                s.depends_on.get_mut(&name(NAMES[*need])).unwrap().restart = *restart;
            });
        }
        if shape.built {
            made = made.built(if index < 2 { "shared" } else { "own" });
        }
        if shape.volume {
            made = made.volume("data", "/data").volume("", "/cache");
        }
        if shape.shares && index > 0 && shapes[0].scale > 0 && shapes[0].enabled {
            made = made.with(|s| {
                s.networking = Networking::Service(name(NAMES[0]));
                s.config_hash.push_container_of(name(NAMES[0]));
            });
        }
        made
    }))
}

/// What became of one container of a service.
#[derive(Debug, Clone, Copy)]
enum State {
    Fine,
    Stopped,
    Frozen,
    Diverged,
    OtherImage,
    OffNetwork,
    Dead,
    Replacing { usable: bool },
    OnlyReplacement,
    OnlyKept,
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        3 => Just(State::Fine),
        1 => Just(State::Stopped),
        1 => Just(State::Frozen),
        1 => Just(State::Diverged),
        1 => Just(State::OtherImage),
        1 => Just(State::OffNetwork),
        1 => Just(State::Dead),
        1 => any::<bool>().prop_map(|usable| State::Replacing { usable }),
        1 => Just(State::OnlyReplacement),
        1 => Just(State::OnlyKept),
    ]
}

fn observe(project: &Project, states: &[Vec<State>], lost: &[prop::sample::Index]) -> Observed {
    let mut observed = furnished(project);
    for (service, states) in NAMES.iter().zip(states).take(project.services.len()) {
        for (number, state) in (1..).zip(states) {
            let mut fine = container(project, service, number);
            fine.config_hash = project.services[*service].config_hash.hex(|_| Some("elsewhere".into()));
            let mut replacement = ObservedContainer {
                id: format!("{:08x}", 0xfee0_0000 + number).repeat(8).into(),
                name: replacement_name(&fine.id, &fine.name),
                state: ContainerState::Created,
                health: None,
                ..fine.clone()
            };
            match state {
                State::Fine => {}
                State::Stopped => fine = exited(fine, 1),
                State::Frozen => fine.state = ContainerState::Paused,
                State::Diverged => fine.config_hash = Some("other".into()),
                State::OtherImage => drop(fine.labels.insert("com.docker.compose.image".into(), "sha256:x".into())),
                State::OffNetwork => fine.networks.clear(),
                State::Dead => fine.state = ContainerState::Dead,
                State::Replacing { usable } => {
                    fine.config_hash = Some("other".into());
                    if !usable {
                        replacement.config_hash = Some("another".into());
                    }
                    replacement.id = format!("{}{}", service.as_bytes()[0] % 10, &replacement.id.as_str()[1..]).into();
                    observed.containers.push(replacement);
                }
                State::OnlyReplacement => fine.name = format!("0123456789ab_{}", fine.name),
                State::OnlyKept => {
                    fine.name = kept_name(&fine.id, &fine.name);
                    fine = exited(fine, 0);
                }
            }
            observed.containers.push(fine);
        }
    }
    for index in lost {
        match index.index(4) {
            0 if !observed.networks.is_empty() => {
                let gone = observed.networks.remove(0);
                let on = |container: &ObservedContainer| container.networks.contains_key(&gone.name);
                let on_it = observed.containers.iter_mut().filter(|container| on(container));
                on_it.for_each(|container| *container = exited(container.clone(), 0));
            }
            1 => {
                let other = "com.docker.compose.config-hash".to_owned();
                observed.networks.iter_mut().for_each(|network| drop(network.labels.insert(other.clone(), "x".into())));
            }
            2 => drop(observed.images.pop_first()),
            _ => observed.volumes.clear(),
        }
    }
    observed
}

/// A project with what may be found of it, small enough to be read in a failure.
#[derive(Debug, Clone)]
struct Situation {
    shapes: Vec<Shape>,
    states: Vec<Vec<State>>,
    lost: Vec<prop::sample::Index>,
}

impl Situation {
    fn build(&self) -> (Project, Observed) {
        let project = project_of(&self.shapes);
        let observed = observe(&project, &self.states, &self.lost);
        (project, observed)
    }
}

fn situation() -> impl Strategy<Value = Situation> {
    let states = prop::collection::vec(prop::collection::vec(state(), 0..3), NAMES.len());
    let lost = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (prop::collection::vec(shape(), 1..=NAMES.len()), states, lost).prop_map(|(shapes, states, lost)| Situation {
        shapes,
        states,
        lost,
    })
}

fn up_options() -> impl Strategy<Value = UpOptions> {
    (
        prop::sample::select(vec![BuildWhen::Missing, BuildWhen::Always, BuildWhen::Stale]),
        prop::sample::select(vec![Recreate::Diverged, Recreate::Force]),
        any::<(bool, bool, bool, bool)>(),
    )
        .prop_map(|(build, recreate, (guarded, renew_anonymous_volumes, remove_orphans, wait))| UpOptions {
            build,
            recreate,
            guarded,
            renew_anonymous_volumes,
            remove_orphans,
            wait,
            ..UpOptions::default()
        })
}

fn declared(project: &Project, content: &str) -> Sources {
    Sources { services: project.services.keys().map(|name| (name.clone(), sources(content))).collect() }
}

fn engine<'a>(project: &'a Project, observed: &Observed) -> ModelEngine<'a> {
    ModelEngine { project, observed: observed.clone(), made: BTreeMap::new(), next: 0 }
}

fn nothing_left(engine: &ModelEngine<'_>, sources: &Sources, goal: &Goal) {
    let next = plan(engine.project, &engine.observed, sources, goal).unwrap();
    assert!(next.is_empty(), "left to do:\n{}", next.steps_text());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn up_leaves_nothing_to_do(situation in situation(), options in up_options()) {
        let (project, observed) = situation.build();
        let mut engine = engine(&project, &observed);
        let sources = declared(&project, "a=1");
        engine.reach(&sources, &Goal::new(Verb::Up(options), Selection::All));
        nothing_left(&engine, &sources, &Goal::up());
    }

    #[test]
    fn up_of_one_service_leaves_nothing_of_it_to_do(
        situation in situation(),
        pick in any::<prop::sample::Index>(),
        no_deps in any::<bool>(),
    ) {
        let (project, observed) = situation.build();
        let mut engine = engine(&project, &observed);
        let names: Vec<ServiceName> = project.services.keys().cloned().collect();
        let service = &project.services[pick.get(&names)];
        // Alone it can't share what isn't there.
        prop_assume!(!no_deps || matches!(service.networking, Networking::Networks(_)));
        let options = UpOptions { no_deps, ..UpOptions::default() };
        let goal = Goal::new(Verb::Up(options), Selection::Services([service.name.clone()].into()));
        engine.reach(&Sources::default(), &goal);
        nothing_left(&engine, &Sources::default(), &goal);
    }

    #[test]
    fn rebuild_leaves_nothing_stale(situation in situation(), changed in any::<bool>()) {
        let (project, observed) = situation.build();
        let mut engine = engine(&project, &observed);
        engine.reach(&declared(&project, "a=1"), &Goal::new(Verb::Up(UpOptions {
            build: BuildWhen::Always,
            ..UpOptions::default()
        }), Selection::All));
        let sources = declared(&project, if changed { "a=2" } else { "a=1" });
        let goal = Goal::new(Verb::Rebuild(RebuildOptions { what: RebuildWhat::Changed, ..Default::default() }), Selection::All);
        let first = engine.reach(&sources, &goal);
        // What shares a build is built with it.
        let built = project.enabled().any(|service| service.build.is_some());
        prop_assert!(!(changed && built && first.is_empty()));
        nothing_left(&engine, &sources, &goal);
        nothing_left(&engine, &sources, &Goal::up());
        let enabled: Vec<_> = project.enabled().filter(|service| service.build.is_some()).collect();
        for service in enabled {
            let image = &engine.observed.images[&service.image_name(&project.name)];
            prop_assert!(image.labels.contains_key(MANIFESTS_LABEL));
        }
    }

    #[test]
    fn down_leaves_nothing(situation in situation(), volumes in any::<bool>()) {
        let (project, observed) = situation.build();
        let mut engine = engine(&project, &observed);
        let options = DownOptions { volumes, remove_orphans: true, ..DownOptions::default() };
        engine.reach(&Sources::default(), &Goal::new(Verb::Down(options), Selection::All));
        prop_assert!(engine.observed.containers.is_empty());
        prop_assert!(engine.observed.networks.is_empty());
        prop_assert_eq!(engine.observed.volumes.is_empty(), volumes || observed.volumes.is_empty());
    }

    #[test]
    fn stop_and_start_go_there_and_back(situation in situation()) {
        let (project, observed) = situation.build();
        let mut engine = engine(&project, &observed);
        engine.reach(&Sources::default(), &Goal::up());
        let stop = Goal::new(Verb::Stop { timeout: None }, Selection::All);
        engine.reach(&Sources::default(), &stop);
        prop_assert!(engine.observed.containers.iter().all(|container| container.state != ContainerState::Running));
        nothing_left(&engine, &Sources::default(), &stop);
        engine.reach(&Sources::default(), &Goal::new(Verb::Start { wait: false, wait_timeout: None }, Selection::All));
        nothing_left(&engine, &Sources::default(), &Goal::up());
    }
}

#[test]
fn the_model_refuses_what_an_engine_refuses() {
    let project = project([service("a")]);
    let mut observed = furnished(&project);
    observed.containers.push(container(&project, "a", 1));
    edit(&mut observed, "a", |container| container.config_hash = None);
    let mut engine = engine(&project, &observed);
    let create = CreateContainer {
        service: name("a"),
        number: 1,
        name: "shop-a-1".into(),
        temporary_name: None,
        replaces: None,
        anonymous: Default::default(),
        oneoff: None,
    };
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.create(&create)));
    assert!(refused.is_err(), "the name is in use");
}
