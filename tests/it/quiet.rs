//! How little an engine is asked: every request costs the engine more than it costs devbox.

use serde_json::{Value, json};

use crate::support::{
    fake_daemon::{FakeDaemon, Reply, Request},
    project::TestProject,
    terminal::Terminal,
};

const ID: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
const IMAGE: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const FILE: &str = "services:\n  web: {image: busybox, network_mode: none}\n";

/// An engine on which `web` runs as the file says, started just now.
fn daemon(project: &TestProject) -> FakeDaemon {
    let hash = project.succeeds(&["config", "--hash", "web"]);
    let labels = json!({
        "com.docker.compose.project": project.name,
        "com.docker.compose.service": "web",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.config-hash": hash.split_whitespace().last(),
        "com.docker.compose.image": IMAGE,
    });
    let started = jiff::Timestamp::now().to_string();
    FakeDaemon::start(move |request| route(request, &labels, &started))
}

fn route(request: &Request, labels: &Value, started: &str) -> Reply {
    let path = request.path.as_str();
    match path.strip_prefix(&format!("/containers/{ID}/")).unwrap_or(path) {
        "/_ping" => Reply::Json(200, json!("OK")),
        "/networks" => Reply::Json(200, json!([])),
        "/volumes" => Reply::Json(200, json!({"Volumes": []})),
        "/images/busybox/json" | "/images/busybox:latest/json" => Reply::Json(200, json!({"Id": IMAGE})),
        "/images/create" => {
            let status = json!({"status": "Status: Image is up to date for busybox:latest"}).to_string();
            Reply::Stream { content_type: "application/json", pieces: vec![status.into_bytes()], cut: false }
        }
        "/containers/json" => Reply::Json(
            200,
            json!([{"Id": ID, "Names": ["/web"], "Image": "busybox", "ImageID": IMAGE, "State": "running",
                "Status": "Up 1 second", "Labels": labels}]),
        ),
        "json" => Reply::Json(
            200,
            json!({"Id": ID, "Name": "/web", "Image": IMAGE, "State": {"Status": "running", "StartedAt": started},
                "Config": {"Image": "busybox", "Labels": labels}}),
        ),
        "/events" | "logs" => Reply::Open { content_type: "application/json", pieces: Vec::new() },
        "stats" => Reply::Open { content_type: "application/json", pieces: [1, 2].map(sample).into() },
        _ => Reply::Json(404, json!({"message": "page not found"})),
    }
}

/// The figures of the n-th second: half a processor used.
fn sample(second: u64) -> Vec<u8> {
    let cpu = json!({"cpu_usage": {"total_usage": second * 500}, "system_cpu_usage": second * 1000, "online_cpus": 1});
    let read = format!("2026-11-21T12:00:{second:02}Z");
    format!("{}\n", json!({"read": read, "cpu_stats": cpu, "memory_stats": {"usage": 7 << 20}})).into_bytes()
}

fn asked(daemon: &FakeDaemon) -> Vec<String> {
    let mut asked: Vec<String> = daemon.requests().into_iter().map(|request| request.path).collect();
    asked.sort();
    asked
}

/// What a look at the project asks.
const LOOK: [&str; 4] = ["/containers/json", "/images/busybox/json", "/networks", "/volumes"];

#[test]
fn an_up_with_nothing_to_do_looks_once() {
    let project = TestProject::without_engine("quiet-up", &[("compose.yaml", FILE)]);
    let daemon = daemon(&project);
    let said = project.succeeds(&["-H", &daemon.address(), "up", "-d"]);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(asked(&daemon), [&["/_ping"][..], &LOOK].concat());
}

#[test]
fn a_run_for_images_alone_looks_once() {
    let project = TestProject::without_engine("quiet-pull", &[("compose.yaml", FILE)]);
    let daemon = daemon(&project);
    project.succeeds(&["-H", &daemon.address(), "pull"]);
    let mut expected = [&["/_ping", "/images/create"][..], &LOOK].concat();
    expected.sort_unstable();
    assert_eq!(asked(&daemon), expected);
}

#[test]
fn an_idle_dashboard_asks_nothing() {
    let project = TestProject::without_engine("quiet-idle", &[("compose.yaml", FILE)]);
    let daemon = daemon(&project);
    let terminal = Terminal::devbox(&project, &["-H", &daemon.address()], 120, 30);
    // The figures come last: by then everything is followed.
    terminal.shows("7.0M");
    // The age of the container moves every second.
    let another_second = || {
        let before = terminal.text();
        terminal.wait_for("another second", |text| text != before);
    };
    another_second();
    let settled = asked(&daemon);
    another_second();
    another_second();
    assert_eq!(asked(&daemon), settled);
}
