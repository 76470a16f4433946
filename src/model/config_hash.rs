//! Compose's config hash of a service, which may depend on containers that exist only later.

use sha2::{Digest as _, Sha256};

use super::{ContainerId, ServiceName};

/// Part of the text that is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The id of this service's first container.
    ContainerOf(ServiceName),
}

/// What Compose hashes of a service: SHA-256 over JSON in which `network_mode: service:x`, `ipc`, `pid` and
/// `volumes_from` name the container of that service by its id, as Compose's `up` does before it hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigHash {
    pieces: Vec<Piece>,
}

impl ConfigHash {
    /// A hash over nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends text.
    pub fn push_text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    /// Appends the id of a service's first container.
    pub fn push_container_of(&mut self, service: ServiceName) {
        self.pieces.push(Piece::ContainerOf(service));
    }

    /// The services whose containers the hash names.
    pub fn containers_of(&self) -> impl Iterator<Item = &ServiceName> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::ContainerOf(service) => Some(service),
            Piece::Text(_) => None,
        })
    }

    /// The hash as 64 hexadecimal digits, `container` giving a service's first container; `None` when one that is
    /// needed does not exist.
    pub fn hex(&self, container: impl Fn(&ServiceName) -> Option<ContainerId>) -> Option<String> {
        let mut digest = Sha256::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => digest.update(text),
                Piece::ContainerOf(service) => digest.update(container(service)?.as_str()),
            }
        }
        Some(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_container_it_names() {
        let db = ServiceName::new("db").unwrap();
        let mut hash = ConfigHash::new();
        hash.push_text("container:");
        hash.push_container_of(db.clone());
        assert_eq!(hash.hex(|_| None), None);
        assert_eq!(hash.containers_of().collect::<Vec<_>>(), [&db]);
        let mut same = ConfigHash::new();
        same.push_text("container:");
        same.push_text("abc");
        assert_eq!(hash.hex(|_| Some("abc".into())), same.hex(|_| None));
    }
}
