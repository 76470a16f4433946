//! The Dockerfile as a manifest: its instructions as settings, so that a comment in it wants no rebuild.

use super::declared::{Declared, ParseError};
use crate::build_context::dockerfile::{Dockerfile, Instruction, InstructionKind};

/// Reads a Dockerfile's text.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let dockerfile = Dockerfile::parse(text).map_err(|error| ParseError::new(error.what, error.lines.first, 1))?;
    let mut declared = Declared::default();
    if let Some(syntax) = &dockerfile.directives.syntax {
        declared.setting("syntax", syntax);
    }
    let mut add = |text: &str, more: &str| {
        let (keyword, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let words = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        let value = if more.is_empty() { words } else { format!("{words} {more}") };
        declared.setting(keyword.to_ascii_uppercase(), value);
    };
    dockerfile.args.iter().for_each(|instruction| add(&instruction.text, ""));
    for stage in &dockerfile.stages {
        add(&stage.text, "");
        stage.instructions.iter().for_each(|instruction| add(&instruction.text, &heredocs(instruction)));
    }
    Ok(declared)
}

/// The text of an instruction's here-documents, which is part of what it does.
fn heredocs(instruction: &Instruction) -> String {
    let heredocs = match &instruction.kind {
        InstructionKind::Run(run) => &run.heredocs,
        InstructionKind::Copy(copy) | InstructionKind::Add(copy) => &copy.heredocs,
        _ => return String::new(),
    };
    // On one line, since a setting is shown on one; indentation stays, it means something to Python.
    heredocs.iter().flat_map(|heredoc| heredoc.content.lines()).map(str::trim_end).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use crate::manifest::diff;
    use crate::model::ManifestKind;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        let change = diff::texts(ManifestKind::Dockerfile, Some(old.as_bytes()), Some(new.as_bytes()));
        assert_eq!(change.map(|change| change.to_string()).as_deref(), Some(expected));
    }

    #[test]
    fn instructions_count_and_comments_do_not() {
        check(
            "FROM python:3.11\nRUN a && \\\n  b\n",
            "# why\nfrom python:3.11\n\nRUN a && \\\n    # this\n    b\n",
            "comments or order only",
        );
        check("FROM python:3.11\n", "FROM python:3.12\n", "~ FROM python:3.11 → python:3.12");
        check("FROM a\n", "FROM a\nUSER app\n", "+ USER app");
        check("FROM a\nRUN <<E\na\nE\n", "FROM a\nRUN <<E\nb\nE\n", "~ RUN <<E a → <<E b");
        check("FROM a\n", "FORM a\n", "changed");
    }

    #[test]
    fn the_order_of_instructions_counts() {
        check("FROM a\nRUN x\nUSER u\nRUN y\n", "FROM a\nRUN y\nUSER u\nRUN x\n", "~ order of instructions");
    }
}
