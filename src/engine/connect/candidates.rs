//! Where an engine is looked for, in the docker client's order: `-H`, `-c`, DOCKER_HOST, DOCKER_CONTEXT, the current context,
//! and where none of these says anything, the usual sockets.
//!
//! What the user named is the only candidate: falling back to another engine would start containers where nobody expects them.

use std::path::{Path, PathBuf};

use crate::engine::{error::EngineError, transport::Transport};

use super::{
    address::{self, Address},
    context,
    environment::{ConnectOptions, Environment},
    tls,
};

/// How an engine was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// `-H`, `--host`.
    Flag,
    /// The variable DOCKER_HOST.
    DockerHost,
    /// A context, by its name and by who named it: `-c`, `DOCKER_CONTEXT`, `docker context use`.
    Context {
        /// Its name.
        name: String,
        /// Who named it.
        by: &'static str,
    },
    /// One of the usual sockets, by the product that puts it there.
    Usual(&'static str),
}

impl Found {
    /// Who named it, for messages; empty for the usual sockets.
    pub fn because(&self) -> String {
        match self {
            Self::Flag => "-H".into(),
            Self::DockerHost => "DOCKER_HOST".into(),
            Self::Context { name, by } => format!("context {name}, {by}"),
            Self::Usual(_) => String::new(),
        }
    }
}

/// One place to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who named it.
    pub found: Found,
    /// As shown.
    pub address: String,
    /// How to get there.
    pub transport: Transport,
}

/// The places to ask, in order. `current` is the context that `docker context use` chose.
///
/// # Errors
///
/// [`EngineError::Settings`] when what the user named can't be used: an unknown context, a malformed address, a broken
/// certificate; [`EngineError::File`] when the docker client's settings can't be read.
pub fn candidates(options: &ConnectOptions, current: Option<&str>) -> Result<Vec<Candidate>, EngineError> {
    let environment = &options.environment;
    if options.host.is_some() && options.context.is_some() {
        return Err(EngineError::Settings {
            what: "both -H and -c name an engine".into(),
            help: "give one of them".into(),
        });
    }
    if let Some(host) = &options.host {
        return Ok(vec![from_host(host, Found::Flag, environment)?]);
    }
    if let Some(name) = &options.context {
        return from_context(name, "-c", environment);
    }
    if let Some(host) = environment.get("DOCKER_HOST") {
        return Ok(vec![from_host(host, Found::DockerHost, environment)?]);
    }
    if let Some(name) = environment.get("DOCKER_CONTEXT") {
        return from_context(name, "DOCKER_CONTEXT", environment);
    }
    match current {
        Some(name) if !name.is_empty() => from_context(name, "`docker context use`", environment),
        _ => Ok(usual(environment, cfg!(target_os = "macos"))),
    }
}

fn from_host(host: &str, found: Found, environment: &Environment) -> Result<Candidate, EngineError> {
    let verify = environment.get("DOCKER_TLS_VERIFY").is_some();
    let folder = environment.get("DOCKER_CERT_PATH").map(PathBuf::from);
    let wanted = verify || folder.is_some() || environment.get("DOCKER_TLS").is_some();
    let address = address::parse(host, wanted)?;
    let tls = match &address {
        Address::Tcp { tls: https, .. } if wanted || *https => {
            let folder = folder.or_else(|| environment.docker_dir()).unwrap_or_default();
            // `https://` alone asks for a server that can be trusted.
            Some(tls::load(&folder, verify || !wanted)?)
        }
        _ => None,
    };
    Ok(Candidate { found, address: host.into(), transport: address.transport(tls) })
}

fn from_context(name: &str, by: &'static str, environment: &Environment) -> Result<Vec<Candidate>, EngineError> {
    if name == "default" {
        return match environment.get("DOCKER_HOST") {
            Some(host) => Ok(vec![from_host(host, Found::DockerHost, environment)?]),
            None => Ok(usual(environment, cfg!(target_os = "macos"))),
        };
    }
    let folder = environment.docker_dir().unwrap_or_default();
    let endpoint = context::load(&folder, name, by)?;
    let found = Found::Context { name: name.into(), by };
    let has_tls = endpoint.certificates.is_some() || endpoint.skip_verify;
    let address = address::parse(&endpoint.host, has_tls)?;
    let tls = match &address {
        Address::Tcp { tls, .. } if has_tls || *tls => {
            let certificates = endpoint.certificates.as_deref().unwrap_or(Path::new("/nonexistent"));
            Some(tls::load(certificates, !endpoint.skip_verify)?)
        }
        _ => None,
    };
    Ok(vec![Candidate { found, address: endpoint.host, transport: address.transport(tls) }])
}

