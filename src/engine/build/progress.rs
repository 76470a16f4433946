//! From BuildKit's status messages to build events.
//!
//! Pure: messages and the time go in, events come out. The builder's own steps (`[internal] …`) are told only when they take a
//! while or fail. A step of which nothing more is told when the build ends was cancelled.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus, VertexWarning};

use crate::build_context::dockerfile::Dockerfile;
use crate::logs::ansi::plain;
use crate::model::{BuildEvent, BuildStep, BuildStepId};

/// How long an internal step may take before it is told.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// How much context is sent before the step that sends it is told, in bytes.
const QUIET_BYTES: i64 = 1 << 20;

/// A line of output longer than this is cut into several, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// How many of a step's last lines are kept for the case that it fails.
const TAIL_LINES: usize = 60;

/// What is known of one vertex.
struct Track {
    step: BuildStep,
    internal: bool,
    /// Its `Step` event went out.
    told: bool,
    /// When it began to run, by this program's clock; none while it does not run.
    running: Option<Instant>,
    completed: bool,
    error: Option<String>,
    /// Unfinished lines of both outputs.
    partial: [Vec<u8>; 2],
    tail: VecDeque<String>,
}

/// A step that failed.
pub(super) struct FailedStep<'a> {
    pub(super) step: &'a BuildStep,
    pub(super) output: Vec<String>,
}

/// Everything that a build has said so far.
#[derive(Default)]
pub(super) struct Progress {
    dockerfile: Option<Dockerfile>,
    /// By the vertex's digest.
    tracks: HashMap<String, Track>,
    warnings: Vec<String>,
}

impl Progress {
    /// Nothing said yet. The Dockerfile puts steps in their order, where it is at hand.
    pub(super) fn new(dockerfile: Option<Dockerfile>) -> Self {
        Self { dockerfile, ..Self::default() }
    }

