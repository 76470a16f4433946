//! What is done to containers. One call each; what order they come in is the plan's business.

use std::{collections::BTreeMap, time::Duration};

use bollard::query_parameters::{KillContainerOptions, RemoveContainerOptions, RenameContainerOptions};
use http::Method;
use serde::Deserialize;

use crate::model::{ContainerId, Observed, Project, Service};

use super::{
    Engine,
    error::{EngineError, Subject},
    http::{QUICK, WORK, escape},
    spec,
    wire::nullable,
};

/// What differs for a container of `run`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOff {
    /// 64 hexadecimal digits that name it; its name ends in the first twelve.
    pub slug: String,
    /// Standard input is attached, and ends with the one who attached.
    pub attach_stdin: bool,
    /// The engine removes it when it ends.
    pub auto_remove: bool,
    /// It answers to the service's name on the network (`run --use-aliases`).
    pub use_aliases: bool,
}

/// A container to be made. `service` carries all that it should be; for `run`, with the command line's wishes put into it.
#[derive(Debug, Clone, Copy)]
pub struct NewContainer<'a> {
    /// The project.
    pub project: &'a Project,
    /// What it should be.
    pub service: &'a Service,
    /// Its number; without meaning for a one-off container.
    pub number: u32,
    /// The name that it is made under.
    pub name: &'a str,
    /// What exists: images for the label, containers for shared namespaces, links and volumes.
    pub observed: &'a Observed,
    /// It takes another one's place.
    pub replaces: bool,
    /// Volumes that go on from that one: path inside → volume.
    pub volumes: &'a BTreeMap<String, String>,
    /// Labels beside the service's own.
    pub labels: &'a BTreeMap<String, String>,
    /// For `run`.
    pub oneoff: Option<&'a OneOff>,
}

