//! Builds against the engine: what arrives there, what is reported, and what a failure says.

use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;

use devbox::engine::build::{BuildRequest, Builder};
use devbox::engine::{ConnectOptions, Engine, Environment};
use devbox::model::{
    Build, BuildEvent, BuildFailure, BuildSecret, BuildSsh, BuildStepId, DockerfileSource, ImageId, SecretSource,
};
use futures_util::StreamExt;

use super::support::engine::block_on;
use super::support::fake_daemon::{FakeDaemon, Reply};
use super::support::project::TestProject;
use super::support::wait::until;

/// What a build reported, and how it ended.
struct Ended {
    events: Vec<BuildEvent>,
    result: Result<ImageId, BuildFailure>,
}

impl Ended {
    /// The id of the image that must have been built.
    #[track_caller]
    fn built(&self) -> ImageId {
        match &self.result {
            Ok(image) => image.clone(),
            Err(failure) => panic!("{failure:#?}\n{}", self.output().join("\n")),
        }
    }

    #[track_caller]
    fn failed(&self) -> BuildFailure {
        self.result.clone().expect_err("the build should fail")
    }

    /// All lines of output.
    fn output(&self) -> Vec<String> {
        let lines = self.events.iter().filter_map(|event| match event {
            BuildEvent::Output(_, lines) => Some(lines.clone()),
            _ => None,
        });
        lines.flatten().collect()
    }

    /// The texts of the steps behind `FROM` that were found in the cache.
    fn cached(&self) -> Vec<String> {
        let cached = |id: &BuildStepId| self.events.contains(&BuildEvent::Cached(*id));
        let steps = self.events.iter().filter_map(|event| match event {
            BuildEvent::Step(step) if cached(&step.id) && !step.text.starts_with("FROM") => Some(step.text.clone()),
            _ => None,
        });
        steps.collect()
    }

    /// The failure of an engine that cannot do what was asked; such an engine says so, which is all that is wanted of it.
    fn has_no_buildkit(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| failure.message.contains("builds without BuildKit"))
    }
}

/// The build of a folder, with nothing else said.
fn plain(context: &std::path::Path) -> Build {
    Build::new(context.to_string_lossy())
}

/// Writes a Dockerfile in which `TOKEN` becomes the project's name, so that no earlier run of the test is in the builder's cache.
fn write(project: &TestProject, path: &str, dockerfile: &str) {
    project.write(path, &dockerfile.replace("TOKEN", &project.name));
}

fn options() -> ConnectOptions {
    ConnectOptions { environment: Environment::new(std::env::vars_os(), 0), ..ConnectOptions::default() }
}

/// Builds a project's folder as its image `number` and checks that what was reported makes sense.
fn build(project: &TestProject, number: u32, change: impl FnOnce(&mut BuildRequest)) -> Ended {
    let mut request = BuildRequest::new(plain(project.path()), vec![format!("{}-{number}", project.name)]);
    change(&mut request);
    let events: Vec<BuildEvent> = block_on(async {
        let engine = Engine::connect(&options()).await.expect("an engine");
        Builder::new(&engine).build(request).collect().await
    });
    check_order(&events);
    let result = match events.last() {
        Some(BuildEvent::Built { image, .. }) => Ok(image.clone()),
        Some(BuildEvent::Failed(failure)) => Err(failure.clone()),
        other => panic!("a build ends with an image or a failure, not with {other:?}"),
    };
    Ended { events, result }
}

/// Every step is known before anything is said of it, and only the last event ends the build.
#[track_caller]
fn check_order(events: &[BuildEvent]) {
    let mut known = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let about = match event {
            BuildEvent::Step(step) => {
                assert!(!known.contains(&step.id), "{step:?} is told twice");
                known.push(step.id);
                continue;
            }
            BuildEvent::Started(id) | BuildEvent::Cached(id) | BuildEvent::Output(id, _) => *id,
            BuildEvent::Done(id, _) | BuildEvent::StepFailed(id, _) => *id,
            BuildEvent::Progress { step, .. } => *step,
            BuildEvent::Warning(_) => continue,
            BuildEvent::Built { .. } | BuildEvent::Failed(_) => {
                assert_eq!(index + 1, events.len(), "{event:?} must be the last");
                continue;
            }
        };
        assert!(known.contains(&about), "{event:?} comes before its step");
    }
}

