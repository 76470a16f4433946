//! Named volumes over installed dependencies, renewed with the image: an old virtualenv would hide what the new image installed.
//!
//! The old container keeps its volume until the new one, which runs on an anonymous one meanwhile, has proved itself; only when
//! nobody needs what is in it is the volume made anew, and the container with it. No other named volume is ever touched.

use std::collections::BTreeMap;

use super::{
    Action, Cause, CreateContainer, Operation, Replaced, StepId, Subject, Target,
    converge::{Convergence, subject},
    draft::Gate,
    images::Fate,
    leftover::replacement_name,
    recreate, volumes,
};
use crate::model::{Diagnostic, ObservedContainer, Service, Volume};

/// A container that is without volumes of its service until these are renewed.
pub(super) struct Renewal<'a> {
    pub service: &'a Service,
    /// The container that had them.
    pub old: Target,
    /// The one that runs without them.
    pub new: Target,
    /// They, and where they are mounted.
    pub volumes: Vec<(&'a Volume, &'a str)>,
    /// Anonymous volumes that go on: path inside -> volume.
    pub carried: BTreeMap<String, String>,
    /// The step with which the old container is gone.
    pub gone: StepId,
    /// The step that starts the new one, where it is started.
    pub started: Option<StepId>,
}

impl<'a> Convergence<'_, 'a> {
    /// The volumes that are renewed when a container is made anew: with its image, or because a run that did so was interrupted.
    /// One that another container needs as it is is left, and that is said.
    pub(super) fn volumes_to_renew(
        &mut self,
        service: &'a Service,
        container: &ObservedContainer,
        image_changes: bool,
    ) -> Vec<(&'a Volume, &'a str)> {
        let mut found = volumes::of_dependencies(self.context, service);
        found.retain(|(_, target)| image_changes || volumes::stands_in(container, target));
        found.retain(|(volume, target)| {
            let has = |other: &&ObservedContainer| {
                other.mounts.iter().any(|mount| mount.volume.as_ref() == Some(&volume.name))
            };
            let others = self.context.observed.containers.iter().filter(has);
            let names: Vec<_> =
                others.filter(|other| !self.goes_with_its_image(other)).map(|other| other.name.as_str()).collect();
            if names.is_empty() {
                return true;
            }
            // what an interrupted run made with the volume was made when that was new already
            if !image_changes {
                return false;
            }
            let what = format!("volume {} covers {target} of {} and is not renewed", volume.name, service.name);
            self.draft.warn(Diagnostic::warning(what).note(format!("{} has it as well", names.join(", "))));
            false
        });
        found
    }

    /// Whether a container is made anew in this plan because its image changes.
    fn goes_with_its_image(&self, container: &ObservedContainer) -> bool {
        let name = &container.service;
        let planned = !container.oneoff && self.manner.scope.contains(name) && self.context.plans(name);
        let Some(service) = self.context.service(name).filter(|_| planned) else { return false };
        let fate = self.images.fate(&service.image_name(&self.context.project.name));
        fate != Fate::Stays || recreate::image_differs(container, self.context.image(service))
    }

    /// Adds the steps that make the volumes anew, and the containers with them.
    pub(super) fn renew_volumes(&mut self) {
        let renewals = std::mem::take(&mut self.renewals);
        let mut renewed: BTreeMap<&str, StepId> = BTreeMap::new();
        for (volume, target) in renewals.iter().flat_map(|renewal| &renewal.volumes) {
            if renewed.contains_key(&*volume.key) {
                continue;
            }
            let mut services = Vec::new();
            let mut gate = Gate::default();
            for renewal in renewals.iter().filter(|other| other.volumes.iter().any(|(one, _)| one.key == volume.key)) {
                gate.needs.extend([renewal.gone].into_iter().chain(renewal.started));
                if !services.contains(&renewal.service.name) {
                    services.push(renewal.service.name.clone());
                }
            }
            let cause = Cause::FromImage(services.clone(), (*target).to_owned());
            let group = self.draft.group(Action::Recreate, Subject::Volume(volume.name.clone()), cause);
            let renew = Operation::RenewVolume { key: volume.key.clone(), name: volume.name.clone(), services };
            renewed.insert(&volume.key, self.draft.step(group, renew, &gate));
        }
        for renewal in renewals {
            let gate = Gate::needs(renewal.volumes.iter().filter_map(|(volume, _)| renewed.get(&*volume.key)).copied());
            self.make_with(renewal, &gate);
        }
    }

    /// Replaces a container that ran without its volumes by one that has them.
    fn make_with(&mut self, renewal: Renewal<'a>, gate: &Gate) {
        let Renewal { service, old, new, volumes, carried, started, .. } = renewal;
        let names: Vec<_> = volumes.iter().map(|(volume, _)| volume.name.as_str()).collect();
        let cause = Cause::VolumeRenewed(names.join(", "));
        let group = self.draft.group(Action::Recreate, subject(&service.name, new.number, &new.name), cause);
        let Some(replaced) = old.existing() else { return };
        let create = CreateContainer {
            service: service.name.clone(),
            number: new.number,
            name: new.name.clone(),
            temporary_name: Some(replacement_name(replaced, &new.name)),
            replaces: Some(Replaced { container: replaced.clone(), volumes: carried }),
            anonymous: std::collections::BTreeSet::new(),
            oneoff: None,
        };
        let mut last = self.draft.step(group, Operation::Create(create), gate);
        let made = Target { container: super::ContainerRef::Made(last), ..new.clone() };
        if started.is_some() {
            let stop = Operation::Stop { target: new.clone(), timeout: self.manner.timeout };
            last = self.draft.step(group, stop, &Gate::needs([last]));
        }
        // Anonymous volumes that go on are in use by the one that was made, and survive this.
        let remove = Operation::Remove { target: new.clone(), volumes: true, force: true };
        last = self.draft.step(group, remove, &Gate::needs([last]));
        let rename = Operation::Rename { target: made.clone(), name: new.name };
        last = self.draft.step(group, rename, &Gate::needs([last]));
        if started.is_some() {
            self.draft.step(group, Operation::Start(made), &Gate::needs([last]));
        }
    }
}
