//! Saying who has a port that is taken: a container of this engine, or another program of this machine.

use super::step::{Means, StepError};
use crate::{
    engine::EngineError,
    model::{Diagnostic, ServiceName},
};

/// Names the owner of a port that is taken, and who wants it. Other errors stay what they are.
pub(super) async fn taken(means: &Means, service: &ServiceName, error: EngineError) -> StepError {
    let EngineError::PortTaken { port, .. } = &error else { return error.into() };
    let address = if port.host_ip.is_empty() { "all interfaces" } else { &port.host_ip };
    let number = port.host_port.unwrap_or_default();
    let owner = means.engine.port_owner(port).await.ok().flatten();
    let (by, help) = match &owner {
        Some(owner) => {
            let stop = match (&owner.project, &owner.service) {
                (Some(project), Some(service)) => format!("`devbox -p {project} stop {service}`"),
                _ => format!("stop the container {}", owner.container),
            };
            let project = owner.project.as_ref().map(|project| format!(" (project {project})")).unwrap_or_default();
            (format!("{}{project}", owner.container), stop)
        }
        None => match means.engine.port_process(port).await {
            Some(process) => (process.to_string(), "stop it".to_owned()),
            None => ("another program on this machine".to_owned(), "stop that program".to_owned()),
        },
    };
    let diagnostic = Diagnostic::error(format!("port {number} on {address} is taken by {by}"))
        .note(format!("{service} publishes it"))
        .help(format!(
            "{help}, or publish another port: \"{}:{}\"",
            number.saturating_add(1),
            inside(means, service, number)
        ));
    match means.published.get(service) {
        Some(place) => diagnostic.at(place.clone()).into(),
        None => diagnostic.into(),
    }
}

/// The port inside that the service publishes under this number.
fn inside(means: &Means, service: &ServiceName, published: u16) -> u16 {
    let ports = means.project.services.get(service).map(|service| &service.ports[..]).unwrap_or_default();
    let same = |port: &&crate::model::Port| port.published.as_deref() == Some(published.to_string().as_str());
    ports.iter().find(same).map_or(published, |port| port.target)
}
