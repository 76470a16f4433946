//! What a run's reports amount to, a line a subject: the image, the network, the service. Pure.
//!
//! A line is final when every step that belongs to it has ended. Later reports may add steps to it (part of a run is planned
//! again when an image is there), and it is open again until those have ended.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    app::age,
    execute::{Event, Progress, StepResult},
    model::{Project, Service, ServiceName},
    plan::{Action, Cause, Group, Operation, Plan, Step, StepId, Subject},
};

use super::{build_log::BuildLog, console::Role};

/// What a line is about. Containers of one service share a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Network(String),
    Volume(String),
    Image(String),
    Service(ServiceName),
}

impl Key {
    fn of(subject: &Subject) -> Key {
        match subject {
            Subject::Network(name) => Key::Network(name.clone()),
            Subject::Volume(name) => Key::Volume(name.clone()),
            Subject::Image(image, services) if services.is_empty() => Key::Image(image.to_string()),
            Subject::Image(_, services) => {
                Key::Image(services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", "))
            }
            Subject::Container { service, .. } | Subject::Service(service) => Key::Service(service.clone()),
        }
    }

    /// The first column, and the second where there is one.
    fn columns(&self) -> (&str, Option<&str>) {
        match self {
            Key::Network(name) => ("network", Some(name)),
            Key::Volume(name) => ("volume", Some(name)),
            Key::Image(name) => ("image", Some(name)),
            Key::Service(name) => (name.as_str(), None),
        }
    }
}

/// How far a step is.
#[derive(Debug, Clone)]
enum Status {
    Running(Instant),
    Done(Duration, StepResult),
    Failed(Duration),
    /// Not run; the step that failed, or none when the run was cancelled.
    Skipped(Option<StepId>),
}

/// A line's state, with the sign and the colour that go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `·`: its turn has not come.
    Waits,
    /// `◐`: it is being worked on.
    Busy,
    /// `✓`: done.
    Good,
    /// `✗`: failed.
    Failed,
    /// `○`: it was left out.
    Off,
}

impl Mark {
    /// The sign.
    pub fn sign(self) -> char {
        match self {
            Mark::Waits => '·',
            Mark::Busy => '◐',
            Mark::Good => '✓',
            Mark::Failed => '✗',
            Mark::Off => '○',
        }
    }

    /// The colour.
    pub fn role(self) -> Role {
        match self {
            Mark::Waits | Mark::Off => Role::Dim,
            Mark::Busy => Role::Busy,
            Mark::Good => Role::Good,
            Mark::Failed => Role::Failed,
        }
    }
}

/// A line as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its state.
    pub mark: Mark,
    /// First and second column, padded, with two blanks behind.
    pub subject: String,
    /// What is said of it.
    pub words: String,
    /// What is said in addition.
    pub detail: String,
}

#[derive(Debug)]
struct Line {
    key: Key,
    groups: Vec<Group>,
    steps: Vec<StepId>,
}

/// The lines of a run.
#[derive(Debug, Default)]
pub struct Board {
    plan: Option<Arc<Plan>>,
    lines: Vec<Line>,
    of_step: HashMap<StepId, usize>,
    status: HashMap<StepId, Status>,
    saying: HashMap<StepId, String>,
    builds: HashMap<StepId, BuildLog>,
    addresses: BTreeMap<ServiceName, String>,
    /// By line: it was told of as final, and is printed no more.
    told: Vec<bool>,
}

impl Board {
    /// For a run on this project.
    pub fn new(project: &Project) -> Self {
        let addresses =
            project.services.values().filter_map(|service| Some((service.name.clone(), address(service)?))).collect();
        Board { addresses, ..Board::default() }
    }