#[test]
fn an_image_with_its_names_and_labels_and_then_the_cache() {
    let Some(project) = TestProject::new("build", &[("f", "content\n")]) else { return };
    write(&project, "Dockerfile", "FROM busybox\nWORKDIR /app\nCOPY f f\nRUN : TOKEN; cat f; id -u\n");
    let other = format!("{}-other:2", project.name);
    let label = |request: &mut BuildRequest| {
        request.labels.insert("devbox.test".to_owned(), "a, b=c".to_owned());
        request.build.tags.push(other.clone());
    };
    let first = build(&project, 1, label);
    assert_eq!(first.output(), ["content", "0"]);
    let image = block_on(project.docker().inspect_image(&other)).expect("the image has its second name");
    assert_eq!(image.id.as_deref(), Some(first.built().as_str()));
    let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
    assert_eq!(labels.get("devbox.test").map(String::as_str), Some("a, b=c"));
    let again = build(&project, 1, label);
    assert_eq!(again.built(), first.built());
    // Podman counts the label as a step.
    let expected = ["WORKDIR /app", "COPY f f", &format!("RUN : {}; cat f; id -u", project.name)];
    assert_eq!(again.cached()[..3], expected);
}

#[test]
fn a_changed_file_arrives_and_a_touched_one_changes_nothing() {
    let files = [("a", "one\n"), ("b/c", "two\n"), ("run", "")];
    let Some(project) = TestProject::new("build", &files) else { return };
    let commands =
        "RUN : TOKEN; echo early\nCOPY . /app\nRUN cat /app/a /app/b/c \\\n  && ls -l /app/run | cut -c1-10\n";
    write(&project, "Dockerfile", &format!("FROM busybox\n{commands}"));
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(project.file("run"), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    assert_eq!(build(&project, 1, |_| {}).output(), ["early", "one", "two", "-rwxr-xr-x"]);
    project.write("b/c", "TWO\n");
    let second = build(&project, 2, |_| {});
    assert_eq!(second.output(), ["one", "TWO", "-rwxr-xr-x"]);
    assert_eq!(second.cached(), [format!("RUN : {}; echo early", project.name)]);
    // The same bytes once more, with another time stamp.
    project.write("b/c", "TWO\n");
    assert_eq!(build(&project, 2, |_| {}).built(), second.built());
    std::fs::remove_file(project.file("a")).expect("a is there");
    assert_eq!(build(&project, 3, |_| {}).failed().exit_code, Some(1));
}

#[test]
fn dockerignore_holds() {
    let files = [
        (".dockerignore", "# all of this is replaced\n*\n"),
        ("Dockerfile.dockerignore", "Dockerfile*\n.dockerignore\n/out\n**/*.log\ndocs\n!docs/keep.md\n*/tmp\n"),
        ("out", ""),
        ("src/out", ""),
        ("src/deep/x.log", ""),
        ("docs/drop.md", ""),
        ("docs/keep.md", ""),
        ("src/tmp/x", ""),
        ("src/deep/tmp/x", ""),
    ];
    let Some(project) = TestProject::new("build", &files) else { return };
    write(&project, "Dockerfile", "FROM busybox\nCOPY . /app\nRUN : TOKEN; cd /app && find . ! -name . | sort\n");
    let expected =
        ["./docs", "./docs/keep.md", "./src", "./src/deep", "./src/deep/tmp", "./src/deep/tmp/x", "./src/out"];
    assert_eq!(build(&project, 1, |_| {}).output(), expected);
}

#[test]
fn a_failing_command_has_its_line_exit_code_and_output() {
    let dockerfile =
        "FROM busybox AS base\nRUN true\nFROM base\nRUN echo before; \\\n  echo why >&2; \\\n  exit 3\nRUN never\n";
    let Some(project) = TestProject::new("build", &[("Dockerfile", dockerfile)]) else { return };
    let failure = build(&project, 1, |_| {}).failed();
    assert_eq!((failure.lines, failure.exit_code), (Some((4, 6)), Some(3)));
    assert_eq!(failure.excerpt.as_deref(), Some("RUN echo before; \\"));
    assert_eq!(failure.dockerfile, Some(project.file("Dockerfile")));
    let mut output = failure.output;
    output.sort();
    assert_eq!(output, ["before", "why"]);
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let Some(project) = TestProject::new("build", &[("left-out", ""), (".dockerignore", "left*\n")]) else { return };
    let check = |dockerfile: &str, line: u32, message: &str, help: &str| {
        project.write("Dockerfile", dockerfile);
        let failure =
            build(&project, 1, |request| request.build.target = (line == 0).then(|| "nope".to_owned())).failed();
        assert!(failure.message.contains(message), "{failure:#?}");
        assert!(failure.help.as_deref().unwrap_or_default().contains(help), "{failure:#?}");
        assert!(line == 0 || failure.lines == Some((line, line)), "{failure:#?}");
    };
    check("FROM busybox\nRUNN x\n", 2, "RUNN is not an instruction", "did you mean RUN?");
    check("FROM busybox\n\nCOPY missing /\n", 3, "missing is not there in the context", "sources are relative to it");
    check("FROM busybox\nCOPY left-out /\n", 2, "left-out is not there", ".dockerignore leaves it out");
    check("FROM busybox\nRUN no-such-command\n", 2, "ended with exit code 127", "no such command");
    check("FROM busybox AS one\n", 0, "there is no stage `nope`", "its stages are one");
    std::fs::remove_file(project.file("Dockerfile")).expect("it is there");
    let failure = build(&project, 1, |_| {}).failed();
    assert!(failure.message.starts_with("there is no ") && failure.help.is_some(), "{failure:#?}");
}

#[test]
fn names_that_cannot_be_sent_are_named() {
    let Some(project) = TestProject::new("build", &[("Dockerfile", "FROM busybox\nCOPY . /x\n")]) else { return };
    let name = std::ffi::OsStr::from_bytes(b"bad\xff");
    if std::fs::write(project.path().join(name), "").is_err() {
        return; // A file system that takes UTF-8 only.
    }
    let failure = build(&project, 1, |_| {}).failed();
    assert!(failure.message.contains("is not UTF-8"), "{failure:#?}");
    project.write(".dockerignore", "bad?\n");
    build(&project, 1, |_| {}).built();
}

#[test]
fn target_arguments_and_a_dockerfile_of_another_name() {
    let Some(project) = TestProject::new("build", &[("ctx/x", "")]) else { return };
    let first = "ARG BASE=nosuch\nFROM ${BASE} AS one\nARG WHAT=default\nRUN : TOKEN; echo one $WHAT\n";
    write(&project, "other/dev.dockerfile", &format!("{first}FROM one AS two\nRUN echo two\n"));
    let ended = build(&project, 1, |request| {
        request.build.context = project.file("ctx").to_string_lossy().into_owned();
        request.build.dockerfile = DockerfileSource::File("../other/dev.dockerfile".into());
        request.build.target = Some("one".to_owned());
        request.build.args.insert("BASE".to_owned(), Some("busybox".to_owned()));
        request.build.args.insert("WHAT".to_owned(), Some("given".to_owned()));
        request.build.args.insert("UNSET".to_owned(), None);
    });
    ended.built();
    assert_eq!(ended.output(), ["one given"]);
}

#[test]
fn an_inline_dockerfile_sees_the_context() {
    let Some(project) = TestProject::new("build", &[("f", "here\n"), ("Dockerfile", "FROM nosuch\n")]) else { return };
    let inline = |text: &str| {
        let text = text.replace("TOKEN", &project.name);
        move |request: &mut BuildRequest| request.build.dockerfile = DockerfileSource::Inline(text)
    };
    assert_eq!(
        build(&project, 1, inline("FROM busybox\nCOPY . /x\nRUN : TOKEN; cd /x; ls\n")).output(),
        ["Dockerfile", "f"]
    );
    // Another text of the same length.
    assert_eq!(
        build(&project, 2, inline("FROM busybox\nCOPY . /y\nRUN : TOKEN; cd /y; ls\n")).output(),
        ["Dockerfile", "f"]
    );
    assert_eq!(build(&project, 3, inline("FROM busybox\nRUN exit 4\n")).failed().lines, Some((2, 2)));
}

#[test]
fn secrets_reach_the_command_and_nothing_else() {
    let Some(project) = TestProject::new("build", &[("token", "from-a-file")]) else { return };
    let mounts = "--mount=type=secret,id=a --mount=type=secret,id=b,target=/b";
    let dockerfile = format!(
        "FROM busybox\nRUN {mounts} : TOKEN; cat /run/secrets/a /b | sha256sum\nRUN ls /run/secrets /b || true\n"
    );
    write(&project, "Dockerfile", &dockerfile);
    let ended = build(&project, 1, |request| {
        let secret = |id: &str| BuildSecret { source: id.to_owned(), id: id.to_owned() };
        request.build.secrets = vec![secret("a"), secret("b")];
        request.secrets.insert("a".to_owned(), SecretSource::File(project.file("token")));
        let value = Some("+from-a-variable".to_owned());
        request.secrets.insert("b".to_owned(), SecretSource::Environment { variable: "B".to_owned(), value });
    });
    if ended.has_no_buildkit() {
        return;
    }
    ended.built();
    let digest = ended.output().first().cloned().unwrap_or_default();
    assert!(digest.starts_with("c2c37684f93b11fc"), "{digest}");
    let history = block_on(project.docker().image_history(&format!("{}-1", project.name))).expect("the history");
    assert!(!format!("{history:?}").contains("from-a"), "{history:?}");
}

/// Says over ssh's agent protocol that there are no keys, to one request; then what else it was sent.
fn fake_agent(socket: &std::path::Path) -> std::thread::JoinHandle<Vec<u8>> {
    let listener = std::os::unix::net::UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        let mut request = [0; 5];
        connection.read_exact(&mut request).expect("a request");
        assert_eq!(request, [0, 0, 0, 1, 11]);
        connection.write_all(&[0, 0, 0, 5, 12, 0, 0, 0, 0]).expect("the answer is taken");
        let mut rest = Vec::new();
        connection.read_to_end(&mut rest).expect("the connection ends");
        rest
    })
}

