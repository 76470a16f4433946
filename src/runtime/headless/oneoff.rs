//! What `run` changes of a service before a container is made of it: more ports, more mounts.

use serde_json::json;

use crate::{
    compose::{self, Options, Request},
    model::{MountKind, Project, ServiceName, Volume},
};

use super::{Setup, Stop};

/// Adds `-p` and `-v` to a service. They are read as `ports` and `volumes` of a compose file are; a volume's name is the one
/// that it has on the engine.
///
/// # Errors
/// One of them can't be understood.
pub fn adjust(
    setup: &Setup,
    project: &mut Project,
    service: &ServiceName,
    ports: &[String],
    volumes: &[String],
) -> Result<(), Stop> {
    if ports.is_empty() && volumes.is_empty() {
        return Ok(());
    }
    let request = Request {
        directory: setup.request.directory.clone(),
        files: vec!["-".into()],
        project_name: Some(project.name.to_string()),
        environment: setup.request.environment.clone(),
        // Already interpolated by the shell that devbox was called from.
        options: Options { interpolate: false, consistency: false, ..Options::default() },
        stdin: Some(json!({"services": {"run": {"image": "run", "ports": ports, "volumes": volumes}}}).to_string()),
        ..Request::default()
    };
    let loaded = compose::load(&request).map_err(|error| {
        // The place is in the file made up above: of no use to anybody.
        let diagnostics = error.diagnostics.into_iter().map(|mut diagnostic| {
            diagnostic.place = None;
            diagnostic.excerpt = None;
            diagnostic
        });
        Stop::Usage(diagnostics.collect())
    })?;
    let Some(read) = loaded.project.services.into_values().next() else { return Ok(()) };
    let Some(service) = project.services.get_mut(service) else { return Ok(()) };
    if !ports.is_empty() {
        service.ports = read.ports;
    }
    for mount in read.mounts {
        if let MountKind::Volume { source: Some(name), .. } = &mount.kind {
            let volume = Volume {
                key: name.clone(),
                name: name.clone(),
                external: true,
                driver: None,
                driver_opts: Default::default(),
                labels: Default::default(),
                config_hash: String::new(),
            };
            project.volumes.entry(name.clone()).or_insert(volume);
        }
        service.mounts.retain(|other| other.target != mount.target);
        service.mounts.push(mount);
    }
    Ok(())
}
