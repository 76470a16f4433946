//! From an engine's refusal to a kind of [`EngineError`]. The only place that knows status codes and engines' wording.
//!
//! The wording is that of moby 20.10 to 28 and of Podman 4 and 5; what isn't recognised stays [`EngineError::Server`] with the
//! engine's own words.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::PublishedPort;

use super::EngineError;

/// What a request was about.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) enum Subject<'a> {
    /// A container, by name or id.
    Container(&'a str),
    /// An image by its name.
    Image(&'a str),
    /// A network by name or id.
    Network(&'a str),
    /// A volume by name.
    Volume(&'a str),
    /// A process in a container.
    Exec(&'a str),
    /// The engine itself; what was asked.
    Engine(&'a str),
}

impl Subject<'_> {
    /// What was asked, for messages.
    pub(in crate::engine) fn describe(self) -> String {
        match self {
            Self::Container(name) => format!("container {name}"),
            Self::Image(name) => format!("image {name}"),
            Self::Network(name) => format!("network {name}"),
            Self::Volume(name) => format!("volume {name}"),
            Self::Exec(_) => "a command in a container".into(),
            Self::Engine(what) => what.into(),
        }
    }
}

#[expect(clippy::expect_used, reason = "the patterns are constants, and the tests use each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// The address in front of "address already in use" or "port is already allocated".
static TAKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:listen (?:tcp|udp|sctp)[46]? |bind for |host port (?:for )?|exposing port (?:tcp|udp) )(\[[0-9a-f:.]*\]|[0-9.]*):([0-9]{1,5})(?::|/(tcp|udp|sctp)\b)?",
    )
});
static UDP: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)listen udp|exposing port udp"));
static NAME_TAKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)container name "/?([^"]+)" is already in use(?: by (?:container )?"?([0-9a-f]{12,64}))?"#)
});
static HEX_ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-9a-f]{64}\b"));
static ENDPOINT_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r#"name:"([^"]+)""#));

/// The kind of a refusal with this status and message.
pub(in crate::engine) fn classify(status: u16, message: &str, subject: Subject<'_>) -> EngineError {
    let message = message.trim();
    let lower = message.to_ascii_lowercase();
    let taken = lower.contains("port is already allocated") || lower.contains("address already in use");
    if taken && let Some(port) = taken_port(message) {
        return EngineError::PortTaken { port, message: message.into() };
    }
    if let Some(found) = NAME_TAKEN.captures(message) {
        return EngineError::NameInUse { name: found[1].into(), by: found.get(2).map(|id| id.as_str().into()) };
    }
    if let Some(error) = image_refusal(status, message, &lower, subject) {
        return error;
    }
    match (status, subject) {
        (404, Subject::Container(name))
            if lower.contains("no such container") || lower.contains("no container with") =>
        {
            EngineError::NotFound { kind: "container", name: name.into() }
        }
        (404, Subject::Network(name)) => EngineError::NotFound { kind: "network", name: name.into() },
        (404, Subject::Volume(name)) => EngineError::NotFound { kind: "volume", name: name.into() },
        (404, Subject::Exec(name)) => EngineError::NotFound { kind: "command", name: name.into() },
        (_, Subject::Volume(name)) if lower.contains("in use") || lower.contains("being used") => {
            EngineError::VolumeInUse {
                volume: name.into(),
                by: HEX_ID.find_iter(message).map(|id| id.as_str()[..12].to_owned()).collect(),
            }
        }
        (_, Subject::Network(name)) if lower.contains("active endpoints") || lower.contains("being used") => {
            EngineError::NetworkInUse {
                network: name.into(),
                by: ENDPOINT_NAME.captures_iter(message).map(|found| found[1].to_owned()).collect(),
            }
        }
        (404, Subject::Container(name)) if lower.is_empty() => {
            EngineError::NotFound { kind: "container", name: name.into() }
        }
        (409, _) => EngineError::Conflict { message: message.into() },
        // Podman's ways to say it.
        (500, _)
            if lower.contains("state improper")
                || lower.contains("already used")
                || lower.contains("already exists") =>
        {
            EngineError::Conflict { message: message.into() }
        }
        _ => EngineError::Server {
            status,
            message: if message.is_empty() {
                format!("the engine refused with status {status} ({})", subject.describe())
            } else {
                message.into()
            },
        },
    }
}

fn taken_port(message: &str) -> Option<PublishedPort> {
    let found = TAKEN.captures_iter(message).last()?;
    let ip = found[1].trim_matches(['[', ']']);
    Some(PublishedPort {
        host_ip: if matches!(ip, "0.0.0.0" | "::") { String::new() } else { ip.into() },
        host_port: Some(found[2].parse().ok()?),
        container_port: 0,
        protocol: match found.get(3) {
            Some(protocol) => protocol.as_str().to_ascii_lowercase(),
            None if UDP.is_match(message) => "udp".into(),
            None => "tcp".into(),
        },
    })
}