    /// Takes one message.
    pub(super) fn take(&mut self, message: StatusResponse, now: Instant) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        // Newer builders announce the steps of a build from the last to the first.
        let mut vertexes: Vec<_> =
            message.vertexes.into_iter().map(|vertex| (self.order(&vertex.name), vertex)).collect();
        vertexes.sort_by_key(|(order, _)| *order);
        for (_, vertex) in vertexes {
            self.vertex(vertex, now, &mut events);
        }
        for status in message.statuses {
            self.status(status, &mut events);
        }
        for log in message.logs {
            self.log(log, &mut events);
        }
        for warning in message.warnings {
            self.warning(&warning, &mut events);
        }
        events
    }

    /// Tells the internal steps that have been running for a while.
    pub(super) fn reveal(&mut self, now: Instant) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        let mut slow: Vec<&mut Track> = self
            .tracks
            .values_mut()
            .filter(|track| !track.told && track.running.is_some_and(|since| now.duration_since(since) >= PATIENCE))
            .collect();
        slow.sort_unstable_by_key(|track| track.step.id);
        for track in slow {
            track.tell(&mut events);
        }
        events
    }

    /// Tells what was held back: unfinished lines.
    pub(super) fn finish(&mut self) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        let mut tracks: Vec<&mut Track> = self.tracks.values_mut().collect();
        tracks.sort_unstable_by_key(|track| track.step.id);
        for track in tracks {
            track.flush(&mut events);
        }
        events
    }

    /// The step that made the build fail: the first that failed for a reason of its own.
    pub(super) fn failed(&self) -> Option<FailedStep<'_>> {
        let failed =
            self.tracks.values().filter(|track| track.error.as_deref().is_some_and(|error| !is_cancelled(error)));
        let track = failed.min_by_key(|track| (track.internal, track.step.id))?;
        Some(FailedStep { step: &track.step, output: track.tail.iter().cloned().collect() })
    }

    /// Where a step stands in the Dockerfile; the builder's own work before or after all of it.
    fn order(&self, name: &str) -> (u8, u32) {
        let (step, internal) = read_name(BuildStepId(0), name);
        match step.number {
            None => (if internal { 0 } else { 2 }, 0),
            Some((number, _)) => {
                let lines = self.dockerfile.as_ref().and_then(|d| d.step_lines(step.stage.as_deref(), number));
                (1, lines.map_or(number, |lines| lines.first))
            }
        }
    }

    fn vertex(&mut self, vertex: Vertex, now: Instant, events: &mut Vec<BuildEvent>) {
        let count = self.tracks.len();
        // A mount makes older builders call the only stage `stage-0`.
        let single = self.dockerfile.as_ref().is_some_and(|dockerfile| dockerfile.stages.len() == 1);
        let track = self.tracks.entry(vertex.digest).or_insert_with(|| {
            let id = BuildStepId(u32::try_from(count).unwrap_or(u32::MAX));
            let (mut step, internal) = read_name(id, &vertex.name);
            if single {
                step.stage = None;
            }
            Track {
                step,
                internal,
                told: false,
                running: None,
                completed: false,
                error: None,
                partial: Default::default(),
                tail: VecDeque::new(),
            }
        });
        if !track.internal && !track.told {
            track.told = true;
            events.push(BuildEvent::Step(track.step.clone()));
        }
        let Some(started) = vertex.started else { return };
        let Some(completed) = vertex.completed else {
            if track.running.is_none() {
                track.running = Some(now);
                track.completed = false;
                if track.told {
                    events.push(BuildEvent::Started(track.step.id));
                }
            }
            return;
        };
        let is_new = track.running.take().is_some() || !track.completed;
        if !is_new {
            return;
        }
        track.completed = true;
        track.flush(events);
        let took = between(&started, &completed);
        if !vertex.error.is_empty() {
            if track.step.text.starts_with("importing cache manifest") {
                // A cache that is not there is no failure of the build.
                events.push(BuildEvent::Warning(format!("{}: {}", track.step.text, vertex.error)));
                return;
            }
            track.error = Some(vertex.error);
            if !track.error.as_deref().is_some_and(is_cancelled) {
                track.tell(events);
                events.push(BuildEvent::StepFailed(track.step.id, took));
            }
        } else if track.told {
            let id = track.step.id;
            events.push(if vertex.cached { BuildEvent::Cached(id) } else { BuildEvent::Done(id, took) });
        }
    }

    fn status(&mut self, status: VertexStatus, events: &mut Vec<BuildEvent>) {
        let Some(track) = self.tracks.get_mut(&status.vertex) else { return };
        if status.current >= QUIET_BYTES && track.running.is_some() {
            track.tell(events);
        }
        if track.told && (status.current > 0 || status.total > 0) {
            events.push(BuildEvent::Progress {
                step: track.step.id,
                what: part_name(&status),
                current: u64::try_from(status.current).unwrap_or_default(),
                total: u64::try_from(status.total).unwrap_or_default(),
            });
        }
    }

    fn log(&mut self, log: VertexLog, events: &mut Vec<BuildEvent>) {
        let Some(track) = self.tracks.get_mut(&log.vertex) else { return };
        track.tell(events);
        let mut lines = Vec::new();
        let partial = &mut track.partial[usize::from(log.stream == 2)];
        for &byte in &log.msg {
            if byte == b'\n' || partial.len() >= MAX_LINE {
                lines.push(line(partial));
                partial.clear();
            }
            if byte != b'\n' {
                partial.push(byte);
            }
        }
        track.lines(lines, events);
    }

    fn warning(&mut self, warning: &VertexWarning, events: &mut Vec<BuildEvent>) {
        let mut text = String::from_utf8_lossy(&warning.short).into_owned();
        if let Some(line) = warning.ranges.first().and_then(|range| range.start).map(|start| start.line) {
            let file = warning.info.as_ref().map_or("Dockerfile", |info| info.filename.as_str());
            // The text ends with the line as well.
            text = format!("{file}:{line}: {}", text.strip_suffix(&format!(" (line {line})")).unwrap_or(&text));
        }
        if !self.warnings.contains(&text) {
            self.warnings.push(text.clone());
            events.push(BuildEvent::Warning(text));
        }
    }
}

impl Track {
    /// Tells a step that was held back so far.
    fn tell(&mut self, events: &mut Vec<BuildEvent>) {
        if !self.told {
            self.told = true;
            events.push(BuildEvent::Step(self.step.clone()));
            if self.running.is_some() {
                events.push(BuildEvent::Started(self.step.id));
            }
        }
    }

    fn flush(&mut self, events: &mut Vec<BuildEvent>) {
        let rest = self.partial.iter_mut().filter(|partial| !partial.is_empty()).map(std::mem::take);
        let lines = rest.map(|partial| line(&partial)).collect();
        self.lines(lines, events);
    }

