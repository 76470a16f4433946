//! What is asked of an engine for a compose file is what Docker Compose asks of it.
//!
//! Each `tests/fixtures/requests/*.yaml` has a recording of Compose's requests beside it, for an old and a new version of the API. They are
//! recorded again, against a daemon that only listens, when `DEVBOX_COMPOSE` names a Compose binary:
//! `DEVBOX_COMPOSE=docker-compose cargo test --test it engine_requests`. Both sides are compared without empty values, since Go writes
//! those out, and with lists in order where Compose's order is that of a Go map.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use devbox::{
    compose,
    engine::{ConnectOptions, Detail, Engine, NewContainer},
    model::{ByteSize, ImageId, ObservedImage, Project, Service, ServiceName},
};
use serde_json::{Map, Value, json};

use crate::support::fake_daemon::Request;

mod inspect;
mod keys;
mod listener;

use listener::{IMAGE, listener};

const APIS: [&str; 2] = ["1.41", "1.51"];

/// Where one of them refuses and the other doesn't.
const DIFFERENT: [(&str, &str); 2] = [
    // Compose refuses; the engine has an address for the whole container, which is then the same.
    ("network_mac", "1.41"),
    // Compose doesn't look, and an engine before Docker 26 mounts the whole volume.
    ("volumes_subpath", "1.41"),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requests")
}

fn environment() -> BTreeMap<String, String> {
    [("SECRET_VALUE".to_owned(), "x".to_owned()), ("HOME".to_owned(), "/home/someone".to_owned())].into()
}

/// What changes something on the engine, one entry a request, sorted.
fn changes(requests: &[Request]) -> Value {
    let mut changes: Vec<Value> = requests
        .iter()
        // Compose pulls once more where the image is of another platform: no part of what is made.
        .filter(|request| request.method == "POST" && request.path != "/images/create")
        .map(|request| {
            let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            let mut query: Vec<&str> = request.query.split('&').filter(|word| !word.is_empty()).collect();
            query.sort_unstable();
            // An external name can be given by its id too: what follows `connect` names the network either way.
            json!({"path": request.path, "query": query.join("&"), "body": normal("", body)})
        })
        .collect();
    changes.sort_by_cached_key(Value::to_string);
    Value::Array(changes)
}

