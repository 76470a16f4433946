//! From the classic builder's text to build events. It is read as Docker's and as Podman's builder write it.
//!
//! Pure. The builder says which step begins and whether it was cached, and passes everything else on as text.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Instant;

use regex::Regex;
use serde::Deserialize;

use super::failure::Said;
use super::progress::line;
use crate::build_context::dockerfile::{Dockerfile, LineRange};
use crate::logs::ansi::plain;
use crate::model::{BuildEvent, BuildStep, BuildStepId};

/// How many of a step's last lines are kept for the case that it fails.
const TAIL_LINES: usize = 60;

/// A longer line is cut, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// One message of the builder's answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    stream: String,
    status: String,
    id: String,
    #[serde(rename = "progressDetail")]
    progress: Option<ProgressDetail>,
    aux: Option<Aux>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    detail: Option<ErrorDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProgressDetail {
    current: u64,
    total: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Aux {
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    code: Option<i64>,
}

/// What the builder has said so far.
#[derive(Default)]
pub(super) struct Output {
    dockerfile: Option<Dockerfile>,
    /// The lines of the last step that was found in the Dockerfile.
    place: Option<LineRange>,
    current: Option<Running>,
    steps: u32,
    partial: Vec<u8>,
    image: Option<String>,
    error: Option<(String, Option<i64>)>,
}

struct Running {
    step: BuildStep,
    lines: Option<LineRange>,
    since: Instant,
    cached: bool,
    tail: VecDeque<String>,
}

impl Output {
    /// Nothing said yet. Step ids are counted from `first`.
    pub(super) fn new(dockerfile: Option<Dockerfile>, first: u32) -> Self {
        Self { dockerfile, steps: first, ..Self::default() }
    }

    /// Takes one message.
    pub(super) fn take(&mut self, message: Message, now: Instant) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        self.text(&message.stream, now, &mut events);
        if let (Some(running), false) = (&self.current, message.status.is_empty()) {
            let progress = message.progress.unwrap_or_default();
            if progress.current > 0 || progress.total > 0 {
                let what = format!("{} {}", message.status.to_lowercase(), message.id);
                let (step, current, total) = (running.step.id, progress.current, progress.total);
                events.push(BuildEvent::Progress { step, what, current, total });
            }
        }
        if let Some(aux) = message.aux.filter(|aux| !aux.id.is_empty()) {
            self.image = Some(aux.id);
        }
        if let Some(error) = message.error {
            self.error = Some((error.trim().to_owned(), message.detail.and_then(|detail| detail.code)));
        }
        events
    }

    /// The answer is over: what was held back, and how it ended.
    pub(super) fn finish(mut self, now: Instant) -> (Vec<BuildEvent>, Result<String, Said>) {
        let mut events = Vec::new();
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.line(&rest, now, &mut events);
        }
        let Some((message, code)) = self.error.take() else {
            self.end_step(now, &mut events);
            let image = self.image.ok_or_else(|| Said { lost: true, ..Said::default() });
            return (events, image);
        };
        let mut said = Said { message, exit_code: code.filter(|code| *code != 0), ..Said::default() };
        if let Some(running) = self.current {
            events.push(BuildEvent::StepFailed(running.step.id, now.duration_since(running.since)));
            said.lines = running.lines;
            said.step = Some(running.step);
            said.output = running.tail.into();
        }
        (events, Err(said))
    }

    fn text(&mut self, text: &str, now: Instant, events: &mut Vec<BuildEvent>) {
        for &byte in text.as_bytes() {
            if byte == b'\n' || self.partial.len() >= MAX_LINE {
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, now, events);
            }
            if byte != b'\n' {
                self.partial.push(byte);
            }
        }
    }

    fn line(&mut self, bytes: &[u8], now: Instant, events: &mut Vec<BuildEvent>) {
        static STEP: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^(?:Step (\d+)/(\d+) : |(?:\[(\d+)/\d+\] )?STEP (\d+)/(\d+): )(.*)$").ok());
        // Docker colours what came from standard error, in the middle of which a line can end.
        let text = line(bytes).replace("\u{1b}[91m", "").replace("\u{1b}[0m", "");
        if let Some(found) = STEP.as_ref().and_then(|step| step.captures(&text)) {
            let group = |index| found.get(index).map(|group| group.as_str());
            let number = |index| group(index).and_then(|text| text.parse().ok());
            let number = number(1).zip(number(2)).or_else(|| number(4).zip(number(5)));
            let stage = group(3).map(|stage| format!("stage {stage}"));
            self.begin_step(number, stage, group(6).unwrap_or_default(), now, events);
            return;
        }
        let Some(running) = &mut self.current else { return };
        let arrow = text.trim_start().strip_prefix("---> ").or_else(|| text.strip_prefix("--> "));
        match arrow {
            Some(rest) if rest.starts_with("Using cache") => running.cached = true,
            Some(rest) if rest.starts_with("Running in ") || is_id(rest) => {}
            _ if is_noise(&text) => {}
            _ => {
                running.tail.push_back(text.clone());
                if running.tail.len() > TAIL_LINES {
                    running.tail.pop_front();
                }
                events.push(BuildEvent::Output(running.step.id, vec![text]));
            }
        }
    }

    fn begin_step(
        &mut self,
        number: Option<(u32, u32)>,
        stage: Option<String>,
        text: &str,
        now: Instant,
        events: &mut Vec<BuildEvent>,
    ) {
        self.end_step(now, events);
        let lines = self.find(text);
        self.place = lines.or(self.place);
        let step = BuildStep { id: BuildStepId(self.steps), number, stage, text: plain(text) };
        self.steps += 1;
        events.push(BuildEvent::Step(step.clone()));
        events.push(BuildEvent::Started(step.id));
        self.current = Some(Running { step, lines, since: now, cached: false, tail: VecDeque::new() });
    }

    fn end_step(&mut self, now: Instant, events: &mut Vec<BuildEvent>) {
        if let Some(running) = self.current.take() {
            let id = running.step.id;
            let took = now.duration_since(running.since);
            events.push(if running.cached { BuildEvent::Cached(id) } else { BuildEvent::Done(id, took) });
        }
    }

    /// The next instruction of the Dockerfile with this text; Podman also goes back to an earlier stage.
    fn find(&self, text: &str) -> Option<LineRange> {
        let dockerfile = self.dockerfile.as_ref()?;
        let after = self.place.map_or(0, |lines| lines.last);
        let mut same = dockerfile.all_texts().filter(|(_, own)| own.split_whitespace().eq(text.split_whitespace()));
        let first = same.next()?;
        Some(std::iter::once(first).chain(same).find(|(lines, _)| lines.first > after).unwrap_or(first).0)
    }
}

