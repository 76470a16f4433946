//! One build's steps, as far as lines on a terminal tell of them. Pure.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    app::age,
    model::{BuildEvent, BuildStep, BuildStepId},
};

/// Shorter steps are not worth being named.
const WORTH_NAMING: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    Runs,
    Cached,
    Done(Duration),
    Failed,
}

/// The steps of one build.
#[derive(Debug, Default)]
pub struct BuildLog {
    steps: BTreeMap<BuildStepId, (BuildStep, State)>,
}

impl BuildLog {
    /// Takes note of what the builder says.
    pub fn apply(&mut self, event: &BuildEvent) {
        let mut set = |id: &BuildStepId, state| {
            if let Some(step) = self.steps.get_mut(id) {
                step.1 = state;
            }
        };
        match event {
            BuildEvent::Step(step) => {
                self.steps.entry(step.id).or_insert_with(|| (step.clone(), State::Waits));
            }
            BuildEvent::Started(id) => set(id, State::Runs),
            BuildEvent::Cached(id) => set(id, State::Cached),
            BuildEvent::Done(id, took) => set(id, State::Done(*took)),
            BuildEvent::StepFailed(id, _) => set(id, State::Failed),
            BuildEvent::Output(..)
            | BuildEvent::Progress { .. }
            | BuildEvent::Warning(_)
            | BuildEvent::Built { .. }
            | BuildEvent::Failed(_) => {}
        }
    }

    /// A step.
    pub fn step(&self, id: BuildStepId) -> Option<&BuildStep> {
        self.steps.get(&id).map(|(step, _)| step)
    }

    /// The step that runs: `4/6 RUN pip install …`; an instruction rather than the builder's own work.
    pub fn current(&self) -> Option<String> {
        let running = || self.steps.values().filter(|(_, state)| *state == State::Runs).map(|(step, _)| step);
        let step = running().rfind(|step| step.number.is_some()).or_else(|| running().next_back())?;
        Some(title(step))
    }

    /// `(pip install 11.9 s; 2 of 6 steps cached)`: where the time went, and what took none.
    pub fn summary(&self) -> String {
        let numbered = || self.steps.values().filter(|(step, _)| step.number.is_some());
        let longest = numbered()
            .filter_map(|(step, state)| match state {
                State::Done(took) if *took >= WORTH_NAMING => Some((took, step)),
                _ => None,
            })
            .max_by_key(|(took, _)| **took);
        let mut parts = Vec::new();
        if let Some((took, step)) = longest {
            parts.push(format!("{} {}", short(&step.text), age::took(*took)));
        }
        let cached = numbered().filter(|(_, state)| *state == State::Cached).count();
        if cached > 0 {
            parts.push(format!("{cached} of {} steps cached", numbered().count()));
        }
        if parts.is_empty() { String::new() } else { format!("({})", parts.join("; ")) }
    }
}

/// A step with its number: `4/6 RUN pip install -r requirements.txt`.
pub fn title(step: &BuildStep) -> String {
    let stage = step.stage.as_ref().map(|stage| format!("{stage} ")).unwrap_or_default();
    match step.number {
        Some((number, of)) => format!("{stage}{number}/{of} {}", step.text),
        None => step.text.clone(),
    }
}

/// The first words of what an instruction runs: `RUN pip install -r requirements.txt` → `pip install`.
fn short(text: &str) -> String {
    let command = text.strip_prefix("RUN ").unwrap_or(text);
    let words: Vec<&str> = command.split_whitespace().skip_while(|word| word.starts_with("--")).collect();
    words.iter().take_while(|word| !word.starts_with('-')).take(2).copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: u32, number: Option<(u32, u32)>, text: &str) -> BuildEvent {
        BuildEvent::Step(BuildStep { id: BuildStepId(id), number, stage: None, text: text.into() })
    }

    #[test]
    fn says_where_the_time_went() {
        let mut log = BuildLog::default();
        for event in [
            step(0, None, "load .dockerignore"),
            BuildEvent::Done(BuildStepId(0), Duration::from_secs(90)),
            step(1, Some((1, 3)), "FROM python:3.11-slim"),
            BuildEvent::Cached(BuildStepId(1)),
            step(2, Some((2, 3)), "RUN --mount=type=cache,target=/root pip install -r requirements.txt"),
            BuildEvent::Started(BuildStepId(2)),
        ] {
            log.apply(&event);
        }
        assert_eq!(
            log.current().as_deref(),
            Some("2/3 RUN --mount=type=cache,target=/root pip install -r requirements.txt")
        );
        log.apply(&BuildEvent::Done(BuildStepId(2), Duration::from_millis(11_900)));
        log.apply(&step(3, Some((3, 3)), "COPY . ."));
        assert_eq!(log.current(), None);
        assert_eq!(log.summary(), "(pip install 11.9 s; 1 of 3 steps cached)");
        assert_eq!(BuildLog::default().summary(), "");
    }
}
