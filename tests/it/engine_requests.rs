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
    engine::{ConnectOptions, Engine, NewContainer},
    model::{ByteSize, ContainerId, ImageId, Observed, ObservedImage},
};
use serde_json::{Map, Value, json};

use crate::support::fake_daemon::{FakeDaemon, Reply, Request};

const APIS: [&str; 2] = ["1.41", "1.51"];
const IMAGE: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CONTAINER: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

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

/// An engine that has every image and nothing else, and takes whatever it is asked for.
fn listener(api: &'static str) -> FakeDaemon {
    FakeDaemon::with_api(api, move |request| {
        let path = request.path.as_str();
        let method = request.method.as_str();
        Reply::Json(
            200,
            match (method, path) {
                (_, "/_ping") => json!("OK"),
                ("GET", "/version") => json!({"ApiVersion": api, "Version": "20.10.0", "Os": "linux", "Arch": "amd64"}),
                ("GET", "/info") => json!({"OSType": "linux", "Architecture": "x86_64"}),
                ("GET", "/containers/json" | "/images/json") => json!([]),
                ("GET", "/networks") if request.query.contains("shared") => {
                    json!([{"Name": "shared", "Id": "shared-id"}])
                }
                ("GET", "/networks") => json!([]),
                ("GET", "/volumes/elsewhere") => json!({"Name": "elsewhere", "Driver": "local"}),
                ("POST", "/networks/create") => json!({"Id": "n"}),
                ("POST", "/volumes/create") => json!({"Name": "v"}),
                ("POST", "/containers/create") => json!({"Id": CONTAINER, "Warnings": []}),
                ("POST", _) => json!({}),
                ("GET", _) if path.starts_with("/images/") => {
                    json!({"Id": IMAGE, "Os": "linux", "Architecture": "amd64", "Config": {}})
                }
                ("GET", _) if path.starts_with("/containers/") => json!({
                    "Id": CONTAINER, "Name": "/x", "State": {"Status": "created"},
                    "Config": {"Labels": {}}, "NetworkSettings": {"Networks": {}},
                }),
                _ => return Reply::Json(404, json!({"message": format!("{method} {path} not found")})),
            },
        )
    })
}

/// What changes something on the engine, one entry a request, sorted.
fn changes(requests: &[Request]) -> Value {
    let mut changes: Vec<Value> = requests
        .iter()
        .filter(|request| request.method == "POST")
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
        .env("SECRET_VALUE", "x")
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
        environment: BTreeMap::from([("SECRET_VALUE".to_owned(), "x".to_owned())]),
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
        platform: "linux/amd64".into(),
    };
    let images = project.enabled().map(|service| (service.image_name(&project.name), image.clone())).collect();
    let observed = Observed { images, ..Default::default() };
    let result = async {
        for network in project.networks.values().filter(|network| !network.external) {
            engine.create_network(&project, network).await?;
        }
        for volume in project.volumes.values().filter(|volume| !volume.external) {
            engine.create_volume(&project, volume).await?;
        }
        for service in project.enabled() {
            for number in 1..=service.scale {
                let name = service.container_name(&project.name, number);
                let none = BTreeMap::new();
                let created = engine
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
                assert_eq!(created.id, ContainerId::from(CONTAINER));
            }
        }
        Ok::<(), devbox::engine::EngineError>(())
    };
    match result.await {
        Ok(()) => Ok(changes(&daemon.requests())),
        Err(error) => Ok(json!({"refused": error.to_string()})),
    }
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
            if binary.is_none() {
                // Recorded in another folder, whose path is part of what is hashed for a bind.
                found.retain(|difference| !difference.contains("com.docker.compose.config-hash"));
            }
            if !found.is_empty() {
                wrong.push(format!("{name} ({api}):\n{}", found.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
