//! What flows from a real engine: events, logs, statistics, commands, attached processes.

use std::time::Duration;

use bytes::Bytes;
use devbox::{
    engine::{
        AttachOptions, ContainerAction, EngineError, EventSubject, EventsOf, ExecOptions, LogFollower, LogOptions,
        OneOff, OutputStream, TerminalSize,
    },
    logs::{Resume, Source, Stream},
    model::{ContainerId, ContainerState, ServiceName},
};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::io::AsyncWriteExt;

use super::engine_containers::Running;
use crate::support::wait::{PATIENCE, until_async as until};

fn source() -> Source {
    Source { service: ServiceName::new("web").expect("a name"), replica: 1 }
}

/// All lines that a follower gives, until its end or until there are `count`.
async fn lines(follower: &mut LogFollower, count: usize) -> Vec<(Stream, String)> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let next = tokio::time::timeout(PATIENCE, follower.next()).await.expect("lines in time");
        let Some(batch) = next else { break };
        let batch = batch.expect("a batch");
        lines.extend(batch.lines.iter().map(|line| (line.stream, line.text.to_owned())));
    }
    lines
}

/// All that a process writes, as text.
async fn output(output: &mut BoxStream<'static, Result<(OutputStream, Bytes), EngineError>>) -> String {
    let mut text = String::new();
    while let Some(item) = tokio::time::timeout(PATIENCE, output.next()).await.expect("output in time") {
        text.push_str(&String::from_utf8_lossy(&item.expect("output").1));
    }
    text
}

fn exec(command: &[&str]) -> ExecOptions {
    ExecOptions { command: command.iter().map(|word| (*word).to_owned()).collect(), ..Default::default() }
}

