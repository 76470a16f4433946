//! What a build reports while it runs. Plain data: the builder yields it, the Build tab shows it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Diagnostic, Excerpt, ImageId, Place};

/// A step of one build, stable while that build runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuildStepId(pub u32);

/// One step: an instruction of the Dockerfile, or work of the builder that takes time (exporting).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildStep {
    /// Its id.
    pub id: BuildStepId,
    /// Its number and how many there are in its stage: `4/6`; `None` for the builder's own work.
    pub number: Option<(u32, u32)>,
    /// The stage's name where the Dockerfile has several.
    pub stage: Option<String>,
    /// The instruction: `RUN pip install -r requirements.txt`.
    pub text: String,
}

/// Where a build failed and with what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildFailure {
    /// The failing step.
    pub step: Option<BuildStepId>,
    /// The Dockerfile that has it.
    pub dockerfile: Option<PathBuf>,
    /// First and last line of the failing instruction, from 1.
    pub lines: Option<(u32, u32)>,
    /// The first of these lines as it stands in the file.
    pub excerpt: Option<String>,
    /// Exit code of a failing RUN.
    pub exit_code: Option<i64>,
    /// The builder's message, without its wrapping.
    pub message: String,
    /// The last lines of the failing step's output.
    pub output: Vec<String>,
    /// What to do about it, where something can be said.
    pub help: Option<String>,
}

impl BuildFailure {
    /// The failure as it is shown: where, the line, the last output, what to do.
    pub fn diagnostic(&self, image: &str) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(format!("build of {image} failed: {}", self.message));
        if let (Some(file), Some((line, _))) = (&self.dockerfile, self.lines) {
            let text = self.excerpt.clone().unwrap_or_default();
            let indent = text.chars().take_while(|c| c.is_whitespace()).count();
            let column = u32::try_from(indent + 1).unwrap_or(1);
            diagnostic = diagnostic.at(Place { file: Arc::new(file.clone()), line, column });
            let width = u32::try_from(text.trim().chars().count()).unwrap_or(u32::MAX);
            if width > 0 {
                let label = self.exit_code.map(|code| format!("exit code {code}")).unwrap_or_default();
                diagnostic = diagnostic.excerpt(Excerpt { text, width, label });
            }
        }
        for line in &self.output {
            diagnostic = diagnostic.note(line.clone());
        }
        diagnostic.help = self.help.clone();
        diagnostic
    }
}

/// What a builder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEvent {
    /// A step is known: it waits or runs.
    Step(BuildStep),
    /// It began.
    Started(BuildStepId),
    /// It was already there.
    Cached(BuildStepId),
    /// Lines of its output.
    Output(BuildStepId, Vec<String>),
    /// A measured part of it: bytes or items done, of how many (0 when unknown), of what.
    Progress {
        /// The step.
        step: BuildStepId,
        /// `transferring context`, a layer's digest.
        what: String,
        /// Done.
        current: u64,
        /// Of how many; 0 when unknown.
        total: u64,
    },
    /// It ended well.
    Done(BuildStepId, Duration),
    /// It failed.
    StepFailed(BuildStepId, Duration),
    /// The builder warns.
    Warning(String),
    /// The image is there.
    Built {
        /// Its id.
        image: ImageId,
        /// Time of the whole build.
        took: Duration,
    },
    /// There is no image.
    Failed(BuildFailure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_its_line_its_output_and_what_to_do() {
        let failure = BuildFailure {
            dockerfile: Some("Dockerfile".into()),
            lines: Some((3, 4)),
            excerpt: Some("RUN pip install x".into()),
            exit_code: Some(1),
            message: "RUN pip install x ended with exit code 1".into(),
            output: vec!["ERROR: no x".into()],
            help: Some("correct its name".into()),
            ..BuildFailure::default()
        };
        assert_eq!(
            failure.diagnostic("shop-web").to_string(),
            "error: build of shop-web failed: RUN pip install x ended with exit code 1
  ┌ Dockerfile:3:1
3 │ RUN pip install x
  │ ^^^^^^^^^^^^^^^^^ exit code 1
  ERROR: no x
help: correct its name"
        );
        assert_eq!(BuildFailure::default().diagnostic("x").place, None);
    }
}
