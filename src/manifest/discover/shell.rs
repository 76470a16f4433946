//! A RUN's command line taken apart as far as its install steps need it: simple commands of words, with `cd` followed.
//!
//! No shell: substitutions stay as they are written, and what can't be told (a loop, a function) is read as plain words.

use std::collections::BTreeMap;

/// One simple command and the folder in which it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words, quotes removed, known variables replaced; assignments in front of it are gone.
    pub(super) words: Vec<String>,
    /// Absolute folder of the image.
    pub(super) folder: String,
}

/// The commands of a script, in their order.
pub(super) fn commands(script: &str, folder: &str, variables: &BTreeMap<String, String>) -> Vec<Command> {
    let mut folder = folder.to_owned();
    let mut commands = Vec::new();
    for words in split(script) {
        let words: Vec<String> = words.iter().map(|word| expand(word, variables)).collect();
        let start = words.iter().position(|word| !is_prefix(word)).unwrap_or(words.len());
        let words = words[start..].to_vec();
        match words.first().map(String::as_str) {
            None => {}
            Some("cd") => {
                if let Some(to) = words.get(1) {
                    folder = join(&folder, to);
                }
            }
            Some(_) => commands.push(Command { words, folder: folder.clone() }),
        }
    }
    commands
}

/// `NAME=value`, and words that only introduce a command.
fn is_prefix(word: &str) -> bool {
    let assignment = word
        .split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    assignment
        || matches!(
            word,
            "sudo"
                | "exec"
                | "time"
                | "env"
                | "command"
                | "then"
                | "do"
                | "else"
                | "if"
                | "!"
                | "{"
                | "("
                | "set"
                | "-ex"
                | "-e"
                | "-eux"
        )
}

/// Words of each simple command; `;`, `&&`, `||`, `|`, `&`, parentheses and line ends separate commands.
fn split(script: &str) -> Vec<Vec<String>> {
    let mut commands: Vec<Vec<String>> = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => match chars.next() {
                Some('\n') | None => {}
                Some(next) => word.get_or_insert_default().push(next),
            },
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => while chars.next_if(|next| *next != '\n').is_some() {},
            (None, ';' | '&' | '|' | '\n' | '(' | ')' | '`') => {
                finish(&mut commands, &mut word);
                if commands.last().is_some_and(|words| !words.is_empty()) {
                    commands.push(Vec::new());
                }
            }
            // A redirection's file is a word of its own: `xargs apt-get install < packages.txt`.
            (None, '<' | '>') => finish(&mut commands, &mut word),
            (None, c) if c.is_whitespace() => finish(&mut commands, &mut word),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    finish(&mut commands, &mut word);
    commands.retain(|words| !words.is_empty());
    commands
}

fn finish(commands: &mut [Vec<String>], word: &mut Option<String>) {
    if let (Some(word), Some(words)) = (word.take(), commands.last_mut()) {
        words.push(word);
    }
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}`; a variable that isn't known, and any other substitution, stays.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (whole, value) = match rest[1..].strip_prefix('{') {
            Some(braced) => {
                let Some(end) = braced.find('}') else { break };
                let (name, default) = braced[..end]
                    .split_once(":-")
                    .map_or((&braced[..end], None), |(name, default)| (name, Some(default)));
                (end + 3, variables.get(name).map(String::as_str).filter(|value| !value.is_empty()).or(default))
            }
            None => {
                let end = rest[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len() - 1);
                (end + 1, variables.get(&rest[1..=end]).map(String::as_str))
            }
        };
        out.push_str(value.unwrap_or(&rest[..whole]));
        rest = &rest[whole..];
    }
    out.push_str(rest);
    out
}

/// A path of the image seen from a folder of it; always absolute, without `.` and `..`.
pub(super) fn join(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("/{folder}/{path}") };
    crate::build_context::path::clean(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &[&str]) {
        let variables = BTreeMap::from([("ENV".to_owned(), "dev".to_owned())]);
        let shown: Vec<String> = commands(script, "/app", &variables)
            .iter()
            .map(|c| format!("{}: {}", c.folder, c.words.join("|")))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn commands_and_words() {
        check("pip install -r requirements/${ENV}.txt", &["/app: pip|install|-r|requirements/dev.txt"]);
        check(
            "apt-get update && apt-get install -y gcc; rm -rf x",
            &["/app: apt-get|update", "/app: apt-get|install|-y|gcc", "/app: rm|-rf|x"],
        );
        check("PIP_NO_CACHE=1 pip install 'a b' \"c\\\"d\" e\\ f", &["/app: pip|install|a b|c\"d|e f"]);
        check("cd web && npm ci", &["/app/web: npm|ci"]);
        check("set -eux; (cd /srv; poetry install) # why", &["/srv: poetry|install"]);
        check("xargs apt-get install <apt.txt", &["/app: xargs|apt-get|install|apt.txt"]);
        check("pip install \\\n  -r ${X:-a.txt} $NONE ${ENV}x", &["/app: pip|install|-r|a.txt|$NONE|devx"]);
        check("", &[]);
        check("'open", &["/app: open"]);
        check("a $", &["/app: a|$"]);
        check("a ${", &["/app: a|${"]);
    }

    proptest::proptest! {
        #[test]
        fn no_script_makes_it_panic(script in "[a-z$\\{\\}'\"\\\\;&|<>#= é\n:-]{0,60}") {
            commands(&script, "/", &BTreeMap::new());
        }
    }
}
