//! Which services a goal means, and which it touches.

use std::collections::{BTreeMap, BTreeSet};

use super::{Goal, PlanError, Selection, Verb, order::Graph};
use crate::model::{Project, ServiceName, nearest};

/// The services that a selection names: all of the enabled ones, or exactly those named, whatever their profiles.
///
/// # Errors
/// A name that is not in the file.
pub(super) fn named<'a>(project: &'a Project, selection: &Selection) -> Result<BTreeSet<&'a ServiceName>, PlanError> {
    match selection {
        Selection::All => Ok(project.enabled().map(|service| &service.name).collect()),
        Selection::Services(names) => names
            .iter()
            .map(|name| match project.services.get_key_value(name) {
                Some((name, _)) => Ok(name),
                None => Err(PlanError::UnknownService {
                    name: name.clone(),
                    similar: nearest(name.as_str(), project.services.keys().map(ServiceName::as_str))
                        .and_then(|near| project.services.get(near))
                        .map(|service| service.name.clone()),
                }),
            })
            .collect(),
    }
}

/// Every service that carrying out the goal may touch: what a job has for itself. A goal that can't be planned touches
/// what it names.
pub fn scope(project: &Project, goal: &Goal) -> BTreeSet<ServiceName> {
    let touched = || -> Result<BTreeSet<ServiceName>, PlanError> {
        let graph = Graph::new(project)?;
        let named = match (&goal.verb, &goal.selection) {
            // These reach the containers of services that are off, too.
            (Verb::Down(_) | Verb::Stop { .. } | Verb::Kill { .. } | Verb::Remove(_), Selection::All) => {
                project.services.keys().collect()
            }
            _ => named(project, &goal.selection)?,
        };
        let all = match &goal.verb {
            Verb::Up(options) if options.no_deps => named,
            Verb::Up(_) => graph.with_restarted(graph.with_dependencies(project, named)),
            Verb::Run(options) if options.no_deps => named,
            Verb::Run(_) | Verb::Start { .. } => graph.with_dependencies(project, named),
            Verb::Rebuild(_) => graph.with_restarted(with_same_build(project, &named)),
            Verb::Build(_) => with_same_build(project, &named),
            Verb::Restart { no_deps: false, .. } => graph.with_restarted(named),
            _ => named,
        };
        Ok(all.into_iter().cloned().collect())
    };
    touched().unwrap_or_else(|_| match &goal.selection {
        Selection::All => project.services.keys().cloned().collect(),
        Selection::Services(names) => names.clone(),
    })
}

/// The services and those whose build is equal to one of theirs.
pub(super) fn with_same_build<'a>(
    project: &'a Project,
    services: &BTreeSet<&'a ServiceName>,
) -> BTreeSet<&'a ServiceName> {
    let mut found = services.clone();
    let mut by_context: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for service in project.services.values() {
        if let Some(build) = &service.build {
            by_context.entry(&build.context).or_default().push((service, build));
        }
    }
    for service in services.iter().filter_map(|name| project.services.get(*name)) {
        let Some(build) = &service.build else { continue };
        let same = by_context.get(build.context.as_str()).into_iter().flatten();
        found.extend(
            same.filter(|(other, other_build)| *other_build == build && other.platform == service.platform)
                .map(|(other, _)| &other.name),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        RebuildOptions, UpOptions,
        testing::{name, project, service},
    };

    fn check(verb: Verb, selected: &str, expected: &str) {
        let project = project([
            service("web").built(".").needs("db"),
            service("worker").built(".").needs("db"),
            service("db"),
            service("proxy").with(|s| {
                s.depends_on.insert(
                    name("web"),
                    crate::model::Dependency {
                        condition: crate::model::Condition::Started,
                        restart: true,
                        required: true,
                    },
                );
            }),
            service("docs").profile("docs"),
        ]);
        let goal = Goal::new(verb, Selection::of(selected.split_whitespace().map(name)));
        let touched = scope(&project, &goal);
        assert_eq!(touched.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn a_goal_touches_what_it_may_change() {
        let up = || Verb::Up(UpOptions::default());
        check(up(), "", "db proxy web worker");
        check(up(), "worker", "db worker");
        check(up(), "web", "db proxy web");
        check(Verb::Up(UpOptions { no_deps: true, ..Default::default() }), "worker", "worker");
        check(Verb::Rebuild(RebuildOptions::default()), "worker", "proxy web worker");
        check(Verb::Stop { timeout: None }, "", "db docs proxy web worker");
        check(Verb::Stop { timeout: None }, "db", "db");
        check(Verb::Restart { timeout: None, no_deps: false }, "web", "proxy web");
    }
}
