//! The verbs that carry out a goal and say in a line what came of it.

use std::{
    io::{BufRead, Write},
    sync::Arc,
};

use crate::{
    app::age,
    compose::{Loaded, Places},
    engine::{Detail, Engine},
    execute::{self, Outcome, Verdict},
    model::{BuildSsh, Diagnostic, Observed, Project, ProjectName, Sources},
    plan::{Goal, Operation, Plan, Selection, Verb},
};

use super::super::{open_ports, ownership};
use super::{
    Setup, Stop, labels,
    progress::Style,
    project::{self, Known},
    run::{self, Job, Signals},
};

/// A verb's project, connected to its engine.
pub struct Ready {
    /// The engine.
    pub engine: Engine,
    /// What should exist.
    pub project: Arc<Project>,
    /// Where it is written; nowhere when only labels are known.
    pub places: Places,
}

/// Reads the project and connects to the engine.
///
/// # Errors
/// What is wrong with the files or the engine.
pub async fn ready(setup: &Setup, services: &[String]) -> Result<Ready, Stop> {
    from_files(setup, project::load(setup, services)?, services).await
}

async fn from_files(setup: &Setup, loaded: Loaded, services: &[String]) -> Result<Ready, Stop> {
    project::known(&loaded, services)?;
    let project = run::with_on_change(loaded.project, setup.on_change);
    let engine = run::connect(setup).await?;
    Ok(Ready { engine, project: Arc::new(project), places: loaded.places })
}

/// Likewise for a verb that acts on what is there: without a file, the containers of `-p NAME` say what the project is.
///
/// # Errors
/// As [`ready`], and when the project has no such service.
pub async fn ready_or_labels(setup: &Setup, services: &[String]) -> Result<Ready, Stop> {
    let name = match project::load_or_name(setup, services)? {
        Known::Loaded(loaded) => return from_files(setup, *loaded, services).await,
        Known::Named(name) => name,
    };
    let engine = run::connect(setup).await?;
    let observed = engine.observe_name(&name, Detail::Listing).await.map_err(run::stop)?;
    let project = labels::project(name, &observed);
    if let Some(service) = services.iter().find(|service| !project.services.contains_key(service.as_str())) {
        return Err(Stop::usage(project::unknown(service, project.services.keys())));
    }
    Ok(Ready { engine, project: Arc::new(project), places: Places::default() })
}

/// What exists of a project.
///
/// # Errors
/// The engine's.
pub async fn observe(ready: &Ready, detail: Detail) -> Result<Observed, Stop> {
    ready.engine.observe(&ready.project, detail).await.map_err(run::stop)
}

/// Carries out a goal on what is there: start, stop, restart, kill, pause, unpause.
///
/// # Errors
/// What failed.
pub async fn act(setup: &Setup, services: &[String], goal: Goal) -> Result<(), Stop> {
    let ready = ready_or_labels(setup, services).await?;
    let verb = goal.verb.clone();
    let outcome = carry_out(setup, &ready, Sources::default(), goal, false).await?;
    let name = &ready.project.name;
    if outcome.verdict == Verdict::NothingToDo {
        let nothing = match verb {
            Verb::Stop { .. } | Verb::Kill { .. } | Verb::Pause => "nothing of it runs",
            Verb::Unpause => "nothing of it is paused",
            _ => "nothing to do",
        };
        return setup.console.line(format!("{name}: {nothing}."));
    }
    Ok(())
}

/// Carries a goal out with its lines on standard output.
async fn carry_out(setup: &Setup, ready: &Ready, sources: Sources, goal: Goal, quiet: bool) -> Result<Outcome, Stop> {
    let ink = setup.console.out;
    let style = run::style(setup, ink, quiet);
    let mut signals = Signals::listen()?;
    let job = Job { ready, sources: &Arc::new(sources), goal, ink, style, hurried: false };
    run::carry_out(setup, job, &mut signals, |_| {}).await
}

/// `up -d`, `up --wait`, `up --no-start`.
///
/// # Errors
/// What failed.
pub async fn up(setup: &Setup, services: &[String], goal: Goal) -> Result<(), Stop> {
    let ready = ready(setup, services).await?;
    warn_of_ports(setup, &ready, &goal);
    let sources = run::sources(setup, &ready.project);
    let selection = goal.selection.clone();
    let outcome = carry_out(setup, &ready, sources, goal, false).await?;
    if outcome.verdict != Verdict::NothingToDo {
        warn_of_owners(setup, &ready, &selection).await?;
    }
    setup.console.line(summary(&ready.project.name, &outcome))
}

