//! Who needs whom: `depends_on` and everything else that ties services together, as one graph without circles.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanError;
use crate::model::{Condition, Networking, Project, Service, ServiceName};

/// Why and how a service needs another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// What must hold before it starts.
    pub condition: Condition,
    /// It is restarted when the other one is replaced or restarted.
    pub restart: bool,
    /// Without the other one it doesn't start.
    pub required: bool,
    /// It refers to the other one's container, which must be there when its own is made.
    pub refers: bool,
    /// It lives in the other one's namespaces or volumes, and so is made anew with it.
    pub shares: bool,
}

/// The services of a project and their dependencies.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    edges: BTreeMap<&'a ServiceName, BTreeMap<&'a ServiceName, Edge>>,
    dependents: BTreeMap<&'a ServiceName, Vec<&'a ServiceName>>,
    /// Dependencies first; by name where nothing else decides.
    order: Vec<&'a ServiceName>,
}

/// The services that a service names outside `depends_on`, with what the name means (compose-go's normalisation).
fn implied(service: &Service) -> impl Iterator<Item = (&str, Edge)> {
    let started = Edge { condition: Condition::Started, restart: true, required: true, refers: true, shares: true };
    let network = match &service.networking {
        Networking::Service(name) => Some(name.as_str()),
        _ => None,
    };
    let namespaces = [&service.ipc, &service.pid, &service.uts, &service.cgroup]
        .into_iter()
        .filter_map(|mode| mode.as_deref()?.strip_prefix("service:"));
    let links = service
        .links
        .iter()
        .map(|link| link.split(':').next().unwrap_or(link))
        .map(move |name| (name, Edge { shares: false, ..started }));
    let volumes = service
        .volumes_from
        .iter()
        .filter(|from| !from.starts_with("container:"))
        .map(|from| from.split(':').next().unwrap_or(from))
        .map(move |name| (name, Edge { restart: false, ..started }));
    network.into_iter().chain(namespaces).map(move |name| (name, started)).chain(links).chain(volumes)
}

impl<'a> Graph<'a> {
    /// Reads the graph of a project.
    ///
    /// # Errors
    /// A required dependency that is not in the file, or a circle.
    pub fn new(project: &'a Project) -> Result<Self, PlanError> {
        let mut edges = BTreeMap::new();
        for service in project.services.values() {
            edges.insert(&service.name, edges_of(project, service)?);
        }
        let mut dependents: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (service, needed) in &edges {
            for dependency in needed.keys() {
                dependents.entry(*dependency).or_default().push(*service);
            }
        }
        let order = sort(&edges)?;
        Ok(Self { edges, dependents, order })
    }

    /// What a service needs.
    pub fn dependencies(&self, service: &ServiceName) -> impl Iterator<Item = (&'a ServiceName, Edge)> + '_ {
        self.edges.get(service).into_iter().flatten().map(|(name, edge)| (*name, *edge))
    }

    /// Who needs a service.
    pub fn dependents<'s>(&'s self, service: &'s ServiceName) -> impl Iterator<Item = (&'a ServiceName, Edge)> + 's {
        let who = self.dependents.get(service).into_iter().flatten();
        who.filter_map(move |name| Some((*name, *self.edges.get(name)?.get(service)?)))
    }

    /// All services, dependencies first.
    pub fn order(&self) -> &[&'a ServiceName] {
        &self.order
    }

    /// The services and all that they need. An optional dependency counts when its profiles are in force.
    pub fn with_dependencies(
        &self,
        project: &'a Project,
        services: impl IntoIterator<Item = &'a ServiceName>,
    ) -> BTreeSet<&'a ServiceName> {
        let mut found = BTreeSet::new();
        let mut open: Vec<_> = services.into_iter().collect();
        while let Some(service) = open.pop() {
            if found.insert(service) {
                let wanted = |name: &ServiceName, edge: Edge| {
                    edge.required || project.services.get(name).is_some_and(|service| service.enabled)
                };
                open.extend(
                    self.dependencies(service).filter(|(name, edge)| wanted(name, *edge)).map(|(name, _)| name),
                );
            }
        }
        found
    }

    /// The services and all that are restarted or made anew with them, in turn.
    pub fn with_restarted(&self, services: impl IntoIterator<Item = &'a ServiceName>) -> BTreeSet<&'a ServiceName> {
        self.with_dependents(services, |edge| edge.restart || edge.shares)
    }

    /// The services and all that live in their namespaces or volumes, in turn.
    pub fn with_sharing(&self, services: impl IntoIterator<Item = &'a ServiceName>) -> BTreeSet<&'a ServiceName> {
        self.with_dependents(services, |edge| edge.shares)
    }

    fn with_dependents(
        &self,
        services: impl IntoIterator<Item = &'a ServiceName>,
        follows: impl Fn(Edge) -> bool,
    ) -> BTreeSet<&'a ServiceName> {
        let mut found = BTreeSet::new();
        let mut open: Vec<_> = services.into_iter().collect();
        while let Some(service) = open.pop() {
            if found.insert(service) {
                open.extend(self.dependents(service).filter(|(_, edge)| follows(*edge)).map(|(name, _)| name));
            }
        }
        found
    }
}

