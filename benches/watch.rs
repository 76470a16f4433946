//! What a save costs, as its user waits for it: until it is in the container, until the build begins, until the dashboard tells of it.
//!
//! `DEVBOX_COMPOSE="docker compose" cargo bench --bench watch`, as root on Linux with the engine on this machine, since the container's
//! files are looked at from outside. `DEVBOX_BENCH_ROUNDS` (9), `DEVBOX_BENCH_IMAGE` (busybox) and `DEVBOX_BENCH_FILES` (100000) are optional.
//! Both tools watch at the same time, each a project of its own, and take turns. Prints a table for the README.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends at the first mistake and prints what it measured"
)]

#[path = "support/marker.rs"]
mod marker;
#[path = "support/median.rs"]
mod median;
#[path = "support/screen.rs"]
mod screen;
#[path = "support/tool.rs"]
mod tool;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use devbox::{
    engine::{ConnectOptions, Detail, Engine, Environment},
    model::{ContainerState, ProjectName},
};
use marker::Marker;
use median::median;
use screen::{Screen, must, processor};
use tempfile::TempDir;
use tool::Tool;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long an idle watcher is looked at.
const IDLE: Duration = Duration::from_secs(15);
/// Saves without a change.
const SAVES: u32 = 20;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() {
    let rounds = number("DEVBOX_BENCH_ROUNDS", 9);
    let peer = Tool::compose();
    let tools: Vec<Tool> = [Some(Tool::devbox()), peer].into_iter().flatten().collect();
    println!("| | {} | ratio |", tools.iter().map(|tool| tool.name).collect::<Vec<_>>().join(" | "));
    println!("| --- |{} --- |", " --- |".repeat(tools.len()));
    for services in [1, 10, 50] {
        turns(&tools, services, 0, rounds);
    }
    let files = number("DEVBOX_BENCH_FILES", 100_000);
    turns(&tools, 1, files, rounds);
    println!();
    for (services, files) in [(1, 0), (10, 0), (50, 0), (1, files)] {
        dashboard(services, files, rounds);
    }
}

/// A row of the table: the middle of what each tool took, in milliseconds unless said otherwise.
fn row(what: &str, unit: &str, mut measured: Vec<Vec<f64>>) {
    let middles: Vec<f64> = measured.iter_mut().map(|values| median(values)).collect();
    let shown: Vec<String> = middles.iter().map(|value| format!("{value:.1} {unit}")).collect();
    let ratio = match middles.as_slice() {
        [own, other] => format!("{:.2}", own / other),
        _ => "-".to_owned(),
    };
    println!("| {what} | {} | {ratio} |", shown.join(" | "));
}

/// Both tools at once, in turns.
fn turns(tools: &[Tool], services: usize, files: usize, rounds: usize) {
    let of = match (services, files) {
        (1, 0) => "1 service".to_owned(),
        (_, 0) => format!("{services} services"),
        _ => format!("{files} files"),
    };
    let projects: Vec<Project> = tools.iter().map(|tool| Project::new(tool, services, files)).collect();
    let mut watching: Vec<Watching<'_>> =
        projects.iter().zip(tools).map(|(p, tool)| Watching::start(p, tool)).collect();
    if files > 0 {
        row(&format!("start, {of}"), "ms", watching.iter().map(|watching| vec![watching.started]).collect());
        row(&format!("memory, {of}"), "MB", watching.iter().map(|watching| vec![watching.memory()]).collect());
        let before: Vec<Duration> = watching.iter().map(|watching| processor(watching.child.id())).collect();
        std::thread::sleep(IDLE);
        let used = watching.iter().zip(before).map(|(watching, before)| {
            let used = processor(watching.child.id()).saturating_sub(before);
            vec![used.as_secs_f64() / IDLE.as_secs_f64() * 100.0]
        });
        row(&format!("idle, {of}"), "% of a core", used.collect());
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); tools.len()];
    for round in 0..rounds {
        for (watching, times) in watching.iter_mut().zip(&mut times) {
            times.push(watching.save(round));
        }
    }
    row(&format!("save → in the container, {of}"), "ms", times);
    if files > 0 {
        return;
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); tools.len()];
    for round in 0..rounds.min(7) {
        for (watching, times) in watching.iter_mut().zip(&mut times) {
            times.push(watching.rebuild(round));
        }
    }
    row(&format!("save → build begins, {of}"), "ms", times);
    let before = processor(watching[0].child.id());
    let builds = watching[0].project.marker.count();
    for _ in 0..SAVES {
        watching[0].project.save_again();
        std::thread::sleep(Duration::from_millis(50));
    }
    let used = processor(watching[0].child.id()).saturating_sub(before);
    assert_eq!(watching[0].project.marker.count(), builds, "the same bytes again build nothing");
    let each = used.as_secs_f64() * 1000.0 / f64::from(SAVES);
    println!("| save of the same bytes to a file of a rebuild rule, {of}: devbox's processor time | {each:.2} ms |");
}

