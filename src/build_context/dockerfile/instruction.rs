//! From a logical line to an instruction: its keyword, its flags, and its arguments in the form that the keyword asks for.

use super::lines::{Logical, heredoc_mark};
use super::{Command, Copy, DockerfileError, Flag, Instruction, InstructionKind, Mount, Run, Stage};
use crate::model::nearest;

/// A line taken apart as far as all instructions have it in common.
struct Parts<'a> {
    keyword: &'a str,
    flags: Vec<Flag>,
    rest: &'a str,
}

/// Every instruction that there is, for the advice on a mistyped one.
const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads a `FROM`; nothing for another instruction.
pub(super) fn from(line: &Logical, escape: char) -> Result<Option<Stage>, DockerfileError> {
    let parts = take_apart(&line.text, escape);
    if !parts.keyword.eq_ignore_ascii_case("from") {
        return Ok(None);
    }
    let refused = |what: String| DockerfileError::new(line.lines, what);
    let words: Vec<&str> = parts.rest.split_ascii_whitespace().collect();
    let (image, name) = match words.as_slice() {
        [image] => (*image, None),
        [image, as_word, name] if as_word.eq_ignore_ascii_case("as") => (*image, Some(name.to_lowercase())),
        _ => return Err(refused("FROM takes an image, and `AS name` behind it".to_owned())),
    };
    if let Some(name) = &name {
        let mut chars = name.chars();
        let valid = chars.next().is_some_and(|c| c.is_ascii_lowercase())
            && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'));
        if !valid {
            return Err(refused(format!("`{name}` cannot be a stage's name"))
                .with_help("a name starts with a letter; letters, digits, `-`, `_` and `.` follow"));
        }
    }
    Ok(Some(Stage {
        name,
        from: image.to_owned(),
        platform: parts.flags.iter().find(|flag| flag.name == "platform").and_then(|flag| flag.value.clone()),
        lines: line.lines,
        text: line.text.trim().to_owned(),
        instructions: Vec::new(),
    }))
}

/// Reads any instruction but `FROM`.
pub(super) fn parse(line: &Logical, escape: char) -> Result<Instruction, DockerfileError> {
    parse_text(&line.text, line, escape, false)
}

fn parse_text(text: &str, line: &Logical, escape: char, onbuild: bool) -> Result<Instruction, DockerfileError> {
    let parts = take_apart(text, escape);
    let refused = |what: String| DockerfileError::new(line.lines, what);
    let keyword = parts.keyword.to_ascii_uppercase();
    let kind = match keyword.as_str() {
        "ONBUILD" if onbuild => return Err(refused("ONBUILD cannot stand behind ONBUILD".to_owned())),
        "FROM" | "MAINTAINER" if onbuild => return Err(refused(format!("{keyword} cannot stand behind ONBUILD"))),
        "ONBUILD" if parts.rest.is_empty() => return Err(refused("ONBUILD needs an instruction".to_owned())),
        "ONBUILD" => InstructionKind::Onbuild(Box::new(parse_text(parts.rest, line, escape, true)?)),
        _ => kind(&keyword, &parts, line, escape).map_err(|what| {
            let error = refused(what);
            match nearest(&keyword, KEYWORDS.iter().copied()) {
                Some(near) if !KEYWORDS.contains(&keyword.as_str()) => error.with_help(format!("did you mean {near}?")),
                _ => error,
            }
        })?,
    };
    Ok(Instruction { kind, lines: line.lines, text: text.trim().to_owned(), flags: parts.flags })
}

fn kind(keyword: &str, parts: &Parts<'_>, line: &Logical, escape: char) -> Result<InstructionKind, String> {
    let rest = parts.rest;
    if !matches!(keyword, "RUN" | "COPY" | "ADD" | "HEALTHCHECK")
        && KEYWORDS.contains(&keyword)
        && let Some(flag) = parts.flags.first()
    {
        return Err(format!("{keyword} has no flag --{}", flag.name));
    }
    let one =
        |value: &str| if value.is_empty() { Err(format!("{keyword} needs an argument")) } else { Ok(value.to_owned()) };
    let some =
        |values: Vec<String>| if values.is_empty() { Err(format!("{keyword} needs an argument")) } else { Ok(values) };
    Ok(match keyword {
        "RUN" => InstructionKind::Run(Run {
            command: command(rest)?,
            mounts: parts.flags.iter().filter(|flag| flag.name == "mount").map(mount).collect(),
            heredocs: line.heredocs.clone(),
        }),
        "COPY" => InstructionKind::Copy(copy(keyword, parts, line)?),
        "ADD" => InstructionKind::Add(copy(keyword, parts, line)?),
        "ARG" => InstructionKind::Arg(some(words(rest, escape))?.into_iter().map(argument).collect::<Result<_, _>>()?),
        "ENV" => InstructionKind::Env(pairs(keyword, rest, escape)?),
        "LABEL" => InstructionKind::Label(pairs(keyword, rest, escape)?),
        "WORKDIR" => InstructionKind::Workdir(one(rest)?),
        "USER" => InstructionKind::User(one(rest)?),
        "MAINTAINER" => InstructionKind::Maintainer(one(rest)?),
        "STOPSIGNAL" => InstructionKind::StopSignal(one(rest)?),
        "CMD" => InstructionKind::Cmd(command(rest)?),
        "ENTRYPOINT" => InstructionKind::Entrypoint(command(rest)?),
        "EXPOSE" => InstructionKind::Expose(some(list(rest)?)?),
        "VOLUME" => InstructionKind::Volume(some(list(rest)?)?),
        "SHELL" => match command(rest)? {
            Command::Exec(words) if !words.is_empty() => InstructionKind::Shell(words),
            _ => return Err("SHELL takes its arguments as a JSON list".to_owned()),
        },
        "HEALTHCHECK" => healthcheck(rest)?,
        _ => return Err(format!("{keyword} is not an instruction")),
    })
}

