//! Mounts that hide what an image build installed: a bind mount with the host's own virtualenv, a volume with old packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::{Diagnostic, Mount, MountKind, ServiceName};

/// A folder of dependencies in the image that a bind mount hides, so that a rebuild shows nothing there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden {
    /// The folder in the image: `/app/.venv`.
    pub image_path: String,
    /// The bind mount's target: `/app`.
    pub mount_target: String,
    /// What the container sees there instead: the host's `./.venv`.
    pub host_path: PathBuf,
    /// Whether the host has something there. If not, the container finds no dependencies at all.
    pub host_has_it: bool,
}

impl Hidden {
    /// The warning, for the service it concerns.
    pub fn diagnostic(&self, service: &ServiceName) -> Diagnostic {
        let Hidden { image_path, mount_target, host_path, host_has_it } = self;
        let what = if *host_has_it {
            format!(
                "{service} runs with the host's {}: the mount at {mount_target} hides the image's {image_path}",
                host_path.display()
            )
        } else {
            format!(
                "{service} finds nothing at {image_path}: the mount at {mount_target} hides what the image has there"
            )
        };
        Diagnostic::warning(what)
            .note("a rebuild installs into the image, so nothing of it shows")
            .help(format!("add a volume `{image_path}` to the service's volumes, or install outside of {mount_target} in the Dockerfile"))
    }
}

/// The folders of dependencies that the image has and a bind mount hides.
///
/// `environments` are the folders in which the build puts dependencies (`Discovered::environments`). A virtualenv of the host
/// elsewhere below a mount hides nothing: the image's programs don't look there. A volume or another mount deeper down gives the
/// folder back.
pub fn hidden(mounts: &[Mount], environments: &BTreeSet<String>) -> Vec<Hidden> {
    let mut found = BTreeSet::new();
    for mount in mounts {
        let (MountKind::Bind { source, .. }, target) = (&mount.kind, mount.target.trim_end_matches('/')) else {
            continue;
        };
        for image_path in environments.iter().filter(|path| inside(path, target) && uncovered(path, target, mounts)) {
            let host_path = source.join(image_path[target.len()..].trim_start_matches('/'));
            let host_has_it = holds_dependencies(&host_path);
            found.insert(Hidden {
                image_path: image_path.clone(),
                mount_target: target.to_owned(),
                host_path,
                host_has_it,
            });
        }
    }
    found.into_iter().collect()
}

/// Whether the path lies below the folder, or is it.
pub fn inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether no mount deeper than the one at `target` gives `path` back.
fn uncovered(path: &str, target: &str, mounts: &[Mount]) -> bool {
    !mounts.iter().any(|mount| {
        let other = mount.target.trim_end_matches('/');
        other.len() > target.len() && inside(path, other)
    })
}

/// A virtualenv, or a folder of Node's with something in it.
fn holds_dependencies(host: &Path) -> bool {
    if host.file_name().is_some_and(|name| name == "node_modules") {
        return std::fs::read_dir(host).is_ok_and(|mut entries| entries.next().is_some());
    }
    host.join("pyvenv.cfg").is_file() || host.join("bin/python").exists()
}

/// Whether a volume at this target holds dependencies, so that it is renewed with the image: the target is a virtualenv,
/// site-packages or node_modules, or lies inside one, or is a folder in which the build puts dependencies. A volume *above* such a
/// folder holds other data too and is never renewed.
pub fn is_dependency_target(target: &str, environments: &BTreeSet<String>) -> bool {
    let target = target.trim_end_matches('/');
    let named = target.split('/').any(|part| {
        matches!(
            part,
            ".venv" | "venv" | "virtualenv" | "site-packages" | "dist-packages" | "node_modules" | "__pypackages__"
        )
    });
    !target.is_empty() && (named || environments.iter().any(|environment| inside(target, environment)))
}

/// The mounts of a service that are volumes with dependencies: renewed with the image, and only those.
pub fn dependency_volumes<'m>(mounts: &'m [Mount], environments: &BTreeSet<String>) -> Vec<&'m Mount> {
    let volumes = mounts.iter().filter(|mount| matches!(mount.kind, MountKind::Volume { .. }));
    volumes.filter(|mount| is_dependency_target(&mount.target, environments)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::BindOptions;

    fn bind(source: &Path, target: &str) -> Mount {
        let kind = MountKind::Bind { source: source.to_owned(), options: BindOptions::default() };
        Mount { kind, target: target.to_owned(), read_only: false, consistency: None }
    }

    fn volume(target: &str) -> Mount {
        let kind =
            MountKind::Volume { source: None, nocopy: false, subpath: None, labels: std::collections::BTreeMap::new() };
        Mount { kind, target: target.to_owned(), read_only: false, consistency: None }
    }

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_bind_mount_over_the_images_virtualenv() {
        let host = tempfile::tempdir().unwrap();
        let shown = |mounts: &[Mount], environments: &[&str]| -> Vec<(String, bool)> {
            hidden(mounts, &set(environments))
                .into_iter()
                .map(|hidden| (hidden.image_path, hidden.host_has_it))
                .collect()
        };
        let app = bind(host.path(), "/app");
        let alone = [app.clone()];
        assert_eq!(shown(&alone, &["/app/.venv"]), [("/app/.venv".to_owned(), false)]);
        assert_eq!(shown(&alone, &["/opt/venv"]), []);
        assert_eq!(shown(&alone, &["/application/.venv"]), []);
        assert_eq!(shown(&[app.clone(), volume("/app/.venv")], &["/app/.venv"]), []);
        fs::create_dir_all(host.path().join(".venv")).unwrap();
        fs::write(host.path().join(".venv/pyvenv.cfg"), "").unwrap();
        assert_eq!(shown(&alone, &["/app/.venv"]), [("/app/.venv".to_owned(), true)]);
        assert_eq!(shown(&alone, &["/opt/venv"]), [], "the container uses another");
        assert_eq!(shown(&alone, &[]), [], "the image installs for its whole system");
        fs::create_dir_all(host.path().join("node_modules/x")).unwrap();
        let both = ["/app/.venv", "/app/node_modules"];
        assert_eq!(shown(&[app, volume("/app/.venv")], &both), [("/app/node_modules".to_owned(), true)]);
        let file = hidden(&[bind(&host.path().join(".venv"), "/app/.venv")], &set(&["/app/.venv"]));
        assert_eq!(file[0].host_path, host.path().join(".venv"));
    }

    #[test]
    fn volumes_with_dependencies() {
        let check = |target: &str, expected: bool| {
            assert_eq!(is_dependency_target(target, &set(&["/opt/uv"])), expected, "{target}")
        };
        check("/app/.venv", true);
        check("/app/node_modules/", true);
        check("/usr/local/lib/python3.11/site-packages", true);
        check("/opt/uv", true);
        check("/opt/uv/lib", true);
        check("/app", false);
        check("/opt", false);
        check("/var/lib/postgresql/data", false);
        check("/", false);
        let mounts = [volume("/app/.venv"), volume("/data")];
        assert_eq!(dependency_volumes(&mounts, &set(&[])).len(), 1);
    }
}