/// What the builders say about their own work.
fn is_noise(text: &str) -> bool {
    let starts = [
        "Removing intermediate container ",
        "Successfully built ",
        "Successfully tagged ",
        "COMMIT ",
        "Sending build context",
    ];
    text.trim().is_empty() || starts.iter().any(|start| text.starts_with(start)) || (text.len() == 64 && is_id(text))
}

fn is_id(text: &str) -> bool {
    text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events and the end of an answer, each in one line.
    fn read(dockerfile: &str, messages: &[&str]) -> Vec<String> {
        let mut output = Output::new(Dockerfile::parse(dockerfile).ok(), 0);
        let mut events = Vec::new();
        for message in messages {
            events.extend(output.take(serde_json::from_str(message).unwrap(), Instant::now()));
        }
        let (rest, end) = output.finish(Instant::now());
        events.extend(rest);
        let mut lines: Vec<String> = events
            .iter()
            .map(|event| match event {
                BuildEvent::Step(step) => format!("{} {:?} {:?} {}", step.id.0, step.number, step.stage, step.text),
                BuildEvent::Started(id) => format!("{} started", id.0),
                BuildEvent::Cached(id) => format!("{} cached", id.0),
                BuildEvent::Done(id, _) => format!("{} done", id.0),
                BuildEvent::StepFailed(id, _) => format!("{} failed", id.0),
                BuildEvent::Output(id, lines) => format!("{} | {}", id.0, lines.join("/")),
                other => format!("{other:?}"),
            })
            .collect();
        lines.push(match end {
            Ok(image) => image,
            Err(said) => format!(
                "{} {:?} {:?} {:?}",
                said.message,
                said.lines.map(|l| l.to_string()),
                said.exit_code,
                said.output
            ),
        });
        lines
    }

    #[test]
    fn docker() {
        let messages = [
            r#"{"stream":"Step 1/2 : FROM busybox"}"#,
            r#"{"stream":"\n"}"#,
            r#"{"stream":" ---\u003e 57e770566cde\n"}"#,
            r#"{"stream":"Step 2/2 : RUN a;   b\n"}"#,
            r#"{"stream":" ---\u003e Running in 7f60e95880aa\n"}"#,
            r#"{"stream":"out\n"}"#,
            r#"{"stream":"\u001b[91merr\n\u001b[0m"}"#,
            r#"{"stream":"Removing intermediate container 7f60e95880aa\n"}"#,
            r#"{"errorDetail":{"code":3,"message":"x"},"error":"The command 'a' returned a non-zero code: 3"}"#,
        ];
        let expected = [
            "0 Some((1, 2)) None FROM busybox",
            "0 started",
            "0 done",
            "1 Some((2, 2)) None RUN a;   b",
            "1 started",
            "1 | out",
            "1 | err",
            "1 failed",
            "The command 'a' returned a non-zero code: 3 Some(\"2-3\") Some(3) [\"out\", \"err\"]",
        ];
        assert_eq!(read("FROM busybox\nRUN a; \\\n  b\n", &messages), expected);
    }

    #[test]
    fn podman() {
        let messages = [
            r#"{"stream":"[1/2] STEP 1/2: FROM busybox AS base\n"}"#,
            r#"{"stream":"[1/2] STEP 2/2: RUN true\n"}"#,
            r#"{"stream":"--\u003e Using cache 6f399cb1f9c6827c22e0d8c4f2ea858e1ba238c98a0d8b44658caf3279122684\n"}"#,
            r#"{"stream":"--\u003e 6f399cb1f9c\n"}"#,
            r#"{"stream":"COMMIT docker.io/library/x\n"}"#,
            r#"{"stream":"2ff3d01615719160c708283943f62f07a9262548b4f3edf816fd0d88d8ac9ac4\n"}"#,
            r#"{"aux":{"ID":"sha256:2ff3"}}"#,
            r#"{"stream":"Successfully tagged x\n"}"#,
        ];
        let expected = [
            "0 Some((1, 2)) Some(\"stage 1\") FROM busybox AS base",
            "0 started",
            "0 done",
            "1 Some((2, 2)) Some(\"stage 1\") RUN true",
            "1 started",
            "1 cached",
            "sha256:2ff3",
        ];
        assert_eq!(read("FROM busybox AS base\nRUN true\n", &messages), expected);
    }
}
