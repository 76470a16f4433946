//! Addresses of engines: `unix:///run/x.sock`, `tcp://host:2375`, `ssh://user@host`.

use std::path::PathBuf;

use crate::engine::{
    error::EngineError,
    transport::{SshTarget, Tls, Transport},
};

/// An address as written, without what TLS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Unix(PathBuf),
    Tcp {
        /// `host:port`.
        authority: String,
        /// `https://`.
        tls: bool,
    },
    Ssh(SshTarget),
}

impl Address {
    /// How to get there; `tls` is used where the address is one of TCP.
    pub(super) fn transport(&self, tls: Option<Tls>) -> Transport {
        match self {
            Self::Unix(path) => Transport::Unix(path.clone()),
            Self::Tcp { authority, .. } => match tls {
                Some(tls) => Transport::Tls(authority.clone(), tls),
                None => Transport::Tcp(authority.clone()),
            },
            Self::Ssh(target) => Transport::Ssh(target.clone()),
        }
    }
}

/// Reads an address. `tls` says that TLS was asked for, which decides the usual port.
pub(super) fn parse(text: &str, tls: bool) -> Result<Address, EngineError> {
    let refuse = |what: String, help: &str| Err(EngineError::Settings { what, help: help.into() });
    const FORMS: &str = "addresses look like unix:///var/run/docker.sock, tcp://127.0.0.1:2375 or ssh://user@host";
    let text = text.trim();
    match text.split_once("://") {
        None if text.starts_with('/') => Ok(Address::Unix(text.into())),
        None if text.is_empty() => refuse("the engine's address is empty".into(), FORMS),
        None => tcp(text, text, tls, false),
        Some(("unix", path)) if path.starts_with('/') => Ok(Address::Unix(path.into())),
        Some(("unix", _)) => refuse(format!("{text} is not an absolute path"), FORMS),
        Some(("tcp" | "http", rest)) => tcp(text, rest, tls, false),
        Some(("https", rest)) => tcp(text, rest, true, true),
        Some(("ssh", rest)) => ssh(text, rest),
        Some(("npipe", _)) => refuse(
            format!("{text} is a pipe of Windows"),
            "on Windows, run devbox inside WSL2, where the engine has a socket",
        ),
        Some((scheme, _)) => refuse(format!("engines are not reached by {scheme}:// ({text})"), FORMS),
    }
}

fn tcp(whole: &str, rest: &str, tls: bool, https: bool) -> Result<Address, EngineError> {
    let authority = rest.split('/').next().unwrap_or(rest);
    let (host, port) = split_port(authority).ok_or_else(|| EngineError::Settings {
        what: format!("{whole} has no valid port"),
        help: "write it as tcp://127.0.0.1:2375".into(),
    })?;
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let port = port.unwrap_or(if tls { 2376 } else { 2375 });
    Ok(Address::Tcp { authority: format!("{host}:{port}"), tls: https })
}

fn ssh(whole: &str, rest: &str) -> Result<Address, EngineError> {
    let refuse = |why: &str| EngineError::Settings {
        what: format!("{whole} {why}"),
        help: "write it as ssh://user@host, with keys and options in ~/.ssh/config".into(),
    };
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if user.is_some_and(|user| user.contains(':')) {
        return Err(refuse("has a password in it, which ssh does not take"));
    }
    let (host, port) = split_port(host).ok_or_else(|| refuse("has no valid port"))?;
    if host.is_empty() {
        return Err(refuse("names no host"));
    }
    Ok(Address::Ssh(SshTarget {
        user: user.filter(|user| !user.is_empty()).map(Into::into),
        host: host.trim_matches(['[', ']']).into(),
        port,
        socket: (!path.is_empty()).then(|| format!("/{path}")),
    }))
}

/// Host and port of `host`, `host:1`, `[::1]:1`; `None` where the port isn't one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[end_of_host..].rfind(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let colon = end_of_host + colon;
            Some((&authority[..colon], Some(authority[colon + 1..].parse().ok()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse(text, false) {
            Ok(Address::Unix(path)) => format!("unix {}", path.display()),
            Ok(Address::Tcp { authority, tls }) => format!("tcp {authority}{}", if tls { " tls" } else { "" }),
            Ok(Address::Ssh(target)) => format!("{target:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn reads_addresses() {
        check("unix:///var/run/docker.sock", "unix /var/run/docker.sock");
        check("/run/x.sock", "unix /run/x.sock");
        check("tcp://127.0.0.1:2375", "tcp 127.0.0.1:2375");
        check("tcp://box", "tcp box:2375");
        check("box:1234", "tcp box:1234");
        check("tcp://[::1]:2375/", "tcp [::1]:2375");
        check("https://box", "tcp box:2376 tls");
        check(
            "ssh://me@box:22/run/x.sock",
            r#"SshTarget { user: Some("me"), host: "box", port: Some(22), socket: Some("/run/x.sock") }"#,
        );
        check("ssh://box", r#"SshTarget { user: None, host: "box", port: None, socket: None }"#);
    }

    #[test]
    fn refuses_what_is_none() {
        check("unix://x.sock", "unix://x.sock is not an absolute path");
        check("tcp://box:99999", "tcp://box:99999 has no valid port");
        check("npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine is a pipe of Windows");
        check("fd://3", "engines are not reached by fd:// (fd://3)");
        check("ssh://me:secret@box", "ssh://me:secret@box has a password in it, which ssh does not take");
        check("ssh://", "ssh:// names no host");
        check("", "the engine's address is empty");
    }
}