fn edges_of<'a>(project: &'a Project, service: &'a Service) -> Result<BTreeMap<&'a ServiceName, Edge>, PlanError> {
    let mut edges: BTreeMap<&ServiceName, Edge> = BTreeMap::new();
    let unknown = |name: &str| -> PlanError {
        // A name that is no service name can't be one of the file either: it is shown as it stands.
        PlanError::UnknownDependency { service: service.name.clone(), dependency: name.to_owned() }
    };
    for (name, dependency) in &service.depends_on {
        match project.services.get_key_value(name) {
            Some((name, _)) => {
                let edge = Edge {
                    condition: dependency.condition,
                    restart: dependency.restart,
                    required: dependency.required,
                    refers: false,
                    shares: false,
                };
                edges.insert(name, edge);
            }
            None if dependency.required => return Err(unknown(name.as_str())),
            None => {}
        }
    }
    for (name, edge) in implied(service) {
        let (name, _) = project.services.get_key_value(name).ok_or_else(|| unknown(name))?;
        edges
            .entry(name)
            .and_modify(|known| {
                known.refers = true;
                known.shares |= edge.shares;
            })
            .or_insert(edge);
    }
    Ok(edges)
}

/// Dependencies first, without recursion: a file may have thousands of services in a row.
fn sort<'a>(
    edges: &BTreeMap<&'a ServiceName, BTreeMap<&'a ServiceName, Edge>>,
) -> Result<Vec<&'a ServiceName>, PlanError> {
    let mut order = Vec::with_capacity(edges.len());
    let mut done: BTreeSet<&ServiceName> = BTreeSet::new();
    for start in edges.keys() {
        // The way from `start` to here, each with the dependencies that are still to be looked at.
        let mut way: Vec<(&'a ServiceName, Vec<&'a ServiceName>)> = Vec::new();
        let mut next = Some(*start);
        loop {
            if let Some(service) = next.take() {
                if let Some(at) = way.iter().position(|(on, _)| *on == service) {
                    let path = way[at..].iter().map(|(name, _)| (*name).clone()).chain([service.clone()]).collect();
                    return Err(PlanError::Cycle { path });
                }
                if !done.contains(service) {
                    let open = edges.get(service).into_iter().flatten().map(|(name, _)| *name).rev().collect();
                    way.push((service, open));
                }
            }
            let Some((service, open)) = way.last_mut() else { break };
            match open.pop() {
                Some(dependency) => next = Some(dependency),
                None => {
                    done.insert(service);
                    order.push(*service);
                    way.pop();
                }
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{project, service};

    fn check(services: &[(&str, &str)], expected: &str) {
        let project =
            project(services.iter().map(|(name, needs)| {
                needs.split_whitespace().fold(service(name), |service, need| service.needs(need))
            }));
        let said = match Graph::new(&project) {
            Ok(graph) => graph.order().iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn dependencies_come_first() {
        check(&[("web", "db cache"), ("db", ""), ("cache", ""), ("proxy", "web")], "cache db web proxy");
    }

    #[test]
    fn a_circle_is_named_with_its_way() {
        check(&[("a", "b"), ("b", "c"), ("c", "b")], "dependency cycle: b → c → b");
        check(&[("a", "a")], "dependency cycle: a → a");
    }

    #[test]
    fn a_long_row_of_services_is_sorted_too() {
        let names: Vec<_> = (0..3000).map(|n| format!("s{n:04}")).collect();
        let project = project(names.iter().enumerate().map(|(n, name)| match names.get(n + 1) {
            Some(next) => service(name).needs(next),
            None => service(name),
        }));
        let graph = Graph::new(&project).unwrap();
        assert_eq!(graph.order().first().map(|name| name.as_str()), Some("s2999"));
    }

    #[test]
    fn what_a_service_refers_to_comes_first() {
        let project = project([
            service("a").with(|s| s.networking = Networking::Service(ServiceName::new("b").unwrap())),
            service("b").with(|s| s.volumes_from = vec!["c:ro".into(), "container:other".into()]),
            service("c").with(|s| s.links = vec!["d:alias".into()]),
            service("d").with(|s| s.pid = Some("service:e".into())),
            service("e"),
        ]);
        let graph = Graph::new(&project).unwrap();
        assert_eq!(graph.order().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["e", "d", "c", "b", "a"]);
        assert!(graph.dependencies(&ServiceName::new("a").unwrap()).all(|(_, edge)| edge.shares && edge.restart));
    }
}
