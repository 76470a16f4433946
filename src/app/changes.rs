//! Changes of dependencies that wait for the user: what a service's image was not built from.
//!
//! Facts come with [`Message::Changes`](super::message::Message); here they are only kept and closed. A closed change is
//! known by its digests, so that another edit asks again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    manifest::diff::{Change, DiffLine},
    model::{Digest, PackageChange, ServiceName, Timestamp},
};

/// One manifest that is not what the image was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestDiff {
    /// As shown: `requirements/base.txt`.
    pub name: String,
    /// What it has on disk; `None` when it is gone.
    pub digest: Option<Digest>,
    /// What the change amounts to.
    pub change: Change,
    /// Its text before and after; empty where the old text is not known.
    pub lines: Arc<Vec<DiffLine>>,
}

/// The changes of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChange {
    /// When they were first seen.
    pub since: Timestamp,
    /// Each manifest that changed, by name.
    pub manifests: Vec<ManifestDiff>,
}

impl ServiceChange {
    /// Whether a rebuild is wanted: more than comments and order.
    pub fn wants_rebuild(&self) -> bool {
        self.manifests.iter().any(|manifest| manifest.change.wants_rebuild())
    }

    /// The packages of all its manifests, each once.
    pub fn packages(&self) -> Vec<PackageChange> {
        let all: BTreeSet<_> = self.manifests.iter().flat_map(|manifest| manifest.change.packages()).collect();
        let mut shown: Vec<_> = all.into_iter().cloned().collect();
        shown.sort_by_key(|change| match change {
            PackageChange::Added { .. } => 0,
            PackageChange::Removed { .. } => 1,
            PackageChange::Changed { .. } => 2,
        });
        shown
    }

    /// The manifests' names: `requirements.txt`, or `base.txt, dev.txt`.
    pub fn names(&self) -> String {
        self.manifests.iter().map(|manifest| manifest.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What is on disk, by which a closed change is known again.
    pub fn digests(&self) -> BTreeMap<String, Digest> {
        self.manifests.iter().filter_map(|manifest| Some((manifest.name.clone(), manifest.digest?))).collect()
    }
}

/// Services that wait for the same change: their manifests have the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// By name.
    pub services: Vec<&'a ServiceName>,
    /// Of one of them.
    pub change: &'a ServiceChange,
}

/// The changes of every service that has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    services: BTreeMap<ServiceName, ServiceChange>,
    /// The changes that the user closed, by the digests that were on disk.
    pub ignored: BTreeMap<ServiceName, BTreeMap<String, Digest>>,
}

impl Changes {
    /// Takes the changes as they are now; those that were known keep the moment at which they were first seen. Says
    /// which services have one that they had not.
    pub fn replace(&mut self, mut now: BTreeMap<ServiceName, ServiceChange>) -> Vec<ServiceName> {
        let mut new = Vec::new();
        now.retain(|_, change| !change.manifests.is_empty());
        for (service, change) in &mut now {
            match self.services.get(service) {
                Some(known) if known.manifests == change.manifests => change.since = known.since,
                _ => new.push(service.clone()),
            }
        }
        self.services = now;
        new
    }

    /// The change of a service that waits: known, wanting a rebuild, and not closed.
    pub fn waiting(&self, service: &ServiceName) -> Option<&ServiceChange> {
        self.of(service).filter(|change| change.wants_rebuild() && !self.is_ignored(service, change))
    }

    /// The change of a service, closed or not.
    pub fn of(&self, service: &ServiceName) -> Option<&ServiceChange> {
        self.services.get(service)
    }

    fn is_ignored(&self, service: &ServiceName, change: &ServiceChange) -> bool {
        self.ignored.get(service).is_some_and(|ignored| *ignored == change.digests())
    }

    /// The services with a change that waits, those with the same one together.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for service in self.services.keys() {
            let Some(change) = self.waiting(service) else { continue };
            match groups.iter_mut().find(|group| group.change.manifests == change.manifests) {
                Some(group) => group.services.push(service),
                None => groups.push(Group { services: vec![service], change }),
            }
        }
        groups
    }

    /// Closes the change of these services until their manifests change again.
    pub fn ignore(&mut self, services: &[ServiceName]) {
        for service in services {
            if let Some(change) = self.services.get(service) {
                self.ignored.insert(service.clone(), change.digests());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ServiceName {
        ServiceName::new(name).unwrap()
    }

    fn change(digest: u8, packages: Vec<PackageChange>) -> ServiceChange {
        let change = if packages.is_empty() {
            Change::CommentsOnly
        } else {
            Change::Declared { packages, settings: Vec::new() }
        };
        let digest = Some(Digest([digest; 32]));
        let manifest = ManifestDiff { name: "requirements.txt".into(), digest, change, lines: Arc::default() };
        ServiceChange { since: Timestamp(u8::from(digest.is_some()).into()), manifests: vec![manifest] }
    }

    fn added() -> Vec<PackageChange> {
        vec![PackageChange::Added { name: "humanize".into(), version: "4".into() }]
    }

    #[test]
    fn services_with_the_same_change_wait_together() {
        let mut changes = Changes::default();
        let now = BTreeMap::from([
            (name("web"), change(1, added())),
            (name("worker"), change(1, added())),
            (name("docs"), change(2, Vec::new())),
        ]);
        assert_eq!(changes.replace(now.clone()).len(), 3);
        assert_eq!(changes.replace(now).len(), 0);
        let groups = changes.groups();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].services, [&name("web"), &name("worker")]);
        assert!(changes.waiting(&name("docs")).is_none(), "comments want no rebuild");
    }

    #[test]
    fn a_closed_change_stays_closed_until_the_next_edit() {
        let mut changes = Changes::default();
        changes.replace(BTreeMap::from([(name("web"), change(1, added()))]));
        changes.ignore(&[name("web")]);
        assert!(changes.waiting(&name("web")).is_none());
        changes.replace(BTreeMap::from([(name("web"), change(2, added()))]));
        assert!(changes.waiting(&name("web")).is_some());
    }
}
