//! Volumes, binds, tmpfs, and secrets and configs that are files: as bind strings where those can say it, as mounts otherwise, exactly
//! where Compose chooses the one or the other (a bind string has the engine create a missing host path, a mount does not).

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    Mount as MountBody, MountBindOptions, MountBindOptionsPropagationEnum, MountImageOptions, MountTmpfsOptions,
    MountType, MountVolumeOptions,
};

use crate::{
    engine::{connect::ApiVersion, container::NewContainer, error::EngineError},
    model::{BindOptions, ConfigSource, FileMount, Mount, MountKind, Project, Propagation, SecretSource},
};

use super::{Context, refuse, some_map, unsupported};

/// `tmpfs`: path → options.
pub(super) fn tmpfs(service: &crate::model::Service) -> Option<HashMap<String, String>> {
    let all: HashMap<String, String> = service
        .tmpfs
        .iter()
        .map(|entry| entry.split_once(':').unwrap_or((entry, "")))
        .map(|(path, options)| (path.to_owned(), options.to_owned()))
        .collect();
    if all.is_empty() { None } else { Some(all) }
}

/// Bind strings, and mounts; both sorted by their target.
pub(super) fn translate(context: Context<'_>) -> Result<(Vec<String>, Vec<MountBody>), EngineError> {
    let NewContainer { project, service, .. } = *context.new;
    let mut binds: BTreeMap<String, String> = BTreeMap::new();
    let mut mounts: BTreeMap<String, MountBody> = BTreeMap::new();
    // What goes on from the container that is replaced; an anonymous volume of the service's own included.
    for (target, volume) in context.new.volumes {
        mounts.insert(target.clone(), inherited(service, target, volume));
    }
    for mount in &service.mounts {
        let anonymous = matches!(mount.kind, MountKind::Volume { source: None, .. });
        if anonymous && context.new.volumes.contains_key(&mount.target) {
            continue;
        }
        binds.remove(&mount.target);
        mounts.remove(&mount.target);
        match one(context, mount)? {
            Form::Bind(text) => drop(binds.insert(mount.target.clone(), text)),
            Form::Mount(body) => drop(mounts.insert(mount.target.clone(), *body)),
        }
    }
    for (target, source) in files(project, service)? {
        if !binds.contains_key(&target) && !mounts.contains_key(&target) {
            mounts.insert(target.clone(), file_mount(target, source));
        }
    }
    Ok((binds.into_values().collect(), mounts.into_values().collect()))
}

enum Form {
    Bind(String),
    Mount(Box<MountBody>),
}

fn inherited(service: &crate::model::Service, target: &str, volume: &str) -> MountBody {
    let read_only = service.mounts.iter().any(|mount| mount.target == target && mount.read_only);
    MountBody {
        typ: Some(MountType::VOLUME),
        source: Some(volume.into()),
        target: Some(target.into()),
        read_only: read_only.then_some(true),
        ..Default::default()
    }
}