    fn lines(&mut self, lines: Vec<String>, events: &mut Vec<BuildEvent>) {
        if lines.is_empty() {
            return;
        }
        self.tail.extend(lines.iter().cloned());
        while self.tail.len() > TAIL_LINES {
            self.tail.pop_front();
        }
        events.push(BuildEvent::Output(self.step.id, lines));
    }
}

/// A line as a terminal would leave it when a progress bar has drawn over itself.
pub(super) fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\r');
    text.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}

fn is_cancelled(error: &str) -> bool {
    error.ends_with("context canceled")
}

/// A vertex's name taken apart: `[stage 2/6] RUN x`, `[internal] load metadata for y`, `exporting to image`.
fn read_name(id: BuildStepId, name: &str) -> (BuildStep, bool) {
    let whole = |internal| (BuildStep { id, number: None, stage: None, text: shorten(name) }, internal);
    let Some((prefix, text)) = name.strip_prefix('[').and_then(|rest| rest.split_once("] ")) else {
        let internal = ["resolve image config", "docker-image://", "importing cache manifest", "local://"];
        return whole(internal.iter().any(|start| name.starts_with(start)));
    };
    let numbered = prefix.rsplit_once(' ').map_or((None, prefix), |(stage, number)| (Some(stage.trim()), number));
    let number = numbered.1.split_once('/').and_then(|(n, total)| Some((n.parse().ok()?, total.parse().ok()?)));
    let Some(number) = number else {
        let mut step = whole(true);
        step.0.text = shorten(text);
        return step;
    };
    let stage = numbered.0.filter(|stage| !stage.is_empty()).map(str::to_owned);
    (BuildStep { id, number: Some(number), stage, text: shorten(text) }, false)
}

/// A text, safe to print, without what everybody knows: Docker Hub's prefixes, and an image's digest behind its name.
fn shorten(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    if let Some(word) = words.iter_mut().find(|word| word.starts_with("docker.io/")) {
        *word = word.strip_prefix("docker.io/").unwrap_or(word);
        *word = word.strip_prefix("library/").unwrap_or(word);
    }
    if words.first() == Some(&"FROM")
        && let Some(image) = words.get_mut(1)
        && let Some((name, _)) = image.split_once("@sha256:")
        && !name.is_empty()
    {
        *image = name;
    }
    plain(&words.join(" "))
}

/// What a status is about: a layer by the start of its digest, or the builder's word for it.
fn part_name(status: &VertexStatus) -> String {
    let name = status.id.trim_end_matches(':');
    match name.split_once("sha256:") {
        Some((before, digest)) if digest.len() > 12 && digest.is_ascii() => format!("{before}sha256:{}", &digest[..12]),
        _ => name.to_owned(),
    }
}

