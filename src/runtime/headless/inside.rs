//! The verbs that go into a container: exec, shell, attach, run.

use std::{io::Read as _, sync::Arc, time::Duration};

use crate::{
    engine::{AttachOptions, Detail, Engine, EngineError, ExecOptions, TerminalSize},
    model::{ContainerId, ContainerState, Diagnostic, ObservedContainer, Service, ServiceName},
    plan::{BuildOptions, Goal, PullOptions, RunOptions, Selection, Verb},
    runtime::{
        ownership,
        session::{self, JoinError},
    },
};

use super::{
    Setup, Stop, oneoff,
    run::{self, Job, Passed, Signals},
    verbs::{self, Ready},
};

const DEFAULT_SIZE: TerminalSize = TerminalSize { rows: 24, columns: 80 };

/// What `exec` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Exec {
    /// The service.
    pub service: String,
    /// The number of its container; the first that runs when `None`.
    pub index: Option<u32>,
    /// Command and arguments.
    pub command: Vec<String>,
    /// In the background.
    pub detach: bool,
    /// `KEY=VALUE`, or `KEY` for devbox's own value.
    pub environment: Vec<String>,
    /// Without a terminal even where there is one.
    pub no_tty: bool,
    /// With extended privileges.
    pub privileged: bool,
    /// Who.
    pub user: Option<String>,
    /// Where.
    pub working_dir: Option<String>,
}

/// `KEY` of `KEY=VALUE`.
fn name(entry: &str) -> &str {
    entry.split_once('=').map_or(entry, |(name, _)| name)
}

/// `KEY` with devbox's own value where none is given; left out where there is none.
fn environment(entries: &[String]) -> Vec<String> {
    entries
        .iter()
        .filter_map(|entry| {
            if entry.contains('=') {
                return Some(entry.clone());
            }
            std::env::var(entry).ok().map(|value| format!("{entry}={value}"))
        })
        .collect()
}

/// The running container that is meant.
async fn running(ready: &Ready, service: &str, index: Option<u32>) -> Result<ObservedContainer, Stop> {
    let observed = verbs::observe(ready, Detail::Listing).await?;
    let mut mine: Vec<&ObservedContainer> = observed
        .containers
        .iter()
        .filter(|container| container.service == *service && !container.oneoff)
        .filter(|container| index.is_none_or(|index| container.number == index))
        .collect();
    mine.sort_by_key(|container| container.number);
    if let Some(container) = mine.iter().find(|container| container.state == ContainerState::Running) {
        return Ok((*container).clone());
    }
    let which = index.map(|index| format!(" {index}")).unwrap_or_default();
    let (state, help) = match mine.first().map(|container| container.state) {
        Some(ContainerState::Paused) => ("is paused", format!("`devbox unpause {service}`")),
        Some(ContainerState::Restarting) => ("restarts again and again", format!("`devbox logs {service}` says why")),
        Some(_) => ("does not run", format!("`devbox up -d {service}` starts it")),
        None => ("has no container", format!("`devbox up -d {service}` starts it")),
    };
    Err(Stop::failed(Diagnostic::error(format!("{service}{which} {state}")).help(help)))
}

fn join_error(error: JoinError) -> Stop {
    match error {
        JoinError::Engine(error) => run::stop(error),
        JoinError::Output(error) => Stop::from_output(error),
    }
}

/// A process's exit code as devbox's own.
fn ended(code: i64) -> Result<(), Stop> {
    match u8::try_from(code).unwrap_or(1) {
        0 => Ok(()),
        code => Err(Stop::Code(code)),
    }
}

/// Runs `exec`.
///
/// # Errors
/// The service does not run, the engine fails, or the command's exit code.
pub async fn exec(setup: &Setup, exec: &Exec) -> Result<(), Stop> {
    let ready = verbs::ready_or_labels(setup, std::slice::from_ref(&exec.service)).await?;
    let container = running(&ready, &exec.service, exec.index).await?;
    exec_in(setup, &ready.engine, &container.id, exec).await
}

