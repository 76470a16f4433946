//! `stop`, `start`, `restart`, `kill`, `rm`, `pause` and `unpause`: the verbs about containers that are there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Action, Cause, Goal, Operation, PlanError, Readiness, RemoveOptions, Selection, StepId, Subject,
    context::{Context, Live, is_up},
    converge::subject,
    draft::{Draft, Gate},
    resources::{Resources, existing},
    scope::named,
    up::final_readiness,
};
use crate::model::{Condition, ContainerState, Diagnostic, ObservedContainer, ServiceName};

/// Steps of each service while services are gone through in an order, with those of services without steps passed on.
#[derive(Default)]
pub(super) struct Chain<'a>(BTreeMap<&'a ServiceName, BTreeSet<StepId>>);

impl<'a> Chain<'a> {
    pub(super) fn after(&self, before: impl Iterator<Item = &'a ServiceName>) -> BTreeSet<StepId> {
        before.filter_map(|name| self.0.get(name)).flatten().copied().collect()
    }

    pub(super) fn record(&mut self, service: &'a ServiceName, steps: BTreeSet<StepId>, passed_on: BTreeSet<StepId>) {
        self.0.insert(service, if steps.is_empty() { passed_on } else { steps });
    }
}

/// Adds the steps that take a container away. Its last step is given back.
pub(super) fn remove(
    draft: &mut Draft,
    container: &ObservedContainer,
    cause: Cause,
    timeout: Option<Duration>,
    volumes: bool,
    gate: &Gate,
) -> StepId {
    let target = existing(container);
    let group = draft.group(Action::Remove, subject(&container.service, container.number, &container.name), cause);
    let mut gate = gate.clone();
    if is_up(container) {
        let stop = Operation::Stop { target: target.clone(), timeout };
        gate = Gate::needs([draft.step(group, stop, &gate)]);
    }
    draft.step(group, Operation::Remove { target, volumes, force: true }, &gate)
}

/// As [`remove`]; a container that a network's step has stopped before needs no more than that.
pub(super) fn remove_after(
    draft: &mut Draft,
    resources: &Resources,
    container: &ObservedContainer,
    cause: Cause,
    timeout: Option<Duration>,
) {
    let Some((_, taken_off)) = resources.taken_off(&container.id) else {
        remove(draft, container, cause, timeout, false, &Gate::default());
        return;
    };
    let subject = subject(&container.service, container.number, &container.name);
    let group = draft.group(Action::Remove, subject, cause);
    let remove = Operation::Remove { target: existing(container), volumes: false, force: true };
    draft.step(group, remove, &Gate::needs([*taken_off]));
}

/// Names the containers whose service is not in the file, or takes them away.
pub(super) fn orphans(
    context: &Context<'_>,
    draft: &mut Draft,
    resources: &Resources,
    take_away: bool,
    timeout: Option<Duration>,
) {
    let orphans: Vec<_> = context.orphans().collect();
    if take_away {
        for orphan in orphans {
            remove_after(draft, resources, orphan, Cause::Orphan, timeout);
        }
    } else if !orphans.is_empty() {
        let names: Vec<_> = orphans.iter().map(|orphan| orphan.name.as_str()).collect();
        let (what, them) = match names.len() {
            1 => ("a container's service is", "it"),
            _ => ("the services of some containers are", "them"),
        };
        draft.warn(
            Diagnostic::warning(format!("{what} not in this file: {}", names.join(", ")))
                .help(format!("--remove-orphans takes {them} away")),
        );
    }
}

/// The services that a verb about existing containers means. Without a selection those of profiles that are off count too:
/// their containers are as much part of the project.
pub(super) fn meant<'a>(context: &Context<'a>, goal: &Goal) -> Result<BTreeSet<&'a ServiceName>, PlanError> {
    let all = match &goal.selection {
        Selection::All => context.project.services.keys().collect(),
        Selection::Services(_) => named(context.project, &goal.selection)?,
    };
    Ok(all.into_iter().filter(|name| context.plans(name)).collect())
}

/// Every container of a service, leftovers included.
pub(super) fn every<'a>(context: &Context<'a>, service: &ServiceName) -> Vec<&'a ObservedContainer> {
    let containers = context.containers(service);
    let replacements = containers.live.iter().filter_map(|live| live.replacement);
    containers
        .live
        .iter()
        .map(|live| live.container)
        .chain(replacements)
        .chain(containers.leftover.iter().copied())
        .collect()
}

/// Stops containers, dependents first. One that fails to stop doesn't keep the others from it.
pub(super) fn stop(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    timeout: Option<Duration>,
) -> Result<(), PlanError> {
    let services = meant(context, goal)?;
    let mut chain = Chain::default();
    for name in context.graph.order().iter().rev() {
        let before = chain.after(context.graph.dependents(name).map(|(name, _)| name));
        let mut steps = BTreeSet::new();
        if services.contains(name) {
            let gate = Gate { needs: BTreeSet::new(), after: before.clone() };
            for container in every(context, name).into_iter().filter(|container| is_up(container)) {
                let subject = subject(name, container.number, &container.name);
                let group = draft.group(Action::Stop, subject, Cause::Requested);
                steps.insert(draft.step(group, Operation::Stop { target: existing(container), timeout }, &gate));
            }
        }
        chain.record(name, steps, before);
    }
    // Orphans stand outside the order; with everything else they stop too.
    if goal.selection == Selection::All && context.resume.services.is_none() {
        for container in context.orphans().filter(|container| is_up(container)) {
            let subject = subject(&container.service, container.number, &container.name);
            let group = draft.group(Action::Stop, subject, Cause::Orphan);
            draft.step(group, Operation::Stop { target: existing(container), timeout }, &Gate::default());
        }
    }
    Ok(())
}

