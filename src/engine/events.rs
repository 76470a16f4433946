//! What happens on the engine, as it happens.
//!
//! An event says *look again*; it is also told in the history. The stream never ends with `None`: when the engine ends it, that is a lost
//! connection, and the caller connects again.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream::BoxStream};
use http::Method;
use serde::Deserialize;

use crate::model::{ContainerId, HealthState, ProjectName, ServiceName, Timestamp};

use super::{
    Engine, EngineKind,
    error::{EngineError, Subject},
    http::{QUICK, escape},
    observe::health_state,
    spec::labels,
    stream::json_lines,
    wire::nullable,
};

/// Whose events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsOf {
    /// A project's containers. Of networks, volumes and images all are told, since their events don't say whose they are.
    Project(ProjectName),
    /// Every container's.
    All,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerAction {
    /// It was made.
    Create,
    /// Its process began.
    Start,
    /// Its process ended.
    Die {
        /// Exit code; 128 + n for a signal n.
        code: i64,
    },
    /// It was sent a signal, by its number or name.
    Kill {
        /// `15`, `SIGHUP`.
        signal: String,
    },
    /// A stop was done.
    Stop,
    /// A restart was done.
    Restart,
    /// It was frozen.
    Pause,
    /// It was thawed.
    Unpause,
    /// The kernel killed a process of it for memory.
    OutOfMemory,
    /// It was removed.
    Destroy,
    /// It has another name.
    Rename {
        /// The name it had.
        from: String,
    },
    /// Its health changed.
    Health(HealthState),
    /// Something else, by the engine's word.
    Other(String),
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSubject {
    /// A container.
    Container {
        /// Its id.
        id: ContainerId,
        /// Its name.
        name: String,
        /// Its service, where it is one of a project.
        service: Option<ServiceName>,
        /// Its number.
        number: u32,
        /// Made by `run`.
        oneoff: bool,
        /// What happened.
        action: ContainerAction,
    },
    /// A network: `create`, `connect`, `disconnect`, `destroy`.
    Network {
        /// Its name.
        name: String,
        /// What happened.
        action: String,
    },
    /// A volume: `create`, `destroy`.
    Volume {
        /// Its name.
        name: String,
        /// What happened.
        action: String,
    },
    /// An image: `pull`, `tag`, `untag`, `delete`, `load`, `import`.
    Image {
        /// Its name or id.
        name: String,
        /// What happened.
        action: String,
    },
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// When, by the engine's clock.
    pub time: Timestamp,
    /// What.
    pub subject: EventSubject,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(rename = "Action", default)]
    action: String,
    #[serde(rename = "Actor", default)]
    actor: Actor,
    #[serde(rename = "timeNano", default)]
    time_nano: i64,
    #[serde(default)]
    time: i64,
}

#[derive(Deserialize, Default)]
struct Actor {
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "Attributes", default, deserialize_with = "nullable")]
    attributes: BTreeMap<String, String>,
}

/// All but the events of commands in containers, which healthchecks make every few seconds.
const WANTED: &str = r#""create","start","restart","stop","die","kill","oom","pause","unpause","rename","update","destroy","health_status","connect","disconnect","remove","pull","tag","untag","delete","import","load""#;

