//! Why a build failed, in words of use: where in the Dockerfile, with which exit code, and what to do about it.
//!
//! BuildKit since 0.9 gives the place and the exit code as details of its answer; an older one only the words, so that the place
//! is found through the step's number.

use std::error::Error as _;

use bollard_buildkit_proto::google::rpc;
use prost::Message;
use regex::Regex;
use serde_json::Value;

use super::error::BuildError;
use super::progress::Progress;
use super::request::{BuildRequest, ContextPlace, Prepared};
use crate::build_context::dockerfile::{Dockerfile, DockerfileError, InstructionKind, LineRange};
use crate::build_context::error::ContextError;
use crate::build_context::ignore::Ignore;
use crate::build_context::path::within_root;
use crate::logs::ansi::plain;
use crate::model::{BuildFailure, BuildStep};

/// More of an instruction is not repeated in a message, in characters.
const SHOWN: usize = 100;

/// How BuildKit, Docker's classic builder and Podman end a message with an exit code.
const EXIT_CODE: &str = r"(?:exit code: |non-zero code: |while running runtime: exit status )(\d+)$";

/// How they name a source that is not there.
const MISSING_SOURCE: &str = concat!(
    r#"failed to compute cache key: .*"/?([^"]*)"(?::| )"#,
    r"|excluded by \.dockerignore: stat /?(.*?): ",
    r#"|copier: stat: "/?([^"]*)""#
);

/// What the builder said about a failure.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Its message.
    pub(super) message: String,
    /// The place in the Dockerfile, where it said so.
    pub(super) lines: Option<LineRange>,
    /// The exit code, where it said so.
    pub(super) exit_code: Option<i64>,
    /// The step that failed, and the last lines of its output.
    pub(super) step: Option<BuildStep>,
    /// See `step`.
    pub(super) output: Vec<String>,
    /// The connection broke before it could say anything.
    pub(super) lost: bool,
}

impl Said {
    /// Reads BuildKit's answer.
    pub(super) fn read(status: &tonic::Status, progress: &Progress) -> Self {
        let mut said =
            Self { message: status.message().to_owned(), lost: status.source().is_some(), ..Self::default() };
        for detail in rpc::Status::decode(status.details()).map(|status| status.details).unwrap_or_default() {
            let Ok(value) = serde_json::from_slice::<Value>(&detail.value) else { continue };
            match detail.type_url.rsplit('/').next() {
                Some("errdefs.Source+json") if said.lines.is_none() => said.lines = lines_of(&value),
                Some("gatewayapi.ExitMessage+json") => said.exit_code = value["Code"].as_i64(),
                _ => {}
            }
        }
        if let Some(failed) = progress.failed() {
            said.step = Some(failed.step.clone());
            said.output = failed.output;
        }
        said
    }
}

/// The lines of a `Source` detail: from the first to the last that it names.
fn lines_of(source: &Value) -> Option<LineRange> {
    let line = |position: &Value| position["line"].as_u64().and_then(|line| u32::try_from(line).ok());
    let ranges = source["ranges"].as_array()?;
    let first = ranges.iter().filter_map(|range| line(&range["start"])).min()?;
    let last = ranges.iter().filter_map(|range| line(&range["end"])).max().unwrap_or(first);
    Some(LineRange { first, last: last.max(first) })
}

/// What made a build fail after it began; `own` is what went wrong in sending the context. Safe to print.
pub(super) fn of_build(
    said: Said,
    own: Option<ContextError>,
    request: &BuildRequest,
    prepared: &Prepared,
) -> BuildFailure {
    // A pattern that this end refuses has its place in the ignore file.
    if let Some(error) = own.filter(|error| !matches!(error, ContextError::Asked(_))) {
        return of_error(&error.into());
    }
    if said.lost {
        return of_error(&BuildError::Lost(clean(&said.message).to_owned()));
    }
    let dockerfile = prepared.dockerfile.as_ref();
    let from_step = || {
        let step = said.step.as_ref()?;
        dockerfile?.step_lines(step.stage.as_deref(), step.number?.0)
    };
    let mut lines = said.lines.or_else(from_step);
    let exit_code = said.exit_code.or_else(|| capture(EXIT_CODE, said.message.trim_end())?.parse().ok());
    let explained = match exit_code {
        Some(code) => command(code, said.step.as_ref(), lines, dockerfile),
        None => own_reading(&said.message, request, prepared, &mut lines)
            .or_else(|| known(&said.message, said.step.as_ref(), &mut lines, prepared))
            .unwrap_or_else(|| (clean(&said.message).to_owned(), None)),
    };
    safe(BuildFailure {
        step: said.step.map(|step| step.id),
        dockerfile: Some(prepared.shown.clone()),
        lines: lines.map(|lines| (lines.first, lines.last)),
        excerpt: lines.and_then(|lines| excerpt(prepared.text.as_deref()?, lines)),
        exit_code,
        message: explained.0,
        output: said.output,
        help: explained.1,
    })
}

