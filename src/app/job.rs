//! Which goals run, which wait, and which become one.
//!
//! One job per service: a job has its services for itself until it ends. A goal that overlaps with one waits, merged
//! into one of its kind that waits already, so that many changes during a build end in one more build. Services outside
//! a job are never blocked by it, and the order in which a service's goals were asked for is kept.
//!
//! Which services a goal touches is `plan::scope`'s to say; doing it is `execute`'s.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::ServiceName,
    plan::{Goal, RebuildOptions, RebuildWhat, Verb},
};

/// A job, unique in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A goal with the services that it has for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub goal: Goal,
    /// The services that no other job may touch meanwhile.
    pub services: BTreeSet<ServiceName>,
}

impl Job {
    fn overlaps(&self, services: &BTreeSet<ServiceName>) -> bool {
        !self.services.is_disjoint(services)
    }
}

/// What became of a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made when a key is pressed, and matched at once")]
pub enum Admission {
    /// Start it now.
    Start(Job),
    /// It waits for others.
    Waits {
        /// Its id.
        id: JobId,
        /// The running jobs that it waits for; empty when it waits for waiting ones only.
        behind: Vec<JobId>,
    },
    /// It is part of one that waits already.
    Merged(JobId),
}

/// The jobs of a session.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    running: BTreeMap<JobId, Job>,
    waiting: Vec<Job>,
    last: u64,
}

impl Jobs {
    /// Takes a goal in. `services` are all that it touches.
    pub fn admit(&mut self, goal: Goal, services: BTreeSet<ServiceName>) -> Admission {
        if let Some(id) = self.merge(&goal, &services) {
            return Admission::Merged(id);
        }
        self.last += 1;
        let job = Job { id: JobId(self.last), goal, services };
        let behind: Vec<_> =
            self.running.values().filter(|running| running.overlaps(&job.services)).map(|running| running.id).collect();
        if behind.is_empty() && !self.waiting.iter().any(|waiting| waiting.overlaps(&job.services)) {
            self.running.insert(job.id, job.clone());
            return Admission::Start(job);
        }
        let id = job.id;
        self.waiting.push(job);
        Admission::Waits { id, behind }
    }

    /// Takes a job that ended out, and gives those that can start now, which run from here on.
    pub fn finish(&mut self, id: JobId) -> Vec<Job> {
        self.running.remove(&id);
        let mut started = Vec::new();
        let mut blocked: BTreeSet<ServiceName> =
            self.running.values().flat_map(|job| job.services.iter().cloned()).collect();
        let mut waiting = Vec::with_capacity(self.waiting.len());
        for job in std::mem::take(&mut self.waiting) {
            let free = job.services.is_disjoint(&blocked);
            // Either way its services are spoken for: what was asked for later stays behind it.
            blocked.extend(job.services.iter().cloned());
            if free {
                self.running.insert(job.id, job.clone());
                started.push(job);
            } else {
                waiting.push(job);
            }
        }
        self.waiting = waiting;
        started
    }

    /// Takes a waiting job out before it ran. A running one is cancelled through its token and then finishes.
    pub fn forget(&mut self, id: JobId) -> Option<Job> {
        let index = self.waiting.iter().position(|job| job.id == id)?;
        Some(self.waiting.remove(index))
    }

    /// The jobs that run, oldest first.
    pub fn running(&self) -> impl Iterator<Item = &Job> {
        self.running.values()
    }

    /// The jobs that wait, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &Job> {
        self.waiting.iter()
    }

    /// A job that runs or waits.
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.running.get(&id).or_else(|| self.waiting.iter().find(|job| job.id == id))
    }

    /// The running job that has a service.
    pub fn of(&self, service: &ServiceName) -> Option<&Job> {
        self.running.values().find(|job| job.services.contains(service))
    }

    /// Whether nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// Makes a goal part of a waiting one of its kind, unless one that waits behind that must come first.
    fn merge(&mut self, goal: &Goal, services: &BTreeSet<ServiceName>) -> Option<JobId> {
        let later_is_free =
            |later: &[Job], merged: &BTreeSet<ServiceName>| !later.iter().any(|job| job.overlaps(merged));
        for index in (0..self.waiting.len()).rev() {
            let job = &self.waiting[index];
            let Some(verb) = merged(&job.goal, goal).filter(|_| job.overlaps(services)) else { continue };
            let all: BTreeSet<_> = job.services.union(services).cloned().collect();
            if !later_is_free(&self.waiting[index + 1..], services) {
                continue;
            }
            let job = &mut self.waiting[index];
            job.goal = Goal::new(verb, job.goal.selection.union(&goal.selection));
            job.services = all;
            return Some(job.id);
        }
        None
    }
}