impl Engine {
    /// Events from now on. When this returns, nothing that happens is missed.
    ///
    /// # Errors
    ///
    /// Any failure of the request. In the stream: a lost connection, after which it ends.
    pub async fn events(
        &self,
        of: EventsOf,
    ) -> Result<BoxStream<'static, Result<EngineEvent, EngineError>>, EngineError> {
        let mut filters = r#""type":["container","network","volume","image"]"#.to_owned();
        // Podman has other words for some, and takes what it doesn't know for no event at all.
        if self.info().kind != EngineKind::Podman {
            filters.push_str(&format!(r#","event":[{WANTED}]"#));
        }
        let path = format!("/events?filters={}", escape(&format!("{{{filters}}}")));
        let request = self.client().request(Method::GET, &path)?;
        let response = self.client().send(request, QUICK, Subject::Engine("listen to events")).await?;
        let client = self.client().clone();
        let messages = json_lines::<Message>(client.clone(), response, "events");
        let ended = futures_util::stream::once(async move { Err(client.lost("it ended the stream of events".into())) });
        let events = messages.chain(ended).filter_map(move |message| {
            std::future::ready(match message {
                Ok(message) => event(message, &of).map(Ok),
                Err(error) => Some(Err(error)),
            })
        });
        // One error, and no more after it.
        let mut failed = false;
        Ok(events.take_while(move |item| std::future::ready(!std::mem::replace(&mut failed, item.is_err()))).boxed())
    }
}

fn event(message: Message, of: &EventsOf) -> Option<EngineEvent> {
    let time = if message.time_nano != 0 { message.time_nano } else { message.time.saturating_mul(1_000_000_000) };
    let mut attributes = message.actor.attributes;
    let name = attributes.remove("name");
    let subject = match message.kind.as_str() {
        "container" => {
            let belongs = match of {
                EventsOf::All => true,
                EventsOf::Project(project) => {
                    attributes.get(labels::PROJECT).is_some_and(|name| *project == name.as_str())
                }
            };
            if !belongs {
                return None;
            }
            EventSubject::Container {
                action: action(&message.action, &attributes)?,
                name: name.unwrap_or_default(),
                service: attributes.get(labels::SERVICE).and_then(|name| ServiceName::new(name).ok()),
                number: attributes.get(labels::NUMBER).and_then(|number| number.parse().ok()).unwrap_or(0),
                oneoff: attributes.get(labels::ONEOFF).is_some_and(|value| value == "True"),
                id: ContainerId::from(message.actor.id),
            }
        }
        "network" => EventSubject::Network { name: name.unwrap_or(message.actor.id), action: message.action },
        "volume" => EventSubject::Volume { name: message.actor.id, action: message.action },
        "image" => EventSubject::Image { name: name.unwrap_or(message.actor.id), action: message.action },
        _ => return None,
    };
    Some(EngineEvent { time: Timestamp(time), subject })
}

fn action(word: &str, attributes: &BTreeMap<String, String>) -> Option<ContainerAction> {
    let attribute = |names: &[&str]| names.iter().find_map(|name| attributes.get(*name)).cloned().unwrap_or_default();
    Some(match word {
        "create" => ContainerAction::Create,
        "start" => ContainerAction::Start,
        "die" | "died" => {
            ContainerAction::Die { code: attribute(&["exitCode", "containerExitCode"]).parse().unwrap_or(0) }
        }
        "kill" => ContainerAction::Kill { signal: attribute(&["signal"]) },
        "stop" => ContainerAction::Stop,
        "restart" => ContainerAction::Restart,
        "pause" => ContainerAction::Pause,
        "unpause" => ContainerAction::Unpause,
        "oom" => ContainerAction::OutOfMemory,
        "destroy" | "remove" => ContainerAction::Destroy,
        "rename" => {
            let from = attribute(&["oldName"]);
            ContainerAction::Rename { from: from.strip_prefix('/').map_or(from.clone(), ToOwned::to_owned) }
        }
        // Commands in containers: sessions and healthchecks.
        _ if word.starts_with("exec") => return None,
        _ => match word.strip_prefix("health_status") {
            // Docker appends the state; Podman has it as an attribute.
            Some(state) => {
                let state = state.trim_start_matches(": ").to_owned();
                let state = if state.is_empty() { attribute(&["health_status", "healthStatus"]) } else { state };
                match health_state(&state) {
                    Some(health) => ContainerAction::Health(health),
                    None => ContainerAction::Other(word.into()),
                }
            }
            None => ContainerAction::Other(word.into()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<EventSubject>) {
        let of = EventsOf::Project(ProjectName::new("shop").unwrap());
        let message: Message = serde_json::from_str(json).unwrap();
        assert_eq!(event(message, &of).map(|event| event.subject), expected);
    }

    fn container(action: ContainerAction) -> Option<EventSubject> {
        Some(EventSubject::Container {
            id: ContainerId::from("ab"),
            name: "shop-web-1".into(),
            service: Some(ServiceName::new("web").unwrap()),
            number: 1,
            oneoff: false,
            action,
        })
    }

    fn message(action: &str, more: &str) -> String {
        format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"ab","Attributes":{{"name":"shop-web-1",{more}
            "com.docker.compose.project":"shop","com.docker.compose.service":"web","com.docker.compose.container-number":"1"}}}},"timeNano":5}}"#
        )
    }

    #[test]
    fn reads_what_happens_to_containers() {
        check(&message("start", ""), container(ContainerAction::Start));
        check(&message("die", r#""exitCode":"137","#), container(ContainerAction::Die { code: 137 }));
        check(&message("died", r#""containerExitCode":"3","#), container(ContainerAction::Die { code: 3 }));
        check(&message("health_status: unhealthy", ""), container(ContainerAction::Health(HealthState::Unhealthy)));
        check(
            &message("rename", r#""oldName":"/ab_shop-web-1","#),
            container(ContainerAction::Rename { from: "ab_shop-web-1".into() }),
        );
        check(&message("exec_start: sh", ""), None);
        check(&message("start", "").replace("\"shop\"", "\"blog\""), None);
    }

    #[test]
    fn resources_are_told_whosever_they_are() {
        check(
            r#"{"Type":"network","Action":"destroy","Actor":{"ID":"n","Attributes":{"name":"shop_default"}}}"#,
            Some(EventSubject::Network { name: "shop_default".into(), action: "destroy".into() }),
        );
        check(
            r#"{"Type":"volume","Action":"create","Actor":{"ID":"shop_db","Attributes":null}}"#,
            Some(EventSubject::Volume { name: "shop_db".into(), action: "create".into() }),
        );
    }
}
