//! Relative paths made absolute, from the folder of the file (included, extended) or of the project that wrote them.

use std::path::Path as FsPath;

use super::{
    canonical::each,
    tree::{Node, Value},
    volume::clean,
};

/// What paths are relative to.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// Absolute.
    pub(super) directory: String,
    /// What `~` stands for; without it `~` stays.
    pub(super) home: Option<String>,
}

impl Base {
    /// Go's `filepath.Join(directory, path)`.
    pub(super) fn join(&self, path: &str) -> String {
        clean(&format!("{}/{path}", self.directory))
    }

    fn expand_home(&self, path: &str) -> String {
        match (&self.home, path.strip_prefix('~')) {
            (Some(home), Some(rest)) => clean(&format!("{home}/{rest}")),
            _ => path.to_owned(),
        }
    }

    /// Absolute; an absolute path and an empty one stay as they are written.
    pub(super) fn absolute(&self, path: &str) -> String {
        let path = self.expand_home(path);
        if path.is_empty() || path.starts_with('/') { path } else { self.join(&path) }
    }

    /// As `absolute`, for what may be a path of Windows.
    fn absolute_source(&self, path: &str) -> String {
        let path = self.expand_home(path);
        if path.starts_with('/') || is_windows_absolute(&path) { path } else { self.join(&path) }
    }

    fn context(&self, context: &str) -> String {
        const REMOTE: &[&str] = &["https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:"];
        if context.contains("://") || REMOTE.iter().any(|prefix| context.starts_with(prefix)) {
            context.to_owned()
        } else {
            self.absolute(context)
        }
    }
}

fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with(r"\\") || matches!(bytes, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// Makes every path under `root` absolute.
pub(super) fn resolve(root: &mut Node, base: &Base) {
    let Some(root) = root.map_mut() else { return };
    each(root, "services", |_, service| resolve_service(service, base));
    for section in ["configs", "secrets"] {
        each(root, section, |_, resource| {
            if let Some(file) = resource.map_mut().and_then(|map| map.get_mut("file")) {
                replace(file, |path| base.absolute_source(path));
            }
        });
    }
    each(root, "volumes", |_, volume| {
        // A volume of the local driver that is a bind in disguise.
        let is_bind = volume.at(&["driver"]).and_then(Node::str) == Some("local")
            && volume.at(&["driver_opts", "o"]).and_then(Node::str) == Some("bind");
        let options = volume.map_mut().and_then(|map| map.get_mut("driver_opts")).and_then(Node::map_mut);
        if let (true, Some(device)) = (is_bind, options.and_then(|options| options.get_mut("device"))) {
            replace(device, |path| base.absolute_source(path));
        }
    });
}

fn resolve_service(service: &mut Node, base: &Base) {
    let Some(service) = service.map_mut() else { return };
    if let Some(build) = service.get_mut("build").and_then(Node::map_mut) {
        if let Some(context) = build.get_mut("context") {
            replace(context, |path| base.context(path));
        }
        for (key, act) in
            [("additional_contexts", Base::context as fn(&Base, &str) -> String), ("ssh", Base::absolute_source)]
        {
            for (_, value) in build.get_mut(key).and_then(Node::map_mut).into_iter().flat_map(|map| map.nodes_mut()) {
                replace(value, |path| act(base, path));
            }
        }
    }
    for entry in service.get_mut("env_file").and_then(Node::seq_mut).into_iter().flatten() {
        if let Some(path) = entry.map_mut().and_then(|entry| entry.get_mut("path")) {
            replace(path, |path| base.absolute(path));
        }
    }
    for path in service.get_mut("label_file").and_then(Node::seq_mut).into_iter().flatten() {
        replace(path, |path| base.absolute(path));
    }
    if let Some(file) = service.get_mut("extends").and_then(Node::map_mut).and_then(|extends| extends.get_mut("file")) {
        replace(file, |path| base.absolute(path));
    }
    let watch = service.get_mut("develop").and_then(Node::map_mut).and_then(|develop| develop.get_mut("watch"));
    for rule in watch.and_then(Node::seq_mut).into_iter().flatten() {
        if let Some(path) = rule.map_mut().and_then(|rule| rule.get_mut("path")) {
            replace(path, |path| follow_link(&base.absolute(path)));
        }
    }
    for mount in service.get_mut("volumes").and_then(Node::seq_mut).into_iter().flatten() {
        if mount.at(&["type"]).and_then(Node::str) == Some("bind")
            && let Some(source) = mount.map_mut().and_then(|mount| mount.get_mut("source"))
        {
            replace(source, |path| base.absolute_source(path));
        }
    }
}

fn replace(node: &mut Node, act: impl FnOnce(&str) -> String) {
    if let Value::Str(text) = &node.value {
        node.value = Value::Str(act(text).into());
    }
}

/// The path with its first symbolic link followed: what is watched is the real folder.
fn follow_link(path: &str) -> String {
    let mut prefix = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        prefix = format!("{prefix}/{part}");
        let here = FsPath::new(&prefix);
        if here.is_symlink() {
            return match here.canonicalize() {
                Ok(target) => path.replacen(&prefix, &target.to_string_lossy(), 1),
                Err(_) => path.to_owned(),
            };
        }
    }
    path.to_owned()
}