/// The last line of `up`.
fn summary(name: &ProjectName, outcome: &Outcome) -> String {
    let next = "devbox logs -f follows it, devbox opens the dashboard.";
    match outcome.verdict {
        Verdict::NothingToDo => format!("{name} is up, nothing to do. {next}"),
        _ => format!("{name} is up in {}. {next}", age::took(outcome.took)),
    }
}

/// Ports that everybody on the network reaches.
pub fn warn_of_ports(setup: &Setup, ready: &Ready, goal: &Goal) {
    let named = ready.project.enabled().filter(|service| goal.selection.names(&service.name));
    for warning in named.filter_map(|service| open_ports::warning(service, &ready.places)) {
        setup.console.diagnostic(&warning);
    }
}

/// Folders of the caller's own in which containers leave files of root's.
///
/// # Errors
/// The engine's.
pub async fn warn_of_owners(setup: &Setup, ready: &Ready, selection: &Selection) -> Result<(), Stop> {
    let Some(caller) = ownership::caller(&ready.engine).await else { return Ok(()) };
    let observed = observe(ready, Detail::Listing).await?;
    for (name, warning) in ownership::warnings(caller, &ready.project, &observed) {
        if selection.names(&name) {
            let place = ready.places.of(&format!("services.{name}"));
            setup.console.diagnostic(&place.into_iter().fold(warning, Diagnostic::at));
        }
    }
    Ok(())
}

/// `plan`, `up --dry-run`, `down --dry-run`: what would be done, and why.
///
/// # Errors
/// What is wrong with the files or the engine, or why there can be no plan.
pub async fn plan(setup: &Setup, services: &[String], goal: &Goal, json: bool) -> Result<(), Stop> {
    let ready = if matches!(goal.verb, Verb::Up(_)) {
        ready(setup, services).await?
    } else {
        ready_or_labels(setup, services).await?
    };
    let sources = run::sources(setup, &ready.project);
    let plan = planned(&ready, sources, goal).await?;
    plan.warnings.iter().for_each(|warning| setup.console.diagnostic(warning));
    if json {
        let json = serde_json::to_string_pretty(&plan.to_json()).unwrap_or_default();
        return setup.console.line(json);
    }
    setup.console.line(plan.to_string().trim_end())
}

async fn planned(ready: &Ready, sources: Sources, goal: &Goal) -> Result<Plan, Stop> {
    let mut observed = observe(ready, Detail::Listing).await?;
    let run = execute::Run {
        engine: ready.engine.clone(),
        project: Arc::clone(&ready.project),
        sources: Arc::new(sources),
        texts: run::texts(),
        published: run::published(&ready.project, &ready.places),
        goal: goal.clone(),
    };
    execute::plan(&run, &mut observed).await.map_err(Stop::usage)
}

/// `down`. Data is deleted only after a question that names it.
///
/// # Errors
/// What failed, or that the question was not answered with yes.
pub async fn down(setup: &Setup, services: &[String], goal: Goal, yes: bool) -> Result<(), Stop> {
    let ready = ready_or_labels(setup, services).await?;
    if matches!(&goal.verb, Verb::Down(options) if options.volumes) && !yes {
        let plan = planned(&ready, Sources::default(), &goal).await?;
        confirm_volumes(setup, &ready, &plan).await?;
    }
    let outcome = carry_out(setup, &ready, Sources::default(), goal, false).await?;
    if outcome.verdict == Verdict::NothingToDo {
        return setup.console.line(format!("{} is down, nothing to do.", ready.project.name));
    }
    setup.console.line(format!("{} is down in {}.", ready.project.name, age::took(outcome.took)))
}

async fn confirm_volumes(setup: &Setup, ready: &Ready, plan: &Plan) -> Result<(), Stop> {
    let names: Vec<&str> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::RemoveVolume { name } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let observed = observe(ready, Detail::Listing).await?;
    let now = super::now();
    let described: Vec<String> = names
        .iter()
        .map(|name| {
            let created = observed.volumes.iter().find(|volume| volume.name == *name).and_then(|volume| volume.created);
            match created {
                Some(created) => format!("{name} ({})", age::old(now.since(created))),
                None => (*name).to_owned(),
            }
        })
        .collect();
    let (volumes, its) = if names.len() == 1 { ("volume", "Its") } else { ("volumes", "Their") };
    let question = format!("Remove {volumes} {}? {its} data is lost.", described.join(", "));
    confirm(setup, &question, "-y")
}