/// A failure whose texts, which come from containers, registries and files, drive no terminal.
fn safe(failure: BuildFailure) -> BuildFailure {
    BuildFailure {
        excerpt: failure.excerpt.as_deref().map(plain),
        message: plain(&failure.message),
        output: failure.output.iter().map(|line| plain(line)).collect(),
        help: failure.help.as_deref().map(plain),
        ..failure
    }
}

type Explained = (String, Option<String>);

/// A command that ended with an exit code.
fn command(
    code: i64,
    step: Option<&BuildStep>,
    lines: Option<LineRange>,
    dockerfile: Option<&Dockerfile>,
) -> Explained {
    let instruction = step.map(|step| step.text.as_str()).or_else(|| {
        let lines = lines?;
        dockerfile?.all_texts().find(|(own, _)| *own == lines).map(|(_, text)| text)
    });
    let mut shown: String = instruction.unwrap_or("the command").chars().take(SHOWN + 1).collect();
    if shown.chars().count() > SHOWN {
        shown = shown.chars().take(SHOWN - 1).chain(['…']).collect();
    }
    let help = match code {
        126 => Some("the file is there but cannot be executed: look at its permissions and its first line"),
        127 => Some("the image has no such command: install it in an earlier step, or correct its name"),
        137 => Some("the process was killed, most often for want of memory: give the engine more"),
        _ => None,
    };
    (format!("{shown} ended with exit code {code}"), help.map(str::to_owned))
}

/// Mistakes that devbox's own readers explain better: they know the place, and what there is instead.
fn own_reading(
    message: &str,
    request: &BuildRequest,
    prepared: &Prepared,
    lines: &mut Option<LineRange>,
) -> Option<Explained> {
    let text = prepared.text.as_deref()?;
    let mut explain = |error: DockerfileError| {
        *lines = lines.or(Some(error.lines));
        Some((error.what, error.help))
    };
    if message.contains("syntax error in pattern") || message.contains("is not a valid pattern") {
        let (ContextPlace::Folder(context), path) = (&prepared.context, prepared.place.path()) else { return None };
        return Ignore::load(context, path.as_deref()).err().map(|error| of_context(&error));
    }
    if prepared.dockerfile.is_none() {
        return explain(Dockerfile::parse(text).err()?);
    }
    if message.contains("dockerfile parse error") {
        let line = capture(r"parse error (?:on )?line (\d+)", message)?.parse().ok()?;
        *lines = lines.or(Some(LineRange::line(line)));
        return Some((message.rsplit_once(&format!("line {line}: "))?.1.to_owned(), None));
    }
    let about_stages = ["target stage", "build target", "The target ", "should not be blank"];
    if about_stages.iter().any(|mark| message.contains(mark)) {
        return explain(prepared.dockerfile.as_ref()?.resolve(&request.inputs()).err()?);
    }
    None
}

