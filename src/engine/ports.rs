//! Who has a port that is taken.

use crate::model::PublishedPort;

use super::{
    Engine,
    error::{EngineError, Subject},
    spec::labels,
    wire,
};

/// A container that publishes a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortOwner {
    /// Its name.
    pub container: String,
    /// The project it belongs to.
    pub project: Option<String>,
    /// The service it belongs to.
    pub service: Option<String>,
}

impl Engine {
    /// The container that publishes a host port, if it is a container of this engine; otherwise it is another program's.
    ///
    /// # Errors
    ///
    /// Any failure of the listing.
    pub async fn port_owner(&self, port: &PublishedPort) -> Result<Option<PortOwner>, EngineError> {
        let listed: Vec<wire::ListedContainer> =
            self.client().get("/containers/json", Subject::Engine("list containers")).await?;
        Ok(listed.into_iter().find(|container| container.ports.iter().any(|one| takes(one, port))).map(
            |mut container| {
                let name = container.names.first().map_or("", String::as_str);
                PortOwner {
                    container: name.strip_prefix('/').unwrap_or(name).to_owned(),
                    project: container.labels.remove(labels::PROJECT),
                    service: container.labels.remove(labels::SERVICE),
                }
            },
        ))
    }
}

/// Whether a published port leaves no room for another: the same number and protocol on addresses that overlap.
fn takes(published: &wire::ListedPort, wanted: &PublishedPort) -> bool {
    let all = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    Some(published.public_port) == wanted.host_port
        && published.protocol == wanted.protocol
        && (all(&published.ip) || all(&wanted.host_ip) || published.ip == wanted.host_ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap() {
        let check = |published: &str, wanted: &str, expected: bool| {
            let published =
                wire::ListedPort { ip: published.into(), private_port: 80, public_port: 8000, protocol: "tcp".into() };
            let wanted = PublishedPort {
                host_ip: wanted.into(),
                host_port: Some(8000),
                container_port: 0,
                protocol: "tcp".into(),
            };
            assert_eq!(takes(&published, &wanted), expected);
        };
        check("0.0.0.0", "127.0.0.1", true);
        check("127.0.0.1", "", true);
        check("127.0.0.1", "127.0.0.1", true);
        check("127.0.0.2", "127.0.0.1", false);
    }
}