#[test]
fn the_ssh_agent_can_be_asked_and_not_changed() {
    // Asks for the keys, then to remove them all.
    let script = "import os, socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(os.environ['SSH_AUTH_SOCK'])\n\
        for request in b'\\x0b', b'\\x13':\n    s.sendall(b'\\0\\0\\0\\1' + request)\n    print(s.recv(100).hex())\n";
    let dockerfile = "FROM python:3.11-slim\nCOPY ask.py /\nRUN --mount=type=ssh python3 /ask.py\n";
    let Some(project) = TestProject::new("build", &[("Dockerfile", dockerfile), ("ask.py", script)]) else { return };
    let socket = project.file("../agent.sock");
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join(socket.file_name().expect("a name"));
    let agent = fake_agent(&socket);
    let ended = build(&project, 1, |request| {
        request.build.no_cache = true;
        request.build.ssh = vec![BuildSsh { id: "default".to_owned(), path: Some(socket.clone()) }];
    });
    if ended.has_no_buildkit() {
        return;
    }
    ended.built();
    assert_eq!(ended.output(), ["000000050c00000000", "0000000105"]);
    assert_eq!(agent.join().expect("the agent"), [0_u8; 0], "only the allowed request reached the agent");
}

/// Whether a process of this machine has this text in its command line.
fn runs_here(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
    let mut commands = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands.any(|command| String::from_utf8_lossy(&command).contains(text))
}

