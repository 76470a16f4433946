//! Which anonymous volumes a new container takes over from the one that it replaces, and which named ones are renewed.
//!
//! All anonymous ones go on, as with Compose, except with `-V`, and except those over installed dependencies when the image
//! changes: an old `node_modules` would hide what the new image has installed. Named ones stay, except those that hold such
//! dependencies and nothing else.

use std::collections::BTreeMap;

use super::context::Context;
use crate::model::{Mount, MountKind, ObservedContainer, ObservedImage, ObservedMount, Service, Volume};

/// The volumes that go on (path inside → volume), and whether some are renewed because they hold dependencies.
pub(super) fn carried_over(
    service: &Service,
    old: &ObservedContainer,
    image: Option<&ObservedImage>,
    renew: bool,
    image_changes: bool,
) -> (BTreeMap<String, String>, bool) {
    let mut carried = BTreeMap::new();
    let mut renewed = false;
    if renew {
        return (carried, renewed);
    }
    for mount in old.mounts.iter().filter(|mount| mount.kind == "volume") {
        let Some(volume) = mount.volume.as_ref().filter(|_| is_wanted(service, mount, image)) else { continue };
        if image_changes && holds_dependencies(&mount.target) {
            renewed = true;
        } else {
            carried.insert(mount.target.clone(), volume.clone());
        }
    }
    (carried, renewed)
}

/// Whether the new container has an anonymous volume at a mount's place.
fn is_wanted(service: &Service, mount: &ObservedMount, image: Option<&ObservedImage>) -> bool {
    match service.mounts.iter().find(|wanted| wanted.target == mount.target) {
        Some(wanted) => matches!(wanted.kind, MountKind::Volume { source: None, .. }),
        None => match image {
            Some(image) if !image.volumes.is_empty() => image.volumes.contains(&mount.target),
            // Not known what the image declares.
            _ => mount.volume.as_deref().is_some_and(is_anonymous),
        },
    }
}

/// The named volumes of a service that hold nothing but what an installer put there, with the path: what is in them comes from
/// the image that they were filled from. One that any service mounts elsewhere, that the project doesn't own, or that is more
/// than a folder of the engine's is never one of them.
pub(super) fn of_dependencies<'a>(context: &Context<'a>, service: &'a Service) -> Vec<(&'a Volume, &'a str)> {
    let mine =
        service.mounts.iter().filter_map(|mount| Some((context.project.volumes.get(key(mount)?)?, &*mount.target)));
    let only_dependencies = |volume: &Volume| {
        let mut all = context.project.services.values().flat_map(|service| &service.mounts);
        all.all(|mount| match &mount.kind {
            MountKind::Volume { source: Some(source), nocopy, subpath, .. } if *source == volume.key => {
                !nocopy && subpath.is_none() && holds_dependencies(&mount.target)
            }
            _ => true,
        })
    };
    let ours = |volume: &Volume| {
        let plain = volume.driver.as_deref().is_none_or(|driver| driver == "local") && volume.driver_opts.is_empty();
        let known = context.observed.volumes.iter().find(|known| known.name == volume.name);
        let project = known.and_then(|known| known.labels.get("com.docker.compose.project"));
        plain && !volume.external && project.is_some_and(|project| *project == context.project.name.as_str())
    };
    mine.filter(|(volume, _)| ours(volume) && only_dependencies(volume)).collect()
}

/// The key of a mounted named volume.
fn key(mount: &Mount) -> Option<&str> {
    match &mount.kind {
        MountKind::Volume { source, .. } => source.as_deref(),
        _ => None,
    }
}

/// Whether a container has an anonymous volume at a path: in the place of a named one that was to be renewed, when the run that
/// began it was interrupted.
pub(super) fn stands_in(container: &ObservedContainer, target: &str) -> bool {
    let mut mounts = container.mounts.iter().filter(|mount| mount.target == target);
    mounts.any(|mount| mount.volume.as_deref().is_some_and(is_anonymous))
}

/// An engine gives anonymous volumes names of 64 digits.
fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a path inside a container is where an installer puts dependencies.
pub fn holds_dependencies(target: &str) -> bool {
    let last = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    matches!(
        last,
        "node_modules"
            | ".venv"
            | "venv"
            | ".virtualenv"
            | "virtualenv"
            | "site-packages"
            | "dist-packages"
            | "__pypackages__"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{container, project, service};

    fn check(renew: bool, image_changes: bool, expected: &str) {
        let project = project([service("web").volume("", "/data").volume("", "/app/node_modules").volume("db", "/db")]);
        let web = &project.services["web"];
        let mut old = container(&project, "web", 1);
        old.mounts[0].volume = Some("a".into());
        old.mounts[1].volume = Some("b".into());
        let (carried, renewed) = carried_over(web, &old, None, renew, image_changes);
        let carried: Vec<_> = carried.into_iter().map(|(target, volume)| format!("{volume} at {target}")).collect();
        assert_eq!(format!("{}{}", carried.join(", "), if renewed { ", some renewed" } else { "" }), expected);
    }

    #[test]
    fn anonymous_volumes_go_on_but_not_over_dependencies_of_a_new_image() {
        check(false, false, "b at /app/node_modules, a at /data");
        check(false, true, "a at /data, some renewed");
        check(true, true, "");
    }

    #[test]
    fn volumes_of_the_image_go_on_while_it_has_them() {
        let project = project([service("db")]);
        let mut old = container(&project, "db", 1);
        old.mounts.push(ObservedMount {
            kind: "volume".into(),
            volume: Some("c0de".repeat(16)),
            source: String::new(),
            target: "/var/lib/postgresql/data".into(),
            writable: true,
        });
        let go_on = |image: Option<&ObservedImage>| {
            !carried_over(&project.services["db"], &old, image, false, true).0.is_empty()
        };
        let mut image = crate::plan::testing::furnished(&project).images.into_values().next().unwrap();
        assert!(go_on(None));
        image.volumes = vec!["/var/lib/postgresql/data".into()];
        assert!(go_on(Some(&image)));
        image.volumes = vec!["/elsewhere".into()];
        assert!(!go_on(Some(&image)));
    }
}
