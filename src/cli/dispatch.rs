//! From a verb to the call that carries it out.

use std::time::Duration;

use crate::{
    compose::{self, Format, Options, Request},
    model::Diagnostic,
    plan::{self, RunOptions},
    runtime::headless::{
        self, Console, Quiet, Setup, Stop, config, deps,
        follow::Window,
        foreground::{self, Cascade, Foreground},
        init, inside,
        log_lines::LineFormat,
        logs, moment, packages,
        progress::Style,
        project, ps, verbs, watch,
    },
    runtime::open,
    scaffold::Wishes,
};

use super::{
    args::{Ansi, Cli, Global, Progress, Verb, dependencies as wanted, init as new, inside as within, look, up},
    goals,
};

/// What every verb is given.
///
/// # Errors
/// The current folder is gone.
pub fn setup(global: &Global) -> Result<Setup, Stop> {
    let directory = std::env::current_dir().map_err(|error| {
        let what = Diagnostic::error(format!("the current folder can't be found: {error}"));
        Stop::failed(what.help("`cd` to a folder that is there"))
    })?;
    let colour = match (global.ansi, global.no_color) {
        (Ansi::Never, _) | (_, true) => Some(false),
        (Ansi::Always, _) => Some(true),
        (Ansi::Auto, _) => None,
    };
    let style = match global.progress {
        Progress::Auto => None,
        Progress::Tty => Some(Style::Live),
        Progress::Plain => Some(Style::Plain),
        Progress::Quiet => Some(Style::Quiet),
    };
    Ok(Setup {
        console: Console::new(colour),
        request: Request {
            directory,
            files: global.files.iter().map(Into::into).collect(),
            project_name: global.project_name.clone(),
            profiles: global.profiles.clone(),
            env_files: global.env_files.iter().map(Into::into).collect(),
            project_directory: global.project_directory.clone(),
            environment: project::environment(),
            ..Request::default()
        },
        host: global.host.clone(),
        context: global.context.clone(),
        on_change: global.on_change(),
        style,
        quiet: Quiet::default(),
    })
}

/// Whether what was typed opens the dashboard.
pub fn opens_dashboard(cli: &Cli, setup: &Setup) -> bool {
    match &cli.verb {
        None => true,
        Some(Verb::Up(args)) => opens(setup, args),
        Some(_) => false,
    }
}

/// Carries out what was typed.
///
/// # Errors
/// Why it ended without having done it.
pub fn run(cli: &Cli, setup: &Setup) -> Result<(), Stop> {
    match &cli.verb {
        // These need no engine, and so no runtime.
        Some(Verb::Config(args)) => config::run(setup, &config_options(args)),
        Some(Verb::Completion(args)) => completion(setup, args.shell),
        Some(Verb::Version(args)) if args.short => setup.console.line(env!("CARGO_PKG_VERSION")),
        None => open::dashboard(setup, None),
        Some(Verb::Up(args)) if opens(setup, args) => {
            let goal = goals::up(args)?;
            open::dashboard(setup, Some((goal, &args.services)))
        }
        verb => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Stop::failed(Diagnostic::error(format!("no event loop can be made: {error}"))))?;
            let result = runtime.block_on(with_engine(verb.as_ref(), setup));
            // Readers of files and pipes that wait for ever are not waited for.
            runtime.shutdown_background();
            result
        }
    }
}

