//! `down`: containers, dependents first; then networks, and volumes and images where that is asked for.

use std::collections::BTreeSet;

use super::{
    Action, Cause, DownOptions, Goal, Operation, PlanError, RemoveImages, Selection, Subject,
    context::Context,
    draft::{Draft, Gate},
    resources::Resources,
    stop::{Chain, every, meant, orphans, remove},
};
use crate::model::{ContainerId, Diagnostic, ObservedNetwork, Service, ServiceName};

/// Stops and removes containers, then networks, and volumes and images where that is asked for.
pub(super) fn down(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &DownOptions,
) -> Result<(), PlanError> {
    let services = meant(context, goal)?;
    let mut chain = Chain::default();
    let mut removed: BTreeSet<&ContainerId> = BTreeSet::new();
    let mut removals = BTreeSet::new();
    for name in context.graph.order().iter().rev() {
        let before = chain.after(context.graph.dependents(name).map(|(name, _)| name));
        let mut steps = BTreeSet::new();
        if services.contains(name) {
            let gate = Gate { needs: BTreeSet::new(), after: before.clone() };
            for container in every(context, name) {
                steps.insert(remove(draft, container, Cause::Requested, options.timeout, options.volumes, &gate));
                removed.insert(&container.id);
            }
        }
        removals.extend(&steps);
        chain.record(name, steps, before);
    }
    if options.remove_orphans {
        // As Compose: those that `run` left go with the orphans.
        let oneoffs = context.observed.containers.iter().filter(|container| container.oneoff);
        for container in context.orphans().chain(oneoffs) {
            let cause = if container.oneoff { Cause::Requested } else { Cause::Orphan };
            removals.insert(remove(draft, container, cause, options.timeout, options.volumes, &Gate::default()));
            removed.insert(&container.id);
        }
    } else {
        orphans(context, draft, &Resources::default(), false, None);
    }
    let gate = Gate::needs(removals);
    down_networks(context, draft, &gate, &removed);
    if options.volumes && goal.selection == Selection::All {
        for volume in context.project.volumes.values().filter(|volume| !volume.external) {
            if context.observed.volumes.iter().any(|known| known.name == volume.name) {
                let group = draft.group(Action::Remove, Subject::Volume(volume.name.clone()), Cause::Requested);
                draft.step(group, Operation::RemoveVolume { name: volume.name.clone() }, &gate);
            }
        }
    }
    if let Some(which) = options.images {
        down_images(context, draft, &services, which, &gate);
    }
    Ok(())
}

/// Removes the project's networks that nobody stays on.
fn down_networks(context: &Context<'_>, draft: &mut Draft, gate: &Gate, removed: &BTreeSet<&ContainerId>) {
    let ours = |network: &&ObservedNetwork| {
        let labels = &network.labels;
        labels.get("com.docker.compose.project").is_some_and(|project| *project == context.project.name.as_str())
            && !context.project.networks.values().any(|known| known.external && known.name == network.name)
    };
    for network in context.observed.networks.iter().filter(ours) {
        let staying = context.observed.containers.iter().filter(|container| !removed.contains(&container.id));
        let staying: Vec<_> = staying.filter(|container| container.networks.contains_key(&network.name)).collect();
        let oneoffs: Vec<_> =
            staying.iter().filter(|container| container.oneoff).map(|container| container.name.as_str()).collect();
        if !oneoffs.is_empty() {
            draft.warn(
                Diagnostic::warning(format!(
                    "network {} stays: {} of `run` is on it",
                    network.name,
                    oneoffs.join(", ")
                ))
                .help("--remove-orphans takes what `run` left away, too"),
            );
        }
        if staying.is_empty() {
            let group = draft.group(Action::Remove, Subject::Network(network.name.clone()), Cause::Requested);
            let (name, id) = (network.name.clone(), network.id.clone());
            draft.step(group, Operation::RemoveNetwork { name, id, containers: Vec::new() }, gate);
        }
    }
}

fn down_images(
    context: &Context<'_>,
    draft: &mut Draft,
    services: &BTreeSet<&ServiceName>,
    which: RemoveImages,
    gate: &Gate,
) {
    let mut seen = BTreeSet::new();
    for service in services.iter().filter_map(|name| context.service(name)) {
        let image = service.image_name(&context.project.name);
        let wanted = match which {
            RemoveImages::All => true,
            RemoveImages::Local => service.image.is_none() || made_here(context, service),
        };
        if wanted && context.observed.images.contains_key(&image) && seen.insert(image.clone()) {
            let subject = Subject::Image(image.clone(), vec![service.name.clone()]);
            let group = draft.group(Action::Remove, subject, Cause::Requested);
            draft.step(group, Operation::RemoveImage { name: image }, gate);
        }
    }
}

/// Whether the image carries the label that builds of this project leave.
fn made_here(context: &Context<'_>, service: &Service) -> bool {
    context
        .image(service)
        .and_then(|image| image.labels.get("com.docker.compose.project"))
        .is_some_and(|project| *project == context.project.name.as_str())
}