/// What only the dashboard has: a notice, and a rebuild because of a manifest.
fn dashboard(services: usize, files: usize, rounds: usize) {
    let project = Project::new(&Tool::devbox(), services, files);
    let run = |arguments: &[&str]| must(Tool::devbox().command(project.folder.path(), arguments).status());
    assert!(run(&["up", "-d"]).success(), "the services start");
    let running = |text: &str| text.contains("running") && text.contains("[1 Logs]");
    let (mut screen, _) = Screen::open(project.folder.path(), &[], running);
    screen.send("4");
    screen.until("the rules", |text| text.contains("develop.watch: watching"));
    let before = screen.processor();
    screen.watch(IDLE);
    let used = screen.processor().saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
    let memory = resident(screen.pid());
    println!("dashboard, {services} services, {files} files: {:.2} % of a core idle, {memory:.0} MB", used * 100.0);
    let mut times = Vec::new();
    for round in 0..rounds {
        let version = format!("9.{round:03}");
        let saved = Instant::now();
        project.write("ctx/requirements.txt", &format!("flask=={version}\n"));
        times.push(since(saved, screen.until("the notice", |text| text.contains(&format!("→ {version}")))));
        screen.watch(Duration::from_millis(300));
    }
    println!("save of requirements.txt → notice on the screen: {:.1} ms (median of {rounds})", median(&mut times));
    drop(screen);
    let (mut screen, _) = Screen::open(project.folder.path(), &["--on-change", "rebuild"], running);
    screen.send("4");
    screen.until("the rules", |text| text.contains("develop.watch: watching"));
    // It finds that the image is older than the manifest, and builds.
    project.settled(&mut screen);
    let mut times = Vec::new();
    for round in 0..rounds.min(7) {
        let (asked, before) = (project.marker.count(), project.container("s0").1);
        let saved = Instant::now();
        project.write("ctx/requirements.txt", &format!("flask==10.{round:03}\n"));
        times.push(since(saved, project.marker.after(asked)));
        must(project.until(|| Some(project.container("s0").1).filter(|id| *id != before)));
        project.settled(&mut screen);
    }
    println!("save of requirements.txt → its build begins (on_change: rebuild): {:.1} ms", median(&mut times));
}

fn since(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1000.0
}

/// Memory of a process, in MB.
fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Services that run, the first one built, each with a folder of its own that is synced.
struct Project {
    name: String,
    folder: TempDir,
    marker: Marker,
}

