//! An engine that refuses, hangs, breaks off, goes away and comes back: what the caller is told, and that nothing is lost or doubled.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use devbox::{
    engine::{ConnectOptions, Detail, Engine, EngineError, EventsOf, LogOptions},
    logs::{Resume, Source},
    model::{ContainerId, ImageRef, LayerState, ProjectName, PullEvent, ServiceName},
};
use futures_util::StreamExt;
use serde_json::json;

use crate::support::fake_daemon::{FakeDaemon, Reply, Request};

fn options(host: &str) -> ConnectOptions {
    ConnectOptions { host: Some(host.to_owned()), ..Default::default() }
}

async fn connect(daemon: &FakeDaemon) -> Engine {
    Engine::connect(&options(&daemon.address())).await.expect("the daemon answers")
}

/// A daemon that answers the first question and leaves the rest to `route`.
fn daemon(route: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> FakeDaemon {
    FakeDaemon::start(move |request| match request.path.as_str() {
        "/_ping" => Reply::Json(200, json!("OK")),
        _ => route(request),
    })
}

fn id() -> ContainerId {
    ContainerId::from("abc")
}

fn project() -> ProjectName {
    ProjectName::new("shop").expect("a name")
}

#[tokio::test]
async fn an_address_without_an_engine_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = format!("unix://{}", folder.path().join("none.sock").display());
    let error = Engine::connect(&options(&missing)).await.expect_err("nobody there").diagnostic().to_string();
    assert_eq!(
        error,
        format!(
            "error: no container engine answers\n  tried  {missing}  not there (from -H)\nhelp: start that engine, or change -H"
        )
    );
    let dead = folder.path().join("dead.sock");
    drop(UnixListener::bind(&dead).expect("a socket"));
    let dead = format!("unix://{}", dead.display());
    let error = Engine::connect(&options(&dead)).await.expect_err("nobody there").diagnostic().to_string();
    assert!(error.contains("nobody listens"), "{error}");
}

#[tokio::test]
async fn what_is_no_engine_or_an_old_one_is_told() {
    let old = FakeDaemon::with_api("1.24", |_| Reply::Json(200, json!("OK")));
    let error = Engine::connect(&options(&old.address())).await.expect_err("too old");
    assert!(error.to_string().contains("is too old: its API is 1.24"), "{error}");
    let other = FakeDaemon::start(|_| Reply::Stream { content_type: "text/html", pieces: vec![], cut: false });
    let error = Engine::connect(&options(&other.address())).await.expect_err("no engine");
    assert!(matches!(error, EngineError::Protocol { .. }), "{error:?}");
    let silent = FakeDaemon::start(|_| Reply::Drop);
    let error = Engine::connect(&options(&silent.address())).await.expect_err("no engine");
    assert!(matches!(error, EngineError::NotReachable { .. }), "{error:?}");
}