async fn exec_in(setup: &Setup, engine: &Engine, container: &ContainerId, exec: &Exec) -> Result<(), Stop> {
    let tty = !exec.no_tty && !exec.detach && setup.console.in_tty && setup.console.out.tty;
    let options = ExecOptions {
        command: exec.command.clone(),
        user: exec.user.clone(),
        working_dir: exec.working_dir.clone(),
        environment: environment(&exec.environment),
        privileged: exec.privileged,
        terminal: tty.then(|| session::terminal_size().unwrap_or(DEFAULT_SIZE)),
        stdin: !exec.detach,
    };
    if exec.detach {
        return engine.exec_detached(container, &options).await.map_err(run::stop);
    }
    let session = engine.exec(container, &options).await.map_err(run::stop)?;
    let mut signals = Signals::listen()?;
    let joined = tokio::select! {
        joined = session::join(session, true, tty) => joined.map_err(join_error)?,
        _ = signals.recv() => return Err(Stop::Interrupted),
    };
    ended(joined.exit_code().await.map_err(run::stop)?)
}

/// Runs `shell`: bash where the container has one, sh otherwise.
///
/// # Errors
/// As [`exec`], and when it isn't clear which service is meant.
pub async fn shell(setup: &Setup, service: Option<&str>, mut exec: Exec) -> Result<(), Stop> {
    let named: Vec<String> = service.map(str::to_owned).into_iter().collect();
    let ready = verbs::ready_or_labels(setup, &named).await?;
    exec.service = match service {
        Some(service) => service.to_owned(),
        None => which(&ready)?,
    };
    let container = running(&ready, &exec.service, exec.index).await?;
    if exec.user.is_none() {
        let service = ready.project.services.get(exec.service.as_str());
        exec.user = ownership::of_container(&ready.engine, &container.id, service).await.map_err(run::stop)?;
        if exec.user.is_some() {
            let given = service.into_iter().flat_map(|service| service.environment.keys().map(String::as_str));
            let given = given.chain(exec.environment.iter().map(|entry| name(entry)));
            exec.environment.extend(ownership::home(given).map(|(key, value)| format!("{key}={value}")));
        }
    }
    exec.command = SHELL.iter().map(|&word| word.to_owned()).collect();
    match exec_in(setup, &ready.engine, &container.id, &exec).await {
        // Leaving a shell with whatever its last command returned is no failure; a shell that isn't there is.
        Err(Stop::Code(code @ (126 | 127))) => Err(Stop::Failed(vec![
            Diagnostic::error(format!("{} has no shell (exit code {code})", exec.service))
                .help(format!("`devbox exec {} COMMAND` runs a program that it has", exec.service)),
        ])),
        other => other,
    }
}

/// Takes the better shell that is there.
const SHELL: [&str; 3] = ["/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];

/// The only service, or the first that is built here.
fn which(ready: &Ready) -> Result<String, Stop> {
    let mut enabled = ready.project.enabled();
    let built = ready.project.enabled().find(|service| service.build.is_some());
    let service = match (enabled.next(), enabled.next()) {
        (Some(only), None) => Some(only),
        _ => built,
    };
    service.map(|service| service.name.to_string()).ok_or_else(|| {
        let names: Vec<&str> = ready.project.services.keys().map(ServiceName::as_str).collect();
        Stop::usage(Diagnostic::error("which service?").help(format!("`devbox shell SERVICE`: {}", names.join(", "))))
    })
}

/// What `attach` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Attach {
    /// The service.
    pub service: String,
    /// `--index`.
    pub index: Option<u32>,
    /// False with `--no-stdin`.
    pub stdin: bool,
    /// `--detach-keys`.
    pub detach_keys: Option<String>,
    /// `--sig-proxy`.
    pub signals: bool,
}