impl Project {
    fn new(tool: &Tool, services: usize, files: usize) -> Self {
        let image = std::env::var("DEVBOX_BENCH_IMAGE").unwrap_or_else(|_| "busybox".to_owned());
        let name = format!("devbox-bench-watch-{}-{}", tool.name.to_lowercase(), std::process::id());
        let project = Self { folder: must(tempfile::tempdir()), marker: Marker::new(), name };
        let mut file = format!("name: {}\nservices:\n", project.name);
        for number in 0..services {
            // The probe proves a rebuilt container within a second or two.
            let (what, rebuild) = match number {
                0 => (
                    "build: ./ctx\n    healthcheck: {test: [CMD, 'true'], interval: 1s}".to_owned(),
                    ", {action: rebuild, path: ./ctx/version}",
                ),
                _ => (format!("image: {image}"), ""),
            };
            let _ = write!(
                file,
                "  s{number}:\n    {what}\n    command: [sleep, '100000']\n    stop_signal: SIGKILL\n    develop: {{watch: [{{action: sync, path: ./src{number}, target: /srv}}{rebuild}]}}\n",
            );
            project.write(&format!("src{number}/a.txt"), "start");
        }
        project.write("compose.yaml", &file);
        let address = project.marker.address();
        project.write(
            "ctx/Dockerfile",
            &format!("FROM {image}\nADD {address} /marker\nCOPY requirements.txt version /\nRUN true\n"),
        );
        project.write("ctx/version", "start");
        project.write("ctx/requirements.txt", "flask==start\n");
        for number in 0..files {
            project.write(&format!("src0/{}/{}/f{number}.txt", number / 10_000, number / 100), "");
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        must(path.parent().map_or(Ok(()), fs::create_dir_all));
        must(fs::write(path, text));
    }

    /// Asks until there is an answer.
    fn until<T>(&self, mut probe: impl FnMut() -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = probe() {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(format!("waited {PATIENCE:?} in vain in {}", self.name));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// Where the files of a service's container are seen from outside, and the container's id.
    fn container(&self, service: &str) -> (PathBuf, String) {
        let name = must(ProjectName::new(&self.name));
        let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
        let look = || {
            runtime.block_on(async {
                let environment = Environment::new(std::env::vars_os(), 0);
                let options = ConnectOptions { environment, ..ConnectOptions::default() };
                let engine = Engine::connect(&options).await.ok()?;
                let observed = engine.observe_name(&name, Detail::Listing).await.ok()?;
                let mut running = observed.containers.into_iter();
                let container = running
                    .find(|container| container.service == *service && container.state == ContainerState::Running)?;
                let pid = engine.inspect(&container.id).await.ok()?.pid?;
                Some((PathBuf::from(format!("/proc/{pid}/root")), container.id.to_string()))
            })
        };
        must(self.until(look))
    }

    /// Lets the dashboard do what it has to do, until no build has begun for a while.
    fn settled(&self, screen: &mut Screen) {
        loop {
            let before = self.marker.count();
            screen.watch(Duration::from_secs(5));
            if self.marker.count() == before {
                return;
            }
        }
    }

    fn save_again(&self) {
        let text = must(fs::read_to_string(self.folder.path().join("ctx/version")));
        self.write("ctx/version", &text);
    }
}

impl Drop for Project {
    /// Leaves nothing on the engine, also after a failure.
    fn drop(&mut self) {
        let _ = Tool::devbox().command(self.folder.path(), &["down", "--rmi", "local"]).status();
        let image = format!("{}-s0:devbox-before", self.name);
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(async {
                let environment = Environment::new(std::env::vars_os(), 0);
                let options = ConnectOptions { environment, ..ConnectOptions::default() };
                if let Ok(engine) = Engine::connect(&options).await {
                    let _ = engine.remove_image(&image).await;
                }
            });
        }
    }
}

/// A tool that watches a project.
struct Watching<'p> {
    project: &'p Project,
    tool: &'p Tool,
    child: Child,
    /// Milliseconds from its start until it watches, with the services up.
    started: f64,
    last: usize,
}

impl<'p> Watching<'p> {
    fn start(project: &'p Project, tool: &'p Tool) -> Self {
        let folder = project.folder.path();
        let up = must(tool.command(folder, &["up", "-d", "--build"]).output());
        assert!(up.status.success(), "{}: {}", tool.name, String::from_utf8_lossy(&up.stderr));
        let log = folder.join("watch.log");
        let out = must(fs::File::create(&log));
        let mut command: Command = tool.command(folder, &["watch", "--no-up"]);
        command.stdout(must(out.try_clone())).stderr(out).stdin(Stdio::null());
        let began = Instant::now();
        let child = must(command.spawn());
        let last = must(fs::read_to_string(folder.join("compose.yaml"))).matches("image: ").count();
        let mut watching = Self { project, tool, child, started: 0.0, last };
        let ready = |text: &str| text.contains("watching ") || text.contains("Watch enabled");
        let at =
            watching.until("it watches", || ready(&fs::read_to_string(&log).unwrap_or_default()).then(Instant::now));
        watching.started = since(began, at);
        // What it does at the beginning is over when a save arrives.
        watching.save(usize::MAX);
        watching
    }

    fn until<T>(&self, what: &str, probe: impl FnMut() -> Option<T>) -> T {
        self.project.until(probe).unwrap_or_else(|why| {
            let said = fs::read_to_string(self.project.folder.path().join("watch.log")).unwrap_or_default();
            panic!("{}: {what}: {why}\n{said}", self.tool.name);
        })
    }

    /// Saves a file of the last service; the milliseconds until it is in the container.
    fn save(&mut self, round: usize) -> f64 {
        let service = format!("s{}", self.last);
        let inside = self.project.container(&service).0.join("srv/a.txt");
        // Not in step with anybody's timer.
        std::thread::sleep(Duration::from_millis(300 + (round as u64 % 7) * 37));
        let text = format!("round {round}");
        let saved = Instant::now();
        self.project.write(&format!("src{}/a.txt", self.last), &text);
        since(saved, self.until("the save", || (read(&inside) == text).then(Instant::now)))
    }

    /// Saves the file of the rebuild rule; the milliseconds until the builder asks for the marker. Waits for the new container.
    fn rebuild(&mut self, round: usize) -> f64 {
        let (_, before) = self.project.container("s0");
        let count = self.project.marker.count();
        std::thread::sleep(Duration::from_millis(700 + (round as u64 % 7) * 37));
        let saved = Instant::now();
        self.project.write("ctx/version", &format!("round {round}"));
        let began = self.project.marker.after(count);
        self.until("the new container", || Some(self.project.container("s0").1).filter(|id| *id != before));
        std::thread::sleep(Duration::from_secs(2));
        since(saved, began)
    }

    fn memory(&self) -> f64 {
        resident(self.child.id())
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::INT));
        let _ = self.child.wait();
    }
}
