//! `up`, `rebuild`, `build`, `pull` and `run`: the verbs that make things.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, BuildOptions, BuildWhen, Cause, ContainerRef, CreateContainer, Goal, Operation, PlanError, PullOptions,
    Readiness, RebuildOptions, RebuildWhat, Recreate, RunOptions, Selection, Staleness, Subject, Target, UpOptions,
    context::Context,
    converge::{Convergence, Manner, subject},
    draft::{Draft, Gate},
    images::{self, Images, When},
    resources,
    scope::{named, with_same_build},
    staleness::staleness,
    stop,
};
use crate::model::{Condition, Diagnostic, ImageRef, PullPolicy, Service, ServiceName};

/// The services of a goal that this plan is about.
fn planned<'a>(context: &Context<'a>, scope: &BTreeSet<&'a ServiceName>) -> BTreeSet<&'a ServiceName> {
    scope.iter().filter(|name| context.plans(name)).copied().collect()
}

/// Names that can't both be: two services that want one container name.
fn check_names(context: &Context<'_>, services: &BTreeSet<&ServiceName>) -> Result<(), PlanError> {
    let mut names: BTreeMap<&str, &ServiceName> = BTreeMap::new();
    for service in services.iter().filter_map(|name| context.service(name)) {
        let Some(name) = &service.container_name else { continue };
        if let Some(first) = names.insert(name, &service.name) {
            return Err(PlanError::SameName { first: first.clone(), second: service.name.clone(), name: name.clone() });
        }
    }
    match services.iter().filter_map(|name| context.service(name)).find(|s| s.image.is_none() && s.build.is_none()) {
        Some(service) => Err(PlanError::NoImage { service: service.name.clone() }),
        None => Ok(()),
    }
}

/// Makes the services match the file and run.
pub(super) fn up(context: &Context<'_>, draft: &mut Draft, goal: &Goal, options: &UpOptions) -> Result<(), PlanError> {
    let named = named(context.project, &goal.selection)?;
    let scope = match options.no_deps {
        true => named.clone(),
        false => context.graph.with_dependencies(context.project, named.iter().copied()),
    };
    if let Some(name) = options.scale.keys().find(|name| !scope.contains(name)) {
        super::scope::named(context.project, &Selection::Services([name.clone()].into()))?;
    }
    check_names(context, &scope)?;
    missing_optional(context, draft, &scope);
    let mut services = planned(context, &scope);
    // When the rest of a run is planned again, the others on such a network are in the run already.
    let along = resources::on_remade_networks(context, &services)?;
    services.extend(along.into_iter().filter(|name| context.plans(name)));
    let mut images = images::see_to(context, draft, &services, When { build: options.build, pull: options.pull });
    images::for_followers(context, draft, &services, &mut images);
    let resources = resources::see_to(context, draft, &services)?;
    if context.resume.services.is_none() {
        stop::orphans(context, draft, &resources, options.remove_orphans, options.timeout);
    }
    let recreate = match (options.recreate, options.renew_anonymous_volumes) {
        // Volumes are renewed by making containers anew (Compose).
        (Recreate::Diverged, true) => Recreate::Force,
        (recreate, _) => recreate,
    };
    let manner = Manner {
        named,
        scope: scope.clone(),
        recreate,
        recreate_dependencies: match (options.recreate, options.always_recreate_deps) {
            (Recreate::Never, _) => Recreate::Never,
            (_, true) => Recreate::Force,
            (_, false) => Recreate::Diverged,
        },
        renew_anonymous_volumes: options.renew_anonymous_volumes,
        timeout: options.timeout,
        start: !options.no_start,
        guarded: options.guarded,
        scale: options.scale.clone(),
    };
    let mut convergence = Convergence::new(context, draft, &images, &resources, &manner);
    convergence.services(&services, !options.no_deps && !options.no_start)?;
    if options.wait {
        for name in context.graph.order().iter().filter(|name| services.contains(*name)) {
            let scale = options.scale.get(*name).copied().or(context.service(name).map(|service| service.scale));
            if scale != Some(0) {
                convergence.wait(name, final_readiness(context, name), false, name, options.wait_timeout);
            }
        }
    }
    Ok(())
}

