//! Which steps are ready, done, failed and skipped. Pure: it is told what happened and says what may begin.
//!
//! A step begins when every step that it needs has ended well and every step that it comes after has ended; it is never
//! begun twice, nor after one of its needs failed. A failed step skips those that need it, directly or not, and nothing else.
//! After a cancel only those begin that put back what the run has taken away: a service is not left down between the stop of
//! its old container and the start of the new one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::ServiceName,
    plan::{GroupId, Operation, Plan, Step, StepId},
};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepState {
    /// Not begun.
    Waiting,
    /// Begun.
    Running,
    /// Ended well.
    Done,
    /// Ended badly.
    Failed,
    /// Will not begin; the step whose failure is to blame, none when the run was cancelled.
    Skipped(Option<StepId>),
}

impl StepState {
    fn ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Skipped(_))
    }
}

/// A plan on its way.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    plan: Plan,
    states: BTreeMap<StepId, StepState>,
    /// The first free numbers of a step and of a group: those of dropped ones are not given again.
    next: (u32, u32),
}

impl Walk {
    pub(super) fn new(plan: Plan) -> Self {
        let states = plan.steps.iter().map(|step| (step.id, StepState::Waiting)).collect();
        let next = after(&plan, (0, 0));
        Self { plan, states, next }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn state(&self, id: StepId) -> Option<StepState> {
        self.states.get(&id).copied()
    }

    /// The steps that may begin now, in the plan's order.
    pub(super) fn ready(&self) -> Vec<StepId> {
        let done = |id: &StepId| self.state(*id) == Some(StepState::Done);
        let ended = |id: &StepId| self.state(*id).is_some_and(StepState::ended);
        let ready = |step: &&Step| {
            self.state(step.id) == Some(StepState::Waiting)
                && step.needs.iter().all(done)
                && step.after.iter().all(ended)
        };
        self.plan.steps.iter().filter(ready).map(|step| step.id).collect()
    }

    /// A step began.
    pub(super) fn start(&mut self, id: StepId) {
        self.states.insert(id, StepState::Running);
    }

    /// A step ended well.
    pub(super) fn done(&mut self, id: StepId) {
        self.states.insert(id, StepState::Done);
    }

    /// A step failed; gives the steps that are skipped for it.
    pub(super) fn failed(&mut self, id: StepId) -> Vec<StepId> {
        self.states.insert(id, StepState::Failed);
        let mut blocked = BTreeSet::from([id]);
        let mut skipped = Vec::new();
        // the plan lists a step after those that it needs, but a plan that was merged need not
        loop {
            let next = self.plan.steps.iter().find(|step| {
                self.state(step.id) == Some(StepState::Waiting) && step.needs.iter().any(|need| blocked.contains(need))
            });
            let Some(step) = next.map(|step| step.id) else { return skipped };
            self.states.insert(step, StepState::Skipped(Some(id)));
            blocked.insert(step);
            skipped.push(step);
        }
    }

    /// Nothing more is to begin but the rest of the groups that have taken something away already, and what that rest needs.
    /// Gives the steps that are skipped.
    pub(super) fn cancel(&mut self) -> Vec<StepId> {
        let going_on = self.going_on();
        let skipped: Vec<_> = self.waiting().map(|step| step.id).filter(|id| !going_on.contains(id)).collect();
        for id in &skipped {
            self.states.insert(*id, StepState::Skipped(None));
        }
        skipped
    }

    fn waiting(&self) -> impl Iterator<Item = &Step> {
        self.plan.steps.iter().filter(|step| self.state(step.id) == Some(StepState::Waiting))
    }

    /// The steps that go on after a cancel.
    fn going_on(&self) -> BTreeSet<StepId> {
        let begun = |step: &&Step| matches!(self.state(step.id), Some(StepState::Running | StepState::Done));
        let begun: Vec<&Step> = self.plan.steps.iter().filter(begun).collect();
        // a removal that comes before the new container is made clears a useless one away: what works is still there
        let to_create: BTreeSet<GroupId> = self
            .waiting()
            .filter(|step| matches!(step.operation, Operation::Create(_)))
            .map(|step| step.group)
            .collect();
        let networks: BTreeSet<StepId> = begun
            .iter()
            .filter(|step| matches!(step.operation, Operation::RemoveNetwork { .. }))
            .map(|step| step.id)
            .collect();
        let mut opened: BTreeSet<GroupId> = begun
            .iter()
            .filter(|step| match step.operation {
                Operation::Stop { .. } | Operation::RemoveNetwork { .. } => true,
                Operation::Remove { .. } => !to_create.contains(&step.group),
                _ => false,
            })
            .map(|step| step.group)
            .collect();
        // the removal of a network stops the containers that are on it
        let stopped = self.waiting().filter(|step| step.needs.iter().any(|need| networks.contains(need)));
        opened.extend(stopped.map(|step| step.group));
        let mut found: BTreeSet<StepId> =
            self.waiting().filter(|step| opened.contains(&step.group)).map(|step| step.id).collect();
        loop {
            let needed: BTreeSet<StepId> = self
                .waiting()
                .filter(|step| found.contains(&step.id))
                .flat_map(|step| step.needs.iter().copied())
                .filter(|need| self.state(*need) == Some(StepState::Waiting) && !found.contains(need))
                .collect();
            if needed.is_empty() {
                return found;
            }
            found.extend(needed);
        }
    }

    pub(super) fn count(&self, wanted: StepState) -> usize {
        self.states.values().filter(|state| **state == wanted).count()
    }

    /// The first free numbers of a step and of a group.
    pub(super) fn next_ids(&self) -> (u32, u32) {
        self.next
    }

    /// Puts a new plan for these services in the place of their steps that have not begun. What others wait for is then
    /// the new steps. Gives the steps that were dropped.
    pub(super) fn replan(&mut self, services: &BTreeSet<ServiceName>, new: Plan) -> Vec<StepId> {
        self.next = after(&new, self.next);
        let replaced: BTreeSet<StepId> = self
            .plan
            .steps
            .iter()
            .filter(|step| self.state(step.id) == Some(StepState::Waiting))
            .filter(|step| step.operation.belongs_to(services))
            .map(|step| step.id)
            .collect();
        let (dropped, mut steps): (Vec<_>, Vec<_>) =
            self.plan.steps.drain(..).partition(|step| replaced.contains(&step.id));
        for step in &dropped {
            self.states.remove(&step.id);
        }
        let mut added = self.adopt(&mut steps, new.steps);
        let heirs: BTreeMap<_, Vec<_>> = dropped
            .iter()
            .map(|step| {
                let heir = |other: &&Step| owner(other).is_some() && owner(other) == owner(step);
                (step.id, added.iter().filter(heir).map(|step| step.id).collect())
            })
            .collect();
        for step in &mut steps {
            inherit(&mut step.needs, &heirs);
            inherit(&mut step.after, &heirs);
            // a wait for one of these services, asked for by others, comes after its new steps
            if let Operation::Wait { service, target: None, .. } = &step.operation
                && services.contains(service)
                && self.states.get(&step.id) == Some(&StepState::Waiting)
            {
                let own = added.iter().filter(|added| owner(added) == Some(service)).map(|added| added.id);
                step.needs.extend(own);
                step.needs.sort_unstable();
                step.needs.dedup();
            }
        }
        for step in &added {
            self.states.insert(step.id, StepState::Waiting);
        }
        steps.append(&mut added);
        let mut groups = std::mem::take(&mut self.plan.groups);
        groups.extend(new.groups);
        let used: BTreeSet<GroupId> = steps.iter().map(|step| step.group).collect();
        groups.retain(|group| used.contains(&group.id));
        let mut kept = std::mem::take(&mut self.plan.kept);
        kept.retain(|kept| !services.contains(&kept.service));
        kept.extend(new.kept);
        let mut warnings = std::mem::take(&mut self.plan.warnings);
        for warning in new.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        self.plan = Plan { goal: new.goal, steps, groups, kept, warnings };
        dropped.into_iter().map(|step| step.id).collect()
    }

    /// The new steps that are not there already: networks, volumes and waits of the run's other part are not done twice.
    /// A new wait for a service of the other part comes after that service's steps.
    fn adopt(&self, known: &mut [Step], new: Vec<Step>) -> Vec<Step> {
        let mut same: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        let mut added: Vec<Step> = Vec::new();
        for mut step in new {
            let shared = owner(&step).is_none();
            let twin = known.iter().find(|other| shared && other.operation == step.operation);
            if let Some(twin) =
                twin.filter(|twin| !matches!(self.state(twin.id), Some(StepState::Failed | StepState::Skipped(_))))
            {
                same.insert(step.id, vec![twin.id]);
                continue;
            }
            inherit(&mut step.needs, &same);
            inherit(&mut step.after, &same);
            if let Operation::Wait { service, .. } = &step.operation {
                let pending = known.iter().filter(|other| {
                    owner(other) == Some(service) && !self.state(other.id).is_some_and(StepState::ended)
                });
                step.needs.extend(pending.map(|other| other.id));
            }
            added.push(step);
        }
        added
    }
}

/// The first numbers of a step and of a group that are neither in a plan nor before `next`.
fn after(plan: &Plan, next: (u32, u32)) -> (u32, u32) {
    let step = plan.steps.iter().map(|step| step.id.0 + 1).max().unwrap_or(0);
    let group = plan.groups.iter().map(|group| group.id.0 + 1).max().unwrap_or(0);
    (step.max(next.0), group.max(next.1))
}

/// The service that a step belongs to: whose containers it changes, or the replaced container that it waits for. A wait
/// for a service as a dependency belongs to nobody.
fn owner(step: &Step) -> Option<&ServiceName> {
    match &step.operation {
        Operation::Wait { target: None, .. } => None,
        operation => operation.service(),
    }
}

/// Replaces steps by those that came in their place.
fn inherit(ids: &mut Vec<StepId>, heirs: &BTreeMap<StepId, Vec<StepId>>) {
    if ids.iter().any(|id| heirs.contains_key(id)) {
        let replaced = ids.iter().flat_map(|id| heirs.get(id).cloned().unwrap_or_else(|| vec![*id]));
        let unique: BTreeSet<_> = replaced.collect();
        *ids = unique.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::Condition,
        plan::{Action, Cause, ContainerRef, CreateContainer, Goal, Group, Readiness, Subject, Target},
    };

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).unwrap()
    }

    fn target(service: &str) -> Target {
        Target {
            service: name(service),
            number: 1,
            name: format!("p-{service}-1"),
            container: ContainerRef::Existing(service.into()),
        }
    }

    fn start(id: u32, service: &str, needs: &[u32], after: &[u32]) -> Step {
        step(id, Operation::Start(target(service)), needs, after)
    }

    fn stop(id: u32, service: &str, needs: &[u32]) -> Step {
        step(id, Operation::Stop { target: target(service), timeout: None }, needs, &[])
    }

    fn remove(id: u32, service: &str, needs: &[u32]) -> Step {
        step(id, Operation::Remove { target: target(service), volumes: false, force: true }, needs, &[])
    }

    fn create(id: u32, service: &str, needs: &[u32]) -> Step {
        let create = CreateContainer {
            service: name(service),
            number: 1,
            name: format!("p-{service}-1"),
            temporary_name: None,
            replaces: None,
            anonymous: BTreeSet::new(),
            oneoff: None,
        };
        step(id, Operation::Create(create), needs, &[])
    }

    /// The same step in this group.
    fn of(group: u32, step: Step) -> Step {
        Step { group: GroupId(group), ..step }
    }

    fn wait(id: u32, service: &str, needs: &[u32]) -> Step {
        let operation = Operation::Wait {
            service: name(service),
            target: None,
            readiness: Readiness::Condition(Condition::Healthy),
            optional: false,
            timeout: None,
        };
        step(id, operation, needs, &[])
    }

    fn step(id: u32, operation: Operation, needs: &[u32], after: &[u32]) -> Step {
        let ids = |ids: &[u32]| ids.iter().map(|id| StepId(*id)).collect();
        Step { id: StepId(id), group: GroupId(id), operation, needs: ids(needs), after: ids(after) }
    }

    fn plan(steps: Vec<Step>) -> Plan {
        let groups = steps
            .iter()
            .map(|step| Group {
                id: step.group,
                action: Action::Start,
                subject: Subject::Service(name("x")),
                cause: Cause::Requested,
                rollback: None,
            })
            .collect();
        Plan { goal: Goal::up(), steps, groups, kept: Vec::new(), warnings: Vec::new() }
    }

    fn ids(numbers: &[u32]) -> Vec<StepId> {
        numbers.iter().map(|id| StepId(*id)).collect()
    }

    #[test]
    fn a_failure_skips_what_needs_it_and_nothing_else() {
        let steps =
            vec![start(0, "a", &[], &[]), start(1, "b", &[0], &[]), start(2, "c", &[1], &[]), start(3, "d", &[], &[0])];
        let mut walk = Walk::new(plan(steps));
        assert_eq!(walk.ready(), ids(&[0]));
        walk.start(StepId(0));
        assert_eq!(walk.failed(StepId(0)), ids(&[1, 2]));
        assert_eq!(walk.ready(), ids(&[3]), "what only comes after it goes on");
        walk.start(StepId(3));
        walk.done(StepId(3));
        assert!(walk.states.values().all(|state| state.ended()));
    }

    #[test]
    fn a_new_plan_takes_the_place_of_steps_that_have_not_begun() {
        let mut walk = Walk::new(plan(vec![
            start(0, "db", &[], &[]),
            wait(1, "db", &[0]),
            start(2, "web", &[1], &[]),
            wait(3, "web", &[2]),
            start(4, "proxy", &[3], &[]),
        ]));
        walk.start(StepId(0));
        let new = plan(vec![wait(5, "db", &[]), start(6, "web", &[5], &[]), start(7, "web", &[6], &[])]);
        assert_eq!(walk.replan(&BTreeSet::from([name("web")]), new), ids(&[2]));
        let needs = |id: u32| walk.plan().step(StepId(id)).map(|step| step.needs.clone());
        assert_eq!(needs(5), None, "the wait for db is there already");
        assert_eq!(needs(6), Some(ids(&[1])));
        assert_eq!(needs(3), Some(ids(&[6, 7])), "proxy waits for web's new steps");
        assert_eq!(walk.next_ids(), (8, 8));
    }

    #[test]
    fn a_new_wait_comes_after_the_steps_of_the_service_it_waits_for() {
        let mut walk = Walk::new(plan(vec![start(0, "db", &[], &[]), start(1, "web", &[], &[])]));
        walk.replan(&BTreeSet::from([name("web")]), plan(vec![wait(2, "db", &[]), start(3, "web", &[2], &[])]));
        assert_eq!(walk.ready(), ids(&[0]));
    }

    /// Two recreates, the second behind the first; the steps in `done` are done and the one in `running` runs.
    fn cancelled(done: &[u32], running: u32, expected: &[u32]) {
        let recreate = |group: u32, service: &str, needs: &[u32]| {
            let first = group * 10;
            vec![
                of(group, create(first, service, needs)),
                of(group, stop(first + 1, service, &[first])),
                of(group, remove(first + 2, service, &[first + 1])),
                of(group, start(first + 3, service, &[first + 2], &[])),
            ]
        };
        let mut steps = recreate(0, "db", &[]);
        steps.extend(recreate(1, "web", &[3]));
        let mut walk = Walk::new(plan(steps));
        for id in ids(done) {
            walk.start(id);
            walk.done(id);
        }
        walk.start(StepId(running));
        assert_eq!(walk.cancel(), ids(expected), "{running} runs");
        walk.done(StepId(running));
        while let Some(id) = walk.ready().first().copied() {
            walk.start(id);
            walk.done(id);
        }
        assert!(walk.states.values().all(|state| state.ended()));
    }

    #[test]
    fn a_cancel_lets_a_recreate_that_has_stopped_its_container_go_on_and_nothing_else() {
        cancelled(&[], 0, &[1, 2, 3, 10, 11, 12, 13]);
        cancelled(&[0], 1, &[10, 11, 12, 13]);
        cancelled(&[0, 1], 2, &[10, 11, 12, 13]);
        cancelled(&[0, 1, 2], 3, &[10, 11, 12, 13]);
        cancelled(&[0, 1, 2, 3, 10], 11, &[]);
    }

    #[test]
    fn a_cancel_after_a_useless_replacement_was_cleared_away_makes_no_other() {
        let steps = vec![of(0, remove(0, "web", &[])), of(0, create(1, "web", &[0])), of(0, stop(2, "web", &[1]))];
        let mut walk = Walk::new(plan(steps));
        walk.start(StepId(0));
        assert_eq!(walk.cancel(), ids(&[1, 2]));
    }

    #[test]
    fn a_cancel_puts_back_what_was_taken_off_a_network() {
        let network =
            Operation::RemoveNetwork { id: "n".into(), name: "p_default".into(), containers: vec![target("web")] };
        let mut walk = Walk::new(plan(vec![
            step(0, network, &[], &[]),
            of(1, create(1, "web", &[4])),
            of(1, remove(2, "web", &[0, 1])),
            of(1, start(3, "web", &[2], &[])),
            start(4, "db", &[], &[]),
            start(5, "proxy", &[3], &[]),
        ]));
        walk.start(StepId(0));
        assert_eq!(walk.cancel(), ids(&[5]), "also what its new container needs goes on");
        assert_eq!(walk.ready(), ids(&[4]));
    }

    proptest! {
        /// Whatever fails, in whatever order steps end, and whenever it is cancelled: nothing begins early, twice, or after a
        /// failed need, a group that has stopped something ends, and the walk comes to its end.
        #[test]
        fn never_early_never_twice_never_after_a_failure(
            edges in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..20),
            stops in prop::collection::vec(any::<bool>(), 20),
            choices in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8), 64),
            cancel_after in 0..40usize,
        ) {
            let steps: Vec<_> = edges.iter().enumerate().map(|(id, before)| {
                let before: BTreeSet<u32> = if id == 0 { BTreeSet::new() } else {
                    before.iter().map(|index| u32::try_from(index.index(id)).unwrap()).collect()
                };
                let (needs, after): (Vec<u32>, Vec<u32>) = before.into_iter().partition(|id| id % 2 == 0);
                let id = u32::try_from(id).unwrap();
                let step = if stops[id as usize] { stop(id, "a", &needs) } else { start(id, "a", &needs, &after) };
                of(id / 3, step)
            }).collect();
            let mut walk = Walk::new(plan(steps.clone()));
            let mut begun = BTreeSet::new();
            let mut failed = BTreeSet::new();
            let mut running: Vec<StepId> = Vec::new();
            let mut cancelled = BTreeSet::new();
            for (turn, (pick, outcome)) in choices.iter().cycle().enumerate() {
                if turn == cancel_after {
                    cancelled.extend(walk.cancel());
                    for step in &steps {
                        let opened = steps.iter().any(|other| {
                            other.group == step.group
                                && matches!(other.operation, Operation::Stop { .. })
                                && matches!(walk.state(other.id), Some(StepState::Running | StepState::Done))
                        });
                        prop_assert!(!opened || !cancelled.contains(&step.id), "{} is left half-way", step.id);
                    }
                }
                for id in walk.ready() {
                    let step = &steps[id.0 as usize];
                    prop_assert!(begun.insert(id), "{id} began twice");
                    prop_assert!(!cancelled.contains(&id), "{id} began after it was cancelled");
                    prop_assert!(step.needs.iter().all(|need| begun.contains(need) && !failed.contains(need)));
                    prop_assert!(step.needs.iter().chain(&step.after).all(|other| !running.contains(other)));
                    walk.start(id);
                    running.push(id);
                }
                if running.is_empty() { break; }
                let id = running.swap_remove(pick.index(running.len()));
                if *outcome == 0 {
                    failed.insert(id);
                    failed.extend(walk.failed(id));
                } else {
                    walk.done(id);
                }
            }
            prop_assert!(walk.states.values().all(|state| state.ended()));
            prop_assert_eq!(walk.count(StepState::Done) + failed.len() + cancelled.len(), steps.len());
        }
    }
}
