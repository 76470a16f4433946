//! `up`, `down` and what they leave alone, on a real engine: only what diverged is touched, in the order of depends_on, and
//! data stays.

use std::{
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;

use crate::support::{
    engine::{block_on, runs_healthchecks},
    project::TestProject,
    wait,
};

const TWO: &str = "
services:
  web: {image: 'busybox:latest', init: true, command: sleep 1000, environment: {DEBUG: '0', NAME: shop}}
  db: {image: 'busybox:latest', init: true, command: sleep 1000, volumes: ['data:/data']}
volumes: {data: }
";

/// The time, as the engine takes it.
fn now() -> String {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    format!("{}.{:09}", passed.as_secs(), passed.subsec_nanos())
}

/// What the engine told of a project's containers since then.
fn events(project: &TestProject, since: String) -> Vec<String> {
    let label = format!("com.docker.compose.project={}", project.name);
    let options = EventsOptions {
        since: Some(since),
        until: Some(now()),
        filters: Some([("label".to_owned(), vec![label])].into()),
    };
    let docker = project.docker().clone();
    block_on(async move {
        let events = docker.events(Some(options));
        events.map(|event| event.expect("an event").action.unwrap_or_default()).collect().await
    })
}

#[test]
fn a_second_up_does_nothing() {
    let Some(project) = TestProject::new("again", &[("compose.yaml", TWO)]) else { return };
    project.succeeds(&["up", "-d"]);
    let (before, since) = (project.containers(), now());
    let said = project.succeeds(&["up", "-d"]);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!((project.containers(), events(&project, since)), (before, Vec::<String>::new()));
}

#[test]
fn only_what_diverged_is_made_anew_and_why_is_said() {
    let Some(project) = TestProject::new("diverged", &[("compose.yaml", TWO)]) else { return };
    project.succeeds(&["up", "-d"]);
    let before = project.containers();
    let (web, db) = (format!("{}-web-1", project.name), format!("{}-db-1", project.name));
    let cases = [
        (("DEBUG: '0'", "DEBUG: '1'"), "environment changed: DEBUG\n"),
        (("NAME: shop", "CACHE: on"), "environment changed: CACHE, DEBUG, NAME\n"),
        (
            ("init: true, command: sleep 1000, env", "restart: always, command: sleep 999, env"),
            "command changed; restart changed",
        ),
    ];
    let mut file = TWO.to_owned();
    for ((from, to), why) in cases {
        file = file.replace(from, to);
        project.write("compose.yaml", &file);
        for plan in [&["plan"][..], &["up", "--dry-run"]] {
            let said = project.succeeds(plan);
            assert!(said.contains("recreate  web") && said.contains(why), "{plan:?}, {why}: {said}");
            assert!(said.contains("keep      db"), "{said}");
        }
    }
    assert_eq!(project.containers(), before, "a plan changes nothing");
    project.succeeds(&["up", "-d"]);
    let after = project.containers();
    assert_eq!(after.keys().collect::<Vec<_>>(), [&db, &web]);
    assert_eq!(after[&db], before[&db]);
    assert_ne!(after[&web], before[&web]);
}

#[test]
fn services_start_in_the_order_of_their_conditions() {
    let file = "
services:
  web:
    image: busybox:latest
    init: true
    command: sleep 1000
    depends_on: {migrate: {condition: service_completed_successfully}, cache: {condition: service_started}}
  migrate:
    image: busybox:latest
    command: 'true'
    depends_on: {db: {condition: service_healthy}}
  db:
    image: busybox:latest
    init: true
    command: sh -c 'sleep 1; touch /ready; exec sleep 1000'
    healthcheck: {test: test -f /ready, interval: 1s, timeout: 5s, retries: 30}
  cache: {image: 'busybox:latest', init: true, command: sleep 1000}
";
    let Some(project) = TestProject::new("order", &[("compose.yaml", file)]) else { return };
    project.succeeds(&["up", "-d"]);
    let times = |service: &str| {
        let state = project.container(service).state.expect("a state");
        (state.started_at.expect("a start"), state.finished_at.expect("an end"), state.health)
    };
    let (db, migrate, web, cache) = (times("db"), times("migrate"), times("web"), times("cache"));
    assert!(db.0 < migrate.0 && migrate.1 <= web.0 && cache.0 < web.0, "{db:?} {migrate:?} {web:?} {cache:?}");
    let first_good =
        db.2.and_then(|health| health.log).unwrap_or_default().into_iter().find(|run| run.exit_code == Some(0));
    assert!(first_good.and_then(|run| run.end).is_none_or(|end| end <= migrate.0), "healthy before it is used");
    assert_eq!((project.state("migrate"), project.state("web")), ("exited".to_owned(), "running".to_owned()));
}

#[test]
fn scale_adds_and_takes_away() {
    let Some(project) = TestProject::new("scale", &[("compose.yaml", TWO)]) else { return };
    let up = |count: &str| {
        project.succeeds(&["up", "-d", "-t", "0", "--scale", &format!("web={count}")]);
        let containers = project.containers().into_iter();
        containers.filter(|(name, _)| name.contains("-web-")).collect::<Vec<_>>()
    };
    let (one, three) = (up("1"), up("3"));
    assert_eq!((one.len(), three.len()), (1, 3));
    assert!(three.contains(&one[0]));
    assert_eq!(up("1"), one, "the first one stays");
    assert!(up("0").is_empty());
}

#[test]
fn down_keeps_volumes_and_asks_before_it_takes_them() {
    let Some(project) = TestProject::new("down", &[("compose.yaml", TWO)]) else { return };
    project.succeeds(&["up", "-d"]);
    let volume = format!("{}_data", project.name);
    let refused = project.fails(2, &["down", "-v"]);
    assert!(refused.contains(&volume) && refused.contains("-y"), "{refused}");
    assert_eq!(project.containers().len(), 2, "nothing was begun");
    project.succeeds(&["down"]);
    assert_eq!(project.on_engine(), [format!("volume {volume}")]);
    assert!(project.succeeds(&["down"]).contains("nothing to do"));
    project.succeeds(&["down", "-v", "-y"]);
    assert_eq!(project.on_engine(), [] as [&str; 0]);
}

#[test]
fn orphans_are_named_and_taken_away_when_that_is_asked_for() {
    let Some(project) = TestProject::new("orphans", &[("compose.yaml", TWO)]) else { return };
    project.succeeds(&["up", "-d"]);
    project.write("compose.yaml", "services: {web: {image: 'busybox:latest', init: true, command: sleep 1000}}");
    let orphan = format!("{}-db-1", project.name);
    let output = project.run(&["up", "-d"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(&orphan) && said.contains("--remove-orphans"), "{said}");
    assert!(project.containers().contains_key(&orphan));
    project.succeeds(&["kill", "--remove-orphans"]);
    assert_eq!(project.state("db"), "exited");
    project.succeeds(&["up", "-d", "--remove-orphans"]);
    assert!(!project.containers().contains_key(&orphan));
}

#[test]
fn down_says_what_keeps_a_network() {
    let Some(project) = TestProject::new("stays", &[("compose.yaml", TWO)]) else { return };
    let oneoff = project.succeeds(&["run", "-d", "web", "sleep", "1000"]);
    let output = project.run(&["down"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(oneoff.trim()) && said.contains("--remove-orphans"), "{said}");
    assert_eq!(project.containers().len(), 1);
    project.succeeds(&["down", "--remove-orphans", "-v", "-y", "-t", "0"]);
    assert_eq!(project.on_engine(), [] as [&str; 0]);
}

#[test]
fn an_entrypoint_is_split_as_a_shell_would() {
    let Some(project) = TestProject::new("words", &[("compose.yaml", TWO)]) else { return };
    let said = project.succeeds(&["run", "--rm", "-T", "--no-deps", "--entrypoint", "echo 'a  b' c", "web"]);
    assert_eq!(said, "a  b c\n");
    let refused = project.fails(2, &["run", "--rm", "--entrypoint", "echo 'a", "web"]);
    assert!(refused.contains("is not closed"), "{refused}");
}

#[test]
fn wait_returns_when_everything_is_healthy_and_says_who_is_not() {
    let file = "
services:
  web:
    image: busybox:latest
    init: true
    command: sh -c 'sleep 1; touch /ready; exec sleep 1000'
    healthcheck: {test: test -f /ready, interval: 1s, timeout: 5s, retries: 30}
  job: {image: 'busybox:latest', command: 'true'}
";
    let Some(project) = TestProject::new("wait", &[("compose.yaml", file)]) else { return };
    project.succeeds(&["up", "--wait"]);
    let health = project.container("web").state.and_then(|state| state.health).and_then(|health| health.status);
    if !runs_healthchecks() {
        return;
    }
    assert_eq!(health.map(|health| health.to_string()).as_deref(), Some("healthy"));
    project.write("compose.yaml", &file.replace("touch /ready;", "touch /other;"));
    let said = project.fails(1, &["up", "--wait", "--wait-timeout", "2", "web"]);
    assert!(said.contains("web is not ready after 2 s: starting") && said.contains("--wait-timeout"), "{said}");
}

#[test]
fn what_exits_at_once_is_told_with_its_last_words() {
    let file = "
services:
  web:
    image: busybox:latest
    command: sh -c 'echo no config; exit 7'
    healthcheck: {test: 'true', interval: 1h}
";
    let Some(project) = TestProject::new("crash", &[("compose.yaml", file)]) else { return };
    let said = project.fails(1, &["up", "--wait"]);
    assert!(said.contains("web exited with code 7") && said.contains("no config"), "{said}");
}

/// `up` in the foreground, interrupted by `signal` once its service runs, and again when `twice`.
fn interrupted(
    subject: &str,
    file: &str,
    signal: rustix::process::Signal,
    twice: bool,
) -> (Option<i32>, String, String) {
    let project = TestProject::new(subject, &[("compose.yaml", file)]).expect("an engine");
    let mut command = project.devbox(&["up"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("devbox runs");
    wait::until("the service runs", || project.succeeds(&["logs"]).contains("ready").then_some(()));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, signal).expect("the signal");
    let mut said = std::io::BufReader::new(child.stderr.take().expect("its errors"));
    let mut text = String::new();
    if twice {
        while !text.contains("once more kills") {
            let read = std::io::BufRead::read_line(&mut said, &mut text).expect("a line");
            assert!(read > 0, "{text}");
        }
        rustix::process::kill_process(pid, signal).expect("the signal");
    }
    std::io::Read::read_to_string(&mut said, &mut text).expect("its errors");
    let code = child.wait().expect("it ends").code();
    let exit = project.container("web").state.and_then(|state| state.exit_code).unwrap_or_default();
    (code, text, format!("{} {exit}", project.state("web")))
}

#[test]
fn a_signal_stops_what_up_started_and_a_second_one_kills_it() {
    if crate::support::engine::engine().is_none() {
        return;
    }
    let file = |trap: &str| {
        format!(
            "services: {{web: {{image: 'busybox:latest', stop_grace_period: 1h, command: sh -c 'trap \"{trap}\" TERM; echo ready; while :; do sleep 0.1; done'}}}}"
        )
    };
    let (code, said, state) = interrupted("term", &file("exit 4"), rustix::process::Signal::TERM, false);
    assert_eq!((code, state.as_str()), (Some(130), "exited 4"), "{said}");
    let (code, said, state) = interrupted("twice", &file("echo no"), rustix::process::Signal::INT, true);
    assert_eq!((code, state.as_str()), (Some(130), "exited 137"), "{said}");
}

#[test]
fn the_first_exit_ends_all_with_its_code() {
    let file = "
services:
  job: {image: 'busybox:latest', command: sh -c 'sleep 1; exit 3'}
  web: {image: 'busybox:latest', init: true, command: sleep 1000}
";
    let Some(project) = TestProject::new("first", &[("compose.yaml", file)]) else { return };
    let said = project.fails(3, &["up", "--abort-on-container-exit"]);
    assert!(said.contains("job exited, stopping the others"), "{said}");
    assert_eq!(project.state("web"), "exited");
}
