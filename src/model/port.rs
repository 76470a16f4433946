//! Published ports (Compose specification, ports).

use std::fmt;

/// The transport of a published port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// The default.
    Tcp,
    /// `/udp`.
    Udp,
    /// Another one, `sctp` for instance; the engine decides.
    Other(String),
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Protocol::Tcp => f.write_str("tcp"),
            Protocol::Udp => f.write_str("udp"),
            Protocol::Other(name) => f.write_str(name),
        }
    }
}

/// One container port and where it is published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port {
    /// The port inside the container.
    pub target: u16,
    /// The port, or `a-b` range to choose from, on the host; `None` lets the engine choose.
    pub published: Option<String>,
    /// The host address; `None` is all interfaces.
    pub host_ip: Option<String>,
    /// The transport.
    pub protocol: Protocol,
    /// `host` or `ingress`; no meaning outside a swarm.
    pub mode: Option<String>,
    /// A name for readers.
    pub name: Option<String>,
    /// A hint, `http` for instance.
    pub app_protocol: Option<String>,
}