    /// Takes note of a report.
    pub fn apply(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Planned(plan) => self.planned(plan),
            Event::Started(step) => {
                self.status.insert(*step, Status::Running(now));
            }
            Event::Progress(step, Progress::Build(event)) => self.builds.entry(*step).or_default().apply(event),
            Event::Progress(step, Progress::Pull(pull)) => {
                let bytes = crate::model::ByteSize(pull.bytes);
                let of = match pull.total {
                    0 => String::new(),
                    total => format!(" of {}", crate::model::ByteSize(total)),
                };
                self.saying.insert(*step, format!("{}/{} layers, {bytes}{of}", pull.layers_done, pull.layers));
            }
            Event::Progress(step, Progress::Waiting(text)) => {
                self.saying.insert(*step, text.clone());
            }
            Event::Progress(_, Progress::Hook(_)) | Event::Warning(_) | Event::Finished(_) => {}
            Event::Done { step, took, result } => {
                self.status.insert(*step, Status::Done(*took, result.clone()));
            }
            Event::Failed { step, took, .. } => {
                self.status.insert(*step, Status::Failed(*took));
            }
            Event::Skipped { step, because } => {
                self.status.insert(*step, Status::Skipped(*because));
            }
        }
    }

    fn planned(&mut self, plan: &Arc<Plan>) {
        let before: HashMap<Key, bool> =
            self.lines.drain(..).zip(self.told.drain(..)).map(|(line, told)| (line.key, told)).collect();
        self.of_step.clear();
        let mut of_key: HashMap<Key, usize> = HashMap::new();
        let mut of_group = HashMap::new();
        for group in plan.groups.iter().filter(|group| is_told(plan, group)) {
            let key = Key::of(&group.subject);
            let index = *of_key.entry(key.clone()).or_insert_with(|| {
                self.lines.push(Line { key, groups: Vec::new(), steps: Vec::new() });
                self.lines.len() - 1
            });
            self.lines[index].groups.push(group.clone());
            of_group.insert(group.id, index);
        }
        for step in &plan.steps {
            if let Some(index) = of_group.get(&step.group) {
                self.lines[*index].steps.push(step.id);
                self.of_step.insert(step.id, *index);
            }
        }
        self.plan = Some(Arc::clone(plan));
        self.told = self.lines.iter().map(|line| before.get(&line.key).copied().unwrap_or(false)).collect();
        for index in 0..self.lines.len() {
            self.told[index] &= self.is_final(index);
        }
    }

    /// Whether all steps of a line have ended.
    pub fn is_final(&self, index: usize) -> bool {
        self.lines[index]
            .steps
            .iter()
            .all(|step| self.status.get(step).is_some_and(|status| !matches!(status, Status::Running(_))))
    }

    /// The lines that were not told of as final yet, in order.
    pub fn open(&self) -> Vec<usize> {
        (0..self.lines.len()).filter(|index| !self.told[*index]).collect()
    }

    /// A line was told of as final.
    pub fn tell(&mut self, index: usize) {
        self.told[index] = true;
    }

    /// A line as text. Steps that run are timed up to `now`.
    pub fn row(&self, index: usize, now: Instant) -> Row {
        let line = &self.lines[index];
        let (mark, words, detail) = self.words(line, now);
        let first = self.lines.iter().map(|line| line.key.columns().0.chars().count()).max().unwrap_or(0);
        let second = self
            .lines
            .iter()
            .filter_map(|line| line.key.columns().1)
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let subject = match line.key.columns() {
            (kind, Some(name)) => format!("{kind:first$}  {name:second$}  "),
            (name, None) => format!("{name:first$}  "),
        };
        Row { mark, subject, words, detail }
    }

    fn words(&self, line: &Line, now: Instant) -> (Mark, String, String) {
        let status = |step: &StepId| self.status.get(step);
        let failed = line.steps.iter().find_map(|step| match status(step) {
            Some(Status::Failed(took)) => Some(*took),
            _ => None,
        });
        if let Some(took) = failed {
            return (Mark::Failed, format!("failed after {}", age::took(took)), String::new());
        }
        let skipped = line.steps.iter().find_map(|step| match status(step) {
            Some(Status::Skipped(because)) => Some(*because),
            _ => None,
        });
        if let Some(because) = skipped {
            let because = because.and_then(|step| self.of_step.get(&step)).map(|index| &self.lines[*index].key);
            let words = match because.map(Key::columns) {
                Some((kind, Some(name))) => format!("left out, since {kind} {name} failed"),
                Some((name, None)) => format!("left out, since {name} failed"),
                None => "cancelled".to_owned(),
            };
            return (Mark::Off, words, String::new());
        }
        let running = self.steps(line).find_map(|step| match status(&step.id) {
            Some(Status::Running(since)) => Some((step, *since)),
            _ => None,
        });
        if let Some((step, since)) = running {
            return (Mark::Busy, self.busy(step, now.duration_since(since)), String::new());
        }
        if let Some(step) = self.steps(line).find(|step| status(&step.id).is_none()) {
            return (Mark::Waits, self.waits(line, step), String::new());
        }
        let (words, detail) = self.done(line);
        (Mark::Good, words, detail)
    }

    fn steps<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = &'a Step> {
        self.plan.iter().flat_map(|plan| &plan.steps).filter(|step| line.steps.contains(&step.id))
    }

    fn busy(&self, step: &Step, since: Duration) -> String {
        let clock = if since.as_secs() > 0 { format!("  {}", age::clock(since)) } else { String::new() };
        let said = self.saying.get(&step.id).map(|text| format!(", {text}")).unwrap_or_default();
        let doing = match &step.operation {
            Operation::Build(_) => match self.builds.get(&step.id).and_then(BuildLog::current) {
                Some(current) => format!("building {current}"),
                None => "building".to_owned(),
            },
            Operation::Pull { .. } => format!("pulling{said}"),
            Operation::Wait { .. } => match self.saying.get(&step.id) {
                Some(text) => text.clone(),
                None => "waits to be ready".to_owned(),
            },
            Operation::CreateNetwork { .. } | Operation::CreateVolume { .. } | Operation::Create(_) => {
                "creating".to_owned()
            }
            Operation::RemoveNetwork { .. }
            | Operation::RemoveVolume { .. }
            | Operation::RemoveImage { .. }
            | Operation::Remove { .. } => "removing".to_owned(),
            Operation::RenewVolume { .. } => "renewing".to_owned(),
            Operation::TagImage { .. } => "tagging".to_owned(),
            Operation::Start(_) => "starting".to_owned(),
            Operation::Stop { .. } => "stopping".to_owned(),
            Operation::Kill { .. } => "killing".to_owned(),
            Operation::Restart { .. } => "restarting".to_owned(),
            Operation::Pause(_) => "pausing".to_owned(),
            Operation::Unpause(_) => "unpausing".to_owned(),
            Operation::Rename { .. } => "renaming".to_owned(),
            Operation::Sync { .. } => "syncing".to_owned(),
            Operation::Exec { .. } => "running a command".to_owned(),
        };
        doing + &clock
    }

    /// What a line's next step waits for.
    fn waits(&self, line: &Line, step: &Step) -> String {
        let mut names: Vec<String> = Vec::new();
        for need in &step.needs {
            let open = !matches!(self.status.get(need), Some(Status::Done(..)));
            let Some(other) = self.of_step.get(need).map(|index| &self.lines[*index]) else { continue };
            if open && other.key != line.key {
                let name = match other.key.columns() {
                    (kind, Some(_)) => kind.to_owned(),
                    (name, None) => name.to_owned(),
                };
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        if names.is_empty() { String::new() } else { format!("waits for {}", names.join(", ")) }
    }

    /// What became of a line whose steps all ended well, and what is to be added.
    fn done(&self, line: &Line) -> (String, String) {
        if let Key::Image(_) = line.key {
            return self.image_done(line);
        }
        let has = |action| line.groups.iter().any(|group| group.action == action);
        let ready = self.steps(line).filter_map(|step| match (&step.operation, self.status.get(&step.id)) {
            (Operation::Wait { .. }, Some(Status::Done(took, StepResult::Ready { state }))) => Some((*took, *state)),
            _ => None,
        });
        let ready = ready.max_by_key(|(took, _)| *took);
        let headline = [
            (Action::Recreate, "recreated"),
            (Action::Restart, "restarted"),
            (Action::Start, "started"),
            (
                Action::Create,
                if matches!(line.key, Key::Service(_)) && self.starts(line) { "started" } else { "created" },
            ),
            (Action::Unpause, "unpaused"),
            (Action::Sync, "synced"),
            (Action::Pause, "paused"),
            (Action::Kill, "killed"),
            (Action::Remove, "removed"),
            (Action::Stop, "stopped"),
            (Action::Rename, "renamed"),
        ];
        let headline = headline.into_iter().find(|(action, _)| has(*action)).map_or("", |(_, word)| word);
        let words = match ready {
            Some((took, state @ ("healthy" | "completed"))) => {
                let after = if took < Duration::from_millis(50) {
                    state.to_owned()
                } else {
                    format!("{state} after {}", age::took(took))
                };
                if matches!(headline, "" | "started") { after } else { format!("{headline}, {after}") }
            }
            Some((_, state)) if headline.is_empty() => state.to_owned(),
            _ if headline.is_empty() => "in step".to_owned(),
            _ => headline.to_owned(),
        };
        let mut details = Vec::new();
        if let Key::Service(service) = &line.key {
            let runs = matches!(headline, "" | "started" | "recreated" | "restarted");
            if let Some(address) = self.addresses.get(service).filter(|_| runs) {
                details.push(address.clone());
            }
        }
        let why = line.groups.iter().find(|group| matches!(group.action, Action::Recreate | Action::Remove));
        if let Some(cause) = why.map(|group| &group.cause).filter(|cause| **cause != Cause::Requested) {
            details.push(format!("({cause})"));
        }
        (words, details.join("  "))
    }

    fn starts(&self, line: &Line) -> bool {
        self.steps(line).any(|step| matches!(step.operation, Operation::Start(_)))
    }

    fn image_done(&self, line: &Line) -> (String, String) {
        for step in self.steps(line) {
            let Some(Status::Done(took, result)) = self.status.get(&step.id) else { continue };
            let took = age::took(*took);
            match (&step.operation, result) {
                (_, StepResult::Tolerated(diagnostic)) => {
                    return ("passed over".to_owned(), format!("({})", diagnostic.what));
                }
                (Operation::Build(_), result) => {
                    let same = matches!(result, StepResult::Image { changed: false, .. });
                    let words = format!("built in {took}{}", if same { ", unchanged" } else { "" });
                    return (words, self.builds.get(&step.id).map(BuildLog::summary).unwrap_or_default());
                }
                (Operation::Pull { .. }, StepResult::Image { changed: false, .. }) => {
                    return ("up to date".to_owned(), String::new());
                }
                (Operation::Pull { .. }, _) => return (format!("pulled in {took}"), String::new()),
                (Operation::RemoveImage { .. }, _) => return ("removed".to_owned(), String::new()),
                _ => {}
            }
        }
        ("tagged".to_owned(), String::new())
    }
}

/// Whether a group is worth a line: it has steps, and is not the one-off container of `run`, whose output speaks for itself.
fn is_told(plan: &Plan, group: &Group) -> bool {
    let mut steps = plan.steps.iter().filter(|step| step.group == group.id).peekable();
    let oneoff = |step: &Step| matches!(&step.operation, Operation::Create(create) if create.oneoff.is_some());
    steps.peek().is_some() && !steps.any(oneoff)
}

/// Ports behind which no browser finds anything: ssh, SQL servers, Redis, queues, caches.
const NOT_HTTP: [u16; 12] = [22, 25, 1433, 1521, 3306, 5432, 5672, 6379, 9092, 11211, 27017, 50051];

/// Where a service's first published port answers on this machine.
fn address(service: &Service) -> Option<String> {
    let port = service.ports.iter().find(|port| {
        port.protocol == crate::model::Protocol::Tcp
            && port.published.as_deref().is_some_and(|published| published.parse::<u16>().is_ok_and(|port| port > 0))
    })?;
    let host = match port.host_ip.as_deref() {
        None | Some("" | "0.0.0.0" | "::") => "127.0.0.1".to_owned(),
        Some(ip) if ip.contains(':') => format!("[{ip}]"),
        Some(ip) => ip.to_owned(),
    };
    let scheme = match port.app_protocol.as_deref() {
        Some(protocol) => format!("{protocol}://"),
        None if NOT_HTTP.contains(&port.target) => String::new(),
        None if port.target == 443 || port.target == 8443 => "https://".to_owned(),
        None => "http://".to_owned(),
    };
    Some(format!("{scheme}{host}:{}", port.published.as_deref()?))
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