/// Starts containers that are there, with those of the services that they need.
pub(super) fn start(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    wait: bool,
    wait_timeout: Option<Duration>,
) -> Result<(), PlanError> {
    let selected = named(context.project, &goal.selection)?;
    if let Selection::Services(_) = goal.selection
        && let Some(name) = selected.iter().find(|name| context.containers(name).live.is_empty())
    {
        return Err(PlanError::NoContainer { service: (*name).clone() });
    }
    let scope = context.graph.with_dependencies(context.project, selected);
    let images = super::images::Images::default();
    let resources = Resources::default();
    let count = |name: &&ServiceName| u32::try_from(context.containers(name).live.len()).unwrap_or(u32::MAX);
    let manner = super::converge::Manner {
        named: BTreeSet::new(),
        scope: scope.clone(),
        recreate: super::Recreate::Never,
        recreate_dependencies: super::Recreate::Never,
        renew_anonymous_volumes: false,
        timeout: None,
        start: true,
        guarded: false,
        scale: scope.iter().map(|name| ((*name).clone(), count(name))).collect(),
    };
    let mut convergence = super::converge::Convergence::new(context, draft, &images, &resources, &manner);
    let services = scope.iter().filter(|name| context.plans(name)).copied().collect();
    convergence.services(&services, false)?;
    if wait {
        for name in services.iter().filter(|name| !context.containers(name).live.is_empty()) {
            convergence.wait(name, final_readiness(context, name), false, name, wait_timeout);
        }
    }
    Ok(())
}

/// Restarts containers, and those of services that want to be restarted with them, in order.
pub(super) fn restart(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    timeout: Option<Duration>,
    no_deps: bool,
) -> Result<(), PlanError> {
    let selected = named(context.project, &goal.selection)?;
    let services = if no_deps { selected.clone() } else { context.graph.with_restarted(selected.iter().copied()) };
    let mut restarted: BTreeMap<&ServiceName, BTreeSet<StepId>> = BTreeMap::new();
    for name in context.graph.order().iter().filter(|name| services.contains(*name) && context.plans(name)) {
        let mut gate = Gate::default();
        for (dependency, edge) in context.graph.dependencies(name).filter(|(_, edge)| edge.restart || edge.shares) {
            let Some(steps) = restarted.get(dependency).filter(|steps| !steps.is_empty()) else { continue };
            gate.after.extend(steps);
            if edge.condition == Condition::Healthy {
                let cause = Cause::NeededBy(vec![(*name).clone()]);
                let group = draft.group(Action::Wait, Subject::Service(dependency.clone()), cause);
                let wait = Operation::Wait {
                    service: dependency.clone(),
                    target: None,
                    readiness: Readiness::Condition(edge.condition),
                    optional: !edge.required,
                    timeout: None,
                };
                gate.needs.insert(draft.step(group, wait, &Gate::needs(steps.iter().copied())));
            }
        }
        let cause = match selected.contains(name) {
            true => Cause::Requested,
            false => context
                .graph
                .dependencies(name)
                .find(|(dependency, edge)| (edge.restart || edge.shares) && restarted.contains_key(dependency))
                .map_or(Cause::Requested, |(dependency, _)| Cause::DependencyReplaced(dependency.clone())),
        };
        let mut steps = BTreeSet::new();
        for live in context.containers(name).live.iter().filter(|live| !context.touched(live.container)) {
            // One that was only asked along is left alone when it doesn't run.
            if !selected.contains(name) && !live.is_up() {
                continue;
            }
            let group = draft.group(Action::Restart, subject(name, live.container.number, &live.name), cause.clone());
            let restart = Operation::Restart { target: existing(live.container), timeout };
            steps.insert(draft.step(group, restart, &gate));
        }
        restarted.insert(name, steps);
    }
    Ok(())
}

/// Sends containers a signal.
pub(super) fn kill(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    signal: &str,
    remove_orphans: bool,
) -> Result<(), PlanError> {
    let services = meant(context, goal)?;
    let orphans: Vec<_> = context.orphans().filter(|_| remove_orphans && goal.selection == Selection::All).collect();
    let own = services.iter().flat_map(|name| every(context, name)).filter(|container| is_up(container));
    for container in own.chain(orphans.into_iter().filter(|container| is_up(container))) {
        let subject = subject(&container.service, container.number, &container.name);
        let group = draft.group(Action::Kill, subject, Cause::Requested);
        draft.step(group, Operation::Kill { target: existing(container), signal: signal.to_owned() }, &Gate::default());
    }
    Ok(())
}

/// Removes containers that don't run, or stops and removes all of them.
pub(super) fn rm(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &RemoveOptions,
) -> Result<(), PlanError> {
    for name in meant(context, goal)? {
        for container in every(context, name).into_iter().filter(|container| options.stop || !is_up(container)) {
            remove(draft, container, Cause::Requested, options.timeout, options.volumes, &Gate::default());
        }
    }
    Ok(())
}

/// Freezes running containers, or thaws frozen ones.
pub(super) fn pause(context: &Context<'_>, draft: &mut Draft, goal: &Goal, freeze: bool) -> Result<(), PlanError> {
    let (from, action) = match freeze {
        true => (ContainerState::Running, Action::Pause),
        false => (ContainerState::Paused, Action::Unpause),
    };
    let wanted = |live: &&Live<'_>| live.container.state == from;
    for name in meant(context, goal)? {
        for live in context.containers(name).live.iter().filter(wanted) {
            let group = draft.group(action, subject(name, live.container.number, &live.name), Cause::Requested);
            let target = existing(live.container);
            let operation = if freeze { Operation::Pause(target) } else { Operation::Unpause(target) };
            draft.step(group, operation, &Gate::default());
        }
    }
    Ok(())
}