async fn with_engine(verb: Option<&Verb>, setup: &Setup) -> Result<(), Stop> {
    let Some(verb) = verb else { return Ok(()) };
    match verb {
        Verb::Init(args) => init::init(setup, &init_options(args)).await,
        Verb::Up(args) => up(setup, args).await,
        Verb::Down(args) if args.dry_run => verbs::plan(setup, &args.services, &goals::down(args)?, false).await,
        Verb::Down(args) => verbs::down(setup, &args.services, goals::down(args)?, args.yes).await,
        Verb::Start(args) => verbs::act(setup, &args.services, goals::start(args)?).await,
        Verb::Stop(args) => verbs::act(setup, &args.services, goals::stop(args)?).await,
        Verb::Restart(args) => verbs::act(setup, &args.services, goals::restart(args)?).await,
        Verb::Pause(args) => verbs::act(setup, &args.services, goals::pause(args, plan::Verb::Pause)?).await,
        Verb::Unpause(args) => verbs::act(setup, &args.services, goals::pause(args, plan::Verb::Unpause)?).await,
        Verb::Kill(args) => verbs::act(setup, &args.services, goals::kill(args)?).await,
        Verb::Rm(args) => verbs::remove(setup, &args.services, goals::remove(args)?, args.force).await,
        Verb::Build(args) => verbs::images(setup, &args.services, goals::build(args)?, args.quiet, &args.ssh).await,
        Verb::Pull(args) => verbs::images(setup, &args.services, goals::pull(args)?, args.quiet, &[]).await,
        Verb::Rebuild(args) => verbs::images(setup, &args.services, goals::rebuild(args)?, args.quiet, &[]).await,
        Verb::Plan(args) => verbs::plan(setup, &args.services, &goals::plan(args)?, args.format == "json").await,
        Verb::Watch(args) => {
            let options = watch::WatchOptions {
                services: args.services.clone(),
                no_up: args.no_up,
                quiet: args.quiet,
                prune: args.prune,
            };
            watch::run(setup, &options).await
        }
        Verb::Add(args) => {
            let what = packages::What::Add(args.packages.clone());
            packages::run(setup, &change_options(what, args.dev, &args.change)).await
        }
        Verb::Remove(args) => {
            let what = packages::What::Remove(args.packages.clone());
            packages::run(setup, &change_options(what, args.dev, &args.change)).await
        }
        Verb::Lock(args) => {
            let what = packages::What::Lock(args.upgrade);
            packages::run(setup, &change_options(what, false, &args.change)).await
        }
        Verb::Freeze(args) => deps::freeze(setup, args.service.as_deref()).await,
        Verb::Deps(args) => deps::run(setup, &args.services, args.format == look::Format::Json).await,
        Verb::Ps(args) => ps::run(setup, &ps_options(args)?).await,
        Verb::Logs(args) => logs::run(setup, &logs_options(args)?).await,
        Verb::Exec(args) => inside::exec(setup, &exec_options(args)).await,
        Verb::Run(args) => {
            let setup = Setup { quiet: Quiet { build: args.quiet_build, pull: args.quiet_pull }, ..setup.clone() };
            inside::run(&setup, run_options(args)?).await
        }
        Verb::Shell(args) => {
            let exec = inside::Exec {
                index: args.index,
                user: args.user.clone(),
                working_dir: args.workdir.clone(),
                ..inside::Exec::default()
            };
            inside::shell(setup, args.service.as_deref(), exec).await
        }
        Verb::Attach(args) => {
            let attach = inside::Attach {
                service: args.service.clone(),
                index: args.index,
                stdin: !args.no_stdin,
                detach_keys: args.detach_keys.clone(),
                signals: args.sig_proxy,
            };
            inside::attach(setup, &attach).await
        }
        Verb::Version(args) => verbs::version(setup, args.format == "json").await,
        Verb::Config(_) | Verb::Completion(_) => Ok(()),
    }
}

/// `up` opens the dashboard on a terminal, unless a flag asks for lines.
fn opens(setup: &Setup, args: &up::Up) -> bool {
    let lines = foreground_options(args).cascade != Cascade::Ignore
        || args.exit_code_from.is_some()
        || !(args.attach.is_empty() && args.no_attach.is_empty())
        || args.attach_dependencies
        || args.no_log_prefix
        || args.timestamps
        || args.no_color;
    let ends = args.dry_run || args.detach || args.wait || args.no_start;
    setup.console.in_tty && setup.console.out.tty && !lines && !ends
}

async fn up(setup: &Setup, args: &up::Up) -> Result<(), Stop> {
    let goal = goals::up(args)?;
    if args.dry_run {
        return verbs::plan(setup, &args.services, &goal, args.format.as_deref() == Some("json")).await;
    }
    let setup = Setup { quiet: Quiet { build: args.quiet_build, pull: args.quiet_pull }, ..setup.clone() };
    if args.detach || args.wait || args.no_start {
        return verbs::up(&setup, &args.services, goal).await;
    }
    foreground::up(&setup, &args.services, goal, &foreground_options(args)).await
}

fn foreground_options(args: &up::Up) -> Foreground {
    Foreground {
        cascade: match (args.abort_on_container_exit, args.abort_on_container_failure) {
            (true, _) => Cascade::Exit,
            (_, true) => Cascade::Failure,
            _ => Cascade::Ignore,
        },
        exit_code_from: args.exit_code_from.clone(),
        attach: args.attach.clone(),
        no_attach: args.no_attach.clone(),
        attach_dependencies: args.attach_dependencies,
        format: LineFormat { timestamps: args.timestamps, no_prefix: args.no_log_prefix },
        no_color: args.no_color,
        timeout: args.timeout.map(Duration::from_secs),
        watch: args.watch,
    }
}

fn ps_options(args: &look::Ps) -> Result<ps::PsOptions, Stop> {
    let mut status = args.status.clone();
    for filter in &args.filter {
        match filter.split_once('=') {
            Some(("status", state)) => status.push(state.to_owned()),
            _ => {
                return Err(Stop::usage(
                    Diagnostic::error(format!("`{filter}` is no filter")).help("`--filter status=running`"),
                ));
            }
        }
    }
    Ok(ps::PsOptions {
        services: args.services.clone(),
        all: args.all,
        json: args.format == look::Format::Json,
        quiet: args.quiet,
        names: args.names,
        orphans: args.orphans,
        status,
        no_trunc: args.no_trunc,
    })
}