/// Refusals of pulls, and of what needs an image that isn't there. Registries' words come through the engine's.
fn image_refusal(status: u16, message: &str, lower: &str, subject: Subject<'_>) -> Option<EngineError> {
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let Subject::Image(image) = subject else {
        let rest = lower.rfind("no such image: ").map(|at| message[at + "no such image: ".len()..].trim())?;
        let image = rest.split_whitespace().next().unwrap_or(rest);
        return Some(EngineError::NoSuchImage { image: image.into(), message: message.into() });
    };
    let image = image.to_owned();
    let message = message.to_owned();
    if has(&["too many requests", "toomanyrequests", "rate limit"]) {
        return Some(EngineError::Registry { image, message, temporary: true });
    }
    if has(&[
        "manifest unknown",
        "not found: manifest",
        "no matching manifest",
        "name unknown",
        "no such image",
        "image not known",
    ]) {
        return Some(EngineError::NoSuchImage { image, message });
    }
    if has(&[
        "unauthorized",
        "access denied",
        "denied:",
        "authentication required",
        "no basic auth",
        "incorrect username",
        "forbidden",
    ]) {
        return Some(EngineError::PullDenied { image, message });
    }
    if has(&[
        "no such host",
        "connection refused",
        "i/o timeout",
        "timeout exceeded",
        "deadline exceeded",
        "network is unreachable",
        "tls handshake timeout",
        "temporary failure in name resolution",
        "server misbehaving",
        "connection reset",
        "no route to host",
        "unexpected eof",
        "proxyconnect",
        "pinging container registry",
    ]) {
        return Some(EngineError::Registry { image, message, temporary: true });
    }
    (status == 404).then_some(EngineError::NoSuchImage { image, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, message: &str, subject: Subject<'_>, expected: &str) {
        assert_eq!(classify(status, message, subject).to_string(), expected, "{message}");
    }

    #[test]
    fn ports() {
        for (message, expected) in [
            (
                "driver failed programming external connectivity on endpoint a (1f): Bind for 0.0.0.0:8000 failed: port is already allocated",
                "port 8000 on all interfaces is taken",
            ),
            (
                "driver failed programming external connectivity on endpoint a (1f): Error starting userland proxy: listen tcp4 127.0.0.1:8000: bind: address already in use",
                "port 8000 on 127.0.0.1 is taken",
            ),
            (
                "failed to set up container networking: driver failed programming external connectivity on endpoint a (2e): failed to bind host port for 127.0.0.1:8000:172.17.0.2:80/tcp: address already in use",
                "port 8000 on 127.0.0.1 is taken",
            ),
            ("failed to bind host port 0.0.0.0:53/udp: address already in use", "port 53 on all interfaces is taken"),
            (
                "Ports are not available: exposing port TCP 0.0.0.0:5000 -> 127.0.0.1:0: listen tcp 0.0.0.0:5000: bind: address already in use",
                "port 5000 on all interfaces is taken",
            ),
            (
                "cannot listen on the TCP port: listen tcp4 :8000: bind: address already in use",
                "port 8000 on all interfaces is taken",
            ),
            ("listen tcp6 [::1]:8000: bind: address already in use", "port 8000 on ::1 is taken"),
        ] {
            check(500, message, Subject::Container("c"), expected);
        }
        let EngineError::PortTaken { port, .. } =
            classify(500, "failed to bind host port 0.0.0.0:53/udp: address already in use", Subject::Container("c"))
        else {
            panic!("no port")
        };
        assert_eq!(port.protocol, "udp");
    }

    #[test]
    fn names() {
        let id = "0123456789abcdef".repeat(4);
        let message = format!(
            "Conflict. The container name \"/shop-web-1\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name."
        );
        assert_eq!(
            classify(409, &message, Subject::Container("shop-web-1")),
            EngineError::NameInUse { name: "shop-web-1".into(), by: Some(id) }
        );
        check(
            500,
            "creating container storage: the container name \"a\" is already in use by 5f0a51e8c9a1c6c2a9bd. You have to remove that container to be able to reuse that name: that name is already in use",
            Subject::Container("a"),
            "the name a is already in use by a container",
        );
    }

    #[test]
    fn images() {
        let image = Subject::Image("team/app:1");
        check(404, "No such image: team/app:1", image, "there is no image team/app:1");
        check(
            404,
            "pull access denied for team/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
            image,
            "image team/app:1 can't be pulled: access denied",
        );
        check(
            404,
            "manifest for team/app:1 not found: manifest unknown: manifest unknown",
            image,
            "there is no image team/app:1",
        );
        check(
            500,
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
            image,
            "image team/app:1 can't be pulled: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
        );
        check(
            404,
            "no such image: busybox:9: No such image: busybox:9",
            Subject::Container("x"),
            "there is no image busybox:9",
        );
        check(404, "No such image: busybox:9", Subject::Container("x"), "there is no image busybox:9");
    }

    #[test]
    fn things_that_are_gone_or_in_use() {
        check(404, "No such container: x", Subject::Container("x"), "there is no container x");
        check(404, "network x not found", Subject::Network("x"), "there is no network x");
        check(404, "get x: no such volume", Subject::Volume("x"), "there is no volume x");
        check(409, "remove x: volume is in use - [aa]", Subject::Volume("x"), "volume x is in use");
        check(
            403,
            "error while removing network: network x id 1 has active endpoints (name:\"a\" id:\"1\")",
            Subject::Network("x"),
            "network x is in use",
        );
        check(409, "Container 1 is not running", Subject::Container("x"), "Container 1 is not running");
        let podman = "network name x already used: network already exists";
        assert!(matches!(classify(500, podman, Subject::Network("x")), EngineError::Conflict { .. }));
        check(500, "boom", Subject::Container("x"), "boom");
        check(503, "", Subject::Engine("version"), "the engine refused with status 503 (version)");
    }
}