#[test]
fn dropping_a_build_ends_it_in_the_engine() {
    let Some(project) = TestProject::new("build", &[]) else { return };
    let version = block_on(project.docker().version()).expect("the engine's version");
    if format!("{version:?}").contains("Podman") {
        return; // Podman 4 goes on with a build whose client is gone.
    }
    // Seen where the engine is on this machine; elsewhere there is nothing to see, and the test says nothing.
    let token = format!("dropped-{}", project.name);
    project.write("Dockerfile", &format!("FROM busybox\nRUN echo begun; while : {token}; do sleep 0.1; done\n"));
    block_on(async {
        let engine = Engine::connect(&options()).await.expect("an engine");
        let mut request = BuildRequest::new(plain(project.path()), Vec::new());
        request.build.no_cache = true;
        let mut running = Builder::new(&engine).build(request);
        while let Some(event) = running.next().await {
            match event {
                BuildEvent::Output(_, lines) if lines.contains(&"begun".to_owned()) => break,
                BuildEvent::Failed(failure) => panic!("{failure:#?}"),
                _ => {}
            }
        }
    });
    until("the command of the dropped build is gone", || (!runs_here(&token)).then_some(()));
}

#[test]
fn an_engine_that_goes_away_is_said() {
    let daemon = FakeDaemon::start(|request| match request.path.as_str() {
        "/session" | "/grpc" => Reply::Drop,
        "/version" => Reply::Json(200, serde_json::json!({"ApiVersion": "1.51", "Version": "28.0.0", "Os": "linux"})),
        _ => Reply::Json(200, serde_json::json!({})),
    });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Dockerfile"), "FROM busybox\n").expect("a file");
    let events: Vec<BuildEvent> = block_on(async {
        let options = ConnectOptions { host: Some(daemon.address()), ..ConnectOptions::default() };
        let engine = Engine::connect(&options).await.expect("the daemon answers");
        Builder::new(&engine).build(BuildRequest::new(plain(folder.path()), Vec::new())).collect().await
    });
    let [BuildEvent::Failed(failure)] = events.as_slice() else { panic!("{events:?}") };
    assert!(failure.message.starts_with("the connection to the engine broke"), "{failure:#?}");
    assert!(failure.help.is_some());
}
