//! The difference between what should exist and what does, as data: a [`Plan`] of [`Step`]s, each with its [`Cause`].
//!
//! Pure: it never prompts, logs, waits, reads a file or asks the engine. A step that deletes data says so. The same
//! functions serve `devbox plan`, `up` and the dashboard, so what is printed is what is done.
//!
//! A container is diverged exactly when Compose says so, and is named and labelled as Compose does it: `up` of either after
//! `up` of the other recreates nothing.
//!
//! # Planning again
//!
//! What is planned behind an image's build or pull is a forecast. When such a step has ended, well or tolerated:
//!
//! 1. `services = plan.resting_on(step)`;
//! 2. drop every step that has not begun and whose operation [`Operation::belongs_to`] them: a build that came after a pull
//!    is one of those, and the restart of a dependent;
//! 3. observe, and [`plan_again`] with a [`Resume`] of those services, the images that this run has built or pulled (also
//!    in vain) and the containers that it has made, started or restarted. Waits for services outside come with the new
//!    steps; that those services' own steps come first is the walk's to see to.
//!
//! The same serves when somebody else was faster (a name in use, a container gone): `services` is then the one concerned.
//!
//! `scope` says which services a goal means; `images`, `resources`, `converge` and `replace` plan what is made, `stop` and
//! `down` what is there; `renew` sees to volumes of dependencies; `recreate` decides what diverged, `difference` says in what; `leftover` recognises what an interrupted
//! run left; `order` knows who needs whom.

mod cause;
mod context;
mod converge;
mod difference;
mod display;
mod down;
mod draft;
mod error;
mod goal;
mod images;
mod leftover;
mod operation;
mod order;
mod recreate;
mod renew;
mod replace;
mod resources;
mod scope;
mod staleness;
mod step;
mod stop;
mod sync;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod up;
mod volumes;

pub use cause::{Cause, Difference, ManifestChange};
pub use context::Resume;
pub use error::PlanError;
pub use goal::{
    BuildOptions, BuildWhen, DownOptions, Goal, PullOptions, PullWhen, RebuildOptions, RebuildWhat, Recreate,
    RemoveImages, RemoveOptions, RunOptions, Selection, SyncOptions, UpOptions, Verb,
};
pub use operation::{BuildImage, ContainerRef, CreateContainer, Operation, Readiness, Replaced, Target};
pub use scope::scope;
pub use staleness::{Staleness, staleness};
pub use step::{Action, Group, GroupId, Kept, Plan, Rollback, Step, StepId, Subject};
pub use volumes::holds_dependencies;

use crate::model::{Observed, Project, Sources};
use context::Context;
use draft::Draft;

/// Compares what should exist with what does, and says what reaching the goal takes.
///
/// # Errors
/// When the project and the goal don't go together: a service that is not in the file, a circle of dependencies, an
/// external network that is not there.
pub fn plan(project: &Project, observed: &Observed, sources: &Sources, goal: &Goal) -> Result<Plan, PlanError> {
    plan_again(project, observed, sources, goal, &Resume { next_step: 1, next_group: 1, ..Resume::default() })
}

/// Plans what is left of a run, after part of it was done.
///
/// # Errors
/// As [`plan`].
pub fn plan_again(
    project: &Project,
    observed: &Observed,
    sources: &Sources,
    goal: &Goal,
    resume: &Resume,
) -> Result<Plan, PlanError> {
    let context = Context::new(project, observed, sources, resume)?;
    let mut draft = Draft::new(resume.next_step, resume.next_group);
    match &goal.verb {
        Verb::Up(options) => up::up(&context, &mut draft, goal, options)?,
        Verb::Down(options) => down::down(&context, &mut draft, goal, options)?,
        Verb::Start { wait, wait_timeout } => stop::start(&context, &mut draft, goal, *wait, *wait_timeout)?,
        Verb::Stop { timeout } => stop::stop(&context, &mut draft, goal, *timeout)?,
        Verb::Restart { timeout, no_deps } => stop::restart(&context, &mut draft, goal, *timeout, *no_deps)?,
        Verb::Kill { signal, remove_orphans } => stop::kill(&context, &mut draft, goal, signal, *remove_orphans)?,
        Verb::Remove(options) => stop::rm(&context, &mut draft, goal, options)?,
        Verb::Pause => stop::pause(&context, &mut draft, goal, true)?,
        Verb::Unpause => stop::pause(&context, &mut draft, goal, false)?,
        Verb::Build(options) => up::build(&context, &mut draft, goal, options)?,
        Verb::Pull(options) => up::pull(&context, &mut draft, goal, options)?,
        Verb::Rebuild(options) => up::rebuild(&context, &mut draft, goal, options)?,
        Verb::Run(options) => up::run(&context, &mut draft, goal, options)?,
        Verb::Sync(options) => sync::sync(&context, &mut draft, goal, options)?,
    }
    Ok(draft.finish(goal.clone()))
}
