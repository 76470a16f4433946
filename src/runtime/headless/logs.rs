//! `logs`.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    engine::Detail,
    logs::Resume,
    model::{Observed, ObservedContainer, Project, ServiceName},
};

use super::{
    Setup, Stop,
    console::Ink,
    follow::{self, Followers, News, Window, source},
    log_lines::{LineFormat, LinePrinter},
    run::Signals,
    verbs,
};

/// A container that is restarted or replaced is gone for a moment; followers don't leave for that.
const GRACE: Duration = Duration::from_secs(5);

/// Options of `logs`.
#[derive(Debug, Clone, Default)]
pub struct LogsOptions {
    /// Services; none means all.
    pub services: Vec<String>,
    /// Go on as lines come.
    pub follow: bool,
    /// Which part.
    pub window: Window,
    /// How lines are printed.
    pub format: LineFormat,
    /// No colours.
    pub no_color: bool,
    /// Only the container of that number.
    pub index: Option<u32>,
}

/// The containers of these services, in their order; of all when none is named.
pub fn containers(
    project: &Project,
    observed: &Observed,
    services: &[String],
    index: Option<u32>,
) -> Vec<ObservedContainer> {
    let mut containers: Vec<ObservedContainer> = observed
        .containers
        .iter()
        .filter(|container| !container.oneoff && project.services.contains_key(&container.service))
        .filter(|container| services.is_empty() || services.iter().any(|name| container.service == **name))
        .filter(|container| index.is_none_or(|index| container.number == index))
        .cloned()
        .collect();
    containers.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
    containers
}

/// Runs it.
///
/// # Errors
/// What is wrong with the files or the engine; that it was interrupted.
pub async fn run(setup: &Setup, options: &LogsOptions) -> Result<(), Stop> {
    let ready = verbs::ready_or_labels(setup, &options.services).await?;
    let observed = verbs::observe(&ready, Detail::Listing).await?;
    let containers = containers(&ready.project, &observed, &options.services, options.index);
    let ink = Ink { colour: setup.console.out.colour && !options.no_color, ..setup.console.out };
    let mut printer = LinePrinter::new(ink, options.format, containers.iter().map(source));
    if !options.follow {
        return follow::history(setup, &ready.engine, &containers, options.window, &mut printer).await.map(drop);
    }
    let services: BTreeSet<ServiceName> = ready
        .project
        .services
        .keys()
        .filter(|name| options.services.is_empty() || options.services.iter().any(|wanted| **name == **wanted))
        .cloned()
        .collect();
    let mut signals = Signals::listen()?;
    let work = async {
        // Heard before the history is read, so that nothing is missed between the two.
        let mut followers = Followers::new(&ready.engine, &ready.project, services).await?;
        let mut resumes = follow::history(setup, &ready.engine, &containers, options.window, &mut printer).await?;
        if options.window.tail.is_some() {
            resumes.values_mut().for_each(Resume::skip_earlier);
        }
        followers.resume_from(resumes);
        for container in &containers {
            // With no line taken there is nothing to go on from: `--tail 0` means from now on, otherwise there was none.
            let part = Window { tail: options.window.tail.filter(|tail| *tail == 0), ..options.window };
            followers.follow(&container.id, source(container), part);
        }
        loop {
            match followers.next(setup, &ready.project).await? {
                News::Lines(batch) => {
                    printer.batch(&batch);
                    printer.flush()?;
                }
                News::Exited(_) | News::Look => {}
            }
            while followers.is_idle() {
                // Nothing runs: somebody may be about to start it again.
                match tokio::time::timeout(GRACE, followers.next(setup, &ready.project)).await {
                    Ok(news) => {
                        if let News::Lines(batch) = news? {
                            printer.batch(&batch);
                            printer.flush()?;
                        }
                    }
                    Err(_) if followers.all_ended(&ready.project).await => return Ok(()),
                    Err(_) => {}
                }
            }
        }
    };
    tokio::select! {
        result = work => result,
        _ = signals.recv() => Err(Stop::Interrupted),
    }
}
