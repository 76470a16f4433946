//! Containers under temporary names: what an interrupted recreate left, recognised and put to use or taken away.
//!
//! A recreate makes the new container as `<12 digits of the old one's id>_NAME`, as Compose does; a guarded one keeps the
//! old container as `<12 digits of its own id>_NAME_before` until the new one has proved itself.

use super::context::{Live, ServiceContainers};
use crate::model::{ContainerId, ObservedContainer, Project, ServiceName};

/// What a guarded recreate adds to the name of the container that it keeps.
const BEFORE: &str = "_before";

/// The name under which a container's replacement is made.
pub(super) fn replacement_name(old: &ContainerId, name: &str) -> String {
    format!("{}_{name}", old.short())
}

/// The name under which a replaced container is kept.
pub(super) fn kept_name(old: &ContainerId, name: &str) -> String {
    format!("{}_{name}{BEFORE}", old.short())
}

/// What a name says about its container.
#[derive(Debug, PartialEq, Eq)]
enum Role<'a> {
    /// An ordinary one.
    Own,
    /// The replacement of the container whose id starts so.
    Replacement { of: &'a str, name: &'a str },
    /// Kept until its replacement has proved itself.
    Kept { name: &'a str },
}

fn role<'a>(container: &'a ObservedContainer) -> Role<'a> {
    let Some((id, name)) = container.name.split_once('_') else { return Role::Own };
    if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Role::Own;
    }
    match name.strip_suffix(BEFORE) {
        Some(name) if id == container.id.short() => Role::Kept { name },
        _ => Role::Replacement { of: id, name },
    }
}

/// Tells a service's containers that count from leftovers.
pub(super) fn sort_out<'a>(
    project: &Project,
    service: &ServiceName,
    containers: &[&'a ObservedContainer],
) -> ServiceContainers<'a> {
    let mut sorted = ServiceContainers::default();
    let own: Vec<_> = containers.iter().filter(|container| role(container) == Role::Own).copied().collect();
    sorted.live.extend(own.iter().map(|container| Live { container, name: container.name.clone(), replacement: None }));
    let known = project.services.get(service);
    let expected =
        |name: &str, number: u32| known.is_none_or(|service| service.container_name(&project.name, number) == name);
    for container in containers {
        match role(container) {
            Role::Own => {}
            Role::Replacement { of, name } if expected(name, container.number) => {
                let replaced = sorted.live.iter().position(|live| live.container.id.short() == of);
                let taken = sorted.live.iter().any(|live| live.name == name);
                match replaced {
                    Some(index) if sorted.live[index].replacement.is_none() => {
                        sorted.live[index].replacement = Some(container);
                    }
                    None if !taken => {
                        sorted.live.push(Live { container, name: name.to_owned(), replacement: None });
                    }
                    _ => sorted.leftover.push(container),
                }
            }
            Role::Kept { name } if expected(name, container.number) => {
                // Seen after every other container: only then is it known whether the name is free.
                let taken = containers.iter().any(|other| {
                    other.id != container.id
                        && (other.name == name || matches!(role(other), Role::Replacement { name: n, .. } if n == name))
                });
                if taken {
                    sorted.leftover.push(container);
                } else {
                    sorted.live.push(Live { container, name: name.to_owned(), replacement: None });
                }
            }
            // Somebody's own choice of a name that looks like ours.
            Role::Replacement { .. } | Role::Kept { .. } => {
                sorted.live.push(Live { container, name: container.name.clone(), replacement: None });
            }
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{container, project, service};

    fn named(name: &str) -> ObservedContainer {
        let project = project([service("web")]);
        let mut container = container(&project, "web", 1);
        container.name = name.to_owned();
        container
    }

    #[test]
    fn names_tell_what_a_container_is_for() {
        let own = named("shop-web-1");
        assert_eq!(role(&own), Role::Own);
        assert_eq!(role(&named("my_web_1")), Role::Own, "no id in front");
        let temporary = named("0123456789ab_shop-web-1");
        assert_eq!(role(&temporary), Role::Replacement { of: "0123456789ab", name: "shop-web-1" });
        let kept = named(&kept_name(&own.id, "shop-web-1"));
        assert_eq!(role(&kept), Role::Kept { name: "shop-web-1" });
    }

    #[test]
    fn a_name_of_the_users_own_is_left_alone() {
        let project = project([service("web").with(|s| s.container_name = Some("0123456789ab_x".into()))]);
        let container = named("0123456789ab_x");
        let sorted = sort_out(&project, &container.service, &[&container]);
        assert_eq!((sorted.live.len(), sorted.leftover.len()), (1, 0));
    }
}