/// Runs `attach`.
///
/// # Errors
/// The service does not run, the engine fails, or the process's exit code.
pub async fn attach(setup: &Setup, options: &Attach) -> Result<(), Stop> {
    let Attach { service, index, .. } = options;
    let ready = verbs::ready_or_labels(setup, std::slice::from_ref(service)).await?;
    let container = running(&ready, service, *index).await?;
    let detail = ready.engine.inspect(&container.id).await.map_err(run::stop)?;
    let stdin = detail.stdin_open && options.stdin;
    if !detail.stdin_open && options.stdin {
        let warning =
            Diagnostic::warning(format!("{service} reads no input: its process gets nothing of what you type"));
        setup.console.diagnostic(&warning.help("`stdin_open: true`, and `tty: true` for a debugger"));
    }
    let tty = detail.container.tty;
    let attach = AttachOptions { terminal: tty, stdin, detach_keys: options.detach_keys.clone() };
    let session = ready.engine.attach(&container.id, &attach).await.map_err(run::stop)?;
    let control = session.control.clone();
    let raw = tty && stdin && setup.console.in_tty;
    let joined = session::join(session, stdin, raw);
    with_signals(&ready.engine, &container.id, joined, options.signals).await?;
    // The stream also ends when the user detached: then the process goes on.
    match ready.engine.inspect(&container.id).await {
        Ok(detail) if detail.container.state == ContainerState::Running => Ok(()),
        Ok(_) => ended(control.exit_code().await.map_err(run::stop)?),
        Err(EngineError::NotFound { .. }) => Ok(()),
        Err(error) => Err(run::stop(error)),
    }
}

/// Passes signals on to a container's process while a session lasts; without `proxy` they end the session.
async fn with_signals<T>(
    engine: &Engine,
    container: &ContainerId,
    joined: impl Future<Output = Result<T, JoinError>>,
    proxy: bool,
) -> Result<T, Stop> {
    let mut signals = Passed::listen()?;
    let mut joined = std::pin::pin!(joined);
    loop {
        tokio::select! {
            result = &mut joined => return result.map_err(join_error),
            name = signals.recv() => {
                if !proxy {
                    return Err(Stop::Interrupted);
                }
                // A process that is gone needs none.
                let _ = engine.kill(container, name).await;
            }
        }
    }
}

/// What `run` was asked for beside what a plan knows.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The service.
    pub service: String,
    /// What a plan knows.
    pub options: RunOptions,
    /// `-e`, as typed.
    pub environment: Vec<String>,
    /// `-l`, as typed.
    pub labels: Vec<String>,
    /// `-p`, as typed.
    pub publish: Vec<String>,
    /// `-v`, as typed.
    pub volumes: Vec<String>,
    /// `-T`.
    pub no_tty: bool,
    /// `-i=false` turns it off.
    pub interactive: bool,
    /// Nothing of devbox's own is printed.
    pub quiet: bool,
}

/// Runs `run`.
///
/// # Errors
/// What failed, or the command's exit code.
pub async fn run(setup: &Setup, mut wanted: Run) -> Result<(), Stop> {
    let service =
        ServiceName::new(&wanted.service).map_err(|error| Stop::usage(Diagnostic::error(error.to_string())))?;
    let mut ready = verbs::ready(setup, std::slice::from_ref(&wanted.service)).await?;
    let project = Arc::make_mut(&mut ready.project);
    oneoff::adjust(setup, project, &service, &wanted.publish, &wanted.volumes)?;
    let options = &mut wanted.options;
    options.service_ports |= !wanted.publish.is_empty();
    options.tty = !wanted.no_tty && !options.detach && setup.console.in_tty && setup.console.out.tty;
    options.stdin_open = wanted.interactive && !options.detach;
    options.slug = slug()?;
    options.environment = pairs(&environment(&wanted.environment)).map(|(key, value)| (key, Some(value))).collect();
    options.labels = pairs(&wanted.labels).collect();
    as_caller(setup, &ready, &service, &mut wanted).await?;
    let options = &wanted.options;
    let (detach, tty, stdin) = (options.detach, options.tty, options.stdin_open);
    let remove = options.remove && !detach;
    let sources = Arc::new(run::sources(setup, &ready.project));
    let mut signals = Signals::listen()?;
    let job = Job {
        ready: &ready,
        sources: &sources,
        goal: Goal::new(Verb::Run(wanted.options), Selection::of([service])),
        ink: setup.console.err,
        style: run::style(setup, setup.console.err, wanted.quiet),
        hurried: false,
    };
    let outcome = run::carry_out(setup, job, &mut signals, |_| {}).await?;
    drop(signals);
    let Some(container) = outcome.containers.into_iter().next() else {
        return Err(Stop::failed(Diagnostic::error("the container of run is gone").help("try it again")));
    };
    if detach {
        return setup.console.line(&container.name);
    }
    let result = attached_run(&ready.engine, &container.id, tty, stdin).await;
    if remove {
        removed(&ready.engine, &container.id).await?;
    }
    ended(result?)
}