#[tokio::test]
async fn refusals_keep_the_engines_words() {
    let daemon = daemon(|request| match request.path.as_str() {
        "/containers/abc/start" => Reply::Json(500, json!({"message": "boom"})),
        "/containers/abc/pause" => Reply::Json(409, json!({"message": "Container abc is not running"})),
        "/containers/json" => Reply::Json(200, json!({"not": "a list"})),
        "/containers/abc/json" => Reply::Drop,
        _ => Reply::Json(404, json!({"message": "page not found"})),
    });
    let engine = connect(&daemon).await;
    let error = engine.start(&id()).await.expect_err("a refusal");
    assert_eq!(error, EngineError::Server { status: 500, message: "boom".into() });
    let error = engine.pause(&id()).await.expect_err("a refusal");
    assert_eq!(error, EngineError::Conflict { message: "Container abc is not running".into() });
    let error = engine.observe_name(&project(), Detail::Listing).await.expect_err("nonsense");
    assert!(matches!(error, EngineError::Protocol { .. }), "{error:?}");
    let error = engine.inspect(&id()).await.expect_err("it broke off");
    assert!(matches!(error, EngineError::Lost { .. }) && error.is_lost(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_is_given_up_on() {
    let asked = AtomicUsize::new(0);
    let daemon = FakeDaemon::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Json(200, json!("OK")),
        _ => Reply::Hang,
    });
    let engine = connect(&daemon).await;
    let error = engine.ping().await.expect_err("no answer");
    assert!(matches!(error, EngineError::Timeout { .. }) && error.is_lost(), "{error:?}");
}

#[tokio::test]
async fn events_never_end_silently() {
    let event = json!({"Type": "container", "Action": "start", "timeNano": 5, "Actor": {"ID": "abc", "Attributes":
        {"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "name": "shop-web-1"}}});
    for cut in [true, false] {
        let event = event.to_string();
        let daemon = daemon(move |_| {
            let (head, tail) = event.split_at(30);
            // The second one is cut in its middle.
            let pieces = [head, tail, "\n", if cut { head } else { "" }];
            let pieces =
                pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.as_bytes().to_vec()).collect();
            Reply::Stream { content_type: "application/json", pieces, cut }
        });
        let engine = connect(&daemon).await;
        let mut events = engine.events(EventsOf::Project(project())).await.expect("a stream");
        assert_eq!(events.next().await.expect("an event").expect("an event").time.0, 5);
        let end = events.next().await.expect("an error").expect_err("an error");
        assert!(matches!(end, EngineError::Lost { .. }), "{end:?}");
        assert!(events.next().await.is_none(), "one error ends it");
    }
}

/// A line of a log as engines frame it.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![1, 0, 0, 0];
    frame.extend(u32::try_from(text.len()).expect("a short line").to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

#[tokio::test]
async fn a_log_that_breaks_off_goes_on_where_it_was() {
    let asked = AtomicUsize::new(0);
    let daemon = daemon(move |request| {
        if request.path.ends_with("/json") {
            return Reply::Json(200, json!({"Id": "abc", "State": {"Status": "running"}, "Config": {"Tty": false}}));
        }
        let line = |second: u32, text: &str| frame(&format!("2024-01-01T00:00:0{second}.000000001Z {text}\n"));
        let (one, two, also) = (line(1, "one"), line(2, "two"), line(2, "also"));
        let content_type = "application/vnd.docker.raw-stream";
        match asked.fetch_add(1, Ordering::Relaxed) {
            // In the middle of the second line.
            0 => Reply::Stream { content_type, pieces: vec![one, two[..20].to_vec()], cut: true },
            // A frame that the engine's end leaves half, in good order.
            1 => Reply::Stream { content_type, pieces: vec![one, two, also[..20].to_vec()], cut: false },
            _ => Reply::Stream { content_type, pieces: vec![one, two, also, line(3, "last")], cut: false },
        }
    });
    let engine = connect(&daemon).await;
    let source = Source { service: ServiceName::new("web").expect("a name"), replica: 1 };
    let follow = LogOptions { follow: true, tail: Some(100), ..Default::default() };
    let mut follower = engine.follow_logs(&id(), source, Resume::new(), follow);
    let (mut lines, mut errors) = (Vec::new(), 0);
    while let Some(next) = follower.next().await {
        match next {
            Ok(batch) => lines.extend(batch.lines.iter().map(|line| line.text.to_owned())),
            Err(error) => {
                assert!(error.is_lost(), "{error:?}");
                errors += 1;
            }
        }
    }
    assert_eq!(lines, ["one", "two", "also", "last"]);
    assert!(errors <= 2, "{errors}");
    let queries: Vec<String> = daemon
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/logs"))
        .map(|request| request.query)
        .collect();
    assert!(queries[0].contains("tail=100") && !queries[0].contains("since="), "{queries:?}");
    // From two seconds before the last line, and with nanoseconds.
    assert!(queries[1].contains("since=1704067199.000000001") && !queries[1].contains("tail="), "{queries:?}");
    assert!(queries[2].contains("since=1704067200.000000001"), "{queries:?}");
}

#[tokio::test]
async fn pulls_report_layers_and_why_they_fail() {
    let daemon = daemon(|request| {
        let lines = if request.query.contains("private") {
            vec![json!({"errorDetail": {"message": "unauthorized: authentication required"}, "error": "unauthorized"})]
        } else {
            vec![
                json!({"status": "Pulling from library/busybox", "id": "latest"}),
                json!({"status": "Pulling fs layer", "progressDetail": {}, "id": "aaaaaaaaaaaa"}),
                json!({"status": "Downloading", "progressDetail": {"current": 5, "total": 10}, "id": "aaaaaaaaaaaa"}),
                json!({"status": "Pull complete", "progressDetail": {}, "id": "aaaaaaaaaaaa"}),
                json!({"status": "Digest: sha256:12"}),
                json!({"status": "Status: Downloaded newer image for busybox:latest"}),
            ]
        };
        let pieces = lines.iter().map(|line| format!("{line}\r\n").into_bytes()).collect();
        Reply::Stream { content_type: "application/json", pieces, cut: false }
    });
    let engine = connect(&daemon).await;
    let events: Vec<PullEvent> = engine
        .pull(&ImageRef::from("busybox"), Some("linux/amd64"))
        .map(|event| event.expect("an event"))
        .collect()
        .await;
    let layer = |state| PullEvent::Layer { id: "aaaaaaaaaaaa".into(), state };
    assert_eq!(
        events,
        [
            layer(LayerState::Waiting),
            layer(LayerState::Downloading { current: 5, total: 10 }),
            layer(LayerState::Done),
            PullEvent::Done { up_to_date: false, digest: Some("sha256:12".into()) },
        ]
    );
    let request = daemon.requests().pop().expect("a request");
    assert_eq!(request.query, "fromImage=busybox&tag=latest&platform=linux%2Famd64");
    let mut events = engine.pull(&ImageRef::from("host:5000/private@sha256:1"), None);
    let error = events.next().await.expect("an answer").expect_err("a refusal");
    assert!(
        matches!(&error, EngineError::PullDenied { image, .. } if image == "host:5000/private@sha256:1"),
        "{error:?}"
    );
    assert!(error.diagnostic().help.expect("help").contains("docker login host:5000"));
    assert_eq!(daemon.requests().pop().expect("a request").query, "fromImage=host%3A5000%2Fprivate&tag=sha256%3A1");
}

/// Answers one request on each connection, and closes it: what a kept connection finds after an engine's restart.
fn closes_after_each(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut reader = BufReader::new(connection.try_clone().expect("the connection"));
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("engine.sock");
    closes_after_each(&socket);
    let engine = Engine::connect(&options(&format!("unix://{}", socket.display()))).await.expect("an answer");
    for _ in 0..50 {
        engine.ping().await.expect("an answer, on whatever connection");
    }
}