fn between(started: &Timestamp, completed: &Timestamp) -> Duration {
    let nanos = |time: &Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    Duration::from_nanos(u64::try_from(nanos(completed) - nanos(started)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(digest: &str, name: &str) -> Vertex {
        Vertex { digest: digest.to_owned(), name: name.to_owned(), ..Vertex::default() }
    }

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn vertexes(vertexes: Vec<Vertex>) -> StatusResponse {
        StatusResponse { vertexes, ..StatusResponse::default() }
    }

    #[track_caller]
    fn named(name: &str, stage: Option<&str>, number: Option<(u32, u32)>, text: &str, internal: bool) {
        let (step, is_internal) = read_name(BuildStepId(0), name);
        assert_eq!(
            (step.stage.as_deref(), step.number, step.text.as_str(), is_internal),
            (stage, number, text, internal)
        );
    }

    #[test]
    fn names() {
        named("[2/6] RUN pip install", None, Some((2, 6)), "RUN pip install", false);
        named("[base  2/12] RUN x", Some("base"), Some((2, 12)), "RUN x", false);
        named("[linux/arm64 base 1/2] FROM a", Some("linux/arm64 base"), Some((1, 2)), "FROM a", false);
        named("[1/2] FROM docker.io/library/python:3.11@sha256:0123", None, Some((1, 2)), "FROM python:3.11", false);
        named("[internal] load metadata for docker.io/library/a:1", None, None, "load metadata for a:1", true);
        named("exporting to image", None, None, "exporting to image", false);
        named(
            "[auth] library/a:pull token for registry-1.docker.io",
            None,
            None,
            "library/a:pull token for registry-1.docker.io",
            true,
        );
    }

    #[test]
    fn a_step_is_told_runs_and_ends() {
        let mut progress = Progress::default();
        let now = Instant::now();
        let name = "[1/1] RUN x";
        let events = progress.take(vertexes(vec![vertex("a", name)]), now);
        assert!(matches!(events.as_slice(), [BuildEvent::Step(_)]));
        let running = Vertex { started: at(1), ..vertex("a", name) };
        assert_eq!(progress.take(vertexes(vec![running.clone()]), now), [BuildEvent::Started(BuildStepId(0))]);
        let done = Vertex { completed: at(3), ..running };
        let events = progress.take(vertexes(vec![done.clone()]), now);
        assert_eq!(events, [BuildEvent::Done(BuildStepId(0), Duration::from_secs(2))]);
        assert_eq!(progress.take(vertexes(vec![done]), now), []);
    }

    #[test]
    fn a_cached_step() {
        let mut progress = Progress::default();
        let cached = Vertex { started: at(1), completed: at(1), cached: true, ..vertex("a", "[1/1] RUN x") };
        let events = progress.take(vertexes(vec![cached]), Instant::now());
        assert!(matches!(events.as_slice(), [BuildEvent::Step(_), BuildEvent::Cached(_)]), "{events:?}");
    }

    #[test]
    fn internal_steps_are_told_when_they_are_slow_or_fail() {
        let mut progress = Progress::default();
        let now = Instant::now();
        let running = Vertex { started: at(1), ..vertex("a", "[internal] load metadata for x") };
        assert_eq!(progress.take(vertexes(vec![running.clone()]), now), []);
        assert_eq!(progress.reveal(now), []);
        let events = progress.reveal(now + PATIENCE);
        assert!(matches!(events.as_slice(), [BuildEvent::Step(_), BuildEvent::Started(_)]));
        let failed = Vertex { completed: at(2), error: "no such image".to_owned(), ..running };
        let events = progress.take(vertexes(vec![failed]), now);
        assert!(matches!(events.as_slice(), [BuildEvent::StepFailed(..)]));
        assert_eq!(progress.failed().unwrap().step.text, "load metadata for x");
    }

    #[test]
    fn a_cancelled_step_is_not_the_one_that_failed() {
        let mut progress = Progress::default();
        let failed = |digest, error: &str| Vertex {
            started: at(1),
            completed: at(2),
            error: error.to_owned(),
            ..vertex(digest, "[1/1] RUN x")
        };
        progress.take(vertexes(vec![failed("a", "x: context canceled"), failed("b", "exit code: 1")]), Instant::now());
        assert_eq!(progress.failed().unwrap().step.id, BuildStepId(1));
    }

    #[test]
    fn output_comes_as_lines_however_it_is_cut() {
        let mut progress = Progress::default();
        let running = Vertex { started: at(1), ..vertex("a", "[1/1] RUN x") };
        progress.take(vertexes(vec![running]), Instant::now());
        let mut lines = Vec::new();
        for piece in ["one\ntw", "o\r\n10%\r50%\r", "99%\nlast"] {
            let log = VertexLog { vertex: "a".to_owned(), stream: 1, msg: piece.into(), ..VertexLog::default() };
            for event in progress.take(StatusResponse { logs: vec![log], ..StatusResponse::default() }, Instant::now())
            {
                if let BuildEvent::Output(_, more) = event {
                    lines.extend(more);
                }
            }
        }
        assert_eq!(lines, ["one", "two", "99%"]);
        assert_eq!(progress.finish(), [BuildEvent::Output(BuildStepId(0), vec!["last".to_owned()])]);
    }

    #[test]
    fn output_is_bounded() {
        let mut progress = Progress::default();
        progress.take(vertexes(vec![Vertex { started: at(1), ..vertex("a", "[1/1] RUN x") }]), Instant::now());
        let log =
            VertexLog { vertex: "a".to_owned(), stream: 2, msg: vec![b'x'; 3 * MAX_LINE], ..VertexLog::default() };
        let events =
            progress.take(StatusResponse { logs: vec![log; 100], ..StatusResponse::default() }, Instant::now());
        for event in events {
            let BuildEvent::Output(_, lines) = event else { continue };
            assert!(lines.iter().all(|line| line.len() <= MAX_LINE));
        }
        assert!(progress.tracks["a"].tail.len() <= TAIL_LINES);
    }
}
