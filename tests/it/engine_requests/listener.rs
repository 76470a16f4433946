//! An engine that has every image, takes whatever it is asked for, and lists the containers that it was asked for.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::fake_daemon::{FakeDaemon, Reply, Request};

pub const IMAGE: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Starts one that offers this version of the API.
pub fn listener(api: &'static str) -> FakeDaemon {
    let containers = Mutex::new(Vec::new());
    FakeDaemon::with_api(api, move |request| {
        let path = request.path.as_str();
        let mut containers = containers.lock().expect("the containers");
        let answer = match (request.method.as_str(), path) {
            (_, "/_ping") => json!("OK"),
            ("GET", "/version") => json!({"ApiVersion": api, "Version": "20.10.0", "Os": "linux", "Arch": "amd64"}),
            ("GET", "/info") => json!({"OSType": "linux", "Architecture": "x86_64"}),
            ("GET", "/containers/json") => listed(&containers, &request.query),
            ("GET", "/images/json") => json!([]),
            ("GET", "/networks") if request.query.contains("shared") => {
                json!([{"Name": "shared", "Id": "shared-id"}])
            }
            ("GET", "/networks") => json!([]),
            ("GET", "/volumes") => json!({"Volumes": []}),
            ("GET", "/volumes/elsewhere") => json!({"Name": "elsewhere", "Driver": "local"}),
            ("POST", "/networks/create") => json!({"Id": "n"}),
            ("POST", "/volumes/create") => json!({"Name": "v"}),
            ("POST", "/containers/create") => {
                let container = created(request);
                let id = container["Id"].clone();
                containers.push(container);
                json!({"Id": id, "Warnings": []})
            }
            ("POST", _) => json!({}),
            ("GET", _) if path.starts_with("/images/") => {
                json!({"Id": IMAGE, "Os": "linux", "Architecture": "amd64", "Config": {}})
            }
            ("GET", _) if path.starts_with("/containers/") => {
                let id = path.split('/').nth(2).unwrap_or_default();
                match containers.iter().find(|container| container["Id"] == id) {
                    Some(container) => inspected(container),
                    None => return missing(request),
                }
            }
            _ => return missing(request),
        };
        Reply::Json(200, answer)
    })
}

fn missing(request: &Request) -> Reply {
    Reply::Json(404, json!({"message": format!("{} {} not found", request.method, request.path)}))
}

/// What is kept of a container: its id, which its name decides, its name and its labels.
fn created(request: &Request) -> Value {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let name = request.query.split('&').find_map(|word| word.strip_prefix("name=")).unwrap_or_default();
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    json!({"Id": format!("{digits:c<64.64}"), "Name": name, "Labels": body["Labels"]})
}

/// Those that have all the labels that are asked for.
fn listed(containers: &[Value], query: &str) -> Value {
    let filters = query.split('&').find_map(|word| word.strip_prefix("filters=")).unwrap_or_default();
    let filters: Value = serde_json::from_str(&decoded(filters)).unwrap_or_default();
    // Go's client asks with an object, a mapping to true; others with a list.
    let wanted: Vec<String> = match &filters["label"] {
        Value::Object(labels) => labels.keys().cloned().collect(),
        Value::Array(labels) => labels.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let has = |container: &Value, label: &String| match label.split_once('=') {
        Some((key, value)) => container["Labels"][key] == value,
        None => container["Labels"].get(label).is_some(),
    };
    let found = containers.iter().filter(|container| wanted.iter().all(|label| has(container, label)));
    found.map(summary).collect()
}

fn summary(container: &Value) -> Value {
    json!({
        "Id": container["Id"], "Names": [format!("/{}", container["Name"].as_str().unwrap_or_default())],
        "Image": "busybox", "ImageID": IMAGE, "Command": "", "Created": 0, "State": "created", "Status": "Created",
        "Labels": container["Labels"], "Ports": [], "Mounts": [], "NetworkSettings": {"Networks": {}},
    })
}

fn inspected(container: &Value) -> Value {
    json!({
        "Id": container["Id"], "Name": format!("/{}", container["Name"].as_str().unwrap_or_default()),
        "State": {"Status": "created"}, "Config": {"Labels": container["Labels"]},
        "NetworkSettings": {"Networks": {}},
    })
}

/// Without `%20` and its like.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
                u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or_default()
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