/// Messages of the builder that can be said better.
fn known(
    message: &str,
    step: Option<&BuildStep>,
    lines: &mut Option<LineRange>,
    prepared: &Prepared,
) -> Option<Explained> {
    if let Some(path) = capture(MISSING_SOURCE, message) {
        return Some(missing_source(&path, *lines, prepared));
    }
    if let Some(id) = capture(r"secret (\S+?):? not found", message) {
        let help =
            format!("name it under `build.secrets` of the service and under `secrets:` of the file, with the id {id}");
        return Some((format!("the build needs the secret `{id}`, and was given none"), Some(help)));
    }
    if let Some(id) =
        capture(r#"no ssh agent (\S+) is handed on|no SSH key "([^"]+)"|unset ssh forward key (\S+)"#, message)
    {
        let help = format!("write `ssh: [{id}]` under `build:` of the service");
        return Some((format!("the build needs the ssh agent `{id}`, and was given none"), Some(help)));
    }
    if let Some(what) = capture(r"(network\.host|security\.insecure) is not allowed", message) {
        let help = format!("allow {what} in the engine's configuration, under builder.entitlements");
        return Some((format!("this engine does not allow {what} to builds"), Some(help)));
    }
    if message.contains("unsupported frontend capability moby.buildkit.frontend.contexts") {
        let help = "update the engine: Docker 23 and newer know them";
        return Some(("this engine's builder knows no additional contexts".to_owned(), Some(help.to_owned())));
    }
    if message.contains("no space left on device") {
        let help = "free some: remove images and build caches that are not needed any more";
        return Some(("the engine's disk is full".to_owned(), Some(help.to_owned())));
    }
    let frontend = ["gateway.v0", "/dockerfile:"].iter().any(|mark| message.contains(mark));
    let wanted = capture(r"failed to resolve source metadata for ([^\s:]+(?::\d+/[^\s:]+)?(?::[^\s:]+)?): ", message)
        .or_else(|| image_of(&step?.text, message))
        .or_else(|| capture(r"/v2/(\S+?)/manifests/", message))?;
    let image = short(&wanted);
    if lines.is_none() {
        *lines = prepared.dockerfile.iter().flat_map(|d| &d.stages).find(|s| short(&s.from) == image).map(|s| s.lines);
    }
    let reason = reason(message);
    let help = if reason.contains("no such host") || reason.contains("timeout") || reason.contains("refused") {
        "the registry cannot be reached from the engine: look at the network, or at the engine's proxy settings"
    } else if reason.contains("denied") || reason.contains("unauthorized") || reason.contains("authoriz") {
        "the registry gives it to nobody unknown, or it does not exist: log in to the registry, or correct the name"
    } else if frontend {
        "correct the `# syntax=` line of the Dockerfile, or remove it"
    } else {
        "correct the image's name or tag"
    };
    Some((format!("cannot get the image {image}: {reason}"), Some(help.to_owned())))
}

/// The image that a step could not get: BuildKit's look-up of it, or the classic builder's `FROM`.
fn image_of(step: &str, message: &str) -> Option<String> {
    let from = || {
        let about_a_registry = ["/v2/", "manifest", "repository", "registry", "pull access", "short-name"];
        about_a_registry.iter().any(|mark| message.contains(mark)).then_some(())?;
        step.strip_prefix("FROM ")?.split_whitespace().find(|word| !word.starts_with("--"))
    };
    step.strip_prefix("load metadata for ").or_else(from).map(str::to_owned)
}

/// A `COPY` or `ADD` of what is not there.
fn missing_source(path: &str, lines: Option<LineRange>, prepared: &Prepared) -> Explained {
    let copies =
        prepared.dockerfile.iter().flat_map(|dockerfile| &dockerfile.stages).flat_map(|stage| &stage.instructions);
    let from =
        copies.filter(|instruction| Some(instruction.lines) == lines).find_map(|instruction| match &instruction.kind {
            InstructionKind::Copy(copy) => copy.from.clone(),
            _ => None,
        });
    if let Some(from) = from {
        return (format!("{path} is not there in `{from}`"), None);
    }
    let what = format!("{path} is not there in the context");
    let ContextPlace::Folder(context) = &prepared.context else { return (what, None) };
    let ignore = Ignore::load(context, prepared.place.path().as_deref()).unwrap_or_default();
    let help = match &ignore.file {
        Some(file) if ignore.excludes(&within_root(path)) => {
            let name = file.strip_prefix(context).unwrap_or(file).display();
            format!("{name} leaves it out: take it back there with `!{path}`")
        }
        _ => format!("the context is {}: sources are relative to it", context.display()),
    };
    (what, Some(help))
}

/// An image's name without Docker Hub's prefixes.
fn short(image: &str) -> &str {
    let image = image.strip_prefix("docker.io/").unwrap_or(image);
    image.strip_prefix("library/").unwrap_or(image)
}

/// The innermost reason of a chain of them.
fn reason(message: &str) -> String {
    let message = message.trim();
    for mark in ["dial tcp: ", "unexpected status from HEAD request to ", "unexpected status code ", "server message: "]
    {
        if let Some((_, rest)) = message.rsplit_once(mark) {
            return rest.to_owned();
        }
    }
    message.rsplit_once(": ").map_or(message, |(_, last)| last).to_owned()
}

/// A message without the names of the builder's inner parts in front of it.
fn clean(message: &str) -> &str {
    const NOISE: [&str; 6] = [
        "failed to solve: ",
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve with frontend gateway.v0: ",
        "failed to build LLB: ",
        "failed to create LLB definition: ",
        "rpc error: code = Unknown desc = ",
    ];
    let mut message = message.trim();
    while let Some(rest) = NOISE.iter().find_map(|noise| message.strip_prefix(noise)) {
        message = rest;
    }
    let wrappings = [
        ("process \"", "\" did not complete successfully: "),
        ("executor failed running [", "]: "),
        ("building at STEP \"", "\": "),
    ];
    let unwrapped = wrappings.iter().find_map(|(start, end)| message.strip_prefix(start)?.split_once(end));
    unwrapped.map_or(message, |(_, reason)| reason)
}

/// The first of these lines.
fn excerpt(text: &str, lines: LineRange) -> Option<String> {
    text.lines().nth(usize::try_from(lines.first).ok()?.checked_sub(1)?).map(str::to_owned)
}

/// The first group that matched.
fn capture(pattern: &str, text: &str) -> Option<String> {
    let captures = Regex::new(pattern).ok()?.captures(text)?;
    captures.iter().skip(1).flatten().next().map(|group| group.as_str().to_owned())
}

/// What ended a build before it began, or cut it off. Safe to print.
pub(super) fn of_error(error: &BuildError) -> BuildFailure {
    let mut failure = BuildFailure { message: error.to_string(), ..BuildFailure::default() };
    match error {
        BuildError::Connect(_) => {
            failure.help = Some("see whether the engine runs, and whether you may use it".to_owned())
        }
        BuildError::Lost(_) => failure.help = Some("see whether the engine still runs, and build again".to_owned()),
        BuildError::Refused { .. } => {}
        BuildError::Context(error) => (failure.message, failure.help) = of_context(error),
        BuildError::NoDockerfile { path } => {
            failure.dockerfile = Some(path.clone());
            failure.help = Some("create it, or name another with `build.dockerfile`".to_owned());
        }
        BuildError::Unsupported { help, .. } => failure.help = Some(help.clone()),
    }
    safe(failure)
}

fn of_context(error: &ContextError) -> Explained {
    let help = match error {
        ContextError::Read { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            "make it readable, or leave it out with .dockerignore"
        }
        ContextError::NotUtf8 { .. } => "rename it, or leave it out with .dockerignore",
        ContextError::NotAFolder { .. } => "`build.context` must be a folder",
        ContextError::Pattern { .. } | ContextError::IgnoreLine { .. } => "correct the line",
        _ => return (with_source(error), None),
    };
    (with_source(error), Some(help.to_owned()))
}

/// An error and what it comes from, in one line.
fn with_source(error: &ContextError) -> String {
    match error {
        ContextError::Read { source, .. } => format!("{error}: {source}"),
        ContextError::Pattern { file, line: Some(line), error } => format!("{}:{line}: {error}", file.display()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Build, BuildStepId};

    const DOCKERFILE: &str = "FROM busybox AS base\nRUN a && \\\n  b\nCOPY --from=x /y /z\nCOPY w /\n";

    fn failure(said: Said) -> BuildFailure {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), DOCKERFILE).unwrap();
        std::fs::write(dir.path().join(".dockerignore"), "w*\n").unwrap();
        let request = BuildRequest::new(Build::new(dir.path().to_string_lossy()), Vec::new());
        let prepared = Prepared::new(&request).unwrap();
        of_build(said, None, &request, &prepared)
    }

    #[track_caller]
    fn check(message: &str, line: Option<u32>, expected: &str, help: Option<&str>) {
        let lines = line.map(LineRange::line);
        let failure = failure(Said { message: message.to_owned(), lines, ..Said::default() });
        assert_eq!((failure.message.as_str(), failure.help.as_deref()), (expected, help));
    }

    #[test]
    fn the_place_is_found_through_the_step() {
        let step = BuildStep { id: BuildStepId(3), number: Some((2, 4)), stage: None, text: "RUN a &&   b".to_owned() };
        let message = "executor failed running [/bin/sh -c a &&   b]: exit code: 3".to_owned();
        let failure = failure(Said { message, step: Some(step), output: vec!["x".to_owned()], ..Said::default() });
        assert_eq!((failure.lines, failure.exit_code, failure.step), (Some((2, 3)), Some(3), Some(BuildStepId(3))));
        assert_eq!(failure.message, "RUN a &&   b ended with exit code 3");
        assert_eq!(failure.excerpt.as_deref(), Some("RUN a && \\"));
        assert_eq!(failure.output, ["x"]);
    }

    #[test]
    fn what_is_missing_in_the_context_or_left_out() {
        let message = "failed to compute cache key: failed to calculate checksum of ref 1::2: \"/w\": not found";
        check(
            message,
            Some(5),
            "w is not there in the context",
            Some(".dockerignore leaves it out: take it back there with `!w`"),
        );
        check("failed to compute cache key: \"/y\" not found: not found", Some(4), "y is not there in `x`", None);
    }

    #[test]
    fn images_that_cannot_be_had() {
        check(
            "nosuch:1: failed to resolve source metadata for docker.io/library/nosuch:1: failed to do request: Head \"https://r/v2/library/nosuch/manifests/1\": dial tcp: lookup r: no such host",
            Some(1),
            "cannot get the image nosuch:1: lookup r: no such host",
            Some(
                "the registry cannot be reached from the engine: look at the network, or at the engine's proxy settings",
            ),
        );
        check(
            "failed to resolve source metadata for localhost:5000/a/b:1: pull access denied, repository does not exist or may require authorization",
            Some(1),
            "cannot get the image localhost:5000/a/b:1: pull access denied, repository does not exist or may require authorization",
            Some(
                "the registry gives it to nobody unknown, or it does not exist: log in to the registry, or correct the name",
            ),
        );
    }

    #[test]
    fn secrets_and_agents_that_were_not_given() {
        for message in ["secret tok not found: not found", "failed to solve: secret tok: not found"] {
            let help = "name it under `build.secrets` of the service and under `secrets:` of the file, with the id tok";
            check(message, None, "the build needs the secret `tok`, and was given none", Some(help));
        }
        let help = Some("write `ssh: [default]` under `build:` of the service");
        let message = "rpc error: code = NotFound desc = no ssh agent default is handed on";
        check(message, None, "the build needs the ssh agent `default`, and was given none", help);
    }

    #[test]
    fn the_classic_builders_words() {
        let help = Some(".dockerignore leaves it out: take it back there with `!w`");
        for message in [
            "COPY failed: file not found in build context or excluded by .dockerignore: stat w: file does not exist",
            "building at STEP \"COPY w /\": checking on sources under \"/x\": copier: stat: \"/w\": no such file or directory",
        ] {
            check(message, Some(5), "w is not there in the context", help);
        }
        for message in [
            "The command '/bin/sh -c a' returned a non-zero code: 3",
            "building at STEP \"RUN a\": while running runtime: exit status 3\n",
        ] {
            check(message, None, "the command ended with exit code 3", None);
        }
    }

    #[test]
    fn nothing_in_it_drives_a_terminal() {
        let output = vec!["\u{1b}]0;title\u{7}\u{1b}[31mred\u{1b}[2J".to_owned()];
        let failure = failure(Said { message: "\u{1b}[1mbold".to_owned(), output, ..Said::default() });
        assert_eq!((failure.message.as_str(), failure.output[0].as_str()), ("bold", "red"));
    }

    #[test]
    fn anything_else_is_passed_on() {
        check(
            "process \"/bin/sh -c x\" did not complete successfully: unable to find user y",
            None,
            "unable to find user y",
            None,
        );
        check("failed to solve: lstat /a/b: not a directory", None, "lstat /a/b: not a directory", None);
    }

    #[test]
    fn an_exit_code_that_says_more() {
        let failure = failure(Said { message: "x: exit code: 127".to_owned(), ..Said::default() });
        assert_eq!(failure.message, "the command ended with exit code 127");
        assert!(failure.help.unwrap().starts_with("the image has no such command"));
    }

    #[test]
    fn an_unknown_target_names_those_there_are() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Dockerfile"), DOCKERFILE).unwrap();
        let mut request = BuildRequest::new(Build::new(dir.path().to_string_lossy()), Vec::new());
        request.build.target = Some("nope".to_owned());
        let prepared = Prepared::new(&request).unwrap();
        let said = Said { message: "target stage \"nope\" could not be found".to_owned(), ..Said::default() };
        let failure = of_build(said, None, &request, &prepared);
        assert_eq!(
            (failure.message.as_str(), failure.help.as_deref()),
            ("there is no stage `nope`", Some("its stages are base"))
        );
    }
}
