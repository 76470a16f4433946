//! Published ports that everybody on the network reaches: the file asked for it, and seldom meant it.

use crate::{
    compose::Places,
    model::{Diagnostic, Project, Service},
};

/// One warning for each service in force that publishes on all interfaces.
pub fn warnings(project: &Project, places: &Places) -> Vec<Diagnostic> {
    project.enabled().filter_map(|service| warning(service, places)).collect()
}

/// What to say of one service.
pub fn warning(service: &Service, places: &Places) -> Option<Diagnostic> {
    let mut open = service.ports.iter().filter(|port| {
        port.published.is_some() && matches!(port.host_ip.as_deref(), None | Some("" | "0.0.0.0" | "::"))
    });
    let port = open.next()?;
    let published = port.published.as_deref().unwrap_or_default();
    let more = match open.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = format!(
        "{} publishes port {published}{more} on all interfaces: everyone on this network can reach it",
        service.name
    );
    let warning = Diagnostic::warning(what).help(format!("\"127.0.0.1:{published}:{}\"", port.target));
    Some(match places.of(&format!("services.{}.ports", service.name)) {
        Some(place) => warning.at(place),
        None => warning,
    })
}
