//! Files brought into running containers: no image is built, nothing is made anew, a restart comes only where a rule wants one.

use super::{
    Action, Cause, Goal, Operation, PlanError, SyncOptions,
    context::{Context, Live},
    converge::subject,
    draft::{Draft, Gate},
    resources::existing,
    stop::meant,
};

/// One group for each container that runs: its files, then its commands, then its restart.
pub(super) fn sync(
    context: &Context<'_>,
    draft: &mut Draft,
    goal: &Goal,
    options: &SyncOptions,
) -> Result<(), PlanError> {
    for name in meant(context, goal)? {
        let Some(sync) = options.services.get(name) else { continue };
        for live in context.containers(name).live.iter().filter(|live| Live::is_up(live)) {
            let group = draft.group(Action::Sync, subject(name, live.container.number, &live.name), Cause::Requested);
            let target = || existing(live.container);
            let mut gate = Gate::default();
            if !sync.files.copies.is_empty() || !sync.files.removals.is_empty() {
                let files = sync.files.clone();
                let owner = options.owners.get(&live.container.id).copied();
                gate = Gate::needs([draft.step(group, Operation::Sync { target: target(), files, owner }, &gate)]);
            }
            for command in &sync.commands {
                let command = command.clone();
                gate = Gate::needs([draft.step(group, Operation::Exec { target: target(), command }, &gate)]);
            }
            if sync.restart {
                draft.step(group, Operation::Restart { target: target(), timeout: None }, &gate);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{ServiceSync, WatchExec},
        plan::{
            Goal, Selection, SyncOptions, Verb,
            testing::{check, exited, name, project, running, service},
        },
    };

    #[test]
    fn files_come_before_commands_and_those_before_the_restart() {
        let project = project([service("web"), service("db")]);
        let mut sync = ServiceSync::default();
        sync.files.copies.insert("/app/a".into(), "/shop/a".into());
        sync.files.removals.insert("/app/b".into());
        sync.commands.push(WatchExec { command: vec!["reload".into()], ..WatchExec::default() });
        sync.restart = true;
        let services = [(name("web"), sync)].into();
        let goal =
            Goal::new(Verb::Sync(SyncOptions { services, ..SyncOptions::default() }), Selection::of([name("web")]));
        let mut observed = running(&project);
        check(
            &project,
            &observed,
            &goal,
            "
            #1 [] copy 1 and remove 1 files in shop-web-1 (4fce): asked for
            #2 [1] run reload in shop-web-1 (4fce)
            #3 [2] restart shop-web-1 (4fce)
            ",
        );
        observed.containers = observed.containers.into_iter().map(|container| exited(container, 0)).collect();
        check(&project, &observed, &goal, "");
    }
}