/// Has what is run write into the project's folders as the caller, where it would as root. An image that isn't there yet is made
/// first, since only it says who runs.
async fn as_caller(setup: &Setup, ready: &Ready, name: &ServiceName, wanted: &mut Run) -> Result<(), Stop> {
    let Some(service) = ready.project.services.get(name) else { return Ok(()) };
    if wanted.options.user.is_some() || service.user.is_some() {
        return Ok(());
    }
    let Some(caller) = ownership::caller(&ready.engine).await else { return Ok(()) };
    let image = service.image_name(&ready.project.name);
    let found = match ready.engine.image(&image).await.map_err(run::stop)? {
        Some(found) => Some(found),
        None => {
            make_image(setup, ready, service, wanted.quiet).await?;
            ready.engine.image(&image).await.map_err(run::stop)?
        }
    };
    let user = found.and_then(|image| ownership::of_service(caller, service, &image.user));
    if user.is_some() {
        let given = service.environment.keys().chain(wanted.options.environment.keys()).map(String::as_str);
        let home = ownership::home(given);
        wanted.options.environment.extend(home.map(|(key, value)| (key, Some(value))));
        wanted.options.user = user;
    }
    Ok(())
}

/// Builds or pulls the image of one service.
async fn make_image(setup: &Setup, ready: &Ready, service: &Service, quiet: bool) -> Result<(), Stop> {
    let verb = match service.build {
        Some(_) => Verb::Build(BuildOptions::default()),
        None => Verb::Pull(PullOptions::default()),
    };
    let mut signals = Signals::listen()?;
    let job = Job {
        ready,
        sources: &Arc::new(run::sources(setup, &ready.project)),
        goal: Goal::new(verb, Selection::of([service.name.clone()])),
        ink: setup.console.err,
        style: run::style(setup, setup.console.err, quiet),
        hurried: false,
    };
    run::carry_out(setup, job, &mut signals, |_| {}).await.map(drop)
}

/// Attaches to a container that was made and not started, starts it, and gives its exit code.
async fn attached_run(engine: &Engine, container: &ContainerId, tty: bool, stdin: bool) -> Result<i64, Stop> {
    let options = AttachOptions { terminal: tty, stdin, detach_keys: None };
    let session = engine.attach(container, &options).await.map_err(run::stop)?;
    let waiting = engine.wait_for_next_exit(container).await.map_err(run::stop)?;
    engine.start(container).await.map_err(run::stop)?;
    let _control = with_signals(engine, container, session::join(session, stdin, tty), true).await?;
    waiting.exit_code().await.map_err(run::stop)
}

/// Removes a container with its anonymous volumes, and returns when it is gone: the engine may be at it already (`--rm`), and
/// then only says so.
pub(super) async fn removed(engine: &Engine, container: &ContainerId) -> Result<(), Stop> {
    engine.remove(container, true, true).await.map_err(run::stop)?;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while tokio::time::Instant::now() < deadline {
        match engine.inspect(container).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) if error.is_not_found() => break,
            Err(error) => return Err(run::stop(error)),
        }
    }
    Ok(())
}

/// Twelve hexadecimal digits, as Compose puts them into the names of one-off containers.
pub(super) fn slug() -> Result<String, Stop> {
    let mut bytes = [0; 6];
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).map_err(|error| {
        Stop::failed(
            Diagnostic::error(format!("/dev/urandom can't be read: {error}")).help("`--name NAME` names the container"),
        )
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn pairs(entries: &[String]) -> impl Iterator<Item = (String, String)> {
    entries.iter().map(|entry| {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        (key.to_owned(), value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_takes_devboxs_own_value() {
        let path = format!("PATH={}", std::env::var("PATH").unwrap());
        let entries = ["A=1".to_owned(), "PATH".to_owned(), "DEVBOX_NOT_SET".to_owned(), "B=".to_owned()];
        assert_eq!(environment(&entries), ["A=1", &path, "B="]);
    }

    #[test]
    fn slugs_are_twelve_digits_and_differ() {
        let (a, b) = (slug().unwrap(), slug().unwrap());
        assert!(a.len() == 12 && a.bytes().all(|byte| byte.is_ascii_hexdigit()) && a != b);
    }
}
