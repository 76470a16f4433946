//! Whom the files belong to that a container writes into the user's own folders.
//!
//! A container that runs as root leaves files of root's behind a bind mount, which the user can then neither edit nor delete. What
//! devbox starts on the user's behalf (`run`, `shell`) runs as the user there; of what the compose file starts, it says so. An
//! engine on another machine, without root, or behind a virtual machine's file sharing keeps the user's own owner anyway.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    engine::{Engine, EngineError},
    model::{ContainerId, Diagnostic, MountKind, Observed, Project, Service, ServiceName},
};

/// Numbers of user and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    user: u32,
    group: u32,
}

impl Caller {
    /// As `user:` has it.
    pub fn text(self) -> String {
        format!("{}:{}", self.user, self.group)
    }

    /// A folder of the caller's own: what is written there should be the caller's, too.
    fn owns(self, folder: &Path) -> bool {
        folder.metadata().is_ok_and(|found| found.is_dir() && found.uid() == self.user)
    }
}

/// The caller, where it matters who a container runs as: not root, and on an engine that passes owners on as they are.
pub(super) async fn caller(engine: &Engine) -> Option<Caller> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() || engine.info().carrier != "unix" {
        return None;
    }
    // Who can't be told anything of the machine gets what the compose file says.
    let machine = engine.machine().await.ok()?;
    machine.keeps_owners.then_some(Caller { user: user.as_raw(), group: group.as_raw() })
}

/// Whether a `user:` or USER is root's.
fn is_root(user: &str) -> bool {
    matches!(user.split(':').next().unwrap_or_default(), "" | "0" | "root")
}

/// The folders of the host that a service may write to.
fn writable(service: &Service) -> impl Iterator<Item = &PathBuf> {
    service.mounts.iter().filter(|mount| !mount.read_only).filter_map(|mount| match &mount.kind {
        MountKind::Bind { source, .. } => Some(source),
        _ => None,
    })
}

/// Who a one-off container of a service is to run as: `None` where the compose file or the image says it, or where it doesn't matter.
pub(super) fn of_service(caller: Caller, service: &Service, image_user: &str) -> Option<String> {
    let fits = service.user.is_none() && is_root(image_user) && writable(service).any(|folder| caller.owns(folder));
    fits.then(|| caller.text())
}

/// Who a shell in a container is to run as; `None` likewise.
///
/// # Errors
/// The container went away, or the connection is lost.
pub(super) async fn of_container(
    engine: &Engine,
    container: &ContainerId,
    service: Option<&Service>,
) -> Result<Option<String>, EngineError> {
    if service.is_some_and(|service| service.user.is_some()) {
        return Ok(None);
    }
    let Some(caller) = caller(engine).await else { return Ok(None) };
    let detail = engine.inspect(container).await?;
    let mounts = detail.container.mounts.iter().filter(|mount| mount.kind == "bind" && mount.writable);
    let fits = is_root(&detail.user) && mounts.into_iter().any(|mount| caller.owns(Path::new(&mount.source)));
    Ok(fits.then(|| caller.text()))
}

/// A home for a user whom the image doesn't know: programs want to write there.
pub(super) fn home<'e>(mut given: impl Iterator<Item = &'e str>) -> Option<(String, String)> {
    given.all(|name| name != "HOME").then(|| ("HOME".to_owned(), "/tmp".to_owned()))
}

/// What is to be said of services that leave files of root's in the caller's folders. Only those that run the project's own code are
/// named: a database or a proxy as its image has it gives root up by itself, or writes nothing.
pub(super) fn warnings(caller: Caller, project: &Project, observed: &Observed) -> BTreeMap<ServiceName, Diagnostic> {
    let of = |service: &Service| {
        let own_code = service.build.is_some() || service.command.is_some() || service.entrypoint.is_some();
        let image = observed.images.get(&service.image_name(&project.name)).filter(|_| own_code)?;
        let user = of_service(caller, service, &image.user)?;
        let folder = writable(service).find(|folder| caller.owns(folder))?;
        let shown = match folder.strip_prefix(&project.directory) {
            Ok(inside) => format!("./{}", inside.display()),
            Err(_) => folder.display().to_string(),
        };
        let what = format!("{} runs as root: what it writes into {shown} will belong to root", service.name);
        let help = format!("`user: \"{user}\"` in service {}, or USER in its Dockerfile", service.name);
        Some((service.name.clone(), Diagnostic::warning(what).help(help)))
    };
    project.enabled().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_names() {
        for (user, root) in
            [("", true), ("0", true), ("root:root", true), ("0:1000", true), ("1000", false), ("app", false)]
        {
            assert_eq!(is_root(user), root, "{user:?}");
        }
    }

    #[test]
    fn a_home_is_given_unless_there_is_one() {
        assert_eq!(home(["PATH"].into_iter()), Some(("HOME".into(), "/tmp".into())));
        assert_eq!(home(["HOME"].into_iter()), None);
    }
}
