//! `up` in the foreground: brings everything up, streams the logs, and stops it when it is interrupted.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::Detail,
    execute::Outcome,
    logs::Source,
    model::{ContainerState, Project, ServiceName},
    plan::{Goal, Selection, Verb},
};

use super::{
    Setup, Stop,
    console::Ink,
    follow::{Exited, Followers, News, Window},
    log_lines::{LineFormat, LinePrinter},
    progress::Style,
    run::{self, Job, Signals},
    verbs::{self, Ready},
    watch::{Show, Watch},
};

/// What is said after the first signal.
const STOPPING: &str = "stopping; once more kills.\n";

/// What the exit of one container does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cascade {
    /// Nothing.
    #[default]
    Ignore,
    /// `--abort-on-container-exit`: they are stopped.
    Exit,
    /// `--abort-on-container-failure`: they are stopped if it failed.
    Failure,
}

/// Options of `up` without `-d`.
#[derive(Debug, Clone, Default)]
pub struct Foreground {
    /// What an exit does.
    pub cascade: Cascade,
    /// `--exit-code-from`.
    pub exit_code_from: Option<String>,
    /// `--attach`: only these services' logs.
    pub attach: Vec<String>,
    /// `--no-attach`: all but these.
    pub no_attach: Vec<String>,
    /// `--attach-dependencies`: theirs too when services are named.
    pub attach_dependencies: bool,
    /// How lines are printed.
    pub format: LineFormat,
    /// No colours in them.
    pub no_color: bool,
    /// How long a stop may take.
    pub timeout: Option<Duration>,
    /// `--watch`: the rules of `develop.watch` are carried out beside the logs.
    pub watch: bool,
}

/// Whose logs are streamed.
fn attached(project: &Project, goal: &Goal, options: &Foreground) -> BTreeSet<ServiceName> {
    let all = options.attach_dependencies || goal.selection == Selection::All;
    project
        .services
        .values()
        .filter(|service| {
            let name = service.name.as_str();
            if options.attach.iter().any(|wanted| wanted == name) {
                return true;
            }
            let wanted = if all { service.enabled } else { goal.selection.names(&service.name) };
            options.attach.is_empty() && wanted && service.attach && !options.no_attach.iter().any(|not| not == name)
        })
        .map(|service| service.name.clone())
        .collect()
}

/// Runs it.
///
/// # Errors
/// What failed; the exit code of a service where that was asked for; that it was interrupted.
pub async fn up(setup: &Setup, services: &[String], goal: Goal, options: &Foreground) -> Result<(), Stop> {
    let ready = verbs::ready(setup, services).await?;
    for named in [&options.attach, &options.no_attach].into_iter().flatten().chain(&options.exit_code_from) {
        if !ready.project.services.contains_key(named.as_str()) {
            return Err(Stop::usage(super::project::unknown(named, ready.project.services.keys())));
        }
    }
    let show = Show { ink: setup.console.err, style: style(setup), quiet: false };
    let watch = options.watch.then(|| Watch::new(setup, &ready, services, show, true)).transpose()?;
    verbs::warn_of_ports(setup, &ready, &goal);
    let sources = Arc::new(run::sources(setup, &ready.project));
    let services = attached(&ready.project, &goal, options);
    let ink = Ink { colour: setup.console.out.colour && !options.no_color, ..setup.console.out };
    let names = services.iter().map(|service| Source { service: service.clone(), replica: 1 });
    let mut session = Session {
        setup,
        ready: &ready,
        printer: LinePrinter::new(ink, options.format, names),
        followers: Followers::new(&ready.engine, &ready.project, services).await?,
        signals: Signals::listen()?,
        exits: Vec::new(),
    };
    let (selection, verb) = (goal.selection.clone(), goal);
    let job = Job {
        ready: &ready,
        sources: &sources,
        goal: verb,
        ink: setup.console.err,
        style: style(setup),
        hurried: false,
    };
    match session.while_running(job).await {
        Ok(outcome) => {
            verbs::warn_of_owners(setup, &ready, &selection).await?;
            session.attach_running(&outcome).await?;
        }
        Err(Stop::Interrupted) => {
            setup.console.err.write(STOPPING)?;
            session.stop(&selection, options.timeout).await?;
            return Err(Stop::Interrupted);
        }
        Err(stop) => return Err(stop),
    }
    let stop = CancellationToken::new();
    let mut watching = watch.map(|watch| Watching { busy: watch.busy(), work: Box::pin(watch.run(stop.clone())) });
    let end = session.stream(options, &mut watching).await?;
    stop.cancel();
    if let Some(watching) = watching {
        // A build under way heard the signal too.
        let _ = watching.work.await;
    }
    match end {
        End::AllEnded => {}
        End::Cascade(exited) => {
            setup.console.err.write(format!("{} exited, stopping the others.\n", exited.service))?;
            session.stop(&selection, options.timeout).await?;
        }
        End::Signal => {
            setup.console.err.write(STOPPING)?;
            session.stop(&selection, options.timeout).await?;
            return Err(Stop::Interrupted);
        }
    }
    session.exit_code(options).await
}

/// Lines that are rewritten would be torn by log lines on the same terminal.
fn style(setup: &Setup) -> Style {
    match run::style(setup, setup.console.err, false) {
        Style::Live if setup.console.out.tty => Style::Plain,
        style => style,
    }
}

/// The rules of `develop.watch` under way.
struct Watching<'a> {
    busy: watch::Receiver<bool>,
    work: Pin<Box<dyn Future<Output = Result<(), Stop>> + 'a>>,
}