fn healthcheck(rest: &str) -> Result<InstructionKind, String> {
    let (kind, tail) = rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
    match (kind.to_ascii_uppercase().as_str(), tail.trim()) {
        ("NONE", "") => Ok(InstructionKind::Healthcheck(None)),
        ("CMD", tail) if !tail.is_empty() => Ok(InstructionKind::Healthcheck(Some(command(tail)?))),
        _ => Err("HEALTHCHECK takes CMD and a command, or NONE".to_owned()),
    }
}

fn copy(keyword: &str, parts: &Parts<'_>, line: &Logical) -> Result<Copy, String> {
    let mut words = list(parts.rest)?;
    let destination = words.pop().filter(|_| !words.is_empty());
    let Some(destination) = destination else { return Err(format!("{keyword} needs a source and a destination")) };
    if heredoc_mark(&destination).is_some() {
        return Err(format!("{keyword} cannot have a here-document as its destination"));
    }
    let values = |name: &'static str| {
        parts.flags.iter().filter(move |flag| flag.name == name).filter_map(|flag| flag.value.clone())
    };
    Ok(Copy {
        sources: words.into_iter().filter(|word| heredoc_mark(word).is_none()).collect(),
        heredocs: line.heredocs.clone(),
        destination,
        from: values("from").next().filter(|from| !from.is_empty()),
        excludes: values("exclude").collect(),
    })
}

fn mount(flag: &Flag) -> Mount {
    let mut kind = "bind".to_owned();
    let mut options = Vec::new();
    for field in flag.value.as_deref().unwrap_or_default().split(',') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let name = name.trim().to_ascii_lowercase();
        if name == "type" { kind = value.to_ascii_lowercase() } else { options.push((name, value.to_owned())) }
    }
    Mount { kind, options }
}

fn argument(word: String) -> Result<(String, Option<String>), String> {
    match word.split_once('=') {
        Some(("", _)) => Err("ARG needs a name before `=`".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
        None => Ok((word, None)),
    }
}

/// `NAME=value …`, or the old form `NAME value` with everything behind the name as its value.
fn pairs(keyword: &str, rest: &str, escape: char) -> Result<Vec<(String, String)>, String> {
    let words = words(rest, escape);
    let Some(first) = words.first() else { return Err(format!("{keyword} needs a name and a value")) };
    if !first.contains('=') {
        let (name, value) = rest
            .split_once(['\t', '\u{b}', '\u{c}', '\r', ' '])
            .ok_or_else(|| format!("{keyword} needs a name and a value"))?;
        return Ok(vec![(name.to_owned(), value.trim_start().to_owned())]);
    }
    let pair = |word: &String| match word.split_once('=') {
        Some(("", _)) => Err(format!("{keyword} needs a name before `=`")),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(format!("`{word}` has no `=`: {keyword} takes NAME=value")),
    };
    words.iter().map(pair).collect()
}

/// The JSON list that a text is; nothing when it is not one, an error when it is one of other things than strings.
fn json_list(text: &str) -> Result<Option<Vec<String>>, String> {
    if !text.trim_start().starts_with('[') {
        return Ok(None);
    }
    match serde_json::from_str::<Vec<serde_json::Value>>(text) {
        Err(_) => Ok(None),
        Ok(values) => values
            .into_iter()
            .map(|value| match value {
                serde_json::Value::String(text) => Ok(text),
                _ => Err("a JSON list of arguments holds strings only".to_owned()),
            })
            .collect::<Result<_, _>>()
            .map(Some),
    }
}

fn command(text: &str) -> Result<Command, String> {
    Ok(json_list(text)?.map_or_else(|| Command::Shell(text.to_owned()), Command::Exec))
}

/// A JSON list, or words between blanks; quotes mean nothing here.
fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(json_list(text)?.unwrap_or_else(|| {
        text.split(['\t', '\u{b}', '\u{c}', '\r', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }))
}

/// Words between blanks outside quotes; quotes and escapes stay in them.
fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        // Nothing is escaped inside single quotes.
        if c == escape && quote != Some('\'') {
            let Some(next) = chars.next() else { break };
            word.push(c);
            word.push(next);
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Keyword, flags and the rest of a line.
fn take_apart(text: &str, escape: char) -> Parts<'_> {
    let text = text.trim();
    let (keyword, rest) = text.split_once(['\t', '\u{b}', '\u{c}', '\r', ' ']).unwrap_or((text, ""));
    let (flags, rest) = flags(rest, escape);
    Parts { keyword, flags, rest: rest.trim() }
}

/// The leading `--…` words, their quotes taken off, and what follows them.
fn flags(text: &str, escape: char) -> (Vec<Flag>, &str) {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let mut word = String::new();
        let mut quote = None;
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match quote {
                None if c.is_whitespace() => {
                    end = at;
                    break;
                }
                None if c == '\'' || c == '"' => quote = Some(c),
                Some(open) if c == open => quote = None,
                _ if c == escape => word.extend(chars.next().map(|(_, next)| next)),
                _ => word.push(c),
            }
        }
        rest = rest[end..].trim_start();
        // A bare `--` ends the flags.
        let Some(word) = word.strip_prefix("--").filter(|word| !word.is_empty()) else { break };
        flags.push(match word.split_once('=') {
            Some((name, value)) => Flag { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Flag { name: word.to_owned(), value: None },
        });
    }
    (flags, rest)
}