/// The verb that does what both do, where one does.
fn merged(waiting: &Goal, new: &Goal) -> Option<Verb> {
    match (&waiting.verb, &new.verb) {
        (Verb::Rebuild(a), Verb::Rebuild(b)) => Some(Verb::Rebuild(RebuildOptions {
            what: if a.what == RebuildWhat::Changed && b.what == RebuildWhat::Changed {
                RebuildWhat::Changed
            } else {
                RebuildWhat::Selected
            },
            fresh: a.fresh || b.fresh,
            timeout: a.timeout.max(b.timeout),
        })),
        // A one-off container is never the same as another one.
        (Verb::Run(_), _) => None,
        (a, b) => (a == b).then(|| a.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::Selection;

    fn set(names: &str) -> BTreeSet<ServiceName> {
        names.split_whitespace().map(|name| ServiceName::new(name).unwrap()).collect()
    }

    fn goal(verb: &str, names: &str) -> (Goal, BTreeSet<ServiceName>) {
        let verb = match verb {
            "up" => Verb::Up(Default::default()),
            "stop" => Verb::Stop { timeout: None },
            "fresh" => Verb::Rebuild(RebuildOptions { fresh: true, ..Default::default() }),
            _ => Verb::Rebuild(RebuildOptions::default()),
        };
        (Goal::new(verb, Selection::Services(set(names))), set(names))
    }

    /// Admits the lines one after the other, finishes `end N`, and says what happened.
    fn check(script: &str, expected: &str) {
        let mut jobs = Jobs::default();
        let mut said = Vec::new();
        for line in script.split(';').map(str::trim) {
            let (verb, rest) = line.split_once(' ').unwrap();
            if verb == "end" {
                for job in jobs.finish(JobId(rest.parse().unwrap())) {
                    let names: Vec<_> = job.services.iter().map(ServiceName::as_str).collect();
                    said.push(format!("start {} {} {}", job.id.0, job.goal.verb.name(), names.join(" ")));
                }
                continue;
            }
            let (goal, services) = goal(verb, rest);
            said.push(match jobs.admit(goal, services) {
                Admission::Start(job) => format!("start {}", job.id.0),
                Admission::Waits { id, behind } => {
                    format!("{} waits for {:?}", id.0, Vec::from_iter(behind.iter().map(|id| id.0)))
                }
                Admission::Merged(id) => format!("in {}", id.0),
            });
        }
        assert_eq!(said.join("; "), expected);
    }

    #[test]
    fn jobs_that_share_no_service_run_side_by_side() {
        check("up web; stop db", "start 1; start 2");
    }

    #[test]
    fn changes_during_a_build_end_in_one_more() {
        check(
            "rebuild web worker; rebuild web worker; rebuild web; fresh worker; end 1; end 2",
            "start 1; 2 waits for [1]; in 2; in 2; start 2 rebuild web worker",
        );
    }

    #[test]
    fn what_was_asked_for_later_stays_behind() {
        check(
            "up web db; stop web; rebuild db; up web; end 1; end 2",
            "start 1; 2 waits for [1]; 3 waits for [1]; 4 waits for [1]; start 2 stop web; start 3 rebuild db; start 4 up web",
        );
    }

    #[test]
    fn merging_passes_nobody() {
        check(
            "up web; rebuild web db; stop db; rebuild db",
            "start 1; 2 waits for [1]; 3 waits for []; 4 waits for []",
        );
    }

    #[test]
    fn a_waiting_job_can_be_forgotten() {
        let mut jobs = Jobs::default();
        let (up, services) = goal("up", "web");
        jobs.admit(up, services);
        let (stop, services) = goal("stop", "web");
        let Admission::Waits { id, .. } = jobs.admit(stop, services) else { panic!("it waits") };
        assert!(jobs.forget(id).is_some());
        assert!(jobs.forget(JobId(1)).is_none(), "a running one is cancelled, not forgotten");
        assert!(jobs.finish(JobId(1)).is_empty());
        assert!(jobs.is_idle());
    }

    proptest! {
        #[test]
        fn jobs_never_overlap_and_all_end(
            goals in prop::collection::vec((0..4usize, prop::collection::btree_set(0..6u8, 1..4)), 1..30),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut jobs = Jobs::default();
            let mut ends = ends.into_iter();
            let alone = |jobs: &Jobs| {
                let all: Vec<_> = jobs.running().flat_map(|job| job.services.iter()).collect();
                all.len() == all.iter().collect::<BTreeSet<_>>().len()
            };
            for (verb, services) in goals {
                let names = services.iter().map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
                let (goal, services) = goal(["up", "stop", "rebuild", "fresh"][verb], &names);
                jobs.admit(goal, services);
                prop_assert!(alone(&jobs));
                if let Some(index) = ends.next().filter(|index| index.index(2) == 0) {
                    let ids: Vec<_> = jobs.running().map(|job| job.id).collect();
                    jobs.finish(ids[index.index(ids.len())]);
                    prop_assert!(alone(&jobs));
                }
            }
            loop {
                let Some(id) = jobs.running().next().map(|job| job.id) else { break };
                jobs.finish(id);
                prop_assert!(alone(&jobs));
            }
            prop_assert!(jobs.is_idle(), "nothing waits when nothing runs");
        }
    }
}