fn logs_options(args: &look::Logs) -> Result<logs::LogsOptions, Stop> {
    let now = headless::now();
    let moment = |text: &Option<String>| text.as_deref().map(|text| moment::parse(text, now)).transpose();
    Ok(logs::LogsOptions {
        services: args.services.clone(),
        follow: args.follow,
        window: Window {
            tail: match args.tail {
                look::Tail::All => None,
                look::Tail::Lines(lines) => Some(lines),
            },
            since: moment(&args.since)?,
            until: moment(&args.until)?,
        },
        format: LineFormat { timestamps: args.timestamps, no_prefix: args.no_log_prefix },
        no_color: args.no_color,
        index: args.index,
    })
}

fn exec_options(args: &within::Exec) -> inside::Exec {
    inside::Exec {
        service: args.service.clone(),
        index: args.index,
        command: args.command.clone(),
        detach: args.detach,
        environment: args.env.clone(),
        no_tty: args.no_tty,
        privileged: args.privileged,
        user: args.user.clone(),
        working_dir: args.workdir.clone(),
    }
}

/// `--entrypoint` as words, as Compose splits a command.
fn entrypoint(line: &str) -> Result<Vec<String>, Stop> {
    compose::shell_words(line).ok_or_else(|| {
        Stop::usage(
            Diagnostic::error(format!("`{line}` is no command"))
                .help("a quote or bracket in --entrypoint is not closed"),
        )
    })
}

fn run_options(args: &within::Run) -> Result<inside::Run, Stop> {
    let options = RunOptions {
        command: args.command.clone(),
        entrypoint: args.entrypoint.as_deref().map(entrypoint).transpose()?,
        name: args.name.clone(),
        user: args.user.clone(),
        working_dir: args.workdir.clone(),
        remove: args.rm,
        service_ports: args.service_ports,
        use_aliases: args.use_aliases,
        no_deps: args.no_deps,
        build: args.build,
        pull: goals::pull_when(args.pull.as_deref()),
        detach: args.detach,
        ..RunOptions::default()
    };
    Ok(inside::Run {
        service: args.service.clone(),
        options,
        environment: args.env.clone(),
        labels: args.label.clone(),
        publish: args.publish.clone(),
        volumes: args.volume.clone(),
        no_tty: args.no_tty,
        interactive: args.interactive,
        quiet: args.quiet,
    })
}

fn change_options(what: packages::What, dev: bool, args: &wanted::Change) -> packages::Options {
    packages::Options {
        what,
        service: args.service.clone(),
        dev,
        manifest: args.manifest.clone(),
        no_build: args.no_build,
        dry_run: args.dry_run,
    }
}

fn init_options(args: &new::Init) -> init::Options {
    let wishes = Wishes {
        python: args.python.clone(),
        manifest: args.manifest.clone(),
        app: args.app.clone(),
        port: args.port,
        with: args.with.clone(),
        without: args.without.clone(),
    };
    let json = args.format == look::Format::Json;
    init::Options { wishes, template: args.template.map(Into::into), yes: args.yes, dry_run: args.dry_run, json }
}

fn config_options(args: &look::Config) -> config::ConfigOptions {
    use config::Show;
    let shows = [
        (args.keys, Show::Keys),
        (args.quiet, Show::Nothing),
        (args.names, Show::Services),
        (args.volumes, Show::Volumes),
        (args.networks, Show::Networks),
        (args.profiles, Show::Profiles),
        (args.images, Show::Images),
        (args.models, Show::Models),
        (args.variables, Show::Variables),
        (args.environment, Show::Environment),
    ];
    let hash = args.hash.clone().map(Show::Hash);
    let shown = shows.into_iter().find_map(|(wanted, show)| wanted.then_some(show));
    config::ConfigOptions {
        services: args.services.clone(),
        format: if args.format.as_deref() == Some("json") { Format::Json } else { Format::Yaml },
        show: shown.or(hash).unwrap_or_default(),
        output: args.output.clone(),
        load: Options {
            interpolate: !args.no_interpolate,
            normalize: !args.no_normalize,
            resolve_paths: !args.no_path_resolution,
            consistency: !args.no_consistency,
            ..Options::default()
        },
    }
}

fn completion(setup: &Setup, shell: clap_complete::Shell) -> Result<(), Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Cli as clap::CommandFactory>::command(), "devbox", &mut script);
    setup.console.out.write(script)
}
