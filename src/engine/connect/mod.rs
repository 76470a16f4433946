//! Where the engine is, and what it is.
//!
//! [`candidates`] says where to look (pure, apart from reading the docker client's own settings); [`connect`] asks each in turn with one
//! request, whose headers tell kind, version and API. Nothing here reads the process's environment: it comes as an argument.

mod address;
mod candidates;
mod context;
mod environment;
mod info;
mod tls;

use std::time::Duration;

use http::{HeaderMap, Method};

pub use candidates::{Candidate, Found, candidates};
pub(super) use context::read as read_settings;
pub use environment::{ConnectOptions, Environment};
pub use info::{ApiVersion, EngineInfo, EngineKind};

use super::{
    config_file::ConfigFile,
    error::{EngineError, Failure, Subject, Tried, classify},
    http::{Broken, Client},
};

/// How long an engine may take for its first answer. One that takes longer counts as not there.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

/// The newest version of the API whose meaning is known here; an engine that offers more is asked for this one.
const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 51 };
/// Docker 20.10.
const OLDEST: ApiVersion = ApiVersion { major: 1, minor: 41 };

/// Asks one candidate after the other, and returns a client of the first that answers.
pub(super) async fn connect(
    options: &ConnectOptions,
    config: &ConfigFile,
) -> Result<(Client, EngineInfo), EngineError> {
    let candidates = candidates(options, config.current_context.as_deref())?;
    let mut tried = Vec::new();
    for candidate in candidates {
        match ask(&candidate).await {
            Ok((client, headers)) => return accept(&candidate, client, &headers),
            Err(Answer::None(failure)) => {
                tried.push(Tried { address: candidate.address.clone(), because: candidate.found.because(), failure })
            }
            Err(Answer::Refused(error)) => return Err(error),
        }
    }
    Err(EngineError::NotReachable { tried })
}

enum Answer {
    None(Failure),
    Refused(EngineError),
}

async fn ask(candidate: &Candidate) -> Result<(Client, HeaderMap), Answer> {
    let client = Client::new(candidate.transport.clone(), candidate.address.clone(), None);
    let request = client.request(Method::HEAD, "/_ping").map_err(Answer::Refused)?;
    match client.send_raw(request, FIRST_ANSWER).await {
        Ok(response) if response.status().is_success() => Ok((client, response.headers().clone())),
        Ok(response) => {
            Err(Answer::Refused(classify(response.status().as_u16(), "", Subject::Engine("is it an engine?"))))
        }
        Err(Broken::Dial(error)) => Err(Answer::None(Failure::of(&error))),
        Err(Broken::Lost(why)) => Err(Answer::None(Failure::Other(why))),
        Err(Broken::Timeout(_)) => Err(Answer::None(Failure::TimedOut)),
    }
}

fn accept(candidate: &Candidate, client: Client, headers: &HeaderMap) -> Result<(Client, EngineInfo), EngineError> {
    let info = info::read(candidate, headers).ok_or_else(|| EngineError::Protocol {
        what: format!("is {} an engine?", candidate.address),
        why: "no API version in it".into(),
    })?;
    if info.api_version < OLDEST {
        return Err(EngineError::Unsupported {
            what: format!("{} at {} is too old: its API is {}", info.title(), info.address, info.api_version),
            help: "devbox needs Docker 20.10 or later, or Podman 4 or later".into(),
        });
    }
    let client = client.with_version(info.api_version.min(NEWEST));
    Ok((client, info))
}
