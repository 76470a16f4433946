//! The lines of the Build tab, read from the state: the failure first, then the steps with what they say. Pure.

use super::{
    age,
    builds::{BuildRun, End, StepRun, StepState},
    history::Role,
    state::State,
};

/// Lines of output shown below a running step.
const TAIL: usize = 12;
/// Lines of output shown below a failed step.
const FAILED_TAIL: usize = 40;

/// What a line is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Which build this is.
    Heading,
    /// A step, or a word on how the build stands.
    Step(Role),
    /// What a step said.
    Output,
    /// A remark.
    Remark,
    /// The resolver's sentence.
    Failure,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
    /// What stands at the right of it: `cached`, `6.8 s`.
    pub right: String,
}

fn line(kind: Kind, text: impl Into<String>) -> Line {
    Line { kind, text: text.into(), right: String::new() }
}

/// The lines of the build that the tab shows. Without a build, what would fill the tab.
pub fn lines(state: &State) -> Vec<Line> {
    let Some(run) = state.builds.nth_newest(state.view.build_before) else {
        let key = |action| state.keymap.key(action).map_or_else(String::new, |key| key.to_string());
        return vec![line(
            Kind::Remark,
            format!(
                "Nothing was built yet. {} rebuilds the service under the cursor.",
                key(super::action::Action::Rebuild)
            ),
        )];
    };
    let mut lines = vec![heading(state, run)];
    if let End::Failed(failure, verdict) = &run.end {
        lines.push(line(Kind::Failure, verdict.sentence.clone()));
        if let Some((place, declared)) = verdict.place(&state.sources) {
            lines.push(line(Kind::Failure, format!("{place}  {declared}")));
        }
        if verdict.sentence != failure.message && run.failed_step().is_none() {
            lines.push(line(Kind::Remark, failure.message.clone()));
        }
        lines.push(line(Kind::Remark, ""));
    }
    for step in &run.steps {
        push_step(&mut lines, state, run, step);
    }
    lines.extend(run.warnings.iter().map(|warning| line(Kind::Step(Role::Look), format!("! {warning}"))));
    lines.extend(conclusion(state, run));
    lines
}

/// The first line that is shown of `count` lines in `rows` rows: the top of a failed build, the end of any other, moved by
/// what the user scrolled.
pub fn top(state: &State, count: usize, rows: usize) -> usize {
    let most = count.saturating_sub(rows);
    let moved = state.view.build_back.min(most);
    if stays_on_top(state) { moved } else { most - moved }
}

/// Whether the shown build is read from its top.
pub fn stays_on_top(state: &State) -> bool {
    state.builds.nth_newest(state.view.build_before).is_some_and(|run| matches!(run.end, End::Failed(..)))
}

fn heading(state: &State, run: &BuildRun) -> Line {
    let names: Vec<&str> = run.services.iter().map(|name| name.as_str()).collect();
    let count = state.builds.iter().len();
    let which =
        if count > 1 { format!(" · build {} of {count}", count - state.view.build_before) } else { String::new() };
    let cause = if run.cause.is_empty() { String::new() } else { format!(" · {}", run.cause) };
    let took = run.took.unwrap_or_else(|| state.now.since(run.started));
    Line { kind: Kind::Heading, text: format!("{}{which}{cause}", names.join(", ")), right: age::took(took) }
}

fn push_step(lines: &mut Vec<Line>, state: &State, run: &BuildRun, step: &StepRun) {
    let number = step.step.number.map_or(String::new(), |(number, of)| format!("{number}/{of} "));
    let stage = step.step.stage.as_ref().map_or(String::new(), |stage| format!("{stage} "));
    let (sign, role, right) = match step.state {
        StepState::Waits => ("·", Role::Off, String::new()),
        StepState::Runs(since) if run.is_running() => ("◐", Role::Busy, running_for(state, since)),
        StepState::Runs(_) => ("·", Role::Off, "not finished".to_owned()),
        StepState::Cached => ("✓", Role::Works, "cached".to_owned()),
        StepState::Done(took) => ("✓", Role::Works, age::took(took)),
        StepState::Failed(took) => ("✗", Role::Failed, age::took(took)),
    };
    lines.push(Line { kind: Kind::Step(role), text: format!("{sign} {stage}{number}{}", step.step.text), right });
    if let (StepState::Failed(_), End::Failed(failure, _)) = (step.state, &run.end) {
        lines.extend(place(state, failure).map(|text| line(Kind::Remark, text)));
    }
    let tail = match step.state {
        StepState::Runs(_) => TAIL,
        StepState::Failed(_) => FAILED_TAIL,
        StepState::Waits | StepState::Cached | StepState::Done(_) => return,
    };
    let hidden = step.dropped + step.output.len().saturating_sub(tail);
    if hidden > 0 {
        lines.push(line(Kind::Remark, format!("  │ … {hidden} lines before")));
    }
    let shown = step.output.iter().skip(step.output.len().saturating_sub(tail));
    lines.extend(shown.map(|text| line(Kind::Output, format!("  │ {text}"))));
    if let Some((what, done, total)) = &step.progress {
        let amount = match total {
            0 => format!("{done}"),
            total => format!("{}%", done.min(total) * 100 / total),
        };
        lines.push(line(Kind::Output, format!("  │ {what} {amount}")));
    }
}

/// A running step counts whole seconds, so that it moves once a second.
fn running_for(state: &State, since: crate::model::Timestamp) -> String {
    format!("{} s", state.now.since(since).as_secs())
}

fn place(state: &State, failure: &crate::model::BuildFailure) -> Option<String> {
    let inside =
        |path: &std::path::PathBuf| path.strip_prefix(&state.project.directory).unwrap_or(path).display().to_string();
    let file = failure.dockerfile.as_ref().map(inside);
    let at = match (file, failure.lines) {
        (Some(file), Some((first, _))) => format!("{file}:{first}"),
        (Some(file), None) => file,
        (None, Some((first, _))) => format!("line {first}"),
        (None, None) => String::new(),
    };
    let code = failure.exit_code.map_or(String::new(), |code| format!("exit code {code}"));
    let parts: Vec<String> = [at, code].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| format!("  {}", parts.join(", ")))
}

fn conclusion(state: &State, run: &BuildRun) -> Vec<Line> {
    let names: Vec<&str> = run.services.iter().map(|name| name.as_str()).collect();
    let text = match &run.end {
        End::Running => return Vec::new(),
        End::Built => format!("Built in {}.", run.took.map(age::took).unwrap_or_default()),
        End::Cancelled => "Cancelled.".to_owned(),
        End::Failed(..) => {
            let image = state.observed.as_ref().and_then(|observed| observed.images.get(&run.image));
            match image.and_then(|image| image.created) {
                Some(created) => {
                    let verb = if names.len() == 1 { "goes" } else { "go" };
                    format!(
                        "{} {verb} on with the image that is {}.",
                        names.join(" and "),
                        age::old(state.now.since(created))
                    )
                }
                None => return Vec::new(),
            }
        }
    };
    vec![line(Kind::Remark, ""), line(Kind::Remark, text)]
}