/// Values that mean the same written the same: nothing empty, lists that were maps sorted, this folder as `DIR`.
fn normal(key: &str, value: Value) -> Value {
    // Compose hands these on as they are; empty or false is not the same as absent.
    const TELLING: [&str; 6] = ["MaskedPaths", "ReadonlyPaths", "EnableIPv4", "EnableIPv6", "Init", "Test"];
    const UNORDERED: [&str; 6] = ["Env", "Binds", "Mounts", "ExtraHosts", "Ulimits", "Links"];
    match value {
        Value::Object(mut map) => {
            // What the engine computes: Compose repeats the fixed addresses there, to no effect.
            map.retain(|key, _| key != "IPAddress" && key != "IPv6Gateway");
            let mut sorted: Vec<(String, Value)> = map.into_iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(
                sorted
                    .into_iter()
                    .map(|(key, value)| {
                        let value = normal(&key, value);
                        (key, value)
                    })
                    .filter(|(key, value)| TELLING.contains(&key.as_str()) && !value.is_null() || !is_empty(key, value))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| normal("", item)).collect();
            if UNORDERED.contains(&key) {
                items.sort_by_cached_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::String(text) if key == "com.docker.compose.depends_on" => {
            let mut words: Vec<&str> = text.split(',').collect();
            words.sort_unstable();
            Value::String(words.join(","))
        }
        // The same as none at all.
        Value::String(text) if key == "Name" && text == "no" => Value::Null,
        Value::String(text) => Value::String(text.replace(fixtures().to_str().unwrap(), "DIR")),
        other => other,
    }
}

fn is_empty(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(|item| is_empty("", item)),
        // Sets of ports and volumes map to empty values.
        Value::Object(map) => map.is_empty() && !key.contains('/'),
        Value::Bool(true) => false,
    }
}

/// The requests of Compose, or that it refuses.
fn of_compose(binary: &str, file: &Path, api: &'static str) -> Value {
    let daemon = listener(api);
    let settings = tempfile::tempdir().expect("a folder");
    let output = Command::new(binary)
        .args(["-p", "p", "-f"])
        .arg(file)
        .args(["create"])
        .env("DOCKER_HOST", daemon.address())
        .env("DOCKER_CONFIG", settings.path())
        .envs(environment())
        .output()
        .expect("Compose runs");
    if output.status.success() {
        changes(&daemon.requests())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().last().unwrap_or_default();
        json!({"refused": last.replace(fixtures().to_str().unwrap(), "DIR")})
    }
}

async fn of_devbox(file: &Path, api: &'static str) -> Result<Value, String> {
    let daemon = listener(api);
    let options = ConnectOptions { host: Some(daemon.address()), ..Default::default() };
    let engine = Engine::connect(&options).await.map_err(|error| error.to_string())?;
    let loaded = compose::load(&compose::Request {
        directory: fixtures(),
        files: vec![file.to_owned()],
        project_name: Some("p".into()),
        environment: environment(),
        ..Default::default()
    })
    .map_err(|error| error.to_string())?;
    let project = loaded.project;
    let image = ObservedImage {
        id: ImageId::from(IMAGE),
        created: None,
        tagged: None,
        size: ByteSize(0),
        labels: BTreeMap::new(),
        volumes: Vec::new(),
        user: String::new(),
        platform: "linux/amd64".into(),
    };
    let images: BTreeMap<_, _> =
        project.enabled().map(|service| (service.image_name(&project.name), image.clone())).collect();
    let result = async {
        for network in project.networks.values().filter(|network| !network.external) {
            engine.create_network(&project, network).await?;
        }
        for volume in project.volumes.values().filter(|volume| !volume.external) {
            engine.create_volume(&project, volume).await?;
        }
        for service in in_order(&project) {
            let mut observed = engine.observe(&project, Detail::Listing).await?;
            observed.images.clone_from(&images);
            for number in 1..=service.scale {
                let name = service.container_name(&project.name, number);
                let none = BTreeMap::new();
                engine
                    .create(&NewContainer {
                        project: &project,
                        service,
                        number,
                        name: &name,
                        observed: &observed,
                        replaces: false,
                        volumes: &none,
                        labels: &none,
                        oneoff: None,
                    })
                    .await?;
            }
        }
        Ok::<(), devbox::engine::EngineError>(())
    };
    match result.await {
        Ok(()) => Ok(changes(&daemon.requests())),
        Err(error) => Ok(json!({"refused": error.to_string()})),
    }
}

/// Those that are on, each behind what it depends on.
fn in_order(project: &Project) -> Vec<&Service> {
    let mut ordered: Vec<&Service> = Vec::new();
    let mut waiting: Vec<&Service> = project.enabled().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|service| {
            let is_made = |name: &ServiceName| ordered.iter().any(|made| made.name == *name);
            let is_off = |name: &ServiceName| project.enabled().all(|on| on.name != *name);
            let ready = service.depends_on.keys().all(|name| is_made(name) || is_off(name));
            if ready {
                ordered.push(service);
            }
            !ready
        });
        assert!(waiting.len() < before, "the fixture's services depend on each other");
    }
    ordered
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(fixtures())
        .expect("the fixtures")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    cases.sort();
    cases
}

/// Where two values differ, a line each.
fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let null = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                differences(&format!("{path}.{key}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("  {path}\n    devbox  {a}\n    compose {b}")),
    }
}

/// Paths of this folder are part of what is hashed.
fn has_paths(file: &Path, recorded: &Value) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    recorded.to_string().contains("DIR") || ["build:", "label_file"].iter().any(|key| text.contains(key))
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_those_of_compose() {
    let binary = std::env::var("DEVBOX_COMPOSE").ok();
    let only = std::env::var("CASE").ok();
    let mut wrong = Vec::new();
    for file in cases() {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let recording = file.with_extension("json");
        if let Some(binary) = &binary {
            let recorded: Map<String, Value> =
                APIS.into_iter().map(|api| (api.to_owned(), of_compose(binary, &file, api))).collect();
            let text = serde_json::to_string_pretty(&recorded).unwrap();
            fs::write(&recording, text + "\n").expect("a recording");
        }
        let recorded = fs::read(&recording).unwrap_or_else(|error| panic!("{}: {error}", recording.display()));
        let recorded: Value = serde_json::from_slice(&recorded).expect("JSON");
        for api in APIS {
            let expected = &recorded[api];
            let ours = match of_devbox(&file, api).await {
                Ok(ours) => ours,
                Err(error) => json!({"refused": error}),
            };
            // Both refuse, in words of their own; or it is known that one of them can do it.
            let refused = (ours.get("refused").is_some(), expected.get("refused").is_some());
            if refused == (true, true) || DIFFERENT.contains(&(name.as_str(), api)) {
                continue;
            }
            let mut found = Vec::new();
            differences("", &ours, expected, &mut found);
            if binary.is_none() && has_paths(&file, expected) {
                // Recorded in another folder, whose path is part of what is hashed.
                found.retain(|difference| !difference.contains("com.docker.compose.config-hash"));
            }
            if !found.is_empty() {
                wrong.push(format!("{name} ({api}):\n{}", found.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
