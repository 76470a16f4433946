//! A plan while it is being written: hands out ids and keeps steps, groups, kept services and warnings.

use std::collections::BTreeSet;

use super::{Action, Cause, Goal, Group, GroupId, Kept, Operation, Plan, Rollback, Step, StepId, Subject};
use crate::model::{Diagnostic, ServiceName};

/// What must have ended before a step begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gate {
    /// Ended well.
    pub needs: BTreeSet<StepId>,
    /// Ended, however.
    pub after: BTreeSet<StepId>,
}

impl Gate {
    /// A gate of steps that must have ended well.
    pub fn needs(steps: impl IntoIterator<Item = StepId>) -> Self {
        Self { needs: steps.into_iter().collect(), after: BTreeSet::new() }
    }

    /// Both gates in one.
    #[must_use]
    pub fn and(&self, other: &Gate) -> Gate {
        Gate {
            needs: self.needs.union(&other.needs).copied().collect(),
            after: self.after.union(&other.after).copied().collect(),
        }
    }

    /// The same gate with one more step that must have ended well.
    #[must_use]
    pub fn and_step(&self, step: Option<StepId>) -> Gate {
        let mut gate = self.clone();
        gate.needs.extend(step);
        gate
    }
}

/// The plan so far.
#[derive(Debug)]
pub(super) struct Draft {
    steps: Vec<Step>,
    groups: Vec<Group>,
    kept: Vec<Kept>,
    warnings: Vec<Diagnostic>,
    next_step: u32,
    next_group: u32,
}

impl Draft {
    /// An empty plan whose ids begin with these.
    pub fn new(first_step: u32, first_group: u32) -> Self {
        Self {
            steps: Vec::new(),
            groups: Vec::new(),
            kept: Vec::new(),
            warnings: Vec::new(),
            next_step: first_step,
            next_group: first_group,
        }
    }

    /// Opens a group of steps.
    pub fn group(&mut self, action: Action, subject: Subject, cause: Cause) -> GroupId {
        let id = GroupId(self.next_group);
        self.next_group += 1;
        self.groups.push(Group { id, action, subject, cause, rollback: None });
        id
    }

    /// Adds a step to a group.
    pub fn step(&mut self, group: GroupId, operation: Operation, gate: &Gate) -> StepId {
        let id = StepId(self.next_step);
        self.next_step += 1;
        let needs = gate.needs.iter().copied().collect();
        let after = gate.after.difference(&gate.needs).copied().collect();
        self.steps.push(Step { id, group, operation, needs, after });
        id
    }

    /// Gives a group its way back.
    pub fn rollback(&mut self, group: GroupId, rollback: Rollback) {
        if let Some(group) = self.groups.iter_mut().find(|known| known.id == group) {
            group.rollback = Some(Box::new(rollback));
        }
    }

    /// Adds a service to those that a group is needed by.
    pub fn needed_by(&mut self, group: GroupId, service: &ServiceName) {
        if let Some(Cause::NeededBy(services)) =
            self.groups.iter_mut().find(|known| known.id == group).map(|group| &mut group.cause)
            && !services.contains(service)
        {
            services.push(service.clone());
        }
    }

    /// Says why nothing is done to a service.
    pub fn keep(&mut self, service: &ServiceName, cause: Cause) {
        self.kept.push(Kept { service: service.clone(), cause });
    }

    /// Tells the user something.
    pub fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }

    /// The plan.
    pub fn finish(self, goal: Goal) -> Plan {
        Plan { goal, steps: self.steps, groups: self.groups, kept: self.kept, warnings: self.warnings }
    }
}