/// Asks a question whose default is no.
///
/// # Errors
/// That it was not answered with yes, or can't be asked: then with the flag that answers it.
pub fn confirm(setup: &Setup, question: &str, flag: &str) -> Result<(), Stop> {
    if !(setup.console.in_tty && setup.console.err.tty) {
        let what = question.trim_end_matches('?').to_owned();
        return Err(Stop::usage(
            Diagnostic::error(format!("a question can't be asked without a terminal: {what}"))
                .help(format!("`{flag}` answers it with yes")),
        ));
    }
    setup.console.err.write(format!("{question} [y/N] "))?;
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Stop::Failed(vec![Diagnostic::error("nothing was removed")]))
}

/// `rm`.
///
/// # Errors
/// What failed, or that the question was not answered with yes.
pub async fn remove(setup: &Setup, services: &[String], goal: Goal, force: bool) -> Result<(), Stop> {
    let ready = ready_or_labels(setup, services).await?;
    let plan = planned(&ready, Sources::default(), &goal).await?;
    let mut names: Vec<&str> = Vec::new();
    for step in &plan.steps {
        if let Operation::Remove { target, .. } = &step.operation {
            names.push(&target.name);
        }
    }
    if names.is_empty() {
        return setup.console.line(format!("{}: no stopped containers.", ready.project.name));
    }
    if !force {
        confirm(setup, &format!("Remove {}?", names.join(", ")), "-f")?;
    }
    carry_out(setup, &ready, Sources::default(), goal, false).await.map(drop)
}

/// `build`, `pull`, `rebuild`. `ssh` is added to what the file says of builds.
///
/// # Errors
/// What failed.
pub async fn images(setup: &Setup, services: &[String], goal: Goal, quiet: bool, ssh: &[String]) -> Result<(), Stop> {
    let mut ready = ready(setup, services).await?;
    if !ssh.is_empty() {
        let project = Arc::make_mut(&mut ready.project);
        for build in project.services.values_mut().filter_map(|service| service.build.as_mut()) {
            build.ssh.extend(ssh.iter().map(|entry| match entry.split_once('=') {
                Some((id, path)) => BuildSsh { id: id.to_owned(), path: Some(path.into()) },
                None => BuildSsh { id: entry.clone(), path: None },
            }));
        }
    }
    let sources = run::sources(setup, &ready.project);
    let ink = setup.console.out;
    let style = match run::style(setup, ink, quiet) {
        // Whoever asks for a build and keeps its output wants to read it.
        Style::Plain if matches!(goal.verb, Verb::Build(_)) => Style::Verbose,
        style => style,
    };
    let mut signals = Signals::listen()?;
    let nothing = match goal.verb {
        Verb::Build(_) => "nothing to build",
        Verb::Rebuild(_) => "no dependencies changed, nothing to do",
        _ => "nothing to pull",
    };
    let job = Job { ready: &ready, sources: &Arc::new(sources), goal, ink, style, hurried: false };
    let outcome = run::carry_out(setup, job, &mut signals, |_| {}).await?;
    if outcome.verdict == Verdict::NothingToDo && !quiet {
        return setup.console.line(format!("{}: {nothing}.", ready.project.name));
    }
    Ok(())
}

/// `version`. That no engine answers is no failure.
///
/// # Errors
/// Standard output is closed.
pub async fn version(setup: &Setup, json: bool) -> Result<(), Stop> {
    let version = env!("CARGO_PKG_VERSION");
    let engine = run::connect(setup).await;
    if json {
        let engine = engine.as_ref().ok().map(|engine| {
            let info = engine.info();
            serde_json::json!({
                "kind": info.kind.to_string(),
                "version": info.version,
                "apiVersion": info.api_version.to_string(),
                "address": info.address,
            })
        });
        return setup.console.line(serde_json::json!({ "version": version, "engine": engine }));
    }
    setup.console.line(format!("devbox {version}"))?;
    match engine {
        Ok(engine) => {
            let info = engine.info();
            setup.console.line(format!("{} · API {} · {}", info.title(), info.api_version, info.address))
        }
        Err(_) => setup.console.line("no container engine answers"),
    }
}