/// What `--wait` waits for: completion where another service waits for that, since such a service never stays up.
pub(super) fn final_readiness(context: &Context<'_>, service: &ServiceName) -> Readiness {
    let completes =
        context.graph.dependents(service).any(|(_, edge)| edge.condition == Condition::CompletedSuccessfully);
    if completes { Readiness::Condition(Condition::CompletedSuccessfully) } else { Readiness::RunningOrHealthy }
}

fn missing_optional(context: &Context<'_>, draft: &mut Draft, scope: &BTreeSet<&ServiceName>) {
    for service in scope.iter().filter(|name| context.plans(name)).filter_map(|name| context.service(name)) {
        for (name, _) in service.depends_on.iter().filter(|(name, _)| context.service(name).is_none()) {
            let what = format!("{} would like {name} to run, which is not in this project", service.name);
            draft.warn(Diagnostic::warning(what));
        }
    }
}

/// Builds images, and replaces the containers that run older ones, each kept until its successor has proved itself.
pub(super) fn rebuild(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &RebuildOptions,
) -> Result<(), PlanError> {
    let named = named(context.project, &goal.selection)?;
    let group = with_same_build(context.project, &named);
    let mut wanted: Vec<(&Service, Cause)> = Vec::new();
    let mut affected = BTreeSet::new();
    for name in group.iter().filter(|name| context.plans(name)) {
        let Some(service) = context.service(name).filter(|service| service.build.is_some()) else { continue };
        // A service that shares the build goes along when it is used: enabled, or with a container of its own.
        if !named.contains(name) && !service.enabled && context.containers(name).live.is_empty() {
            continue;
        }
        let changes =
            context.image(service).and_then(|image| match staleness(image, context.sources.services.get(*name)?) {
                Staleness::Changed(changes) => Some(changes),
                Staleness::InStep | Staleness::Unknown => None,
            });
        let cause = match (options.what, changes, context.image(service)) {
            _ if context.resume.built.contains(&service.image_name(&context.project.name)) => {
                affected.insert(*name);
                continue;
            }
            (_, Some(changes), _) => Cause::Manifests(changes),
            (RebuildWhat::Selected, None, _) => Cause::Requested,
            (RebuildWhat::Changed, None, None) => Cause::Missing,
            (RebuildWhat::Changed, None, Some(_)) => continue,
        };
        affected.insert(*name);
        wanted.push((service, cause));
    }
    let mut images = Images::default();
    let build = BuildOptions { pull: options.fresh, no_cache: options.fresh, ..BuildOptions::default() };
    images::build(context, draft, wanted, &build, &mut images);

    // Only what runs is replaced: the rest starts with the new image when it is started.
    let services: BTreeSet<_> = affected
        .into_iter()
        .filter(|name| context.containers(name).live.iter().any(super::context::Live::is_up))
        .collect();
    images::for_followers(context, draft, &services, &mut images);
    let resources = resources::see_to(context, draft, &services)?;
    let count = |name: &&ServiceName| u32::try_from(context.containers(name).live.len()).unwrap_or(u32::MAX);
    let manner = Manner {
        named: services.clone(),
        scope: services.clone(),
        recreate: Recreate::Diverged,
        recreate_dependencies: Recreate::Diverged,
        renew_anonymous_volumes: false,
        timeout: options.timeout,
        start: true,
        guarded: true,
        scale: services.iter().map(|name| ((*name).clone(), count(name))).collect(),
    };
    Convergence::new(context, draft, &images, &resources, &manner).services(&services, true)
}

/// Builds images and nothing else.
pub(super) fn build(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &BuildOptions,
) -> Result<(), PlanError> {
    let mut services = named(context.project, &goal.selection)?;
    if options.with_dependencies {
        services = context.graph.with_dependencies(context.project, services);
    }
    let wanted = planned(context, &services)
        .into_iter()
        .filter_map(|name| context.service(name))
        .filter(|service| service.build.is_some())
        .filter(|service| !context.resume.built.contains(&service.image_name(&context.project.name)))
        .map(|service| (service, Cause::Requested))
        .collect();
    images::build(context, draft, wanted, options, &mut Images::default());
    Ok(())
}

