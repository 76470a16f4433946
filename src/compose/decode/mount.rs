//! `volumes`, `secrets` and `configs` of a service.

use crate::model::{BindOptions, FileMount, Mount, MountKind, Propagation};

use super::fields::Fields;

pub(super) fn mount(fields: Fields<'_>) -> Mount {
    let kind = match fields.str("type").unwrap_or_default() {
        "bind" => {
            let bind = fields.section("bind");
            MountKind::Bind {
                source: fields.text("source").into(),
                options: BindOptions {
                    // The long form without options goes the engine's old way, which makes the path.
                    create_host_path: bind.is_none_or(|bind| bind.flag("create_host_path")),
                    propagation: bind.and_then(|bind| propagation(bind.str("propagation")?)),
                    selinux: bind.and_then(|bind| bind.string("selinux")),
                    recursive: bind.and_then(|bind| bind.string("recursive")),
                },
            }
        }
        "volume" => {
            let volume = fields.section("volume");
            MountKind::Volume {
                source: fields.string("source"),
                nocopy: volume.is_some_and(|volume| volume.flag("nocopy")),
                subpath: volume.and_then(|volume| volume.string("subpath")),
                labels: volume.map(|volume| volume.strings_by_key("labels")).unwrap_or_default(),
            }
        }
        "tmpfs" => {
            let tmpfs = fields.section("tmpfs");
            MountKind::Tmpfs {
                size: tmpfs.and_then(|tmpfs| tmpfs.bytes("size")),
                mode: tmpfs.and_then(|tmpfs| tmpfs.unsigned("mode")).and_then(|mode| u32::try_from(mode).ok()),
            }
        }
        kind => MountKind::Other {
            kind: kind.to_owned(),
            source: fields.string("source"),
            subpath: fields.section("image").and_then(|image| image.string("subpath")),
        },
    };
    Mount {
        kind,
        target: fields.text("target"),
        read_only: fields.flag("read_only"),
        consistency: fields.string("consistency"),
    }
}

fn propagation(text: &str) -> Option<Propagation> {
    match text {
        "private" => Some(Propagation::Private),
        "rprivate" => Some(Propagation::RPrivate),
        "shared" => Some(Propagation::Shared),
        "rshared" => Some(Propagation::RShared),
        "slave" => Some(Propagation::Slave),
        "rslave" => Some(Propagation::RSlave),
        _ => None,
    }
}

/// An entry of `secrets` or `configs`; a target that is no absolute path is below `folder`, which ends in a slash.
pub(super) fn file_mount(fields: Fields<'_>, folder: &str) -> FileMount {
    let source = fields.text("source");
    let target = match fields.string("target") {
        Some(target) if target.starts_with('/') => target,
        Some(target) => format!("{folder}{target}"),
        None => format!("{folder}{source}"),
    };
    FileMount { source, target, uid: fields.string("uid"), gid: fields.string("gid"), mode: fields.mode("mode") }
}
