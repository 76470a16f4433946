//! A plan as text, as `devbox plan` prints it and as tests compare it, and as JSON.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use serde_json::{Value, json};

use super::{
    Action, BuildWhen, Cause, ContainerRef, Group, GroupId, Operation, Plan, Readiness, Step, Subject, Target, Verb,
};
use crate::model::Condition;

impl Action {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Recreate => "recreate",
            Action::Build => "build",
            Action::Pull => "pull",
            Action::Start => "start",
            Action::Stop => "stop",
            Action::Kill => "kill",
            Action::Restart => "restart",
            Action::Pause => "pause",
            Action::Unpause => "unpause",
            Action::Sync => "sync",
            Action::Remove => "remove",
            Action::Rename => "rename",
            Action::Wait => "wait",
        }
    }
}

impl fmt::Display for Subject {
    /// `network shop_default`, `web, worker` of an image, `web` or `web 2` of a container.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Network(name) => write!(f, "network {name}"),
            Subject::Volume(name) => write!(f, "volume {name}"),
            Subject::Image(_, services) => {
                let names: Vec<_> = services.iter().map(|service| service.as_str()).collect();
                f.write_str(&names.join(", "))
            }
            Subject::Container { service, number: 1, .. } | Subject::Service(service) => f.write_str(service.as_str()),
            Subject::Container { number: 0, name, .. } => f.write_str(name),
            Subject::Container { service, number, .. } => write!(f, "{service} {number}"),
        }
    }
}

impl Plan {
    /// What the user sees as steps: everything but the waits in between.
    pub fn visible(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.action != Action::Wait)
    }

    /// The command that carries this plan out.
    fn command(&self) -> String {
        let stale = |group: &Group| matches!(group.cause, Cause::Manifests(_));
        match &self.goal.verb {
            Verb::Up(options) if options.build == BuildWhen::Always || self.groups.iter().any(stale) => {
                "devbox up --build".to_owned()
            }
            verb => format!("devbox {}", verb.name()),
        }
    }

    /// Every step on a line, with what it needs (and, after a semicolon, what it only comes after): the form for tests and
    /// for `--log-file`.
    pub fn steps_text(&self) -> String {
        let mut text = String::new();
        let mut said: BTreeSet<GroupId> = BTreeSet::new();
        for step in &self.steps {
            let ids = |ids: &[super::StepId]| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
            let after = if step.after.is_empty() { String::new() } else { format!("; {}", ids(&step.after)) };
            let _ = write!(text, "{} [{}{after}] {}", step.id, ids(&step.needs), step.operation);
            if said.insert(step.group)
                && let Some(group) = self.group(step.group)
            {
                let _ = write!(text, ": {}", group.cause);
            }
            text.push('\n');
        }
        text
    }

    /// The plan as JSON: `goal`, `steps` (with `id`, `action`, `subject`, `services`, `operation`, `needs`, `after`,
    /// `cause`, `deletes_data`), `keep` and `warnings`.
    pub fn to_json(&self) -> Value {
        let steps: Vec<_> = self.steps.iter().map(|step| self.step_json(step)).collect();
        let keep: Vec<_> =
            self.kept.iter().map(|kept| json!({ "service": kept.service, "cause": kept.cause.to_string() })).collect();
        let warnings: Vec<_> =
            self.warnings.iter().map(|warning| json!({ "what": warning.what, "help": warning.help })).collect();
        json!({ "goal": self.goal.verb.name(), "steps": steps, "keep": keep, "warnings": warnings })
    }

    fn step_json(&self, step: &Step) -> Value {
        let group = self.group(step.group);
        let services: Vec<_> = match &step.operation {
            Operation::Build(build) => build.services.clone(),
            Operation::Pull { services, .. } => services.clone(),
            operation => operation.service().cloned().into_iter().collect(),
        };
        json!({
            "id": step.id.0,
            "group": step.group.0,
            "action": group.map(|group| group.action.word()),
            "subject": group.map(|group| group.subject.to_string()),
            "services": services,
            "operation": step.operation.to_string(),
            "needs": step.needs.iter().map(|id| id.0).collect::<Vec<_>>(),
            "after": step.after.iter().map(|id| id.0).collect::<Vec<_>>(),
            "cause": group.map(|group| group.cause.to_string()),
            "deletes_data": step.operation.deletes_data(),
        })
    }
}