fn one(context: Context<'_>, mount: &Mount) -> Result<Form, EngineError> {
    let NewContainer { project, service, .. } = *context.new;
    let body = MountBody {
        target: Some(mount.target.clone()),
        read_only: mount.read_only.then_some(true),
        consistency: mount.consistency.clone(),
        ..Default::default()
    };
    let body = match &mount.kind {
        MountKind::Bind { source, options } => {
            let source = source.to_string_lossy().into_owned();
            if options.create_host_path && options.propagation.is_none() && options.recursive.is_none() {
                return Ok(Form::Bind(bind_string(&source, mount, options.selinux.as_deref())));
            }
            if options.recursive.as_deref() == Some("readonly") && context.api < ApiVersion::V1_44 {
                return Err(unsupported(service, "a bind that is recursively read-only", "Docker 25"));
            }
            MountBody { typ: Some(MountType::BIND), source: Some(source), bind_options: bind_options(options), ..body }
        }
        MountKind::Volume { source, nocopy, subpath, labels } => {
            if subpath.is_some() && context.api < ApiVersion::V1_45 {
                return Err(unsupported(service, "a folder of a volume", "Docker 26"));
            }
            let known = source.as_ref().and_then(|key| project.volumes.get(key));
            if let Some(volume) = known
                && !nocopy
                && subpath.is_none()
                && labels.is_empty()
            {
                return Ok(Form::Bind(bind_string(&volume.name, mount, None)));
            }
            let plain = !nocopy && subpath.is_none() && labels.is_empty();
            MountBody {
                typ: Some(MountType::VOLUME),
                source: known.map(|volume| volume.name.clone()).or_else(|| source.clone()),
                volume_options: (!plain).then(|| MountVolumeOptions {
                    no_copy: nocopy.then_some(true),
                    subpath: subpath.clone(),
                    labels: some_map(labels),
                    ..Default::default()
                }),
                ..body
            }
        }
        MountKind::Tmpfs { size, mode } => MountBody {
            typ: Some(MountType::TMPFS),
            tmpfs_options: (size.is_some() || mode.is_some()).then(|| MountTmpfsOptions {
                size_bytes: size.map(|size| i64::try_from(size.0).unwrap_or(i64::MAX)),
                mode: mode.map(i64::from),
                ..Default::default()
            }),
            ..body
        },
        MountKind::Other { kind, source, subpath } => {
            if kind == "image" && context.api < ApiVersion::V1_48 {
                return Err(unsupported(service, "a volume of type image", "Docker 28"));
            }
            MountBody {
                typ: Some(kind.parse().map_err(|_| {
                    refuse(
                        service,
                        &format!("volumes of type {kind} are unknown"),
                        "see the types of the specification",
                    )
                })?),
                source: source.clone(),
                image_options: subpath.clone().map(|subpath| MountImageOptions { subpath: Some(subpath) }),
                ..body
            }
        }
    };
    Ok(Form::Mount(Box::new(body)))
}

fn bind_string(source: &str, mount: &Mount, selinux: Option<&str>) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    match selinux {
        Some(selinux) if !selinux.is_empty() => format!("{source}:{}:{access},{selinux}", mount.target),
        _ => format!("{source}:{}:{access}", mount.target),
    }
}

fn bind_options(options: &BindOptions) -> Option<MountBindOptions> {
    if *options == BindOptions::default() {
        return None;
    }
    let recursive = options.recursive.as_deref();
    Some(MountBindOptions {
        propagation: options.propagation.map(|propagation| match propagation {
            Propagation::Private => MountBindOptionsPropagationEnum::PRIVATE,
            Propagation::RPrivate => MountBindOptionsPropagationEnum::RPRIVATE,
            Propagation::Shared => MountBindOptionsPropagationEnum::SHARED,
            Propagation::RShared => MountBindOptionsPropagationEnum::RSHARED,
            Propagation::Slave => MountBindOptionsPropagationEnum::SLAVE,
            Propagation::RSlave => MountBindOptionsPropagationEnum::RSLAVE,
        }),
        create_mountpoint: options.create_host_path.then_some(true),
        non_recursive: (recursive == Some("disabled")).then_some(true),
        read_only_non_recursive: (recursive == Some("writable")).then_some(true),
        read_only_force_recursive: (recursive == Some("readonly")).then_some(true),
    })
}

fn file_mount(target: String, source: String) -> MountBody {
    MountBody {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(target),
        read_only: Some(true),
        ..Default::default()
    }
}

/// Secrets and configs that are files of the host: target → path. Those whose content we have are copied in before the start.
fn files(project: &Project, service: &crate::model::Service) -> Result<BTreeMap<String, String>, EngineError> {
    let mut files = BTreeMap::new();
    let external = |kind: &str, used: &FileMount| {
        refuse(
            service,
            &format!("{kind} {} is external, kept by a swarm", used.source),
            "give it a `file:`, `environment:` or `content:`",
        )
    };
    for used in &service.configs {
        match project.configs.get(&used.source) {
            Some(ConfigSource::File(path)) => {
                files.insert(used.target.clone(), path.to_string_lossy().into_owned());
            }
            Some(ConfigSource::External { .. }) => return Err(external("config", used)),
            Some(ConfigSource::Environment { .. } | ConfigSource::Content(_)) | None => {}
        }
    }
    for used in &service.secrets {
        match project.secrets.get(&used.source) {
            Some(SecretSource::File(path)) => {
                files.insert(used.target.clone(), path.to_string_lossy().into_owned());
            }
            Some(SecretSource::External { .. }) => return Err(external("secret", used)),
            Some(SecretSource::Environment { .. }) | None => {}
        }
    }
    Ok(files)
}