/// The sockets that engines' installers make, the most common first.
fn usual(environment: &Environment, mac: bool) -> Vec<Candidate> {
    let mut places: Vec<(&'static str, PathBuf)> = vec![("Docker", "/var/run/docker.sock".into())];
    let runtime = environment.runtime_dir();
    if !mac {
        places.push(("Docker rootless", runtime.join("docker.sock")));
    }
    if let Some(home) = environment.home() {
        let of_home = [
            ("Docker Desktop", ".docker/run/docker.sock", true),
            ("Docker Desktop", ".docker/desktop/docker.sock", false),
            ("Colima", ".colima/default/docker.sock", mac),
            ("Colima", ".config/colima/default/docker.sock", mac),
            ("OrbStack", ".orbstack/run/docker.sock", true),
            ("Rancher Desktop", ".rd/docker.sock", mac),
        ];
        for (product, path, only_mac) in of_home {
            if only_mac == mac || !only_mac {
                places.push((product, home.join(path)));
            }
        }
    }
    if mac {
        if let Some(folder) = environment.get("TMPDIR") {
            places.push(("Podman", Path::new(folder).join("podman/podman-machine-default-api.sock")));
        }
        if let Some(home) = environment.home() {
            places.push(("Podman", home.join(".local/share/containers/podman/machine/podman.sock")));
        }
    } else {
        places.push(("Podman", runtime.join("podman/podman.sock")));
        places.push(("Podman", "/run/podman/podman.sock".into()));
    }
    places
        .into_iter()
        .map(|(product, path)| Candidate {
            found: Found::Usual(product),
            address: format!("unix://{}", path.display()),
            transport: Transport::Unix(path),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path, variables: &[(&str, &str)]) -> Environment {
        let home = home.as_os_str().to_owned();
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Environment::new(variables.chain([("HOME".into(), home)]), 1000)
    }

    fn check(options: &ConnectOptions, expected: &str) {
        let shown = match candidates(options, Some("two")) {
            Ok(candidates) => candidates
                .iter()
                .map(|one| format!("{} <{}>", one.address, one.found.because()))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_named_first_wins() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        context::tests::write(&docker, "one", "unix:///one.sock");
        context::tests::write(&docker, "two", "ssh://me@two");
        let all = environment(home.path(), &[("DOCKER_HOST", "tcp://a:1"), ("DOCKER_CONTEXT", "one")]);

        let mut options = ConnectOptions { environment: all, ..Default::default() };
        check(&options, "tcp://a:1 <DOCKER_HOST>");
        options.context = Some("one".into());
        check(&options, "unix:///one.sock <context one, -c>");
        options.host = Some("unix:///h.sock".into());
        check(&options, "both -H and -c name an engine");
        options.context = None;
        check(&options, "unix:///h.sock <-H>");

        options.host = None;
        options.environment = environment(home.path(), &[("DOCKER_CONTEXT", "one")]);
        check(&options, "unix:///one.sock <context one, DOCKER_CONTEXT>");
        options.environment = environment(home.path(), &[]);
        check(&options, "ssh://me@two <context two, `docker context use`>");
        options.environment = environment(home.path(), &[("DOCKER_CONTEXT", "three")]);
        check(&options, "there is no context three (from DOCKER_CONTEXT)");
    }

    #[test]
    fn without_a_word_from_the_user_the_usual_sockets_are_tried() {
        let addresses = |mac| -> Vec<String> {
            usual(&environment(Path::new("/home/me"), &[]), mac).into_iter().map(|one| one.address).collect()
        };
        assert_eq!(
            addresses(false),
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/1000/docker.sock",
                "unix:///home/me/.docker/desktop/docker.sock",
                "unix:///home/me/.colima/default/docker.sock",
                "unix:///home/me/.config/colima/default/docker.sock",
                "unix:///home/me/.rd/docker.sock",
                "unix:///run/user/1000/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ]
        );
        assert_eq!(addresses(true)[1], "unix:///home/me/.docker/run/docker.sock");
    }

    #[test]
    fn tls_is_used_when_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let transport = |variables: &[(&str, &str)], host: &str| {
            let options = ConnectOptions {
                host: Some(host.into()),
                environment: environment(home.path(), variables),
                ..Default::default()
            };
            candidates(&options, None).unwrap().remove(0).transport
        };
        assert!(matches!(transport(&[], "tcp://a"), Transport::Tcp(address) if address == "a:2375"));
        let tls = transport(&[("DOCKER_TLS_VERIFY", "1")], "tcp://a");
        assert!(matches!(tls, Transport::Tls(address, _) if address == "a:2376"));
        assert!(matches!(transport(&[], "https://a"), Transport::Tls(..)));
        assert!(matches!(transport(&[("DOCKER_TLS_VERIFY", "1")], "unix:///a"), Transport::Unix(_)));
    }
}