impl fmt::Display for Plan {
    /// What will be done, to what, and why; then what is kept, and the command. No colours, a newline after each line but
    /// the last. Warnings are not part of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(&str, String, String)> = self
            .visible()
            .map(|group| (group.action.word(), group.subject.to_string(), group.cause.to_string()))
            .collect();
        let steps = lines.len();
        let mut keeps: Vec<(String, Vec<&str>)> = Vec::new();
        for kept in &self.kept {
            let cause = kept.cause.to_string();
            match keeps.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, services)) => services.push(kept.service.as_str()),
                None => keeps.push((cause, vec![kept.service.as_str()])),
            }
        }
        lines.extend(keeps.into_iter().map(|(cause, mut services)| {
            services.sort_unstable();
            ("keep", services.join(", "), cause)
        }));
        let width = lines.iter().map(|(_, subject, _)| subject.chars().count()).max().unwrap_or(0);
        for (action, subject, cause) in &lines {
            writeln!(f, "  {action:<8}  {subject:<width$}    {cause}")?;
        }
        match steps {
            0 if lines.is_empty() => f.write_str("Nothing to do."),
            0 => f.write_str("Nothing to do."),
            1 => write!(f, "1 step. {} does this.", self.command()),
            _ => write!(f, "{steps} steps. {} does this.", self.command()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            ContainerRef::Existing(id) => write!(f, "{} ({})", self.name, id.short().get(..4).unwrap_or(id.short())),
            ContainerRef::Made(step) => write!(f, "{} ({step})", self.name),
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Readiness::Condition(Condition::Started) => "started",
            Readiness::Condition(Condition::Healthy) => "healthy",
            Readiness::Condition(Condition::CompletedSuccessfully) => "completed",
            Readiness::RunningOrHealthy => "running or healthy",
            Readiness::Proved { .. } => "proved",
        })
    }
}

impl fmt::Display for Operation {
    /// One line for tests and the log; what the user reads is the group's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set: bool, word: &'static str| if set { word } else { "" };
        match self {
            Operation::CreateNetwork { name, .. } => write!(f, "create network {name}"),
            Operation::RemoveNetwork { name, .. } => write!(f, "remove network {name}"),
            Operation::CreateVolume { name, .. } => write!(f, "create volume {name}"),
            Operation::RemoveVolume { name } => write!(f, "remove volume {name}"),
            Operation::RenewVolume { name, .. } => write!(f, "renew volume {name}"),
            Operation::RemoveImage { name } => write!(f, "remove image {name}"),
            Operation::TagImage { name, .. } => write!(f, "tag {name}"),
            Operation::Build(build) => {
                let tags: Vec<_> = build.tags.iter().map(|tag| tag.as_str()).collect();
                write!(f, "build {}", tags.join(", "))
            }
            Operation::Pull { image, optional, .. } => write!(f, "pull {image}{}", flag(*optional, ", optional")),
            Operation::Create(create) => {
                write!(f, "create {}", create.name)?;
                if let Some(name) = &create.temporary_name {
                    write!(f, " as {}", name.get(..4).unwrap_or(name))?;
                }
                for key in &create.anonymous {
                    write!(f, ", without {key}")?;
                }
                for (target, volume) in create.replaces.iter().flat_map(|replaced| &replaced.volumes) {
                    write!(f, ", {} at {target}", volume.get(..4).unwrap_or(volume))?;
                }
                Ok(())
            }
            Operation::Start(target) => write!(f, "start {target}"),
            Operation::Stop { target, .. } => write!(f, "stop {target}"),
            Operation::Kill { target, signal } => write!(f, "kill {target} with {signal}"),
            Operation::Restart { target, .. } => write!(f, "restart {target}"),
            Operation::Pause(target) => write!(f, "pause {target}"),
            Operation::Unpause(target) => write!(f, "unpause {target}"),
            Operation::Remove { target, volumes, .. } => {
                write!(f, "remove {target}{}", flag(*volumes, " with its volumes"))
            }
            Operation::Rename { target, name } => write!(f, "rename {target} to {name}"),
            Operation::Sync { target, files, .. } => {
                write!(f, "copy {} and remove {} files in {target}", files.copies.len(), files.removals.len())
            }
            Operation::Exec { target, command } => write!(f, "run {} in {target}", command.command.join(" ")),
            Operation::Wait { service, target, readiness, optional, .. } => {
                write!(f, "wait for {service}")?;
                if let Some(target) = target {
                    write!(f, " {target}")?;
                }
                write!(f, " {readiness}{}", flag(*optional, ", optional"))
            }
        }
    }
}