/// A container that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: ContainerId,
    /// What the engine remarks.
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAnswer {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitAnswer {
    #[serde(default)]
    status_code: i64,
    #[serde(default)]
    error: Option<WaitError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WaitError {
    #[serde(default)]
    message: String,
}

impl Engine {
    /// Makes a container, on all its networks, not started.
    ///
    /// # Errors
    ///
    /// [`EngineError::NameInUse`], [`EngineError::NoSuchImage`]; [`EngineError::Spec`] and [`EngineError::Unsupported`] for what
    /// can't be asked of this engine. When joining a further network fails the container is removed again.
    pub async fn create(&self, new: &NewContainer<'_>) -> Result<Created, EngineError> {
        let subject = Subject::Container(new.name);
        let proxies = self.0.config.proxy_variables(&self.info().address);
        let request = spec::create_request(spec::Context { api: self.api(), proxies: &proxies, new })?;
        let mut path = format!("/containers/create?name={}", escape(new.name));
        if let Some(platform) = &new.service.platform {
            path.push_str(&format!("&platform={}", escape(platform)));
        }
        let answer: CreateAnswer = self.client().post(&path, &request, subject).await?;
        let id = ContainerId::from(answer.id);
        for extra in spec::extra_endpoints(new, self.api()) {
            if let Err(error) = self.join(&extra.network, &id, extra.endpoint).await {
                // Half a container would pass for a whole one at the next look.
                self.remove(&id, true, true).await?;
                return Err(error);
            }
        }
        Ok(Created { id, warnings: answer.warnings })
    }

    /// Starts it; one that runs already is no error.
    ///
    /// # Errors
    ///
    /// [`EngineError::PortTaken`] among others.
    pub async fn start(&self, container: &ContainerId) -> Result<(), EngineError> {
        self.post_container(container, "start", WORK).await
    }

    /// Stops it: its stop signal, and the kill after `timeout` (`None`: its own grace period). One that doesn't run is no error.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when it is gone.
    pub async fn stop(&self, container: &ContainerId, timeout: Option<Duration>) -> Result<(), EngineError> {
        self.post_container(container, &with_timeout("stop", timeout), stop_limit(timeout)).await
    }

    /// Stops and starts it.
    ///
    /// # Errors
    ///
    /// As [`Engine::stop`] and [`Engine::start`].
    pub async fn restart(&self, container: &ContainerId, timeout: Option<Duration>) -> Result<(), EngineError> {
        self.post_container(container, &with_timeout("restart", timeout), stop_limit(timeout)).await
    }

    /// Sends its first process a signal: `SIGHUP`, `HUP`, `1`.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when it doesn't run.
    pub async fn kill(&self, container: &ContainerId, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptions { signal: signal.into() };
        let result = self.docker().kill_container(container.as_str(), Some(options)).await;
        result.map_err(|error| self.client().bollard(error, Subject::Container(container.as_str())))
    }

    /// Freezes it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when it doesn't run or is frozen already.
    pub async fn pause(&self, container: &ContainerId) -> Result<(), EngineError> {
        let result = self.docker().pause_container(container.as_str()).await;
        result.map_err(|error| self.client().bollard(error, Subject::Container(container.as_str())))
    }

    /// Thaws it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when it isn't frozen.
    pub async fn unpause(&self, container: &ContainerId) -> Result<(), EngineError> {
        let result = self.docker().unpause_container(container.as_str()).await;
        result.map_err(|error| self.client().bollard(error, Subject::Container(container.as_str())))
    }

    /// Removes it, with its anonymous volumes if `volumes` says so, also while it runs if `force` does. One that is gone is no error.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when it runs, without `force`.
    pub async fn remove(&self, container: &ContainerId, volumes: bool, force: bool) -> Result<(), EngineError> {
        let options = RemoveContainerOptions { v: volumes, force, link: false };
        match self.docker().remove_container(container.as_str(), Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) => match self.client().bollard(error, Subject::Container(container.as_str())) {
                error if error.is_not_found() => Ok(()),
                // Another removal is under way.
                EngineError::Conflict { message } if message.contains("already in progress") => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Gives it another name.
    ///
    /// # Errors
    ///
    /// [`EngineError::NameInUse`] when that is taken.
    pub async fn rename(&self, container: &ContainerId, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptions { name: name.into() };
        let result = self.docker().rename_container(container.as_str(), options).await;
        result.map_err(|error| self.client().bollard(error, Subject::Container(container.as_str())))
    }

    /// Waits until it doesn't run, and says how it ended. Dropping the future ends the waiting only.
    ///
    /// # Errors
    ///
    /// [`EngineError::Lost`] when the connection breaks; [`EngineError::NotFound`] when the container is gone.
    pub async fn wait(&self, container: &ContainerId) -> Result<i64, EngineError> {
        self.wait_for(container, "not-running").await
    }

    async fn wait_for(&self, container: &ContainerId, condition: &'static str) -> Result<i64, EngineError> {
        self.begin_wait(container, condition).await?.await
    }

    /// Asks for a container's end; the outer future is done when the engine has begun to wait.
    pub(super) async fn begin_wait(
        &self,
        container: &ContainerId,
        condition: &'static str,
    ) -> Result<impl Future<Output = Result<i64, EngineError>> + Send + use<>, EngineError> {
        let subject = Subject::Container(container.as_str());
        let path = format!("/containers/{}/wait?condition={condition}", escape(container.as_str()));
        let request = self.client().request(Method::POST, &path)?;
        // It takes as long as the container runs.
        let response = self.client().send(request, Duration::MAX, subject).await?;
        let (client, id) = (self.client().clone(), container.clone());
        Ok(async move {
            let subject = Subject::Container(id.as_str());
            let answer = client.read(response, Duration::MAX, subject).await?;
            let answer: WaitAnswer = serde_json::from_slice(&answer)
                .map_err(|error| EngineError::Protocol { what: subject.describe(), why: error.to_string() })?;
            match answer.error.map(|error| error.message) {
                Some(message) if !message.is_empty() => Err(EngineError::Server { status: 200, message }),
                _ => Ok(answer.status_code),
            }
        })
    }

    /// The processes in it, as `ps` on the engine's machine names them: titles, and a row each.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when it doesn't run.
    pub async fn top(&self, container: &ContainerId) -> Result<(Vec<String>, Vec<Vec<String>>), EngineError> {
        let subject = Subject::Container(container.as_str());
        let result = self.docker().top_processes(container.as_str(), None).await;
        let top = result.map_err(|error| self.client().bollard(error, subject))?;
        Ok((top.titles.unwrap_or_default(), top.processes.unwrap_or_default()))
    }

    /// Tells the container's terminal its size.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when it doesn't run.
    pub(super) async fn resize_container(
        &self,
        container: &ContainerId,
        size: super::TerminalSize,
    ) -> Result<(), EngineError> {
        let path = format!("resize?h={}&w={}", size.rows, size.columns);
        self.post_container(container, &path, QUICK).await
    }

    async fn post_container(&self, container: &ContainerId, action: &str, limit: Duration) -> Result<(), EngineError> {
        let path = format!("/containers/{}/{action}", escape(container.as_str()));
        let request = self.client().request(Method::POST, &path)?;
        self.client().fetch(request, limit, Subject::Container(container.as_str())).await.map(drop)
    }
}

fn with_timeout(action: &str, timeout: Option<Duration>) -> String {
    match timeout {
        // Part of a second is one: 0 would be the kill at once.
        Some(timeout) => format!("{action}?t={}", timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)),
        None => action.to_owned(),
    }
}

/// How long the engine may take to stop a container: the time it was given and some more. Its own grace period isn't known here,
/// and can be anything.
fn stop_limit(timeout: Option<Duration>) -> Duration {
    match timeout {
        Some(timeout) => timeout.saturating_add(WORK),
        None => Duration::MAX,
    }
}
