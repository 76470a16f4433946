//! From a verb's flags to the goal that the planner knows.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    model::{Diagnostic, ServiceName},
    plan::{
        BuildOptions, BuildWhen, DownOptions, Goal, PullOptions, PullWhen, RebuildOptions, RebuildWhat, Recreate,
        RemoveImages, RemoveOptions, Selection, UpOptions, Verb,
    },
    runtime::headless::Stop,
};

use super::args::{change, image, look, up};

/// Names of services as they were typed.
///
/// # Errors
/// One that can't be a service's name.
pub fn names(typed: &[String]) -> Result<Vec<ServiceName>, Stop> {
    typed.iter().map(|name| service(name)).collect()
}

/// One name of a service as it was typed.
///
/// # Errors
/// It can't be a service's name.
pub fn service(typed: &str) -> Result<ServiceName, Stop> {
    ServiceName::new(typed).map_err(|error| {
        Stop::usage(Diagnostic::error(error.to_string()).help("`devbox config --services` lists the services"))
    })
}

fn selection(typed: &[String]) -> Result<Selection, Stop> {
    Ok(Selection::of(names(typed)?))
}

fn seconds(seconds: Option<u64>) -> Option<Duration> {
    seconds.map(Duration::from_secs)
}

/// `always`, `missing`, `never`.
pub fn pull_when(text: Option<&str>) -> Option<PullWhen> {
    match text? {
        "always" => Some(PullWhen::Always),
        "never" => Some(PullWhen::Never),
        _ => Some(PullWhen::Missing),
    }
}

/// `up`.
///
/// # Errors
/// A name that can't be a service's.
pub fn up(args: &up::Up) -> Result<Goal, Stop> {
    let mut scale = BTreeMap::new();
    for (name, number) in &args.scale {
        scale.insert(service(name)?, *number);
    }
    let options = UpOptions {
        build: match (args.build, args.no_build) {
            (true, _) => BuildWhen::Always,
            (_, true) => BuildWhen::Never,
            _ => BuildWhen::Missing,
        },
        pull: pull_when(args.pull.as_deref()),
        no_deps: args.no_deps,
        recreate: match (args.force_recreate, args.no_recreate) {
            (true, _) => Recreate::Force,
            (_, true) => Recreate::Never,
            _ => Recreate::Diverged,
        },
        always_recreate_deps: args.always_recreate_deps,
        renew_anonymous_volumes: args.renew_anon_volumes,
        remove_orphans: args.remove_orphans,
        scale,
        timeout: seconds(args.timeout),
        no_start: args.no_start,
        wait: args.wait,
        wait_timeout: seconds(args.wait_timeout),
        guarded: false,
    };
    Ok(Goal::new(Verb::Up(options), selection(&args.services)?))
}

/// `plan`: what `up` would do.
///
/// # Errors
/// A name that can't be a service's.
pub fn plan(args: &look::Plan) -> Result<Goal, Stop> {
    up(&up::Up { services: args.services.clone(), build: args.build, no_deps: args.no_deps, ..up::Up::default() })
}

/// `down`.
///
/// # Errors
/// A name that can't be a service's.
pub fn down(args: &change::Down) -> Result<Goal, Stop> {
    let options = DownOptions {
        volumes: args.volumes,
        images: match args.rmi.as_deref() {
            Some("all") => Some(RemoveImages::All),
            Some(_) => Some(RemoveImages::Local),
            None => None,
        },
        remove_orphans: args.remove_orphans,
        timeout: seconds(args.timeout),
    };
    Ok(Goal::new(Verb::Down(options), selection(&args.services)?))
}

/// `start`.
///
/// # Errors
/// A name that can't be a service's.
pub fn start(args: &change::Start) -> Result<Goal, Stop> {
    Ok(Goal::new(Verb::Start { wait: false, wait_timeout: None }, selection(&args.services)?))
}

/// `stop`.
///
/// # Errors
/// A name that can't be a service's.
pub fn stop(args: &change::Stop) -> Result<Goal, Stop> {
    Ok(Goal::new(Verb::Stop { timeout: seconds(args.timeout) }, selection(&args.services)?))
}

/// `restart`.
///
/// # Errors
/// A name that can't be a service's.
pub fn restart(args: &change::Restart) -> Result<Goal, Stop> {
    let verb = Verb::Restart { timeout: seconds(args.timeout), no_deps: args.no_deps };
    Ok(Goal::new(verb, selection(&args.services)?))
}

/// `kill`.
///
/// # Errors
/// A name that can't be a service's.
pub fn kill(args: &change::Kill) -> Result<Goal, Stop> {
    let verb = Verb::Kill { signal: args.signal.clone(), remove_orphans: args.remove_orphans };
    Ok(Goal::new(verb, selection(&args.services)?))
}

/// `rm`.
///
/// # Errors
/// A name that can't be a service's.
pub fn remove(args: &change::Rm) -> Result<Goal, Stop> {
    let options = RemoveOptions { stop: args.stop, volumes: args.volumes, timeout: None };
    Ok(Goal::new(Verb::Remove(options), selection(&args.services)?))
}

/// `pause` and `unpause`.
///
/// # Errors
/// A name that can't be a service's.
pub fn pause(args: &change::Services, verb: Verb) -> Result<Goal, Stop> {
    Ok(Goal::new(verb, selection(&args.services)?))
}

/// `build`.
///
/// # Errors
/// A name that can't be a service's.
pub fn build(args: &image::Build) -> Result<Goal, Stop> {
    let arguments = args.build_arg.iter().map(|argument| match argument.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        // As Compose: without a value, that of devbox's own environment.
        None => (argument.clone(), std::env::var(argument).ok()),
    });
    let options = BuildOptions {
        pull: args.pull,
        no_cache: args.no_cache,
        args: arguments.collect(),
        with_dependencies: args.with_dependencies,
    };
    Ok(Goal::new(Verb::Build(options), selection(&args.services)?))
}

/// `pull`.
///
/// # Errors
/// A name that can't be a service's.
pub fn pull(args: &image::Pull) -> Result<Goal, Stop> {
    let options = PullOptions {
        ignore_failures: args.ignore_pull_failures,
        include_dependencies: args.include_deps,
        ignore_buildable: args.ignore_buildable,
        only_missing: args.policy.as_deref() == Some("missing"),
    };
    Ok(Goal::new(Verb::Pull(options), selection(&args.services)?))
}

/// `rebuild`.
///
/// # Errors
/// A name that can't be a service's.
pub fn rebuild(args: &image::Rebuild) -> Result<Goal, Stop> {
    let what = if args.services.is_empty() && !args.fresh { RebuildWhat::Changed } else { RebuildWhat::Selected };
    let options = RebuildOptions { what, fresh: args.fresh, timeout: None };
    Ok(Goal::new(Verb::Rebuild(options), selection(&args.services)?))
}
