//! Making a container anew, and what follows from it for the services that depend on it.
//!
//! The replacement exists before anything that works is stopped. A guarded one keeps what it replaces, stopped and renamed,
//! until it has proved itself.

use super::{
    Action, Cause, ContainerRef, CreateContainer, GroupId, Operation, Readiness, Replaced, Rollback, StepId, Target,
    context::Live,
    converge::{Convergence, subject},
    draft::Gate,
    images::{Fate, name_before},
    leftover::{kept_name, replacement_name},
    recreate,
    renew::Renewal,
    resources::existing,
    volumes,
};
use crate::model::{Condition, ContainerState, ObservedContainer, Service};

impl<'a> Convergence<'_, 'a> {
    /// Replaces a container by a new one.
    pub(super) fn recreate(&mut self, service: &'a Service, live: &Live<'_>, cause: Cause) {
        let old = existing(live.container);
        let number = live.container.number;
        let taken_off = self.resources.taken_off(&live.container.id).map(|(_, step)| *step);
        let guarded = self.manner.guarded && live.is_up() && taken_off.is_none() && self.manner.start;
        let now = self.context.image(service);
        let fate = self.images.fate(&service.image_name(&self.context.project.name));
        let image_changes = fate != Fate::Stays || recreate::image_differs(live.container, now);
        let renews = self.volumes_to_renew(service, live.container, image_changes);
        let (carried, renewed) =
            volumes::carried_over(service, live.container, now, self.manner.renew_anonymous_volumes, image_changes);
        let group = self.draft.group(Action::Recreate, subject(&service.name, number, &live.name), cause);

        let mut new = Target { name: live.name.clone(), ..old.clone() };
        let mut made = None;
        match live.replacement.filter(|replacement| renews.is_empty() && self.is_usable(service, replacement)) {
            Some(replacement) => new.container = ContainerRef::Existing(replacement.id.clone()),
            None => {
                let create = CreateContainer {
                    service: service.name.clone(),
                    number,
                    name: live.name.clone(),
                    temporary_name: Some(replacement_name(&live.container.id, &live.name)),
                    replaces: Some(Replaced { container: live.container.id.clone(), volumes: carried.clone() }),
                    anonymous: renews.iter().map(|(volume, _)| volume.key.clone()).collect(),
                    oneoff: None,
                };
                // A useless one has the name that the new one is made under.
                let cleared = live.replacement.map(|useless| {
                    let remove = Operation::Remove { target: existing(useless), volumes: false, force: true };
                    self.draft.step(group, remove, &Gate::default())
                });
                let gate = self.gate_to_create(service).and_step(cleared);
                let step = self.draft.step(group, Operation::Create(create), &gate);
                new.container = ContainerRef::Made(step);
                made = Some(step);
            }
        }
        let ready = if self.manner.start { self.gate_to_start(&service.name) } else { Gate::default() };
        let mut last = ready.and_step(made);
        if taken_off.is_some() {
            last = last.and_step(taken_off);
        } else if live.is_up() {
            let stop = Operation::Stop { target: old.clone(), timeout: self.manner.timeout };
            last = Gate::needs([self.draft.step(group, stop, &last)]);
        }
        let away = if guarded {
            Operation::Rename { target: old.clone(), name: kept_name(&live.container.id, &live.name) }
        } else {
            Operation::Remove { target: old.clone(), volumes: false, force: true }
        };
        let away = self.draft.step(group, away, &last);
        let rename = Operation::Rename { target: new.clone(), name: live.name.clone() };
        let renamed = self.draft.step(group, rename, &Gate::needs([away]));
        let started = self
            .manner
            .start
            .then(|| self.draft.step(group, Operation::Start(new.clone()), &ready.and_step(Some(renamed))));
        let gone = match started.filter(|_| guarded) {
            Some(started) => self.prove(service, live, group, (&old, &new), started, renewed),
            None => away,
        };
        if !renews.is_empty() {
            self.renewals.push(Renewal { service, old, new: new.clone(), volumes: renews, carried, gone, started });
        }
        self.record(&service.name, Some(renamed), started, true);
    }

    /// Whether a replacement that an interrupted recreate left can be used as it is.
    fn is_usable(&self, service: &Service, replacement: &ObservedContainer) -> bool {
        replacement.state == ContainerState::Created
            && self.resources.taken_off(&replacement.id).is_none()
            && self.images.fate(&service.image_name(&self.context.project.name)) == Fate::Stays
            && recreate::diverged(self.context, service, replacement, false).is_none()
    }

    /// The end of a guarded recreate: the old container goes when the new one has proved itself. Gives the step with which it is
    /// gone.
    fn prove(
        &mut self,
        service: &'a Service,
        live: &Live<'_>,
        group: GroupId,
        (old, new): (&Target, &Target),
        started: StepId,
        renewed: bool,
    ) -> StepId {
        let completes = self
            .context
            .graph
            .dependents(&service.name)
            .any(|(_, edge)| edge.condition == Condition::CompletedSuccessfully);
        let prove = Operation::Wait {
            service: service.name.clone(),
            target: Some(new.clone()),
            readiness: Readiness::Proved { completes },
            optional: false,
            timeout: None,
        };
        let mut proved = self.draft.step(group, prove, &Gate::needs([started]));
        let name = service.image_name(&self.context.project.name);
        let image_changed = self.context.image(service).is_none_or(|image| image.id != live.container.image);
        if let Some(before) = name_before(&name).filter(|_| image_changed && service.build.is_some()) {
            let tag = Operation::TagImage { image: live.container.image.clone(), name: before };
            proved = self.draft.step(group, tag, &Gate::needs([proved]));
        }
        // Volumes that were carried over are in use by the new container and survive this; only renewed ones go.
        let remove = Operation::Remove { target: old.clone(), volumes: renewed, force: true };
        let gone = self.draft.step(group, remove, &Gate::needs([proved]));
        self.draft.rollback(
            group,
            Rollback {
                new: new.clone(),
                old: old.clone(),
                start: true,
                image: (image_changed && service.build.is_some()).then(|| (live.container.image.clone(), name)),
            },
        );
        gone
    }

    /// A service that was not asked for follows one that is replaced: made anew where it lives in that one's namespaces,
    /// restarted where `depends_on` says `restart: true`.
    pub(super) fn follow_dependencies(&mut self, service: &'a Service) {
        let name = &service.name;
        let replaced = |shares: bool| {
            let mut dependencies = self.context.graph.dependencies(name);
            dependencies.find(|(dependency, edge)| {
                (edge.shares || (edge.restart && !shares))
                    && self.progress.get(dependency).is_some_and(|progress| progress.replaced)
            })
        };
        let (followed, anew) = match (replaced(true), replaced(false)) {
            (Some((dependency, _)), _) => (dependency, true),
            (None, Some((dependency, _))) => (dependency, false),
            (None, None) => return,
        };
        let cause = Cause::DependencyReplaced(followed.clone());
        for live in self.context.containers(name).live.iter().filter(|live| live.is_up()) {
            if anew {
                self.recreate(service, live, cause.clone());
            } else if !self.context.touched(live.container) {
                let subject = subject(name, live.container.number, &live.name);
                let group = self.draft.group(Action::Restart, subject, cause.clone());
                let gate = self.gate_to_start(name);
                let restart = Operation::Restart { target: existing(live.container), timeout: self.manner.timeout };
                let step = self.draft.step(group, restart, &gate);
                self.record(name, None, Some(step), true);
            }
        }
    }
}