enum End {
    AllEnded,
    Cascade(Exited),
    Signal,
}

struct Session<'a> {
    setup: &'a Setup,
    ready: &'a Ready,
    printer: LinePrinter,
    followers: Followers,
    signals: Signals,
    /// In the order in which they came.
    exits: Vec<Exited>,
}

impl Session<'_> {
    /// Carries a goal out, printing log lines meanwhile.
    async fn while_running(&mut self, job: Job<'_>) -> Result<Outcome, Stop> {
        let (setup, project) = (self.setup, &self.ready.project);
        let run = run::carry_out(setup, job, &mut self.signals, |_| {});
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                outcome = &mut run => return outcome,
                news = self.followers.next(setup, project) => {
                    print(&mut self.printer, news?, &mut self.exits)?;
                }
            }
        }
    }

    /// Follows what ran already, from now on, as Compose attaches to it.
    async fn attach_running(&mut self, outcome: &Outcome) -> Result<(), Stop> {
        for container in outcome.containers.iter().filter(|container| !container.started && container.exit.is_none()) {
            let source = Source { service: container.service.clone(), replica: container.number };
            self.followers.follow(&container.id, source, Window { tail: Some(0), ..Window::default() });
        }
        Ok(())
    }

    /// Prints until nothing runs any more, an exit ends it, or a signal comes.
    async fn stream(&mut self, options: &Foreground, watching: &mut Option<Watching<'_>>) -> Result<End, Stop> {
        loop {
            // What a rebuild replaces or a rule restarts has not come to its end.
            let busy = watching.as_ref().is_some_and(|watching| *watching.busy.borrow());
            if let Some(exited) = self.cascade(options).filter(|_| !busy) {
                return Ok(End::Cascade(exited));
            }
            if !busy && self.followers.is_idle() && self.followers.all_ended(&self.ready.project).await {
                return Ok(End::AllEnded);
            }
            tokio::select! {
                biased;
                _ = self.signals.recv() => return Ok(End::Signal),
                ended = carried_out(watching) => ended?,
                news = self.followers.next(self.setup, &self.ready.project) => {
                    let before = self.exits.len();
                    print(&mut self.printer, news?, &mut self.exits)?;
                    if busy {
                        self.exits.truncate(before);
                    }
                }
            }
        }
    }

    /// The exit that ends the others.
    fn cascade(&self, options: &Foreground) -> Option<Exited> {
        let cascade = match options.exit_code_from {
            Some(_) => Cascade::Exit,
            None => options.cascade,
        };
        let mut exits = self.exits.iter();
        match cascade {
            Cascade::Ignore => None,
            Cascade::Exit => exits.next().cloned(),
            Cascade::Failure => exits.find(|exited| exited.code != 0).cloned(),
        }
    }

    /// Stops the services; a signal meanwhile kills them.
    async fn stop(&mut self, selection: &Selection, timeout: Option<Duration>) -> Result<(), Stop> {
        let none = Arc::default();
        let job = |verb| Job {
            ready: self.ready,
            sources: &none,
            goal: Goal::new(verb, selection.clone()),
            ink: self.setup.console.err,
            style: style(self.setup),
            hurried: true,
        };
        let (stop, kill) =
            (job(Verb::Stop { timeout }), job(Verb::Kill { signal: "SIGKILL".into(), remove_orphans: false }));
        let stopped = match self.while_running(stop).await {
            Err(Stop::Interrupted) => self.while_running(kill).await,
            stopped => stopped,
        };
        stopped?;
        self.drain().await
    }

    /// Prints what was written until the end.
    async fn drain(&mut self) -> Result<(), Stop> {
        const END: Duration = Duration::from_secs(2);
        while !self.followers.is_idle() {
            let next = self.followers.next(self.setup, &self.ready.project);
            match tokio::time::timeout(END, next).await {
                Ok(news) => print(&mut self.printer, news?, &mut self.exits)?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// The exit code that was asked for.
    async fn exit_code(&self, options: &Foreground) -> Result<(), Stop> {
        let code = match &options.exit_code_from {
            Some(service) => {
                let observed = verbs::observe(self.ready, Detail::Full).await?;
                observed
                    .containers
                    .iter()
                    .filter(|container| container.service == **service && !container.oneoff)
                    .filter(|container| container.state == ContainerState::Exited)
                    .filter_map(|container| container.exit)
                    .map(|exit| exit.code)
                    .next()
                    .unwrap_or(0)
            }
            None => self.cascade(options).map_or(0, |exited| exited.code),
        };
        match u8::try_from(code).unwrap_or(1) {
            0 => Ok(()),
            code => Err(Stop::Code(code)),
        }
    }
}

/// Goes on with the rules until something is to be looked at again, or they end with an error; for ever where none are watched.
async fn carried_out(watching: &mut Option<Watching<'_>>) -> Result<(), Stop> {
    let Some(Watching { busy, work }) = watching else { return std::future::pending().await };
    tokio::select! {
        ended = work => ended,
        _ = busy.changed() => Ok(()),
    }
}

fn print(printer: &mut LinePrinter, news: News, exits: &mut Vec<Exited>) -> Result<(), Stop> {
    match news {
        News::Lines(batch) => printer.batch(&batch),
        News::Exited(exited) => {
            let source = Source { service: exited.service.clone(), replica: exited.number };
            printer.note(&source, super::now(), &format!("exited with code {}", exited.code));
            exits.push(exited);
        }
        News::Look => {}
    }
    printer.flush()
}