/// Pulls images and nothing else.
pub(super) fn pull(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &PullOptions,
) -> Result<(), PlanError> {
    let mut services = named(context.project, &goal.selection)?;
    if options.include_dependencies {
        services = context.graph.with_dependencies(context.project, services);
    }
    let mut pulls: BTreeMap<(&ImageRef, Option<&String>), Vec<&Service>> = BTreeMap::new();
    for service in planned(context, &services).into_iter().filter_map(|name| context.service(name)) {
        let Some(image) = &service.image else { continue };
        let not_wanted = matches!(service.pull_policy, Some(PullPolicy::Never | PullPolicy::Build))
            || (options.ignore_buildable && service.build.is_some())
            || (options.only_missing && context.image(service).is_some())
            || context.resume.pulled.contains(image);
        if !not_wanted {
            pulls.entry((image, service.platform.as_ref())).or_default().push(service);
        }
    }
    for ((image, platform), services) in pulls {
        let names: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
        let group = draft.group(Action::Pull, Subject::Image(image.clone(), names.clone()), Cause::Requested);
        let optional = options.ignore_failures || services.iter().any(|service| service.build.is_some());
        let pull = Operation::Pull { image: image.clone(), services: names, platform: platform.cloned(), optional };
        draft.step(group, pull, &Gate::default());
    }
    Ok(())
}

/// Makes one container beside those of `up`, after what its service depends on runs.
pub(super) fn run(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &RunOptions,
) -> Result<(), PlanError> {
    let selected = match &goal.selection {
        Selection::Services(names) if names.len() == 1 => named(context.project, &goal.selection)?,
        _ => return Err(PlanError::OneService { verb: goal.verb.name() }),
    };
    let Some(service) = selected.first().and_then(|name| context.service(name)) else {
        return Err(PlanError::OneService { verb: goal.verb.name() });
    };
    let mut dependencies = match options.no_deps {
        true => BTreeSet::new(),
        false => context.graph.with_dependencies(context.project, [&service.name]),
    };
    dependencies.remove(&service.name);
    let all: BTreeSet<_> = dependencies.iter().copied().chain([&service.name]).collect();
    check_names(context, &all)?;
    let mut planned = planned(context, &all);
    let run_here = planned.contains(&service.name);
    let build = if options.build { BuildWhen::Always } else { BuildWhen::Missing };
    let images = images::see_to(context, draft, &planned, When { build, pull: options.pull });
    let resources = resources::see_to(context, draft, &planned)?;
    planned.remove(&service.name);
    let manner = Manner {
        named: BTreeSet::new(),
        scope: dependencies,
        recreate: Recreate::Diverged,
        recreate_dependencies: Recreate::Diverged,
        renew_anonymous_volumes: false,
        timeout: None,
        start: true,
        guarded: false,
        scale: BTreeMap::new(),
    };
    let mut convergence = Convergence::new(context, draft, &images, &resources, &manner);
    convergence.services(&planned, false)?;
    let slug = options.slug.as_str();
    let name = options
        .name
        .clone()
        .unwrap_or_else(|| format!("{}-{}-run-{}", context.project.name, service.name, slug.get(..12).unwrap_or(slug)));
    let made_already = context.observed.containers.iter().any(|container| container.oneoff && container.name == name);
    if !run_here || made_already {
        return Ok(());
    }
    let gate = convergence.gate_to_run(service);
    let group = draft.group(Action::Create, subject(&service.name, 0, &name), Cause::Requested);
    let create = CreateContainer {
        service: service.name.clone(),
        number: 0,
        name: name.clone(),
        temporary_name: None,
        replaces: None,
        anonymous: BTreeSet::new(),
        oneoff: Some(Box::new(options.clone())),
    };
    let made = draft.step(group, Operation::Create(create), &gate);
    if options.detach {
        let container = ContainerRef::Made(made);
        let target = Target { service: service.name.clone(), number: 0, name, container };
        draft.step(group, Operation::Start(target), &Gate::needs([made]));
    }
    Ok(())
}
