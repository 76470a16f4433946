//! What Compose has and devbox has not built: named when it is asked for, never ignored and never guessed.

use crate::model::Diagnostic;

use super::args::Cli;

/// Verbs of Compose's that are not built.
const VERBS: [&str; 16] = [
    "bridge", "commit", "cp", "create", "events", "export", "images", "ls", "port", "publish", "push", "scale",
    "stats", "top", "volumes", "wait",
];

/// Verbs of devbox's own that are not built.
const OWN_VERBS: [&str; 4] = ["doctor", "diff", "snapshot", "report"];

/// Flags of Compose's that are not built, by verb; the empty verb has the global ones.
const FLAGS: [(&str, &[&str]); 11] = [
    ("", &["--all-resources", "--compatibility", "--parallel", "--dry-run", "--verbose", "--workdir", "--tls"]),
    ("up", &["--menu"]),
    ("build", &["--builder", "--check", "--memory", "-m", "--print", "--provenance", "--push", "--sbom", "--dry-run"]),
    ("config", &["--lock-image-digests", "--resolve-image-digests", "--dry-run"]),
    ("run", &["--cap-add", "--cap-drop", "--env-from-file", "--dry-run"]),
    ("start", &["--dry-run", "--wait", "--wait-timeout"]),
    ("stop", &["--dry-run"]),
    ("restart", &["--dry-run"]),
    ("rm", &["--dry-run"]),
    ("pull", &["--dry-run"]),
    ("watch", &["--dry-run"]),
];

/// Flags that stand before the verb and take a value.
const GLOBAL_WITH_VALUE: [&str; 16] = [
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--profile",
    "--env-file",
    "--project-directory",
    "-H",
    "--host",
    "-c",
    "--context",
    "--on-change",
    "--log-file",
    "--ansi",
    "--progress",
    "--parallel",
];

/// The verb among the arguments (without the program's name) with its position: the first word that is neither a flag nor a
/// flag's value.
fn verb(arguments: &[String]) -> (usize, &str) {
    let mut position = 0;
    while let Some(argument) = arguments.get(position) {
        if GLOBAL_WITH_VALUE.contains(&argument.as_str()) {
            position += 1;
        } else if !argument.starts_with('-') {
            return (position, argument);
        }
        position += 1;
    }
    (arguments.len(), "")
}

/// What to say of arguments that the command line doesn't know. `error` is clap's.
pub fn explain(arguments: &[String], error: &clap::Error) -> Diagnostic {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let (position, verb) = verb(arguments);
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = text(ContextKind::InvalidSubcommand).unwrap_or(verb);
            if VERBS.contains(&name) {
                return Diagnostic::error(format!("`{name}` of Docker Compose is not built yet"))
                    .help("`devbox --help` lists the verbs that are");
            }
            if OWN_VERBS.contains(&name) {
                return Diagnostic::error(format!("`{name}` is not built yet"))
                    .help("`devbox --help` lists the verbs that are");
            }
        }
        ErrorKind::UnknownArgument => {
            let flag = text(ContextKind::InvalidArg).unwrap_or_default();
            let flag = flag.split_once('=').map_or(flag, |(flag, _)| flag);
            let before = arguments.iter().take(position).any(|argument| argument.starts_with(flag));
            let of = if before { "" } else { verb };
            if FLAGS.iter().any(|(verb, flags)| *verb == of && flags.contains(&flag)) {
                let name = format!("{of} {flag}");
                return Diagnostic::error(format!("`{}` of Docker Compose is not built yet", name.trim()))
                    .help(help(of));
            }
            if !of.is_empty() && GLOBAL_WITH_VALUE.contains(&flag) {
                return Diagnostic::error(format!("`{flag}` stands before the verb"))
                    .help(format!("devbox {flag} … {of}"));
            }
        }
        _ => {}
    }
    general(verb, &error.render().to_string())
}

fn help(verb: &str) -> String {
    format!("`{}` lists the flags", format!("devbox {verb} --help").replace("  ", " "))
}

/// clap's own text in our form: its first paragraph, then its tips or where help is.
fn general(verb: &str, rendered: &str) -> Diagnostic {
    let mut paragraphs = rendered.split("\n\n");
    let mut first = paragraphs.next().unwrap_or_default().lines();
    let what = first.next().unwrap_or_default();
    let mut diagnostic = Diagnostic::error(what.strip_prefix("error: ").unwrap_or(what).to_owned());
    for line in first {
        diagnostic = diagnostic.note(line.trim());
    }
    let tips: Vec<&str> = paragraphs
        .flat_map(str::lines)
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        .filter(|tip| !tip.starts_with("to pass"))
        .collect();
    if tips.is_empty() { diagnostic.help(help(known(verb))) } else { diagnostic.help(tips.join("; ")) }
}

/// The verb, or nothing if there is no such verb.
fn known(verb: &str) -> &str {
    let command = <Cli as clap::CommandFactory>::command();
    if command.get_subcommands().any(|known| known.get_name() == verb) { verb } else { "" }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn check(line: &str, expected: &str) {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let error = Cli::try_parse_from(std::iter::once("devbox".to_owned()).chain(arguments.clone())).expect_err(line);
        assert_eq!(explain(&arguments, &error).to_string(), expected, "{line}");
    }

    #[test]
    fn what_compose_has_is_refused_by_name() {
        check(
            "-f x.yaml up --menu",
            "error: `up --menu` of Docker Compose is not built yet\nhelp: `devbox up --help` lists the flags",
        );
        check(
            "--parallel 3 up",
            "error: `--parallel` of Docker Compose is not built yet\nhelp: `devbox --help` lists the flags",
        );
        check(
            "-p x push web",
            "error: `push` of Docker Compose is not built yet\nhelp: `devbox --help` lists the verbs that are",
        );
        check("doctor", "error: `doctor` is not built yet\nhelp: `devbox --help` lists the verbs that are");
    }

    #[test]
    fn global_flags_stand_before_the_verb() {
        check("up -p x", "error: `-p` stands before the verb\nhelp: devbox -p … up");
    }

    #[test]
    fn mistakes_get_a_hint() {
        check("up --biuld", "error: unexpected argument '--biuld' found\nhelp: a similar argument exists: '--build'");
        check("upp", "error: unrecognized subcommand 'upp'\nhelp: a similar subcommand exists: 'up'");
        check(
            "exec",
            "error: the following required arguments were not provided:\n  <SERVICE>\n  <COMMAND>...\nhelp: `devbox exec --help` lists the flags",
        );
    }

    #[test]
    fn no_refused_name_is_built() {
        let command = <Cli as clap::CommandFactory>::command();
        for name in VERBS.iter().chain(&OWN_VERBS) {
            assert!(command.find_subcommand(name).is_none(), "{name} is built");
        }
        for (verb, flags) in FLAGS {
            let of = if verb.is_empty() { &command } else { command.find_subcommand(verb).expect(verb) };
            for flag in flags {
                let known = of.get_arguments().any(|argument| {
                    argument.get_long().is_some_and(|long| *flag == format!("--{long}"))
                        || argument.get_short().is_some_and(|short| *flag == format!("-{short}"))
                });
                assert!(!known, "{verb} {flag} is built");
            }
        }
    }
}