const SLEEPER: &str = "services: {web: {image: 'busybox:latest', command: [sleep, '600']}}";

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_happens_to_the_project() {
    let Some(run) = Running::new("events", SLEEPER).await else { return };
    let mut events = run.engine.events(EventsOf::Project(run.project.name.clone())).await.expect("a stream");
    let id = run.up("web").await;
    run.engine.kill(&id, "KILL").await.expect("a signal");
    let mut seen = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time");
        let event = event.expect("no end").expect("an event");
        assert!(event.time.0 > 0);
        let EventSubject::Container { id: of, name, service, number, action, .. } = event.subject else { continue };
        assert_eq!((of, service.as_ref().map(|name| name.as_str()), number), (id.clone(), Some("web"), 1));
        assert_eq!(name, format!("{}-web-1", run.project.name));
        seen.push(action.clone());
        if let ContainerAction::Die { .. } = action {
            break;
        }
    }
    assert!(seen.contains(&ContainerAction::Create) && seen.contains(&ContainerAction::Start), "{seen:?}");
    assert_eq!(seen.last(), Some(&ContainerAction::Die { code: 137 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_come_in_lines_from_both_outputs_and_end_with_the_process() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sh, -c, 'echo one; echo two >&2; printf three']}}";
    let Some(run) = Running::new("logs", yaml).await else { return };
    let id = run.up("web").await;
    let options = LogOptions { follow: true, ..Default::default() };
    let mut follower = run.engine.follow_logs(&id, source(), Resume::new(), options);
    let mut got = lines(&mut follower, usize::MAX).await;
    got.sort_by(|a, b| a.1.cmp(&b.1));
    let expected = [(Stream::Stdout, "one"), (Stream::Stdout, "three"), (Stream::Stderr, "two")];
    assert_eq!(got, expected.map(|(stream, text)| (stream, text.to_owned())));
    assert!(follower.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_start_goes_on_in_the_same_log() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sh, -c, 'echo one; echo two >&2']}}";
    let Some(run) = Running::new("again", yaml).await else { return };
    let id = run.up("web").await;
    let options = LogOptions { follow: true, ..Default::default() };
    let mut follower = run.engine.follow_logs(&id, source(), Resume::new(), options);
    assert_eq!(lines(&mut follower, usize::MAX).await.len(), 2);
    let resume = follower.resume().clone();
    run.engine.start(&id).await.expect("a start");
    let mut follower = run.engine.follow_logs(&id, source(), resume, options);
    assert_eq!(lines(&mut follower, usize::MAX).await.len(), 2, "nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_the_end_of_a_log() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [seq, '2000']}}";
    let Some(run) = Running::new("tail", yaml).await else { return };
    let id = run.up("web").await;
    run.engine.wait(&id).await.expect("an end");
    let all = LogOptions { follow: false, ..Default::default() };
    let all = lines(&mut run.engine.follow_logs(&id, source(), Resume::new(), all), usize::MAX).await;
    assert_eq!(all.len(), 2000);
    let tail = LogOptions { follow: false, tail: Some(5), ..Default::default() };
    let tail = lines(&mut run.engine.follow_logs(&id, source(), Resume::new(), tail), usize::MAX).await;
    assert_eq!(tail, all[1995..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminals_log_is_one_stream_whatever_its_bytes() {
    // A line that begins with a byte below 3 passes for a frame's header with readers that don't know of the terminal.
    let yaml = r#"services: {web: {image: 'busybox:latest', tty: true, command: [sh, -c, "printf '\\001odd\\n'; echo plain"]}}"#;
    let Some(run) = Running::new("tty", yaml).await else { return };
    let id = run.up("web").await;
    let options = LogOptions { follow: true, ..Default::default() };
    let got = lines(&mut run.engine.follow_logs(&id, source(), Resume::new(), options), usize::MAX).await;
    assert!(got.iter().all(|(stream, _)| *stream == Stream::Console), "{got:?}");
    assert!(got[0].1.ends_with("odd") && got[1].1 == "plain", "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_read_is_named_with_its_driver() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sleep, '600'], logging: {driver: none}}}";
    let Some(run) = Running::new("nolog", yaml).await else { return };
    let id = run.up("web").await;
    let mut follower =
        run.engine.follow_logs(&id, source(), Resume::new(), LogOptions { follow: true, ..Default::default() });
    let error = follower.next().await.expect("an answer").expect_err("no log");
    if run.is_podman() {
        return;
    }
    assert!(matches!(error, EngineError::Unsupported { .. }), "{error:?}");
    assert!(error.to_string().ends_with("its log driver is none"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_counted() {
    let yaml = "services: {web: {image: 'busybox:latest', command: [sh, -c, 'while :; do :; done']}}";
    let Some(run) = Running::new("stats", yaml).await else { return };
    let id = run.up("web").await;
    let mut usage = run.engine.stats(&id).await.expect("a stream");
    let busy = tokio::time::timeout(PATIENCE, async {
        loop {
            let usage = usage.next().await.expect("no end").expect("usage");
            if usage.cpu.is_some_and(|cpu| cpu > 1.0) {
                return usage;
            }
        }
    })
    .await
    .expect("a busy container");
    assert!(busy.cpu.expect("a figure") <= 6400.0 && busy.memory.0 > 0 && busy.memory_limit.0 > 0, "{busy:?}");
    let first = run.engine.sample(&id).await.expect("a sample");
    let second = until("time to pass", async || {
        let second = run.engine.sample(&id).await.expect("a sample");
        Some(second).filter(|second| second.usage(Some(&first)).cpu.is_some_and(|cpu| cpu > 0.0))
    })
    .await;
    assert!(second.usage(None).cpu.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_input_gives_both_outputs_and_its_exit_code() {
    let Some(run) = Running::new("exec", SLEEPER).await else { return };
    let id = run.up("web").await;
    let options = ExecOptions {
        stdin: true,
        environment: vec!["NAME=value".into()],
        working_dir: Some("/tmp".into()),
        user: Some("nobody".into()),
        ..exec(&["sh", "-c", "cat; echo $NAME $PWD; whoami; echo err >&2; exit 7"])
    };
    let mut session = run.engine.exec(&id, &options).await.expect("a session");
    session.input.write_all(b"typed\n").await.expect("it reads");
    session.input.shutdown().await.expect("the end of its input");
    let mut pieces = Vec::new();
    while let Some(item) = session.output.next().await {
        pieces.push(item.expect("output"));
    }
    let of = |wanted: OutputStream| {
        let bytes: Vec<u8> =
            pieces.iter().filter(|(stream, _)| *stream == wanted).flat_map(|(_, bytes)| bytes.to_vec()).collect();
        String::from_utf8(bytes).expect("text")
    };
    assert_eq!(of(OutputStream::Stdout), "typed\nvalue /tmp\nnobody\n");
    assert_eq!(of(OutputStream::Stderr), "err\n");
    assert_eq!(session.control.exit_code().await.expect("an exit code"), 7);
    run.engine.exec_detached(&id, &exec(&["touch", "/tmp/made"])).await.expect("a start");
    until("the file", async || run.engine.get_archive(&id, "/tmp/made").await.ok().map(drop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_a_terminal_knows_its_size() {
    let Some(run) = Running::new("exectty", SLEEPER).await else { return };
    let id = run.up("web").await;
    let terminal = Some(TerminalSize { rows: 33, columns: 101 });
    // Engines may tell the process some time after they have answered.
    let script = r"printf '\001'; until stty size | grep -q '12 34'; do :; done; echo seen";
    let options = ExecOptions { terminal, stdin: true, ..exec(&["sh", "-c", script]) };
    let mut session = run.engine.exec(&id, &options).await.expect("a session");
    // Podman loses one that comes right after the start.
    let resizing = async {
        loop {
            session.control.resize(TerminalSize { rows: 12, columns: 34 }).await.expect("a new size");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let control = session.control.clone();
    let text = tokio::select! {
        text = output(&mut session.output) => text,
        () = resizing => unreachable!(),
    };
    assert!(text.starts_with('\u{1}') && text.ends_with("seen\r\n"), "{text:?}");
    assert_eq!(control.exit_code().await.expect("an exit code"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_program_is_an_exit_code() {
    let Some(run) = Running::new("missing", SLEEPER).await else { return };
    let id = run.up("web").await;
    match run.engine.exec(&id, &exec(&["devbox-no-such-program"])).await {
        Ok(mut session) => {
            let text = output(&mut session.output).await;
            assert!(text.contains("devbox-no-such-program"), "{text:?}");
            let code = session.control.exit_code().await.expect("an exit code");
            assert!(matches!(code, 126 | 127), "{code}");
        }
        // Podman refuses to start it.
        Err(error) => assert!(run.is_podman(), "{error:?}"),
    }
    run.engine.kill(&id, "KILL").await.expect("a signal");
    until("its end", async || {
        let container = run.engine.inspect(&id).await.expect("a container").container;
        (container.state == ContainerState::Exited).then_some(())
    })
    .await;
    let stopped = run.engine.exec(&id, &exec(&["true"])).await.err().expect("it doesn't run");
    assert!(matches!(stopped, EngineError::Conflict { .. }), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_talks_with_an_attached_process() {
    let yaml = "services: {web: {image: 'busybox:latest', stdin_open: true, tty: true, command: [sh, -c, 'read line; echo got $$line; exit 5']}}";
    let Some(run) = Running::new("attach", yaml).await else { return };
    let oneoff = OneOff { slug: "ab".repeat(32), attach_stdin: true, ..Default::default() };
    let id = run.create_as("web", Some(&oneoff)).await.expect("a container").id;
    let attach = AttachOptions { terminal: true, stdin: true, detach_keys: Some("ctrl-a,d".into()) };
    let detail = run.engine.inspect(&id).await.expect("a container");
    assert!(detail.container.oneoff && detail.container.tty && detail.stdin_open);
    let mut session = run.engine.attach(&id, &attach).await.expect("a session");
    let waiting = run.engine.wait_for_next_exit(&id).await.expect("a wait");
    run.engine.start(&id).await.expect("a start");
    session.control.resize(TerminalSize { rows: 10, columns: 40 }).await.expect("a size");
    session.input.write_all(b"hello\n").await.expect("it reads");
    let text = output(&mut session.output).await;
    assert!(text.contains("got hello"), "{text:?}");
    let code = tokio::time::timeout(PATIENCE, waiting.exit_code()).await.expect("in time").expect("an exit code");
    assert_eq!(code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_sees_even_the_shortest_life() {
    let yaml = "services: {web: {image: 'busybox:latest', command: ['true']}}";
    let Some(run) = Running::new("short", yaml).await else { return };
    let id: ContainerId = run.create("web").await.expect("a container").id;
    let waiting = run.engine.wait_for_next_exit(&id).await.expect("a wait");
    run.engine.start(&id).await.expect("a start");
    let code = tokio::time::timeout(Duration::from_secs(60), waiting.exit_code()).await.expect("in time");
    assert_eq!(code.expect("an exit code"), 0);
}
